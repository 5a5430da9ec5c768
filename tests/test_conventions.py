"""The architecture, as tests: thin scripts, a library that knows no Snakemake, names that agree."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from facegap.config import complete

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / "workflow"
LIBRARY = WORKFLOW / "scripts/facegap"
STAGES = ["acquire", "align", "annotate", "classify", "partition", "synthesise", "judge", "report"]
SCRIPTS = sorted((WORKFLOW / "scripts").glob("*.py"))
MODULES = sorted(LIBRARY.rglob("*.py"))
RULES = {
    stage: re.findall(r"^rule (\w+):", (WORKFLOW / f"rules/{stage}.smk").read_text(), re.M)
    for stage in STAGES
}


def imported(path: Path) -> list[str]:
    """The modules that the Python file at `path` imports, anywhere in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names


def stage_of(path: Path) -> str | None:
    """The stage that a library module belongs to; none for the shared ones."""
    name = path.relative_to(LIBRARY).parts[0].removesuffix(".py")
    return name if name in STAGES else None


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_only_calls_the_library(path: Path) -> None:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.With, ast.Lambda)
    assert not [node for node in ast.walk(tree) if isinstance(node, kinds)]
    assert isinstance(tree.body[-1], ast.If), "work belongs under __main__"
    assert f"Rule {path.stem}" in (ast.get_docstring(tree) or "")
    assert len([line for line in path.read_text().splitlines() if line.strip()]) <= 30


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_the_library_knows_no_snakemake(path: Path) -> None:
    assert not [name for name in imported(path) if name.split(".")[0] == "snakemake"]
    assert not re.search(r"\bsnakemake\.(input|output|params|config|log)", path.read_text())


# facegap/cli.py gathers the stages' commands, and is imported by nothing
@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path != LIBRARY / "cli.py"],
    ids=lambda path: str(path.relative_to(LIBRARY)),
)
def test_a_stage_imports_from_no_other_stage(path: Path) -> None:
    reached = {name.split(".")[1] for name in imported(path) if name.startswith("facegap.")}
    assert reached & set(STAGES) <= {stage_of(path)}


@pytest.mark.parametrize("stage", STAGES)
def test_names_agree(stage: str) -> None:
    text = (WORKFLOW / f"rules/{stage}.smk").read_text()
    assert RULES[stage], "a stage has rules"
    assert stage in RULES[stage], "each stage is a target by its name"
    for rule, body in re.findall(r"^rule (\w+):\n((?:[ \t]+.*\n|\n)*)", text, re.M):
        if rule == stage:
            continue
        assert re.search(rf'^    params:\n        \*code_of\("{rule}.py"\),', body, re.M), rule
        assert f'"../scripts/{rule}.py"' in body
        for part in ("log:", "benchmark:", "conda:", "resources:"):
            assert part in body, f"{rule} has no {part}"
        assert f"/logs/{stage}/{rule}" in body
        assert f"/benchmarks/{stage}/{rule}" in body
        assert not re.search(r"^\s+run:|\blambda\b", body, re.M)
        whole = "config=config," in body
        assert whole == (rule in ("record_provenance", "write_report")), (
            "what it prints is all of it"
        )


def test_a_table_has_a_name_of_its_own() -> None:
    names = re.findall(r"^(\w+) = _table\(", (LIBRARY / "tables.py").read_text(), re.M)
    assert len(names) == len(set(names))


def test_every_script_has_its_rule() -> None:
    assert {path.stem for path in SCRIPTS} == {
        rule for stage, rules in RULES.items() for rule in rules if rule != stage
    }


def test_the_contents_page_lists_the_stages_in_order() -> None:
    included = re.findall(r"rules/(\w+)\.smk", (ROOT / "Snakefile").read_text())
    assert included == ["common", *STAGES, "start"]


def pins_of_the_environment() -> dict[str, str]:
    """Versions by package, of envs/facegap.yaml."""
    environment = yaml.safe_load((ROOT / "envs/facegap.yaml").read_text())
    return dict(pin.split("==") for pin in environment["dependencies"][-1]["pip"])


def test_the_conda_environment_has_the_pins_of_the_lock() -> None:
    lock = dict(
        re.findall(r"^([a-z0-9-]+)==([^ ;]+)", (ROOT / "requirements.lock").read_text(), re.M)
    )
    lock |= dict(  # where versions differ by Python, conda's Python 3.11 decides
        re.findall(
            r"^([a-z0-9-]+)==([^ ;]+) ; python_full_version < '3.12'",
            (ROOT / "requirements.lock").read_text(),
            re.M,
        )
    )
    pins = pins_of_the_environment()
    assert pins.items() <= lock.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split("[=><]", name)[0] for name in project["dependencies"]}
    # Snakemake and its plugins start the jobs, outside of their environment
    needed = {name for name in needed if not name.startswith("snakemake")}
    assert needed <= pins.keys()


def test_the_scripts_load_in_the_conda_environment(tmp_path: Path) -> None:
    """An interpreter with these packages and what they need, and no other, loads every script."""
    left, there = list(pins_of_the_environment()), set[str]()
    while left:
        name = left.pop()
        if name in there:
            continue
        there.add(name)
        package = distribution(name)
        needs = (Requirement(text) for text in package.requires or ())
        left += [
            need.name.lower()
            for need in needs
            if not need.marker or need.marker.evaluate({"extra": ""})
        ]
        for part in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
            if not (tmp_path / part).exists():
                (tmp_path / part).symlink_to(package.locate_file(part))
    paths = [str(WORKFLOW / "scripts"), str(tmp_path)]
    names = [path.stem for path in SCRIPTS]
    load = f"import sys; sys.path += {paths}; [__import__(name) for name in {names}]"
    load += "; assert 'snakemake' not in sys.modules"
    subprocess.run([sys.executable, "-I", "-S", "-c", load], check=True)


def test_the_profiles_name_rules_that_exist() -> None:
    """A key that the cluster's shares with the default one would be lost without a word."""
    profile = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
    default = yaml.safe_load((ROOT / "profiles/default/profile.yaml").read_text())
    rules = {rule for stage in STAGES for rule in RULES[stage]}
    assert {*profile["set-resources"], *profile["groups"], *default["prioritize"]} <= rules
    assert not profile.keys() & default.keys()


def test_no_address_of_a_registry_or_a_machine_is_committed() -> None:
    tracked = subprocess.run(
        ["git", "grep", "-nIE", r"https?://[^ \"']+/(simple|packages)/|pypi\.org|pythonhosted"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = [line for line in tracked.splitlines() if "test_conventions.py" not in line]
    assert not found


def test_the_documents_commands_name_targets_before_the_configuration() -> None:
    """Snakemake takes what follows --configfile for further configurations."""
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")]
    for path in [*documents, *ROOT.glob("profiles/*/README.md")]:
        for command in re.findall(r"snakemake .*--configfile \S+(.*)", path.read_text()):
            assert not re.match(r" +\w", command), f"{path}: {command}"


def test_the_documents_study_of_ones_own_is_a_whole_one() -> None:
    written = re.findall(r"```yaml\n(study:.*?)```", (ROOT / "docs/own-data.md").read_text(), re.S)
    assert [complete(yaml.safe_load(text))["study"] for text in written] == ["mine"]
