"""Who has the code, ten thousand seeds and all that is served cannot tell which side is which."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reliability import Reliability
from scipy import stats

from facegap.errors import DataError
from facegap.judge.blinding import read_secret, tokens
from facegap.judge.pairs import Blinded, blinded
from facegap.judge.sampling import kinds
from facegap.seeds import generator
from facegap.settings.judge import Design

SEEDS = 10_000  # that are tried
DESIGN = Design(
    participants=1, pairs=20, attention=0.15, repeats=0.15, training=2, familiarity=5, break_every=9
)


def outputs(inside: int = 9, outside: int = 6) -> pd.DataFrame:
    """Translations and originals of so many persons of either side with each control value."""
    rows = [
        (f"{domain}{control}{person}", domain, control, attribute, value)
        for domain, persons in (("in-domain", inside), ("out-domain", outside))
        for control in ("male", "female")
        for person in range(persons)
        for attribute, value in ((None, pd.NA), ("Young", person % 2), ("Bangs", 1))
    ]
    columns = ["subject_id", "domain", "control", "attribute", "value"]
    table = pd.DataFrame(rows, columns=columns)
    kind = np.where(table["attribute"].isna(), "original", "translation")
    table = table.assign(face_id=table["subject_id"], kind=kind, row=range(len(table)))
    return table.assign(maker="inside", seed=1)


OUTPUTS = outputs()


def secret(number: int) -> int:
    """A secret as long as a real one, the same in every run of the tests."""
    return int.from_bytes(hashlib.sha256(f"secret {number}".encode()).digest())


@pytest.fixture(scope="module")
def seeds() -> Mapping[str, int]:
    """The first pair's id under each seed."""
    return {tokens(1, "pair", seed)[0]: seed for seed in range(SEEDS)}


class Served:
    """What a participant gets, and the two classes of faces, which pairs tell apart unnamed."""

    def __init__(self, study: Blinded) -> None:
        self.pairs = study.pairs.sort_values("position", ignore_index=True)
        self.persons = study.persons.sort_values("position", ignore_index=True)
        side = study.key.set_index("pair_id").loc[self.pairs["pair_id"], "left_domain"]
        self.truth = str(side.iloc[0])  # of the class that is left in the first pair
        self.left = (side == self.truth).to_numpy()  # where that class is left
        place = {token: (at.seed, at.row, at.degraded) for token, at in study.places.items()}
        self.content = {token: hash(at) for token, at in place.items()}
        known = study.persons_key.set_index("person_id")["domain"]
        self.asked = (self.persons["person_id"].map(known) == self.truth).to_numpy()

    def of_first(self, what: str) -> pd.Series:
        """The ids of `what` that are of the first pair's left class, a pair after another."""
        return self.pairs[f"left_{what}"].where(self.left, self.pairs[f"right_{what}"])

    def of_second(self, what: str) -> pd.Series:
        return self.pairs[f"right_{what}"].where(self.left, self.pairs[f"left_{what}"])


def replayed(served: Served, seeds: Mapping[str, int]) -> Blinded | None:
    """The study again, where a seed that was tried gives its first id."""
    seed = seeds.get(served.pairs["pair_id"].iloc[0])
    return None if seed is None else blinded(OUTPUTS, DESIGN, seed)


def namings(served: Served, seeds: Mapping[str, int]) -> Iterator[tuple[str, bool | None]]:
    """Ways to say whether the first class is inside; None: nothing to go by."""
    if study := replayed(served, seeds):
        yield (
            "replayed",
            bool(
                study.key.set_index("pair_id").left_domain.loc[served.pairs["pair_id"].iloc[0]]
                == "in-domain"
            ),
        )
        return
    yield "always", True
    for what in ("image", "original"):
        one, two = served.of_first(what), served.of_second(what)
        yield f"smaller {what} id", min(one) < min(two)
        times = [ids.map(served.content).value_counts() for ids in (one, two)]
        yield f"fewer {what}s", _less(len(times[0]), len(times[1]))
        yield f"most often shown {what}", _less(times[1].max(), times[0].max())
        yield f"unevenly shown {what}s", _less(times[1].var(), times[0].var())
    yield "oftener left", _less(0.5, served.left[2:].mean())
    yield "oftener left at first", _less(0.5, served.left[:9].mean())
    yield "first of the persons", bool(served.asked[0])
    yield "more of the persons", _less(0.5, served.asked.mean())
    yield (
        "smaller person ids",
        _less(np.flatnonzero(served.asked).mean(), np.flatnonzero(~served.asked).mean()),
    )


def _less(one: float, other: float) -> bool | None:
    return None if one == other else bool(one < other)


