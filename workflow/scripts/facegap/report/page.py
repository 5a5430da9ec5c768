"""index.html: the whole study on one page that needs no other file."""

import base64
import io
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from PIL import Image

from facegap import tables
from facegap.files import read_json, whole
from facegap.report.gap import CELL, cell_name
from facegap.report.provenance import summary

SMALL = 300_000  # bytes of a PNG that is embedded as it is
TEMPLATE = Path(__file__).with_name("page.html.j2")
PACKAGES = ("snakemake", "torch", "torchvision", "mediapipe", "numpy", "pandas", "scikit-learn")
PARTS = ("inside", "outside", "left_out")
STAGES = {
    "acquire": "images, and what is known of them",
    "align": "every face in one frame",
    "annotate": "labels of the boundary",
    "classify": "the transfer-learning grid",
    "partition": "every face of the target on one side, or left out",
    "synthesise": "StarGAN, trained on one side",
    "judge": "people compare its outputs",
    "report": "this page",
}


def write_report(
    page: str | Path,
    *,
    config: Mapping[str, Any],
    published: str | Path,
    results: Sequence[str | Path],
    gap: str | Path,
    figures: Sequence[str | Path],
    faces: Mapping[str, str | Path],
    aligned: Mapping[str, str | Path],
    unread: Mapping[str, str | Path],
    unaligned: Mapping[str, str | Path],
    rejected: str | Path,
    labels: Mapping[str, str | Path],
    kept: str | Path,
    measures: str | Path,
    comparisons: str | Path,
    agreement: str | Path | None,
    partition: str | Path,
    calibration: str | Path | None,
    judge: str | Path,
    realism: str | Path,
    provenance: str | Path,
    realism_gaps: str | Path,
    benchmarks: str | Path,
) -> None:
    """Write the page. `figures` are PNG files, embedded under their stems.

    Everything comes from tables and JSON files; times of jobs from Snakemake's `benchmarks`.
    """
    printed = yaml.safe_load(Path(published).read_text())
    model, agreed = read_json(judge), read_json(agreement) if agreement else None
    aside = {name: [unread[name], unaligned[name]] for name in faces}
    sets = {name: _set(name, faces, aligned, aside, labels) for name in faces}
    sides = read_json(partition)
    text = _template().render(
        config=config,
        config_text=yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True),
        published=printed,
        tables=[_rows(path) for path in results],
        gap=read_json(gap),
        kept=cell_name(read_json(kept)),
        protocol=_protocol(read_json(kept)),
        measures=_measures(measures, read_json(kept)),
        comparisons=tables.read(comparisons, tables.COMPARISONS).to_dict("records"),
        figures={Path(path).stem: _embedded(path) for path in figures},
        sets=sets,
        counts=_counts(sets, agreed, sides, model),
        set_aside=tables.read(rejected, tables.SET_ASIDE).to_dict("records"),
        agreement=agreed,
        partition=sides,
        calibration=read_json(calibration) if calibration else None,
        judge=model,
        realism=_realism(realism, realism_gaps),
        stages=_stages(Path(benchmarks)),
        versions=_versions(),
        provenance=summary(provenance),
        drawn=[name for name, part in config["datasets"].items() if part["kind"] == "drawn"],
        simulated=_simulated(model, agreed, config["partition"]["verification"]),
    )
    with whole(page) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.globals.update(number=number, span=span, percent=percent, percents=percents)
    environment.globals.update(count=count)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash where there is none; what rounds to zero has no sign."""
    if value is None or pd.isna(value):
        return "–"
    return f"{value:z.{digits}f}".replace("-", "−")


def span(low: float | None, high: float | None, digits: int = 3) -> str:
    """An interval in brackets, or nothing."""
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return ""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage, or a dash where there is none."""
    return "–" if value is None or pd.isna(value) else f"{number(100 * value, digits)}%"


def percents(low: float | None, high: float | None) -> str:
    """An interval of a share in brackets, or nothing."""
    return "" if low is None or high is None else span(100 * low, 100 * high, 1)[:-1] + "%]"


def count(value: int) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def _rows(path: str | Path) -> dict[str, Any]:
    table = tables.read(path, tables.REPORTED)
    cells = {(row["row"], row["column"]): row for row in table.to_dict("records")}
    names = (list(table[key].unique()) for key in ("row", "column"))
    rows, columns = names
    return {"cells": cells, "rows": rows, "columns": columns, "file": Path(path).name}


def _set(
    name: str,
    faces: Mapping[str, str | Path],
    aligned: Mapping[str, str | Path],
    rejected: Mapping[str, Sequence[str | Path]],
    labels: Mapping[str, str | Path],
) -> dict[str, Any]:
    labelled = tables.read(labels[name], tables.LABELS)
    table = tables.read(faces[name], tables.FACES)
    reasons = pd.concat([tables.read(path, tables.REJECTED) for path in rejected[name]])["reason"]
    return {
        "faces": len(table),
        "persons": int(table["subject_id"].nunique()),
        "aligned": len(tables.read(aligned[name], tables.ALIGNED)),
        "split": {part: int((table["split"] == part).sum()) for part in tables.SPLITS},
        "labelled": len(labelled),
        "sides": {side: int((labelled["side"] == side).sum()) for side in tables.SIDES},
        "rejected": reasons.value_counts().sort_index().to_dict(),
        **{key: tables.about(faces[name]).get(key, "") for key in ("source", "licence")},
    }


