"""How torch behaves in every job."""

import re
import subprocess
import sys

import pytest
import torch
from gpu import ASKS
from house import LIBRARY

from facegap import network

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


# each has a test that runs all of its branches for GPUs: see tests/gpu.py
TRIED = {"classify/backbones.py", "synthesise/networks.py", "synthesise/training.py"}


def test_what_is_done_on_gpus_alone_is_tried_on_a_cpu() -> None:
    texts = {
        path.relative_to(LIBRARY).as_posix(): path.read_text() for path in LIBRARY.rglob("*.py")
    }
    del texts["network.py"]
    assert {name for name, text in texts.items() if f"{ASKS}(" in text} == TRIED
    otherwise = re.compile(r"device\.type\s*(==|!=|in)|is_cuda|cuda\.is_available")
    assert not [name for name, text in texts.items() if otherwise.search(text)]


def test_jobs_side_by_side_spread_over_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    threads = torch.get_num_threads()
    try:
        devices = [str(network.settle(1, which)) for which in (0, 1, 2, 3, 7)]
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(threads)
    assert devices == ["cuda:0", "cuda:1", "cuda:2", "cuda:0", "cuda:1"]
    assert network.on_gpu(torch.device(devices[0]))
    assert not network.on_gpu(torch.device("cpu"))
