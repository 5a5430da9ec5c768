"""People label the target: serve the pages, see the progress, close a round, publish the labels."""

import argparse
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from sqlalchemy import Engine

from facegap import seeds, tables
from facegap.annotate import rounds
from facegap.annotate.publish import publish
from facegap.annotate.sample import sample_of
from facegap.annotate.site import Album, site
from facegap.answers import format_of, read_answers
from facegap.config import complete
from facegap.crops import Crops
from facegap.errors import ConfigError, DataError
from facegap.web.serve import serve
from facegap.web.store import connect

log = logging.getLogger(__name__)
TERMS = (
    "The pictures stay with their owners, under the terms of their collection ({licence}). Do not"
    " save them, pass them on, or try to find out who is shown."
)


@dataclass(frozen=True)
class Study:
    """One study's configuration and where its files lie."""

    config: dict[str, Any]

    @property
    def results(self) -> Path:
        """The folder of the study's results."""
        return Path(self.config["results"], self.config["study"])

    def given(self, name: str) -> Path:
        """A file of the user's, below data_root."""
        return Path(self.config["data_root"]) / name

    def made(self, place: str, rule: str) -> Path:
        """A file that the workflow makes; a `DataError` says how, where it is not there yet."""
        path = self.results / place
        if not path.exists():
            raise DataError(f"{path} does not exist; make it with: snakemake {rule}")
        return path

    def people(self, of_round: str) -> dict[str, dict[str, Any]]:
        """Who answers in a round on the page, by name: the entries with a file of answers."""
        if of_round == "adjudication":
            path = self.config["annotate"]["adjudication"]
            return {"adjudicator": {"answers": path}} if path else {}
        group: dict[str, dict[str, Any]] = (
            self.config["annotate"]["annotators"]
            if of_round == "labelling"
            else self.config["partition"]["verification"]
        )
        return {name: entry for name, entry in group.items() if "answers" in entry}


