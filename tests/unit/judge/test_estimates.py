"""Table 5 against the paper's own counts, and a model whose intervals hold what they promise."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from human import study as human_study
from scipy.special import expit, logit

from facegap.errors import DataError
from facegap.files import read_json
from facegap.judge.estimates import in_order, judge_pairs
from facegap.judge.model import effects, model, preferences
from facegap.judge.responses import simulate_responses
from facegap.judge.shares import raw_shares
from facegap.judge.unblinding import unblind
from facegap.settings.judge import OwnSide, Simulation
from facegap.settings.measure import Intervals
from facegap.tables.base import read_table, write_table
from facegap.tables.judge import FAMILIAR, KEY, PAIRS, PERSONS_KEY, RATERS, RESPONSES
from facegap.tables.measure import ESTIMATES, estimates

TABLE5 = [
    f"control: {control}{chosen}"
    for control in ("male", "female")
    for chosen in ("", " × chosen: out-domain")
]


def study(
    rng: np.random.Generator, chance: dict[str, float], persons: int = 40, each: int = 100
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Pairs, key and responses of three participants; persons differ in how well they come out."""
    n = 3 * each
    control = np.resize(list(chance), n)
    one, two = rng.integers(0, persons, (2, n))
    effect = rng.normal(0, 0.4, (2, persons))
    log_odds = logit(pd.Series(control).map(chance)) + effect[0][one] - effect[1][two]
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
            "expected": None,
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
            "maker": "inside",
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
            **dict.fromkeys(["realism", "transfer", "identity"]),
            **{"seconds": np.nan, "pixels": np.nan, "simulated": True},
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


def answers_of(control: list[str], chose_in: list[bool]) -> pd.DataFrame:
    answers = pd.DataFrame({"control": control, "chose_in": chose_in})
    return answers.assign(participant="p1", chose_left=True)


def test_the_papers_counts_give_the_papers_table() -> None:
    answers = answers_of(
        ["male"] * 450 + ["female"] * 450,
        [True] * 270 + [False] * 180 + [True] * 238 + [False] * 212,
    )
    rows = estimates(raw_shares(answers, ["male", "female"]), "test")
    table = rows[rows["quantity"] == "raw preference"].set_index("group").loc[TABLE5]
    assert table["estimate"].round(2).tolist() == [0.60, 0.40, 0.53, 0.47]
    assert (table["estimate"] * 450).round().tolist() == [270, 180, 238, 212]
    assert table["low"].isna().all(), "answers are not independent"


def test_a_control_without_answers_has_a_row_that_says_so() -> None:
    rows = raw_shares(answers_of(["male"], [True]), ["male", "female"])
    row = estimates(rows, "test").set_index("group").loc["control: female"]
    assert row["answers"] == 0
    assert np.isnan(row["estimate"])


def test_controls_come_as_the_paper_prints_them() -> None:
    assert in_order({"female", "male"}) == ["male", "female"]
    assert in_order({"not Young", "Young"}) == ["Young", "not Young"]


REALISM = estimates(
    (
        {"seed": 1, "group": f"domain: {domain}", "attribute": name, "estimate": value}
        | {"quantity": "realism", "metric": "attribute transfer"}
        for name, inside, outside in (("Young", 0.9, 0.5), ("Bangs", 0.7, 0.6))
        for domain, value in (("in-domain", inside), ("out-domain", outside))
    ),
    "test",
)
PREFERENCE = {"male": 0.9, "female": 0.5}
LEAST_PIXELS = 200
INPUTS = ("pairs", "key", "persons_key", "responses", "familiar", "raters", "realism")


