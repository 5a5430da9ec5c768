"""Which faces of the target train the generator, and which it translates. Paper 3.3 and 3.4."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.attributes import require
from facegap.errors import DataError
from facegap.parts import persons_of
from facegap.seeds import generator
from facegap.settings.synthesise import Attributes, Roles
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.base import DOMAINS, SIDES, read_table, write_table
from facegap.tables.partition import FACE_SIDES
from facegap.tables.synthesise import ROLES

log = logging.getLogger(__name__)
REFERENCE = "reference"  # further real faces of the persons of either measured set


def assign_roles(
    *,
    sides: Path,
    faces: Path,
    aligned: Path,
    roles: Path,
    attributes: Attributes,
    settings: Roles,
    seed: int,
) -> None:
    """Write the role of each face that has one (ROLES), and what was left out, as metadata.

    Persons are the unit. Those of one side alone may be measured: a share of the inside ones, and
    as many of the outside but at most half of them, since the others train the networks that
    measure. Of their faces, equally many are in-domain and out-domain, with the same numbers of
    each value of the control, and attributes as alike as the faces allow; the rest is `REFERENCE`.
    All other inside faces train, those of persons who have faces on both sides too; with
    `settings.training_faces` so many pairs of one inside and one outside, of persons of one side
    alone, matched as the measured are. Raises `DataError` naming the attribute that is missing or
    has one value only, or with the counts when there are too few.
    """
    candidates, values = _candidates(sides, faces, aligned, attributes)
    rng = generator(seed, "roles")
    measurable = candidates[~candidates["both"]]
    if settings.contentious == "left out":
        measurable = measurable[measurable["provenance"] != "contentious"]
    inside = candidates[candidates["side"] == "inside"]
    unseen = _unseen(inside, measurable, settings.held_out, rng)
    others = candidates[~candidates["subject_id"].isin(unseen)]
    pairs = _training(others, values, settings, generator(seed, "training_pairs"))
    pool = {
        role: measurable[(measurable["side"] == side) & measurable["subject_id"].isin(unseen)]
        for role, side in zip(DOMAINS, SIDES, strict=True)
    }
    left_out = {
        "persons on both sides": int(candidates.loc[candidates["both"], "subject_id"].nunique()),
        "their faces": int(candidates["both"].sum()),
        "contentious faces": int((candidates["provenance"] == "contentious").sum()),
    }
    wanted = _numbers(pool, settings.translated, left_out)
    both = list(pool.values())
    matched = [_match(both, value, n, values, rng) for value, n in wanted.items()]
    table = candidates.assign(role=None, pair=pairs.reindex(candidates.index))
    table = table.astype({"role": "str"})
    table.loc[pairs.index, "role"] = "train"
    for k, (role, part) in enumerate(pool.items()):
        table.loc[part.index, "role"] = REFERENCE
        table.loc[[label for pair in matched for label in pair[k]], "role"] = role
    known = table.dropna(subset=["role"])
    parts = [known[known["role"] == role] for role in ("train", *DOMAINS, REFERENCE)]
    about = {"left_out": json.dumps(left_out)}
    write_table(pd.concat(parts)[list(ROLES.columns)], roles, ROLES, about)
    log.info("roles: %s; control: %s", known["role"].value_counts().to_dict(), wanted)
    log.info("not measured: %s", left_out)
    shares = [values.loc[part.index].mean() for part in parts[1:3]]
    for name, own, other in zip(values, *shares, strict=True):
        log.info("share of %s in-domain and out-domain: %.2f and %.2f", name, own, other)


def _unseen(
    inside: pd.DataFrame, measurable: pd.DataFrame, held_out: float, rng: np.random.Generator
) -> NDArray[np.object_]:
    """The persons of both sides who are measured, so that no network learns from them."""
    persons = measurable.groupby("side")["subject_id"].unique()
    alone = {side: rng.permutation(np.sort(persons.get(side, []))) for side in SIDES}
    chosen = alone["inside"][: round(held_out * inside["subject_id"].nunique())]
    most = min(len(chosen), (len(alone["outside"]) + 1) // 2)
    return np.concatenate([chosen, alone["outside"][:most]])


def _candidates(
    sides: Path, faces: Path, aligned: Path, attributes: Attributes
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Faces that have a side, a crop (`row` of it), every attribute and the control; and, row for
    row, the values of their attributes, which may have the names of any column.

    `both` says whether the person has faces on both sides, with or without a crop.
    """
    given, control = read_table(faces, FACES), attributes.control
    require(given, attributes.names, faces)
    row = read_table(aligned, ALIGNED).set_index("face_id")["row"]
    decided = read_table(sides, FACE_SIDES).set_index("face_id")[["side", "provenance"]]
    table = pd.DataFrame(
        {
            "face_id": given["face_id"],
            "subject_id": persons_of(given),
            "row": given["face_id"].map(row),
            "control": _control(given, control, faces),
        }
    ).join(decided, on="face_id")
    table["both"] = table.groupby("subject_id")["side"].transform("nunique") > 1
    placed = table.dropna(subset=["row", "side"])
    values = given.loc[placed.index, attributes.names]
    known = placed[placed["control"].notna() & values.notna().all(axis=1)]
    if without := len(placed) - len(known):
        log.warning("%d faces lack an attribute or the control and are left out", without)
    known = known.astype({"row": int}).sort_values("row")
    ordered = values.loc[known.index].reset_index(drop=True)
    return known.reset_index(drop=True), ordered


def _control(faces: pd.DataFrame, control: str, place: Path) -> pd.Series:
    """The value of the control of each of `faces` (FACES), in words."""
    if control != "gender":
        require(faces, [control], place)
        return pd.to_numeric(faces[control]).map({1: control, 0: f"not {control}"})
    if faces["gender"].isna().all():
        raise DataError(f"{place}: no values of gender; set synthesise.attributes.control")
    return faces["gender"]


