"""How many participants and pairs an effect needs: studies simulated and tested, many at once."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

from facegap.seeds import generator
from facegap.statistics.absence import smallest_detectable

STUDIES = 500
AT_ONCE = 50  # studies in memory
SPREAD = 0.4  # log odds, standard deviation of how well a person's face comes out
TASTE = 0.2  # log odds, standard deviation of participants' own preference


class Simulated(NamedTuple):
    """Studies of one design: (s, n) arrays, a row a study and a column an answer."""

    chose_in: NDArray[np.bool_]
    one: NDArray[np.int64]  # person on the in-domain image
    two: NDArray[np.int64]  # person on the out-domain image
    participant: NDArray[np.int64]  # (n,)
    truth: float  # the share that the studies estimate


def simulate(
    rng: np.random.Generator,
    studies: int,
    share: float,
    participants: int,
    pairs: int,
    persons: int,
) -> Simulated:
    """Answers of participants to pairs of `persons` different persons on either side.

    Log odds are those of `share`, plus an effect of either person and a taste of the participant.
    Participants are the same in all studies and their tastes sum to zero: what is estimated is
    the share among them. `truth` is the share over persons, by quadrature.
    """
    who = np.repeat(np.arange(participants), pairs)
    taste = stats.norm.ppf((np.arange(participants) + 0.5) / participants) * TASTE
    one, two = rng.integers(0, persons, (2, studies, len(who)))
    effect = rng.normal(0, SPREAD, (2, studies, persons))
    rows = np.arange(studies)[:, None]
    odds = logit(share) + taste[who] + effect[0][rows, one] - effect[1][rows, two]
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    over = expit(logit(share) + taste[:, None] + nodes * SPREAD * 2**0.5)
    truth = float((over * weights).sum(1).mean() / weights.sum())
    return Simulated(rng.random(odds.shape) < expit(odds), one, two, who, truth)


class Estimated(NamedTuple):
    """The share of each study (s,), with its standard error and degrees of freedom."""

    share: NDArray[np.float64]
    error: NDArray[np.float64]
    freedom: int

    def half_width(self, confidence: float) -> NDArray[np.float64]:
        """Of Student's t interval (s,)."""
        reach = float(stats.t.ppf((1 + confidence) / 2, self.freedom))
        return reach * self.error

    @property
    def p(self) -> NDArray[np.float64]:
        """Of one half, two-sided (s,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.abs(self.share - 0.5) / self.error
        return np.asarray(2 * stats.t.sf(t, self.freedom))


def estimate(studies: Simulated) -> Estimated:
    """The estimator of the judge's model for one test, on the scale of shares.

    Participants fixed, errors two-way robust by the persons (Cameron, Gelbach and Miller 2011).
    """
    hits = studies.chose_in.astype(float)
    groups = studies.participant
    means = np.stack([hits[:, groups == g].mean(1) for g in np.unique(groups)], 1)
    rest = hits - means[:, groups]
    variances = [_clustered(rest, person) for person in (studies.one, studies.two)]
    alone = (rest**2).sum(1) / hits.shape[1] ** 2
    variance = np.maximum(np.maximum(*variances), sum(variances) - alone)
    return Estimated(hits.mean(1), np.sqrt(variance), int(max(studies.one.max(), 1)))


def power(
    share: float,
    participants: int,
    pairs: int,
    *,
    persons: int,
    seed: int,
    studies: int = STUDIES,
    confidence: float = 0.95,
) -> dict[str, float]:
    """Of simulated studies: how often the test at 1 - `confidence` rejects one half.

    And the interval's half width, and the share above one half that is found 8 times in 10.
    """
    rng = generator(
        seed, "power", share=share, participants=participants, pairs=pairs, persons=persons
    )
    rejected, errors = [], []
    for start in range(0, studies, AT_ONCE):
        count = min(AT_ONCE, studies - start)
        found = estimate(simulate(rng, count, share, participants, pairs, persons))
        rejected.append(found.p < 1 - confidence)
        errors.append(found.error)
    error = float(np.concatenate(errors).mean())
    mean = Estimated(np.full(1, share), np.full(1, error), found.freedom)
    return {
        "share": share,
        "participants": participants,
        "pairs": pairs,
        "persons": persons,
        "power": float(np.concatenate(rejected).mean()),
        "half_width": float(mean.half_width(confidence)[0]),
        "detectable": 0.5 + smallest_detectable(error, found.freedom, confidence),
    }


def table_of_power(
    shares: Sequence[float],
    participants: Sequence[int],
    pairs: Sequence[int],
    *,
    persons: int,
    values: int,
    seed: int,
) -> pd.DataFrame:
    """A row a design and test, for each true share.

    The test of all answers, and that of a row of Table 5: of one of `values` values of the
    control, with its part of everybody's `pairs` and of the `persons` on either side.
    """
    tests = {"all answers": 1, "a row of Table 5": values}
    rows = []
    for share, people, count, (test, parts) in product(shares, participants, pairs, tests.items()):
        size = {"participants": people, "pairs": max(count // parts, 1)}
        found = power(share, **size, persons=max(persons // parts, 2), seed=seed)
        rows.append({"test": test, **found})
    return pd.DataFrame(rows)


def _clustered(rest: NDArray[np.float64], person: NDArray[np.int64]) -> NDArray[np.float64]:
    """Variance of the mean (s,) of (s, n) whose residuals are `rest`, clustered by `person`."""
    studies, answers = rest.shape
    persons = int(person.max()) + 1
    where = person + np.arange(studies)[:, None] * persons
    sums = np.bincount(where.ravel(), rest.ravel(), studies * persons).reshape(studies, persons)
    variance: NDArray[np.float64] = (sums**2).sum(1) / answers**2 * persons / max(persons - 1, 1)
    return variance
