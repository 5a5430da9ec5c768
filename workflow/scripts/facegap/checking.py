"""A look at what a user's models gave out, before the study runs: `facegap check model`."""

import argparse
from pathlib import Path

from facegap.errors import ConfigError, DataError, FacegapError, listed
from facegap.exported import face_by_name
from facegap.model_embeddings import read_embeddings
from facegap.model_outputs import missing, read_detections, read_predictions
from facegap.people.commands import results_of
from facegap.settings.load import read_study
from facegap.settings.study import Study
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table


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
    table = read_table(results_of(study, f"acquire/{dataset}/faces.parquet", "align"), FACES)
    aligned = read_table(results_of(study, f"align/{dataset}/faces.parquet", "align"), ALIGNED)
    tested = table.loc[table["split"] == "test", "face_id"]
    expected = [face for face in tested if face in set(aligned["face_id"])]
    named = face_by_name(dataset, tested, study.seed)
    if model.kind == "recogniser":
        ids, vectors = read_embeddings(path, named)
        given = {f"vectors of {vectors.shape[1]} numbers": ids}
    elif model.kind == "detector":
        given = {"detections": read_detections(path, named)["face_id"].tolist()}
        expected = tested.tolist()
    else:
        table = read_predictions(path, named, dict.fromkeys(model.tasks, model.kind))
        given = {task: table.loc[table["task"] == task, "face_id"].tolist() for task in model.tasks}
    return "; ".join(
        f"{what}: {len(ids)} faces" + (f", {lost} missing" if lost else ", none missing")
        for what, ids in given.items()
        for lost in [len(missing(ids, expected))]
    )
