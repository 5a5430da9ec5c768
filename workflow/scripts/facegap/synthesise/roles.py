"""Which faces of the target train the generator, and which it translates. Paper 3.3 and 3.4."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.attributes import require
from facegap.errors import DataError
from facegap.seeds import generator
from facegap.settings.synthesise import Attributes, Roles
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table, write_table
from facegap.tables.partition import FACE_SIDES
from facegap.tables.synthesise import ROLES

log = logging.getLogger(__name__)


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
    """Write the role of each face that has one (ROLES).

    A share of the inside persons is never trained on; some of their faces are in-domain, as many
    faces of the outside are out-domain. The two have the same numbers of each value of the control,
    and attributes as alike as the faces allow. Raises `DataError` naming the attribute that is
    missing or has one value only, or with the counts when there are too few.
    """
    candidates = _candidates(sides, faces, aligned, attributes)
    rng = generator(seed, "roles")
    inside = candidates[candidates["side"] == "inside"]
    persons = np.sort(inside["subject_id"].unique())
    unseen = rng.permutation(persons)[: round(settings.held_out * len(persons))]
    training = inside[~inside["subject_id"].isin(unseen)]
    _require_both_values(training, attributes.names)
    pool = {
        "in-domain": inside[inside["subject_id"].isin(unseen)],
        "out-domain": candidates[candidates["side"] == "outside"],
    }
    wanted = _numbers(pool, settings.translated)
    matched = [_match(pool, value, n, attributes.names, rng) for value, n in wanted.items()]
    chosen = {
        role: pd.concat([pool[role].loc[pair[k]] for pair in matched])
        for k, role in enumerate(pool)
    }
    parts = {"train": training, **chosen}
    table = pd.concat(part.assign(role=role).sort_values("row") for role, part in parts.items())
    write_table(table[list(ROLES.columns)], roles, ROLES)
    log.info("roles: %s; control: %s", table["role"].value_counts().to_dict(), wanted)
    for name in attributes.names:
        shares = [f"{float(part[name].mean()):.2f}" for part in chosen.values()]
        log.info("share of %s in-domain and out-domain: %s", name, " and ".join(shares))


def _candidates(sides: Path, faces: Path, aligned: Path, attributes: Attributes) -> pd.DataFrame:
    """Faces that have a side, a crop (`row` of it), every attribute and the control."""
    table, control = read_table(faces, FACES), attributes.control
    require(table, attributes.names, faces)
    if control == "gender":
        if table["gender"].isna().all():
            raise DataError(f"{faces}: no values of gender; set synthesise.attributes.control")
        table["control"] = table["gender"]
    else:
        require(table, [control], faces)
        names = {1: control, 0: f"not {control}"}
        table["control"] = pd.to_numeric(table[control]).map(names)
    row = read_table(aligned, ALIGNED).set_index("face_id")["row"]
    side = read_table(sides, FACE_SIDES).set_index("face_id")["side"]
    table = table.assign(row=table["face_id"].map(row), side=table["face_id"].map(side))
    known = table.dropna(subset=["row", "side", "control", *attributes.names])
    if without := len(table.dropna(subset=["row", "side"])) - len(known):
        log.warning("%d faces lack an attribute or the control and are left out", without)
    alone = "face " + known["face_id"]  # of an unknown person: a person of its own
    known = known.assign(row=known["row"].astype(int), subject_id=known["subject_id"].fillna(alone))
    return known.sort_values("row", ignore_index=True)


def _require_both_values(training: pd.DataFrame, attributes: Sequence[str]) -> None:
    for name in attributes:
        if training[name].nunique() < 2:
            value = training[name].iloc[0] if len(training) else "none"
            raise DataError(
                f"synthesise.attributes.names: {name} has one value only ({value}) among the"
                f" {len(training)} faces to train on; take it out"
            )


def _numbers(pool: dict[str, pd.DataFrame], translated: int) -> dict[str, int]:
    """Faces of each value of the control: as even as both domains allow, `translated` in all."""
    counts = {role: part["control"].value_counts() for role, part in pool.items()}
    least = pd.DataFrame(counts).fillna(0).min(axis=1).astype(int).sort_index()
    if least.sum() < translated:
        known = "; ".join(f"{role} {dict(part.sort_index())}" for role, part in counts.items())
        raise DataError(
            f"synthesise.roles.translated: {translated} faces of each side are wanted,"
            f" {least.sum()} possible ({known or 'none'}); lower it, raise"
            " synthesise.roles.held_out or use more faces"
        )
    numbers = dict.fromkeys(map(str, least.index), 0)
    for _ in range(translated):
        open_ = [value for value in numbers if numbers[value] < least[value]]
        numbers[min(open_, key=lambda value: numbers[value])] += 1
    return {value: count for value, count in numbers.items() if count}


def _match(
    pool: dict[str, pd.DataFrame],
    value: str,
    count: int,
    attributes: Sequence[str],
    rng: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """`count` faces of each domain with the control `value`, matched on attributes.

    Pairs that agree in all attributes come first, by chance among them, then pairs that differ
    in one, and so on. Returned are the faces' index labels.
    """
    parts = [part[part["control"] == value] for part in pool.values()]
    patterns, members = zip(*(_by_pattern(part, attributes, rng) for part in parts), strict=True)
    apart = (patterns[0][:, None] != patterns[1][None]).sum(-1)
    taken: tuple[list[int], list[int]] = ([], [])
    for distance in range(len(attributes) + 1):
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
    faces: pd.DataFrame, attributes: Sequence[str], rng: np.random.Generator
) -> tuple[NDArray[np.int8], list[list[int]]]:
    """The patterns of attributes (p, a) that occur, and the faces of each in random order."""
    values = faces[list(attributes)].to_numpy(np.int8)
    patterns, which = np.unique(values, axis=0, return_inverse=True)
    shuffled = rng.permutation(len(faces))
    labels = faces.index.to_numpy()
    return patterns, [labels[shuffled[which[shuffled] == k]].tolist() for k in range(len(patterns))]
