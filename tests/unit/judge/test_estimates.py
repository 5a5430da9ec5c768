"""Table 5 against the paper's own counts, and a model whose intervals hold what they promise."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from human import study as human_study
from scipy.special import expit, logit

from facegap import tables
from facegap.errors import DataError
from facegap.judge.estimates import in_order, judge_pairs, model, table5, unblind
from facegap.judge.responses import simulate_responses


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
            "training": False,
            **dict.fromkeys(["left_image", "right_image", "left_original", "right_original"], "x"),
        }
    )
    key = pd.DataFrame(
        {
            "pair_id": ids,
            "kind": "compared",
            "comparison": ids,
            "repeats": None,
            "degraded": None,
            "seed": 1,
            "left_domain": np.where(in_left, "in-domain", "out-domain"),
            **dict.fromkeys(
                ["left_row", "right_row", "left_original_row", "right_original_row"], 0
            ),
            "left_subject": np.where(in_left, names, others),
            "right_subject": np.where(in_left, others, names),
        }
    )
    choice = np.where(chose_in == in_left, "left", "right")
    responses = pd.DataFrame({"pair_id": ids, "participant": people, "choice": choice})
    return (
        pairs,
        key,
        responses.assign(
            realism=None, transfer=None, identity=None, seconds=np.nan, simulated=True
        ),
    )


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


REALISM = pd.DataFrame(
    [
        (1, domain, "transfer", name, value)
        for name, inside, outside in (("Young", 0.9, 0.5), ("Bangs", 0.7, 0.6))
        for domain, value in (("in-domain", inside), ("out-domain", outside))
    ],
    columns=["seed", "domain", "metric", "attribute", "value"],
).assign(low=np.nan, high=np.nan, faces=9, control=None, error=0.1, persons=9)


def judged(
    folder: Path,
    pairs: pd.DataFrame,
    key: pd.DataFrame,
    responses: pd.DataFrame,
    known: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Table 5 and model.json of these tables; `known` is who knew whom."""
    if known is None:
        known = pd.DataFrame(columns=["participant", "subject_id", "domain", "known"])
    known = known.assign(person_id=[f"k{i}" for i in range(len(known))], simulated=True)
    inputs = {
        "pairs": (pairs, tables.PAIRS),
        "key": (key.sample(frac=1, random_state=0), tables.KEY),
        "persons": (known[list(tables.PERSONS_KEY.columns)], tables.PERSONS_KEY),
        "responses": (responses, tables.RESPONSES),
        "familiar": (known[list(tables.FAMILIAR.columns)], tables.FAMILIAR),
        "realism": (REALISM, tables.REALISM),
    }
    for name, (table, schema) in inputs.items():
        tables.write(table, folder / f"{name}.parquet", schema)
    judge_pairs(
        *(folder / f"{name}.parquet" for name in inputs),
        *(folder / name for name in ("table5.csv", "scores.csv", "model.json")),
        attention_needed=0.8,
        confidence=0.95,
        seed=1,
    )
    table = tables.read(folder / "table5.csv", tables.TABLE5)
    return table, json.loads((folder / "model.json").read_text())


def test_the_files_tell_one_story_and_say_that_it_is_simulated(tmp_path: Path) -> None:
    pairs, key, responses = study(np.random.default_rng(1), {"male": 0.8, "female": 0.5})
    responses = responses[:250]  # the third participant stopped half-way
    table, found = judged(tmp_path, pairs, key, responses)
    assert table["control"].tolist() == ["male", "male", "female", "female"]
    assert table["simulated"].all()
    assert found["simulated"] is True
    assert table["chosen"].sum() == found["answers"] == 250
    assert found["asked"] == 300
    assert found["participants"]["p3"]["answers"] == 50
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
    wide = found["redrawn"]["male"]
    assert wide["low"] < fitted["share"]["male"]["low"]
    assert wide["low"] < wide["estimate"] < wide["high"]
    scores = tables.read(tmp_path / "scores.csv", tables.BRADLEY_TERRY)
    assert scores["simulated"].all()
    for by in ("all", "seed", "attribute", "seed and attribute"):
        assert scores["answers"][scores["by"] == by].sum() == 250
    assert found["metrics"][0]["points"] == 2
    assert found["metrics"][0]["correlation"] is None, "two points are no correlation"
    powers = [row["power"] for row in found["power"]]
    assert powers[0] < 0.1 < powers[-1]
    for name in ("agreement", "criteria", "familiarity", "seconds"):
        assert found[name] is None, f"{name} was not asked"
    assert found["adjusted"] == {"fitted": False, "reason": "no answers"}


