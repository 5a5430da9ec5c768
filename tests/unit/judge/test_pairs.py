"""Pairs: alike but for the side of the boundary, balanced, and blind."""

import io
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

from facegap.errors import DataError
from facegap.judge.blinding import blind
from facegap.judge.pairs import pair_outputs
from facegap.judge.sampling import sample_pairs
from facegap.settings.judge import Design
from facegap.tables.base import read_table, write_table
from facegap.tables.judge import KEY, PAIRS, PERSONS, PERSONS_KEY
from facegap.tables.synthesise import TRANSLATIONS


def outputs(persons: int = 6, seeds: int = 2, pictures: int = 2) -> pd.DataFrame:
    """Translations of `persons` a domain and control value, to two values of two attributes."""
    rows = [
        (seed, f"{domain}{control}{person}", picture, domain, control, attribute, value)
        for seed in range(1, seeds + 1)
        for domain in ("in-domain", "out-domain")
        for control in ("male", "female")
        for person in range(persons)
        for picture in range(pictures)
        for attribute in ("Young", "Bangs")
        for value in (0, 1)
        if (person + value) % 2  # a translation changes what the face is not
    ]
    columns = ["seed", "subject_id", "picture", "domain", "control", "attribute", "value"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(
        face_id=table["subject_id"] + "-" + table["picture"].astype(str),
        kind="translation",
        maker="inside",
        row=table.groupby("seed").cumcount(),
        value=table["value"].astype("Int8"),
    )


def sampled(
    table: pd.DataFrame, participants: int = 3, pairs: int = 20, seed: int = 0, **more: Any
) -> pd.DataFrame:
    plain = {"overlap": False, "attention": 0, "repeats": 0, "training": 0}
    design = Design(participants=participants, pairs=pairs, **{**plain, **more})
    return sample_pairs(table, design, np.random.default_rng(seed))


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 30))
def test_laws_of_the_pairs(seed: int, participants: int, count: int) -> None:
    table = outputs()
    pairs = sampled(table, participants, count, seed)
    assert len(pairs) == participants * count
    of = table.set_index(["seed", "row"])
    one, two = (
        of.loc[list(zip(pairs["seed"], pairs[row], strict=True))].reset_index()
        for row in ("in_row", "out_row")
    )
    assert set(one["domain"]) == {"in-domain"}
    assert set(two["domain"]) == {"out-domain"}
    for column in ("seed", "attribute", "value", "control"):
        assert (one[column] == two[column]).all()
        assert (one[column] == pairs[column]).all()
    assert (pairs["in_subject"] == one["subject_id"]).all()
    assert (pairs["out_subject"] == two["subject_id"]).all()
    for _, theirs in pairs.groupby("participant"):
        assert theirs["position"].tolist() == list(range(count))
        assert not theirs.duplicated(["seed", "in_row", "out_row"]).any()
        persons = [set(pair) for pair in zip(theirs.in_subject, theirs.out_subject, strict=True)]
        assert not any(a & b for a, b in pairwise(persons))
        assert np.ptp(theirs["control"].value_counts().reindex(["male", "female"]).fillna(0)) <= 1
        for _, alike in theirs.groupby("control"):
            assert abs(2 * alike["in_left"].sum() - len(alike)) <= 1


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.integers(1, 40), st.booleans())
def test_of_several_makers_everybody_sees_as_many_pairs(
    seed: int, count: int, overlap: bool
) -> None:
    one = outputs(seeds=1)
    table = pd.concat([outputs(), one.assign(maker="mine")], ignore_index=True)
    pairs = sampled(table, 2, count, seed, overlap=overlap)
    for maker, theirs in pairs.groupby("maker"):
        made = table[table["maker"] == maker].set_index(["seed", "row"])
        for side in ("in", "out"):
            of = made.loc[list(zip(theirs["seed"], theirs[f"{side}_row"], strict=True))]
            assert (of["face_id"].to_numpy() == theirs[f"{side}_face"]).all()
    strata = pd.MultiIndex.from_product([["inside", "mine"], ["male", "female"]])
    for _, theirs in pairs.groupby("participant"):
        each = theirs.groupby(["maker", "control"]).size().reindex(strata, fill_value=0)
        assert np.ptp(each) <= 1


