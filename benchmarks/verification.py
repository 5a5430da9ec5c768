"""How long the errors of a face recogniser by group take, and how often their intervals hold.

    python benchmarks/verification.py [faces] [pairs]
    python benchmarks/verification.py coverage [studies]

The first compares simulated embeddings of 512 numbers; the second simulates small studies of a
recogniser whose errors are known, and writes how often intervals hold the truth and how often a
difference is found: 1,000 studies of each kind take about an hour on one core.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
from documented.marks import MACHINE
from numpy.typing import NDArray
from scipy.special import logit

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))
from facegap.measure.verification import ALL, VerificationPlan, Verified, verify
from facegap.measure.verification_pairs import (
    Codes,
    Faces,
    cosines,
    genuine_pairs,
    impostor_pairs,
    unit,
)

WISHED = 60  # seconds, for the default sizes
SEED = 20_261_129  # the day on which this was written
DIMENSIONS, WIDE = 32, 512
NOISE, HARD = 0.55, 0.3  # of a picture beside its person, and how its log varies over persons
ZOO = 0.12  # how persons vary in how near the centre of their group they are
POPULATION, OF_POPULATION = 40_000, 3_000_000  # persons a group and pairs, taken for true
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scenario:
    """Groups of `persons` each with `pictures` on average; `close` are nearness to the centre.

    The nearer the persons of a group are to its centre, the more alike they are.
    """

    name: str
    close: tuple[float, ...]
    persons: int
    pictures: int
    plan: VerificationPlan

    @property
    def names(self) -> list[str]:
        """Of the groups."""
        return [chr(ord("A") + code) for code in range(len(self.close))]

    @property
    def rate(self) -> float:
        """The false match rate that the threshold is set at, and the truth is taken at."""
        kinds = len(self.close) + 1 if len(self.close) > 1 else 1
        pool = self.plan.pairs // kinds * (len(self.close) if self.plan.set_on == ALL else 1)
        return max(self.plan.false_match_rate, 30 / pool)


SCENARIOS = (
    Scenario("few persons, equal", (0.3, 0.3), 60, 3, VerificationPlan(6000, 0.015)),
    Scenario("few persons, every pair", (0.3, 0.45), 60, 3, VerificationPlan(60_000, 0.01, "A")),
    Scenario("30 false matches", (0.3, 0.45), 200, 3, VerificationPlan(6000, 0.015, "A")),
    Scenario("three, equal", (0.3, 0.3, 0.3), 400, 2, VerificationPlan(30_000, 0.003)),
    Scenario("four groups", (0.3, 0.45, 0.3, 0.35), 200, 3, VerificationPlan(60_000, 0.002)),
    Scenario("many persons", (0.3, 0.45), 1000, 2, VerificationPlan(100_000, 0.001)),
)


def embedded(
    close: tuple[float, ...],
    persons: int,
    pictures: int,
    rng: np.random.Generator,
    dimensions: int = DIMENSIONS,
) -> tuple[NDArray[np.float32], Codes, Codes]:
    """Embeddings of 1 to 2 * `pictures` - 1 pictures of each person, their person and group.

    Some persons are nearer the centre of their group and so everybody's double, some vary more from
    picture to picture (Doddington et al. 1998).
    """
    group = np.repeat(np.arange(len(close)), persons)
    near = np.array(close)[group] + ZOO * rng.normal(size=len(group))
    near = np.clip(near, 0, 0.95)[:, None]
    own = rng.normal(size=(len(group), dimensions)) / dimensions**0.5
    identity = np.sqrt(near) * np.eye(dimensions)[group] + np.sqrt(1 - near) * own
    person = np.repeat(np.arange(len(group)), rng.integers(1, 2 * pictures, len(group)))
    noise = NOISE * np.exp(HARD * rng.normal(size=len(group))) / dimensions**0.5
    vectors = rng.standard_normal((len(person), dimensions), dtype=np.float32)
    vectors *= noise.astype(np.float32)[person, None]
    vectors += identity.astype(np.float32)[person]
    return vectors, person, group[person]


def study(scenario: Scenario, rng: np.random.Generator) -> Verified:
    """One simulated study, measured."""
    vectors, person, group = embedded(scenario.close, scenario.persons, scenario.pictures, rng)
    alike = np.zeros_like(person)
    return verify(vectors, person, group, alike, scenario.names, scenario.plan, rng)


def truth(scenario: Scenario, persons: int, pairs: int) -> tuple[Values, Values]:
    """Both error rates of each group (groups,) in a large population."""
    rng, groups = np.random.default_rng(SEED), len(scenario.close)
    vectors, person, group = embedded(scenario.close, persons, scenario.pictures, rng)
    faces, scaled = Faces(person, group, np.zeros_like(person)), unit(vectors)
    impostors = impostor_pairs(faces, groups, pairs, rng)
    genuine = genuine_pairs(faces, groups, pairs, rng)
    different, same = cosines(scaled, impostors), cosines(scaled, genuine)
    set_on = scenario.plan.set_on
    pool = impostors.kind < groups
    if set_on != ALL:
        pool = impostors.kind == scenario.names.index(set_on)
    threshold = np.quantile(different[pool], 1 - scenario.rate)
    return (
        np.array([(different[impostors.kind == g] > threshold).mean() for g in range(groups)]),
        np.array([(same[genuine.kind == g] <= threshold).mean() for g in range(groups)]),
    )


def holds(
    scenario: Scenario, found: Verified, fmr: Values, fnmr: Values
) -> Iterator[tuple[str, bool, bool]]:
    """What is estimated, whether its interval holds the truth, whether a difference is found."""
    for code, group in enumerate(found.groups):
        others = np.arange(len(fmr)) != code
        log_fmr = np.log(fmr[code] / fmr[others].mean())
        log_fnmr = logit(fnmr[code]) - logit(fnmr[others].mean())
        for name, interval, value, p in (
            ("FMR", group.fmr, fmr[code], 1.0),
            ("FNMR", group.fnmr, fnmr[code], 1.0),
            ("FMR to others", group.fmr_to_others.interval, log_fmr, group.fmr_to_others.p),
            ("FNMR to others", group.fnmr_to_others.interval, log_fnmr, group.fnmr_to_others.p),
        ):
            if not (name == "FMR" and scenario.plan.set_on == group.name):  # set
                yield name, bool(interval.low <= value <= interval.high), bool(p < 0.05)
    for ratios, rates in zip(found.ratios, (fmr, fnmr), strict=True):
        mean = float(np.exp(np.log(rates).mean()))
        for name, ratio, value in (
            ("largest to smallest", ratios.to_smallest, rates.max() / rates.min()),
            ("largest to mean", ratios.to_mean, rates.max() / mean),
        ):
            if np.isfinite(ratio.estimate):
                held = bool(ratio.low <= value <= ratio.high)
                yield f"{ratios.metric}, {name}", held, ratio.low > 1


def tallied(
    scenario: Scenario, studies: int, persons: int = POPULATION, pairs: int = OF_POPULATION
) -> dict[str, Values]:
    """Of each estimate how often its interval holds the truth, and a difference is found (2,)."""
    fmr, fnmr = truth(scenario, persons, pairs)
    rows: dict[str, list[tuple[bool, bool]]] = {}
    for number in range(studies):
        found = study(scenario, np.random.default_rng([SEED, number]))
        for name, held, different in holds(scenario, found, fmr, fnmr):
            rows.setdefault(name, []).append((held, different))
    return {name: np.mean(each, axis=0) for name, each in rows.items()}


def coverage(studies: int) -> None:
    """A table of every scenario."""
    for scenario in SCENARIOS:
        start = time.perf_counter()
        table = tallied(scenario, studies)
        seconds = (time.perf_counter() - start) / studies
        print(f"{scenario.name}: {studies} studies, {seconds:.2f} s each", flush=True)
        for name, (held, different) in table.items():
            print(f"    {name:<28} holds the truth {held:6.1%}, a difference {different:6.1%}")


def main() -> None:
    """Measure once, print a table, and the figures as JSON."""
    if sys.argv[1:2] == ["coverage"]:
        coverage(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
        return
    given = [int(value) for value in sys.argv[1:]]
    faces, pairs = [*given, *(100_000, 1_000_000)[len(given) :]]
    close = (0.3, 0.4, 0.3, 0.35)
    rng = np.random.default_rng(SEED)
    vectors, person, group = embedded(close, faces // (5 * len(close)), 5, rng, WIDE)
    alike = rng.integers(-1, 8, person.max() + 1)[person]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    busy, start, cpu = psutil.getloadavg()[0], time.perf_counter(), time.process_time()
    names = [chr(ord("A") + code) for code in range(len(close))]
    found = verify(vectors, person, group, alike, names, VerificationPlan(pairs), rng)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    impostors = sum(each.impostors for each in found.groups) + found.across[0].impostors
    print(f"{'faces':<24}{len(person):10d}")
    print(f"{'impostor pairs':<24}{impostors:10d}")
    print(f"{'genuine pairs':<24}{sum(each.genuine for each in found.groups):10d}")
    print(f"{'seconds':<24}{seconds:10.1f}")
    print(f"{'seconds of CPU':<24}{cpu:10.1f}")
    print(f"{'peak memory':<24}{peak:10.2f} GiB, {before:.2f} before")
    print(f"{'load of the machine':<24}{busy:10.1f} on {psutil.cpu_count()} cores")
    figures = {
        "name": "verification",
        "ratio": WISHED / seconds,
        "seconds": seconds,
        "cpu": cpu,
        "peak": peak,
        "units": "s, GiB",
        "faces": len(person),
        "pairs": impostors,
        "load": busy,
        "machine": MACHINE,
        "versions": {name: version(name) for name in ("numpy", "scipy")},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
