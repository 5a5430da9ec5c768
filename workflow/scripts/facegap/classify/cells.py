"""Cells of the grid: a backbone, a view and a pair of optimisers, each trained `repeats` times.

Each repeat tunes a head on the frozen network and then fine-tunes tail and head, so a cell has
two runs a repeat. The cells of one backbone and view are trained together: the heads of all their
repeats and optimisers are one tensor program. All runs are judged on the test parts of all data
sets, whichever they were trained on.

Until all is done, the state of each training lies in a folder beside the results: a job that was
cut short goes on with the training that it was in.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit

from facegap import tables
from facegap.classify import backbones, features, heads, training, weights
from facegap.classify.kept import of_crop
from facegap.classify.views import augmented
from facegap.crops import Crops
from facegap.errors import TrainingError
from facegap.files import read_json, whole
from facegap.network import settle
from facegap.progress import Pace
from facegap.resume import Resume, warned
from facegap.seeds import generator, number

log = logging.getLogger(__name__)
SHORT = 5.0  # seconds of a fine-tuning; saving one takes a fifth of a second
States = Callable[[str], training.Saving]  # of the training that has this name within the job


@dataclass(frozen=True)
class Cell:
    """Where in the grid; the columns of RUNS by the same names."""

    backbone: str
    view: str
    tune_optimiser: str
    fine_tune_optimiser: str
    trained_on: str

    @property
    def name(self) -> str:
        """In names of runs, errors and random streams."""
        return "-".join(asdict(self).values())

    @property
    def pair(self) -> str:
        """Its optimisers, in names of files."""
        return f"{self.tune_optimiser}-{self.fine_tune_optimiser}"


@dataclass(frozen=True)
class Run:
    """What one training came to: its losses, and its logits on the test parts, by data set."""

    cell: Cell
    stage: str
    repeat: int
    epochs: int  # till convergence
    losses: NDArray[np.float64]  # of training, by epoch; of fine-tuning alone for fine-tuned runs
    logits: Mapping[str, NDArray[np.float32]]

    @property
    def name(self) -> str:
        """As in the column `run`."""
        return f"{self.cell.name}-{self.stage}-{self.repeat}"


@dataclass(frozen=True)
class _Setting:
    """What the cells of one backbone and view share."""

    net: backbones.Network
    sets: Mapping[str, features.Features]
    recipe: Mapping[str, Any]
    fresh: tuple[Crops, Mapping[str, Any]] | None  # of the training set, and the augmentation
    seed: int
    device: torch.device
    folder: Path  # of the results, for the last good state of a training that failed


def train_cell(
    *,
    cached: str | Path,
    weights_file: str | Path | None,
    crops: Sequence[str | Path],
    cell: str | Path,
    backbone: str,
    view: str,
    made: Mapping[str, Any],
    datasets: Sequence[str],
    pairs: Sequence[Sequence[str]],
    recipe: Mapping[str, Any],
    size: int,
    threads: int,
    seed: int,
    saved: bool,
) -> None:
    """Train the pairs of one backbone and view on the source and write their folder `cell`.

    In it runs.parquet (RUNS), predictions.parquet (PREDICTIONS), curves.parquet (CURVES) and, if
    `saved`, the fine-tuned <tune>-<fine_tune>.safetensors of each of the `pairs` of optimisers.
    `cached` is the backbone's folder of features, with those of the `view`, as `made` says (crop
    and augmentation), of each of `datasets`. `crops` are the source's shards where the config asks
    for fresh views, else none. `recipe` has head, tune, fine_tune, momentum, standardise, repeats
    and convergence of the config's classify. Raises `TrainingError` where the training part has
    one side only or fewer faces than a batch, and where a loss is not finite, and `DataError`
    where the features are not of this network or view.
    """
    wanted = [Cell(backbone, view, tune, fine_tune, "source") for tune, fine_tune in pairs]
    _train(
        *(wanted, cached, weights_file, crops, cell, made),
        *(datasets, recipe, size, threads, seed, saved),
    )


def train_benchmark(
    *,
    kept: str | Path,
    cached: Mapping[str, str | Path],
    weights_files: Mapping[str, str | Path],
    crops: Sequence[str | Path],
    cell: str | Path,
    dataset: str,
    views: Mapping[str, Mapping[str, Any]],
    datasets: Sequence[str],
    recipe: Mapping[str, Any],
    sizes: Mapping[str, int],
    threads: int,
    seed: int,
) -> None:
    """Train the kept cell's counterpart on another data set's training part, by the same recipe.

    `kept` is the file that names the cell; features, weights and sizes are by backbone, `views`
    (crop and augmentation) by view. `crops` are the data set's shards of each crop in turn where
    the config asks for fresh views, else none. Paper 2.2: "the corresponding model trained purely
    on the target domain".
    """
    chosen = read_json(kept)
    pair = chosen["tune_optimiser"], chosen["fine_tune_optimiser"]
    here = Cell(chosen["backbone"], chosen["view"], *pair, dataset)
    folder, file = cached[here.backbone], weights_files.get(here.backbone)
    made, size = views[here.view], sizes[here.backbone]
    if crops:
        crops = of_crop(crops, {name: view["crop"] for name, view in views.items()}, here.view)
    _train(
        *([here], folder, file, crops, cell, made),
        *(datasets, recipe, size, threads, seed, False),
    )


def _train(
    wanted: Sequence[Cell],
    cached: str | Path,
    weights_file: str | Path | None,
    crops: Sequence[str | Path],
    folder: str | Path,
    made: Mapping[str, Any],
    datasets: Sequence[str],
    recipe: Mapping[str, Any],
    size: int,
    threads: int,
    seed: int,
    saved: bool,
) -> None:
    device, first = settle(threads), wanted[0]
    layers = recipe["fine_tune"]["layers"]
    net = backbones.network(
        first.backbone, size=size, layers=layers, weights=weights_file, seed=seed, device=device
    )
    features.check(cached, first.view, net, made)
    sets = {name: features.features(Path(cached) / first.view / name) for name in datasets}
    largest = max(recipe["tune"]["batch"], recipe["fine_tune"]["batch"])
    training.check(sets[first.trained_on], first.name, largest)
    fresh = (Crops(crops), made["augmentation"]) if crops and made["augmentation"] else None
    setting = _Setting(net, sets, recipe, fresh, seed, device, Path(folder))
    told = _digest(wanted, setting, [made, threads])
    beside = setting.folder.with_name(f"{setting.folder.name}.resume")
    with warned() as warnings, Resume(beside / "tuned.resume", told).alone():

        def states(name: str) -> training.Saving:
            short = 0.0 if name == "tuned" else SHORT
            return training.Saving(Resume(beside / f"{name}.resume", told), warnings, short)

        if states("tuned").resume.load() is None:  # it is first, so the others are not of this job
            for stale in beside.glob("*.resume"):
                stale.unlink()
        files = {cell: beside / f"{cell.pair}.safetensors" for cell in wanted} if saved else {}
        _write(folder, sets, _runs(wanted, setting, states, files), files.values())
    shutil.rmtree(beside, ignore_errors=True)


def _digest(wanted: Sequence[Cell], setting: _Setting, more: Sequence[Any]) -> str:
    """Tells apart whatever would train to other weights: code, settings, network and features.

    The pooled features are made from the boundary, so they tell it apart as well.
    """
    own = setting.sets[wanted[0].trained_on]
    settings = [
        *(asdict(cell) for cell in wanted),
        *(setting.recipe, setting.net.digest, setting.seed),
        *(setting.fresh is not None, str(own.boundary.dtype), *more),
    ]
    told = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        told.update(module.read_bytes())
    told.update(pd.util.hash_pandas_object(own.entries).to_numpy().tobytes())
    told.update(own.pooled.tobytes())
    return told.hexdigest()


def _write(
    folder: str | Path,
    sets: Mapping[str, features.Features],
    runs: Sequence[Run],
    files: Iterable[Path],
) -> None:
    """The tables of `runs` in their folder, and the `files` of weights, which move there."""
    with whole(folder) as temporary:
        temporary.mkdir()
        tables.write(_as_runs(sets, runs), temporary / "runs.parquet", tables.RUNS)
        tables.write(_as_curves(runs), temporary / "curves.parquet", tables.CURVES)
        predictions = _as_predictions(sets, runs)
        tables.write(predictions, temporary / "predictions.parquet", tables.PREDICTIONS)
        for file in files:
            file.replace(temporary / file.name)


def _runs(
    wanted: Sequence[Cell], setting: _Setting, states: States, files: Mapping[Cell, Path]
) -> list[Run]:
    """Every cell's tuned and fine-tuned runs, repeat by repeat.

    A cell that has one of `files` has its models written there when its repeats are done: those of
    all cells are gigabytes.
    """
    tests = {dataset: cached.rows("test")[:, 0] for dataset, cached in setting.sets.items()}
    head, tuning = _tuned(wanted, setting, states("tuned"))
    logits = {
        name: training.tuned_logits(head, setting.sets[name], rows) for name, rows in tests.items()
    }
    tolerance, repeats = setting.recipe["convergence"]["tolerance"], setting.recipe["repeats"]
    first = {name: k * repeats for k, name in enumerate(_optimisers(wanted))}
    runs: list[Run] = []
    models: list[weights.Model] = []
    trainings = [(cell, repeat) for cell in wanted for repeat in range(repeats)]
    pace = Pace(len(trainings))
    for done, (cell, repeat) in enumerate(trainings, 1):
        place = first[cell.tune_optimiser] + repeat
        losses = tuning[:, place]
        epochs = training.epochs_to_convergence(losses, tolerance)
        said = {name: logits[name][place] for name in tests}
        runs.append(Run(cell, "tuned", repeat, epochs, losses, said))
        saving = states(f"{cell.pair}-{repeat}")
        resumed = saving.resume.path.exists()
        model, losses = _fine_tuned(cell, repeat, head.of_repeat(place), setting, saving)
        said = {
            name: training.fine_tuned_logits(setting.net, *model, setting.sets[name], rows)
            for name, rows in tests.items()
        }
        epochs += training.epochs_to_convergence(losses, tolerance)
        runs.append(Run(cell, "fine-tuned", repeat, epochs, losses, said))
        if cell in files:
            models.append(model)
            if len(models) == repeats:
                weights.save(models, files[cell])
                models.clear()
        if resumed:  # the time that it took now says nothing of those to come
            pace = Pace(len(trainings), done)
        log.info("%d of %d trainings: %s", done, len(trainings), pace.words(done))
    return runs


def _optimisers(wanted: Sequence[Cell]) -> list[str]:
    """Those of tuning, each once."""
    return list(dict.fromkeys(cell.tune_optimiser for cell in wanted))


def _tuned(
    wanted: Sequence[Cell], setting: _Setting, saving: training.Saving
) -> tuple[heads.Head, NDArray[np.float64]]:
    """The tuned heads of all optimisers and repeats, and their losses (epochs, heads).

    Alike whatever fine-tuning follows, and whatever other heads are trained beside them.
    """
    first, recipe = wanted[0], setting.recipe
    own = setting.sets[first.trained_on]
    streams = [
        (first.backbone, first.view, optimiser, first.trained_on, str(repeat))
        for optimiser in _optimisers(wanted)
        for repeat in range(recipe["repeats"])
    ]
    chances = [_randomness(setting.seed, "tuned", *stream) for stream in streams]
    pooled = torch.from_numpy(own.pooled[own.rows("train").ravel()]).to(setting.device)
    draws = [chance.draws for chance in chances]
    head = heads.head(pooled, draws, recipe["head"], recipe["standardise"])
    plans = [
        training.Schedule.of(recipe["tune"], optimiser, recipe["momentum"])
        for optimiser in _optimisers(wanted)
    ]
    names = ["-".join((*stream[:4], "tuned", stream[4])) for stream in streams]
    try:
        losses = training.tune(head, own, chances, plans, names, saving)
    except training.DivergedError as error:
        raise _kept(error, setting, (setting.net.tail, head.of_repeat(error.which))) from error
    log.info("tuned %s: last losses %s", ", ".join(names), np.round(losses[-1], 3).tolist())
    return head, losses


def _fine_tuned(
    cell: Cell, repeat: int, head: heads.Head, setting: _Setting, saving: training.Saving
) -> tuple[weights.Model, NDArray[np.float64]]:
    """One repeat's fine-tuned tail and head, and the losses (epochs,)."""
    recipe, own = setting.recipe, setting.sets[cell.trained_on]
    stream = ("fine-tuned", *asdict(cell).values(), str(repeat))
    plan = training.Schedule.of(recipe["fine_tune"], cell.fine_tune_optimiser, recipe["momentum"])
    name = f"{cell.name}-fine-tuned-{repeat}"
    model = deepcopy(setting.net.tail), head
    chance = _randomness(setting.seed, *stream)
    seen = _fresh(cell, stream, setting) if setting.fresh else None
    try:
        found = training.fine_tune(setting.net, *model, own, chance, plan, name, seen, saving)
    except training.DivergedError as error:
        raise _kept(error, setting, model) from error
    losses = found[:, 0]
    log.info("%s: losses %s", name, np.round(losses, 3).tolist())
    return model, losses


