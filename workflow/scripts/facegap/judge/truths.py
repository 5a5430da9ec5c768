"""What simulated participants were set to do, beside the estimates of it."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.special import expit, logit

from facegap.groups import ALL, group_name
from facegap.settings.judge import Simulation

PREFERENCES = (
    *("preference", "preference by maker"),
    *("preference of everybody", "adjusted preference"),
    *("preference at large", "preference at large of everybody"),
)


def with_truths(
    rows: Iterable[dict[str, Any]], simulation: Simulation, controls: Sequence[str]
) -> list[dict[str, Any]]:
    """`rows` of ESTIMATES with the truth that the settings fix; `controls` are the model's.

    Simulated participants favour no side of the screen and do not choose by whom they know.
    """
    known = _truths(simulation, controls)
    return [
        {**row, "truth": known.get((row["quantity"], row.get("group", ALL)))}
        if row.get("metric") in (None, "choice")
        else row
        for row in rows
    ]


def _truths(simulation: Simulation, controls: Sequence[str]) -> dict[tuple[str, str], float]:
    """By quantity and group."""
    odds = {value: float(logit(simulation.preference[value])) for value in controls}
    shares = {ALL: float(expit(np.mean(list(odds.values()))))} if odds else {}
    for value in controls:
        share = simulation.preference[value]
        shares[group_name({"control": value})] = share
        shares[group_name({"control": value, "chosen": "out-domain"})] = 1 - share
    base = float(logit(simulation.liking))
    known = {
        ("preference without baseline", group): float(expit(logit(share) - base))
        for group, share in shares.items()
    } | {("baseline preference", group): simulation.liking for group in shares}
    known |= {(name, group): share for name in PREFERENCES for group, share in shares.items()}
    for other in controls[1:]:
        group = group_name({"control": f"{controls[0]} \N{MINUS SIGN} {other}"})
        known["preference difference", group] = odds[controls[0]] - odds[other]
    for domain, share in simulation.familiarity.model_dump(by_alias=True).items():
        known["familiarity", group_name({"domain": domain})] = share
    return known | {
        ("left share", ALL): 0.5,
        ("left effect", ALL): 0.0,
        ("preference difference by maker", ALL): 0.0,
        ("familiarity effect", ALL): 0.0,
    }
