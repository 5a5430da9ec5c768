"""The selected model's probability of each face of the target, for the partition to calibrate."""

import logging
from pathlib import Path

import numpy as np

from facegap.classify.features import BATCH
from facegap.classify.plans import Candidates
from facegap.classify.selected import of_crop, selected_model
from facegap.crops import Crops
from facegap.errors import DataError
from facegap.network import settle
from facegap.progress import paced
from facegap.settings.classify import Features, Head
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import PSEUDO_LABELS

log = logging.getLogger(__name__)


def predict_pseudo_labels(
    *,
    selected: Path,
    trainings: list[Path],
    aligned: Path,
    shards: list[Path],
    weights: list[Path],
    pseudo_labels: Path,
    candidates: Candidates,
    head: Head,
    extraction: Features,
    threads: int,
    seed: int,
) -> None:
    """Write the probability of inside (PSEUDO_LABELS) of every aligned face, over the repeats.

    The trunk is run once over the crops and each repeat's tail on what it leaves, so nothing of
    the target's size is cached. `trainings` are the candidates' folders, `selected` says which
    configuration it is; `shards` are those of each of the candidates' crops in turn.
    """
    device = settle(threads)
    model = selected_model(
        *(selected, trainings, weights),
        candidates=candidates,
        head=head,
        extraction=extraction,
        seed=seed,
        device=device,
    )
    faces = read_table(aligned, ALIGNED)["face_id"]
    pixels = Crops(of_crop(shards, candidates.preprocessings, model.preprocessing))
    if len(faces) != len(pixels):
        raise DataError(f"{aligned}: {len(faces)} faces, but {len(pixels)} crops; align again")
    means = []
    for start in paced(range(0, len(pixels), BATCH), f"batches of {BATCH}", log):
        pictures = pixels.take(np.arange(start, min(start + BATCH, len(pixels))))
        answers = model.probabilities(pictures, np.dtype(extraction.cache), device)
        means.append(answers.mean(0))
    table = faces.to_frame().assign(probability=np.concatenate(means))
    write_table(table, pseudo_labels, PSEUDO_LABELS)
    log.info("%d faces, %s", len(table), model.net.name)
