"""The one script for a GPU, which is seldom at hand: all but bfloat16 is done here on a CPU."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks/gpu_rates.py"


@pytest.mark.long
def test_every_part_is_measured() -> None:
    command = [sys.executable, SCRIPT, "--device", "cpu", "--seconds", "0.01"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    rates = [loop["rate"] for loop in figures["loops"].values()]
    rates += [rate for images in figures["images"].values() for rate in images.values()]
    assert len(rates) == 9 + 4
    assert all(rate > 0 and math.isfinite(rate) for rate in rates)
    assert figures["losses_apart"] < 1e-3
    assert figures["resumed_apart"] == 0
