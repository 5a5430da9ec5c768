"""Heads of tasks beside the boundary: equal terms for every training, and what is refused."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facegap.attributes import labels_of
from facegap.classify import tasks
from facegap.classify.features import Cached
from facegap.classify.plans import Candidate, Candidates, Preprocessed, TaskPlan
from facegap.classify.tasks import Trained, counts_of, task_set, train_task
from facegap.classify.training import Randomness, Schedule, head_logits, train_heads
from facegap.errors import DataError, TrainingError
from facegap.files import write_json
from facegap.settings.classify import Head, Training
from facegap.tables.acquire import FACES
from facegap.tables.base import SIDES, read_table, write_table
from facegap.tables.classify import ENTRIES, TASK_PREDICTIONS

SETTINGS = Training.model_validate(
    {
        "head": Head(hidden=[16]).model_dump(),
        "head_training": {"epochs": 15, "batch": 8, "rates": {"adam": 0.01}},
        "standardise": True,
    }
)
CPU = torch.device("cpu")
PARTS = ["validation", "test"]


def data_set(
    rng: np.random.Generator, counts: dict[tuple[str, bool], int], own: bool, copies: int = 2
) -> tuple[Cached, "pd.Series[float]"]:
    """So many training faces a stratum and 60 to test on, and the task's label.

    The first feature has the label on the inside; outside another one, if they have their `own`.
    """
    rows = [
        (f"{split}-{side}-{has}-{k}", split, copy, side == "inside", has)
        for split in ("train", "test")
        for (side, has), count in counts.items()
        for k in range(count if split == "train" else 60)
        for copy in (range(1, copies + 1) if split == "train" else [0])
    ]
    table = pd.DataFrame(rows, columns=["face_id", "split", "copy", "inside", "has"])
    table["row"] = pd.factorize(table["face_id"])[0]
    table = table.assign(person=table["face_id"], agreed=True)
    pooled = rng.normal(size=(len(table), 6)).astype(np.float32)
    cue = np.where(table["inside"] | (not own), 0, 1)
    pooled[np.arange(len(table)), cue] += np.where(table["has"], 1.5, -1.5)
    label = table.drop_duplicates("face_id").set_index("face_id")["has"].astype(float)
    return Cached(table[list(ENTRIES.columns)], pooled, pooled), label


STRATA = list(product(SIDES, (True, False)))
SOME = dict(zip(STRATA, (60, 40, 24, 30), strict=True))


@settings(max_examples=40)
@given(
    st.lists(st.integers(20, 60), min_size=8, max_size=8),
    st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.5, 1.0]),
    st.integers(0, 3),
)
def test_every_training_is_on_equal_terms(numbers: list[int], share: float, repeat: int) -> None:
    rng = np.random.default_rng(0)
    sets = {
        name: task_set(*data_set(rng, dict(zip(STRATA, part, strict=True)), own=True), PARTS)
        for name, part in (("source", numbers[:4]), ("target", numbers[4:]))
    }
    counts = counts_of(sets, "Smiling", [0.0, share, 1.0])
    smallest = [
        min(n for (_, has), n in zip(STRATA * 2, numbers, strict=True) if has is which)
        for which in (True, False)
    ]
    assert [counts[True], counts[False]] == smallest
    for name, own in sets.items():
        rows = tasks.sampled(own, "Smiling", Trained(name, share, repeat), counts, 1)
        taken = own.cached.entries.iloc[rows[:, 0]]
        assert rows.shape == (sum(smallest), 2), "as many faces whatever the share"
        assert taken["face_id"].is_unique
        assert (
            own.cached.entries["face_id"].to_numpy()[rows] == taken["face_id"].to_numpy()[:, None]
        ).all()
        for has, count in counts.items():  # `inside` is the label here
            some = taken[taken["inside"] == has]
            outside = some["face_id"].str.contains("outside").sum()
            assert len(some) == count
            assert outside == round(share * count)


def test_with_a_larger_share_faces_are_replaced_and_the_others_stay() -> None:
    own = task_set(*data_set(np.random.default_rng(0), SOME, own=True), PARTS)
    counts = counts_of({"source": own}, "Smiling", [0.0, 0.25, 1.0])
    taken = {
        share: {*tasks.sampled(own, "Smiling", Trained("source", share, 0), counts, 1)[:, 0]}
        for share in (0.0, 0.25, 0.5, 1.0)
    }
    outside = {share: rows & taken[1.0] for share, rows in taken.items()}
    assert outside[0.0] < outside[0.25] < outside[0.5] < outside[1.0]
    assert taken[0.5] - taken[1.0] < taken[0.25] - taken[1.0] < taken[0.0]


def test_all_heads_in_one_program_are_the_heads_one_by_one() -> None:
    rng = np.random.default_rng(0)
    cached, _ = data_set(rng, SOME, own=True)
    rows = np.stack([rng.permutation(cached.rows("train"))[:50] for _ in range(3)])
    plan = [Schedule(5, 16, "adam", 0.01, 0.9)]

    def chance(seed: int) -> Randomness:
        return Randomness(np.random.default_rng(seed), torch.Generator().manual_seed(seed))

    chances = [chance(k) for k in range(3)]
    together = tasks._new_heads(cached, rows, chances, SETTINGS, CPU)
    train_heads(together, cached, chances, plan, ["a", "b", "c"], rows=rows)
    tested = cached.of_parts(["test"])
    for k in range(3):
        own = [chance(k)]
        alone = tasks._new_heads(cached, rows[k : k + 1], own, SETTINGS, CPU)
        train_heads(alone, cached, own, plan, ["a"], rows=rows[k : k + 1])
        one, many = head_logits(alone, cached, tested), head_logits(together, cached, tested)
        np.testing.assert_allclose(many[k], one[0], rtol=1e-3, atol=1e-4)


def written(folder: Path, sets: dict[str, tuple[Cached, "pd.Series[float]"]]) -> dict[str, object]:
    """The files of a job whose data sets these are, and its params."""
    faces = []
    for name, (cached, label) in sets.items():
        (place := folder / "features/vggface/augmented" / name).mkdir(parents=True)
        write_table(cached.entries, place / "entries.parquet", ENTRIES)
        for array in ("boundary", "pooled"):
            np.save(place / f"{array}.npy", cached.pooled)
        known = pd.DataFrame({"face_id": label.index, "path": label.index, "split": "train"})
        known = known.assign(subject_id=known["face_id"], age=np.nan, gender=None, race_raw=None)
        known["Smiling"] = label.to_numpy().astype(int)
        faces.append(folder / f"{name}.parquet")
        write_table(known, faces[-1], FACES)
    write_json({"name": "vggface, augmented, adam/sgd"}, folder / "selected.json")
    return {
        "selected": folder / "selected.json",
        "features": [folder / "features/vggface"],
        "faces": faces,
        "predictions": folder / "tasks.parquet",
        "candidates": Candidates(
            {"vggface": Candidate(32, False)}, {"augmented": Preprocessed("none", None)}
        ),
        "settings": SETTINGS,
        "plan": TaskPlan([0.0, 0.5, 1.0], 3, PARTS, 40),
        "datasets": list(sets),
        "task": "Smiling",
        "threads": 1,
        "seed": 1,
    }


def right(table: pd.DataFrame, share: float, side: str) -> float:
    own = table[(table["share"] == share) & (table["side"] == side)]
    return float(((own["probability"] >= 0.5) == own["positive"]).mean())


def test_who_trains_and_who_tests() -> None:
    """Neither takes part who has no label, or on whose side annotators differ."""
    cached, label = data_set(np.random.default_rng(0), SOME, own=True)
    entries = cached.entries.copy()
    ids = {stem: f"{stem}-inside-True-3" for stem in ("train", "test")}
    entries.loc[entries["face_id"] == "test-inside-True-5", "agreed"] = False
    entries.loc[entries["face_id"].str.endswith("outside-False-7"), "split"] = "validation"
    changed = Cached(entries, cached.boundary, cached.pooled)
    own = task_set(changed, label.where(~label.index.isin(ids.values())), PARTS)
    ids |= {"contentious": "test-inside-True-5"}
    names = entries["face_id"].to_numpy()
    trained = {str(name) for rows in own.trains.values() for name in names[rows].ravel()}
    tested = {str(name) for rows in own.tests.values() for name in names[rows]}
    assert not (trained | tested) & {*ids.values()}
    assert len(trained) == sum(SOME.values()) - 2
    assert {"train-outside-False-7", "test-outside-False-7"} <= tested, "of the validation part"
    assert len(tested) == 240 - 2 + 1


@pytest.mark.parametrize("planted", [True, False])
def test_heads_of_one_side_miss_a_cue_that_the_other_side_has(
    planted: bool, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    sets = {name: data_set(rng, SOME, planted) for name in ("source", "target")}
    job = written(tmp_path, sets)
    train_task(**job)  # type: ignore[arg-type]
    table = read_table(tmp_path / "tasks.parquet", TASK_PREDICTIONS)
    assert len(table) == 2 * 3 * 3 * 2 * 240, "sets, shares, repeats, sets, faces"
    own = right(table, 0, "inside") + right(table, 1, "outside")
    other = right(table, 0, "outside") + right(table, 1, "inside")
    assert own / 2 > 0.85
    assert (own - other > 0.5) == planted
    assert abs(own - other) < 0.1 or planted
    before = (tmp_path / "tasks.parquet").read_bytes()
    train_task(**job)  # type: ignore[arg-type]
    assert (tmp_path / "tasks.parquet").read_bytes() == before


def test_a_set_without_the_label_takes_no_part(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sets = {name: data_set(rng, SOME, own=False) for name in ("source", "target")}
    job = written(tmp_path, sets)
    target = read_table(tmp_path / "target.parquet", FACES)
    write_table(target.drop(columns="Smiling"), tmp_path / "target.parquet", FACES)
    train_task(**job)  # type: ignore[arg-type]
    table = read_table(tmp_path / "tasks.parquet", TASK_PREDICTIONS)
    assert {*table["trained_on"], *table["dataset"]} == {"source"}


def faces(**columns: object) -> pd.DataFrame:
    known = {"age": [30.0, 39.0, 40.0, np.nan], "gender": ["male", "female", None, "male"]}
    return pd.DataFrame({"face_id": list("abcd"), **known, **columns})


def test_labels_are_of_either_data_set() -> None:
    place = Path("faces.parquet")
    labels = labels_of(faces(), "gender", 40, place)
    assert labels is not None
    assert labels.fillna(-1).tolist() == [1, 0, -1, 1]
    labels = labels_of(faces(), "Young", 40, place)
    assert labels is not None
    assert labels.fillna(-1).tolist() == [1, 1, 0, -1]
    given = faces(Young=pd.array([0, 1, None, 0], "Int8"))
    labels = labels_of(given, "Young", 40, place)
    assert labels is not None
    assert labels.fillna(-1).tolist() == [0, 1, -1, 0]
    assert labels_of(faces(), "Smiling", 40, place) is None
    assert labels_of(faces(Smiling=[None] * 4), "Smiling", 40, place) is None
    with pytest.raises(DataError, match=r"faces.parquet: the column age has values other than 0"):
        labels_of(faces(), "age", 40, place)


@pytest.mark.parametrize(
    ("counts", "shares", "words"),
    [
        (
            {**SOME, ("outside", True): 0},
            [0.0, 1.0],
            "source shows 0 training faces and 60 persons",
        ),
        ({**SOME, ("inside", False): 1}, [0.0, 1.0], "that are inside and not Smiling"),
        (SOME, [0.0, 0.01, 1.0], "a share of 0.01 of 24 faces is less than one face"),
        ({**SOME, ("outside", True): 2, ("outside", False): 2}, [0.0, 1.0], "a batch of 8, but 4"),
    ],
)
def test_too_few_faces_are_refused_by_name(
    counts: dict[tuple[str, bool], int], shares: list[float], words: str, tmp_path: Path
) -> None:
    job = written(tmp_path, {"source": data_set(np.random.default_rng(0), counts, own=False)})
    with pytest.raises(TrainingError, match=words):
        train_task(**{**job, "plan": TaskPlan(shares, 2, PARTS, 40)})  # type: ignore[arg-type]


def test_a_label_that_no_set_has_is_refused_by_name(tmp_path: Path) -> None:
    job = written(tmp_path, {"source": data_set(np.random.default_rng(0), SOME, own=False)})
    with pytest.raises(TrainingError, match="no data set has the label Bangs; take it out"):
        train_task(**{**job, "task": "Bangs"})  # type: ignore[arg-type]
