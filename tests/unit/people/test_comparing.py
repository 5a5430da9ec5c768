"""The study's pages and database, without a browser: flow, refusals, and that nothing is lost."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from human import FAST, Opened, Participant, configure, opened, participant
from human import study as make_study

from facegap import cli
from facegap.errors import DataError
from facegap.files import read_json, write_json
from facegap.judge.responses import read_responses
from facegap.people.comparing import site as comparing
from facegap.people.comparing.answers import answered, exported, read_database
from facegap.people.comparing.commands import TEMPLATE, consent_in
from facegap.people.comparing.site import site
from facegap.settings.judge import OwnSide
from facegap.settings.load import read_study
from facegap.tables.base import read_table
from facegap.tables.judge import RESPONSES

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # where it is the same


def test_the_whole_way_of_a_participant(person: Participant, study: Opened) -> None:
    assert "Before you take part" in person.see()
    assert person.post("start", x="") == 422, "consent comes first"
    assert person.post("consent", agree="no") == 422
    assert person.post("consent", agree="yes") == 303
    page = person.see()
    for criterion in ("Realism", "Quality of the transfer", "Identity"):
        assert criterion in page
    assert "2 pairs to practise" in page
    assert "24 pairs" in page
    first = study.sheet.plans["participant-1"].pairs[0].pair_id
    assert person.post(f"answer/{first}", choice="left") == 422, "not begun"
    assert person.post("start", x="") == 303
    asked = person.answer_all()
    assert asked == [pair.pair_id for pair in study.sheet.plans["participant-1"].pairs]
    assert "did you know these people" in person.see()
    assert person.recognise() == 303
    assert "Thank you" in person.see()
    answers, familiar = exported(study.engine)
    assert answers["pair_id"].tolist() == asked
    assert set(answers["choice"]) == {"left"}
    assert set(answers["seconds"]) == {1.5}
    assert len(familiar) == 6
    assert familiar["known"].all()
    assert set(answers) == {
        *("pair_id", "participant", "choice", "realism", "transfer", "identity", "seconds"),
        *("pixels", "study", "closed"),
    }, "no name, no address, no time of day"


@ON_SQLITE
@pytest.mark.parametrize(
    ("given", "stored"), [("512", 512), ("", None), ("0", None), ("1e3", None), ("9" * 6, None)]
)
@pytest.mark.parametrize("sized", [True, False])
def test_the_size_of_a_picture_is_noted_where_the_study_asks_for_it(
    study: Opened, given: str, stored: int | None, sized: bool
) -> None:
    token = study.invite()["participant-1"]
    person = participant(replace(study, sheet=replace(study.sheet, sized=sized)), token)
    person.begin()
    assert ('name="pixels"' in person.see()) == sized
    person.post(f"answer/{person.pair()}", choice="left", pixels=given)
    noted = exported(study.engine)[0]["pixels"][0]
    assert noted == stored if sized and stored else noted is None


@ON_SQLITE
def test_breaks_come_at_their_places(person: Participant) -> None:
    person.begin()
    seen = {}
    for number in range(20):
        page = person.client.get(person.root).text
        if "<h1>Time for a break" in page or "That was the practice" in page:
            seen[number] = page
        person.post(f"answer/{person.pair()}", choice="right")
    assert list(seen) == [2, 10, 18]
    assert "8 of 24" in seen[10]


def test_two_answers_count_once_and_the_first_stands(person: Participant, study: Opened) -> None:
    person.begin()
    pair = person.pair()
    assert person.post(f"answer/{pair}", choice="left") == 303
    assert person.post(f"answer/{pair}", choice="left") == 303
    assert person.post(f"answer/{pair}", choice="right") == 303
    answers, _ = exported(study.engine)
    assert answers[["pair_id", "choice"]].to_numpy().tolist() == [[pair, "left"]]


def test_what_is_no_answer_is_refused_and_nothing_is_lost(
    person: Participant, study: Opened
) -> None:
    person.begin()
    pair = person.pair()
    assert person.post(f"answer/{pair}", choice="left") == 303
    nxt = person.pair()
    theirs = study.sheet.plans["participant-2"].pairs[0].pair_id
    later = study.sheet.plans["participant-1"].pairs[9].pair_id
    for where in (theirs, later, "x" * 5000, "..%2f..%2fkey", "%00", "' OR 1=1 --", "é"):
        assert person.post(f"answer/{where}", choice="left") in (404, 422)
    for fields in ({}, {"choice": "both"}, {"choice": "LEFT"}, {"choice": "left\0"}):
        assert person.post(f"answer/{nxt}", **fields) == 422
    assert person.post(f"answer/{nxt}", choice="x" * 100_000) == 413
    assert person.post("persons", x="yes") == 422, "pairs come first"
    url = f"{person.root}answer/{nxt}"
    assert person.client.post(url, json={"choice": "left"}).status_code == 422
    elsewhere = {"sec-fetch-site": "cross-site"}
    found = person.client.post(url, data={"choice": "left"}, headers=elsewhere)
    assert found.status_code == 403
    assert person.pair() == nxt
    assert len(exported(study.engine)[0]) == 1


@ON_SQLITE
@pytest.mark.parametrize("token", ["x", "a" * 32, "..", "%2e%2e", "x" * 10_000, "é", "%ff", "' --"])
def test_a_forged_token_opens_nothing(study: Opened, token: str) -> None:
    client = TestClient(site(study.engine, study.sheet, consent="", limits=FAST))
    assert client.get(f"/s/{token}/").status_code == 404
    assert client.post(f"/s/{token}/consent", data={"agree": "yes"}).status_code in (404, 405)
    assert client.get("/").status_code == client.get("/s/").status_code == 404


@ON_SQLITE
def test_images_are_the_participants_own(person: Participant, study: Opened) -> None:
    first, second = (study.sheet.plans[f"participant-{i}"] for i in (1, 2))
    own, other = first.pairs[0].images[0], min(second.images - first.images)

    def status(name: str) -> int:
        return person.client.get(f"{person.root}image/{name}").status_code

    found = person.client.get(f"{person.root}image/{own}.png")
    assert found.content.startswith(b"\x89PNG")
    assert found.headers["content-type"] == "image/png"
    assert found.headers["cache-control"].startswith("private")
    for name in (f"{other}.png", own, "", f"../{own}.png", "key.parquet", "%2e%2e%2fkey.png"):
        assert status(name) == 404


@ON_SQLITE
@pytest.mark.parametrize("held", [comparing.HELD, 0])
def test_images_are_read_once_where_they_are_few(
    study: Opened, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(comparing, "HELD", held)
    token = study.invite()["participant-1"]
    image = study.sheet.plan("participant-1").pairs[0].images[0]
    png = study.sheet.png(image)
    client = TestClient(site(study.engine, study.sheet, consent="", limits=FAST))
    asked: list[str] = []
    read = study.sheet.archive.read
    monkeypatch.setattr(study.sheet.archive, "read", lambda name: asked.append(name) or read(name))
    assert client.get(f"/s/{token}/image/{image}.png").content == png
    assert asked == ([] if held else [f"{image}.png"])


@ON_SQLITE
@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"seconds": "2.5"}, 2.5),
        ({"seconds": "-1"}, None),
        ({"seconds": "nan"}, None),
        ({"seconds": "1e300"}, None),
        ({"seconds": "soon"}, None),
        ({"seconds": "", "shown": "990"}, 10.0),  # no script: since the page was made
        ({"seconds": "", "shown": "1990"}, None),  # the clock was set back meanwhile
        ({"shown": "-99999999"}, None),  # or forward
        ({}, None),
    ],
)
def test_a_clock_that_jumps_gives_no_time(
    person: Participant,
    study: Opened,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, str],
    stored: float | None,
) -> None:
    person.begin()
    pair = person.pair()
    monkeypatch.setattr("facegap.people.site.time.time", lambda: 1000.0)
    assert person.post(f"answer/{pair}", choice="left", **fields) == 303
    seconds = exported(study.engine)[0]["seconds"][0]
    assert seconds == stored or (stored is None and pd.isna(seconds))


def test_criteria_are_asked_where_the_study_says_so(study: Opened) -> None:
    study = study.asking_for_criteria()
    person = participant(study, study.invite()["participant-1"])
    person.begin()
    pair = person.pair()
    assert person.see().count('type="radio"') == 8
    assert person.post(f"answer/{pair}", choice="left") == 422
    three = {"realism": "left", "transfer": "right", "identity": "left"}
    assert person.post(f"answer/{pair}", choice="left", **three) == 303
    assert exported(study.engine)[0].iloc[0][list(three)].to_dict() == three


def test_of_untouched_photographs_realism_alone_is_asked(tmp_path: Path) -> None:
    results = make_study(tmp_path, originals=0.25)
    study = opened(results, tmp_path / "answers.sqlite").asking_for_criteria()
    person = participant(study, study.invite()["participant-1"])
    pairs = {pair.pair_id: pair for pair in study.sheet.plans["participant-1"].pairs}
    untouched = {name for name, pair in pairs.items() if pair.attribute is None}
    assert len(untouched) == 5
    person.post("consent", agree="yes")
    assert "which of the two looks more like a" in person.see()
    person.post("start", x="")
    while pair := person.pair():
        page = person.see()
        alone = pair in untouched
        assert ("Which looks more like a photograph?" in page) == alone
        assert ("<figcaption>original" in page) != alone
        assert ('type="radio"' in page) != alone
        three = {} if alone else dict.fromkeys(("realism", "transfer", "identity"), "left")
        assert person.post(f"answer/{pair}", choice="left", **three) == 303
    given = exported(study.engine)[0].set_index("pair_id")
    assert set(given.index) == set(pairs)
    assert given["realism"].isna().to_dict() == {pair: pair in untouched for pair in given.index}


def test_a_participant_may_withdraw_and_nothing_of_them_stays(
    person: Participant, study: Opened
) -> None:
    person.begin()
    person.answer_all()
    person.recognise()
    assert person.post("withdraw", sure="") == 422
    assert person.post("withdraw", sure="yes") == 303
    assert "Your answers are deleted" in person.see()
    assert person.post("consent", agree="yes") == 409
    assert [len(table) for table in exported(study.engine)] == [0, 0]


def test_a_lost_link_is_replaced_and_the_answers_stay(person: Participant, study: Opened) -> None:
    person.begin()
    pair = person.pair()
    person.post(f"answer/{pair}", choice="left")
    assert study.invite() == {}
    new = participant(study, study.invite(["participant-1"])["participant-1"])
    assert person.client.get(person.root).status_code == 404
    assert new.pair() not in (None, pair)
    with pytest.raises(DataError, match="there is no nobody; there are participant-1"):
        study.invite(["nobody"])


def test_a_database_of_other_pairs_is_refused(
    study: Opened, tmp_path: Path, database: str | Path
) -> None:
    (tmp_path / "other").mkdir()
    other = make_study(tmp_path / "other", seed=6)
    with pytest.raises(DataError, match=r"of another study .* or pairs"):
        opened(other, database)


def run(*arguments: str | Path) -> int:
    return cli.main(["judge", *map(str, arguments)])


def test_status_close_export_and_the_analysis_that_waits(
    person: Participant,
    study: Opened,
    database: str | Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    of = ("--config", study.config, "--database", database)
    files = [database] if isinstance(database, Path) else []  # which the workflow reads itself
    person.begin()
    for _ in range(5):
        person.post(f"answer/{person.pair()}", choice="left")
    assert run("status", *of) == 0
    printed = capsys.readouterr().out
    assert re.search(r"comparing +open +participant-1 +5 of 32$", printed, re.M)
    assert re.search(r"comparing +open +participant-2 +0 of 32$", printed, re.M)
    folder = study.config.parent / "results/human/judge"

    def read(answers: Path, familiarity: Path | None = None) -> pd.DataFrame:
        responses = tmp_path / "r.parquet"
        read_responses(
            answers=answers,
            familiarity=familiarity,
            pairs=folder / "pairs.parquet",
            persons=folder / "persons.parquet",
            sheet=folder / "sheet.json",
            responses=responses,
            familiar=tmp_path / "f.parquet",
            raters=tmp_path / "raters.parquet",
            own_sides=None,
            settings=OwnSide(),
        )
        return read_table(responses, RESPONSES)

    assert run("export", *of, "--to", tmp_path / "open") == 0
    for source in (tmp_path / "open/responses.csv", *files):
        with pytest.raises(DataError, match="not closed"):
            read(source)
    assert run("close", *of) == 0
    assert (
        person.post(f"answer/{study.sheet.plans['participant-1'].pairs[5].pair_id}", choice="left")
        == 409
    )
    assert "closed" in person.see()
    assert run("export", *of, "--to", tmp_path / "csv") == 0
    table = read(tmp_path / "csv/responses.csv", tmp_path / "csv/familiarity.csv")
    for source in files:
        pd.testing.assert_frame_equal(table, read(source))
    assert len(table) == 5, "who stopped half-way counts as far as they came"
    table = pd.read_csv(tmp_path / "csv/responses.csv", dtype=str)
    table.assign(study="0" * 16).to_csv(tmp_path / "csv/other.csv", index=False)
    with pytest.raises(DataError, match="answers of another study"):
        read(tmp_path / "csv/other.csv")
    (folder / "sheet.json").unlink()
    assert run("status", *of) == 2
    assert "make it with: snakemake --cores all pair_outputs" in capsys.readouterr().err


@ON_SQLITE
@pytest.mark.parametrize("end", ["csv", "CSV"])
def test_closing_writes_what_the_graph_reads(
    study: Opened,
    tmp_path: Path,
    database: str | Path,
    end: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The database that is served by default is the one that judge.responses names."""
    files = {"responses": f"h/r.{end}", "familiarity_responses": f"h/f.{end}"}
    config = configure(study.config.parent, **files)
    assert run("invite", "--config", config, "--database", database) == 0
    assert capsys.readouterr().out.count("http://127.0.0.1:8000/s/") == 2
    assert run("invite", "--config", config, "--database", database) == 0
    assert "everybody has a link" in capsys.readouterr().out
    assert run("close", "--config", config, "--database", database) == 0
    for name, column in (("r", "choice"), ("f", "known")):
        assert column in pd.read_csv(config.parent / f"data/h/{name}.{end}")
    served = Path(config.parent, "data", read_study(config).comparisons)
    assert served.name == "human.sqlite"
    assert answered(config.parent / f"data/h/r.{end}", study.sheet.subject) == 0
    config = configure(study.config.parent, responses="h/answers.sqlite")
    assert run("invite", "--config", config) == 0
    assert run("close", "--config", config) == 0
    assert len(read_database(config.parent / "data/h/answers.sqlite")[0]) == 0
    with pytest.raises(DataError, match="no such database"):
        read_database(tmp_path / "none.sqlite")


