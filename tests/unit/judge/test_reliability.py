"""Agreement, repeats, times, and log odds that order what they should."""

import numpy as np
import pandas as pd
import pytest

from facegap.judge.ranks import correlations, log_odds
from facegap.judge.reliability import agreement, consistency, response_times, votes
from facegap.judge.shares import participant_bootstrap
from facegap.tables.measure import estimates


def test_agreement_needs_pairs_that_two_compared() -> None:
    rng = np.random.default_rng(0)
    answers = pd.DataFrame(
        {
            "comparison": np.repeat(np.arange(200), 3),
            "chose_in": np.repeat(rng.random(200) < 0.5, 3),
        }
    )
    alpha, fleiss = agreement(votes(answers), rng, 0.95)
    assert len(votes(answers)) == 200
    assert (alpha["answers"], alpha["estimate"], fleiss["estimate"]) == (600, 1, pytest.approx(1))
    assert np.isnan(alpha["low"]), "where nobody differs, all samples are alike"
    alpha, fleiss = agreement(votes(answers.assign(chose_in=rng.random(600) < 0.5)), rng, 0.95)
    assert alpha["low"] < 0 < alpha["high"]
    assert fleiss["estimate"] == pytest.approx(alpha["estimate"], abs=0.01)
    assert not list(agreement(votes(answers.iloc[::3]), rng, 0.95))
    (alpha,) = agreement(votes(answers[:-1]), rng, 0.95)
    assert alpha["quantity"] == "Krippendorff's alpha"


@pytest.mark.parametrize("pairs", [2, 19, 20])
def test_an_interval_of_agreement_needs_20_pairs(pairs: int) -> None:
    counts = pd.DataFrame({"out-domain": [2, 0], "in-domain": [0, 2]})
    counts = pd.concat([counts] * 10)[:pairs]
    mixed = counts.assign(**{"in-domain": [*counts["in-domain"][:-1], 1]})
    mixed.iloc[-1, 0] = 1
    for given, known in ((counts, False), (mixed, pairs == 20)):
        alpha, *_ = agreement(given, np.random.default_rng(0), 0.95)
        assert np.isfinite(alpha["estimate"])
        assert np.isfinite([alpha["low"], alpha["high"]]).all() == known
    assert not known or alpha["low"] < alpha["estimate"] < alpha["high"]


def test_repeats_count_the_same_image_not_the_same_side() -> None:
    answers = pd.DataFrame(
        {
            "pair_id": ["a", "b", "c", "d", "e", "a"],
            "participant": ["p", "p", "p", "p", "p", "q"],  # who has the same list
            "kind": ["compared", "compared", "repeat", "repeat", "repeat", "compared"],
            "repeats": [None, None, "a", "b", "stopped", None],
            "chose_in": [True, True, True, False, True, False],
        }
    )
    found = consistency(answers, 0.95)
    assert (found["estimate"], found["answers"]) == (0.5, 2)


def test_times_are_quartiles_or_nothing() -> None:
    answers = pd.DataFrame({"participant": ["a"] * 5, "seconds": [1, 2, 3, 4, np.nan]})
    rows = {row["metric"]: row for row in response_times(answers)}
    assert rows["lower quartile"]["estimate"] == 1.75
    assert rows["median"] == {
        **{"quantity": "response time", "metric": "median"},
        **{"estimate": 2.5, "answers": 4},
    }
    assert not list(response_times(answers.assign(seconds=np.nan)))


def answered(rng: np.random.Generator) -> pd.DataFrame:
    """Answers on 5 seeds and 5 attributes, preferred from 10% to 90%."""
    rows = [(s, f"a{a}") for s in range(5) for a in range(5) for _ in range(60)]
    table = pd.DataFrame(rows, columns=["seed", "attribute"])
    share = (table["seed"] + table["attribute"].str[1].astype(int)) / 10 + 0.1
    return table.assign(chose_in=rng.random(len(table)) < share)


def test_log_odds_order_as_the_choices_and_metrics_go_with_them_or_not() -> None:
    rng = np.random.default_rng(0)
    odds = log_odds(answered(rng))
    table = estimates(odds, "test")
    both = table[table["seed"].notna() & table["attribute"].notna()]
    assert len(both) == 25
    assert np.isfinite(table["estimate"]).all()
    low, high = both["estimate"].iloc[[0, -1]]
    assert low < -1 < 1 < high
    rows = [
        {"seed": row.seed, "attribute": row.attribute, "group": f"domain: {domain}"}
        | {"quantity": "realism", "metric": name, "estimate": value}
        for row in both.itertuples()
        for name, apart in (("FID", row.estimate + rng.normal()), ("KID", rng.normal()))
        for domain, value in (("in-domain", 1 + apart), ("out-domain", 1.0))
    ]
    over_seeds = [{**row, "seed": None} for row in rows]
    by_control = [{**row, "group": f"{row['group']} × control: male"} for row in rows]
    realism = estimates([*rows, *over_seeds, *by_control], "test")
    good, noise = correlations(odds, realism, rng, 0.95)
    assert (good["metric"], good["answers"]) == ("FID", 25)
    assert good["low"] > 0.2
    assert noise["low"] < 0 < noise["high"]
    flat = next(correlations(odds, realism.assign(estimate=1.0), rng, 0.95))
    assert np.isnan(flat["estimate"])


def test_a_metric_without_attributes_goes_by_seed() -> None:
    rng = np.random.default_rng(0)
    rows = [
        {"seed": seed, "group": f"domain: {domain}", "quantity": "realism", "metric": "KID"}
        | {"estimate": float(seed if domain == "in-domain" else 0)}
        for seed in range(5)
        for domain in ("in-domain", "out-domain")
    ]
    (found,) = correlations(log_odds(answered(rng)), estimates(rows, "test"), rng, 0.95)
    assert (found["answers"], found["estimate"]) == (5, pytest.approx(1))


def test_resampling_participants_too_claims_less() -> None:
    rng = np.random.default_rng(0)
    n = 900
    answers = pd.DataFrame(
        {
            "participant": np.repeat(["a", "b", "c"], 300),
            "in_subject": rng.integers(0, 40, n).astype(str),
            "out_subject": rng.integers(0, 40, n).astype(str),
            "chose_in": rng.random(n) < np.repeat([0.5, 0.6, 0.7], 300),
        }
    )
    found = participant_bootstrap(answers, rng, 0.95)
    assert found["high"] - found["low"] > 0.13, "Wilson's is 0.064 wide"
    assert (found["answers"], found["participants"]) == (900, 3)