def _kept(error: training.DivergedError, setting: _Setting, good: weights.Model) -> TrainingError:
    """`error`, saying where the state of the last good epoch was written."""
    path = setting.folder.with_name(f"{setting.folder.name}.last-good.safetensors")
    weights.save([good], path)
    return TrainingError(f"{error} (the state before that epoch is kept in {path})")


def _fresh(cell: Cell, stream: Sequence[str], setting: _Setting) -> training.Seen:
    """What the trunk says of views that are drawn anew in each epoch, and kept nowhere."""
    assert setting.fresh is not None
    crops, augmentation = setting.fresh
    entries = setting.sets[cell.trained_on].entries

    def seen(rows: NDArray[np.int64], epoch: int) -> torch.Tensor:
        chosen = entries.iloc[rows]
        faces = crops.take(chosen["row"])
        for i, face_id in enumerate(chosen["face_id"]):
            rng = generator(setting.seed, "classify", *stream, "view", face_id, epoch)
            faces[i] = augmented(faces[i], rng, augmentation)
        parts = [
            setting.net.boundary(faces[i : i + features.BATCH], setting.device)
            for i in range(0, len(faces), features.BATCH)
        ]
        return torch.cat(parts)

    return seen


def _randomness(seed: int, *stream: str) -> training.Randomness:
    return training.Randomness(
        generator(seed, "classify", *stream, "order"),
        torch.Generator().manual_seed(number(seed, "classify", *stream, "draws")),
    )


