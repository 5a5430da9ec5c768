"""What a study could have found, for where it found nothing."""

from scipy import special

POWER = 0.8  # an effect of this size is found 8 times in 10


def smallest_detectable(error: float, freedom: float, confidence: float = 0.95) -> float:
    """The smallest true effect that a study finds 8 times in 10 (Bloom 1995).

    (t at (1 + confidence) / 2 plus t at 0.8) times the standard `error`, with Student's t of
    `freedom` degrees (inf: the normal distribution). On the scale of `error`; NaN where that is.
    """
    found = special.stdtrit(freedom, (1 + confidence) / 2) + special.stdtrit(freedom, POWER)
    return float(found * error)


def equivalence_bound(
    estimate: float, error: float, freedom: float, confidence: float = 0.95
) -> float:
    """The smallest margin around zero that the effect is shown to lie within (Schuirmann 1987).

    It is the larger end, without its sign, of the interval whose two one-sided tests have the
    level 1 - confidence: the 90% interval at a `confidence` of 0.95. An effect is equivalent to
    none where this is below a margin that was fixed beforehand. Scale and `freedom` as in
    `smallest_detectable`.
    """
    return float(abs(estimate) + special.stdtrit(freedom, confidence) * error)
