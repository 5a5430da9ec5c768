"""Faces whose side is known: some train annotators, the others check them, none gets a label."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from human import FAST, Labelling
from hypothesis import given
from hypothesis import strategies as st
from labels import CONFIG, MORE, SAMPLE, labelled_study

from facegap import cli
from facegap.people.engine import Item, invite, open_answers, seats
from facegap.people.facts import codes
from facegap.people.labelling.commands import _known, album_of
from facegap.people.labelling.rounds import FACE, KNOWN, TRAINING, with_known
from facegap.people.labelling.site import site
from facegap.settings.load import read_study
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table

TRAIN = 3


@given(st.integers(0, 40), st.integers(0, 12), st.integers(0, 12), st.integers(0, 99))
def test_those_that_train_come_first_and_the_others_change_no_order(
    faces: int, known: int, training: int, seed: int
) -> None:
    order = [Item(f"f{k}", 0, FACE) for k in range(faces)]
    names = [f"k{k}" for k in range(known)]
    mixed = with_known(order, names, training, np.random.default_rng(seed))
    first = min(training, known)
    assert [item.kind for item in mixed[:first]] == [TRAINING] * first
    assert [item for item in mixed if item.kind == FACE] == order
    assert sorted(item.item for item in mixed if item.kind != FACE) == sorted(names)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study of 100 faces to label, and ten more, whose sides are known."""
    labelled_study(tmp_path)
    faces = read_table(tmp_path / "results/labels/acquire/target/faces.parquet", FACES)
    known = faces[SAMPLE:].assign(side=np.where(np.arange(MORE) % 2, "inside", "outside"))
    known[["face_id", "side"]].to_csv(tmp_path / "known.csv", index=False)
    configure(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(folder: Path, **annotate: Any) -> None:
    config = {**CONFIG, "annotate": {**CONFIG["annotate"], "known": "known.csv", "training": TRAIN}}
    config["annotate"] |= annotate
    (folder / "config.yaml").write_text(yaml.safe_dump({**config, "data_root": str(folder)}))


def run(*arguments: str) -> int:
    return cli.main(["annotate", *arguments, "--config", "config.yaml"])


def pages(folder: Path, **more: Any) -> tuple[Labelling, dict[str, str], dict[str, str]]:
    """A client, the links, and the side of each known face, those that train first."""
    study = read_study(Path("config.yaml"))
    assert run("invite") == 0
    engine = open_answers(folder / "annotations/labels.sqlite")
    links = {seat.name: token for seat, token in invite(engine, again=["ada", "ben"])}
    known = _known(study)
    album = album_of(study)
    app = site(
        engine,
        album,
        boundary="b",
        sides=study.sides.model_dump(),
        terms="t",
        known=known,
        limits=FAST,
        **more,
    )
    client = Labelling(app)
    client.codes = codes(engine, album.faces.index)
    return client, links, known


def walk(
    client: Labelling, root: str, say: Callable[[str], str], most: int = 10**6
) -> list[tuple[str, str]]:
    """Answer faces as `say` does, until there are no more; each face, and the page after it."""
    face_of, seen = {code: face for face, code in client.codes.items()}, []
    while len(seen) < most and (
        found := re.search(r'data-face="(\w+)"', client.get(f"{root}next").text)
    ):
        form = {"face": found[1], "showing": "0", "side": say(face_of[found[1]])}
        seen.append((face_of[found[1]], client.post(f"{root}answer", data=form).text))
    return seen


def test_feedback_in_training_and_none_later(folder: Path) -> None:
    client, links, known = pages(folder)
    root = f"/s/{links['ada']}/"
    assert "The first few are to practise on" in client.get(root).text
    page = client.get(f"{root}next").text
    assert "Later" not in page, "feedback comes before the faces that count"
    code = client.codes[next(iter(known))]
    client.post(f"{root}answer", data={"face": code, "showing": "0", "side": "skip"})
    assert client.get(f"{root}next").text == page
    seen = walk(client, root, lambda _: "inside")
    assert [face for face, _ in seen[:TRAIN]] == list(known)[:TRAIN]
    for face, page in seen[:TRAIN]:
        assert ("and so do those who know" in page) == (known[face] == "inside")
        assert ("those who know this face say Long" in page) == (known[face] == "outside")
    for _, page in seen[TRAIN:]:
        assert "those who know" not in page
    assert len(seen) == SAMPLE + MORE
    checks = [k for k, (face, _) in enumerate(seen) if face in known][TRAIN:]
    assert checks[0] < SAMPLE, "among the faces, not at their end"


def test_feedback_is_for_who_has_answered_and_of_training_alone(folder: Path) -> None:
    client, links, known = pages(folder)
    root = f"/s/{links['ada']}/"
    first, *_, last = list(known)
    assert client.get(f"{root}taught/{client.codes[first]}").status_code == 404
    walk(client, root, lambda _: "inside")
    assert client.get(f"{root}taught/{client.codes[first]}").status_code == 200
    assert client.get(f"{root}taught/{client.codes[last]}").status_code == 404
    assert client.get(f"{root}taught/x").status_code == 404


def test_who_is_seated_keeps_the_faces_that_train_them(folder: Path) -> None:
    _, _, known = pages(folder)
    file = folder / "known.csv"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))  # another order
    client, links, other = pages(folder)
    assert list(other)[:TRAIN] != list(known)[:TRAIN]
    seen = walk(client, f"/s/{links['ada']}/", lambda _: "inside")
    taught = [face for face, page in seen if "those who know" in page]
    assert taught == [face for face in list(known)[:TRAIN] if face in other]