class Judged:
    """The estimates and the summary in a folder."""

    def __init__(self, folder: Path, *makers: str) -> None:
        self.makers = list(makers or ["inside"])
        judge_pairs(
            **{name: folder / f"{name}.parquet" for name in INPUTS},
            estimates=folder / "estimates.parquet",
            summary=folder / "summary.json",
            study="test",
            makers=self.makers,
            attention_threshold=0.8,
            least_pixels=LEAST_PIXELS,
            own_side=OwnSide(),
            simulation=Simulation(preference=PREFERENCE),
            intervals=Intervals(),
            seed=1,
        )
        self.table = read_table(folder / "estimates.parquet", ESTIMATES)
        self.summary = read_json(folder / "summary.json")

    def rows(self, quantity: str, **values: Any) -> pd.DataFrame:
        """Those of a quantity, with these values."""
        found = self.table[self.table["quantity"] == quantity]
        for name, value in values.items():
            found = found[found[name] == value]
        return found

    def row(self, quantity: str, **values: Any) -> Any:
        """The only such one."""
        (row,) = self.rows(quantity, **values).itertuples()
        return row

    def table5(self) -> pd.DataFrame:
        """Table 5, a row a value of the control and domain."""
        return self.rows("preference", metric="choice").set_index("group").loc[TABLE5]

    def raw(self) -> pd.DataFrame:
        """Shares of answers, by the same rows."""
        table = self.rows("raw preference").set_index("group")
        return table[table["model"].isna()].loc[["all", *TABLE5]]


def judged(
    folder: Path,
    pairs: pd.DataFrame,
    key: pd.DataFrame,
    responses: pd.DataFrame,
    known: pd.DataFrame | None = None,
    makers: Sequence[str] = ("inside",),
) -> Judged:
    """What judge_pairs writes of these tables; `known` is who knew whom."""
    if known is None:
        known = pd.DataFrame(columns=["participant", "subject_id", "domain", "known"])
    known = known.assign(person_id=[f"k{i}" for i in range(len(known))], simulated=True)
    tables = {
        "pairs": (pairs, PAIRS),
        "key": (key.sample(frac=1, random_state=0), KEY),
        "persons_key": (known[list(PERSONS_KEY.columns)], PERSONS_KEY),
        "responses": (responses, RESPONSES),
        "familiar": (known[list(FAMILIAR.columns)], FAMILIAR),
        "raters": (pd.DataFrame(columns=list(RATERS.columns)), RATERS),
        "realism": (REALISM, ESTIMATES),
    }
    for name, (table, schema) in tables.items():
        write_table(table, folder / f"{name}.parquet", schema)
    return Judged(folder, *makers)


def with_originals(
    rng: np.random.Generator, liking: dict[str, float], preference: dict[str, float]
) -> tuple[pd.DataFrame, ...]:
    """A study of which every second answer is on originals, of the same persons."""
    made, untouched = study(rng, preference, each=600), study(rng, liking, each=600)
    untouched[0]["attribute"], untouched[0]["value"] = None, pd.NA
    untouched[1]["kind"] = "originals"
    for table in untouched:
        table["pair_id"] = "original " + table["pair_id"]
    return tuple(map(pd.concat, zip(made, untouched, strict=True)))


def test_a_liking_for_the_photographs_is_not_counted_as_the_generators(tmp_path: Path) -> None:
    liking = {"male": 0.7, "female": 0.6}
    found = judged(tmp_path, *with_originals(np.random.default_rng(4), liking, liking))
    assert found.row("preference", group="all").low > 0.5
    assert found.summary["originals"] == 1800
    for group in ("all", *TABLE5[::2]):
        less = found.row("preference without baseline", group=group)
        assert less.low < 0.5 < less.high, "the generator does nothing"
        assert found.row("baseline preference", group=group).low > 0.5
    assert found.row("preference without baseline", group=TABLE5[0]).answers == 1800
    rows = found.rows("preference without baseline").set_index("group")
    assert rows["truth"]["control: male"] == pytest.approx(0.9), "of settings that like neither"
    assert found.row("baseline preference", group="all").truth == 0.5
    assert found.table5()["answers"].iloc[::2].sum() == 1800, "no original is counted"


def test_what_the_generator_adds_to_the_liking_is_found(tmp_path: Path) -> None:
    liking, both = dict.fromkeys(["male", "female"], 0.6), dict.fromkeys(["male", "female"], 0.75)
    found = judged(tmp_path, *with_originals(np.random.default_rng(5), liking, both))
    true = 1 / (1 + 0.6 / 0.4 * 0.25 / 0.75)
    less = found.row("preference without baseline", group="all")
    assert 0.5 < less.low < true < less.high


def test_without_originals_there_is_no_baseline(tmp_path: Path) -> None:
    pairs, key, responses = study(np.random.default_rng(1), {"male": 0.6, "female": 0.5})
    found = judged(tmp_path, pairs, key, responses)
    assert found.rows("preference without baseline").empty
    assert found.summary["originals"] == 0


