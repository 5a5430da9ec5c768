"""Which outputs are compared: one in-domain and one out-domain, alike but for that. Paper 3.4."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd

from facegap.errors import DataError
from facegap.settings.judge import Design
from facegap.tables.base import DOMAINS

T = TypeVar("T")

ORDERS = 50  # tries to put pairs in an order in which nobody comes twice running
SCREEN = ("left", "right")
STRATUM = ["maker", "control"]  # everybody sees as many pairs of each
COMBINATION = [*STRATUM, "seed", "attribute", "value"]  # in which pairs are alike
Stratum = tuple[str, str]
UNTOUCHED = ""  # in place of the attribute that an original has not changed


def sample_pairs(outputs: pd.DataFrame, design: Design, rng: np.random.Generator) -> pd.DataFrame:
    """A row a pair, in the order in which each participant sees them.

    `outputs` (TRANSLATIONS, their `maker` and `seed`) are all translations to choose from, and the
    originals, where pairs of these are asked for. Both of a pair come from one seed of one maker
    and share attribute, value and control. For each participant makers and the control's values are
    as frequent as each other, the in-domain output is left in half of each one's compared pairs, no
    pair comes twice but for repeats (left and right exchanged), and nobody is seen in two pairs
    running. Combinations of seed, attribute and value, and persons, that were shown least come
    first. Of either side there are as many persons and outputs, since how often each is shown would
    tell which side has fewer. Raises `DataError` with the counts where the outputs are too few.
    """
    outputs = outputs.sort_values(["maker", "seed", "row"], ignore_index=True)
    outputs = outputs.fillna({"attribute": UNTOUCHED, "value": -1})
    outputs = _as_many(outputs, rng)
    stock = _Stock.of(outputs, rng)
    stock.require("compared", design.pairs)
    if design.originals:
        stock.require("originals", round(design.originals * design.pairs))
    shown: list[pd.DataFrame] = []
    common: list[_Shown] | None = None
    for number in range(1, design.participants + 1):
        walk = _Walk(number, design, stock, common)
        rows = walk.run()
        if design.overlap and common is None:
            common = [row for row in rows if row.kind == "compared"]
        shown.append(_placed(pd.DataFrame(rows), rng).assign(participant=f"participant-{number}"))
    return _described(pd.concat(shown, ignore_index=True), outputs)


def _as_many(outputs: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """`outputs` without those, at random, of which one side has more than the other.

    Of every stratum as many persons, then of every combination as many outputs. Where
    one side has none nothing is left out, so that the counts can say what is lacking.
    """
    for columns, what in ((STRATUM, "subject_id"), (COMBINATION, "row")):
        left_out = pd.Series(False, index=outputs.index)
        for _, alike in outputs.groupby(columns):
            sides = [alike[alike["domain"] == domain] for domain in DOMAINS]
            fewest = min(side[what].nunique() for side in sides)
            for side in sides if fewest else ():
                things = side[what].unique()
                if len(things) > fewest:
                    chosen = rng.permutation(things)[:fewest]
                    left_out[side.index[~side[what].isin(chosen)]] = True
        outputs = outputs[~left_out]
    return outputs.reset_index(drop=True)


def kinds(design: Design, rng: np.random.Generator) -> list[str]:
    """What each position shows: attention pairs and originals anywhere, repeats from half on."""
    attention, repeats, originals = (
        round(share * design.pairs)
        for share in (design.attention, design.repeats, design.originals)
    )
    total = design.pairs + attention + repeats + originals
    planned = np.full(total, "compared", dtype=object)
    planned[rng.choice(np.arange(-(-total // 2), total), repeats, replace=False)] = "repeat"
    for kind, count in (("attention", attention), ("originals", originals)):
        planned[rng.choice(np.flatnonzero(planned == "compared"), count, False)] = kind
    return ["training"] * design.training + planned.tolist()


class _Shown(NamedTuple):
    """One position of one participant; outputs are rows of the table of all outputs."""

    position: int
    kind: str
    maker: str
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
        common: Sequence[_Shown] | None,
    ) -> None:
        self.number, self.design, self.stock = number, design, stock
        self.common, self.rng = common, stock.rng

    def run(self) -> list[_Shown]:
        """Their rows; where few persons are left for the last ones, another order is tried."""
        for _ in range(ORDERS):
            rows = self._once()
            if len(rows) == self.total:
                return rows
        raise DataError(
            f"judge.design.pairs: participant {self.number} has {len(rows)} of {self.total} pairs"
            f" and no further one with control {self.wanted[1][1]} and two other persons than the"
            f" pair before; {self.stock.counts(*self.wanted)}. Ask for fewer pairs, or raise"
            " synthesise.roles.translated."
        )

    def _once(self) -> list[_Shown]:
        planned = kinds(self.design, self.rng)
        self.total = len(planned)
        coming = {}
        for kind, count in Counter(planned).items():
            strata = sorted(self.stock.of_kind(kind))
            order = self.rng.permutation(np.resize(self.rng.permutation(len(strata)), count))
            coming[kind] = [strata[k] for k in order]
        left = list(self.common or [])
        rows: list[_Shown] = []
        seen = {(row.in_output, row.out_output) for row in left}
        for position, kind in enumerate(planned):
            before = self._persons(rows[-1]) if rows else set()
            self.wanted: tuple[str, Stratum] = kind, coming[kind].pop()
            chosen = (
                self._again(rows, before, position)
                if kind == "repeat"
                else self._common(left, before, position)
                if kind == "compared" and self.common
                else self._new(kind, position, seen, before)
            )
            if chosen is None:
                return rows
            seen.add((chosen.in_output, chosen.out_output))
            rows.append(chosen)
        return rows

    def _new(
        self, kind: str, position: int, seen: set[tuple[int, int]], before: set[str]
    ) -> _Shown | None:
        _, (maker, control) = self.wanted
        pair = self.stock.take(kind, (maker, control), seen, before)
        return _Shown(position, kind, maker, control, *pair, None) if pair else None

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


class _Alike(NamedTuple):
    """Outputs that may be compared with each other: rows of the table of all outputs."""

    name: str  # of maker, control, seed, attribute and value
    in_domain: list[int]
    out_domain: list[int]


@dataclass
class _Stock:
    """What may still be shown, and how often each combination and person was."""

    combinations: dict[Stratum, list[_Alike]]
    untouched: dict[Stratum, list[_Alike]]
    subject: list[str]  # of each output
    rng: np.random.Generator
    shown: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, outputs: pd.DataFrame, rng: np.random.Generator) -> "_Stock":
        combinations: dict[Stratum, list[_Alike]] = {}
        untouched: dict[Stratum, list[_Alike]] = {}
        groups = outputs.groupby(COMBINATION)
        for name, domain in groups["domain"]:
            rows = [domain.index[domain == which].tolist() for which in DOMAINS]
            alike = _Alike(f"combination {name}", *rows)
            maker, control, _, attribute, _ = (str(part) for part in name)
            those = combinations if attribute != UNTOUCHED else untouched
            those.setdefault((maker, control), []).append(alike)
        subject = ("person " + outputs["subject_id"]).tolist()
        return cls(combinations, untouched, subject, rng)

    def of_kind(self, kind: str) -> dict[Stratum, list[_Alike]]:
        """What pairs of this kind are made of."""
        return self.untouched if kind == "originals" else self.combinations

    def require(self, kind: str, pairs: int) -> None:
        """Refuse what is too little for so many pairs of a kind, of each participant."""
        strata = self.of_kind(kind)
        needed = -(-pairs // max(len(strata), 1))
        if not strata:
            raise DataError(
                "judge.design.pairs: the translations hold none with a value of the control"
            )
        for stratum, alike in strata.items():
            possible = sum(len(c.in_domain) * len(c.out_domain) for c in alike)
            if possible < needed:
                raise DataError(
                    f"judge.design.pairs: {needed} pairs with control {stratum[1]} are needed for"
                    f" each participant, and {possible} are possible: {self.counts(kind, stratum)}."
                    " Ask for fewer pairs, or raise synthesise.roles.translated."
                )

    def counts(self, kind: str, stratum: Stratum) -> str:
        """How many there are of a kind, for a message."""
        alike = self.of_kind(kind)[stratum]
        what = "originals" if kind == "originals" else "translations"
        return (
            f"{sum(len(c.in_domain) for c in alike)} in-domain and"
            f" {sum(len(c.out_domain) for c in alike)} out-domain {what} of {stratum[1]} by"
            f" {stratum[0]} in {len(alike)} combinations of seed, attribute and value"
        )

    def take(
        self, kind: str, stratum: Stratum, seen: set[tuple[int, int]], before: set[str]
    ) -> tuple[int, int] | None:
        """The least shown pair that is not `seen` and shows nobody of `before`."""
        for alike in self._least_shown(self.of_kind(kind)[stratum], lambda alike: alike.name):
            one, two = (
                self._least_shown(
                    [row for row in rows if self.subject[row] not in before],
                    self.subject.__getitem__,
                )
                for rows in (alike.in_domain, alike.out_domain)
            )
            for pair in self._least_of_both(one, two):
                persons = {self.subject[row] for row in pair}
                if pair not in seen and len(persons) == 2:
                    self.shown.update((alike.name, *persons))
                    return pair
        return None

    def _least_of_both(self, one: list[int], two: list[int]) -> Iterator[tuple[int, int]]:
        """All pairs of `one` and `two`, the earlier of both first; neither side has precedence."""
        if one and two:
            yield one[0], two[0]
        if len(one) * len(two) > 1:
            turned = bool(self.rng.integers(2))
            first, second = (two, one) if turned else (one, two)
            for total in range(1, len(one) + len(two) - 1):
                for k in range(max(0, total - len(second) + 1), min(total + 1, len(first))):
                    pair = first[k], second[total - k]
                    yield pair[::-1] if turned else pair

    def _least_shown(self, things: Sequence[T], name: Callable[[T], str]) -> list[T]:
        """`things` by how often what `name` calls them was shown, by chance where equally often."""
        order = self.rng.permutation(len(things))
        return sorted((things[i] for i in order), key=lambda thing: self.shown[name(thing)])


def _placed(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """`rows` of a participant with what is left and right, and what attention pairs spoil.

    The in-domain output is left in half of the compared pairs of each stratum; a repeat has them
    exchanged.
    """
    left = np.zeros(len(rows), dtype=bool)
    for _, alike in rows[rows["kind"] != "repeat"].groupby(["kind", *STRATUM]):
        chosen = rng.permutation(alike.index)[: (len(alike) + int(rng.integers(2))) // 2]
        left[chosen] = True
    again = rows["repeats"].notna().to_numpy()
    left[again] = ~left[rows.loc[again, "repeats"].astype(int)]
    spoiled = rng.permutation(np.resize(SCREEN, (rows["kind"] == "attention").sum()))
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
        comparison=one["maker"]
        + "-"
        + one["seed"].astype(str)
        + "-"
        + one["row"].astype(str)
        + "-"
        + two["row"].astype(str),
        seed=one["seed"],
        attribute=one["attribute"].mask(one["attribute"] == UNTOUCHED, None),
        value=one["value"].mask(one["attribute"] == UNTOUCHED),
        in_row=one["row"],
        out_row=two["row"],
        in_face=one["face_id"],
        out_face=two["face_id"],
        in_subject=one["subject_id"],
        out_subject=two["subject_id"],
    )
