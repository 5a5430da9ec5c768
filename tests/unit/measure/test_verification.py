"""Errors of a recogniser by group: by hand, the plain way, laws, and in simulated studies."""

from collections import Counter
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from verification import SCENARIOS, embedded, study, tallied

from facegap.errors import ConfigError, DataError
from facegap.measure.verification import VerificationPlan, Verified, verify
from facegap.measure.verification_intervals import extremes, interval, to_mean, to_smallest
from facegap.measure.verification_pairs import (
    PER_PERSON,
    Codes,
    Faces,
    Pairs,
    cosines,
    genuine_pairs,
    impostor_pairs,
    kinds_of_impostors,
    unit,
)
from facegap.measure.verification_rates import Comparisons, Counts, counted, scored, supported_rate

EQUAL, PLANTED = SCENARIOS[0], SCENARIOS[2]
NAMES = ["A", "B"]
SEVERAL = VerificationPlan(3000, 0.02, "A", samples=50)


def people(seed: int, count: int = 60, groups: int = 3, codes: int = 2) -> Faces:
    """Random faces of a third as many persons, some of them in two groups or of unknown looks."""
    rng = np.random.default_rng(seed)
    person = rng.integers(0, max(count // 3, 1), count) * 7 - 3
    alike = rng.integers(-1, codes, count)
    return Faces(person, rng.integers(0, groups, count), alike)


def possible(faces: Faces, groups: int) -> list[set[tuple[int, int]]]:
    """Every impostor pair there is, as rows, of each kind."""
    found: list[set[tuple[int, int]]] = [set() for _ in kinds_of_impostors(groups)]
    for one, other in combinations(range(len(faces.person)), 2):
        if faces.person[one] != faces.person[other] and faces.alike[one] == faces.alike[other] >= 0:
            kind = kinds_of_impostors(groups).index(tuple(sorted(faces.group[[one, other]])))
            found[kind].add((one, other))
    return found


def as_sets(pairs: Pairs, kinds: int) -> list[list[tuple[int, int]]]:
    """The pairs of each kind, the lower row first."""
    rows = np.sort(np.stack([pairs.one, pairs.other]), 0).T
    return [list(map(tuple, rows[pairs.kind == kind].tolist())) for kind in range(kinds)]


def small(seed: int = 1, persons: int = 30) -> tuple[NDArray[np.float32], Codes, Codes, Codes]:
    """Embeddings of two groups, of which the second's are nearer each other."""
    vectors, person, group = embedded((0.3, 0.5), persons, 3, np.random.default_rng(seed))
    return vectors, person, group, person % 2


def numbers(found: Verified) -> list[float]:
    """Every number in it, in order."""

    def each(part: object) -> list[float]:
        if isinstance(part, float | int | np.number):
            return [float(part)]
        if isinstance(part, np.ndarray | tuple | list):
            return [value for one in part for value in each(one)]
        return [] if isinstance(part, str) else each(list(vars(part).values()))

    return each(found)


def by_hand(rate: float, set_on: list[bool]) -> Counts:
    """Two groups: four false matches in the scores of the impostors, in any order."""
    of_impostors = {0: [0.5, 0.9, 0.6, 0.8, 0.7], 1: [0.2, 0.85, 0.81, 0.3], 2: [0.1, 0.83]}
    of_genuine = {0: [0.95, 0.75], 1: [0.8, 0.99, 0.98]}
    impostors, genuine = (
        scored(
            Pairs(np.arange(count), np.arange(count) + 11, np.repeat(list(scores), sizes)),
            np.arange(22),
            np.concatenate(list(scores.values())).astype(np.float32),
            genuine=scores is of_genuine,
        )
        for scores in (of_impostors, of_genuine)
        for sizes in [[len(each) for each in scores.values()]]
        for count in [sum(sizes)]
    )
    compared = Comparisons(impostors, genuine, 22, 3, 2, np.array(set_on))
    return counted(compared, rate, 40, np.random.default_rng(1))


@pytest.mark.parametrize(
    ("rate", "set_on", "threshold", "hits"),
    [
        (0.2, [True, False, False], 0.8, [1, 2, 1, 1, 1]),
        (0.19, [True, False, False], 0.9, [0, 0, 0, 1, 1]),
        (0.5, [False, True, False], 0.3, [5, 2, 1, 0, 0]),
        (1 / 3, [True, True, False], 0.8, [1, 2, 1, 1, 1]),
    ],
)
def test_by_hand(rate: float, set_on: list[bool], threshold: float, hits: list[int]) -> None:
    found = by_hand(rate, set_on)
    assert found.threshold == pytest.approx(threshold)
    assert found.hits.tolist() == hits
    assert found.trials.tolist() == [5, 4, 2, 2, 3]


def test_scores_that_are_equal_are_all_above_or_none() -> None:
    pairs = Pairs(np.arange(4), np.arange(4, 8), np.zeros(4, dtype=np.int64))
    scores = np.array([0.9, 0.9, 0.5, 0.4], dtype=np.float32)
    impostors = scored(pairs, np.arange(8), scores, genuine=False)
    genuine = scored(pairs, np.arange(8), scores, genuine=True)
    compared = Comparisons(impostors, genuine, 8, 1, 1, np.ones(1, dtype=bool))
    found = counted(compared, 0.25, 2, np.random.default_rng(1))
    assert found.threshold == pytest.approx(0.9)
    assert found.hits.tolist() == [0, 4]


def test_all_pairs_the_plain_way() -> None:
    vectors, person, group, alike = small()
    plan = VerificationPlan(10**6, 0.02, samples=20)
    found = verify(vectors, person, group, alike, NAMES, plan, np.random.default_rng(1))
    scaled = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    score = scaled @ scaled.T
    upper = np.triu(np.ones_like(score, dtype=bool), 1)
    same = person[:, None] == person
    impostors = upper & ~same & (alike[:, None] == alike)
    within = [impostors & (group == code)[:, None] & (group == code) for code in (0, 1)]
    pool = np.sort(score[within[0] | within[1]])[::-1]
    threshold = pool[int(0.02 * len(pool))]
    assert found.threshold == pytest.approx(threshold, abs=1e-6)
    for code, each in enumerate(found.groups):
        assert each.impostors == within[code].sum()
        assert each.fmr.estimate == pytest.approx((score[within[code]] > threshold + 1e-6).mean())
        own = score[upper & same & (group == code)[:, None]]
        assert each.genuine == len(own)
        assert each.fnmr.estimate == pytest.approx((own <= threshold + 1e-6).mean())
        assert each.faces == (group == code).sum()
        assert each.persons == 30
    (across,) = found.across
    apart = impostors & (group[:, None] != group)
    assert across.impostors == apart.sum()
    assert across.fmr.estimate == pytest.approx((score[apart] > threshold + 1e-6).mean())
    fmr = [each.fmr.estimate for each in found.groups]
    ratios = {each.metric: each for each in found.ratios}
    assert ratios["FMR"].to_smallest.estimate == pytest.approx(max(fmr) / min(fmr))
    assert ratios["FMR"].to_mean.estimate == pytest.approx(max(fmr) / np.sqrt(np.prod(fmr)))


def test_a_sample_of_persons_the_plain_way() -> None:
    vectors, person, group, _ = small(2, 8)
    faces = Faces(person, group, np.zeros_like(person))
    rng, scaled = np.random.default_rng(3), unit(vectors)
    impostors, genuine = impostor_pairs(faces, 2, 10**5, rng), genuine_pairs(faces, 2, 10**5, rng)
    scores = cosines(scaled, impostors), cosines(scaled, genuine)
    compared = Comparisons(
        scored(impostors, person, scores[0], genuine=False),
        scored(genuine, person, scores[1], genuine=True),
        persons=16,
        kinds=3,
        groups=2,
        pool=np.array([True, True, False]),
    )
    found = counted(compared, 0.1, 3, np.random.default_rng(5))
    again = np.random.default_rng(5)
    for sample in range(3):
        often = np.bincount(again.integers(0, 16, 16), minlength=16)
        weights = often[person[impostors.one]] * often[person[impostors.other]]
        parts = [impostors.kind == kind for kind in range(3)]
        weights = sum(part * weights * part.sum() / weights[part].sum() for part in parts)
        pool, most = parts[0] | parts[1], 0.1 * (parts[0] | parts[1]).sum()
        threshold = min(
            score for score in scores[0][pool] if weights[pool & (scores[0] > score)].sum() <= most
        )
        for kind, part in enumerate(parts):
            above = weights[part & (scores[0] > threshold)].sum()
            assert found.again[sample, kind] == pytest.approx(above)
            assert found.moved[sample, kind] == (part & (scores[0] > threshold)).sum()
        for code in (0, 1):
            own = genuine.kind == code
            each = often[person[genuine.one]] * own
            share = each[scores[1] <= threshold].sum() / each.sum()
            assert found.again[sample, 3 + code] == pytest.approx(share * own.sum())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 80), st.integers(1, 4), st.integers(1, 400))
