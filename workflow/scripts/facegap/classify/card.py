"""The model card of the kept model, in Hugging Face's form (Mitchell et al. 2019)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from facegap import tables
from facegap.classify import NOTICE
from facegap.files import read_json, whole
from facegap.intervals import Interval, of_mean

CELL = ("backbone", "view", "tune_optimiser", "fine_tune_optimiser")
TEMPLATE = Path(__file__).with_name("card.md.j2")


def write_model_card(
    *,
    kept: str | Path,
    runs: str | Path,
    faces: Mapping[str, str | Path],
    card: str | Path,
    study: str,
    boundary: str,
    sides: Mapping[str, str],
    backbones: Mapping[str, Any],
    recipe: Mapping[str, Any],
    confidence: float,
) -> None:
    """Write what the kept model is, how it was made and measured, and what it is not for.

    `faces` (FACES) are by data set; sources and licences are their metadata's. `backbones` is the
    config's, `recipe` has head, tune and fine_tune of it.
    """
    chosen, table = read_json(kept), tables.read(runs, tables.RUNS)
    cell = {key: chosen[key] for key in CELL}
    wanted = {**cell, "trained_on": "source", "stage": "fine-tuned"}
    repeats = table[(table[list(wanted)] == list(wanted.values())).all(axis=1)]
    results = {name: of_mean(repeats[f"{name}_accuracy"], confidence) for name in faces}
    written = ModelCard.from_template(
        ModelCardData(
            license="other",
            license_name="not-to-be-published",
            tags=["facegap", "face-analysis", "not-for-release"],
        ),
        template_str=TEMPLATE.read_text(encoding="utf-8"),
        study=study,
        boundary=boundary,
        sides=sides,
        cell=cell,
        weights=backbones[cell["backbone"]]["weights"],
        recipe=recipe,
        notice=NOTICE,
        data={name: tables.about(path) for name, path in faces.items()},
        results={name: _words(result) for name, result in results.items()},
        confidence=f"{confidence:.0%}",
        repeats=len(repeats),
    )
    with whole(card) as temporary:
        temporary.write_text(str(written), encoding="utf-8")


def _words(result: Interval) -> str:
    low, high = max(result.low, 0.0), min(result.high, 1.0)
    return f"{result.estimate:.3f} [{low:.3f}, {high:.3f}]"
