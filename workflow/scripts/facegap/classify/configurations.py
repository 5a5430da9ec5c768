"""The trainings of a backbone and preprocessing: all their optimisers, each `repeats` times.

Each repeat trains a head on the frozen network and then fine-tunes tail and head, so a
configuration has two runs a repeat. The configurations of one backbone and preprocessing are
trained together: the heads of all their repeats and optimisers are one tensor program. All runs are
tested on the test parts of all data sets, whichever they were trained on.

Until all is done, the state of each training lies in a folder beside the results: a job that was
cut short goes on with the training that it was in.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from facegap.classify.arms import arm_of
from facegap.classify.augmentation import augmented
from facegap.classify.backbones import Network, network
from facegap.classify.features import BATCH, Cached, check, read_features
from facegap.classify.heads import Head, new_head
from facegap.classify.outcomes import Outcome, write_outcomes
from facegap.classify.plans import ArmsPlan, Candidates, Preprocessed, TrainingPlan
from facegap.classify.selected import candidate_network, of_crop
from facegap.classify.training import (
    DivergedError,
    Fresh,
    Randomness,
    Saving,
    Schedule,
    check_training,
    epochs_to_convergence,
    fine_tune,
    fine_tuned_logits,
    head_logits,
    train_heads,
)
from facegap.classify.weights import Model, save
from facegap.code import digests
from facegap.configurations import Configuration, configuration
from facegap.crops import Crops
from facegap.errors import TrainingError
from facegap.files import read_json
from facegap.network import settle
from facegap.progress import Pace
from facegap.resume import Resume, Warnings, warned
from facegap.seeds import generator, number
from facegap.settings.classify import Augmentation, Features, Training

log = logging.getLogger(__name__)
EVALUATED = ["validation", "selection", "calibration", "test"]  # no model of the source saw them
SHORT = 5.0  # seconds of a fine-tuning; saving one takes a fifth of a second
HEADS = "heads"  # name of the state of the heads' training, which is the first
States = Callable[[str], Saving]  # of the training that has this name within the job


@dataclass(frozen=True)
class Job:
    """What the trainings of one job share."""

    configurations: Sequence[Configuration]
    trained_on: str
    arm: str
    sets: Mapping[str, Cached]
    net: Network
    settings: Training
    fresh: tuple[Crops, Augmentation] | None  # of the training set
    seed: int
    device: torch.device
    folder: Path  # of the results, for the last good state of a training that failed
    first: int = 0  # the number of the first of its repeats

    @property
    def own(self) -> Cached:
        """The features of the data set that is trained on."""
        return self.sets[self.trained_on]

    @property
    def where(self) -> str:
        """What is trained on, as logs and streams name it."""
        return self.trained_on if self.arm == "full" else f"{self.arm} {self.trained_on}"

    def names(self, configuration: Configuration, repeat: int) -> dict[str, str | int]:
        """What the streams of a training are named by."""
        return asdict(configuration) | {"trained_on": self.where, "repeat": repeat}

    def head_optimisers(self) -> list[str]:
        """Those of head training, each once."""
        return list(dict.fromkeys(each.head_optimiser for each in self.configurations))


def train_configurations(
    *,
    features: Path,
    weights: Path | None,
    crops: list[Path],
    configurations: Path,
    plan: TrainingPlan,
    extraction: Features,
    settings: Training,
    datasets: list[str],
    backbone: str,
    preprocessing: str,
    threads: int,
    seed: int,
) -> None:
    """Train the optimiser pairs of one backbone and preprocessing on the source.

    Writes the folder `configurations`: runs.parquet (RUNS), predictions.parquet (PREDICTIONS),
    curves.parquet (CURVES) and, of a selection candidate, the fine-tuned
    <head optimiser>-<fine-tuning optimiser>.safetensors of each pair. `features` is the backbone's
    folder of features of each of `datasets`. `crops` are the source's shards where fresh copies
    are sampled, else none. Raises `TrainingError` where the training part has one side only or
    fewer faces than a batch, and where a loss is not finite, and `DataError` where the features
    are not of this network or preprocessing.
    """
    pairs = [Configuration(backbone, preprocessing, *pair) for pair in plan.optimiser_pairs]
    device = settle(threads)
    net = network(
        backbone,
        size=plan.input_size,
        layers=extraction.unfrozen_layers,
        weights=weights,
        seed=seed,
        device=device,
    )
    sets = read_sets(features, preprocessing, net, plan.preprocessed, datasets)
    fresh = _fresh_crops(crops, plan.preprocessed)
    job = Job(pairs, "source", "full", sets, net, settings, fresh, seed, device, configurations)
    _train([job], plan.preprocessed, threads, saved=plan.candidate)


def train_arms(
    *,
    selected: Path,
    features: list[Path],
    weights: list[Path],
    crops: list[Path],
    configurations: Path,
    candidates: Candidates,
    plan: ArmsPlan,
    extraction: Features,
    settings: Training,
    datasets: list[str],
    dataset: str,
    threads: int,
    seed: int,
) -> None:
    """Train the selected configuration in other ways, the arms of `plan`, on a data set.

    `selected` names the backbone, the preprocessing and the optimisers. `features` are the folders
    of the candidates, `weights` the files of those of them that are pretrained. `crops` are the
    data set's shards of each crop in turn where fresh copies are sampled, else none. Paper 2.2:
    "the corresponding model trained purely on the target domain".
    """
    chosen = configuration(read_json(selected)["name"])
    made = candidates.preprocessings[chosen.preprocessing]
    device = settle(threads)
    net = candidate_network(
        chosen.backbone,
        weights,
        candidates=candidates,
        extraction=extraction,
        seed=seed,
        device=device,
    )
    folder = dict(zip(candidates.backbones, features, strict=True))[chosen.backbone]
    sets = read_sets(folder, chosen.preprocessing, net, made, datasets)
    own = of_crop(crops, candidates.preprocessings, chosen.preprocessing) if crops else []
    fresh = _fresh_crops(own, made)
    trained = [chosen]
    if plan.pairs:
        what = chosen.backbone, chosen.preprocessing
        trained = [Configuration(*what, *pair) for pair in plan.pairs]
        settings = settings.model_copy(update={"repeats": 1})
    jobs = []
    for arm in plan.arms:
        alone = arm == "exchanged"  # each of its trainings has labels of its own
        own_settings = settings.model_copy(update={"repeats": 1}) if alone else settings
        about = (net, own_settings, fresh, seed, device, configurations)
        for first in range(settings.repeats if alone else 1):
            seen = arm_of(sets, dataset, arm, seed, first)
            jobs.append(Job(trained, dataset, arm, seen, *about, first))
    _train(jobs, made, threads, saved=False)


def read_sets(
    folder: Path, preprocessing: str, net: Network, made: Preprocessed, datasets: Sequence[str]
) -> dict[str, Cached]:
    """The features of each of `datasets`, which are checked to be of this network."""
    check(folder, preprocessing, net, made)
    return {name: read_features(folder / preprocessing / name) for name in datasets}


def _fresh_crops(crops: Sequence[Path], made: Preprocessed) -> tuple[Crops, Augmentation] | None:
    return (Crops(crops), made.augmentation) if crops and made.augmentation else None


def _train(jobs: Sequence[Job], made: Preprocessed, threads: int, *, saved: bool) -> None:
    """Train what the jobs have, one after another, into the folder that they share."""
    first = jobs[0]
    for job in jobs:
        batches = job.settings.head_training.batch, job.settings.fine_tuning.batch
        check_training(job.own, f"{job.configurations[0].name} on {job.where}", max(batches))
    beside = first.folder.with_name(f"{first.folder.name}.resume")
    files = {each: beside / f"{_pair(each)}.safetensors" for each in first.configurations if saved}
    trained = []
    with warned() as warnings, Resume(beside / f"{HEADS}.resume", "").alone():
        for job in jobs:
            place = beside if len(jobs) == 1 else beside / f"{job.arm}-{job.first}"
            states = _states(place, _digest(job, made, threads), warnings)
            trained.append((job.sets, _outcomes(job, states, files)))
        write_outcomes(first.folder, trained, files.values())
    shutil.rmtree(beside, ignore_errors=True)


def _states(place: Path, digest: str, warnings: Warnings) -> States:
    """The states of a job's trainings in the folder `place`, which loses those of another job."""

    def states(name: str) -> Saving:
        short = 0.0 if name == HEADS else SHORT
        return Saving(Resume(place / f"{name}.resume", digest), warnings, short)

    if states(HEADS).resume.load() is None:  # it is first, so the others are not of this job
        for stale in place.glob("*.resume"):
            stale.unlink()
    return states


