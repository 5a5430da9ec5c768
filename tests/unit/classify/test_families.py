"""Every family of timm's models is cut, and is whole again."""

import warnings
from collections import defaultdict

import numpy as np
import pytest
import timm
import torch

from facegap.classify.backbones import network, preprocess
from facegap.classify.cutting import trainable
from facegap.errors import TrainingError
from facegap.settings.classify import UNCUT

CPU = torch.device("cpu")
# the smallest model of each family of those that need more than 64 pixels, and what they need
LARGER = {
    **{"byoanet": 256, "efficientformer": 224, "inception_v3": 96, "inception_v4": 96},
    **{"inception_resnet_v2": 96, "crossvit": 240, "deepseek_vit": 126},
}
SOME = [  # of each kind of what crosses a cut: parameters, position tables, windows, heads
    *("test_vit", "test_vit_relpos", "xcit_nano_12_p8_224", "pit_ti_224", "coat_tiny"),
    *("edgenext_xx_small", "test_coatnet", "hiera_tiny_224"),
]


def smallest() -> dict[str, str]:
    """The model of each family that has the fewest parameters, found without their memory."""
    families: dict[str, list[str]] = defaultdict(list)
    for name in timm.list_models():
        families[timm.models.model_entrypoint(name).__module__.rpartition(".")[2]].append(name)
    return {family: min(names, key=parameters) for family, names in sorted(families.items())}


def parameters(name: str) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in timm.create_model(name, num_classes=0).parameters())


def check(name: str, size: int) -> None:
    found = network(name, size=size, layers=5, weights=None, seed=1, device=CPU)
    faces = np.random.default_rng(0).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    with torch.no_grad():
        boundary = found.boundary(faces, CPU)
        straight = found.body(preprocess(faces, found.backbone, size, CPU))
        pooled = found.pooled(boundary)
        alone = found.boundary(faces[1:2], CPU)
    assert boundary.shape == (3, found.width)
    assert pooled.shape == straight.shape
    spread = float(straight.std())
    torch.testing.assert_close(pooled, straight, rtol=1e-3, atol=1e-3 * spread)
    torch.testing.assert_close(alone[0], boundary[1], rtol=1e-2, atol=1e-2 * float(alone.std()))
    assert len({place.rpartition(".")[0] for place in trainable(found.tail)}) == 5


@pytest.mark.parametrize("name", SOME)
def test_a_model_is_cut_and_is_whole_again(name: str) -> None:
    check(name, 64)


@pytest.mark.long
def test_every_family_of_timms_is_cut_and_is_whole_again() -> None:
    warnings.simplefilter("ignore")
    faults = {}
    for family, name in smallest().items():
        try:
            check(name, LARGER.get(family, 64))
        except (AssertionError, TrainingError) as error:
            faults[family] = str(error)
    assert set(faults) == set(UNCUT), faults


def test_what_a_network_raises_is_said_by_its_name() -> None:
    with pytest.raises(TrainingError, match=r"backbones: efficientformer_l1 cannot be cut before"):
        network("efficientformer_l1", size=64, layers=5, weights=None, seed=1, device=CPU)
    with pytest.raises(TrainingError, match=r"xcit_nano_12_p8_224 cannot be built for 36 pix"):
        network("xcit_nano_12_p8_224", size=36, layers=5, weights=None, seed=1, device=CPU)
