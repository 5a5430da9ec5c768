"""Every random choice has a generator of its own, named, and derived from one seed of the config.

A name of its own keeps streams apart: drawing one face more in `acquire` moves nothing in `judge`.
"""

import hashlib
import json

import numpy as np


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A numpy generator for the stream called `names`, e.g. `generator(1, "acquire", "source")`."""
    return np.random.default_rng(number(seed, *names))


def number(seed: int, *names: str | int) -> int:
    """A seed (63 bits) for libraries that take a whole number, such as torch."""
    stream = json.dumps([seed, *(str(name) for name in names)])
    return int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8]) >> 1
