"""What the page counts in the study's tables, and what it says of the run itself."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from facegap.report.provenance import summary
from facegap.report.rows import one
from facegap.settings.study import Study
from facegap.stages import STAGES
from facegap.tables.acquire import FACES, REJECTED, SPLITS
from facegap.tables.align import ALIGNED
from facegap.tables.annotate import LABELS
from facegap.tables.base import SIDES, metadata, read_table

PACKAGES = ("snakemake", "torch", "torchvision", "mediapipe", "numpy", "pandas", "scikit-learn")
Facts = Mapping[str, Any]  # of a JSON file
PARTS = ("inside", "outside", "left_out")


def data_set(faces: Path, aligned: Path, labels: Path, *rejected: Path) -> dict[str, Any]:
    """Counts of one data set; `rejected` are acquire's and align's tables."""
    table, labelled = read_table(faces, FACES), read_table(labels, LABELS)
    reasons = pd.concat([read_table(path, REJECTED) for path in rejected])["reason"]
    about = metadata(faces)
    return {
        "faces": len(table),
        "persons": int(table["subject_id"].nunique()),
        "aligned": len(read_table(aligned, ALIGNED)),
        "split": {part: int((table["split"] == part).sum()) for part in SPLITS},
        "labelled": len(labelled),
        "sides": {side: int((labelled["side"] == side).sum()) for side in SIDES},
        "rejected": reasons.value_counts().sort_index().to_dict(),
        **{key: about.get(key, "") for key in ("source", "licence")},
        **{key: about.get(key) for key in ("duplicates", "shared", "left out")},  # drawn: None
    }


def counts(
    sets: Mapping[str, Any],
    agreement: Mapping[str, Any] | None,
    partition: Mapping[str, Any],
    judge: Mapping[str, Any],
    judged: pd.DataFrame,
) -> dict[str, float | None]:
    """Ours beside the counts of published.yaml, by its keys; None where there is no such thing."""
    split = sets["target"]["split"] if agreement else {"train": None, "test": None}
    asked = [part["asked"] for part in judge["participants"].values()]
    known = {
        f"familiar_{side}": None
        if judge["simulated"]
        else one(judged, "familiarity", group=f"domain: {domain}")["estimate"]
        for side, domain in (("inside", "in-domain"), ("outside", "out-domain"))
    }
    return {
        "source_inside": sets["source"]["sides"]["inside"],
        "source_outside": sets["source"]["sides"]["outside"],
        "annotated": agreement["faces"] if agreement else None,
        "annotated_train": split["train"],
        "annotated_test": split["test"],
        "target": partition["faces"],
        **{key: partition["sides"][key.replace("_", " ")] for key in PARTS},
        "participants": len(asked),
        "pairs": max(asked, default=0),
        **known,
    }


def of_the_run(study: Study, record: Path, benchmarks: Path) -> dict[str, Any]:
    """The whole configuration, versions, what the record of provenance says, and the stages."""
    settings = study.shown()
    return {
        "settings": yaml.safe_dump(settings, sort_keys=False, allow_unicode=True),
        "versions": _versions(),
        "provenance": summary(record),
        "stages": _stages(benchmarks),
    }


def _stages(benchmarks: Path) -> list[dict[str, Any]]:
    """Jobs, seconds and peak memory a stage, from Snakemake's benchmark files."""
    rows = []
    for stage, makes in STAGES.items():
        files = sorted((benchmarks / stage).glob("*.tsv"))
        jobs = [pd.read_csv(path, sep="\t", na_values="-") for path in files]
        table = pd.concat(jobs) if jobs else pd.DataFrame({"s": [], "max_rss": []})
        memory = pd.to_numeric(table["max_rss"], errors="coerce").max()
        rows.append(
            {
                "stage": stage,
                "what": makes,
                "jobs": len(table),
                "seconds": float(table["s"].sum()),
                "memory": None if pd.isna(memory) else float(memory) / 1024,
            }
        )
    return rows


def _versions() -> dict[str, str]:
    """Of Python and of the packages that decide over results."""
    known = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known


def simulated(
    judge: Mapping[str, Any] | None, agreement: Mapping[str, Any] | None, study: Study
) -> list[str]:
    """What on the page was answered by nobody."""
    words = []
    if agreement and agreement["simulated"]:
        words.append("the annotators' labels")
    verifiers = study.partition.verification.values()
    if agreement and any(person.error is not None for person in verifiers):
        words.append("the verifiers' labels")
    if judge and judge["simulated"]:
        words.append("the answers of the human study")
    return words
