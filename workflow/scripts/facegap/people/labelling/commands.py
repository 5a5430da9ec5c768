"""People label the target: invite them, serve the pages, see the progress, close, publish."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from facegap.answer_files import round_file
from facegap.answers import few, read_answers, sample_of
from facegap.crops import Crops
from facegap.errors import ConfigError, DataError
from facegap.people.commands import (
    Command,
    adder,
    database_of,
    invite_options,
    print_links,
    print_status,
    results_of,
    serve_options,
    write_answers,
)
from facegap.people.engine import (
    closing,
    items_in,
    open_study,
    reopen,
    seat_in,
    seat_people,
    seats,
    seats_in,
)
from facegap.people.labelling.rounds import (
    FACE,
    KNOWN,
    ROUNDS,
    bring_in,
    differing,
    faces_in,
    given_in,
    known_in,
    order_of,
    subject_of,
    wanting,
    with_known,
    written_of,
)
from facegap.people.labelling.site import Album, site
from facegap.people.web.serve import serve
from facegap.people.web.store import reading, writing
from facegap.seeds import generator
from facegap.settings.annotate import SIDES_ALONE, Person
from facegap.settings.load import read_study
from facegap.settings.study import Study
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.annotate import ANSWERS
from facegap.tables.base import SIDES, metadata, read_table
from facegap.tables.partition import QUEUE

PORT = 8001
TERMS = (
    "The pictures stay with their owners, under the terms of their collection ({licence}). Do not"
    " save them, pass them on, or try to find out who is shown."
)


def add(parser: argparse.ArgumentParser, publish: Command) -> None:
    """The commands of `facegap annotate`; `publish` is the one that belongs to the stage."""
    command = adder(parser)
    invite_options(command("invite", invite_people), PORT)
    serve_options(command("serve", serve_pages), PORT)
    command("status", show_status)
    closed = command("close", close_round)
    closed.add_argument("round", choices=ROUNDS)
    closed.add_argument("--unfinished", action="store_true", help="leave unanswered faces out")
    closed.add_argument("--reopen", action="store_true", help="take answers again")
    command("import", import_answers)
    command("export", export_answers).add_argument("--to", type=Path, required=True, help="folder")
    published = command("publish", publish, database=False)
    published.add_argument("--to", type=Path, required=True, help="a new folder")


def invite_people(given: argparse.Namespace) -> None:
    """Give everybody who has none a secret link, printed once; run it again when a round begins.

    Who labels is in the configuration (annotate.annotators, annotate.adjudication and
    partition.verification, people with `answers`).
    """
    study, engine = _opened(given)
    _seat(study, engine)
    print_links(engine, given)


def serve_pages(given: argparse.Namespace) -> None:
    """Serve the pages, on this machine alone unless --host says otherwise."""
    study, engine = _opened(given)
    licence = metadata(_faces(study)).get("licence") or "see the collection"
    app = site(
        engine,
        album_of(study),
        boundary=study.boundary,
        sides=study.sides.model_dump(),
        terms=TERMS.format(licence=licence),
        each=study.annotate.answers_per_face,
        pseudo_labels=_pseudo_labels(study),
        known=_known(study),
        root_path=given.root_path,
    )
    serve(app, given.host, given.port)


def show_status(given: argparse.Namespace) -> None:
    """Print how far everybody is, and how many of the known faces they have right."""
    study, engine = _opened(given)
    print_status(engine)
    with reading(engine) as connection:
        checks = known_in(connection, _known(study))
    checks = checks[checks["kind"] == KNOWN]
    for name, right in checks["right"].groupby(checks["name"]):
        print(f"{name}: {right.sum()} of {len(right)} known faces right")


def close_round(given: argparse.Namespace) -> None:
    """Take no more answers in a round, and write its answers where the workflow finds them.

    The files of answers that the configuration names stay as they are. Closing the labelling makes
    the faces on which annotators differ the adjudicator's.
    """
    study, engine = _opened(given)
    if given.reopen:
        reopen(engine, given.round)
        return
    adjudicated = given.round == "labelling" and bool(_people(study, "adjudication"))
    each = study.annotate.answers_per_face
    with closing(engine, given.round) as connection:
        _require_finished(connection, study, given)
        answers = given_in(connection, given.round)
        files = {
            Path(round_file(study, given.round, name)): ANSWERS.validate(table)
            for name, table in written_of(answers, given.round, each).items()
        }
        differ = differing(answers, each) if adjudicated else []
        if adjudicated:
            seat_in(connection, "adjudication", {"adjudicator": faces_in(differ)})
        write_answers(connection, files)
    if adjudicated:
        print(f"adjudicator: {len(differ)} faces to decide; their link: facegap annotate invite")


def _require_finished(connection: Connection, study: Study, given: argparse.Namespace) -> None:
    """Raise where a round has nobody, a person who is not done, or one who is not known."""
    seated = seats_in(connection, given.round)
    if not seated:
        raise DataError(f"nobody is invited to the {given.round}; see facegap annotate invite")
    each = study.annotate.answers_per_face if given.round == "labelling" else None
    behind = [
        f"{seat.name} has {seat.answered} of {seat.items}"
        for seat in seated
        if seat.answered < seat.items and each is None
    ]
    if each is not None:
        shown = [item for seat in seated for item in items_in(connection, seat)]
        faces = {item.item for item in shown if item.kind == FACE}
        if count := wanting(given_in(connection, given.round), faces, each):
            behind = [f"{count} of {len(faces)} faces have fewer than {each} answers"]
    if behind and not given.unfinished:
        raise DataError(
            f"the {given.round} is not finished: {'; '.join(behind)}. To leave the other faces out:"
            " --unfinished"
        )
    people = _people(study, given.round)
    if gone := [seat.name for seat in seated if seat.name not in people]:
        raise ConfigError(
            f"{gone[0]} is invited to the {given.round}, and is not in the configuration any more"
        )


def import_answers(given: argparse.Namespace) -> None:
    """Bring answers from the files that the configuration names into the database: all or none."""
    study, engine = _opened(given)
    _seat(study, engine)
    faces = read_table(_faces(study), FACES)
    found = [
        (seat, path, read_answers(path, person, faces))
        for of_round in ("labelling", "verification")
        for seat in seats(engine, of_round)
        if (person := _people(study, of_round).get(seat.name))
        and (path := Path(study.data_root, str(person.answers))).exists()
    ]
    with writing(engine) as connection:
        new = [bring_in(connection, seat, table) for seat, _, table in found]
    for (seat, path, table), count in zip(found, new, strict=True):
        print(f"{seat.name}: {count} new answers of {len(table)} in {path}")


def export_answers(given: argparse.Namespace) -> None:
    """Write the answers as CSV, at any time: a file a round and person."""
    study, engine = _opened(given)
    ours = Path(round_file(study, "labelling", "")).parent
    if given.to.resolve() == ours.resolve():
        raise ConfigError(f"{given.to}: only closing a round writes there; name another folder")
    with writing(engine) as connection:
        files = {
            given.to / f"{of_round}-{name}.csv": table
            for of_round in ROUNDS
            for name, table in given_in(connection, of_round).items()
        }
        if study.annotate.known:
            files[given.to / "known.csv"] = known_in(connection, _known(study))
        write_answers(connection, files)


def album_of(study: Study) -> Album:
    """The pictures of the faces; a `DataError` where some are missing."""
    faces = read_table(_faces(study), FACES)
    aligned = read_table(results_of(study, "align/target/faces.parquet", "align"), ALIGNED)
    folder = results_of(study, "align/target/none", "align")
    shards = sorted(
        folder.glob("shard-[0-9]*.npy"), key=lambda path: int(path.stem.removeprefix("shard-"))
    )
    crops = Crops(shards)
    if len(crops) != len(aligned):  # people would be shown other faces than they are asked about
        raise DataError(
            f"{folder}: the shards have {len(crops)} faces, and align/target/faces.parquet has"
            f" {len(aligned)}; copy both anew, whole, or make them with: snakemake align"
        )
    shown = aligned.merge(faces[["face_id", "subject_id"]]).set_index("face_id")
    return Album(shown, crops)


def labelled_study(path: Path) -> Study:
    """The study in the file at `path`; a `ConfigError` where nobody labels its target."""
    study = read_study(path)
    if study.datasets["target"].labels != "people":
        raise ConfigError(f"{path}: datasets.target.labels is own; nobody is asked")
    return study


def _opened(given: argparse.Namespace) -> tuple[Study, Engine]:
    study = labelled_study(given.config)
    if not _people(study, "labelling") and not _people(study, "verification"):
        raise ConfigError(f"{given.config}: annotate.annotators has nobody with a file of answers")
    subject = subject_of(_sample(study))
    address = database_of(given, study, f"annotations/{study.study}.sqlite")
    return study, open_study(address, "labelling", subject)


def _people(study: Study, of_round: str) -> dict[str, Person]:
    """Who answers in a round on the page, by name: people with a file of answers."""
    if of_round == "adjudication":
        decided = study.annotate.adjudication
        if decided is None:
            return {}
        return {"adjudicator": Person.model_validate({"answers": decided})}
    labelling = of_round == "labelling"
    group = study.annotate.annotators if labelling else study.partition.verification
    return {name: person for name, person in group.items() if person.answers is not None}


def _known(study: Study) -> dict[str, str]:
    """The side of each face that is known, in an order by seed; those that train come first."""
    if study.annotate.known is None:
        return {}
    path = Path(study.data_root, study.annotate.known)
    faces = read_table(_faces(study), FACES)
    given = read_answers(path, Person(answers=study.annotate.known, words=SIDES_ALONE), faces)
    aligned = read_table(results_of(study, "align/target/faces.parquet", "align"), ALIGNED)
    for words, wrong in (
        ("in the sample, which is to be labelled", given["face_id"].isin(_sample(study))),
        ("not aligned, so they cannot be shown", ~given["face_id"].isin(aligned["face_id"])),
    ):
        if wrong.any():
            named = few(given["face_id"][wrong].to_numpy(str))
            raise DataError(f"{path}: {named} {words}; name others")
    if len(given) < study.annotate.training:
        raise DataError(
            f"{path}: {len(given)} faces, and annotate.training asks for {study.annotate.training}"
        )
    order = generator(study.seed, "known_faces").permutation(len(given))
    sides = given["side"].to_numpy()[order]
    return dict(zip(given["face_id"].to_numpy()[order], map(str, sides), strict=True))


def _pseudo_labels(study: Study) -> dict[str, str]:
    """The side that the classifier leans to, of each face that waits for verification."""
    queue = Path(study.results, study.study, "partition/target/queue.csv")
    if not queue.exists():
        return {}
    table = read_table(queue, QUEUE)
    sides = np.where(table["probability"] >= 0.5, *SIDES)
    return dict(zip(table["face_id"], map(str, sides), strict=True))


def _faces(study: Study) -> Path:
    return results_of(study, "acquire/target/faces.parquet", "acquire")


def _sample(study: Study) -> "pd.Series[str]":
    """The ids of the faces to label."""
    return sample_of(read_table(_faces(study), FACES))["face_id"]


def _seat(study: Study, engine: Engine) -> None:
    """Seat everybody in every round that can begin."""
    aligned = read_table(results_of(study, "align/target/faces.parquet", "align"), ALIGNED)
    sample = _sample(study)
    sample = sample[sample.isin(aligned["face_id"])]
    known, orders = list(_known(study)), {}
    for name in _people(study, "labelling"):
        rng = generator(study.seed, "labelling_order", annotator=name)
        order = order_of(sample, study.annotate.repeated, rng)
        orders[name] = with_known(order, known, study.annotate.training, rng)
    seat_people(engine, "labelling", orders)
    seat_people(engine, "adjudication", dict.fromkeys(_people(study, "adjudication"), ()))
    queue = Path(study.results, study.study, "partition/target/queue.csv")
    if queue.exists():
        waiting = faces_in(read_table(queue, QUEUE)["face_id"])
        seat_people(engine, "verification", dict.fromkeys(_people(study, "verification"), waiting))