@settings(max_examples=10)
@given(st.integers(0, 10**6), st.integers(2, 40), st.floats(0.1, 1))
def test_pairs_of_originals_stand_beside_the_others(seed: int, count: int, share: float) -> None:
    table = outputs(seeds=1)
    originals = table.drop_duplicates("face_id").assign(kind="original", attribute=None, value=None)
    originals["row"] = table["row"].max() + 1 + np.arange(len(originals))
    originals["value"] = pd.array([pd.NA] * len(originals), dtype="Int8")
    together = pd.concat([table, originals], ignore_index=True)
    pairs = sampled(together, 2, count, seed, originals=share)
    untouched = pairs["kind"] == "originals"
    assert pairs["attribute"].isna().equals(untouched)
    assert pairs["value"].isna().equals(untouched)
    kinds = pairs.groupby(["participant", "kind"]).size().unstack(fill_value=0)
    assert (kinds["compared"] == count).all()
    assert (kinds.get("originals", pd.Series(0, kinds.index)) == round(share * count)).all()
    rows = set(originals["row"])
    for column in ("in_row", "out_row"):
        assert pairs[column].isin(rows).equals(untouched)
    for _, theirs in pairs[untouched].groupby("participant"):
        assert np.ptp(theirs["control"].value_counts().reindex(["male", "female"]).fillna(0)) <= 1
        assert not theirs.duplicated(["in_row", "out_row"]).any()
        for _, alike in theirs.groupby("control"):
            assert abs(2 * alike["in_left"].sum() - len(alike)) <= 1


def test_row_order_changes_nothing_and_the_seed_does() -> None:
    table = outputs()
    pd.testing.assert_frame_equal(sampled(table), sampled(table.sample(frac=1, random_state=1)))
    assert not sampled(table).equals(sampled(table, seed=1))


def test_persons_and_combinations_are_shown_about_equally_often() -> None:
    pairs = sampled(outputs(), participants=3, pairs=40)
    for column in ("in_subject", "out_subject"):
        assert pairs[column].value_counts().min() >= 8  # 120 pairs of 12 persons
    shown = pairs.groupby(["control", "seed", "attribute", "value"]).size()
    assert (len(shown), shown.min(), shown.max()) == (16, 7, 8)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (outputs(persons=2, seeds=1, pictures=1), "10 pairs with control female.* 4 are possible"),
        (
            outputs().query("domain == 'in-domain' or control == 'male'"),
            "0 are possible: 48 in-domain and 0 out-domain translations of female by inside in",
        ),
        (outputs(persons=2, pictures=9, seeds=9).query("control == 'male'"), "two other persons"),
        (outputs().query("control == 'none'"), "none with a value of the control"),
    ],
)
def test_too_few_outputs_are_counted(table: pd.DataFrame, message: str) -> None:
    if "two other" in message:
        table = table[table["subject_id"].str.endswith("0")]
    with pytest.raises(DataError, match=message):
        sampled(table)


def test_the_ids_know_nothing_of_the_side() -> None:
    rows = sampled(outputs(100), 5, 200).assign(in_original_row=0, out_original_row=0)
    pairs, key = blind(rows, secret=7)
    together = pairs.merge(key, on="pair_id").sort_values("pair_id", ignore_index=True)
    left = (together["left_domain"] == "in-domain").to_numpy()
    chances = [stats.mannwhitneyu(np.flatnonzero(left), np.flatnonzero(~left)).pvalue]
    for name in ("left_image", "right_image"):
        rank = together[name].rank().to_numpy()
        chances.append(stats.mannwhitneyu(rank[left], rank[~left]).pvalue)
        bits = np.array(
            [[int(c, 16) >> k & 1 for c in token for k in range(4)] for token in together[name]]
        )
        agree = (bits == left[:, None]).mean(0)
        assert abs(agree - 0.5).max() < 4.5 * 0.5 / len(left) ** 0.5
    smaller = (together["left_image"] < together["right_image"]).to_numpy()
    chances.append(stats.binomtest(int((smaller == left).sum()), len(left)).pvalue)
    assert min(chances) > 0.01
    assert pairs["pair_id"].is_unique
    assert not set(pairs["pair_id"]) & set(pairs["left_image"])
    assert set(pairs) == set(PAIRS.columns), "no column of the key is shown"
    assert key["pair_id"].is_monotonic_increasing


DESIGN = Design(
    participants=2, pairs=20, attention=0.1, repeats=0.1, training=2, familiarity=3, break_every=5
)
WRITTEN = {
    **{name: f"{name}.parquet" for name in ("pairs", "persons", "key", "persons_key")},
    "sheet": "sheet.json",
    "images": "images.zip",
}