def _pair(configuration: Configuration) -> str:
    """Its optimisers, in names of files."""
    return configuration.optimisers.replace("/", "-")


def _digest(job: Job, made: Preprocessed, threads: int) -> str:
    """Of whatever would train to other weights: code, settings, network and features.

    The pooled features are made from the boundary, so they stand for it as well.
    """
    transforms = made.augmentation
    settings = [
        *(asdict(each) for each in job.configurations),
        *(job.trained_on, job.arm, job.settings.model_dump(mode="json"), job.net.digest, job.seed),
        *(job.fresh is not None, str(job.own.boundary.dtype), threads, made.crop),
        transforms and transforms.model_dump(mode="json"),
        *digests(["classify.configurations"]),
    ]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    digest.update(pd.util.hash_pandas_object(job.own.entries).to_numpy().tobytes())
    digest.update(job.own.pooled.tobytes())
    return digest.hexdigest()


def _outcomes(job: Job, states: States, files: Mapping[Configuration, Path]) -> list[Outcome]:
    """Every configuration's runs, repeat by repeat: the head's, and the fine-tuned.

    A configuration that has one of `files` has its models written there when its repeats are done:
    those of all configurations are gigabytes.
    """
    parts = EVALUATED if (job.trained_on, job.arm) == ("source", "full") else ["test"]
    tests = {dataset: cached.of_parts(parts) for dataset, cached in job.sets.items()}
    heads, curves = trained_heads(job, states(HEADS))
    logits = {name: head_logits(heads, job.sets[name], rows) for name, rows in tests.items()}
    tolerance, repeats = job.settings.tolerance, job.settings.repeats
    first = {name: k * repeats for k, name in enumerate(job.head_optimisers())}
    outcomes: list[Outcome] = []
    models: list[Model] = []
    trainings = [(each, which) for each in job.configurations for which in range(repeats)]
    pace = Pace(len(trainings))
    for done, (each, which) in enumerate(trainings, 1):
        place, repeat = first[each.head_optimiser] + which, job.first + which
        losses = curves[:, place]
        epochs = epochs_to_convergence(losses, tolerance)
        own = {name: logits[name][place] for name in tests}
        head = Outcome(each, job.trained_on, job.arm, "head", repeat, epochs, losses, tests, own)
        outcomes.append(head)
        saving = states(f"{_pair(each)}-{repeat}")
        resumed = saving.resume.path.exists()
        model, losses = _fine_tuned(job, each, repeat, heads.of_repeat(place), saving)
        own = {
            name: fine_tuned_logits(job.net, *model, job.sets[name], rows)
            for name, rows in tests.items()
        }
        further = epochs_to_convergence(losses, tolerance)
        epochs = None if epochs is None or further is None else epochs + further
        fine_tuned = replace(head, stage="fine-tuned", epochs=epochs, losses=losses, logits=own)
        outcomes.append(fine_tuned)
        if each in files:
            models.append(model)
            if len(models) == repeats:
                save(models, files[each])
                models.clear()
        if resumed:  # the time that it took now says nothing of those to come
            pace = Pace(len(trainings), done)
        log.info("%d of %d trainings: %s", done, len(trainings), pace.words(done))
    return outcomes