def _require_both_values(training: pd.DataFrame) -> None:
    """Of the attributes of the faces to train on."""
    for name in training:
        if training[name].nunique() < 2:
            value = training[name].iloc[0] if len(training) else "none"
            raise DataError(
                f"synthesise.attributes.names: {name} has one value only ({value}) among the"
                f" {len(training)} faces to train on; take it out"
            )


def _training(
    others: pd.DataFrame, values: pd.DataFrame, settings: Roles, rng: np.random.Generator
) -> "pd.Series[int]":
    """The faces of `others` that train (the index), and the pair of each, if they are paired."""
    if settings.training_faces is None:
        training = others.index[others["side"] == "inside"]
        _require_both_values(values.loc[training])
        return pd.Series(pd.NA, index=training, dtype="Int64")
    sure = others[~others["both"] & (others["provenance"] != "contentious")]
    return _pairs(sure, settings.training_faces, values, rng)


def _pairs(
    others: pd.DataFrame, count: int, values: pd.DataFrame, rng: np.random.Generator
) -> "pd.Series[int]":
    """The number of its pair, from 0 on in random order, of each face that trains.

    `count` pairs of a face inside and one outside of `others`, of each value of the control in
    proportion to what both sides have. Raises `DataError` with the counts of too few.
    """
    parts = [others[others["side"] == side] for side in SIDES]
    known = pd.DataFrame(
        {side: part["control"].value_counts() for side, part in zip(SIDES, parts, strict=True)}
    )
    known = known.fillna(0).astype(int).sort_index()
    least = known.min(axis=1)
    if least.sum() < count:
        raise DataError(
            f"synthesise.roles.training_faces: {count} faces of each side are wanted,"
            f" {least.sum()} possible ({known.to_dict()}), beside those of measured persons; lower"
            " it, or use more faces"
        )
    exact = least * count / least.sum()
    wanted = exact.astype(int)
    wanted[(exact - wanted).nlargest(count - wanted.sum()).index] += 1
    taken: tuple[list[int], list[int]] = ([], [])
    for value, number in wanted.items():
        for own, more in zip(taken, _match(parts, str(value), number, values, rng), strict=True):
            own += more
    for own in taken:
        _require_both_values(values.loc[own])
    apart = (values.loc[taken[0]].to_numpy() != values.loc[taken[1]].to_numpy()).any(1)
    log.info("of %d pairs that train, %d differ in an attribute", count, apart.sum())
    order = rng.permutation(count)
    return pd.Series(np.tile(order, 2), index=[*taken[0], *taken[1]], dtype="Int64")


def _numbers(
    pool: dict[str, pd.DataFrame], translated: int, left_out: dict[str, int]
) -> dict[str, int]:
    """Faces of each value of the control: as even as both domains allow, `translated` in all."""
    counts = {role: part["control"].value_counts() for role, part in pool.items()}
    least = pd.DataFrame(counts).fillna(0).min(axis=1).astype(int).sort_index()
    if least.sum() < translated:
        known = "; ".join(f"{role} {part.sort_index().to_dict()}" for role, part in counts.items())
        persons = {role: part["subject_id"].nunique() for role, part in pool.items()}
        raise DataError(
            f"synthesise.roles.translated: {translated} faces of each side are wanted,"
            f" {least.sum()} possible ({known}), of {persons['in-domain']} persons inside and"
            f" {persons['out-domain']} outside; among all faces: {left_out}. Lower it, raise"
            " synthesise.roles.held_out (which needs as many persons outside, beside as many that"
            " train the attribute classifier) or use more faces"
        )
    numbers = dict.fromkeys(map(str, least.index), 0)
    for _ in range(translated):
        open_ = [value for value in numbers if numbers[value] < least[value]]
        numbers[min(open_, key=lambda value: numbers[value])] += 1
    return {value: count for value, count in numbers.items() if count}


def _match(
    pool: Sequence[pd.DataFrame],
    value: str,
    count: int,
    values: pd.DataFrame,
    rng: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """`count` faces of each part with the control `value`, matched on their attributes' `values`.

    Pairs that agree in all attributes come first, by chance among them, then pairs that differ
    in one, and so on. Returned are the faces' index labels.
    """
    parts = [part[part["control"] == value] for part in pool]
    patterns, members = zip(
        *(_by_pattern(values.loc[part.index], rng) for part in parts), strict=True
    )
    apart = (patterns[0][:, None] != patterns[1][None]).sum(-1)
    taken: tuple[list[int], list[int]] = ([], [])
    for distance in range(values.shape[1] + 1):
        pairs: list[tuple[int, int]] = []
        for i, j in np.argwhere(apart == distance):
            number = min(len(members[0][i]), len(members[1][j]))
            pairs += [(members[0][i].pop(), members[1][j].pop()) for _ in range(number)]
        chosen = rng.permutation(len(pairs))[: count - len(taken[0])]
        for k in np.sort(chosen):
            taken[0].append(pairs[k][0])
            taken[1].append(pairs[k][1])
        if len(taken[0]) == count:
            break
    return taken


def _by_pattern(
    values: pd.DataFrame, rng: np.random.Generator
) -> tuple[NDArray[np.int8], list[list[int]]]:
    """The patterns of attributes (p, a) that occur, and the faces of each in random order."""
    patterns, which = np.unique(values.to_numpy(np.int8), axis=0, return_inverse=True)
    shuffled = rng.permutation(len(values))
    labels = values.index.to_numpy()
    return patterns, [labels[shuffled[which[shuffled] == k]].tolist() for k in range(len(patterns))]
