"""The commands on a small drawn study: what they write, and what they leave alone."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from human import Opened

from facegap import cli
from facegap.annotate.merge import read_all
from facegap.answer_files import answer_files
from facegap.people.labelling.commands import labelled_study
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table, write_table

FACE_IDS = [f"f{k:02}" for k in range(12)]
DRAWN = {"kind": "drawn", "faces": 12, "split": {"train": 0.5, "test": 0.5}}
ELSEWHERE = {"face": "image", "side": "race", "words": {"inside": ["White"], "outside": ["Black"]}}


def words(flipped: int) -> list[str]:
    """Somebody's words for the faces, of which the first differ from others'."""
    return ["White" if (k + (k < flipped)) % 2 else "Black" for k in range(len(FACE_IDS))]


def as_table(path: Path, flipped: int) -> None:
    rows = [f"{face},{word},a note" for face, word in zip(FACE_IDS, words(flipped), strict=True)]
    path.with_suffix(".csv").write_text("\n".join(["image,race,comment", *rows]))


def as_tasks(path: Path, flipped: int) -> None:
    tasks = [
        {"data": {"image": f"/d/{face}.jpg"}, "annotations": [{"result": [chosen(word)]}]}
        for face, word in zip(FACE_IDS, words(flipped), strict=True)
    ]
    path.with_suffix(".json").write_text(json.dumps(tasks))


def chosen(word: str) -> dict[str, Any]:
    return {"from_name": "race", "value": {"choices": [word]}}


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes the configuration of a study of twelve faces, whose pages can be made."""
    monkeypatch.chdir(tmp_path)
    everybody, parts = [*FACE_IDS, "other"], [*["train", "test"] * 6, "rest"]
    faces = pd.DataFrame({"face_id": everybody, "path": everybody, "split": parts})
    about = dict.fromkeys(("subject_id", "gender", "race_raw"))
    acquired = tmp_path / "results/labels/acquire/target/faces.parquet"
    write_table(faces.assign(age=30.0, **about), acquired, FACES)
    aligned = pd.DataFrame({"face_id": everybody, "row": range(13)})
    write_table(aligned, tmp_path / "results/labels/align/target/faces.parquet", ALIGNED)
    (tmp_path / "data").mkdir()

    def configure(**annotate: Any) -> Path:
        given = {
            "study": "labels",
            "boundary": "group",
            "sides": {"inside": "Round", "outside": "Long"},
            "data_root": "data",
            "datasets": {
                "source": {**DRAWN, "labels": "own"},
                "target": {**DRAWN, "labels": "people"},
            },
            "annotate": {"repeated": 0, **annotate},
        }
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(given))
        return tmp_path / "config.yaml"

    return configure


def run(*arguments: str) -> int:
    return cli.main(["annotate", *arguments, "--config", "config.yaml"])


@pytest.mark.parametrize(("write", "ending"), [(as_table, "csv"), (as_tasks, "json")])
def test_closing_leaves_the_files_that_were_brought_in_as_they_are(
    configured: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    write: Callable[[Path, int], None],
    ending: str,
) -> None:
    for name, flipped in (("w1", 0), ("w2", 3)):
        write(Path("data", name), flipped)
    people = {name: {"answers": f"{name}.{ending}", **ELSEWHERE} for name in ("w1", "w2")}
    config = configured(annotators=people, adjudication="third.csv")
    before = {path: path.read_bytes() for path in Path("data").iterdir()}
    study = labelled_study(config)
    assert len(answer_files(study).answers) == 2
    assert run("import") == 0
    assert run("close", "labelling") == 0
    assert "adjudicator: 3 faces to decide" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in before} == before
    files = answer_files(study)
    assert files.answers == [f"data/annotations/labels/labelling-{name}.csv" for name in people]
    assert {stat.S_IMODE(Path(path).stat().st_mode) for path in files.answers} == {0o600}
    faces = read_table("results/labels/acquire/target/faces.parquet", FACES)
    read = read_all(dict(zip(people, files.answers, strict=True)), study.annotate, faces)
    assert read["w1"]["side"].map({"inside": "White", "outside": "Black"}).tolist() == words(0)
    assert run("close", "labelling") == 0, "again, over its own files"
    assert run("import") == 2
    assert "labelling is closed" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_a_round_stays_open_where_its_answers_cannot_be_written(
    configured: Callable[..., Path], capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    configured(annotators={name: {"answers": f"{name}.csv"} for name in ("ada", "ben")})
    assert run("invite") == 0
    place = Path("data/annotations/labels/labelling-ben.csv")
    place.parent.mkdir()
    Path("mine.csv").write_text("mine")
    if kind == "folder":
        place.mkdir()
    elif kind == "link":
        place.symlink_to(Path("mine.csv").absolute())
    else:
        place.write_text("mine")
    assert run("close", "labelling", "--unfinished") == 2
    assert "labelling-ben.csv: holds something else" in capsys.readouterr().err
    assert Path("mine.csv").read_text() == "mine"
    assert not place.with_name("labelling-ada.csv").exists()
    assert run("status") == 0
    assert "closed" not in capsys.readouterr().out


def test_what_is_brought_in_comes_from_all_files_or_none(
    configured: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    as_table(Path("data/w1"), 0)
    Path("data/w2.csv").write_text("image,race\nother,White\n")
    people = {name: {"answers": f"{name}.csv", **ELSEWHERE} for name in ("w1", "w2")}
    configured(annotators=people)
    assert run("import") == 2
    assert "other is not shown to w2" in capsys.readouterr().err
    assert run("status") == 0
    assert capsys.readouterr().out.count(" 0 of 12") == 2


def test_an_export_is_written_over_and_nothing_else(
    configured: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    configured(annotators={name: {"answers": f"{name}.csv"} for name in ("ada", "ben")})
    assert run("invite") == 0
    assert run("export", "--to", "csv") == run("export", "--to", "csv") == 0
    assert stat.S_IMODE(Path("csv").stat().st_mode) == 0o700
    table = Path("csv/labelling-ben.csv")
    assert stat.S_IMODE(table.stat().st_mode) == 0o600
    table.write_text("face_id,side\nf00,inside\n")
    assert run("export", "--to", "csv") == 2
    assert "labelling-ben.csv: holds something else" in capsys.readouterr().err
    assert table.read_text() == "face_id,side\nf00,inside\n"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_study_of_pairs_stays_open_where_its_answers_cannot_be_written(
    study: Opened, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of = ["--config", str(study.config)]
    given = yaml.safe_load(study.config.read_text())
    given["judge"] = {"responses": "mine.csv"}
    study.config.write_text(yaml.safe_dump(given))
    mine = Path(given["data_root"], "mine.csv")
    mine.parent.mkdir()
    mine.write_text("mine")
    assert cli.main(["judge", "invite", *of]) == 0
    assert cli.main(["judge", "close", *of]) == 2
    assert "holds something else" in capsys.readouterr().err
    assert mine.read_text() == "mine"
    assert cli.main(["judge", "status", *of]) == 0
    assert "closed" not in capsys.readouterr().out