def trained_heads(job: Job, saving: Saving | None = None) -> tuple[Head, NDArray[np.float64]]:
    """The trained heads of all optimisers and repeats, and their losses (epochs, heads).

    Alike whatever fine-tuning follows, and whatever other heads are trained beside them.
    """
    first, settings, own = job.configurations[0], job.settings, job.own
    plans = [
        Schedule.of(settings.head_training, optimiser, settings)
        for optimiser in job.head_optimisers()
    ]
    heads = [
        Configuration(first.backbone, first.preprocessing, plan.optimiser, "")
        for plan in plans
        for _ in range(settings.repeats)
    ]
    repeats = [job.first + which for which in range(settings.repeats)] * len(plans)
    chances = [
        _randomness(job.seed, ("head_order", "head_masks"), job.names(head, repeat))
        for head, repeat in zip(heads, repeats, strict=True)
    ]
    names = [
        f"{head.backbone}, {head.preprocessing}, {head.head_optimiser} on {job.where}, head,"
        f" repeat {repeat}"
        for head, repeat in zip(heads, repeats, strict=True)
    ]
    pooled = torch.from_numpy(own.pooled[own.rows("train").ravel()]).to(job.device)
    masks = [chance.masks for chance in chances]
    head = new_head(pooled, masks, settings.head, settings.standardise)
    try:
        losses = train_heads(head, own, chances, plans, names, saving)
    except DivergedError as error:
        raise _explained(error, job, (job.net.tail, head.of_repeat(error.which))) from error
    log.info("%d heads: last losses %s", len(names), np.round(losses[-1], 3).tolist())
    return head, losses


