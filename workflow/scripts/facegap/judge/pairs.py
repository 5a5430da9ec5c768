"""Pairs of synthesised faces to compare, blinded: one in-domain, one out-domain. Paper 3.4."""

import io
import logging
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from PIL import Image

from facegap import seeds, tables
from facegap.errors import DataError
from facegap.files import whole

log = logging.getLogger(__name__)
T = TypeVar("T")

EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in the zip: the time of writing would be noise


def pair_outputs(
    translations_parquet: Sequence[str | Path],
    translations_npy: Sequence[str | Path],
    pairs_parquet: str | Path,
    key_parquet: str | Path,
    images_zip: str | Path,
    *,
    synthesis_seeds: Sequence[int],
    participants: int,
    pairs: int,
    seed: int,
) -> None:
    """Write the pairs that people see (PAIRS), their key (KEY), and their images by blinded id.

    `translations_parquet` (TRANSLATIONS) and `translations_npy` (uint8 (n, s, s, 3) RGB) have a
    file for each of `synthesis_seeds`. Raises `DataError` with the counts when they cannot give
    every one of `participants` `pairs` pairs.
    """
    outputs = pd.concat(
        [
            tables.read(path, tables.TRANSLATIONS).assign(seed=which)
            for which, path in zip(synthesis_seeds, translations_parquet, strict=True)
        ],
        ignore_index=True,
    )
    outputs = outputs[(outputs["kind"] == "translation") & outputs["control"].notna()]
    drawn = draw_pairs(outputs, participants, pairs, seeds.generator(seed, "judge", "pairs"))
    blinded, key = blind(drawn, seeds.generator(seed, "judge", "blinding"))
    tables.write(blinded, pairs_parquet, tables.PAIRS)
    tables.write(key, key_parquet, tables.KEY)
    images = dict(zip(synthesis_seeds, translations_npy, strict=True))
    _write_images(blinded, key, images, images_zip)
    log.info("%d pairs of %d persons", len(key), len(set(key["left_subject"])))


