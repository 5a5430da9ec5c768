"""A small network trained on real faces, which judges translations: attributes, and who it is.

It is trained on both sides, which count alike however many faces each has, and on nobody who is
measured. How often it is right on either side is measured by facegap/measure/recognition.py.
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
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from facegap.attributes import read_labels, require
from facegap.crops import Crops
from facegap.errors import DataError
from facegap.files import whole
from facegap.network import settle
from facegap.pixels import as_input
from facegap.progress import Pace
from facegap.seeds import generator, number
from facegap.settings.measure import AttributeClassifier
from facegap.settings.synthesise import Attributes
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.base import SIDES, read_table
from facegap.tables.partition import FACE_SIDES
from facegap.tables.synthesise import ROLES
from facegap.tensors import reading

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
        """For faces of `size` by `size` pixels."""
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
    *,
    roles: Path,
    sides: Path,
    faces: Path,
    aligned: Path,
    crops: list[Path],
    classifier: Path,
    attributes: Attributes,
    settings: AttributeClassifier,
    threads: int,
    seed: int,
) -> None:
    """Train on the aligned faces of all persons who are not measured; write the classifier.

    Of a batch, half is of either side (FACE_SIDES) on average, and both values of an attribute
    count alike, however rare one is. Who it is, is learnt by telling these persons apart, where
    some are known by several pictures.
    """
    device = settle(threads)
    shards = Crops(crops)
    table = _faces(roles, sides, faces, aligned, attributes.names)
    labels = torch.from_numpy(read_labels(faces, table["face_id"], attributes.names))
    persons, names = pd.factorize(table["subject_id"], sort=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(number(seed, "attribute_classifier_weights"))
        network = Recogniser(len(attributes.names), shards.size).to(device)
        centres = nn.Parameter(torch.randn(max(len(names), 1), FEATURES).to(device))
    optimiser = torch.optim.Adam([*network.parameters(), centres], settings.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.rate, total_steps=settings.iterations
    )
    share = _shares(table["side"])
    balance = _balance(labels, torch.from_numpy(share)).to(device)
    rng = generator(seed, "attribute_classifier_batches")
    rows = table["row"].to_numpy()
    pace = Pace(settings.iterations)
    for step in range(1, settings.iterations + 1):
        chosen = rng.choice(len(rows), settings.batch, p=share)
        images = shards.take(rows[chosen])
        mirrored = rng.random(settings.batch) < 0.5
        images[mirrored] = images[mirrored, :, ::-1]
        _, logits, identity, _ = network(as_input(images, device))
        wanted = labels[chosen].to(device)
        loss = F.binary_cross_entropy_with_logits(logits, wanted, pos_weight=balance)
        loss = loss + _identity_loss(identity, centres, torch.from_numpy(persons[chosen]))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            words = float(loss.detach()), pace.words(step)
            log.info("step %d of %d: loss %.3f, %s", step, settings.iterations, *words)
    _save(network, attributes.names, shards.size, classifier)


def _shares(side: "pd.Series[str]") -> NDArray[np.float64]:
    """How often each face (n,) is sampled: sums to 1, and to the same on either side."""
    counts = side.value_counts()
    shares: NDArray[np.float64] = 1 / (side.map(counts) * len(counts)).to_numpy(float)
    return shares


def _balance(labels: Tensor, share: Tensor) -> Tensor:
    """How much having each attribute counts, so that both its values count alike in all.

    Of faces with `labels` (n, a) that are sampled as often as `share` (n,) says.
    """
    having = (share.float() @ labels).clamp(1 / len(labels), 1 - 1 / len(labels))
    return (1 - having) / having


def _identity_loss(identity: Tensor, centres: Tensor, persons: Tensor) -> Tensor | float:
    """How badly persons (n,) are told apart by `identity` (n, FEATURES); -1: not known."""
    if not (persons >= 0).any():
        return 0.0
    nearness = SHARPNESS * identity @ F.normalize(centres).T
    return IDENTITY * F.cross_entropy(nearness, persons.to(nearness.device), ignore_index=-1)


def load_recogniser(path: Path, device: torch.device) -> tuple[Recogniser, list[str]]:
    """The classifier and its attributes in their order; a `DataError` names a damaged file."""
    with reading(path, "a classifier"):
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["classifier"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        network = Recogniser(len(about["attributes"]), about["size"])
        network.load_state_dict(weights)
    return network.to(device).eval().requires_grad_(False), about["attributes"]


def recognise(
    network: Recogniser, images: NDArray[np.uint8], device: torch.device, *, layers: bool
) -> Sight:
    """What the network sees in images uint8 (n, s, s, 3); its `layers` only if asked for."""
    features, shown, identity = [], [], []
    parts: list[list[NDArray[np.float32]]] = []
    with torch.no_grad():
        for start in range(0, len(images), CHUNK):
            part = np.array(images[start : start + CHUNK])  # off the disk
            numbers, logits, who, outputs = network(as_input(part, device))
            features.append(numbers.cpu().double().numpy())
            shown.append(logits.cpu().double().sigmoid().numpy())
            identity.append(who.cpu().double().numpy())
            parts.append([F.normalize(o).cpu().numpy() for o in outputs] if layers else [])
    return Sight(
        np.concatenate(features),
        np.concatenate(shown),
        np.concatenate(identity),
        [np.concatenate(of_layer) for of_layer in zip(*parts, strict=True)],
    )


def _faces(
    roles: Path, sides: Path, faces: Path, aligned: Path, attributes: Sequence[str]
) -> pd.DataFrame:
    """Aligned faces (face_id, row, subject_id, side) with all attributes, of nobody measured.

    Contentious faces, the side of which is a rule's and nobody's word, are not among them.
    """
    assigned, decided = read_table(roles, ROLES), read_table(sides, FACE_SIDES)
    measured = assigned[assigned["role"] != "train"]
    known = read_table(faces, FACES).set_index("face_id")
    require(known, attributes, faces)
    complete = known.index[known[list(attributes)].notna().all(axis=1)]
    sure = decided[decided["side"].notna() & (decided["provenance"] != "contentious")]
    table = read_table(aligned, ALIGNED).join(known["subject_id"], on="face_id")
    table = table.merge(sure[["face_id", "side"]], on="face_id", how="inner")
    shown = table["face_id"].isin(measured["face_id"])
    shown |= table["subject_id"].isin(measured["subject_id"])
    unseen = table[~shown & table["face_id"].isin(complete)]
    counts = {side: int((unseen["side"] == side).sum()) for side in SIDES}
    if not all(counts.values()):
        raise DataError(
            f"{roles}: the attribute classifier needs faces of both sides of persons who are not"
            f" measured; there are {counts['inside']} inside and {counts['outside']} outside; lower"
            " synthesise.roles.held_out or use more faces"
        )
    return unseen[["face_id", "row", "subject_id", "side"]]


def _save(network: Recogniser, attributes: Sequence[str], size: int, path: Path) -> None:
    about = json.dumps({"attributes": list(attributes), "size": size}, sort_keys=True)
    weights = {name: w.detach().cpu().contiguous() for name, w in network.state_dict().items()}
    with whole(path) as temporary:
        temporary.write_bytes(save(weights, {"classifier": about}))
