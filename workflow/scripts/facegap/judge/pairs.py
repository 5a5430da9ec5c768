"""Pairs of synthesised faces to compare, blinded: one in-domain, one out-domain. Paper 3.4."""

import hashlib
import io
import logging
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
from PIL import Image

from facegap import seeds, tables
from facegap.errors import DataError
from facegap.files import whole, write_json

log = logging.getLogger(__name__)
T = TypeVar("T")

EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in the zip: the time of writing would be noise
COARSE = 12  # blocks across the degraded side of an attention pair: no face can be told in them
ORDERS = 50  # tries to put pairs in an order in which nobody comes twice running
SIDES = ("left", "right")
IMAGES = ("left_image", "right_image", "left_original", "right_original")


@dataclass(frozen=True)
class Design:
    """How many pairs each participant is shown, and of which kind.

    `attention` and `repeats` are shares of `pairs`, shown beside them; `training` comes first.
    With `overlap` everybody compares the same pairs, in an order and on sides of their own.
    """

    participants: int
    pairs: int
    overlap: bool = False
    attention: float = 0.0
    repeats: float = 0.0
    training: int = 0

    def kinds(self, rng: np.random.Generator) -> list[str]:
        """What each position shows: attention pairs anywhere, repeats in the second half."""
        attention, repeats = round(self.attention * self.pairs), round(self.repeats * self.pairs)
        total = self.pairs + attention + repeats
        kinds = np.full(total, "compared", dtype=object)
        kinds[rng.choice(np.arange(-(-total // 2), total), repeats, replace=False)] = "repeat"
        kinds[rng.choice(np.flatnonzero(kinds == "compared"), attention, False)] = "attention"
        return ["training"] * self.training + kinds.tolist()


def pair_outputs(
    translations_parquet: Sequence[str | Path],
    translations_npy: Sequence[str | Path],
    pairs_parquet: str | Path,
    persons_parquet: str | Path,
    sheet_json: str | Path,
    images_zip: str | Path,
    key_parquet: str | Path,
    persons_key_parquet: str | Path,
    *,
    synthesis_seeds: Sequence[int],
    study: str,
    participants: int,
    pairs: int,
    overlap: bool,
    attention: float,
    repeats: float,
    training: int,
    familiarity: int,
    criteria: bool,
    break_every: int,
    seed: int,
) -> None:
    """Write what participants see, and apart from it the key of what it is.

    They see the pairs (PAIRS), persons to recognise (PERSONS; at most `familiarity` a side and
    participant), the sheet (what the page is to ask) and images by blinded id; KEY and
    PERSONS_KEY are for the analysis. `translations_parquet` (TRANSLATIONS) and `translations_npy`
    (uint8 (n, s, s, 3) RGB) have a file for each of `synthesis_seeds`. Raises `DataError` with the
    counts when they cannot give everybody their pairs.
    """
    outputs = pd.concat(
        [
            tables.read(path, tables.TRANSLATIONS).assign(seed=which)
            for which, path in zip(synthesis_seeds, translations_parquet, strict=True)
        ],
        ignore_index=True,
    )
    changed = outputs[(outputs["kind"] == "translation") & outputs["control"].notna()]
    design = Design(participants, pairs, overlap, attention, repeats, training)
    drawn = draw_pairs(changed, design, seeds.generator(seed, "judge", "pairs"))
    drawn = _with_originals(drawn, outputs)
    rng = seeds.generator(seed, "judge", "blinding")
    blinded, key = blind(drawn, rng)
    places = _places(blinded, key)
    persons, persons_key = _persons(drawn, places, familiarity, rng)
    tables.write(blinded, pairs_parquet, tables.PAIRS)
    tables.write(persons, persons_parquet, tables.PERSONS)
    tables.write(key, key_parquet, tables.KEY)
    tables.write(persons_key, persons_key_parquet, tables.PERSONS_KEY)
    digest = hashlib.sha256("\n".join(blinded["pair_id"]).encode()).hexdigest()[:16]
    write_json(
        {"study": study, "pairs": digest, "criteria": criteria, "break_every": break_every},
        sheet_json,
    )
    arrays = dict(zip(synthesis_seeds, translations_npy, strict=True))
    _write_images(places, arrays, images_zip)
    log.info("%d pairs of %d persons", len(key), len(set(key["left_subject"])))


def draw_pairs(outputs: pd.DataFrame, design: Design, rng: np.random.Generator) -> pd.DataFrame:
    """A row a pair, in the order each participant sees them.

    `outputs` (TRANSLATIONS and their `seed`) are all translations to choose from. Both of a pair
    come from one seed and share attribute, value and control. For each participant the control's
    values are as frequent as each other, the in-domain output is left in half of each one's
    compared pairs, no pair comes twice but for repeats (sides exchanged), and nobody is seen in
    two pairs running. Cells (seed, attribute, value) and persons that were shown least come first.
    """
    outputs = outputs.sort_values(["seed", "row"], ignore_index=True)
    stock = _Stock.of(outputs, rng)
    controls = sorted(stock.cells)
    stock.require(controls, -(-design.pairs // max(len(controls), 1)))
    shown: list[pd.DataFrame] = []
    common: list[_Shown] | None = None
    for number in range(1, design.participants + 1):
        walk = _Walk(number, design, stock, controls, common)
        rows = walk.run()
        if design.overlap and common is None:
            common = [row for row in rows if row.kind == "compared"]
        shown.append(_sided(pd.DataFrame(rows), rng).assign(participant=f"participant-{number}"))
    return _described(pd.concat(shown, ignore_index=True), outputs)


def blind(drawn: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pairs as participants get them (PAIRS), and the key (KEY), by pair id.

    Ids are random tokens: neither they nor any order of the files knows of a side or of a kind.
    """
    ids = np.array(_tokens(len(drawn), rng))
    left = drawn["in_left"]
    sides = {
        f"{side}_{what}": drawn[f"in_{what}"].where(left == (side == "left"), drawn[f"out_{what}"])
        for what in ("row", "original_row", "subject")
        for side in SIDES
    }
    key = pd.DataFrame(
        {
            "pair_id": ids,
            "kind": drawn["kind"],
            "comparison": drawn["comparison"],
            "repeats": [None if pd.isna(row) else ids[int(row)] for row in drawn["repeats"]],
            "degraded": drawn["degraded"],
            "seed": drawn["seed"],
            "left_domain": np.where(left, "in-domain", "out-domain"),
            **sides,
        }
    )
    shown = {name: _shown(key, name) for name in IMAGES}
    images = list(dict.fromkeys(place for places in shown.values() for place in places))
    tokens = dict(zip(images, _tokens(len(images), rng), strict=True))
    pairs = drawn[["participant", "position", "attribute", "value", "control"]].assign(
        pair_id=ids,
        training=drawn["kind"] == "training",
        **{name: [tokens[place] for place in places] for name, places in shown.items()},
    )
    return pairs[list(tables.PAIRS.columns)], key.sort_values("pair_id", ignore_index=True)


class _Shown(NamedTuple):
    """One position of one participant; outputs are rows of the table of all outputs."""

    position: int
    kind: str
    control: str
    in_output: int
    out_output: int
    repeats: int | None  # the position, of the same participant, that this repeats


class _Walk:
    """The pairs of one participant, one after another."""

    def __init__(
        self,
        number: int,
        design: Design,
        stock: "_Stock",
        controls: Sequence[str],
        common: Sequence[_Shown] | None,
    ) -> None:
        self.number, self.design, self.stock = number, design, stock
        self.controls, self.common, self.rng = controls, common, stock.rng

    def run(self) -> list[_Shown]:
        """Their rows; where few persons are left for the last ones, another order is tried."""
        for _ in range(ORDERS):
            rows = self._once()
            if len(rows) == self.total:
                return rows
        control = self.order[-1] if self.order else self.controls[0]
        raise DataError(
            f"judge.pairs: participant {self.number} has {len(rows)} of {self.total} pairs and no"
            f" further one with control {control} and two other persons than the pair before;"
            f" {self.stock.counts(control)}. Ask for fewer pairs, or raise synthesise.translated."
        )

    def _once(self) -> list[_Shown]:
        kinds = self.design.kinds(self.rng)
        self.total = len(kinds)
        wanted = {
            kind: list(self.rng.permutation(np.resize(self.rng.permutation(self.controls), count)))
            for kind, count in Counter(kinds).items()
        }
        left = list(self.common or [])
        rows: list[_Shown] = []
        seen = {(row.in_output, row.out_output) for row in left}
        for position, kind in enumerate(kinds):
            before = self._persons(rows[-1]) if rows else set()
            self.order = [str(wanted[kind].pop())]
            found = (
                self._again(rows, before, position)
                if kind == "repeat"
                else self._common(left, before, position)
                if kind == "compared" and self.common
                else self._new(kind, position, seen, before)
            )
            if found is None:
                return rows
            seen.add((found.in_output, found.out_output))
            rows.append(found)
        return rows

    def _new(
        self, kind: str, position: int, seen: set[tuple[int, int]], before: set[str]
    ) -> _Shown | None:
        pair = self.stock.take(self.order[0], seen, before)
        return _Shown(position, kind, self.order[0], *pair, None) if pair else None

    def _common(self, left: list[_Shown], before: set[str], position: int) -> _Shown | None:
        fit = [row for row in left if not self._persons(row) & before]
        if not fit:
            return None
        chosen = fit[int(self.rng.integers(len(fit)))]
        left.remove(chosen)
        return chosen._replace(position=position)

    def _again(self, rows: list[_Shown], before: set[str], position: int) -> _Shown | None:
        """An earlier pair once more, from the first half where that can be."""
        done = {row.repeats for row in rows}
        fit = [
            row
            for row in rows
            if row.kind == "compared"
            and row.position not in done
            and not self._persons(row) & before
        ]
        fit = [row for row in fit if row.position < len(rows) / 2] or fit
        if not fit:
            return None
        first = fit[int(self.rng.integers(len(fit)))]
        return first._replace(position=position, kind="repeat", repeats=first.position)

    def _persons(self, row: _Shown) -> set[str]:
        return {self.stock.subject[row.in_output], self.stock.subject[row.out_output]}


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


def _sided(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """`rows` of a participant with their sides, and the side that attention pairs spoil.

    The in-domain output is left in half of the compared pairs of each control value; a repeat has
    its sides exchanged.
    """
    left = np.zeros(len(rows), dtype=bool)
    for _, alike in rows[rows["kind"] != "repeat"].groupby(["kind", "control"]):
        chosen = rng.permutation(alike.index)[: (len(alike) + int(rng.integers(2))) // 2]
        left[chosen] = True
    again = rows["repeats"].notna().to_numpy()
    left[again] = ~left[rows.loc[again, "repeats"].astype(int)]
    spoiled = rng.permutation(np.resize(SIDES, (rows["kind"] == "attention").sum()))
    degraded = pd.Series(None, index=rows.index, dtype=object)
    degraded[rows["kind"] == "attention"] = spoiled
    return rows.assign(in_left=left, degraded=degraded)


def _described(shown: pd.DataFrame, outputs: pd.DataFrame) -> pd.DataFrame:
    """`shown` with what the key and the participants need to know of both outputs."""
    one, two = (
        outputs.loc[shown[column]].reset_index(drop=True) for column in ("in_output", "out_output")
    )
    starts = shown.index - shown["position"]  # where the rows of each one's participant begin
    return shown.drop(columns=["in_output", "out_output"]).assign(
        repeats=shown["repeats"] + starts,  # a row of this table from here on
        comparison=one["seed"].astype(str)
        + "-"
        + one["row"].astype(str)
        + "-"
        + two["row"].astype(str),
        seed=one["seed"],
        attribute=one["attribute"],
        value=one["value"],
        in_row=one["row"],
        out_row=two["row"],
        in_face=one["face_id"],
        out_face=two["face_id"],
        in_subject=one["subject_id"],
        out_subject=two["subject_id"],
    )


def _with_originals(drawn: pd.DataFrame, outputs: pd.DataFrame) -> pd.DataFrame:
    """`drawn` with the rows of the original faces, which are shown above what was made of them."""
    originals = outputs[outputs["kind"] == "original"].drop_duplicates(["seed", "face_id"])
    rows = originals.set_index(["seed", "face_id"])["row"]
    found = {}
    for side in ("in", "out"):
        names = pd.MultiIndex.from_frame(drawn[["seed", f"{side}_face"]])
        values = rows.reindex(names).to_numpy()
        if np.isnan(values.astype(float)).any():
            lost = names[np.flatnonzero(np.isnan(values.astype(float)))[0]]
            raise DataError(f"the translations of seed {lost[0]} hold no original of {lost[1]}")
        found[f"{side}_original_row"] = values.astype(int)
    return drawn.assign(**found)


def _persons(
    drawn: pd.DataFrame, places: dict[str, "_Place"], familiarity: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who each participant is asked to recognise: PERSONS and PERSONS_KEY.

    Persons of the compared pairs, at most `familiarity` of each side, in an order by chance.
    """
    rows = []
    compared = drawn[drawn["kind"] == "compared"]
    for participant, theirs in compared.groupby("participant", sort=False):
        asked = []
        for side in ("in", "out"):
            known = theirs.drop_duplicates(f"{side}_subject")
            picked = known.iloc[rng.permutation(len(known))[:familiarity]]
            asked += [
                (f"{side}-domain", subject, which, row)
                for subject, which, row in zip(
                    picked[f"{side}_subject"],
                    picked["seed"],
                    picked[f"{side}_original_row"],
                    strict=True,
                )
            ]
        order = rng.permutation(len(asked))
        rows += [(participant, place, *asked[i]) for place, i in enumerate(order)]
    table = pd.DataFrame(
        rows, columns=["participant", "position", "domain", "subject_id", "seed", "row"]
    )
    tokens = {place: token for token, place in places.items()}
    faces = [tokens[_Place(*at, False)] for at in zip(table["seed"], table["row"], strict=True)]
    table = table.assign(person_id=_tokens(len(table), rng), image=faces)
    key = table.sort_values("person_id", ignore_index=True)
    return table[list(tables.PERSONS.columns)], key[list(tables.PERSONS_KEY.columns)]


def _tokens(count: int, rng: np.random.Generator) -> list[str]:
    tokens: dict[str, None] = {}
    while len(tokens) < count:
        tokens[rng.bytes(8).hex()] = None
    return list(tokens)


class _Place(NamedTuple):
    """Where the pixels of an image are, and whether they are to be spoiled."""

    seed: int
    row: int
    degraded: bool


def _shown(key: pd.DataFrame, name: str) -> list[_Place]:
    """Where the image in column `name` of the pairs is, a pair after another."""
    side, what = name.split("_")
    rows = key[f"{side}_row" if what == "image" else f"{side}_original_row"]
    spoiled = (key["degraded"] == side) & (what == "image")
    return [_Place(*place) for place in zip(key["seed"], rows, spoiled, strict=True)]


def _places(pairs: pd.DataFrame, key: pd.DataFrame) -> dict[str, _Place]:
    """Of every image of the pairs, by its blinded id."""
    both = pairs.merge(key, on="pair_id")
    return {
        token: place
        for name in IMAGES
        for token, place in zip(both[name], _shown(both, name), strict=True)
    }


def _write_images(
    places: dict[str, _Place], images: dict[int, str | Path], images_zip: str | Path
) -> None:
    """A stored zip of `<blinded id>.png`, by id; the ids being random, the order tells nothing."""
    arrays = {which: np.load(path, mmap_mode="r") for which, path in images.items()}
    with whole(images_zip) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for token, place in sorted(places.items()):
            if place.row >= len(arrays[place.seed]):
                raise DataError(
                    f"{images[place.seed]}: has {len(arrays[place.seed])} images, and its table"
                    f" speaks of image {place.row}"
                )
            png = _png(arrays[place.seed][place.row], place.degraded)
            archive.writestr(zipfile.ZipInfo(f"{token}.png", EPOCH), png)


def _png(pixels: np.ndarray, degraded: bool) -> bytes:
    """A PNG of uint8 (s, s, 3) RGB; `degraded` to a few blocks, its colours exchanged."""
    picture = Image.fromarray(pixels)
    if degraded:
        small = picture.resize((COARSE, COARSE), Image.Resampling.BOX)
        picture = small.resize(picture.size, Image.Resampling.NEAREST)
        picture = Image.fromarray(np.asarray(picture)[:, :, ::-1].copy())
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