def draw_pairs(
    outputs: pd.DataFrame, participants: int, pairs: int, rng: np.random.Generator
) -> pd.DataFrame:
    """A row a pair, in the order each participant sees them.

    `outputs` (TRANSLATIONS and their `seed`) are all translations to choose from. Both of a pair
    come from one seed and share attribute, value and control. For each participant the control's
    values are as frequent as each other, the in-domain output is left in half of each one's
    pairs, no pair comes twice, and nobody is seen in two pairs running. Cells (seed, attribute,
    value) and persons that were shown least come first.
    """
    outputs = outputs.sort_values(["seed", "row"], ignore_index=True)
    stock = _Stock.of(outputs, rng)
    controls = sorted(stock.cells)
    stock.require(controls, -(-pairs // max(len(controls), 1)))
    rows: list[dict[str, Any]] = []
    for number in range(1, participants + 1):
        order = rng.permutation(np.resize(rng.permutation(controls), pairs))
        left = _balanced_sides(order, rng)
        seen: set[tuple[int, int]] = set()
        before: set[str] = set()
        for position, control in enumerate(order):
            pair = stock.take(str(control), seen, before)
            if pair is None:
                raise DataError(
                    f"judge.pairs: participant {number} has {position} of {pairs} pairs and no"
                    f" further one with control {control} and two other persons than the pair"
                    f" before; {stock.counts(str(control))}. Ask for fewer pairs, or raise"
                    " synthesise.translated."
                )
            before = {stock.subject[i] for i in pair}
            seen.add(pair)
            rows.append(
                {
                    "participant": f"participant-{number}",
                    "position": position,
                    "in_output": pair[0],
                    "out_output": pair[1],
                    "in_left": bool(left[position]),
                }
            )
    return _described(pd.DataFrame(rows), outputs)


def blind(drawn: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pairs as participants get them (PAIRS), and the key (KEY), by pair id.

    Ids are random tokens: neither they nor any order of the files knows of a side.
    """
    tokens = np.array(_tokens(3 * len(drawn), rng)).reshape(-1, 3)
    pairs = drawn[["participant", "position", "attribute", "value", "control"]].assign(
        pair_id=tokens[:, 0], left_image=tokens[:, 1], right_image=tokens[:, 2]
    )
    left = drawn["in_left"]
    key = pd.DataFrame(
        {
            "pair_id": tokens[:, 0],
            "seed": drawn["seed"],
            "left_domain": np.where(left, "in-domain", "out-domain"),
            "left_row": drawn["in_row"].where(left, drawn["out_row"]),
            "right_row": drawn["out_row"].where(left, drawn["in_row"]),
            "left_subject": drawn["in_subject"].where(left, drawn["out_subject"]),
            "right_subject": drawn["out_subject"].where(left, drawn["in_subject"]),
        }
    )
    return pairs[list(tables.PAIRS.columns)], key.sort_values("pair_id", ignore_index=True)


class _Cell(NamedTuple):
    """Outputs that may be compared with each other: rows of the table of all outputs."""

    name: str  # of control, seed, attribute and value
    in_domain: list[int]
    out_domain: list[int]


@dataclass
class _Stock:
    """What may still be shown, and how often each cell and person was."""

    cells: dict[str, list[_Cell]]  # by control
    subject: list[str]  # of each output
    rng: np.random.Generator
    shown: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, outputs: pd.DataFrame, rng: np.random.Generator) -> "_Stock":
        cells: dict[str, list[_Cell]] = {}
        alike = outputs.groupby(["control", "seed", "attribute", "value"])
        for name, cell in alike["domain"]:
            rows = [cell.index[cell == side].tolist() for side in ("in-domain", "out-domain")]
            control = str(outputs["control"][cell.index[0]])
            cells.setdefault(control, []).append(_Cell(f"cell {name}", rows[0], rows[1]))
        subject = ("person " + outputs["subject_id"]).tolist()
        return cls(cells, subject, rng)

    def require(self, controls: Sequence[str], needed: int) -> None:
        if not controls:
            raise DataError("judge.pairs: the translations hold none with a value of the control")
        for control in controls:
            possible = sum(len(c.in_domain) * len(c.out_domain) for c in self.cells[control])
            if possible < needed:
                raise DataError(
                    f"judge.pairs: {needed} pairs with control {control} are needed for each"
                    f" participant, and {possible} are possible: {self.counts(control)}. Ask for"
                    " fewer pairs, or raise synthesise.translated."
                )

    def counts(self, control: str) -> str:
        cells = self.cells[control]
        return (
            f"{sum(len(c.in_domain) for c in cells)} in-domain and"
            f" {sum(len(c.out_domain) for c in cells)} out-domain translations of {control} in"
            f" {len(cells)} combinations of seed, attribute and value"
        )

    def take(
        self, control: str, seen: set[tuple[int, int]], before: set[str]
    ) -> tuple[int, int] | None:
        """The least shown pair that is not `seen` and shows nobody of `before`."""
        for cell in self._least_shown(self.cells[control], lambda cell: cell.name):
            one, two = (
                self._least_shown(
                    [row for row in side if self.subject[row] not in before],
                    self.subject.__getitem__,
                )
                for side in (cell.in_domain, cell.out_domain)
            )
            for pair in product(one, two):
                persons = {self.subject[row] for row in pair}
                if pair not in seen and len(persons) == 2:
                    self.shown.update((cell.name, *persons))
                    return pair
        return None

    def _least_shown(self, things: Sequence[T], name: Callable[[T], str]) -> list[T]:
        """`things` by how often what `name` calls them was shown, by chance where equally often."""
        order = self.rng.permutation(len(things))
        return sorted((things[i] for i in order), key=lambda thing: self.shown[name(thing)])


def _balanced_sides(controls: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whether the in-domain output is left, bool (n,): half of the pairs of each control value."""
    left = np.zeros(len(controls), dtype=bool)
    for control in np.unique(controls):
        where = np.flatnonzero(controls == control)
        left[rng.permutation(where)[: (len(where) + int(rng.integers(2))) // 2]] = True
    return left


def _described(pairs: pd.DataFrame, outputs: pd.DataFrame) -> pd.DataFrame:
    """`pairs` with what the key and the participants need to know of both outputs."""
    one, two = (
        outputs.loc[pairs[column]].reset_index(drop=True) for column in ("in_output", "out_output")
    )
    return pairs.drop(columns=["in_output", "out_output"]).assign(
        seed=one["seed"],
        attribute=one["attribute"],
        value=one["value"],
        control=one["control"],
        in_row=one["row"],
        out_row=two["row"],
        in_subject=one["subject_id"],
        out_subject=two["subject_id"],
    )


def _tokens(count: int, rng: np.random.Generator) -> list[str]:
    tokens: dict[str, None] = {}
    while len(tokens) < count:
        tokens[rng.bytes(8).hex()] = None
    return list(tokens)


def _write_images(
    pairs: pd.DataFrame, key: pd.DataFrame, images: dict[int, str | Path], images_zip: str | Path
) -> None:
    """A stored zip of `<blinded id>.png`, by id; the ids being random, the order tells nothing."""
    arrays = {which: np.load(path, mmap_mode="r") for which, path in images.items()}
    both = pairs.merge(key, on="pair_id")
    places = {
        row[f"{side}_image"]: (row["seed"], row[f"{side}_row"])
        for row in both.to_dict("records")
        for side in ("left", "right")
    }
    with whole(images_zip) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for token, (which, row) in sorted(places.items()):
            if row >= len(arrays[which]):
                raise DataError(
                    f"{images[which]}: has {len(arrays[which])} images, and its table speaks of"
                    f" image {row}"
                )
            png = io.BytesIO()
            Image.fromarray(arrays[which][row]).save(png, "PNG")
            archive.writestr(zipfile.ZipInfo(f"{token}.png", EPOCH), png.getvalue())
