"""Audits of recognisers: embeddings in, rates by group out."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facegap.exported import exported_name
from facegap.groups import group_values
from facegap.measure.recognisers import measure_recogniser
from facegap.settings.measure import Intervals
from facegap.settings.models import Groups, Model, Verification
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED, MEASURES
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES

PERSONS, PICTURES, WIDTH = 120, 4, 16


def measured(folder: Path, alike: float, few: int = 0) -> pd.DataFrame:
    """The estimates of a recogniser to which persons of group B are so much `alike`.

    The first `few` persons are group C, of whom one alone has several pictures with an embedding.
    """
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(PERSONS), PICTURES)
    group = np.where(person < few, "C", np.where(person % 2, "B", "A"))
    ids = [f"face{k}" for k in range(len(person))]
    table = pd.DataFrame({"face_id": ids, "path": ids, "split": "test", "group": group})
    table = table.assign(subject_id=person.astype(str), gender="male", age=np.nan, race_raw=None)
    write_table(table, folder / "faces.parquet", FACES)
    numbers = {name: 0.0 for name in MEASURES.columns if name not in ("face_id", "aligned")}
    measures = table[["face_id"]].assign(**numbers, aligned=True).assign(faces=1)
    write_table(measures, folder / "measures.parquet", MEASURES)
    write_table(table[["face_id"]].assign(row=range(len(ids))), folder / "al.parquet", ALIGNED)
    write_table(pd.DataFrame(columns=list(LABELS.columns)), folder / "labels.parquet", LABELS)
    own = rng.normal(size=(PERSONS, WIDTH))
    own[1::2, 0] += alike  # a direction that all of group B share
    vectors = own[person] + rng.normal(0, 0.6, (len(person), WIDTH))
    names = [exported_name("faces", face, 1) for face in ids]
    given = vectors.astype(np.float32)
    single = (person > 1) & (person < few) & (np.arange(len(person)) % PICTURES > 0)
    gives = ~single & (np.arange(len(person)) >= 5)
    names, given = [name for name, own in zip(names, gives, strict=True) if own], given[gives]
    np.savez(folder / "out.npz", face=np.array(names), vector=given)
    arguments: dict[str, Any] = {
        name: folder / f"{name}.parquet" for name in ("faces", "measures", "labels", "estimates")
    }
    measure_recogniser(
        **arguments,
        outputs=folder / "out.npz",
        aligned=folder / "al.parquet",
        study="study",
        model=Model(kind="recogniser", outputs="out.npz", dataset="faces"),
        audited="ours",
        sides={"inside": "A", "outside": "B"},
        groups=Groups(by=["group"], crossings=[["group", "gender"]], tones=0),
        verification=Verification(pairs=20_000, false_match_rate=0.01, set_on="group: A"),
        intervals=Intervals(),
        seed=1,
    )
    return read_table(folder / "estimates.parquet", ESTIMATES)


def test_a_group_whose_persons_are_alike_has_more_false_matches(tmp_path: Path) -> None:
    for name, alike in (("unlike", 0.0), ("alike", 2.5)):
        (tmp_path / name).mkdir()
        table = measured(tmp_path / name, alike)
        rates = table[
            (table["quantity"] == "model performance") & (table["metric"] == "false match rate")
        ].set_index("group")["estimate"]
        assert rates["group: A"] <= 0.01, "where the threshold is set"
        tests = table[table["quantity"] == "group against the others"].set_index("group")
        own = tests[tests["metric"] == "false match rate"]
        assert set(own.index) == {"group: A", "group: A × gender: male"}, "of two the first"
        assert (own["adjusted_p"] == (2 * own["p"]).clip(upper=1)).any(), "over both factors"
        test = own.loc["group: A"]
        if name == "alike":
            assert rates["group: B"] > 4 * rates["group: A"]
            assert test["adjusted_p"] < 0.05
            assert test["high"] < 1
        else:
            assert test["adjusted_p"] > 0.05
    assert [group_values(name) for name in table["group"]], "every name can be taken apart"
    (lost,) = table.loc[table["quantity"] == "missing outputs", ["estimate", "faces"]].to_numpy()
    assert lost.tolist() == [5, PERSONS * PICTURES]
    assert {"all", "by: group"} < set(
        table.loc[table["quantity"] == "verification threshold", "group"]
    )
    curve = table[table["quantity"] == "detection error trade-off"]
    falling = curve[curve["group"] == "group: A"].sort_values("threshold")
    assert falling["share"].is_monotonic_decreasing
    assert falling["estimate"].is_monotonic_increasing


def test_pairs_without_a_vector_bound_the_rate(tmp_path: Path) -> None:
    """Nothing was given for the four pictures of a person of A, and for one of a person of B."""
    found = measured(tmp_path, 0.0)
    rates = found[found["metric"] == "false non-match rate"]
    known = rates[rates["quantity"] == "model performance"].set_index("group")["estimate"]
    bounds = rates[rates["quantity"] == "performance with missing outputs"].set_index("group")
    given = {"all": (711, 720), "group: A": (354, 360), "group: B": (357, 360)}
    assert set(given) <= set(bounds.index)
    for group, (pairs, total) in given.items():
        wrong = known[group] * pairs
        assert bounds["low"][group] == pytest.approx(wrong / total)
        assert bounds["high"][group] == pytest.approx((wrong + total - pairs) / total)


def test_a_rate_of_few_persons_with_several_pictures_is_not_shown(tmp_path: Path) -> None:
    table = measured(tmp_path, 0.0, few=40)
    own = table[table["quantity"] == "model performance"].set_index(["metric", "group"])
    assert own.loc[("false match rate", "group: C"), "estimate"] >= 0, "many persons, many pairs"
    row = own.loc[("false non-match rate", "group: C")]
    assert row.isna()["estimate"], "of one person's pictures"
    assert row["answers"] > 0
    tests = table[table["quantity"].isin(["group against the others", "ratio of groups"])]
    assert "false non-match rate" not in set(tests[tests["group"] == "group: C"]["metric"])
    assert "group: C" not in set(
        table.loc[table["quantity"] == "detection error trade-off", "group"]
    )
