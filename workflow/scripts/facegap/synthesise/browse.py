"""sheets.html: translations to leaf through, face by face, in one page that needs no other file."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from facegap import tables
from facegap.files import whole
from facegap.synthesise.sheet import draw_row

TEMPLATE = Path(__file__).with_name("sheets.html.j2")
EACH = 8  # faces of each rank, seed and side
CELL = 96  # pixels of a face on the page


def browse_sheets(
    translations_npy: Sequence[str | Path],
    translations_parquet: Sequence[str | Path],
    scores_parquet: str | Path,
    sheets_html: str | Path,
    *,
    synthesis_seeds: Sequence[int],
    attributes: Sequence[str],
    sides: Mapping[str, str],
) -> None:
    """Write the page: of each seed and side the best, middle and worst faces by SCORES."""
    columns = ["real", "reconstruction", *attributes]
    scores = tables.read(scores_parquet, tables.SCORES)
    faces: list[dict[str, Any]] = []
    for which, npy, parquet in zip(
        synthesis_seeds, translations_npy, translations_parquet, strict=True
    ):
        table, images = tables.read(parquet, tables.TRANSLATIONS), np.load(npy, mmap_mode="r")
        own = table.merge(scores[scores["seed"] == which].drop(columns="seed"), on="row")
        for domain, side in zip(tables.DOMAINS, (sides["inside"], sides["outside"]), strict=True):
            for face in _ranked(own[own["domain"] == domain]):
                row = draw_row(table[table["face_id"] == face["face_id"]], columns, images)
                row = row.resize(
                    (CELL * len(columns), CELL * len(columns) * row.height // row.width)
                )
                written = io.BytesIO()
                row.save(written, "JPEG", quality=90)
                data = base64.b64encode(written.getvalue()).decode()
                face |= {"seed": which, "side": side, "image": f"data:image/jpeg;base64,{data}"}
                faces.append(face)
    filters = {
        name: list(dict.fromkeys(face[name] for face in faces if face[name]))
        for name in ("seed", "side", "rank", "control")
    }
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        faces=faces, filters=filters, columns=columns, each=EACH, width=CELL * len(columns)
    )
    with whole(sheets_html) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _ranked(own: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The best, middle and worst faces of `own` (TRANSLATIONS and SCORES), each once."""
    faces = own.groupby("face_id").agg(
        {"shown": "mean", "identity": "mean", "control": "first", "face_id": "first"}
    )
    faces = faces.sort_values("shown", ascending=False, kind="stable")
    count = len(faces)
    middle = max((count - EACH) // 2, min(EACH, count))
    for rank, start, end in (
        ("best", 0, min(EACH, count)),
        ("median", middle, min(middle + EACH, count)),
        ("worst", max(count - EACH, middle + EACH), count),
    ):
        for face in faces.iloc[start:end].to_dict("records"):
            about = {str(name): value for name, value in face.items()}
            yield {**about, "rank": rank, "control": face["control"] or ""}
