"""Labels with one attribute changed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facegap.attributes import Labels


def changed(
    labels: Labels, attribute: str, attributes: Sequence[str], exclusive: Sequence[Sequence[str]]
) -> tuple[Labels, NDArray[np.bool_]]:
    """`labels` with one attribute changed, and (n,) whether that changes anything.

    An attribute of an `exclusive` group is set and the others of its group are unset, so a face
    that has it stays as it is; any other attribute is reversed. As create_labels in solver.py of
    yunjey/stargan.
    """
    column, wanted = list(attributes).index(attribute), labels.copy()
    group = [list(attributes).index(name) for name in _group(attribute, attributes, exclusive)]
    if group:
        wanted[:, group] = 0
        wanted[:, column] = 1
    else:
        wanted[:, column] = 1 - labels[:, column]
    return wanted, wanted[:, column] != labels[:, column]


def _group(
    attribute: str, attributes: Sequence[str], exclusive: Sequence[Sequence[str]]
) -> list[str]:
    """All attributes that exclude `attribute`, and itself; none if nothing does."""
    for group in exclusive:
        if attribute in group:
            return [name for name in attributes if name in group]
    return []
