"""The selected model on test faces that are cropped again, closer, for the parts of its gaps."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.classify.features import BATCH
from facegap.classify.plans import Candidates
from facegap.classify.selected import of_crop, selected_model
from facegap.crops import Crops, apart
from facegap.files import read_json
from facegap.network import settle
from facegap.progress import paced
from facegap.settings.classify import Features, Head
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import PREDICTIONS

log = logging.getLogger(__name__)


def predict_closer(
    *,
    selected: Path,
    predictions: Path,
    trainings: list[Path],
    aligned: list[Path],
    shards: list[Path],
    weights: list[Path],
    closer_predictions: Path,
    candidates: Candidates,
    head: Head,
    extraction: Features,
    closer: float,
    datasets: list[str],
    threads: int,
    seed: int,
) -> None:
    """Write the rows of `predictions` (PREDICTIONS) of the selected model, trained on the source,
    on the test parts, with its answers on the middle of each crop.

    The middle has `closer` of the crop's side. `aligned` (ALIGNED) are in the order of `datasets`,
    `shards` those of each data set, of each of the candidates' crops in turn.
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
    table = read_table(predictions, PREDICTIONS)
    own = (table["model"] == read_json(selected)["name"]) & (table["trained_on"] == datasets[0])
    table = table[own & (table["arm"] == "full") & (table["part"] == "test")]
    parts = []
    for dataset, rows, mine in zip(datasets, aligned, apart(shards, len(datasets)), strict=True):
        tested = table[table["dataset"] == dataset]
        ids = tested["face_id"].drop_duplicates()
        row = read_table(rows, ALIGNED).set_index("face_id")["row"]
        crops = Crops(of_crop(list(mine), candidates.preprocessings, model.preprocessing))
        pixels = crops.take(row.loc[ids].to_numpy())
        found = []
        for start in paced(range(0, len(pixels), BATCH), f"batches of {BATCH}", log):
            some = np.stack([middle(one, closer) for one in pixels[start : start + BATCH]])
            found.append(model.probabilities(some, np.dtype(extraction.cache), device))
        answers = np.concatenate(found, axis=1)
        answered = pd.DataFrame(answers.T, index=ids, columns=range(len(answers)))
        places = answered.index.get_indexer(tested["face_id"])
        parts.append(tested.assign(probability=answers[tested["repeat"].to_numpy(), places]))
        log.info("%s: %d faces", dataset, len(ids))
    write_table(pd.concat(parts), closer_predictions, PREDICTIONS)


def middle(picture: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """The middle of `picture` (s, s, 3), `share` of its side, as large as the whole."""
    size = len(picture)
    length = max(1, round(share * size))
    first = (size - length) // 2
    part = picture[first : first + length, first : first + length]
    return np.asarray(cv2.resize(part, (size, size), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
