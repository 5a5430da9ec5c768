"""Pairs: alike but for the side of the boundary, balanced, and blind."""

import io
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

from facegap import tables
from facegap.errors import DataError
from facegap.judge.pairs import blind, draw_pairs, pair_outputs


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
        row=table.groupby("seed").cumcount(),
        value=table["value"].astype("Int8"),
    )


def drawn(
    table: pd.DataFrame, participants: int = 3, pairs: int = 20, seed: int = 0
) -> pd.DataFrame:
    return draw_pairs(table, participants, pairs, np.random.default_rng(seed))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 30))
def test_laws_of_the_pairs(seed: int, participants: int, count: int) -> None:
    table = outputs()
    pairs = drawn(table, participants, count, seed)
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


def test_row_order_changes_nothing_and_the_seed_does() -> None:
    table = outputs()
    pd.testing.assert_frame_equal(drawn(table), drawn(table.sample(frac=1, random_state=1)))
    assert not drawn(table).equals(drawn(table, seed=1))


def test_persons_and_combinations_are_shown_about_equally_often() -> None:
    pairs = drawn(outputs(), participants=3, pairs=40)
    for column in ("in_subject", "out_subject"):
        assert pairs[column].value_counts().min() >= 8  # 120 pairs of 12 persons
    cells = pairs.groupby(["control", "seed", "attribute", "value"]).size()
    assert (len(cells), cells.min(), cells.max()) == (16, 7, 8)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (outputs(persons=2, seeds=1, pictures=1), "10 pairs with control female.* 4 are possible"),
        (
            outputs().query("domain == 'in-domain' or control == 'male'"),
            "0 are possible: 48 in-domain and 0 out-domain translations of female in 8 combin",
        ),
        (outputs(persons=2, pictures=9, seeds=9).query("control == 'male'"), "two other persons"),
        (outputs().query("control == 'none'"), "none with a value of the control"),
    ],
)
def test_too_few_outputs_are_counted(table: pd.DataFrame, message: str) -> None:
    if "two other" in message:
        table = table[table["subject_id"].str.endswith("0")]
    with pytest.raises(DataError, match=message):
        drawn(table)


def test_the_ids_tell_nothing_of_the_side() -> None:
    pairs, key = blind(drawn(outputs(20), 5, 200), np.random.default_rng(0))
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
    ids = [*pairs["pair_id"], *pairs["left_image"], *pairs["right_image"]]
    assert len(set(ids)) == 3 * len(pairs)
    assert set(pairs) == set(tables.PAIRS.columns), "no column of the key is shown"
    assert key["pair_id"].is_monotonic_increasing


def test_the_files_and_their_images(tmp_path: Path) -> None:
    table = outputs()
    rng = np.random.default_rng(0)
    arrays = {}
    for seed, part in table.groupby("seed"):
        original = part.head(1).assign(kind="original", attribute=None, value=None, row=len(part))
        part = pd.concat([part, original])[list(tables.TRANSLATIONS.columns)]
        tables.write(part, tmp_path / f"{seed}.parquet", tables.TRANSLATIONS)
        arrays[seed] = rng.integers(0, 256, (len(part), 8, 8, 3), dtype=np.uint8)
        np.save(tmp_path / f"{seed}.npy", arrays[seed])
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        pair_outputs(
            [tmp_path / "1.parquet", tmp_path / "2.parquet"],
            [tmp_path / "1.npy", tmp_path / "2.npy"],
            *(tmp_path / run / name for name in ("pairs.parquet", "key.parquet", "images.zip")),
            synthesis_seeds=[1, 2],
            participants=2,
            pairs=10,
            seed=5,
        )
    for name in ("pairs.parquet", "key.parquet", "images.zip"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    pairs = tables.read(tmp_path / "a/pairs.parquet", tables.PAIRS)
    key = tables.read(tmp_path / "a/key.parquet", tables.KEY)
    with zipfile.ZipFile(tmp_path / "a/images.zip") as archive:
        assert archive.namelist() == sorted(archive.namelist())
        assert len(archive.namelist()) == 2 * len(pairs)
        for row in pairs.merge(key, on="pair_id").to_dict("records"):
            for side in ("left", "right"):
                png = Image.open(io.BytesIO(archive.read(f"{row[f'{side}_image']}.png")))
                assert (np.asarray(png) == arrays[row["seed"]][row[f"{side}_row"]]).all()
                assert not png.info, "nothing but the picture"
    np.save(tmp_path / "2.npy", arrays[2][:5])
    with pytest.raises(DataError, match=r"2\.npy: has 5 images"):
        pair_outputs(
            [tmp_path / "1.parquet", tmp_path / "2.parquet"],
            [tmp_path / "1.npy", tmp_path / "2.npy"],
            *(tmp_path / name for name in ("pairs.parquet", "key.parquet", "images.zip")),
            synthesis_seeds=[1, 2],
            participants=2,
            pairs=10,
            seed=5,
        )
    assert not (tmp_path / "images.zip").exists()
