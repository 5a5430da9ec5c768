"""What tests of measure have in common: settings, and torch on one core."""

import pytest
import torch

from facegap.settings.measure import Intervals


@pytest.fixture(scope="session")
def intervals() -> Intervals:
    """Of every measure; bands of age begin at 30 and 50."""
    return Intervals()


@pytest.fixture(scope="session", autouse=True)
def _one_core() -> None:
    """Threads that wait for each other on a busy machine take longer than one alone."""
    torch.set_num_threads(1)
