"""A folder to publish: labels as CSV, a datasheet with the real figures, licence and checksums."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from facegap import tables
from facegap.errors import DataError
from facegap.files import read_json, whole

HERE = Path(__file__).parent
LICENCE = """\
The annotations in this folder (labels.csv, sides.csv, datasheet.md) are under the Creative Commons
Attribution 4.0 International licence (CC BY 4.0): https://creativecommons.org/licenses/by/4.0/

They name images and hold none. The images keep their own terms and owners. Licence of the images:
{licence}. Whoever uses these annotations with the images is bound by those terms too.
"""


def publish(
    config: Mapping[str, Any],
    *,
    faces: str | Path,
    labels: str | Path,
    agreement: str | Path,
    sides: str | Path,
    summary: str | Path,
    calibration: str | Path,
    folder: str | Path,
) -> None:
    """Write `folder`: labels.csv, sides.csv, datasheet.md, LICENCE, SHA256SUMS. Never an image.

    People are A, B and so on, in the order of their names. Raises `DataError` where the folder
    is there already, or the files speak of different faces.
    """
    if Path(folder).exists():
        raise DataError(f"{folder} exists already; name a new folder, or remove it")
    known = tables.read(faces, tables.FACES)
    labelled = tables.read(labels, tables.LABELS)
    placed = tables.read(sides, tables.FACE_SIDES)
    if set(placed["face_id"]) != set(known["face_id"]):
        raise DataError(f"{sides}: other faces than {faces}; run the stage partition again")
    about = tables.about(faces)
    values = {
        "config": config,
        "source": about.get("source", ""),
        "licence": about.get("licence", "not known"),
        "agreement": read_json(agreement),
        "summary": read_json(summary),
        "calibration": read_json(calibration),
        "labelled": labelled["provenance"].value_counts().to_dict(),
    }
    with whole(folder) as temporary:
        temporary.mkdir()
        _csv(labelled.drop(columns=["annotators"]), temporary / "labels.csv", config)
        _csv(placed, temporary / "sides.csv", config)
        (temporary / "datasheet.md").write_text(datasheet(values), encoding="utf-8")
        licence = LICENCE.format(licence=values["licence"])
        (temporary / "LICENCE").write_text(licence, encoding="utf-8")
        sums = [
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
            for path in sorted(temporary.iterdir())
        ]
        (temporary / "SHA256SUMS").write_text("".join(sums))


def datasheet(values: Mapping[str, Any]) -> str:
    """The datasheet (Gebru et al. 2021) as Markdown, filled with the figures of the study."""
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False
    )
    environment.globals.update(share=_share)
    text = (HERE / "datasheet.md.j2").read_text(encoding="utf-8")
    people = sorted(values["agreement"]["annotators"])
    names = {name: chr(ord("A") + k) if k < 26 else f"A{k}" for k, name in enumerate(people)}
    return environment.from_string(text).render(people=names, **values)


def _csv(table: pd.DataFrame, path: Path, config: Mapping[str, Any]) -> None:
    """By face id, the sides under their names in the study."""
    named = table.assign(side=table["side"].map(config["sides"]))
    named.sort_values("face_id").to_csv(path, index=False, lineterminator="\n")


def _share(part: Mapping[str, float | None]) -> str:
    """A share with its interval, as percentages."""
    if part["estimate"] is None:
        return "not known"
    ends = [f"{100 * part[end]:.1f}" for end in ("low", "high") if part[end] is not None]  # type: ignore[operator]
    return f"{100 * part['estimate']:.1f}%" + (f" [{', '.join(ends)}]" if len(ends) == 2 else "")