def _counts(
    sets: Mapping[str, Any],
    agreement: Mapping[str, Any] | None,
    partition: Mapping[str, Any],
    judge: Mapping[str, Any],
) -> dict[str, float | None]:
    """Ours beside the counts of published.yaml, by its keys; None where there is no such thing."""
    split = sets["target"]["split"] if agreement else {"train": None, "test": None}
    asked = [part["asked"] for part in judge["participants"].values()]
    known = judge["familiarity"] or {"in-domain": {}, "out-domain": {}}
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
        "familiar_inside": known["in-domain"].get("estimate"),
        "familiar_outside": known["out-domain"].get("estimate"),
    }


def _protocol(kept: Mapping[str, Any]) -> dict[str, Any]:
    """How the kept cell was chosen, and whether coordinate descent finds the grid's best."""
    descent = kept["descent"]
    return {
        "name": kept["protocol"],
        "agree": kept["agree"],
        "descent": cell_name(descent),
        "lost": kept["target_accuracy"] - descent["target_accuracy"],
    }


def _measures(path: str | Path, kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The measures of the kept cell, a row a measure, by what it was tested on."""
    table = tables.read(path, tables.MEASURES)
    own = (table[CELL] == [kept[key] for key in CELL]).all(axis=1)
    own &= table["trained_on"] == "source"
    rows = table[own & table["dataset"].isin(["source", "target"])].to_dict("records")
    names = dict.fromkeys(row["measure"] for row in rows)
    cells = {(row["measure"], row["dataset"]): row for row in rows}
    return [
        {"measure": name, **{key: cells[name, key] for key in ("source", "target")}}
        for name in names
    ]


def _realism(path: str | Path, gaps: str | Path) -> list[dict[str, Any]]:
    """Each measure's means over seeds, in-domain and out-domain, their gap and the null check's.

    All together, by attribute, and by value of the control.
    """
    table, apart = tables.read(path, tables.REALISM), tables.read(gaps, tables.REALISM_GAPS)
    keys = ["metric", "attribute", "control"]
    null = apart[apart["comparison"] == "null"]
    rows: list[dict[str, Any]] = []
    for gap in apart[apart["comparison"] == "boundary"].to_dict("records"):
        key = [gap[name] for name in keys]
        own = table[_of_group(table, key)]
        means = own.groupby("domain")["value"].mean()
        check = null[_of_group(null, key)].to_dict("records")
        ends = {"inside": means["in-domain"], "outside": means["out-domain"]}
        known = {name: None if pd.isna(gap[name]) else gap[name] for name in keys}
        rows.append(
            {
                **{str(name): value for name, value in gap.items()},
                **known,
                **ends,
                "null": check[0] if check else None,
            }
        )
    return rows


def _of_group(table: pd.DataFrame, key: Sequence[Any]) -> NDArray[np.bool_]:
    """Which rows have this metric, attribute and control; missing is a value too."""
    fits: NDArray[np.bool_] = (table["metric"] == key[0]).to_numpy(bool, copy=True)
    for name, value in zip(("attribute", "control"), key[1:], strict=True):
        same = table[name].isna() if pd.isna(value) else table[name] == value
        fits = fits & same.to_numpy(bool)
    return fits


def _stages(benchmarks: Path) -> list[dict[str, Any]]:
    """Jobs, seconds and peak memory a stage, from Snakemake's benchmark files."""
    found = []
    for stage, words in STAGES.items():
        files = sorted((benchmarks / stage).glob("*.tsv"))
        jobs = [pd.read_csv(path, sep="\t", na_values="-") for path in files]
        table = pd.concat(jobs) if jobs else pd.DataFrame({"s": [], "max_rss": []})
        memory = pd.to_numeric(table["max_rss"], errors="coerce").max()
        found.append(
            {
                "stage": stage,
                "what": words,
                "jobs": len(table),
                "seconds": float(table["s"].sum()),
                "memory": None if pd.isna(memory) else float(memory) / 1024,
            }
        )
    return found


def _versions() -> dict[str, str]:
    versions = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _simulated(
    model: Mapping[str, Any],
    agreement: Mapping[str, Any] | None,
    verification: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """What on the page was answered by nobody."""
    words = []
    if agreement and agreement["simulated"]:
        words.append("the annotators' labels")
    if agreement and any("error" in entry for entry in verification.values()):
        words.append("the verifiers' labels")
    if model["simulated"]:
        words.append("the answers of the human study")
    return words


def _embedded(path: str | Path) -> str:
    """The picture as a data URI: photographs much smaller and as good to the eye, as WebP."""
    written = Path(path).read_bytes()
    if len(written) < SMALL:
        return "data:image/png;base64," + base64.b64encode(written).decode()
    smaller = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").save(smaller, "WEBP", quality=88, method=4)
    return "data:image/webp;base64," + base64.b64encode(smaller.getvalue()).decode()