def test_who_fails_the_attention_pairs_is_left_out_and_shown(tmp_path: Path) -> None:
    pairs, key, responses = study(np.random.default_rng(1), {"male": 0.7, "female": 0.5})
    extra = np.arange(300) % 100 >= 90  # ten of each
    key["kind"] = np.where(extra, "attention", "compared")
    key["degraded"] = np.where(extra, "left", None)
    careless = responses["participant"] == "p2"
    choice = np.where(careless & (np.arange(300) % 100 >= 97), "left", "right")
    responses["choice"] = responses["choice"].where(~extra, choice)
    table, found = judged(tmp_path, pairs, key, responses)
    assert found["excluded"] == ["p2"]
    attention = {"asked": 10, "passed": 7, "excluded": True}
    assert found["participants"]["p2"]["attention"] == attention
    assert found["answers"] == 180
    assert sum(row["answers"] for row in found["everybody"].values()) == 270
    assert table["chosen"].sum() == 180, "no attention pair is counted"
    assert found["asked"] == 270


def test_knowing_more_of_one_side_is_told_and_adjusted_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    pairs, key, responses = study(rng, {"male": 0.5, "female": 0.5}, each=600)
    answers = unblind(pairs, key, responses)
    people = [
        pd.DataFrame(
            {"subject_id": answers[f"{side}_subject"].unique(), "domain": f"{side}-domain"}
        )
        for side in ("in", "out")
    ]
    asked = pd.concat(people, ignore_index=True)
    asked["known"] = rng.random(len(asked)) < asked["domain"].map(
        {"in-domain": 0.85, "out-domain": 0.4}
    )
    known = pd.concat([asked.assign(participant=p) for p in ("p1", "p2", "p3")])
    who = asked.set_index("subject_id")["known"].astype(float)
    apart = answers["in_subject"].map(who) - answers["out_subject"].map(who)
    chose_in = rng.random(len(answers)) < expit(1.2 * apart)  # familiarity is all that there is
    responses["choice"] = np.where(chose_in == answers["in_left"], "left", "right")
    _, found = judged(tmp_path, pairs, key, responses, known.reset_index(drop=True))
    shares = found["familiarity"]
    assert shares["in-domain"]["estimate"] > 0.7 > 0.55 > shares["out-domain"]["estimate"]
    plain, adjusted = found["model"], found["adjusted"]
    for control in ("male", "female"):
        assert plain["share"][control]["low"] > 0.5
        part = adjusted["share"][control]
        assert part["low"] < 0.5 < part["high"]
    assert adjusted["knew_more"]["low"] < 1.2 < adjusted["knew_more"]["high"]
    assert adjusted["answers"] == len(answers)


def test_the_papers_own_counts_through_the_whole_stage(tmp_path: Path) -> None:
    pairs, key, responses = study(np.random.default_rng(0), {"male": 0.5, "female": 0.5}, each=300)
    control = pairs["control"].to_numpy()
    in_left = (key["left_domain"] == "in-domain").to_numpy()
    chose_in = np.zeros(900, dtype=bool)
    rng = np.random.default_rng(5)
    for name, count in (("male", 270), ("female", 238)):  # 60% and 53% of 450
        chose_in[rng.permutation(np.flatnonzero(control == name))[:count]] = True
    responses["choice"] = np.where(chose_in == in_left, "left", "right")
    table, found = judged(tmp_path, pairs, key, responses)
    assert table["share"].round(2).tolist() == [0.60, 0.40, 0.53, 0.47]
    assert table["answers"].tolist() == [450] * 4
    assert table[["low", "high"]].round(3).iloc[2].tolist() == [0.483, 0.575]
    men, women = (found["model"]["share"][name] for name in ("male", "female"))
    assert men["low"] > 0.5
    assert women["low"] < 0.5 < women["high"], "53% of 450 answers is not told from one half"


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


def test_simulated_observers_from_pairs_to_table_5(tmp_path: Path) -> None:
    folder = human_study(tmp_path, participants=3, pairs=120, overlap=True, persons=20) / "judge"
    names = ("pairs", "persons", "key", "persons_key", "responses", "familiar")
    simulate_responses(
        *(folder / f"{name}.parquet" for name in names),
        preference={"male": 0.9, "female": 0.5},
        known={"in-domain": 0.85, "out-domain": 0.65},
        seed=1,
    )
    tables.write(REALISM, folder / "realism.parquet", tables.REALISM)
    inputs = ("pairs", "key", "persons_key", "responses", "familiar", "realism")
    judge_pairs(
        *(folder / f"{name}.parquet" for name in inputs),
        *(folder / name for name in ("table5.csv", "scores.csv", "model.json")),
        attention_needed=0.8,
        confidence=0.95,
        seed=1,
    )
    found = json.loads((folder / "model.json").read_text())
    assert (found["asked"], found["answers"], found["excluded"]) == (360, 360, [])
    assert found["participants"]["participant-1"]["attention"]["passed"] == 12
    shares = found["model"]["share"]
    assert shares["male"]["low"] < 0.9 < shares["male"]["high"]
    assert shares["female"]["low"] < 0.5 < shares["female"]["high"]
    assert found["repeats"]["answers"] == 36
    assert found["agreement"]["pairs"] == 120
    assert found["agreement"]["fleiss"] is not None
    assert found["familiarity"]["in-domain"]["answers"] == 9
    table = tables.read(folder / "table5.csv", tables.TABLE5)
    assert table["answers"].tolist() == [180] * 4
    assert table["simulated"].all()
