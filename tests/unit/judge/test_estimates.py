"""Table 5 against the paper's own counts, and a model whose intervals hold what they promise."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from facegap import tables
from facegap.errors import DataError
from facegap.judge.estimates import in_order, judge_pairs, model, table5, unblind


def study(
    rng: np.random.Generator, chance: dict[str, float], persons: int = 40, each: int = 100
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Pairs, key and responses of three participants; persons differ in how well they come out."""
    n = 3 * each
    control = np.resize(list(chance), n)
    one, two = rng.integers(0, persons, (2, n))
    gift = rng.normal(0, 0.4, (2, persons))
    log_odds = logit(pd.Series(control).map(chance)) + gift[0][one] - gift[1][two]
    chose_in, in_left = rng.random(n) < expit(log_odds), rng.permutation(n) < n // 2
    names = [f"in{c}{i}" for c, i in zip(control, one, strict=True)]
    others = [f"out{c}{i}" for c, i in zip(control, two, strict=True)]
    ids = [f"{i:05}" for i in range(n)]
    people = np.repeat(["p1", "p2", "p3"], each)
    pairs = pd.DataFrame(
        {
            "pair_id": ids,
            "participant": people,
            "position": np.tile(np.arange(each), 3),
            "attribute": np.resize(["Young", "Bangs", "Bangs"], n),
            "value": 1,
            "control": control,
            "left_image": "x",
            "right_image": "y",
        }
    )
    key = pd.DataFrame(
        {
            "pair_id": ids,
            "seed": 1,
            "left_domain": np.where(in_left, "in-domain", "out-domain"),
            "left_row": 0,
            "right_row": 0,
            "left_subject": np.where(in_left, names, others),
            "right_subject": np.where(in_left, others, names),
        }
    )
    choice = np.where(chose_in == in_left, "left", "right")
    responses = pd.DataFrame({"pair_id": ids, "participant": people, "choice": choice})
    return pairs, key, responses.assign(seconds=np.nan, simulated=True)


def test_unblinding_knows_what_was_chosen_and_who_was_seen() -> None:
    pairs, key, responses = study(np.random.default_rng(0), {"male": 0.6})
    responses = responses[:2].assign(choice=["left", "right"])
    key.loc[:1, "left_domain"] = ["in-domain", "in-domain"]
    key.loc[:1, ["left_subject", "right_subject"]] = [["a", "b"], ["c", "d"]]
    found = unblind(pairs, key, responses)
    assert found["chose_in"].tolist() == [True, False]
    assert found["in_subject"].tolist() == ["a", "c"]
    assert found["out_subject"].tolist() == ["b", "d"]
    with pytest.raises(DataError, match="pair 00000 is not among"):
        unblind(pairs, key[1:], responses)


def test_the_papers_counts_give_the_papers_table() -> None:
    answers = pd.DataFrame(
        {
            "control": ["male"] * 450 + ["female"] * 450,
            "chose_in": [True] * 270 + [False] * 180 + [True] * 238 + [False] * 212,
        }
    )
    table = table5(answers, ["male", "female"], 0.95).set_index(["control", "domain"])
    assert table["share"].round(2).tolist() == [0.60, 0.40, 0.53, 0.47]
    assert table["chosen"].tolist() == [270, 180, 238, 212]
    men, women = table.loc[("male", "in-domain")], table.loc[("female", "in-domain")]
    assert (round(men["low"], 4), round(men["high"], 4)) == (0.5541, 0.6442)
    assert men["p"] < 0.0001
    assert round(women["p"], 2) == 0.24
    other = table.loc[("male", "out-domain")]
    assert (1 - other["high"], 1 - other["low"]) == pytest.approx((men["low"], men["high"]))
    assert other["p"] == men["p"]


def test_a_control_without_answers_has_a_row_that_says_so() -> None:
    answers = pd.DataFrame({"control": ["male"], "chose_in": [True]})
    table = table5(answers, ["male", "female"], 0.95).assign(simulated=False)
    row = tables.TABLE5.validate(table).iloc[2]
    assert (row["answers"], row["low"], row["high"]) == (0, 0, 1)
    assert np.isnan(row["share"])
    assert np.isnan(row["p"])