def add(parser: argparse.ArgumentParser) -> None:
    """Give the stage's parser its subcommands."""
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        words = (run.__doc__ or "").split("\n")[0]
        made = commands.add_parser(name, help=words, description=run.__doc__)
        made.add_argument("--config", type=Path, default=Path("config/config.yaml"))
        made.set_defaults(command=run)
        return made

    def with_database(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made.add_argument(
            "--database",
            help="SQLite file or postgresql:// URL; else annotations/<study>.sqlite in data_root",
        )
        return made

    served = with_database(command("serve", serve_pages))
    served.add_argument("--host", default="127.0.0.1")
    served.add_argument("--port", type=int, default=8001)
    served.add_argument("--root-path", default="", help="path below which a proxy serves it")
    served.add_argument("--new-links", action="store_true", help="give everybody a new link")
    with_database(command("status", print_status))
    closed = with_database(command("close", close_round))
    closed.add_argument("round", choices=rounds.ROUNDS)
    closed.add_argument("--unfinished", action="store_true", help="leave unanswered faces out")
    closed.add_argument("--reopen", action="store_true", help="take answers again")
    with_database(command("import", import_answers))
    exported = command("export", export_labels)
    exported.add_argument("--to", type=Path, required=True, help="folder to publish")


def serve_pages(given: argparse.Namespace) -> None:
    """Serve the labelling and adjudication pages, and print each person's link once.

    Who labels is in the config (annotate.annotators, annotate.adjudication and
    partition.verification, entries with `answers`). The page takes up where everybody was.
    """
    study, engine = _opened(given)
    album = _album(study)
    fresh = _seated(study, engine, album, anew=given.new_links)
    root = "/" + given.root_path.strip("/") if given.root_path.strip("/") else ""
    host = f"[{given.host}]" if ":" in given.host else given.host
    for (of_round, name), token in fresh.items():
        print(f"{of_round}\t{name}\thttp://{host}:{given.port}{root}/a/{token}/", flush=True)
    faces = study.results / "acquire/target/faces.parquet"
    licence = tables.about(faces).get("licence") or "see the collection"
    app = site(
        engine,
        album,
        boundary=study.config["boundary"],
        sides=study.config["sides"],
        terms=TERMS.format(licence=licence),
        root_path=given.root_path,
    )
    serve(app, given.host, given.port)


def print_status(given: argparse.Namespace) -> None:
    """Print how far everybody is."""
    _, engine = _opened(given)
    for of_round in rounds.ROUNDS:
        state = "closed" if rounds.is_closed(engine, of_round) else "open"
        for seat in rounds.seats(engine, of_round):
            done, total = rounds.progress(engine, seat)
            print(f"{of_round:<14}{state:<8}{seat.name:<20}{done:>7} of {total}")


def close_round(given: argparse.Namespace) -> None:
    """Take no more answers in a round, and write its answers where the config has them.

    Closing the labelling makes the faces on which annotators differ the adjudicator's.
    """
    study, engine = _opened(given)
    if given.reopen:
        rounds.close(engine, given.round, again=True)
        return
    seats = rounds.seats(engine, given.round)
    if not seats:
        raise DataError(f"nobody has been seated for the {given.round}; see facegap annotate serve")
    behind = [
        f"{seat.name} has {done} of {total}"
        for seat in seats
        for done, total in [rounds.progress(engine, seat)]
        if done < total
    ]
    if behind and not given.unfinished:
        raise DataError(
            f"the {given.round} is not finished: {'; '.join(behind)}. To leave the other faces out:"
            " --unfinished"
        )
    rounds.close(engine, given.round)
    answers = {seat.name: rounds.answers_of(engine, seat) for seat in seats}
    people = study.people(given.round)
    for name, table in _written(given.round, answers).items():
        path = study.given(people[name]["answers"])
        if path.suffix != ".csv":
            raise ConfigError(f"{path}: answers from the page are written as CSV; name a .csv")
        tables.write(table, path, tables.ANSWERS)
        print(f"{path}: {len(table)} answers")
    if given.round == "labelling" and study.people("adjudication"):
        differ = rounds.differing(answers)
        order = pd.DataFrame({"face_id": differ, "showing": 0})
        rounds.seat_people(engine, "adjudication", {"adjudicator": order})
        print(
            f"adjudicator: {len(differ)} faces to decide, by the link from facegap annotate serve"
        )


def import_answers(given: argparse.Namespace) -> None:
    """Bring answers from the files that the config names into the database, to be adjudicated."""
    study, engine = _opened(given)
    album = _album(study)
    _seated(study, engine, album, anew=False)
    for of_round in ("labelling", "verification"):
        people = study.people(of_round)
        for seat in rounds.seats(engine, of_round):
            path = study.given(people[seat.name]["answers"])
            if path.exists():
                table = read_answers(path, format_of(people[seat.name]))
                new = rounds.bring_in(engine, seat, table)
                print(f"{seat.name}: {new} new answers of {len(table)} in {path}")


def export_labels(given: argparse.Namespace) -> None:
    """Write a folder to publish: labels, datasheet, licence, checksums; never an image."""
    study = _study(given)
    publish(
        study.config,
        faces=study.made("acquire/target/faces.parquet", "acquire"),
        labels=study.made("annotate/target/labels.parquet", "annotate"),
        agreement=study.made("annotate/target/agreement.json", "annotate"),
        sides=study.made("partition/target/sides.parquet", "partition"),
        summary=study.made("partition/target/summary.json", "partition"),
        calibration=study.made("partition/target/calibration.json", "partition"),
        folder=given.to,
    )
    print(f"{given.to}: ready to publish; read datasheet.md first")


def _study(given: argparse.Namespace) -> Study:
    try:
        read = yaml.safe_load(given.config.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{given.config}: not readable: {error}") from error
    study = Study(complete(read))
    if study.config["datasets"]["target"]["labels"] != "people":
        raise ConfigError(f"{given.config}: datasets.target.labels is own; nobody is asked")
    return study


def _opened(given: argparse.Namespace) -> tuple[Study, Engine]:
    study = _study(given)
    if not study.people("labelling") and not study.people("verification"):
        raise ConfigError(f"{given.config}: annotate.annotators has nobody with a file of answers")
    place = given.database or study.given(f"annotations/{study.config['study']}.sqlite")
    if isinstance(place, Path):
        place.parent.mkdir(parents=True, exist_ok=True)
    engine = connect(place, rounds.META)
    sample = sample_of(
        tables.read(study.made("acquire/target/faces.parquet", "acquire"), tables.FACES)
    )
    rounds.prepare(engine, sample["face_id"])
    return study, engine


def _album(study: Study) -> Album:
    faces = tables.read(study.made("acquire/target/faces.parquet", "acquire"), tables.FACES)
    aligned = tables.read(study.made("align/target/faces.parquet", "align"), tables.ALIGNED)
    shards = sorted(
        study.made("align/target/none", "align").glob("shard-*.npy"),
        key=lambda path: int(path.stem.removeprefix("shard-")),
    )
    rows = pd.DataFrame({"face_id": aligned["face_id"], "row": range(len(aligned))})
    shown = rows.merge(faces[["face_id", "subject_id", "split"]]).set_index("face_id")
    return Album(shown, Crops(shards))


def _seated(
    study: Study, engine: Engine, album: Album, *, anew: bool
) -> dict[tuple[str, str], str]:
    """Seat everybody in every round that can begin; new tokens by round and name."""
    sampled = album.faces.index[album.faces["split"].isin(["train", "test"])].to_series()
    seed, repeated = study.config["seed"], study.config["annotate"]["repeated"]
    orders = {
        name: rounds.order_of(sampled, repeated, seeds.generator(seed, "annotate", "order", name))
        for name in study.people("labelling")
    }
    nothing = pd.DataFrame({"face_id": [], "showing": []})
    everybody = {
        "labelling": orders,
        "adjudication": dict.fromkeys(study.people("adjudication"), nothing),
    }
    queue = study.results / "partition/target/queue.csv"
    if queue.exists():
        waiting = tables.read(queue, tables.QUEUE)[["face_id"]].assign(showing=0)
        everybody["verification"] = dict.fromkeys(study.people("verification"), waiting)
    return {
        (of_round, name): token
        for of_round, people in everybody.items()
        for name, token in rounds.seat_people(engine, of_round, people, anew=anew).items()
    }


def _written(of_round: str, answers: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The answers as the workflow takes them.

    Of the labelling, faces that everybody has answered; of the adjudication, those with a side.
    """
    if of_round == "adjudication":
        return {name: table[table["side"] != "unsure"] for name, table in answers.items()}
    if of_round == "verification":
        return answers
    first = [set(table["face_id"][table["showing"] == 0]) for table in answers.values()]
    everybody = set.intersection(*first)
    return {name: table[table["face_id"].isin(everybody)] for name, table in answers.items()}
