"""A section for a model's card, in the form of Hugging Face's: what an audit measured of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from facegap.audit_metrics import OF_PAIRS
from facegap.files import whole
from facegap.groups import ALL
from facegap.numbers import number, span
from facegap.report.audit import absence, models
from facegap.report.verdict import in_words
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
            dataset_config=f"{task['tested_on']}, {task['task']}",  # results of one are merged
            metric_type=metric.lower().replace(" ", "_"),
            metric_name=metric if group == ALL else f"{metric}, {group}",
            metric_value=round(row["estimate"], 4),
        )
        for task in own["tasks"]
        for metric, group, row in _values(task)
        if row is not None and row["estimate"] is not None
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
    tested = dict.fromkeys(task["tested_on"] for task in own["tasks"])
    return (
        f"Measured with facegap on the test faces of {', '.join(tested)} (study {config.study},"
        f" settings {config.digest}). {trained} Intervals of {confidence} over persons; hidden:"
        f" fewer than {config.measure.groups.least_persons}. Groups are the data set's words for"
        " its pictures, and no facts about people; a difference does not say its cause.\n"
    )


def _values(task: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    """Metric, group and row: every metric of all faces, and of each group those first spoken of."""
    yield from ((metric, ALL, row) for metric, row in task["all"].items())
    for rows in task["factors"].values():
        for each in (row for row in rows if row["persons"]):  # not those across groups
            yield from ((metric, each["group"], row) for metric, row, _ in each["values"])


def _of_task(task: dict[str, Any], config: Study) -> list[str]:
    """What was found, and the task's first metrics, of all faces and by group, in Markdown."""
    metrics = task["shown"]
    lines = [f"### {task['task']}: {', '.join(metrics)}\n", f"{_finding(task)}{_beside(task)}\n"]
    lines.append(f"| group | faces | persons | {' | '.join(metrics)} |")
    lines.append("|---" * (3 + len(metrics)) + "|")
    whole_row = task["all"][task["first"]]
    every = [(metric, task["all"].get(metric), None) for metric in metrics]
    rows = [{**whole_row, "group": "all faces", "values": every}]
    rows += [row for groups in task["factors"].values() for row in groups if row["persons"]]
    for row in rows:
        values = " | ".join(_value(found, config) for _, found, _ in row["values"])
        name = row["group"] if row["group"] == "all faces" else in_words(row["group"])
        lines.append(f"| {name} | {row['faces']} | {row['persons']} | {values} |")
    return [*lines, ""]


def _finding(task: dict[str, Any]) -> str:
    verdict = task["verdict"]
    if verdict is None:
        return "No two groups were large enough to compare."
    row = verdict["found"]
    if row is None:
        return (
            f"No difference between groups was found in {' or '.join(task['judged'])}; a group may"
            " differ from the others by"
            f" {'a factor of ' if verdict['open']['metric'] in OF_PAIRS else ''}up to"
            f" {number(verdict['reach'])} unseen."
        )
    value = f"{number(row['estimate'])} {span(row['low'], row['high'])}"
    how = (
        f"{value} times {'the odds' if row['metric'] == OF_PAIRS[1] else 'that'} of the others"
        if row["metric"] in OF_PAIRS
        else f"{value} less the others"
    )
    p = "< 0.001" if row["adjusted_p"] < 0.001 else f"= {number(row['adjusted_p'])}"
    also = f" Also on {', '.join(verdict['also'])}." if verdict["also"] else ""
    return (
        f"The groups differ. Surest: {in_words(row['group'])}, {verdict['way']}, {row['metric']}"
        f" {how} (adjusted p {p}).{also}"
    )


def _beside(task: dict[str, Any]) -> str:
    """The measures that the finding does not speak of, by which groups differ."""
    found = [
        f"{other['metric']} ({other['way']} on {', '.join(other['groups'])})"
        for other in task["beside"]
    ]
    if not found:
        return ""
    if task["verdict"] and task["verdict"]["found"]:
        metrics = ", ".join(other["metric"] for other in task["beside"])
        return f" Groups differ by {metrics}, too, each adjusted by itself."
    return f" By other measures groups differ, each adjusted by itself: {', '.join(found)}."


def _value(row: dict[str, Any] | None, config: Study) -> str:
    if row is None or row["estimate"] is None:
        return "" if row is None else absence(row, config)
    return f"{number(row['estimate'])} {span(row['low'], row['high'])}".strip()
