"""Random numbers of the streams (facegap/streams.py), each derived from the one seed."""

import hashlib
import json

import numpy as np

from facegap.streams import STREAMS


def generator(seed: int, stream: str, **names: str | int | float) -> np.random.Generator:
    """A numpy generator of a stream: `generator(1, "split", dataset="source")`."""
    return np.random.default_rng(number(seed, stream, **names))


def number(seed: int, stream: str, **names: str | int | float) -> int:
    """A seed (63 bits) of a stream, for libraries that take a whole number, such as torch."""
    if stream not in STREAMS:
        raise KeyError(f"no stream {stream}; add it to facegap/streams.py")
    words = [word.format(**names) for word in STREAMS[stream]]
    return int.from_bytes(hashlib.sha256(json.dumps([seed, *words]).encode()).digest()[:8]) >> 1