@ON_SQLITE
def test_a_consent_that_is_empty_or_has_gaps_is_refused(
    study: Opened, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "ethics approval" in TEMPLATE.read_text()
    for text, words in (
        (None, "not readable: No such file"),
        (b"\xff\xfe\0", "damaged UTF-16"),
        (b" \n\n\t", "empty; write what participants agree to"),
        (TEMPLATE.read_bytes(), "'[Put your text"),
        (b"It takes [30] minutes.", "'[30]' is the template's"),
    ):
        path = tmp_path / "consent.txt"
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_bytes(text)
        assert run("serve", "--config", study.config, "--consent", path) == 2
        assert words in capsys.readouterr().err
    path.write_text("\ufeffIt takes 30 minutes [1].\n", encoding="utf-8")
    assert consent_in(path) == "It takes 30 minutes [1]."


@ON_SQLITE
def test_made_up_requests_break_nothing(person: Participant, study: Opened) -> None:
    """Schemathesis makes requests from the server's own description."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings

    person.begin()
    person.post(f"answer/{person.pair()}", choice="left")
    app = person.client.app
    description: dict[str, Any] = app.openapi()  # type: ignore[attr-defined]
    schema = schemathesis.openapi.from_dict(description)
    schema.app = app
    assert len(description["paths"]) == 7
    cases = [result.ok() for result in schema.get_all_operations()]
    checks = settings(
        max_examples=12,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for operation in cases:

        @checks
        @given(case=operation.as_strategy())
        def fuzz(case: Any) -> None:
            for token in (case.path_parameters["token"], person.root.split("/")[2]):
                case.path_parameters["token"] = token
                response = case.call()
                assert response.status_code < 500

        fuzz()
    assert len(exported(study.engine)[0]) <= 1, "nothing was made up"
    assert all(exported(study.engine)[0]["choice"] == "left")


@ON_SQLITE
def test_nobody_is_invited_to_pairs_that_come_from_the_seed(
    study: Opened, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A study under way, whose pairs an earlier version made so, goes on."""
    sheet = tmp_path / "human/results/human/judge/sheet.json"
    write_json(read_json(sheet) | {"for_people": False}, sheet)
    given = ["--config", str(tmp_path / "human/config.yaml")]
    assert cli.main(["judge", "invite", *given, "--database", str(tmp_path / "new.sqlite")]) == 2
    assert "simulated participants: who has the code" in capsys.readouterr().err
