"""The record of provenance: a crate that others can read, and what it says of the jobs."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import requests
import rocrate
import yaml
from rocrate.rocrate import ROCrate
from rocrate_validator.models import Severity, ValidationSettings
from rocrate_validator.services import validate

from facegap.report import provenance
from facegap.report.provenance import code_version, jobs_in, packages, record_provenance, summary
from facegap.settings.study import Study

LINE = "2026-03-01 10:00:0{second},500 facegap.job: on {host}\n"


STUDY = Study.model_validate(
    {
        "study": "small",
        "boundary": "group",
        "sides": {"inside": "A", "outside": "B"},
        "datasets": {
            name: {"kind": "drawn", "faces": 3, "split": {"train": 2, "test": 1}, "labels": "own"}
            for name in ("source", "target")
        },
    }
)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two jobs' logs, one that says nothing, a result, and weights that were fetched."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/weights.pth").write_text("1 2 3")
    tmp_path /= "small"
    for number, (stage, host) in enumerate([("align", "node-1"), ("judge", "node-2")]):
        log = tmp_path / f"logs/{stage}/job-{number}.log"
        log.parent.mkdir(parents=True)
        log.write_text(LINE.format(second=number, host=host) + "more\n")
        os.utime(log, (2_000_000_000 - number, 2_000_000_000 - number))
    (tmp_path / "logs/judge/old.log").write_text("of an earlier version\n")
    (tmp_path / "table.csv").write_text("a,b\n")
    return tmp_path


def record(study: Path, config: Study = STUDY) -> Path:
    record_provenance(
        results=[study / "table.csv"],
        data=[Path(config.data_root, "csv/labels.csv")],
        record=study / "ro-crate-metadata.json",
        settings_yaml=study / "settings.yaml",
        config=config,
        digests=["f" * 64],
        assets=("weights.pth", "deleted.pth"),
        made_by=[study / "logs/judge/job-1.log"],
    )
    return study / "ro-crate-metadata.json"


def test_the_record_is_a_crate_that_others_can_read(study: Path) -> None:
    record(study)
    crate = ROCrate(study)
    assert crate.name == "facegap study small"
    result = crate.dereference("table.csv")
    assert result["sha256"] == hashlib.sha256(b"a,b\n").hexdigest()
    assert crate.dereference("settings.yaml") in crate.data_entities
    run = crate.dereference("#run")
    assert {part.id for part in run["result"]} == {"table.csv", "settings.yaml"}
    weights = hashlib.sha256(b"1 2 3").hexdigest()
    assert [part["sha256"] for part in run["object"]] == ["f" * 64, weights]
    assert [part["name"] for part in run["hasPart"]] == ["job-0", "job-1"]
    assert [part["location"]["name"] for part in run["hasPart"]] == ["1", "2"]
    assert [part["result"] for part in run["hasPart"]] == [[], [result]]


def test_the_whole_configuration_stands_beside_it(study: Path) -> None:
    record(study)
    written = yaml.safe_load((study / "settings.yaml").read_text())
    assert Study.model_validate(written) == STUDY


def test_the_run_lasts_from_the_first_start_to_the_last_end(study: Path) -> None:
    seen = summary(record(study))
    jobs = jobs_in(study / "logs")
    assert seen["run"]["startTime"] == jobs[0]["start"]
    assert seen["run"]["endTime"] == jobs[0]["end"]  # which ended after the second
    assert seen["hosts"] == ["1", "2"]
    assert [part["name"] for part in seen["inputs"]] == ["labels.csv", "weights.pth"]


@pytest.mark.parametrize("places", [False, True])
def test_hosts_and_folders_are_named_only_if_the_settings_say_so(study: Path, places: bool) -> None:
    own = {"results": "/home/ada/scratch/out", "data_root": "/home/ada/faces"}
    given = STUDY.model_dump(mode="json") | own
    given["operations"]["record_places"] = places
    config = Study.model_validate(given)
    written = record(study, config).read_text() + (study / "settings.yaml").read_text()
    assert "data/csv/labels.csv" in written
    for word in ("node-1", "node-2", "/home/ada"):
        assert (word in written) == places
    shown = yaml.safe_dump(config.shown())
    assert ("/home/ada" in shown) == places
    assert "results: /home/ada/scratch/out" in shown or "results: out" in shown


def test_every_package_is_named(study: Path) -> None:
    crate = ROCrate(record(study).parent)
    for name in ("torch", "numpy", "mediapipe"):
        version = packages()[name]
        assert crate.dereference(f"pkg:pypi/{name}@{version}")["softwareVersion"] == version


def test_the_record_is_a_process_run_crate(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the profile's own validator, which would fetch the context."""
    record(study)
    context = (Path(rocrate.__file__).parent / "data/ro-crate.jsonld").read_bytes()

    def fetched(session: requests.Session, method: str, url: str, **_: object) -> requests.Response:
        assert url.startswith("https://w3id.org/ro/crate/"), url
        response = requests.Response()
        response.status_code, response.url, response._content = 200, url, context
        response.headers["content-type"] = "application/ld+json"
        return response

    monkeypatch.setattr(requests.Session, "request", fetched)

    def issues() -> list[str | None]:
        settings = ValidationSettings(
            rocrate_uri=study,
            profile_identifier="process-run-crate",
            requirement_severity=Severity.REQUIRED,
        )
        return [issue.message for issue in validate(settings).get_issues()]

    assert issues() == []
    crate = json.loads((study / "ro-crate-metadata.json").read_text())
    (job,) = (part for part in crate["@graph"] if part["@id"] == "#judge/job-1")
    del job["instrument"]
    (study / "ro-crate-metadata.json").write_text(json.dumps(crate))
    assert issues(), "what has no instrument is no run of one"


@pytest.mark.parametrize(
    "name",
    [
        *("Snakefile", "workflow/b.py", "requirements.lock"),
        *("config/assets.yaml", "config/published.yaml"),
    ],
)
def test_code_that_differs_has_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where there is no git, the digest of the code still tells versions apart."""
    monkeypatch.setattr(provenance, "CODE", tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("1\n")
    before = code_version()
    assert set(before) == {"sha256"}
    (tmp_path / name).write_text("2\n")
    assert code_version() != before