def _fine_tuned(
    job: Job, configuration: Configuration, repeat: int, head: Head, saving: Saving
) -> tuple[Model, NDArray[np.float64]]:
    """One repeat's fine-tuned tail and head, and the losses (epochs,)."""
    settings = job.settings
    names = job.names(configuration, repeat)
    optimiser = configuration.fine_tuning_optimiser
    plan = Schedule.of(settings.fine_tuning, optimiser, settings)
    name = f"{configuration.name} on {job.where}, fine-tuned, repeat {repeat}"
    model = deepcopy(job.net.tail), head
    chance = _randomness(job.seed, ("fine_tuning_order", "fine_tuning_masks"), names)
    fresh = _fresh(job, names) if job.fresh else None
    try:
        curve = fine_tune(job.net, *model, job.own, chance, plan, name, fresh, saving)
    except DivergedError as error:
        raise _explained(error, job, model) from error
    losses = curve[:, 0]
    log.info("%s: losses %s", name, np.round(losses, 3).tolist())
    return model, losses


def _explained(error: DivergedError, job: Job, good: Model) -> TrainingError:
    """`error`, saying where the state of the last good epoch was written."""
    path = job.folder.with_name(f"{job.folder.name}.last-good.safetensors")
    save([good], path)
    return TrainingError(f"{error} (the state before that epoch is in {path})")


def _fresh(job: Job, names: Mapping[str, str | int]) -> Fresh:
    """The trunk's activations of copies that are sampled anew in each epoch, and stored nowhere."""
    assert job.fresh is not None
    crops, augmentation = job.fresh
    entries = job.own.entries

    def activations(rows: NDArray[np.int64], epoch: int) -> torch.Tensor:
        chosen = entries.iloc[rows]
        faces = crops.take(chosen["row"])
        for i, face_id in enumerate(chosen["face_id"]):
            rng = generator(job.seed, "fresh_copy", **names, face_id=face_id, epoch=epoch)
            faces[i] = augmented(faces[i], rng, augmentation)
        parts = [
            job.net.boundary(faces[i : i + BATCH], job.device) for i in range(0, len(faces), BATCH)
        ]
        return torch.cat(parts)

    return activations


def _randomness(seed: int, streams: tuple[str, str], names: Mapping[str, str | int]) -> Randomness:
    order, masks = streams
    return Randomness(
        generator(seed, order, **names),
        torch.Generator().manual_seed(number(seed, masks, **names)),
    )
