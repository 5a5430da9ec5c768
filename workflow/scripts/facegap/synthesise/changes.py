"""Labels with one attribute changed, and whether training has shown such a face."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.attributes import Labels

ROUNDING = 1e-9  # of a number of faces


@dataclass(frozen=True)
class Together:
    """Which values of attributes, and of the control, are met together on faces.

    `met` (2a + c, 2a + c) has for each attribute its values 0 and 1, then the `controls`.
    """

    met: NDArray[np.bool_]
    controls: tuple[str, ...]

    @classmethod
    def on(cls, labels: Labels, control: "pd.Series[str]", least: float) -> "Together":
        """Of faces with `labels` (n, a) and `control` (n,).

        Two values are met together where they are at least `least` times as often as if they had
        nothing to do with each other. A value that no face has goes with all.
        """
        controls = tuple(sorted(control.dropna().unique()))
        values = _values(labels, control, controls)
        counts, both = values.sum(0), values.T @ values
        expected = np.outer(counts, counts) / max(len(values), 1)
        return cls(both >= least * expected - ROUNDING, controls)

    def allow(self, wanted: Labels, control: "pd.Series[str]", column: int) -> NDArray[np.bool_]:
        """Whether the value of one attribute goes with the others' and the control: (n,)."""
        has = _values(wanted, control, self.controls) > 0
        goes = self.met[2 * column + wanted[:, column].astype(int)]
        allowed: NDArray[np.bool_] = (goes | ~has).all(axis=1)
        return allowed


def _values(
    labels: Labels, control: "pd.Series[str]", controls: Sequence[str]
) -> NDArray[np.float64]:
    """Whether faces have each value: (n, 2a + c), 0 or 1."""
    attributes = np.stack([1 - labels, labels], axis=2).reshape(len(labels), -1)
    own = control.to_numpy()[:, None] == np.array(controls, dtype=object)
    return np.hstack([attributes, own]).astype(float)


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
