"""A folder to publish: labels as CSV, a datasheet with the real figures, licence and checksums."""

import hashlib
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from facegap.errors import DataError
from facegap.files import read_json, whole
from facegap.groups import ALL, group_values
from facegap.settings.study import Study
from facegap.tables.acquire import FACES
from facegap.tables.annotate import LABELS
from facegap.tables.base import as_csv, metadata, read_table
from facegap.tables.measure import ESTIMATES
from facegap.tables.partition import FACE_SIDES

TEMPLATE = Path(__file__).with_name("datasheet.md.j2")
LICENCE = """\
The annotations in this folder (labels.csv, sides.csv, datasheet.md) are under the Creative Commons
Attribution 4.0 International licence (CC BY 4.0): https://creativecommons.org/licenses/by/4.0/

They name images and hold none. The images keep their own terms and owners. Licence of the images:
{licence}. Whoever uses these annotations with the images is bound by those terms too.
"""
Row = dict[str, Any]


def publish(
    study: Study,
    *,
    faces: Path,
    labels: Path,
    agreement: Path,
    agreement_estimates: Path,
    sides: Path,
    summary: Path,
    sides_estimates: Path,
    folder: Path,
) -> None:
    """Write `folder`: labels.csv, sides.csv, datasheet.md, LICENCE, SHA256SUMS. Never an image.

    The files are those of annotate/target and partition/target, and acquire's `faces`. People are
    A, B and so on, in the order of their names. Raises `DataError` where the folder exists already,
    or the files have different faces.
    """
    if folder.exists():
        raise DataError(f"{folder} exists already; name a new folder, or remove it")
    known, placed = read_table(faces, FACES), read_table(sides, FACE_SIDES)
    labelled = read_table(labels, LABELS)
    if set(placed["face_id"]) != set(known["face_id"]):
        raise DataError(f"{sides}: other faces than {faces}; run the stage partition again")
    estimates = [read_table(path, ESTIMATES) for path in (agreement_estimates, sides_estimates)]
    about = metadata(faces)
    licence = about.get("licence", "not known")
    sheet = datasheet(
        pd.concat(estimates),
        study=study,
        agreement=read_json(agreement),
        summary=read_json(summary),
        source=about.get("source", ""),
        licence=licence,
    )
    with whole(folder) as temporary:
        temporary.mkdir()
        _csv(labelled.drop(columns=["annotators"]), temporary / "labels.csv", study)
        _csv(placed, temporary / "sides.csv", study)
        (temporary / "datasheet.md").write_text(sheet, encoding="utf-8")
        (temporary / "LICENCE").write_text(LICENCE.format(licence=licence), encoding="utf-8")
        sums = [
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
            for path in sorted(temporary.iterdir())
        ]
        (temporary / "SHA256SUMS").write_text("".join(sums))


def datasheet(
    estimates: pd.DataFrame,
    *,
    study: Study,
    agreement: Row,
    summary: Row,
    source: str,
    licence: str,
) -> str:
    """The datasheet (Gebru et al. 2021) as Markdown, with the figures of the study.

    `estimates` (ESTIMATES) are annotate's and partition's.
    """
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False
    )

    def row(quantity: str, group: str = ALL, model: str | None = None) -> Row:
        of = estimates["model"].isna() if model is None else estimates["model"] == model
        rows = estimates[(estimates["quantity"] == quantity) & (estimates["group"] == group) & of]
        return _plain(rows.iloc[0])

    raw = estimates[estimates["quantity"] == "raw agreement"]
    letters = {
        name: chr(ord("A") + k) if k < 26 else f"A{k}"
        for k, name in enumerate(sorted(agreement["annotators"]))
    }
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        study=study,
        agreement=agreement,
        summary=summary,
        source=source,
        licence=licence,
        letters=letters,
        genders={
            values["gender"]: _plain(each)
            for _, each in raw.iterrows()
            if "gender" in (values := group_values(each["group"]))
        },
        row=row,
        share=_share,
        number=_number,
    )


def _plain(row: "pd.Series[Any]") -> Row:
    return {str(name): None if pd.isna(value) else value for name, value in row.items()}


def _csv(table: pd.DataFrame, path: Path, study: Study) -> None:
    """By face id, the sides under their names in the study."""
    named = table.assign(side=table["side"].map(study.sides.model_dump()))
    path.write_text(as_csv(named.sort_values("face_id")), encoding="utf-8", newline="")


def _share(row: Row) -> str:
    """A share with its interval, as percentages."""
    ends = [f"{100 * row[end]:.1f}" for end in ("low", "high") if row[end] is not None]
    span = f" [{', '.join(ends)}]" if len(ends) == 2 else ""
    return "not known" if row["estimate"] is None else f"{100 * row['estimate']:.1f}%{span}"


def _number(row: Row) -> str:
    """Agreement beyond chance with its interval, without which it says nothing."""
    if row["low"] is None:
        return "not known, of too few persons or of none on whom they differ"
    return f"{row['estimate']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
