"""Further trainings of the selected configuration's heads, asked of persons who are in no data set.

What they answer is the truth that the estimates of a drawn study are compared with: of the same
training faces, over trainings and persons.
"""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from facegap.boundary import sides_of
from facegap.classify.backbones import Network
from facegap.classify.configurations import Job, read_sets, trained_heads
from facegap.classify.features import BATCH, Cached, passed
from facegap.classify.outcomes import Outcome, predictions_of
from facegap.classify.plans import Candidates
from facegap.classify.selected import candidate_network, of_crop
from facegap.classify.training import head_logits
from facegap.configurations import configuration
from facegap.crops import Crops, apart
from facegap.files import read_json
from facegap.network import settle
from facegap.parts import persons_of
from facegap.progress import paced
from facegap.settings.acquire import OwnLabel
from facegap.settings.classify import Features, Training
from facegap.settings.measure import KnownTruth
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import PREDICTIONS

log = logging.getLogger(__name__)


def train_fresh_heads(
    *,
    selected: Path,
    benchmark: Path,
    features: list[Path],
    weights: list[Path],
    faces: list[Path],
    aligned: list[Path],
    shards: list[Path],
    predictions: Path,
    candidates: Candidates,
    extraction: Features,
    settings: Training,
    own_label: OwnLabel,
    styles: list[str],
    known_truth: KnownTruth,
    threads: int,
    seed: int,
) -> None:
    """Write what fresh heads of either data set answer on fresh faces (PREDICTIONS).

    `selected` and `benchmark` name the configurations of the source's and the target's heads, which
    are trained as in the study but for their seeds. `faces` (FACES), `aligned` (ALIGNED) and
    `shards`, of each of the candidates' crops in turn, are those of each of `styles`, the data
    sets in whose styles the fresh persons are drawn. `own_label` has their sides, `known_truth`
    the number of trainings.
    """
    chosen = {
        "source": configuration(read_json(selected)["name"]),
        "target": configuration(read_json(benchmark)["name"]),
    }
    own = chosen["source"]
    made = candidates.preprocessings[own.preprocessing]
    device = settle(threads)
    net = candidate_network(
        own.backbone,
        weights,
        candidates=candidates,
        extraction=extraction,
        seed=seed,
        device=device,
    )
    folder = dict(zip(candidates.backbones, features, strict=True))[own.backbone]
    sets = read_sets(folder, own.preprocessing, net, made, list(chosen))
    fresh = {}
    for style, table, rows, own_shards in zip(
        styles, faces, aligned, apart(shards, len(styles)), strict=True
    ):
        crops = Crops(of_crop(own_shards, candidates.preprocessings, own.preprocessing))
        pooled = _pooled(net, crops, np.dtype(extraction.cache), device)
        fresh[style] = Cached(_entries(table, rows, own_label), pooled, pooled)
    settings = settings.model_copy(update={"repeats": known_truth.trainings})
    outcomes = []
    for name, each in chosen.items():
        job = Job([each], name, "fresh", sets, net, settings, None, seed, device, predictions)
        outcomes += _outcomes(job, fresh)
    write_table(predictions_of(fresh, outcomes), predictions, PREDICTIONS)
    log.info("%d heads, %d faces", len(outcomes), sum(len(each.pooled) for each in fresh.values()))


def _outcomes(job: Job, fresh: Mapping[str, Cached]) -> list[Outcome]:
    """What every head of the job answers on the fresh faces."""
    heads, losses = trained_heads(job)
    rows = {style: cached.entries.index.to_numpy(np.int64) for style, cached in fresh.items()}
    logits = {style: head_logits(heads, fresh[style], rows[style]) for style in fresh}
    (trained,) = job.configurations
    return [
        Outcome(
            *(trained, job.trained_on, "full", "head", repeat, None, losses[:, repeat]),
            *(rows, {style: given[repeat] for style, given in logits.items()}),
        )
        for repeat in range(job.settings.repeats)
    ]


def _entries(faces: Path, aligned: Path, own_label: OwnLabel) -> pd.DataFrame:
    """The aligned faces as ENTRIES of a test part, in the order of their crops."""
    table = read_table(faces, FACES)
    side = sides_of(table, own_label, faces)
    known = table[["face_id"]].assign(person=persons_of(table), inside=side == "inside")
    table = read_table(aligned, ALIGNED).merge(known, on="face_id")
    return table.assign(split="test", copy=0, agreed=True)


def _pooled(
    net: Network, crops: Crops, cache: np.dtype[np.floating], device: torch.device
) -> NDArray[np.float32]:
    """Pooled features (n, width) of all crops, as those of the study's own faces."""
    return np.concatenate([pooled for _, pooled in passed(net, _batches(crops), cache, device)])


def _batches(crops: Crops) -> Iterator[NDArray[np.uint8]]:
    for start in paced(range(0, len(crops), BATCH), f"batches of {BATCH}", log):
        yield crops.take(np.arange(start, min(start + BATCH, len(crops))))
