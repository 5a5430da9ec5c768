"""The same picture twice: found by its bytes or its looks, within and across data sets, listed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from facegap.acquire.looks import BITS
from facegap.acquire.near import near
from facegap.tables.acquire import DUPLICATES, OURS

NOT_LABELS = {"path", *OURS}
PAIRS = ["row", "other", "distance", "mirrored", "same_bytes"]


@dataclass(frozen=True)
class Looks:
    """Files and looks of the faces of a data set: a row each."""

    files: NDArray[np.object_]  # (n,) digests of files, None of what was not read
    looks: NDArray[np.uint8]  # (m, 32) hashes of the images that could be decoded
    mirrored: NDArray[np.uint8]  # (m, 32) of their mirror images
    rows: NDArray[np.int64]  # (m,) which rows these are


def looks_of(table: pd.DataFrame) -> Looks:
    """Those of a table SAMPLED."""
    rows = np.flatnonzero(table["look"].notna())
    look, mirrored = (
        np.frombuffer(bytes.fromhex("".join(table[name].iloc[rows])), np.uint8).reshape(
            -1, BITS // 8
        )
        for name in ("look", "mirrored_look")
    )
    files = table["file_digest"].astype(object).where(table["file_digest"].notna(), None).to_numpy()
    return Looks(files, look, mirrored, rows)


def pairs_within(own: Looks, distance: int | None) -> pd.DataFrame:
    """Pairs of rows with the same picture: `row` < `other`, `distance`, `mirrored`, `same_bytes`.

    Those whose files have the same bytes, and, unless `distance` is None, those whose hashes, or
    one's and the other's mirror image's, differ in at most `distance` of 256 bits. Of rows that
    are equal, each stands with the first alone, so that a thousand blank pictures are no half a
    million pairs. Raises `DataError` where a distance finds too many pairs (`near`).
    """
    found = [_equal_files(own.files, own.files)]
    if distance is not None:
        unique, first, back = _unique(own.looks)
        found.append(_pairs(own.rows[first[back]], own.rows, 0, mirrored=False))
        rows = own.rows[first]
        for mirrored, others in ((False, unique), (True, own.mirrored[first])):
            # whose mirror image is taken moves a few bits, so either way counts
            one, other, bits = near(unique, others, distance, ordered=not mirrored)
            found.append(_pairs(rows[one], rows[other], bits, mirrored=mirrored))
    pairs = pd.concat(found, ignore_index=True)
    turned = pairs["row"] > pairs["other"]
    pairs.loc[turned, ["row", "other"]] = pairs.loc[turned, ["other", "row"]].to_numpy()
    return _best(pairs[pairs["row"] != pairs["other"]])


def pairs_across(own: Looks, others: Looks, distance: int | None) -> pd.DataFrame:
    """The same between two data sets: `row` of the one, `other` of the other.

    Each row stands with the first of the others that are equal.
    """
    found = [_equal_files(own.files, others.files)]
    if distance is not None:
        unique, mine, back = _unique(own.looks)
        known, first, _ = _unique(others.looks)
        members = pd.Series(own.rows).groupby(back).agg(list)
        for mirrored, ours, theirs in (
            (False, unique, known),
            (True, unique, others.mirrored[first]),
            (True, own.mirrored[mine], known),
        ):
            one, other, bits = near(ours, theirs, distance)
            rows = members.reindex(one)
            found.append(
                pd.DataFrame(
                    {
                        "row": np.concatenate([[], *rows]).astype(np.int64),
                        "other": np.repeat(others.rows[first][other], rows.map(len)),
                        "distance": np.repeat(bits, rows.map(len)),
                        "mirrored": mirrored,
                        "same_bytes": False,
                    }
                )
            )
    return _best(pd.concat(found, ignore_index=True))


def _unique(
    hashes: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The different hashes, the first row of each, and which of them each row has."""
    if not len(hashes):
        return hashes, np.empty(0, np.int64), np.empty(0, np.int64)
    _, first, back = np.unique(
        np.ascontiguousarray(hashes).view(f"V{BITS // 8}").ravel(),
        return_index=True,
        return_inverse=True,
    )
    return hashes[first], first, back.ravel()


