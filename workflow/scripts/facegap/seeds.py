"""Every random choice has a generator of its own, named, and derived from one seed of the config.

A name of its own keeps streams apart: drawing one face more in `acquire` moves nothing in `judge`.
"""

import zlib

import numpy as np


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A numpy generator for the stream called `names`, e.g. `generator(1, "acquire", "source")`."""
    return np.random.default_rng(_sequence(seed, names))


def number(seed: int, *names: str | int) -> int:
    """A seed (63 bits) for libraries that take a whole number, such as torch."""
    high, low = (int(word) for word in _sequence(seed, names).generate_state(2))
    return (high << 31 ^ low) & (2**63 - 1)


def _sequence(seed: int, names: tuple[str | int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, *(zlib.crc32(str(name).encode()) for name in names)])
