"""The cluster's profile and plan, looked at without a cluster."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from runs import MICRO, ROOT, copy_code, snakemake

PROFILE = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
PAPER = ("--configfile", "config/paper.yaml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_code(tmp_path_factory.mktemp("profile") / "facegap")


def needs(folder: Path, study: tuple[str, ...]) -> dict[str, set[str]]:
    """What each rule of a study comes after, directly or not."""
    drawn = snakemake(folder, "--rulegraph", *study).stdout
    rules = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)"', drawn, re.M))
    found: dict[str, set[str]] = {rule: set() for rule in rules.values()}
    edges = [(rules[a], rules[b]) for a, b in re.findall(r"^\s*(\d+) -> (\d+)", drawn, re.M)]
    for _ in rules:
        for before, after in edges:
            found[after] |= {before} | found[before]
    return found


@pytest.mark.parametrize("study", [PAPER, MICRO])
def test_no_group_waits_for_a_long_job_that_only_some_of_it_need(
    folder: Path, study: tuple[str, ...]
) -> None:
    """So that all goes on that does not need a training that failed."""
    long, groups = set(PROFILE["set-resources"]), PROFILE["groups"]
    before = needs(folder, study)
    assert "train_stargan" in before["write_report"]
    waits: dict[str, dict[str, set[str]]] = {}
    for rule, group in groups.items():
        if rule in before:
            waits.setdefault(group, {})[rule] = before[rule] & long
    different = {name: of for name, of in waits.items() if len({*map(frozenset, of.values())}) > 1}
    assert not different
    assert waits["runs"]["gather_runs"] == {
        "extract_features",
        "train_configurations",
        "train_arms",
    }


def test_what_is_fetched_is_fetched_where_snakemake_runs() -> None:
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    fetching = re.findall(r"^rule (fetch_\w+):\n((?:[ \t]+.*\n|\n)*)", rules, re.M)
    assert {"fetch_asset", "fetch_timm"} <= {name for name, _ in fetching}
    assert all("    localrule: True\n" in re.sub(r" +#.*", "", body) for _, body in fetching)


def test_the_plan_of_the_papers_study_is_the_one_that_the_docs_show(folder: Path) -> None:
    command = ("make", "-f", ROOT / "Makefile", "-o", ".venv/ready", "plan", f"STUDY={PAPER[1]}")
    done = subprocess.run(
        [*command, f'BIN="{Path(sys.executable).parent}"'],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    row = r"^ *([a-z]+(?: +[\d.]+){8})$"
    planned = [line.split() for line in re.findall(row, done.stdout, re.M)]
    hours = {stage: list(map(float, rest)) for stage, *rest in planned}
    _, _, _, core_hours, gpu_hours, *_ = hours["synthesise"]
    assert core_hours > 8 * gpu_hours > 0, "a training has 8 threads"
    shown = re.findall(row, (ROOT / "docs/cluster.md").read_text(), re.M)
    assert [line.split() for line in shown] == planned, done.stdout
    assert "end if every job took its limit:" in done.stdout
    assert "No job of this study was measured yet" in done.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("study: käse\n".encode("utf-16"), "not UTF-8"),
        ("study: käse\n".encode("cp1252"), "not UTF-8"),
        (b"study: mine\n\tresults: there\n", "line 2"),
        (None, "No such file"),
    ],
)
@pytest.mark.parametrize("target", ["study", "plan"])
def test_a_configuration_that_cannot_be_read_is_refused_in_words(
    tmp_path: Path, content: bytes | None, message: str, target: str
) -> None:
    """Before Snakemake, which would end in a traceback of its own; by the name that it has."""
    if content is not None:
        (tmp_path / "my study.yaml").write_bytes(content)
    command = ("make", "-f", ROOT / "Makefile", "-o", ".venv/ready", target, "STUDY=my study.yaml")
    done = subprocess.run(
        [*command, f'BIN="{Path(sys.executable).parent}"'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "my study.yaml" in done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
