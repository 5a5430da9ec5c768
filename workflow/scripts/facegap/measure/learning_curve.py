"""How many of the target's labelled faces do what all of the source's do."""

from pathlib import Path
from typing import Any

from facegap.configurations import configuration
from facegap.files import read_json
from facegap.groups import group_name
from facegap.measure.answers import answers, parts
from facegap.measure.columns import bounded, how_many
from facegap.measure.dose import break_even
from facegap.parts import persons_of
from facegap.seeds import generator
from facegap.settings.measure import Intervals
from facegap.statistics.interval import row
from facegap.statistics.performance import balanced_accuracy, interval_of
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import LEARNING_CURVE
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of

METRIC = "balanced accuracy"


def measure_learning_curve(
    *,
    curve: Path,
    predictions: Path,
    selected: Path,
    faces: Path,
    estimates: Path,
    study: str,
    intervals: Intervals,
    seed: int,
) -> None:
    """Write the learning curve of the target, and its break-even faces (ESTIMATES).

    `curve` (LEARNING_CURVE) stands beside the head of the selected configuration, trained on the
    source, in `predictions`; `faces` (FACES) are the target's.
    """
    model = configuration(read_json(selected)["name"]).head_name
    every = answers(predictions, [model], {"target": faces})
    own = every[every["agreed"] & (every["arm"] == "full") & (every["trained_on"] == "source")]
    transferred = parts(own)[model, "source", "full", "target", "test"]
    known = read_table(faces, FACES)
    person = persons_of(known).set_axis(known["face_id"])
    table = read_table(curve, LEARNING_CURVE)
    table["person"] = table["face_id"].map(person)
    where = {"trained_on": "target", "arm": "full", "dataset": "target", "part": "test"}
    by_number = parts(table.assign(model=table["training_faces"].astype(str), **where))
    found = {int(key[0]): given for key, given in by_number.items()}
    about: dict[str, Any] = {"metric": METRIC, "task": "boundary", "tested_on": "target"}
    rows = [
        {
            **{"quantity": "learning curve", **about, "trained_on": "target", "answers": number},
            **{"group": group_name({"labelled faces": str(number)})},
            **bounded(interval_of(balanced_accuracy(given), intervals.confidence), 0),
            **how_many(given),
        }
        for number, given in sorted(found.items())
    ]
    worth = break_even(found, transferred, intervals.confidence, generator(seed, "break_even"))
    about |= {"model": model, "trained_on": "source", **how_many(transferred)}
    rows.append({"quantity": "break-even faces", **about, **row(worth)})
    reached = interval_of(balanced_accuracy(transferred), intervals.confidence)
    rows.append({"quantity": "performance", **about, **bounded(reached, 0)})
    write_table(table_of(rows, study), estimates, ESTIMATES)
