"""Agreement against worked examples, repeats, and scores that order what they should."""

import numpy as np
import pandas as pd
import pytest

from facegap.judge.ranks import predicted, scores
from facegap.judge.reliability import agreement, krippendorff, repeats, seconds
from facegap.judge.shares import redrawn


def test_alpha_of_krippendorffs_own_example() -> None:
    # Krippendorff 2011, "Computing Krippendorff's alpha-reliability", A: binary, two observers
    one = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    two = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    ones = np.add(one, two)
    assert krippendorff(np.column_stack([2 - ones, ones]).astype(float)) == pytest.approx(
        0.095, abs=0.0005
    )
    assert krippendorff(np.array([[2.0, 0], [0, 2]])) == 1
    assert np.isnan(krippendorff(np.array([[2.0, 0], [2, 0]])))


def test_agreement_needs_pairs_that_two_compared() -> None:
    rng = np.random.default_rng(0)
    votes = pd.DataFrame(
        {
            "comparison": np.repeat(np.arange(200), 3),
            "chose_in": np.repeat(rng.random(200) < 0.5, 3),
        }
    )
    same = agreement(votes, rng, 0.95)
    assert same
    assert (same["pairs"], same["alpha"], same["fleiss"]) == (200, 1, pytest.approx(1))
    chance = agreement(votes.assign(chose_in=rng.random(600) < 0.5), rng, 0.95)
    assert chance
    assert chance["low"] < 0 < chance["high"]
    assert chance["fleiss"] == pytest.approx(chance["alpha"], abs=0.01)
    assert agreement(votes.iloc[::3], rng, 0.95) is None
    assert agreement(votes[:-1], rng, 0.95)["fleiss"] is None  # type: ignore[index]


def test_repeats_count_the_same_image_not_the_same_side() -> None:
    answers = pd.DataFrame(
        {
            "pair_id": ["a", "b", "c", "d", "e"],
            "kind": ["compared", "compared", "repeat", "repeat", "repeat"],
            "repeats": [None, None, "a", "b", "stopped"],
            "chose_in": [True, True, True, False, True],
        }
    )
    found = repeats(answers, 0.95)
    assert (found["chosen"], found["answers"]) == (1, 2)


def test_times_are_quartiles_or_nothing() -> None:
    answers = pd.DataFrame({"participant": ["a"] * 5, "seconds": [1, 2, 3, 4, np.nan]})
    assert seconds(answers)["all"]["median"] == 2.5  # type: ignore[index]
    assert seconds(answers.assign(seconds=np.nan)) is None


def judged(rng: np.random.Generator) -> pd.DataFrame:
    """Answers on 5 seeds and 5 attributes, preferred from 10% to 90%."""
    cells = [(s, f"a{a}") for s in range(5) for a in range(5) for _ in range(60)]
    table = pd.DataFrame(cells, columns=["seed", "attribute"])
    share = (table["seed"] + table["attribute"].str[1].astype(int)) / 10 + 0.1
    return table.assign(chose_in=rng.random(len(table)) < share)


def test_scores_order_as_the_choices_and_measures_predict_them_or_not() -> None:
    rng = np.random.default_rng(0)
    table = scores(judged(rng), 0.95)
    cells = table[table["by"] == "seed and attribute"]
    assert len(cells) == 25
    assert np.isfinite(table[["score", "low", "high"]]).all().all()
    low, high = cells["score"].iloc[[0, -1]]
    assert low < -1 < 1 < high
    both = [
        {"seed": row.seed, "attribute": row.attribute, "domain": domain, "metric": name, "value": v}
        for row in cells.itertuples()
        for name, apart in (("good", row.score + rng.normal()), ("noise", rng.normal()))
        for domain, v in (("in-domain", 1 + apart), ("out-domain", 1.0))
    ]
    found = {row["metric"]: row for row in predicted(table, pd.DataFrame(both), rng, 0.95)}
    assert found["good"]["points"] == 25
    assert found["good"]["low"] > 0.2
    assert found["noise"]["low"] < 0 < found["noise"]["high"]
    flat = pd.DataFrame(both).assign(value=1.0)
    assert predicted(table, flat, rng, 0.95)[0]["correlation"] is None


def test_redrawing_participants_too_claims_less() -> None:
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
    found = redrawn(answers, rng, 0.95)
    assert found
    assert found["high"] - found["low"] > 0.13, "Wilson's is 0.064 wide"
    assert redrawn(answers[:0], rng, 0.95) is None
