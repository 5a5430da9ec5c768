"""How often the intervals of a study hold the truth, and how often a study finds what is there.

    python benchmarks/calibration [studies]

writes docs/calibration.md (`make calibrate`). `studies` is the number of simulated studies of the
scenarios that are judged, 1,000 by default; the others have a fifth as many.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))
from documented.marks import CALIBRATION, written

from calibration import crossed, parts, realism, studies
from calibration.pool import STUDY, population
from facegap.numbers import number, percent

SEED = 20_261_128  # the day on which this was written; nothing else was tried
TESTS, TRAINS = 5000, 8000  # pictures of the population
A_WORLD = 20  # studies
SCENARIOS = (
    studies.Scenario("distance 0", 0.0),
    studies.Scenario("distance 0, the same training faces", 0.0, same_training=True),
    studies.Scenario("distance 1", 1.0),
    studies.Scenario("distance ¼", 0.25),
    studies.Scenario("distance ½", 0.5),
    studies.Scenario("distance 0, target with 2 of 10 inside", 0.0, inside=0.2),
    studies.Scenario("distance 1, target with 2 of 10 inside", 1.0, inside=0.2),
)
FULL = 3  # of these, the others have a fifth of the studies
DAMAGES = (
    realism.Damage("the same damage to either side", (0.2, 0.2), (0.3, 0.3)),
    realism.Damage("more damage outside", (0.2, 0.4), (0.3, 0.6)),
)


def default_sizes() -> studies.Sizes:
    """Those of the default study, which gives a share of the source's training part away."""
    source, target = (STUDY.datasets[name].split for name in ("source", "target"))
    trained = round(int(source.train) * (1 - STUDY.classify.selection.validation))
    return studies.Sizes(trained, int(source.test), int(target.train), int(target.test))


def main() -> None:
    """Simulate, tabulate, write the page."""
    count, began = int(sys.argv[1]) if len(sys.argv) > 1 else 1000, time.monotonic()
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        distances = sorted({scenario.distance for scenario in SCENARIOS})
        people = population(pool, tests=TESTS, trains=TRAINS, distances=distances, seed=SEED)
        print(f"{time.monotonic() - began:.0f} s: {len(people.person)} pictures", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            stored = people.save(Path(folder))
            sizes, jobs = default_sizes(), []
            for k, scenario in enumerate(SCENARIOS):
                worlds = max(count if k < FULL else count // 5, A_WORLD) // A_WORLD
                jobs += [
                    pool.submit(studies.of_world, stored, scenario, sizes, A_WORLD, SEED + world)
                    for world in range(worlds)
                ]
            planted = [
                pool.submit(crossed.of_world, stored, group, sizes, A_WORLD, SEED + world)
                for group in (True, False)
                for world in range(max(count // 2, A_WORLD) // A_WORLD)
            ]
            simulated = pd.concat([job.result() for job in jobs])
            tasks = pd.concat([job.result() for job in planted])
            print(f"{time.monotonic() - began:.0f} s: {len(jobs)} worlds", flush=True)
            translated = pd.concat(pool.map(realism.simulated, DAMAGES, [count] * 2, [SEED] * 2))
            split = parts_of(pool, sizes.target_test, count // 2)
    minutes = (time.monotonic() - began) / 60
    print(f"{minutes:.1f} minutes on {os.cpu_count()} cores")
    both = simulated[simulated["scenario"].isin(["distance 0", "distance 1"])]
    tables = {
        "sizes": [sizes_in_words(sizes)],
        "transfer": list(rows(studies.summary(simulated, ["transfer loss", "transfer gap"]))),
        "performance": list(rows(studies.summary(both, ["performance", "group gap"]))),
        "crossed": list(rows(crossed.summary(tasks))),
        "parts": list(rows(parts.summary(split))),
        "realism": list(rows(studies.summary(translated, ["realism gap"]))),
    }
    written(CALIBRATION, tables)


def parts_of(pool: ProcessPoolExecutor, faces: int, studies: int) -> pd.DataFrame:
    """Studies of each planted difference, with so many faces in all."""
    kinds = len(parts.SCENARIOS)
    given = (parts.SCENARIOS, [faces // 2] * kinds, [studies] * kinds, [SEED] * kinds)
    return pd.concat(pool.map(parts.simulated, *given))


def sizes_in_words(sizes: studies.Sizes) -> str:
    """A line for the page."""
    return (
        f"{sizes.source_train} training and {sizes.source_test} test faces of the source,"
        f" {sizes.target_train} and {sizes.target_test} of the target"
    )


def rows(table: pd.DataFrame) -> Iterator[str]:
    """A table of the page in Markdown, head first."""
    yield "| planted | what | truth | estimate | intervals hold it | found | smallest detectable |"
    yield "|---|---|---|---|---|---|---|"
    for row in table.itertuples():
        what = " ".join(filter(None, (row.quantity, row.metric, row.where)))
        cells = [str(row.scenario), what, number(row.truth), number(row.estimate)]
        cells += [f"{percent(row.held)} of {row.studies}", percent(row.found)]
        yield f"| {' | '.join([*cells, number(row.smallest)])} |"


if __name__ == "__main__":
    main()
