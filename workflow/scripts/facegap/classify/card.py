"""The model card of the selected model, in Hugging Face's form (Mitchell et al. 2019)."""

from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import ModelCard, ModelCardData

from facegap.classify.notice import NOTICE
from facegap.configurations import Configuration
from facegap.files import read_json, whole
from facegap.settings.classify import Training
from facegap.settings.measure import Intervals
from facegap.settings.study import Sides
from facegap.statistics.interval import Interval, within
from facegap.statistics.means import student
from facegap.tables.base import metadata, read_table
from facegap.tables.classify import RUNS

TEMPLATE = Path(__file__).with_name("card.md.j2")


@dataclass(frozen=True)
class Subject:
    """What the model is about."""

    study: str
    boundary: str
    sides: Sides
    weights: dict[str, str]  # first weights of each backbone


def write_model_card(
    *,
    selected: Path,
    runs: Path,
    faces: list[Path],
    card: Path,
    subject: Subject,
    settings: Training,
    intervals: Intervals,
    datasets: list[str],
) -> None:
    """Write what the selected model is, how it was trained and tested, and what it is not for.

    `faces` (FACES) are in the order of `datasets`; sources and licences are their metadata's.
    """
    choice, table = read_json(selected), read_table(runs, RUNS)
    own = {key: choice[key] for key in Configuration.__dataclass_fields__}
    of_model = (table["model"] == choice["name"]) & (table["trained_on"] == "source")
    repeats = table[of_model & (table["arm"] == "full")]
    results = {
        name: within(student(repeats[f"{name}_accuracy"], intervals.confidence), 0, 1)
        for name in datasets
    }
    written = ModelCard.from_template(
        ModelCardData(
            license="other",
            license_name="not-to-be-published",
            tags=["facegap", "face-analysis", "not-for-release"],
        ),
        template_str=TEMPLATE.read_text(encoding="utf-8"),
        study=subject.study,
        boundary=subject.boundary,
        sides=subject.sides,
        configuration=own,
        weights=subject.weights[choice["backbone"]],
        settings=settings,
        notice=NOTICE,
        data={name: metadata(path) for name, path in zip(datasets, faces, strict=True)},
        results={name: _words(result) for name, result in results.items()},
        confidence=f"{intervals.confidence:.0%}",
        repeats=len(repeats),
    )
    with whole(card) as temporary:
        temporary.write_text(str(written), encoding="utf-8")


def _words(result: Interval) -> str:
    return f"{result.estimate:.3f} [{result.low:.3f}, {result.high:.3f}]"