def test_controls_come_as_the_paper_prints_them() -> None:
    assert in_order({"female", "male"}) == ["male", "female"]
    assert in_order({"not Young", "Young"}) == ["Young", "not Young"]


def test_the_files_tell_one_story_and_say_that_it_is_simulated(tmp_path: Path) -> None:
    pairs, key, responses = study(np.random.default_rng(1), {"male": 0.8, "female": 0.5})
    responses = responses[:250]  # the third participant stopped half-way
    tables.write(pairs, tmp_path / "pairs.parquet", tables.PAIRS)
    tables.write(key.sample(frac=1, random_state=0), tmp_path / "key.parquet", tables.KEY)
    tables.write(responses, tmp_path / "responses.parquet", tables.RESPONSES)
    inputs = [tmp_path / f"{name}.parquet" for name in ("pairs", "key", "responses")]
    judge_pairs(*inputs, tmp_path / "table5.csv", tmp_path / "model.json", confidence=0.95)
    table = tables.read(tmp_path / "table5.csv", tables.TABLE5)
    found = json.loads((tmp_path / "model.json").read_text())
    assert table["control"].tolist() == ["male", "male", "female", "female"]
    assert table["simulated"].all()
    assert found["simulated"] is True
    assert table["chosen"].sum() == found["answers"] == 250
    assert found["asked"] == 300
    assert found["participants"]["p3"] == {"asked": 100, "answers": 50}
    assert found["in_domain"]["chosen"] == table["chosen"][table["domain"] == "in-domain"].sum()
    for part in found["by"].values():
        assert sum(row["answers"] for row in part.values()) == 250
    assert set(found["by"]["attribute"]) == {"Bangs", "Young"}
    fitted = found["model"]
    assert fitted["fitted"] is True
    assert fitted["share"]["male"]["low"] > 0.5
    assert fitted["share"]["female"]["low"] < 0.5 < fitted["share"]["female"]["high"]
    assert fitted["differences"]["male - female"]["p"] < 0.01
    assert fitted["left"]["low"] < 0 < fitted["left"]["high"]


def test_the_model_finds_a_side_bias() -> None:
    pairs, key, responses = study(np.random.default_rng(3), {"male": 0.5}, each=200)
    lefty = np.random.default_rng(4).random(len(responses)) < 0.4
    responses["choice"] = responses["choice"].mask(lefty, "left")
    found = model(unblind(pairs, key, responses), ["male"], 0.95)
    assert found["left"]["low"] > 0.5
    assert found["share"]["male"]["low"] < 0.5 < found["share"]["male"]["high"]


def test_answers_without_a_finite_model_say_so() -> None:
    pairs, key, responses = study(np.random.default_rng(0), {"male": 0.5, "female": 0.5})
    answers = unblind(pairs, key, responses)
    sure = answers["chose_in"] | (answers["participant"] == "p1")
    for change, reason in (
        (answers[:0], "no answers"),
        (answers.assign(chose_in=sure), "all 100 answers with participant p1 choose one domain"),
        (answers.assign(in_subject="a"), r"fewer than two persons (in_subject)"),
        (answers.assign(control=np.repeat(["male", "female"], 150)[::-1]), ""),
        (answers.assign(control=np.repeat(["male", "female", "female"], 100)), "too few answers"),
    ):
        found = model(change, ["male", "female"], 0.95)
        assert found["fitted"] is (reason == "")
        assert reason in found.get("reason", "")


def test_the_models_interval_covers_where_persons_recur() -> None:
    rng = np.random.default_rng(0)
    # of the average person: the gift of both persons pulls the share towards one half
    gift = np.random.default_rng(1).normal(0, 0.4 * 2**0.5, 200_000)
    truth = float(expit(logit(0.65) + gift).mean())
    covered = wilson = 0
    for _ in range(100):
        answers = unblind(*study(rng, {"male": 0.65, "female": 0.5}, persons=14))
        found = model(answers, ["male", "female"], 0.95)["share"]["male"]
        covered += found["low"] <= truth <= found["high"]
        row = table5(answers, ["male"], 0.95).iloc[0]
        wilson += row["low"] <= truth <= row["high"]
    assert covered >= 90
    assert covered >= wilson