def _equal_files(own: NDArray[np.object_], others: NDArray[np.object_]) -> pd.DataFrame:
    """Each row with the first of `others` whose file has the same bytes."""
    first = pd.Series(range(len(others)), index=others)
    first = first[first.index.notna()]
    first = first[~first.index.duplicated()]
    known = pd.Series(own).map(first).dropna().astype(np.int64)
    rows = np.asarray(known.index, np.int64)
    return _pairs(rows, np.asarray(known, np.int64), 0, mirrored=False, same_bytes=True)


def _pairs(
    rows: NDArray[np.int64],
    others: NDArray[np.int64],
    distance: NDArray[np.int64] | int,
    *,
    mirrored: bool,
    same_bytes: bool = False,
) -> pd.DataFrame:
    columns = (rows, others, distance, mirrored, same_bytes)
    return pd.DataFrame(dict(zip(PAIRS, columns, strict=True)))


def _best(pairs: pd.DataFrame) -> pd.DataFrame:
    """One row a pair: of the same bytes before alike, the nearer before the other."""
    order = ["row", "other", "same_bytes", "distance", "mirrored"]
    up = [True, True, False, True, True]
    ordered = pairs.sort_values(order, ascending=up, ignore_index=True)
    return ordered.drop_duplicates(["row", "other"], ignore_index=True)


def persons(subjects: pd.Series, pairs: pd.DataFrame) -> "pd.Series[str]":
    """Who is on each face for the split: those with a picture in common are taken for one person.

    A face of nobody known is a person of its own.
    """
    own = pd.Series([f"\0{row}" for row in range(len(subjects))], index=subjects.index)
    known, names = pd.factorize(subjects.where(subjects.notna(), own))
    links = coo_matrix(
        (np.ones(len(pairs)), (known[pairs["row"]], known[pairs["other"]])), (len(names),) * 2
    )
    one = connected_components(links, directed=False)[1][known]
    first = pd.Series(names[known]).groupby(one).transform("first")
    return pd.Series(first.to_numpy(), index=subjects.index)


def listed(
    table: pd.DataFrame, others: pd.DataFrame, dataset: str, pairs: pd.DataFrame
) -> pd.DataFrame:
    """Rows of DUPLICATES: each face of `table` with the nearest of `others`, of data set `dataset`.

    `pairs` as of `pairs_within` (then `others` is `table`) or `pairs_across`.
    """
    if within := others is table:
        back = pairs.rename(columns={"row": "other", "other": "row"})
        pairs = pd.concat([pairs, back[pairs.columns]], ignore_index=True)
    order = ["row", "same_bytes", "distance", "mirrored", "other"]
    nearest = pairs.sort_values(order, ascending=[True, False, True, True, True])
    nearest = nearest.drop_duplicates("row")
    labels = [name for name in table if name not in NOT_LABELS] if within else []
    return pd.DataFrame(
        {
            "face_id": table["face_id"].iloc[nearest["row"]].to_numpy(),
            "path": table["path"].iloc[nearest["row"]].to_numpy(),
            "other_dataset": dataset,
            "other": others["face_id"].iloc[nearest["other"]].to_numpy(),
            "distance": nearest["distance"].to_numpy(),
            "mirrored": nearest["mirrored"].to_numpy(),
            "same_bytes": nearest["same_bytes"].to_numpy(),
            "differs": _differences(table[labels], nearest) if within else None,
        },
        columns=list(DUPLICATES.columns),
    )


def _differences(labels: pd.DataFrame, pairs: pd.DataFrame) -> list[str | None]:
    """The labels in which the two faces of each pair differ, joined by +."""
    one, other = (labels.iloc[pairs[name]].reset_index(drop=True) for name in ("row", "other"))
    equal = (one == other).fillna(False) | (one.isna() & other.isna())
    return ["+".join(equal.columns[~row]) or None for row in equal.to_numpy(bool)]


def counts(duplicates: pd.DataFrame, dataset: str, left_out: int) -> Mapping[str, str]:
    """For the metadata of FACES: faces with the same picture within, across, and left out."""
    own = duplicates["other_dataset"] == dataset
    shared = duplicates["face_id"][~own].nunique()
    found = {"duplicates": own.sum(), "shared": shared, "left out": left_out}
    return {name: str(number) for name, number in found.items()}
