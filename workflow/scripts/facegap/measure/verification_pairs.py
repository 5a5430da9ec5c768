"""Pairs of faces for verification, sampled from all there are, and their cosine similarity.

All pairs of a kind are numbered without being built: a face's partners are a stretch of a sorted
list, so that a sum of their counts finds the pair of any number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from facegap.errors import DataError

Codes = NDArray[np.int64]
Vectors = NDArray[np.float32]
PER_PERSON = 100  # genuine pairs at most: those of one person say much the same
AT_ONCE = 1 << 14  # pairs, or faces: at 512 dimensions 64 MiB


@dataclass(frozen=True)
class Faces:
    """Of n faces the person and the group, from 0, and what both of an impostor pair share.

    `alike` (n,) is the code of gender and age band; -1, not known: in no impostor pair.
    """

    person: Codes
    group: Codes
    alike: Codes


@dataclass(frozen=True)
class Pairs:
    """The two faces of k pairs, as rows (k,), and the kind of each pair (k,)."""

    one: Codes
    other: Codes
    kind: Codes

    def __len__(self) -> int:
        """How many they are."""
        return len(self.kind)


@dataclass(frozen=True)
class _Partners:
    """Where the partners of each face lie in the sorted list of the other faces (n,).

    They are `count` places from `first` on, without the `width` places from `hole` on.
    """

    first: Codes
    count: Codes
    hole: Codes
    width: Codes

    def pairs(self, numbers: Codes) -> tuple[Codes, Codes]:
        """The face and the place of its partner, of the pairs with these `numbers` (k,)."""
        ends = np.cumsum(self.count)
        face = np.searchsorted(ends, numbers, side="right")
        place = self.first[face] + numbers - (ends - self.count)[face]
        return face, place + np.where(place >= self.hole[face], self.width[face], 0)


def unit(vectors: Vectors) -> Vectors:
    """The embeddings (n, d) with length 1; a `DataError` names one that has no direction."""
    scaled = np.empty(vectors.shape, dtype=np.float32)
    for start in range(0, len(vectors), AT_ONCE):
        part = vectors[start : start + AT_ONCE].astype(np.float64)
        length = np.sqrt(np.einsum("ij,ij->i", part, part))
        wrong = np.flatnonzero(~np.isfinite(length) | (length == 0))
        if len(wrong):
            row = start + int(wrong[0])
            problem = "is all zeros" if length[wrong[0]] == 0 else "has a value that is not finite"
            raise DataError(f"embeddings: row {row} {problem}; embed it again or leave it out")
        scaled[start : start + AT_ONCE] = part / length[:, None]
    return scaled


def cosines(scaled: Vectors, pairs: Pairs) -> NDArray[np.float32]:
    """The cosine similarity (k,) of the faces of each pair, of embeddings with length 1."""
    scores = np.empty(len(pairs), dtype=np.float32)
    for start in range(0, len(pairs), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        np.einsum("ij,ij->i", scaled[pairs.one[part]], scaled[pairs.other[part]], out=scores[part])
    return scores


def genuine_pairs(faces: Faces, groups: int, most: int, rng: np.random.Generator) -> Pairs:
    """Pairs of pictures of one person in one group, the kind; at most `most`, evenly by group.

    A person gives at most `PER_PERSON` pairs, and fewer where a group would have too many: the
    largest number that leaves few enough, the same for all its persons, who give all they have
    where that is less. Those taken lie evenly spaced in the list of the person's pairs, from a
    random start.
    """
    _, person = np.unique(faces.person, return_inverse=True)
    key = faces.group * (person.max(initial=0) + 1) + person
    order = np.argsort(key, kind="stable")
    key, place = key[order], np.arange(len(order))
    count = np.searchsorted(key, key, side="right") - place - 1
    partners = _Partners(place + 1, count, np.zeros_like(place), np.zeros_like(place))
    first = np.flatnonzero(np.diff(key, prepend=-1))
    sizes = np.add.reduceat(count, first) if len(first) else first
    taken = np.zeros_like(sizes)
    for group in range(groups):
        own = (faces.group[order[first]] == group) & (sizes > 0)
        taken[own] = _even(sizes[own], most // groups, rng)
    one, other = partners.pairs(_spaced(sizes, taken, rng))
    rows = order[one], order[other]
    return Pairs(*rows, faces.group[rows[0]])


def kinds_of_impostors(groups: int) -> list[tuple[int, int]]:
    """The groups of the two faces, of each kind of impostor pair: within groups, then across."""
    return [*((group, group) for group in range(groups)), *combinations(range(groups), 2)]


def impostor_pairs(faces: Faces, groups: int, most: int, rng: np.random.Generator) -> Pairs:
    """Pairs of two persons' faces that are alike, a uniform sample of each kind; `most` at most.

    The pairs within each group are as many as in any other and as all those across groups, where
    there are so many. Kinds are numbered as in `kinds_of_impostors`.
    """
    apart = len(kinds_of_impostors(groups)) - groups
    share = most // (groups + (apart > 0))
    quota = [share] * groups + [share // max(apart, 1)] * apart
    found = list(_impostors(faces, groups, quota, rng))
    kind = np.repeat(np.arange(len(found)), [len(one) for one, _ in found])
    one, other = (np.concatenate(rows) for rows in zip(*found, strict=True))
    return Pairs(one, other, kind)


def _impostors(
    faces: Faces, groups: int, quota: list[int], rng: np.random.Generator
) -> Iterator[tuple[Codes, Codes]]:
    """The two faces of the pairs of each kind, as rows, sampled without replacement."""
    _, person = np.unique(faces.person, return_inverse=True)
    persons = int(person.max(initial=0)) + 1
    key = np.unique(faces.alike, return_inverse=True)[1] * persons + person
    known = faces.alike >= 0
    rows = [np.flatnonzero(known & (faces.group == group)) for group in range(groups)]
    rows = [own[np.argsort(key[own], kind="stable")] for own in rows]
    for (left, right), most in zip(kinds_of_impostors(groups), quota, strict=True):
        partners = _impostor_partners(key[rows[left]], key[rows[right]], persons, left == right)
        total = int(partners.count.sum())
        one, other = partners.pairs(_numbers(total, most, rng))
        yield rows[left][one], rows[right][other]


def _numbers(total: int, most: int, rng: np.random.Generator) -> Codes:
    """At most `most` of the numbers below `total`, sorted; numpy's memory is 20 times `most`."""
    if total <= most:
        return np.arange(total)
    return np.sort(rng.choice(total, most, replace=False, shuffle=False))