def test_known_faces_get_no_label_and_their_answers_are_counted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client, links, known = pages(folder)
    for name in ("ada", "ben"):
        walk(client, f"/s/{links[name]}/", lambda face: known.get(face, "inside"))
    capsys.readouterr()
    assert run("status") == 0
    assert f"ada: {MORE - TRAIN} of {MORE - TRAIN} known faces right" in capsys.readouterr().out
    assert run("close", "labelling") == 0
    written = pd.read_csv(folder / "annotations/labels/labelling-ada.csv", dtype=str)
    assert len(written) == SAMPLE
    assert not set(written["face_id"]) & set(known)
    assert run("export", "--to", "csv") == 0
    table = pd.read_csv(folder / "csv/known.csv", dtype={"face_id": str})
    assert len(table) == 2 * MORE
    assert table["right"].all()
    assert set(table["kind"]) == {TRAINING, KNOWN}


def test_where_faces_are_shared_everybody_is_trained_and_checked(folder: Path) -> None:
    people = {name: {"answers": f"{name}.csv"} for name in ("ada", "ben", "cleo")}
    configure(folder, annotators=people, answers_per_face=2)
    client, links, known = pages(folder, each=2)
    counts = {}
    for name in ("ada", "ben"):
        seen = walk(client, f"/s/{links[name]}/", lambda _: "inside")
        assert [face for face, _ in seen[:TRAIN]] == list(known)[:TRAIN]
        assert set(known) <= {face for face, _ in seen}
        counts[name] = len(seen)
    assert counts == {"ada": SAMPLE + MORE, "ben": SAMPLE + MORE}
    engine = open_answers(folder / "annotations/labels.sqlite")
    assert {seat.name for seat in seats(engine, "labelling")} == set(people)
    assert run("close", "labelling") == 0, "all faces have two answers"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda known, sample: known[:2], "2 faces, and annotate.training asks for 3"),
        (lambda known, sample: pd.concat([known, sample[:1]]), "1 face .* in the sample"),
        (lambda known, sample: known.assign(side="unsure"), "'unsure' is none of"),
        (lambda known, sample: known.assign(face_id="nobody"), "neither the id nor the picture"),
    ],
)
def test_known_faces_that_cannot_be_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], change: Any, words: str
) -> None:
    known = pd.read_csv(folder / "known.csv", dtype=str)
    faces = read_table(folder / "results/labels/acquire/target/faces.parquet", FACES)
    sample = faces[:SAMPLE].assign(side="inside")[["face_id", "side"]]
    change(known, sample).to_csv(folder / "known.csv", index=False)
    assert run("invite") == 2
    assert re.search(words, capsys.readouterr().err)