def pair(folder: Path, where: Path, secret: str | None = None) -> None:
    pair_outputs(
        translations=[folder / "1.parquet", folder / "2.parquet"],
        arrays=[folder / "1.npy", folder / "2.npy"],
        **{name: where / file for name, file in WRITTEN.items()},
        seeds={"inside": [1, 2]},
        settings=DESIGN,
        secret=secret,
        seed=5,
        data_root=folder / "data",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Translations of two seeds with their originals."""
    table, rng = outputs(), np.random.default_rng(0)
    for seed, part in table.groupby("seed"):
        originals = part.drop_duplicates("face_id").assign(kind="original")
        originals = originals.assign(attribute=None, value=pd.array([pd.NA] * len(originals)))
        part = pd.concat([part, originals], ignore_index=True)[list(TRANSLATIONS.columns)]
        part = part.assign(row=range(len(part)))
        write_table(part, tmp_path / f"{seed}.parquet", TRANSLATIONS)
        np.save(tmp_path / f"{seed}.npy", rng.integers(0, 256, (len(part), 24, 24, 3), np.uint8))
    return tmp_path


def test_the_files_and_their_images(folder: Path) -> None:
    for run in ("a", "b"):
        pair(folder, folder / run)
    for name in WRITTEN.values():
        assert (folder / "a" / name).read_bytes() == (folder / "b" / name).read_bytes()
    pairs = read_table(folder / "a/pairs.parquet", PAIRS)
    key = read_table(folder / "a/key.parquet", KEY)
    assert len(pairs) == 2 * (20 + 2 + 2 + 2)
    arrays = {seed: np.load(folder / f"{seed}.npy") for seed in (1, 2)}
    with zipfile.ZipFile(folder / "a/images.zip") as archive:
        assert archive.namelist() == sorted(archive.namelist())

        def pixels(name: str) -> np.ndarray:
            png = Image.open(io.BytesIO(archive.read(f"{name}.png")))
            assert not png.info, "nothing but the picture"
            return np.asarray(png)

        spoiled = 0
        for row in pairs.merge(key, on="pair_id").to_dict("records"):
            for side in ("left", "right"):
                array = arrays[row["seed"]]
                same = (pixels(row[f"{side}_image"]) == array[row[f"{side}_row"]]).all()
                assert same != (row["degraded"] == side)
                spoiled += not same
                face = array[row[f"{side}_original_row"]]
                assert (pixels(row[f"{side}_original"]) == face).all()
        assert spoiled == 4
        persons = read_table(folder / "a/persons.parquet", PERSONS)
        known = persons.merge(read_table(folder / "a/persons_key.parquet", PERSONS_KEY))
        assert known.groupby(["participant", "domain"]).size().tolist() == [3] * 4
        assert {f"{image}.png" for image in persons["image"]} <= set(archive.namelist())
        images = pairs[["left_image", "right_image", "left_original", "right_original"]]
        assert len(archive.namelist()) == len(set(images.to_numpy().ravel()))
    np.save(folder / "2.npy", arrays[2][:5])
    with pytest.raises(DataError, match=r"2\.npy: has 5 images"):
        pair(folder, folder / "c")
    assert not (folder / "c/images.zip").exists()


def test_attention_pairs_and_repeats_stand_beside_the_pairs() -> None:
    rows = sampled(outputs(), 3, 40, attention=0.1, repeats=0.1, training=3)
    for _, theirs in rows.groupby("participant"):
        kinds = theirs["kind"].value_counts()
        assert kinds.to_dict() == {"compared": 40, "attention": 4, "repeat": 4, "training": 3}
        assert (theirs["kind"][:3] == "training").all()
        spoiled = theirs["degraded"].value_counts()
        assert spoiled.to_dict() == {"left": 2, "right": 2}
        assert theirs["degraded"].notna().tolist() == (theirs["kind"] == "attention").tolist()
        persons = [set(pair) for pair in zip(theirs.in_subject, theirs.out_subject, strict=True)]
        assert not any(a & b for a, b in pairwise(persons)), "nobody twice running, repeats too"
        again = theirs[theirs["kind"] == "repeat"]
        first = rows.loc[again["repeats"].astype(int)]
        assert (first["kind"] == "compared").all()
        assert (first["participant"] == again["participant"].iloc[0]).all()
        assert (first["comparison"].to_numpy() == again["comparison"].to_numpy()).all()
        assert (first["in_left"].to_numpy() != again["in_left"].to_numpy()).all()
        assert (again["position"].to_numpy() - first["position"].to_numpy()).min() > 1
        assert again["repeats"].is_unique


def test_overlapping_participants_compare_the_same_pairs_in_their_own_order() -> None:
    rows = sampled(outputs(), 3, 30, overlap=True, attention=0.1, repeats=0.1)
    compared = rows[rows["kind"] == "compared"]
    seen = [part["comparison"].tolist() for _, part in compared.groupby("participant")]
    assert sorted(seen[0]) == sorted(seen[1]) == sorted(seen[2])
    assert seen[0] != seen[1]
    sides = compared.pivot_table(index="comparison", columns="participant", values="in_left")
    assert (sides.nunique(axis=1) > 1).any(), "sides of their own"
    distinct = sampled(outputs(), 3, 30)
    assert distinct["comparison"].nunique() > 60
    for _, theirs in rows.groupby("participant"):
        persons = [set(pair) for pair in zip(theirs.in_subject, theirs.out_subject, strict=True)]
        assert not any(a & b for a, b in pairwise(persons))