@pytest.mark.parametrize("count", [60, pytest.param(200, marks=pytest.mark.long)])
def test_the_sides_are_named_no_better_than_by_guessing(
    seeds: Mapping[str, int], count: int, reliability: Reliability
) -> None:
    right: dict[str, list[bool]] = {}
    for number in range(count):
        served = Served(blinded(OUTPUTS, DESIGN, secret(number)))
        for name, inside in namings(served, seeds):
            if inside is not None:
                right.setdefault(name, []).append(inside == (served.truth == "in-domain"))
    assert "replayed" not in right
    assert len(right) >= 10
    chances = {name: stats.binomtest(sum(hits), len(hits)).pvalue for name, hits in right.items()}
    assert min(chances.values()) > 0.01 / len(chances), chances
    if count == 200:
        shares = [sum(hits) / len(hits) for hits in right.values()]
        reliability.hostile(
            f"who has the code, {SEEDS:,} seeds and all that is served of a blinded study",
            f"{count} secrets, {len(right)} ways to guess",
            f"the sides are named right in {min(shares):.0%} to {max(shares):.0%}, as by chance",
            "0",
        )


def test_the_attack_names_every_side_of_pairs_that_come_from_a_seed(
    seeds: Mapping[str, int],
) -> None:
    """So that the test above can fail."""
    for seed in (1, 2, 7777):
        served = Served(blinded(OUTPUTS, DESIGN, seed))
        assert dict(namings(served, seeds)) == {"replayed": served.truth == "in-domain"}


@pytest.mark.parametrize("count", [60, pytest.param(200, marks=pytest.mark.long)])
def test_attention_pairs_are_found_no_better_than_by_guessing(
    seeds: Mapping[str, int], count: int
) -> None:
    """Before the pictures are seen; which pairs are repeats is plain when they are."""
    hits: dict[str, list[float]] = {}
    for number in range(count):
        study = blinded(OUTPUTS, DESIGN, secret(number))
        served = Served(study)
        kind = study.key.set_index("pair_id").loc[served.pairs["pair_id"], "kind"].to_numpy()
        open_ = np.flatnonzero(~np.isin(kind, ["training", "repeat"]))
        wanted, asked = {int(k) for k in np.flatnonzero(kind == "attention")}, served.pairs
        by_seed = np.array(kinds(DESIGN, generator(1, "pairs"))) == "attention"
        guesses = {
            "by the usual seed": [k for k in open_ if by_seed[k]],
            "first ids": sorted(open_, key=lambda k: asked["pair_id"][k])[: len(wanted)],
            "first image ids": sorted(open_, key=lambda k: asked["left_image"][k])[: len(wanted)],
            "at first": list(open_[: len(wanted)]),
            "at last": list(open_[-len(wanted) :]),
        }
        for name, guess in guesses.items():
            expected = len(guess) * len(wanted) / len(open_)
            hits.setdefault(name, []).append(len(wanted & set(guess)) - expected)
    off = {name: abs(stats.ttest_1samp(some, 0).statistic) for name, some in hits.items()}
    assert max(off.values()) < 3.5, off


def test_persons_of_either_side_are_shown_equally_often() -> None:
    study = blinded(OUTPUTS, DESIGN.model_copy(update={"pairs": 36}), secret(0))
    compared = study.key[study.key["kind"] == "compared"]
    shown = pd.concat([compared["left_subject"], compared["right_subject"]])
    inside = shown.str.startswith("in-")
    counts = [shown[side].value_counts() for side in (inside, ~inside)]
    assert len(counts[0]) == len(counts[1]) == 12
    asked = study.persons_key["domain"].value_counts()
    assert asked["in-domain"] == asked["out-domain"] == 5


def test_neither_side_has_precedence_where_a_pair_was_seen() -> None:
    """Of few persons the least shown are soon used up: who then comes again is chance."""
    again = np.zeros(2)
    for number in range(150):
        made = blinded(outputs(4, 4), Design(participants=1, pairs=14, training=0), secret(number))
        compared = made.key[made.key["kind"] == "compared"]
        for at, side in enumerate(("in-domain", "out-domain")):
            own = compared["left_subject"].where(
                compared["left_domain"] == side, compared["right_subject"]
            )
            again[at] += own.value_counts().var()
    assert abs(again[0] / again[1] - 1) < 0.15, again


def test_a_repeats_images_have_new_ids() -> None:
    study = blinded(OUTPUTS, DESIGN, secret(0))
    pairs, key = study.pairs.set_index("pair_id"), study.key.set_index("pair_id")
    images = ["left_image", "right_image", "left_original", "right_original"]
    again = key.index[key["kind"] == "repeat"]
    assert len(again) == 3
    others = set(pairs.drop(index=again)[images].to_numpy().ravel())
    assert not others & set(pairs.loc[again, images].to_numpy().ravel())
    for one in again:
        first, second = pairs.loc[key["repeats"][one]], pairs.loc[one]
        shown = [study.places[first["left_image"]], study.places[second["right_image"]]]
        assert shown[0][:3] == shown[1][:3], "the same picture"


def test_the_secret_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "comparisons/x.secret"
    first = read_secret(path)
    assert first == read_secret(path)
    assert first.bit_length() > 200
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_secret(tmp_path / "y.secret") != first


@pytest.mark.parametrize("content", ["", "12", "x" * 64, "\0" * 64])
def test_a_secret_that_is_none_is_refused_and_not_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.secret"
    path.write_text(content)
    with pytest.raises(DataError, match=r"x\.secret"):
        read_secret(path)
    assert path.read_text() == content