def _as_runs(sets: Mapping[str, features.Features], runs: Sequence[Run]) -> pd.DataFrame:
    """A row a run (RUNS)."""
    labels = {name: _labels(cached) for name, cached in sets.items()}
    rows = []
    for run in runs:
        right = {name: np.mean((run.logits[name] >= 0) == labels[name]) for name in sets}
        wrongness = np.where(labels["target"], -1.0, 1.0) * run.logits["target"]
        rows.append(
            {
                "run": run.name,
                **asdict(run.cell),
                "stage": run.stage,
                "repeat": run.repeat,
                **{f"{name}_accuracy": right[name] for name in ("source", "target")},
                "loss": float(np.logaddexp(0, wrongness).mean()),
                "epochs_to_convergence": run.epochs,
            }
        )
    return pd.DataFrame(rows)[list(tables.RUNS.columns)]


def _as_curves(runs: Sequence[Run]) -> pd.DataFrame:
    """A row an epoch of each run (CURVES)."""
    return pd.concat(
        pd.DataFrame(
            {"run": run.name, "epoch": np.arange(1, len(run.losses) + 1), "loss": run.losses}
        )
        for run in runs
    )


def _as_predictions(sets: Mapping[str, features.Features], runs: Sequence[Run]) -> pd.DataFrame:
    """A row a test face of each run and data set (PREDICTIONS)."""
    return pd.concat(
        pd.DataFrame(
            {
                "run": run.name,
                "dataset": name,
                "face_id": _tested(cached)["face_id"],
                "inside": _labels(cached),
                "probability": expit(run.logits[name].astype(float)),
            }
        )
        for run in runs
        for name, cached in sets.items()
    )


def _tested(cached: features.Features) -> pd.DataFrame:
    return cached.entries[cached.entries["split"] == "test"]


def _labels(cached: features.Features) -> NDArray[np.bool_]:
    return _tested(cached)["inside"].to_numpy(bool)
