"""How torch behaves in every job."""

import subprocess
import sys

import pytest

TRAIN = """
import sys
import torch
from facegap.network import settle
import {module}

settle(1)
for kind in (torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop):
    weight = torch.ones(3, requires_grad=True)
    optimiser = kind([weight], 0.1)
    optimiser.zero_grad()
    (weight**2).sum().backward()
    optimiser.step()
    optimiser.load_state_dict(optimiser.state_dict())
    assert (weight < 1).all()
    assert weight.requires_grad
print(sorted({{"torch._dynamo", "torchvision"}} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "module",
    [
        "facegap.classify.learning_curve",
        "facegap.classify.mislabelled",
        "facegap.classify.multiverse",
        "facegap.classify.tasks",
        "facegap.synthesise.training",
    ],
)
def test_a_training_on_a_cpu_loads_no_compiler(module: str) -> None:
    """It takes two seconds a job."""
    done = subprocess.run(
        [sys.executable, "-c", TRAIN.format(module=module)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
