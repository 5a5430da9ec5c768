"""How torch behaves in every job: the same bytes from the same seed on CPU, and the best device."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.optim import SGD, Adam, Optimizer, RMSprop


def settle(threads: int, which: int = 0) -> torch.device:
    """Deterministic torch on `threads` cores; the device to train on (CUDA, Apple's MPS, or CPU).

    Sums are split over threads, so the bytes of a CPU result depend on their number: it comes
    from the config, never from the machine. Of several GPUs in sight, `which` chooses one in
    turn, so that jobs side by side on a node spread over all of them.
    """
    torch.set_flush_denormal(True)  # first: threads have the setting of the one that starts them
    torch.set_num_threads(threads)
    # the same as use_deterministic_algorithms, but for the compiler, which that loads (1.3 s a job)
    torch.set_deterministic_debug_mode("warn")
    # a sixth of a training's time, to no use: nothing here reads memory that it has not written
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True, warn_only=True)  # here the compiler may be used
        return torch.device("cuda", which % torch.cuda.device_count())
    if torch.backends.mps.is_available():
        return torch.device("mps")
    _without_compiler()
    return torch.device("cpu")


def on_gpu(device: torch.device) -> bool:
    """Whether to work as suits a GPU; asked wherever that differs, so that tests can say yes."""
    return device.type == "cuda"


def _without_compiler() -> None:
    """Take the compiler's guards off torch's optimisers: putting them up loads it, 2 s a job.

    They keep optimisers out of compiled code, and on a CPU nothing is compiled.
    """
    for name in ("add_param_group", "load_state_dict", "state_dict", "zero_grad"):
        setattr(Optimizer, name, inspect.unwrap(getattr(Optimizer, name)))
    for kind in (Adam, RMSprop, SGD):
        kind.step = torch.no_grad()(inspect.unwrap(kind.step))  # type: ignore[method-assign]


@contextmanager
def one_thread() -> Iterator[None]:
    """One core for what is small within: its bytes depend on no number of threads.

    Threads wait for each other by spinning, which takes longer than a small product: beside
    other programs, ten heads took 0.4 s of CPU on one core, and 2.5 to 4.3 s on two.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
