"""index.html: the whole study on one page that needs no other file."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml
from PIL import Image

from facegap.audit_metrics import OF_PAIRS
from facegap.files import read_json, whole
from facegap.numbers import FORMATS
from facegap.published import differs
from facegap.report import contents, facts
from facegap.report.audit import absence, models
from facegap.report.boundary import (
    arms,
    boundary,
    gap_parts,
    learning_curve,
    multiverse,
    right_labels,
)
from facegap.report.figures import figures_of, words
from facegap.report.verdict import in_words
from facegap.settings.study import Study
from facegap.tables.base import read_table
from facegap.tables.measure import ESTIMATES
from facegap.tables.report import REPORTED

SMALL = 300_000  # bytes of a PNG that is embedded as it is
PARTS = ("page.html.j2", "page.css")


@dataclass(frozen=True)
class Section:
    """A part of the page; its template gets what `write_report` puts under its name."""

    name: str
    title: str  # in the navigation
    template: str
    part: str | None = None  # of the study, without which it is not there


MODELS = Section("models", "Models by group", "sections/models.html.j2")
SECTIONS = (
    Section("run", "What was run", "sections/run.html.j2"),
    Section("labels", "Labels", "sections/labels.html.j2", "partition"),
    Section("classification", "Classification", "sections/classification.html.j2", "classify"),
    Section("boundary", "What the boundary does", "sections/boundary.html.j2", "classify"),
    Section("synthesis", "Synthesis", "sections/synthesis.html.j2", "synthesise"),
    Section("judgement", "Judgement", "sections/judgement.html.j2", "judge"),
    MODELS,
    Section("known_truth", "Calibration", "sections/known_truth.html.j2", "classify"),
    Section("print", "The print", "sections/print.html.j2", "classify"),
    Section("limits", "Limits and use", "sections/limits.html.j2"),
)


@dataclass(frozen=True)
class Known:
    """Facts of the parts that the study has, and tables of estimates; empty of other parts."""

    agreed: facts.Facts | None
    chosen: facts.Facts | None
    sides: facts.Facts | None
    judge: facts.Facts | None
    measured: pd.DataFrame
    annotated: pd.DataFrame
    partitioned: pd.DataFrame
    judged: pd.DataFrame

    def shown(self, config: Study) -> dict[str, Any]:
        """What the sections of these parts show."""
        tables = (self.measured, self.partitioned, self.judged)
        about: dict[str, Any] = {
            "models": models(self.measured, config),
            "known_truth": contents.known_truth(*tables, config),
        }
        if self.chosen:
            about["answer"] = contents.answer(self.measured, self.chosen, config)
            about["classification"] = contents.classification(self.measured, self.chosen, config)
            about |= _of_the_boundary(self.measured, config)
        if self.sides:
            parts = (self.agreed, self.sides, self.annotated, self.partitioned)
            about["labels"] = contents.labels(*parts, config)
        if "synthesise" in config.parts:
            about["synthesis"] = contents.synthesis(self.measured, config)
        if self.judge:
            about["judgement"] = contents.judgement(self.judged, self.judge, config)
        return about


def write_report(
    *,
    faces: list[Path],
    aligned: list[Path],
    unread: list[Path],
    rejected: list[Path],
    labels: list[Path],
    agreement: Path | None,
    selected: Path | None,
    partition_summary: Path | None,
    judge_summary: Path | None,
    measure_estimates: Path,
    annotate_estimates: Path | None,
    partition_estimates: Path | None,
    judge_estimates: Path | None,
    provenance: Path,
    published: Path,
    tables: list[Path],
    figures: list[Path],
    page: Path,
    config: Study,
) -> None:
    """Write the page, with the PNG files `figures` in it.

    Lists of a file a data set are in the order of `config.datasets`; `unread` are acquire's tables
    of rejected images, `rejected` align's. Times of jobs are Snakemake's, of its benchmark files.
    """
    found = [
        read_json(path) if path else None
        for path in (agreement, selected, partition_summary, judge_summary)
    ]
    given = (measure_estimates, annotate_estimates, partition_estimates, judge_estimates)
    known = Known(*found, *map(_estimates, given))  # type: ignore[arg-type]
    per_set = zip(config.datasets, faces, aligned, labels, unread, rejected, strict=True)
    sets = {name: facts.data_set(*files) for name, *files in per_set}
    run = {
        "sets": sets,
        "rejected": contents.rejected(known.measured),
        **facts.of_the_run(config, provenance, page.parents[1] / "benchmarks"),
    }
    if known.sides and known.judge:
        parts = (known.agreed, known.sides, known.judge, known.judged)
        run["counts"] = facts.counts(sets, *parts)
    text = _template().render(
        **_of_settings(config),
        published=yaml.safe_load(published.read_text()),
        tables={path.stem: _rows(path) for path in tables},
        images={path.stem: _embedded(path) for path in figures},
        simulated=facts.simulated(known.judge, known.agreed, config),
        run=run,
        **known.shown(config),
    )
    with whole(page) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _of_the_boundary(measured: pd.DataFrame, config: Study) -> dict[str, Any]:
    """The section "What the boundary does"."""
    return {
        "boundary": boundary(measured, config),
        "arms": arms(measured, config),
        "parts": gap_parts(measured),
        "multiverse": multiverse(measured),
        "right_labels": right_labels(measured),
        "learning_curve": learning_curve(measured),
    }


def _of_settings(config: Study) -> dict[str, Any]:
    """What the page shows of the settings themselves."""
    return {
        "config": config,
        "sides": config.sides.model_dump(),
        "differs": differs(config),
        "figures": figures_of(config),
        "words": words(config),
        "sections": _sections(config),
        "pair_rates": OF_PAIRS,
        "no_number": absence,
        "group_words": in_words,
        "drawn": [name for name, dataset in config.datasets.items() if dataset.kind == "drawn"],
    }


def _estimates(path: Path | None) -> pd.DataFrame:
    return read_table(path, ESTIMATES) if path else pd.DataFrame(columns=list(ESTIMATES.columns))


def _sections(config: Study) -> list[Section]:
    """Those of the page: what the print contradicts itself in concerns its own study."""
    sections = [each for each in SECTIONS if each.part is None or each.part in config.parts]
    if not config.parts:  # an audit: what people came for is first
        sections.sort(key=lambda section: section is not MODELS)
    own = not differs(config)["counts"]
    return [section for section in sections if own or section.name != "print"]


def _template() -> jinja2.Template:
    """The page's; templates beside this file, each of which is named in it."""
    files = [*PARTS, *(section.template for section in SECTIONS)]
    beside = {name: (Path(__file__).parent / name).read_text() for name in files}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(beside),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals.update(FORMATS)
    return environment.get_template("page.html.j2")


def _rows(path: Path) -> dict[str, Any]:
    """A table beside the published one, by row and column."""
    table = read_table(path, REPORTED)
    numbers = {(row["row"], row["column"]): row for row in table.to_dict("records")}
    rows, columns = (list(table[key].unique()) for key in ("row", "column"))
    return {"numbers": numbers, "rows": rows, "columns": columns, "file": path.name}


def _embedded(path: Path) -> str:
    """The picture as a data URI: photographs much smaller and as good to the eye, as WebP."""
    written = path.read_bytes()
    if len(written) < SMALL:
        return "data:image/png;base64," + base64.b64encode(written).decode()
    smaller = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").save(smaller, "WEBP", quality=88, method=4)
    return "data:image/webp;base64," + base64.b64encode(smaller.getvalue()).decode()