def test_impostor_pairs_are_of_two_persons_who_are_alike(
    seed: int, count: int, groups: int, most: int
) -> None:
    faces = people(seed, count, groups)
    pairs = impostor_pairs(faces, groups, most, np.random.default_rng(seed))
    kinds, there = kinds_of_impostors(groups), possible(faces, groups)
    share = most // (groups + (groups > 1))
    for kind, found in enumerate(as_sets(pairs, len(kinds))):
        assert len(found) == len(set(found)), "no pair is there twice"
        assert set(found) <= there[kind]
        quota = share if kind < groups else share // (len(kinds) - groups)
        assert len(found) == min(quota, len(there[kind])), "all there are, or as many as asked"
    assert len(pairs) <= most


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 150), st.integers(1, 3), st.integers(3, 400))
def test_genuine_pairs_are_of_one_person_and_evenly_taken(
    seed: int, count: int, groups: int, most: int
) -> None:
    faces = people(seed, count, groups)
    pairs = genuine_pairs(faces, groups, most, np.random.default_rng(seed))
    assert (faces.person[pairs.one] == faces.person[pairs.other]).all()
    assert (pairs.one != pairs.other).all()
    for row in (pairs.one, pairs.other):
        assert (faces.group[row] == pairs.kind).all()
    for group, found in enumerate(as_sets(pairs, groups)):
        assert len(found) == len(set(found))
        own = Counter(faces.person[faces.group == group].tolist())
        there = {who: n * (n - 1) // 2 for who, n in own.items() if n > 1}
        taken = Counter(faces.person[[one for one, _ in found]].tolist())
        level = max(taken.values(), default=0)
        if level > 1:
            assert all(taken[who] == min(pairs, level) for who, pairs in there.items())
        assert len(found) <= most // groups
        assert len(found) == sum(there.values()) or len(found) + len(there) > most // groups


def test_one_person_with_many_pictures_does_not_dominate() -> None:
    person = np.repeat(np.arange(51), [300, *[3] * 50])
    zero = np.zeros_like(person)
    pairs = genuine_pairs(Faces(person, zero, zero), 1, 10**6, np.random.default_rng(1))
    taken = np.bincount(person[pairs.one])
    assert taken[0] == PER_PERSON
    assert (taken[1:] == 3).all()
    one, other = (rows[person[pairs.one] == 0] for rows in (pairs.one, pairs.other))
    assert len(np.unique(np.append(one, other))) > 100, "of many of the pictures"


def test_pairs_that_are_not_asked_for_take_no_memory() -> None:
    person = np.arange(300_000) // 3
    faces = Faces(person, person % 2, np.zeros_like(person))
    pairs = impostor_pairs(faces, 2, 3000, np.random.default_rng(1))  # of 45,000,000,000
    assert np.bincount(pairs.kind).tolist() == [1000] * 3
    assert len(np.unique(pairs.one)) > 2900


@pytest.mark.parametrize("most", [5, 14, 60])
def test_every_impostor_pair_is_as_likely(most: int) -> None:
    faces = people(11, 14, 2)
    there, count, times = possible(faces, 2), Counter[tuple[int, int]](), 1000
    rng = np.random.default_rng(1)
    for _ in range(times):
        for found in as_sets(impostor_pairs(faces, 2, most, rng), 3):
            count.update(found)
    for all_of_kind in there:
        expected = times * min(most // 3 / len(all_of_kind), 1)
        reach = 4.5 * max(expected * (1 - expected / times), 0) ** 0.5
        assert all(abs(count[pair] - expected) <= reach for pair in all_of_kind)


def test_every_genuine_pair_of_a_person_is_as_likely() -> None:
    person = np.repeat([0, 1, 2], 6)
    faces, count = Faces(person, 0 * person, 0 * person), Counter[tuple[int, int]]()
    rng = np.random.default_rng(1)
    for _ in range(1000):
        (found,) = as_sets(genuine_pairs(faces, 1, 12, rng), 1)
        count.update(found)
    assert len(count) == 3 * 15
    assert all(abs(times - 1000 * 4 / 15) < 63 for times in count.values())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_the_length_of_embeddings_changes_nothing(seed: int) -> None:
    vectors, person, group, alike = small()
    rng = np.random.default_rng(seed)
    factor = np.exp2(rng.integers(-20, 20, len(vectors))).astype(np.float32)
    other = np.exp(rng.normal(size=len(vectors))).astype(np.float32)
    assert unit(vectors * factor[:, None]).tobytes() == unit(vectors).tobytes()
    assert unit(vectors * other[:, None]) == pytest.approx(unit(vectors), abs=3e-7)
    found = [
        verify(each, person, group, alike, NAMES, SEVERAL, np.random.default_rng(2))
        for each in (vectors, vectors * factor[:, None])
    ]
    assert np.array(numbers(found[0])).tobytes() == np.array(numbers(found[1])).tobytes()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_with_all_pairs_the_order_of_faces_changes_nothing(seed: int) -> None:
    vectors, person, group, alike = small(persons=15)
    order = np.random.default_rng(seed).permutation(len(person))
    plan = VerificationPlan(10**6, 0.05, samples=20)
    found = [
        verify(vectors[k], person[k], group[k], alike[k], NAMES, plan, np.random.default_rng(2))
        for k in (np.arange(len(person)), order)
    ]
    assert numbers(found[0]) == pytest.approx(numbers(found[1]), rel=1e-6, nan_ok=True)


def test_one_seed_gives_the_same_and_another_other_pairs() -> None:
    faces = small(persons=40)
    one, same, other = (
        numbers(verify(*faces, NAMES, SEVERAL, np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    assert np.array(one).tobytes() == np.array(same).tobytes()
    assert one != other


@pytest.mark.parametrize(
    ("target", "pairs", "rate"),
    [
        (0.001, 30_000, 0.001),
        (0.001, 29_999, 30 / 29_999),
        (0.01, 1000, 0.03),
        (0.001, 300, 0.1),
        (0.001, 299, None),
        (0.2, 150, 0.2),
        (0.1, 0, None),
    ],
)
def test_a_rate_needs_thirty_expected_false_matches(
    target: float, pairs: float, rate: float | None
) -> None:
    found = supported_rate(target, pairs)
    assert np.isnan(found) if rate is None else found == pytest.approx(rate)


def test_the_result_says_which_rate_was_supported() -> None:
    faces = small(persons=40)
    for plan, rate in (
        (replace(SEVERAL, false_match_rate=0.05), 0.05),
        (replace(SEVERAL, false_match_rate=0.001), 0.03),
        (replace(SEVERAL, false_match_rate=0.001, set_on="all"), 0.015),
    ):
        found = verify(*faces, NAMES, plan, np.random.default_rng(1))
        assert found.rate == pytest.approx(rate)
        assert found.supported == (rate == plan.false_match_rate)
        pool = found.groups[:1] if plan.set_on == "A" else found.groups
        assert np.mean([each.fmr.estimate for each in pool]) == pytest.approx(rate)
    few = verify(*faces, NAMES, replace(SEVERAL, pairs=800), np.random.default_rng(1))
    assert not few.supported
    for number in (few.threshold, few.rate, *few.groups[1].fmr, few.groups[1].fnmr_to_others.p):
        assert np.isnan(number)
    assert few.groups[1].impostors == 266
    assert len(few.curves[1].fmr), "which need no threshold"


@pytest.mark.parametrize(("value", "words"), [(0, "row 7 is all zeros"), (np.nan, "not finite")])
def test_an_embedding_without_direction_is_named(value: float, words: str) -> None:
    vectors, person, group, alike = small()
    vectors[7] = value
    with pytest.raises(DataError, match=words):
        verify(vectors, person, group, alike, NAMES, SEVERAL, np.random.default_rng(1))


def test_groups_that_are_none_are_named() -> None:
    vectors, person, group, alike = small()
    rng = np.random.default_rng(1)
    with pytest.raises(ConfigError, match="no group C; take all or one of A, B"):
        verify(vectors, person, group, alike, NAMES, replace(SEVERAL, set_on="C"), rng)
    with pytest.raises(DataError, match="row 0 is in no group"):
        verify(vectors, person, group - 1, alike, NAMES, SEVERAL, rng)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["all", "A", "B"]), st.floats(0.01, 0.3))
def test_intervals_hold_their_estimate(seed: int, set_on: str, rate: float) -> None:
    plan = VerificationPlan(3000, rate, set_on, samples=30)
    found = verify(*small(seed, 20), NAMES, plan, np.random.default_rng(seed))
    for each in found.groups:
        for part in (each.fmr, each.fnmr):
            assert 0 <= part.low <= part.estimate <= part.high <= 1
        for ratio in (each.fmr_to_others, each.fnmr_to_others):
            if np.isfinite(ratio.error):
                assert (ratio.p < 0.05) == (ratio.interval.low > 0 or ratio.interval.high < 0)
        pool = sum(part.impostors for part in found.groups if set_on in ("all", part.name))
        if set_on == "all":
            most = found.rate * pool / each.impostors
            assert each.fmr.high <= most * (1 + 1e-9), "all that the threshold allows"
        if each.name == set_on:
            assert each.fmr.low == each.fmr.estimate, "set, and not estimated"
            assert each.fmr.high == pytest.approx(found.rate)
    for ratios in found.ratios:
        for part in (ratios.to_smallest, ratios.to_mean):
            if np.isfinite(part.estimate):
                assert 1 <= part.low <= part.estimate <= part.high


def test_a_rate_is_in_the_middle_of_its_scale_however_many_pairs_a_group_has() -> None:
    vectors, person, group, alike = small(3, 60)
    some = (group == 0) | (person < 80)  # a third of the second group's persons
    plan = VerificationPlan(10**6, 0.02, samples=20)
    sides = (vectors[some], person[some], group[some], alike[some])
    found = verify(*sides, NAMES, plan, np.random.default_rng(1))
    assert found.groups[0].impostors > 5 * found.groups[1].impostors
    for each, other in (found.groups, found.groups[::-1]):
        most = found.rate * (each.impostors + other.impostors) / each.impostors
        shares = np.array(each.fmr) / most
        middle, low, high = np.log(shares / (1 - shares))
        assert (low + high) / 2 == pytest.approx(middle, abs=0.02)


def test_without_an_error_the_interval_ends_by_the_rule_of_three() -> None:
    counts = by_hand(0.19, [True, False, False])
    groups = [np.arange(5) == code for code in (0, 1)]
    found = interval(counts, groups[1], 0.95)
    assert (found.estimate, found.low) == (0, 0)
    assert found.high == pytest.approx(-np.log(0.05) / 8), "four pairs of eight persons"
    for ratio in (to_smallest, to_mean):
        assert np.isnan(extremes(counts, groups, 0.95, ratio).estimate)


def test_a_curve_has_both_errors_at_each_threshold() -> None:
    vectors, person, group, alike = small(persons=40)
    plan = VerificationPlan(6000, 0.02, samples=2)
    found = verify(vectors, person, group, alike, NAMES, plan, np.random.default_rng(1))
    for curve, each in zip(found.curves, found.groups, strict=True):
        assert 100 < len(curve.threshold) <= 200
        assert (np.diff(curve.threshold) < 0).all()
        assert (np.diff(curve.fmr) >= 0).all()
        assert (np.diff(curve.fnmr) <= 0).all()
        assert curve.fmr[0] == 0
        assert curve.fmr[-1] == pytest.approx(1 - 1 / each.impostors)
        at = np.interp(-found.threshold, -curve.threshold, curve.fnmr)
        assert at == pytest.approx(each.fnmr.estimate, abs=0.02)


def test_a_person_in_two_groups_is_in_pairs_of_either_and_with_nobody_else_twice() -> None:
    person, group = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 0, 1, 1])
    faces = Faces(person, group, np.zeros_like(person))
    rng = np.random.default_rng(1)
    within, other, across = as_sets(impostor_pairs(faces, 2, 999, rng), 3)
    assert sorted(within) == [(0, 3), (1, 3)]
    assert sorted(other) == [(2, 4), (2, 5), (4, 5)]
    expected = [
        pair for pair in product((0, 1, 3), (2, 4, 5)) if person[pair[0]] != person[pair[1]]
    ]
    assert sorted(across) == sorted(tuple(sorted(pair)) for pair in expected)
    assert as_sets(genuine_pairs(faces, 2, 999, rng), 2) == [[(0, 1)], []]


def test_where_no_pair_is_across_groups_ratios_have_their_intervals() -> None:
    """As by gender: only persons alike in it make pairs."""
    vectors, person, group, _ = small(persons=200)
    plan = VerificationPlan(50_000, 0.01, samples=50)
    names = ["gender: female", "gender: male"]
    found = verify(vectors, person, group, group, names, plan, np.random.default_rng(0))
    for ratios in found.ratios:
        for each in (ratios.to_smallest, ratios.to_mean):
            assert each.low <= each.estimate < each.high
    assert found.across[0].impostors == 0


def test_a_group_whose_faces_are_nearer_each_other_is_found() -> None:
    """The threshold rests on 30 false matches of the other group: half of what its rate varies."""
    scenario = replace(PLANTED, plan=replace(PLANTED.plan, samples=50))
    found = [study(scenario, np.random.default_rng(number)) for number in range(5)]
    times = [each.groups[1].fmr.estimate / each.groups[0].fmr.estimate for each in found]
    assert 3 < np.median(times) < 7
    table = tallied(scenario, 120, persons=20_000, pairs=600_000)
    assert table["FMR to others"][1] >= 0.9
    assert table["FNMR to others"][1] <= 0.12
    assert table["FMR, largest to smallest"][1] >= 0.9
    for name in ("FMR", "FNMR", "FMR to others", "FNMR to others"):
        assert table[name][0] >= 0.88, name


def test_equal_groups_are_not_and_intervals_hold_the_truth() -> None:
    scenario = replace(EQUAL, plan=replace(EQUAL.plan, samples=50))
    table = tallied(scenario, 400, persons=20_000, pairs=600_000)
    for name in ("FMR", "FNMR"):
        assert 0.92 <= table[name][0] <= 0.98, name
        held, found = table[f"{name} to others"]
        assert 0.92 <= held <= 0.98, name
        assert found <= 0.08, name
        for ratio in ("smallest", "mean"):
            assert table[f"{name}, largest to {ratio}"][0] >= 0.92
