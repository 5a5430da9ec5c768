"""A small network trained on real faces, the judge of translations: attributes, and who it is.

It is trained on both sides, so that it does not itself favour the side of the generator, and on
nobody who is translated.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F  # noqa: N812, torch's own custom
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from facegap import seeds, tables
from facegap.crops import Crops
from facegap.errors import DataError
from facegap.files import whole
from facegap.network import settle
from facegap.progress import Pace
from facegap.synthesise.attributes import read_labels, require
from facegap.synthesise.pixels import as_input

log = logging.getLogger(__name__)
FEATURES = 32
CHUNK = 256  # faces at a time when none is trained on
IDENTITY = 0.2  # how much telling persons apart counts beside the attributes
SHARPNESS = 16.0  # of cosines as logits


@dataclass(frozen=True)
class Sight:
    """What the recogniser sees in n faces."""

    features: NDArray[np.float64]  # (n, FEATURES)
    shown: NDArray[np.float64]  # (n, a), probability of each attribute
    identity: NDArray[np.float64]  # (n, FEATURES) of length 1: near where the person is the same
    layers: list[NDArray[np.float32]]  # (n, c, h, w) a layer, of length 1 over the channels


class Recogniser(nn.Module):
    """A face to `FEATURES` numbers, these to the logits of its attributes, and who it is."""

    def __init__(self, attributes: int, size: int) -> None:
        """For faces of `size` pixels a side."""
        super().__init__()
        layers: list[nn.Module] = []
        width, channels = 3, 16
        while size > 4:
            layers += [nn.Conv2d(width, channels, 4, stride=2, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
            width, channels, size = channels, min(2 * channels, 64), size // 2
        self.body = nn.Sequential(*layers)
        self.narrow = nn.Linear(width * size * size, FEATURES)
        self.head = nn.Linear(FEATURES, attributes)
        self.identity = nn.Linear(width * size * size, FEATURES)

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
        """Of faces (n, 3, s, s) in -1..1: features, logits, identity, and every layer's output."""
        layers = []
        for part in self.body:
            faces = part(faces)
            if isinstance(part, nn.ReLU):
                layers.append(faces)
        flat = faces.flatten(1)
        features = self.narrow(flat)
        identity = F.normalize(self.identity(flat))
        return features, self.head(F.relu(features)), identity, layers


def train_attribute_classifier(
    cast_parquet: str | Path,
    faces_parquet: str | Path,
    aligned_parquet: str | Path,
    crop_shards: Sequence[str | Path],
    classifier_safetensors: str | Path,
    *,
    attributes: Sequence[str],
    iterations: int,
    batch: int,
    rate: float,
    threads: int,
    seed: int,
) -> None:
    """Train on every aligned face of persons who are not translated; write the classifier.

    Both values of an attribute count alike, however rare one is. Who it is, is learnt by telling
    these persons apart, where some are known by several pictures.
    """
    device = settle(threads)
    crops = Crops(crop_shards)
    faces = _faces(cast_parquet, faces_parquet, aligned_parquet, attributes)
    labels = torch.from_numpy(read_labels(faces_parquet, faces["face_id"], attributes))
    share = labels.mean(0).clamp(1 / len(labels), 1 - 1 / len(labels))
    balance = ((1 - share) / share).to(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.number(seed, "synthesise", "classifier", "weights"))
        network = Recogniser(len(attributes), crops.size).to(device)
        persons, names = pd.factorize(faces["subject_id"], sort=True)
        centres = nn.Parameter(torch.randn(max(len(names), 1), FEATURES).to(device))
    optimiser = torch.optim.Adam([*network.parameters(), centres], rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=iterations)
    rng = seeds.generator(seed, "synthesise", "classifier", "batches")
    rows = faces["row"].to_numpy()
    pace = Pace(iterations)
    for step in range(iterations):
        chosen = rng.integers(0, len(rows), batch)
        images = crops.take(rows[chosen])
        mirrored = rng.random(batch) < 0.5
        images[mirrored] = images[mirrored, :, ::-1]
        _, logits, identity, _ = network(as_input(images, device))
        wanted = labels[chosen].to(device)
        loss = F.binary_cross_entropy_with_logits(logits, wanted, pos_weight=balance)
        who = torch.from_numpy(persons[chosen]).to(device)
        if (who >= 0).any():  # -1: not known
            nearness = SHARPNESS * identity @ F.normalize(centres).T
            loss = loss + IDENTITY * F.cross_entropy(nearness, who, ignore_index=-1)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step % 100 == 99:
            words = float(loss.detach()), pace.words(step + 1)
            log.info("step %d of %d: loss %.3f, %s", step + 1, iterations, *words)
    _save(network, attributes, crops.size, classifier_safetensors)


def load_recogniser(path: str | Path, device: torch.device) -> tuple[Recogniser, list[str]]:
    """The classifier and its attributes in their order; a `DataError` names a damaged file."""
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["classifier"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        network = Recogniser(len(about["attributes"]), about["size"])
        network.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}: not readable as a classifier: {error}") from error
    return network.to(device).eval().requires_grad_(False), about["attributes"]


def recognise(network: Recogniser, images: NDArray[np.uint8], device: torch.device) -> Sight:
    """What the network sees in images uint8 (n, s, s, 3)."""
    features, shown, identity = [], [], []
    layers: list[list[NDArray[np.float32]]] = []
    with torch.no_grad():
        for start in range(0, len(images), CHUNK):
            part = np.array(images[start : start + CHUNK])  # off the disk
            numbers, logits, who, outputs = network(as_input(part, device))
            features.append(numbers.cpu().double().numpy())
            shown.append(logits.cpu().double().sigmoid().numpy())
            identity.append(who.cpu().double().numpy())
            layers.append([F.normalize(output).cpu().numpy() for output in outputs])
    return Sight(
        np.concatenate(features),
        np.concatenate(shown),
        np.concatenate(identity),
        [np.concatenate(parts) for parts in zip(*layers, strict=True)],
    )


def _faces(
    cast_parquet: str | Path,
    faces_parquet: str | Path,
    aligned_parquet: str | Path,
    attributes: Sequence[str],
) -> pd.DataFrame:
    """Aligned faces (face_id, row, subject_id) with all attributes, of nobody translated."""
    cast = tables.read(cast_parquet, tables.CAST)
    translated = cast[cast["role"] != "train"]
    faces = tables.read(faces_parquet, tables.FACES).set_index("face_id")
    require(faces, attributes, faces_parquet)
    aligned = tables.read(aligned_parquet, tables.ALIGNED)[["face_id"]]
    aligned = aligned.assign(row=range(len(aligned))).join(faces, on="face_id")
    shown = aligned["face_id"].isin(translated["face_id"])
    shown |= aligned["subject_id"].isin(translated["subject_id"])
    found = aligned[~shown].dropna(subset=list(attributes))
    if found.empty:
        raise DataError(f"{faces_parquet}: every person is translated; lower synthesise.translated")
    return found[["face_id", "row", "subject_id"]]


def _save(network: Recogniser, attributes: Sequence[str], size: int, path: str | Path) -> None:
    about = json.dumps({"attributes": list(attributes), "size": size}, sort_keys=True)
    weights = {name: w.detach().cpu().contiguous() for name, w in network.state_dict().items()}
    with whole(path) as temporary:
        temporary.write_bytes(save(weights, {"classifier": about}))
