"""Hashes of 256 bits that differ in few: exact, and seldom by comparing each with each.

Two hashes that differ in at most d bits agree in at least b - d of b bands of bits, since each
bit that differs spoils one band at most. Of b - d bands in g groups, one group has at least
t = (b - d) / g, rounded up (pigeonholes). So all pairs are found among those that agree in all of
some t bands of one group: for each such choice of bands the hashes are sorted by these bits, and
only neighbours are compared. The idea is multi-index hashing's (Norouzi, Punjani and Fleet 2012),
with groups, which makes the sorted bits more and the candidates fewer. For hashes that are few, or
a distance that is large, comparing each with each is the quicker.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb

import numpy as np
from numpy.typing import NDArray

from facegap.acquire.looks import BITS
from facegap.errors import DataError

ROWS, COLUMNS = 32, 8192  # hashes that are compared at a time: what a core's own cache holds
MOST = 5_000_000  # pairs, beyond which a distance finds what is no picture twice
# what it takes to sort a hash once, to look at a candidate, to compare a pair with each, in
# nanoseconds on a slow core; only their proportions count
SORTED, LOOKED_AT, COMPARED = 40.0, 60.0, 8.0
HALF, LOWER = np.uint64(32), np.uint64(0xFFFFFFFF)  # a code above, its row below
STRIDE = 101  # odd, so that it reaches every bit
ALIKE = 3.0  # times as many candidates as of random bits: those of pictures go together

Hashes = NDArray[np.uint8]  # (n, 32)
Words = NDArray[np.uint64]  # (4, n)
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Bands:
    """How hashes are cut: the groups of bands, and how many of a group a pair agrees in."""

    groups: tuple[tuple[int, ...], ...]
    number: int
    together: int

    def choices(self) -> Iterator[tuple[int, ...]]:
        """Every choice of so many bands of one group."""
        for group in self.groups:
            yield from combinations(group, self.together)


def near(
    ones: Hashes, others: Hashes, distance: int, *, ordered: bool = False
) -> tuple[Rows, Rows, Rows]:
    """Rows i of `ones` and j of `others` (hashes, 32 bytes each) at most `distance` bits apart.

    `ordered`: only i < j. Returns i, j and the bits in which they differ, in the order of i and j.
    Raises `DataError` where there are more than `MOST` pairs. Memory grows with the hashes and the
    pairs that are found.
    """
    both = ones if ordered else np.concatenate([ones, others])
    pairs = len(ones) * len(others) // (2 if ordered else 1)
    bands, found = bands_of(distance, len(both), pairs), None
    if bands is not None:
        codes, count = _codes(both, bands.number), 0 if ordered else len(ones)
        found = _among_neighbours(_words(both), codes, bands, distance, count, COMPARED * pairs)
    if found is None:
        found = _of_all(_words(ones), _words(others), distance, ordered=ordered)
    i, j, bits = found[np.lexsort((found[:, 1], found[:, 0]))].T
    return i, j, bits


def bands_of(distance: int, hashes: int, pairs: int) -> Bands | None:
    """The cut that takes the least time, or None where comparing each with each does.

    Of so many hashes that are sorted, and so many pairs.
    """
    least, best = COMPARED * pairs, None
    for number in range(distance + 1, min(2 * distance + 64, BITS)):
        for groups in range(1, 13):
            together = -(-(number - distance) // groups)
            sizes = [len(part) for part in np.array_split(np.arange(number), groups)]
            if together > min(sizes) or together * _width(number) > 31:
                continue
            choices = sum(comb(size, together) for size in sizes)
            share = 2.0 ** (-together * BITS / number)
            candidates = ALIKE * choices * share * hashes**2 / 2
            time = SORTED * choices * hashes + LOOKED_AT * candidates
            if time < least:
                least, best = time, (number, groups, together)
    if best is None:
        return None
    number, groups, together = best
    parts = np.array_split(np.arange(number), groups)
    return Bands(tuple(tuple(map(int, part)) for part in parts), number, together)


def _width(number: int) -> int:
    """Bits of the widest of so many bands."""
    return -(-BITS // number)


def _codes(hashes: Hashes, number: int) -> NDArray[np.uint32]:
    """The bits of each of so many bands (number, n), as numbers.

    Bits that are neighbours go together, so a band has bits from all over the hash.
    """
    bits = np.unpackbits(np.ascontiguousarray(hashes), axis=1)[:, STRIDE * np.arange(BITS) % BITS]
    edges = np.linspace(0, BITS, number + 1).round().astype(int)
    return np.array(
        [
            bits[:, start:end] @ (1 << np.arange(end - start, dtype=np.uint32))
            for start, end in pairwise(edges)
        ],
        np.uint32,
    ).reshape(number, len(hashes))


def _among_neighbours(
    words: Words, codes: NDArray[np.uint32], bands: Bands, distance: int, count: int, most: float
) -> Rows | None:
    """The pairs and their distances (k, 3); None where candidates take longer than `most` ns.

    Of the first `count` hashes with the others; 0: of all hashes with each other.
    """
    width, row = np.uint64(_width(bands.number)), np.arange(codes.shape[1], dtype=np.uint64)
    found, taken = np.empty(0, np.uint64), 0.0
    for choice in bands.choices():
        code = np.zeros(len(row), np.uint64)
        for band in choice:
            code = code << width | codes[band]
        by_code = np.sort(code << HALF | row)
        code, rows = by_code >> HALF, (by_code & LOWER).astype(np.int64)
        half = [word.take(rows) for word in words[:2]]  # so that neighbours lie beside each other
        new, many = [found], 0
        for at, step in _equal_neighbours(code):
            taken += LOOKED_AT * len(at)
            if taken > most:
                return None
            apart = np.bitwise_count(half[0][at] ^ half[0][at + step])
            apart += np.bitwise_count(half[1][at] ^ half[1][at + step])
            at = at[apart <= distance]
            one, other = rows[at], rows[at + step]  # of one code the first come first
            close = _bits_between(words, one, other) <= distance
            one, other = one[close], other[close]
            if count:
                mixed = (one < count) & (other >= count)
                one, other = one[mixed], other[mixed] - count
            new.append(one.astype(np.uint64) << HALF | other.astype(np.uint64))
            many += len(one)
            _refuse_more(many, distance)
        if many:
            taken += LOOKED_AT * (many + len(found))
            found = np.unique(np.concatenate(new))
            _refuse_more(len(found), distance)
    one, other = (found >> HALF).astype(np.int64), (found & LOWER).astype(np.int64)
    return np.stack([one, other, _bits_between(words, one, other + count)], axis=1)


def _bits_between(words: Words, one: Rows, other: Rows) -> Rows:
    bits: Rows = np.bitwise_count(words[:, one] ^ words[:, other]).sum(axis=0, dtype=np.int64)
    return bits


def _equal_neighbours(code: NDArray[np.uint64]) -> Iterator[tuple[Rows, int]]:
    """Places in the sorted `code` where it is the same some steps later, and how many steps."""
    step, at = 1, np.arange(len(code))
    while True:
        at = at[: np.searchsorted(at, len(code) - step)]
        at = at[code[at] == code[at + step]]
        if not len(at):
            return
        yield at, step
        step += 1


def _of_all(left: Words, right: Words, distance: int, *, ordered: bool) -> Rows:
    """The same pairs, each hash compared with each, some rows with some rows at a time.

    Of most pairs the first half of the bits is too far apart already, and the rest is not looked
    at.
    """
    found: list[Rows] = [np.empty((0, 3), np.int64)]
    total = 0
    for top in range(0, left.shape[1], ROWS):
        for start in range(top if ordered else 0, right.shape[1], COLUMNS):
            some = _block(left[:, top : top + ROWS], right[:, start : start + COLUMNS], distance)
            some += np.array([top, start, 0])
            found.append(some[some[:, 0] < some[:, 1]] if ordered else some)
            total += len(found[-1])
            _refuse_more(total, distance)
    return np.concatenate(found)


def _block(left: Words, right: Words, distance: int) -> Rows:
    half = np.bitwise_count(left[0, :, None] ^ right[0])
    half += np.bitwise_count(left[1, :, None] ^ right[1])
    i, j = np.nonzero(half <= distance)
    rest = np.bitwise_count(left[2:, i] ^ right[2:, j]).sum(axis=0, dtype=np.int64)
    found = np.stack([i, j, half[i, j] + rest], axis=1)
    return found[found[:, 2] <= distance]


def _refuse_more(pairs: int, distance: int) -> None:
    if pairs > MOST:
        raise DataError(
            f"more than {MOST} pairs of pictures are at most {distance} of {BITS} bits apart, which"
            " cannot all be one picture: lower acquire.duplicates.distance"
        )


def _words(hashes: Hashes) -> Words:
    """Hashes (n, 32) as words, (4, n)."""
    return np.ascontiguousarray(np.ascontiguousarray(hashes).view(np.uint64).T)