def _impostor_partners(left: Codes, right: Codes, persons: int, same: bool) -> _Partners:
    """The partners in `right` of the faces in `left`: sorted keys, alike * `persons` + person.

    In the `same` group only those that come later, so that each pair is there once.
    """
    start, stop = (np.searchsorted(right, (left // persons + k) * persons) for k in (0, 1))
    own, after = (np.searchsorted(right, left, side) for side in ("left", "right"))
    if same:
        return _Partners(after, stop - after, own, np.zeros_like(own))
    return _Partners(start, stop - start - (after - own), own, after - own)


def _even(sizes: Codes, most: int, rng: np.random.Generator) -> Codes:
    """How many to take of each of the stacks of `sizes` (n,), `most` in all, as even as can be."""
    level = PER_PERSON
    while level > 1 and np.minimum(sizes, level).sum() > most:
        level -= 1
    taken = np.minimum(sizes, level)
    if taken.sum() > most:
        taken[rng.permutation(len(taken))[most:]] = 0
    return taken


def _spaced(sizes: Codes, taken: Codes, rng: np.random.Generator) -> Codes:
    """Numbers, `taken` (n,) of each of the stacks of `sizes` (n,), evenly spaced in the stack."""
    stack = np.repeat(np.arange(len(sizes)), taken)
    nth = np.arange(len(stack)) - (np.cumsum(taken) - taken)[stack]
    start = rng.random(len(sizes))[stack]
    within = ((nth + start) * (sizes / np.maximum(taken, 1))[stack]).astype(np.int64)
    numbers: Codes = np.minimum(within, sizes[stack] - 1) + (np.cumsum(sizes) - sizes)[stack]
    return numbers