def test_makers_stand_beside_each_other_and_table_5_is_of_the_first(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    first = study(rng, {"male": 0.8, "female": 0.8})
    second = study(rng, {"male": 0.5, "female": 0.5})
    third = study(rng, {"male": 0.5, "female": 0.5})
    alone = judged(tmp_path, *first)
    for maker, tables in (("mine", second), ("theirs", third)):
        tables[1]["maker"] = maker
        for table in tables:
            table["pair_id"] = f"{maker} " + table["pair_id"]
    together = map(pd.concat, zip(first, second, third, strict=True))
    found = judged(tmp_path, *together, makers=["inside", "mine", "theirs"])
    pd.testing.assert_frame_equal(found.table5(), alone.table5())
    pd.testing.assert_frame_equal(found.raw(), alone.raw())
    assert found.summary["makers"] == ["inside", "mine", "theirs"]
    assert found.summary["answers"] == 900
    by_maker = found.rows("preference by maker").set_index("model")
    assert by_maker["estimate"]["inside"] == found.row("preference", group="all").estimate
    assert by_maker["low"]["inside"] > 0.5
    assert by_maker["low"]["mine"] < 0.5 < by_maker["high"]["mine"]
    apart = found.rows("preference difference by maker").set_index("model")
    assert list(apart.index) == ["inside − mine", "inside − theirs"]
    assert (apart["low"] > 0).all()
    assert (apart["adjusted_p"] >= apart["p"]).all()
    assert alone.rows("preference by maker").empty


def test_estimates_and_summary_agree_and_say_that_it_is_simulated(tmp_path: Path) -> None:
    pairs, key, responses = study(np.random.default_rng(1), {"male": 0.8, "female": 0.5})
    responses = responses[:250]  # the third participant stopped half-way
    found = judged(tmp_path, pairs, key, responses)
    table, summary = found.table5(), found.summary
    assert summary["simulated"] is True
    assert table["answers"].iloc[::2].sum() == summary["answers"] == 250
    assert summary["asked"] == 300
    assert summary["participants"]["p3"]["answers"] == 50
    raw = found.raw()
    assert raw["estimate"].iloc[0] * 250 == pytest.approx(
        (raw["estimate"] * raw["answers"]).iloc[1::2].sum()
    )
    of_people = found.rows("raw preference").dropna(subset=["model"])
    assert of_people["answers"].tolist() == [100, 100, 50]
    of_all = found.row("preference", group="all")
    assert (of_all.answers, of_all.participants) == (250, 3)
    assert summary["model"]["fitted"] is True
    men, women = (found.row("preference", group=f"control: {name}") for name in ("male", "female"))
    assert men.low > 0.5
    assert women.low < 0.5 < women.high
    assert found.row("preference difference", group="control: male − female").p < 0.01
    assert found.row("left effect").low < 0 < found.row("left effect").high
    wide = found.row("participant bootstrap", group="control: male")
    assert wide.low < men.low
    assert wide.low < wide.estimate < wide.high
    odds = found.rows("log odds")
    for by_seed in (True, False):
        for by_attribute in (True, False):
            of = odds[(odds["seed"].notna() == by_seed)]
            assert of[of["attribute"].notna() == by_attribute]["answers"].sum() == 250
    correlation = found.row("correlation")
    assert correlation.answers == 2
    assert np.isnan(correlation.estimate), "two points are no correlation"
    for group, of in found.rows("power").groupby("group"):
        tested = found.row("preference", group=group)
        assert (of["persons"] == tested.persons).all()
        assert of["answers"].between(tested.answers - 2, tested.answers).all()
        assert of["estimate"].iloc[0] < 0.1 < of["estimate"].iloc[-1]
    assert found.rows("power")["group"].nunique() == 3
    for name in ("Krippendorff's alpha", "Fleiss' kappa", "familiarity"):
        assert found.rows(name).empty, f"{name} was not asked"
    assert set(found.rows("preference")["metric"]) == {"choice"}, "no criterion was asked"
    assert summary["agreement_pairs"] == 0
    assert (summary["adjusted"]["fitted"], summary["adjusted"]["reason"]) == (False, "no answers")
    assert found.rows("adjusted preference").empty


def test_answers_on_pictures_that_are_too_small_are_left_out_and_counted(tmp_path: Path) -> None:
    pairs, key, responses = study(np.random.default_rng(3), {"male": 0.6, "female": 0.6})
    place = np.arange(len(responses))
    pixels = np.select([place % 4 == 0, place % 4 == 1], [LEAST_PIXELS - 1, np.nan], LEAST_PIXELS)
    sized = responses.assign(pixels=pixels)
    spoiled = sized.assign(choice=sized["choice"].where(place % 4 > 0, "left"))
    found, other = (
        judged(folder, pairs, key, each)
        for folder, each in ((tmp_path / "a", sized), (tmp_path / "b", spoiled))
    )
    small, unknown = (place % 4 == 0).sum(), (place % 4 == 1).sum()
    assert (found.summary["small"], found.summary["unsized"]) == (small, unknown)
    assert found.row("preference", group="all").answers == len(responses) - small
    pd.testing.assert_frame_equal(found.table, other.table)  # whatever was chosen there
    with pytest.raises(
        DataError, match=f"answers were given on pictures of fewer than {LEAST_PIXELS}"
    ):
        judged(tmp_path / "c", pairs, key, responses.assign(pixels=1))


def test_who_fails_the_attention_pairs_is_left_out_and_shown(tmp_path: Path) -> None:
    pairs, key, responses = study(np.random.default_rng(1), {"male": 0.7, "female": 0.5})
    extra = np.arange(300) % 100 >= 90  # ten of each
    key["kind"] = np.where(extra, "attention", "compared")
    key["degraded"] = np.where(extra, "left", None)
    careless = responses["participant"] == "p2"
    choice = np.where(careless & (np.arange(300) % 100 >= 97), "left", "right")
    responses["choice"] = responses["choice"].where(~extra, choice)
    found = judged(tmp_path, pairs, key, responses)
    summary = found.summary
    assert summary["excluded"] == ["p2"]
    attention = {"asked": 10, "passed": 7, "excluded": True}
    assert summary["participants"]["p2"]["attention"] == attention
    assert summary["answers"] == 180
    everybody = found.rows("preference of everybody").set_index("group")
    assert everybody["answers"].loc[["control: male", "control: female"]].sum() == 270
    assert everybody["answers"]["all"] == 270
    assert found.table5()["answers"].iloc[::2].sum() == 180, "no attention pair is counted"
    assert summary["asked"] == 270


def test_knowing_more_of_one_side_is_shown_and_adjusted_for(tmp_path: Path) -> None:
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
    found = judged(tmp_path, pairs, key, responses, known.reset_index(drop=True))
    inside, outside = (
        found.row("familiarity", group=f"domain: {name}") for name in ("in-domain", "out-domain")
    )
    assert inside.estimate > 0.7 > 0.55 > outside.estimate
    for control in ("male", "female"):
        assert found.row("preference", group=f"control: {control}").low > 0.5
        adjusted = found.row("adjusted preference", group=f"control: {control}")
        assert adjusted.low < 0.5 < adjusted.high
    effect = found.row("familiarity effect")
    assert effect.low < 1.2 < effect.high
    assert effect.answers == found.summary["adjusted"]["answers"] == len(answers)


def test_answers_of_people_have_no_truth(tmp_path: Path) -> None:
    pairs, key, responses = study(np.random.default_rng(1), {"male": 0.6, "female": 0.5})
    found = judged(tmp_path, pairs, key, responses.assign(simulated=False))
    assert found.table["truth"].isna().all()
    assert found.table5()["standard_error"].notna().all()


def test_each_criterion_is_tested_by_the_model_too(tmp_path: Path) -> None:
    pairs, key, responses = study(np.random.default_rng(1), {"male": 0.8, "female": 0.8})
    other = np.where(np.random.default_rng(2).random(300) < 0.5, "left", "right")
    responses = responses.assign(realism=responses["choice"], identity=other)
    found = judged(tmp_path, pairs, key, responses)
    overall, realism, identity = (
        found.row("preference", metric=name, group="all")
        for name in ("choice", "realism", "identity")
    )
    assert realism.estimate == overall.estimate > 0.7
    assert realism.standard_error == overall.standard_error
    assert identity.low < 0.5 < identity.high
    assert np.isnan(realism.truth)


def test_the_papers_own_counts_through_the_whole_stage(tmp_path: Path) -> None:
    pairs, key, responses = study(np.random.default_rng(0), {"male": 0.5, "female": 0.5}, each=300)
    control = pairs["control"].to_numpy()
    in_left = (key["left_domain"] == "in-domain").to_numpy()
    chose_in = np.zeros(900, dtype=bool)
    rng = np.random.default_rng(5)
    for name, count in (("male", 270), ("female", 238)):  # 60% and 53% of 450
        chose_in[rng.permutation(np.flatnonzero(control == name))[:count]] = True
    responses["choice"] = np.where(chose_in == in_left, "left", "right")
    found = judged(tmp_path, pairs, key, responses)
    table, raw = found.table5(), found.raw()
    assert raw["estimate"].round(2).tolist()[1:] == [0.60, 0.40, 0.53, 0.47]
    assert table["estimate"].tolist() == pytest.approx(raw["estimate"][1:].tolist(), abs=0.003)
    assert table["answers"].tolist() == [450] * 4
    width = table["high"] - table["low"]
    assert (width > 0.575 - 0.483).all(), "Wilson's, as if answers were independent"
    men, women = (found.row("preference", group=f"control: {name}") for name in ("male", "female"))
    assert men.low > 0.5
    assert women.low < 0.5 < women.high, "53% of 450 answers may be one half"


def test_the_model_finds_a_side_bias() -> None:
    pairs, key, responses = study(np.random.default_rng(3), {"male": 0.5}, each=200)
    lefty = np.random.default_rng(4).random(len(responses)) < 0.4
    responses["choice"] = responses["choice"].mask(lefty, "left")
    fitted = model(unblind(pairs, key, responses), ["male"])
    (left,) = effects(fitted, 0.95)
    preference = next(preferences(fitted, "preference", 0.95))
    assert left["low"] > 0.5
    assert preference["low"] < 0.5 < preference["high"]


def test_answers_without_a_finite_model_say_so() -> None:
    pairs, key, responses = study(np.random.default_rng(0), {"male": 0.5, "female": 0.5})
    answers = unblind(pairs, key, responses)
    sure = answers["chose_in"] | (answers["participant"] == "p1")
    for change, reason in (
        (answers[:0], "no answers"),
        (answers.assign(chose_in=sure), "all 100 answers with participant p1 choose one domain"),
        (answers.assign(in_subject="a"), "fewer than two persons of a side"),
        (answers.assign(control=np.repeat(["male", "female"], 150)[::-1]), ""),
        (answers.assign(control=np.repeat(["male", "female", "female"], 100)), "too few answers"),
    ):
        found = model(change, ["male", "female"])
        assert found.summary["fitted"] is (reason == "")
        assert reason in found.reason
        for given in (preferences(found, "preference", 0.95), effects(found, 0.95)):
            assert bool(list(given)) is (reason == "")


def test_simulated_participants_from_pairs_to_table_5(tmp_path: Path) -> None:
    folder = human_study(tmp_path, participants=3, pairs=120, overlap=True, persons=20) / "judge"
    names = ("pairs", "persons", "key", "persons_key", "responses", "familiar", "raters")
    simulate_responses(
        **{name: folder / f"{name}.parquet" for name in names},
        settings=Simulation(preference=PREFERENCE),
        seed=1,
    )
    write_table(REALISM, folder / "realism.parquet", ESTIMATES)
    found = Judged(folder)
    summary = found.summary
    assert (summary["asked"], summary["answers"], summary["excluded"]) == (360, 360, [])
    assert summary["participants"]["participant-1"]["attention"]["passed"] == 12
    for control, truth in PREFERENCE.items():
        row = found.row("preference", group=f"control: {control}")
        assert row.low < truth == row.truth < row.high
    of_all = found.row("preference", group="all")
    assert of_all.truth == pytest.approx(0.75), "the mean of log 9 and log 1 is log 3"
    assert found.row("preference difference").truth == pytest.approx(np.log(9))
    assert found.row("left effect").truth == 0
    assert found.row("left share").truth == 0.5
    for domain, truth in (("in-domain", 0.7), ("out-domain", 0.4)):
        assert found.row("familiarity", group=f"domain: {domain}").truth == truth
    assert found.row("consistency").answers == 36
    assert summary["agreement_pairs"] == 120
    assert np.isfinite(found.row("Fleiss' kappa").estimate)
    assert found.row("familiarity", group="domain: in-domain").answers == 9
    assert found.table5()["answers"].tolist() == [180] * 4
    assert summary["simulated"] is True
