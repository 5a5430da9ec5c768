"""What is done on GPUs alone, run on a CPU."""

import ast
import inspect
import sys
from types import ModuleType

import pytest
import torch

ASKS = "on_gpu"  # the library's one way to do something on GPUs alone


def as_on_a_gpu(patch: pytest.MonkeyPatch, module: ModuleType) -> set[int]:
    """Let `module` take any device for a GPU; the lines on which it asks are added as it does."""
    asked = set()

    def on_gpu(device: torch.device) -> bool:
        asked.add(sys._getframe(1).f_lineno)
        return True

    patch.setattr(module, ASKS, on_gpu)
    return asked


def asking(module: ModuleType) -> set[int]:
    """The lines on which `module` asks."""
    calls = (
        each
        for each in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(each, ast.Call)
    )
    return {
        call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == ASKS
    }
