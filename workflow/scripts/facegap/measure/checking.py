"""A look at what a user's models gave out, before the study runs: `facegap check model`."""

import argparse
from pathlib import Path

from facegap.errors import ConfigError, DataError, FacegapError, listed
from facegap.exported import face_by_name
from facegap.measure.audited import Audited, audited_faces, require_columns
from facegap.measure.models import tasks_of
from facegap.model_embeddings import read_embeddings
from facegap.model_outputs import missing
from facegap.model_translations import Changes, read_translations
from facegap.people.commands import results_of
from facegap.settings.load import read_study
from facegap.settings.study import Study
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table
from facegap.tables.synthesise import TRANSLATIONS


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `facegap check`."""
    kinds = parser.add_subparsers(required=True, metavar="what")
    model = kinds.add_parser("model", help="what a model's outputs lack, before the study runs")
    model.add_argument("names", nargs="*", metavar="model", help="none: all of the configuration")
    model.add_argument("--config", type=Path, required=True)
    model.set_defaults(command=lambda given: check_models(read_study(given.config), given.names))


def check_models(study: Study, names: list[str]) -> None:
    """Print, of each model, how many outputs it has and lacks; all problems of all files at once.

    Raises `DataError` where there are any.
    """
    unknown = [name for name in names if name not in study.models]
    if unknown or not study.models:
        known = listed(study.models) or "none"
        raise ConfigError(f"no model {listed(unknown)} in the configuration; it has {known}")
    problems = []
    for name in names or study.models:
        try:
            print(f"{name}: {_summary(study, name)}")
        except FacegapError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise DataError("\n".join(problems))


def _summary(study: Study, name: str) -> str:
    model, dataset = study.models[name], study.dataset_of(name)
    if model.outputs is None:
        return "simulated"
    path = Path(study.data_root, model.outputs)
    if model.kind == "editor":
        return _edited(study, path)
    faces = results_of(study, f"acquire/{dataset}/faces.parquet", "align")
    aligned = read_table(results_of(study, f"align/{dataset}/faces.parquet", "align"), ALIGNED)
    on = _audited(study, name, dataset, faces)
    tested = on.faces["face_id"]
    expected = tested[tested.isin(aligned["face_id"])].tolist()
    if model.kind == "recogniser":
        ids, vectors = read_embeddings(path, face_by_name(dataset, tested, study.seed))
        given = {f"vectors of {vectors.shape[1]} numbers": ids}
    else:
        expected = tested.tolist() if model.kind == "detector" else expected
        given = {
            task.judge(task.given).task: task.faces
            for task in tasks_of(on, model, path, study.seed, faces)
        }
    return "; ".join(f"{what}: {_counted(ids, expected)}" for what, ids in given.items())


def _edited(study: Study, place: Path) -> str:
    """How many of the changes that were asked for the folder or zip at `place` has."""
    path = results_of(study, "synthesise/changes.parquet", "plan_changes")
    asked = read_table(path, TRANSLATIONS)
    names = face_by_name("target", asked["face_id"].unique(), study.seed)
    made = asked[asked["kind"] == "translation"].reset_index(drop=True)
    there = read_translations(place, names, Changes(made, study.align.crops.centre.size))
    return f"translations: {int(there.sum())} of {len(there)} changes"


def _audited(study: Study, name: str, dataset: str, faces: Path) -> Audited:
    """The faces that the model saw, in their groups; by side where a threshold is set on one."""
    measures = results_of(study, f"align/{dataset}/measures.parquet", "align")
    sources = [task.threshold_from for task in study.models[name].tasks.values()]
    by_side = any(source and source.group.startswith("side: ") for source in sources)
    labels = f"annotate/{dataset}/labels.parquet"
    place = results_of(study, labels, "annotate") if by_side else None
    on = audited_faces(
        dataset,
        faces,
        measures,
        place,
        sides=study.sides.model_dump(),
        settings=study.measure.groups,
        intervals=study.measure.intervals,
    )
    if len(study.datasets) == 1:
        require_columns(study.measure.groups, [on])
    return on


def _counted(ids: list[str], expected: list[str]) -> str:
    lost, more = len(missing(ids, expected)), len(set(ids) - set(expected))
    words = f"{len(expected) - lost} of {len(expected)} faces"
    words += f", {lost} missing" if lost else ""
    return words + (f", and {more} without an aligned face" if more else "")
