"""A permutation test of equal shares, by exchanging labels between persons."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PERMUTATIONS = 1999


def exchange_p(
    groups: "pd.Series[str]",
    hits: "pd.Series[bool]",
    persons: "pd.Series[str]",
    rng: np.random.Generator,
) -> float:
    """The p value of equal shares of `hits` in all `groups`, (n,) each (Fisher 1935).

    Labels are exchanged at random between `persons`; the faces of a person under one label go
    together. NaN where no or every face is a hit.
    """
    if hits.all() or not hits.any():
        return float("nan")
    faces = pd.DataFrame({"person": persons, "group": groups, "hit": hits})
    units = faces.groupby(["person", "group"], sort=True)["hit"].agg(["sum", "size"])
    code = pd.factorize(units.index.get_level_values("group"), sort=True)[0]
    hit, size = units["sum"].to_numpy(float), units["size"].to_numpy(float)
    seen = _spread(code, hit, size)
    spreads = [_spread(rng.permutation(code), hit, size) for _ in range(PERMUTATIONS)]
    return float((1 + np.sum(np.array(spreads) >= seen - 1e-12)) / (1 + PERMUTATIONS))


def _spread(code: NDArray[np.int64], hit: NDArray[np.float64], size: NDArray[np.float64]) -> float:
    """Spread of the groups' shares around the common one, weighted by their faces."""
    faces, hits = np.bincount(code, size), np.bincount(code, hit)
    return float((faces * (hits / faces - hit.sum() / size.sum()) ** 2).sum())
