"""How torch behaves in every job: the same bytes from the same seed on CPU, and the best device."""

import torch


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
    return torch.device("cpu")
