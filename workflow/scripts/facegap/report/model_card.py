"""A section for a model's card, in the form of Hugging Face's: what an audit measured of it."""

from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from facegap.files import whole
from facegap.groups import ALL
from facegap.numbers import number, span
from facegap.report.audit import models
from facegap.settings.study import Study
from facegap.tables.base import read_table
from facegap.tables.measure import ESTIMATES

TASKS = {  # Hugging Face's names of tasks
    "classifier": "image-classification",
    "regressor": "image-classification",
    "recogniser": "image-feature-extraction",
    "detector": "object-detection",
}
TRAINED = {True: "The model was trained on these faces.", False: "It was not trained on them."}


def write_audit_card(*, measure_estimates: Path, card: Path, config: Study, audited: str) -> None:
    """Write the `card` of the model `audited`: metadata to merge, and a section to paste.

    `measure_estimates` (ESTIMATES) has what was measured.
    """
    found = models(read_table(measure_estimates, ESTIMATES), config)["audited"]
    (own,) = (each for each in found if each["name"] == audited)
    results = [
        EvalResult(
            task_type=TASKS[own["settings"].kind],
            task_name=task["task"],
            dataset_type=config.datasets[task["tested_on"]].kind,
            dataset_name=f"{config.study}, {task['tested_on']}",
            metric_type=metric.replace(" ", "_"),
            metric_name=metric if row["group"] == ALL else f"{metric}, {row['group']}",
            metric_value=round(row["estimate"], 4),
        )
        for task in own["tasks"]
        for metric, row in task["all"].items()
        if row["estimate"] is not None
    ]
    data = ModelCardData(model_name=audited, eval_results=results)
    lines = [f"---\n{data.to_yaml()}\n---\n", "## Performance by group of persons\n"]
    lines += [_introduction(own, config)]
    for task in own["tasks"]:
        lines += _of_task(task, config)
    with whole(card) as temporary:
        temporary.write_text("\n".join(lines), encoding="utf-8")


def _introduction(own: dict[str, Any], config: Study) -> str:
    trained = TRAINED.get(
        own["settings"].trained_on_these, "Whether it was trained on them is unknown."
    )
    confidence = f"{config.measure.intervals.confidence:.0%}"
    return (
        f"Measured with facegap on the test faces of {', '.join(config.datasets)} (study"
        f" {config.study}, settings {config.digest}). {trained} Intervals of {confidence} over"
        " persons. Groups are the data set's words for its pictures, and no facts about people; a"
        " difference does not say its cause.\n"
    )


def _of_task(task: dict[str, Any], config: Study) -> list[str]:
    """The task's first metric, of all faces and by group, as a table in Markdown."""
    first, whole_row = task["first"], task["all"][task["first"]]
    lines = [f"### {task['task']}: {first}\n"]
    test, spread = task["surest"], task["range"]
    if test:
        found = test["adjusted_p"] < 1 - config.measure.intervals.confidence
        words = "The groups differ" if found else "No difference between groups was found"
        lines.append(
            f"{words}; surest: {test['group']} against the others {_value(test)} (adjusted p ="
            f" {number(test['adjusted_p'])})."
            + (
                f" By {spread['factor']} the worst is {spread['worst']}, {_value(spread)} behind"
                " the best."
                if spread
                else ""
            )
            + "\n"
        )
    lines += ["| group | faces | persons | value |", "|---|---|---|---|"]
    rows = [{**whole_row, "group": "all faces"}]
    rows += [row for groups in task["factors"].values() for row in groups]
    lines += [
        f"| {row['group']} | {row['faces']} | {row['persons']} | {_value(row)} |" for row in rows
    ]
    return [*lines, ""]


def _value(row: dict[str, Any]) -> str:
    if row["estimate"] is None:
        return "hidden: too few persons"
    return f"{number(row['estimate'])} {span(row['low'], row['high'])}".strip()
