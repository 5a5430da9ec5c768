"""The architecture, as tests: names are the interface, stages speak through files, one glossary."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Any

import pytest
import snakemake
import yaml
from house import LIBRARY, ROOT, SCRIPTS, exchangeable, problems_of, rules_of
from packaging.requirements import Requirement
from runs import copy_code, planned
from runs import snakemake as run_snakemake

from facegap.settings.load import load
from facegap.stages import STAGES

WORKFLOW = ROOT / "workflow"
BENCHMARKS = ROOT / "benchmarks"
MODULES = sorted(LIBRARY.rglob("*.py"))
SCRIPT = re.compile(
    r'"""Rule (?P<rule>\w+): [^"]+"""\n\nfrom facegap\.job import run\n'
    r"from facegap[\w.]* import \w+\n"
    r"\nrun\((?P<call>.*), snakemake\)\n"
)
SNAKEMAKES_OWN = {"job.py", "start.py"}  # which alone know that there is a Snakemake
LIGHT = {"numpy", "pandas", "pandera", "torch", "matplotlib", "cv2", "sqlalchemy"}


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


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Every rule: those of the micro study, and what only a study with participants has."""
    folder = copy_code(tmp_path_factory.mktemp("house") / "facegap")
    study = yaml.safe_load((folder / "micro.yaml").read_text())
    study["judge"]["responses"] = "responses.csv"
    (folder / "people.yaml").write_text(yaml.safe_dump(study))
    found = [*rules_of(folder, folder / "micro.yaml"), *rules_of(folder, folder / "people.yaml")]
    return list({rule.name: rule for rule in found}.values())


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_a_script_is_a_function_and_its_call(path: Path) -> None:
    script = SCRIPT.fullmatch(path.read_text())
    assert script, "the words, two imports, job's first, and run"
    assert script["rule"] == path.stem
    assert script["call"] in (path.stem, "plot_of(snakemake.rule)")


def test_snakemake_is_the_version_whose_private_members_were_checked() -> None:
    assert snakemake.__version__ == "9.27.1", "look at facegap/start.py and tests/house.py again"


def test_the_names_of_each_rule_are_the_arguments_of_its_function(rules: list[Any]) -> None:
    assert {rule.name: found for rule in rules if (found := list(problems_of(rule)))} == {}


def test_every_script_has_its_rule(rules: list[Any]) -> None:
    assert {path.stem for path in SCRIPTS.glob("*.py")} == {Path(r.script).stem for r in rules}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('faces="<results>/acquire/{dataset}/faces.parquet"', 'table="t"', "faces: missing in"),
        ("images=images_of", "pictures=images_of", "pictures: no argument of the function"),
        ('faces="<results>', '"<results>', "a file has no name"),
        ('code_of("align.shards")', 'code_of("align.gather")', "params have no code_of align/sh"),
        ('settings=config["align"]', 'settings=config["judge"]', "settings: Extra inputs are not"),
        ('settings=config["align"]', 'settings=config["align"], shard=1', "shard: given twice"),
    ],
)
def test_a_rule_that_does_not_fit_is_found(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    folder = copy_code(tmp_path / "facegap")
    path = folder / "workflow/rules/align.smk"
    start = path.read_text().index("rule align_shard")
    text = path.read_text()
    assert old in text[start:]
    path.write_text(text[:start] + text[start:].replace(old, new, 1))
    found = [
        problem
        for rule in rules_of(folder, folder / "micro.yaml")
        if rule.name == "align_shard"
        for problem in problems_of(rule)
    ]
    assert [line for line in found if line.startswith(problem)], found


def test_no_two_params_can_exchange_their_values_unseen(rules: list[Any]) -> None:
    assert {rule.name: pairs for rule in rules if (pairs := exchangeable(rule))} == {}


def leaves(part: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every single value of a configuration, by its keys."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from leaves(value, (*place, key))
    else:
        yield place, part


def exchanged(config: dict[str, Any], one: tuple[str, ...], two: tuple[str, ...]) -> dict[str, Any]:
    """`config` with two values in each other's place."""
    values = dict(leaves(config))
    changed: dict[str, Any] = yaml.safe_load(yaml.safe_dump(config))
    for keys, value in ((one, values[two]), (two, values[one])):
        part = changed
        for key in keys[:-1]:
            part = part[key]
        part[keys[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("one", "two", "rule"),
    [
        ("acquire.drawn.capture_distance", "acquire.drawn.inside_share", "draw_faces"),
        ("align.limits.size", "align.limits.yaw", "align_shard"),
        ("annotate.tentative.right", "annotate.tentative.wrong", "simulate_annotator"),
        ("classify.augmentation.zoom", "classify.augmentation.shuffle", "extract_features"),
        (
            "classify.training.head_training.epochs",
            "classify.training.head_training.batch",
            "train_configurations",
        ),
        ("synthesise.training.weights.penalty", "synthesise.training.rate", "train_stargan"),
        ("synthesise.roles.held_out", "partition.precision", "assign_roles"),
        (
            "measure.attribute_classifier.iterations",
            "measure.attribute_classifier.batch",
            "train_attribute_classifier",
        ),
        ("judge.design.pairs", "judge.design.participants", "pair_outputs"),
        ("seed", "align.shards", "align_shard"),
    ],
)
def test_values_that_are_exchanged_rerun_the_rules_that_read_them(
    micro: Path, one: str, two: str, rule: str
) -> None:
    config = load(yaml.safe_load((micro / "micro.yaml").read_text())).model_dump(mode="json")
    changed = exchanged(config, tuple(one.split(".")), tuple(two.split(".")))
    load(changed)
    (micro / "exchanged.yaml").write_text(yaml.safe_dump(changed))
    plan = run_snakemake(micro, "-n", "--configfile", "exchanged.yaml").stdout
    assert rule in planned(plan), plan[-3000:]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_the_library_knows_no_snakemake(path: Path) -> None:
    if path.name not in SNAKEMAKES_OWN:
        assert not [name for name in imported(path) if name.split(".")[0] == "snakemake"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_stage_imports_from_no_other_stage(path: Path) -> None:
    """facegap/cli.py gathers the commands, and is imported by nothing."""
    if path != LIBRARY / "cli.py":
        reached = {name.split(".")[1] for name in imported(path) if name.startswith("facegap.")}
        assert reached & set(STAGES) <= {stage_of(path)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_module_and_its_functions_can_be_read(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 450
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    long = {
        node.name: lines
        for node in functions
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > 60
    }
    assert not long


def test_what_plans_jobs_is_no_jobs_code(rules: list[Any]) -> None:
    """Its answers are params, so an edit of it that changes none of them reruns nothing."""
    planning = {"classify/grid.py", "kinds.py", "acquire/places.py", "start.py", "plan.py"}
    digests = [value for rule in rules for value in rule.params if isinstance(value, dict)]
    assert not planning & {name for digest in digests for name in digest}


def test_what_the_snakefile_imports_is_light() -> None:
    """It is loaded at every start, and at the start of every job on a cluster."""
    text = "".join(path.read_text() for path in (WORKFLOW / "rules").glob("*.smk"))
    modules = re.findall(r"^from (facegap[\w.]*) import", text, re.M)
    code = f"import sys; {'; '.join(f'import {name}' for name in modules)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True
    )
    own = "import sys, snakemake.persistence.file; print(*sys.modules)"  # what Snakemake loads
    there = subprocess.run([sys.executable, "-c", own], capture_output=True, text=True, check=True)
    assert not LIGHT & (set(done.stdout.split()) - set(there.stdout.split()))


@pytest.mark.parametrize("stage", STAGES)
def test_names_agree(stage: str) -> None:
    text = (WORKFLOW / f"rules/{stage}.smk").read_text()
    assert re.search(rf"^rule {stage}:$", text, re.M), "each stage is a target by its name"
    assert not re.search(r"^\s+run:|\blambda\b", text, re.M)
    for rule, body in re.findall(r"^ *rule (\w+):\n((?:[ \t]+.*\n|\n)*)", text, re.M):
        if rule == stage:
            continue
        assert f'"../scripts/{rule}.py"' in body
        for part in ("log:", "benchmark:", "conda:", "resources:"):
            assert part in body, f"{rule} has no {part}"
        assert f'"<logs>/{stage}/{rule}' in body
        assert f'"<benchmarks>/{stage}/{rule}' in body
        whole = "config=config," in body
        assert whole == (rule in ("record_provenance", "write_report", "write_audit_card")), (
            "what prints all of it"
        )


def test_the_contents_page_lists_the_stages_in_order() -> None:
    included = re.findall(r"rules/(\w+)\.smk", (WORKFLOW / "Snakefile").read_text())
    assert included == ["common", *STAGES]


OLD = {  # words that the glossary replaced, as parts of names
    *("cell", "cells", "kept", "keepable", "tuned", "tune", "proposal", "proposals", "weighed"),
    *("critic", "critics", "aside", "commoner", "told", "foretell", "said", "views", "cast"),
}


def defined(path: Path) -> Iterator[str]:
    """The names that a Python file defines: functions, classes, arguments, variables."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or ""
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def old_terms(names: Iterable[str]) -> set[str]:
    """Those of the names that have an old word as a part; fine-tuned is the field's own."""
    parts = {name: re.split(r"[^a-z]+", re.sub("fine.tuned?", "", name.lower())) for name in names}
    return {name for name, words in parts.items() if OLD & set(words)}


@pytest.mark.parametrize(
    "path",
    [
        *MODULES,
        *sorted((ROOT / "tests").rglob("*.py")),
        *sorted((ROOT / "benchmarks").glob("*.py")),
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_name_in_the_code_is_of_the_old_words(path: Path) -> None:
    names = [name for name in defined(path) if not name.startswith("test_")]  # sentences
    assert old_terms(names) == set()


def test_no_key_column_rule_or_path_is_of_the_old_words(micro: Path, rules: list[Any]) -> None:
    from facegap.tables import (
        acquire,
        align,
        annotate,
        classify,
        judge,
        measure,
        partition,
        report,
        synthesise,
    )

    config = load(yaml.safe_load((ROOT / "config/config.yaml").read_text())).model_dump()
    modules = (acquire, align, annotate, classify, partition, synthesise, measure, judge, report)
    columns = [
        str(column)
        for module in modules
        for table in vars(module).values()
        for column in getattr(table, "columns", ())
    ]
    paths = [str(path.relative_to(micro)) for path in (micro / "results/micro").rglob("*")]
    names = [rule.name for rule in rules]
    keys = [key for place, _ in leaves(config) for key in place]
    assert old_terms([*columns, *paths, *names, *keys]) == set()


def named(dependencies: Iterable[str]) -> set[str]:
    """The packages of lines like those of pyproject.toml."""
    return {re.sub(r"[-_.]+", "-", Requirement(line).name).lower() for line in dependencies}


def test_every_package_that_is_imported_is_a_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = named(project["dependencies"])
    developing = needed | named(project["optional-dependencies"]["dev"])
    helpers = {path.stem for path in (ROOT / "tests").rglob("*.py")} | {"facegap"}
    helpers |= {path.parent.name for path in BENCHMARKS.glob("*/__init__.py")}
    packages = packages_distributions()
    documenting = developing | named(project["optional-dependencies"]["docs"])
    for folders, allowed in (
        ([WORKFLOW], needed),
        ([ROOT / "tests", BENCHMARKS], developing),
        ([ROOT / "docs"], documenting),
    ):
        paths = [path for folder in folders for path in folder.rglob("*.py")]
        names = {name.split(".")[0] for path in paths for name in imported(path)}
        others = names - sys.stdlib_module_names - helpers - {path.stem for path in paths}
        lacking = {name for name in others if not named(packages.get(name, [name])) & allowed}
        assert not lacking, f"{[str(each) for each in folders]} import what nobody asks for"


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
    imports = [
        line
        for path in sorted(SCRIPTS.glob("*.py"))
        for line in path.read_text().splitlines()
        if line.startswith("from ")
    ]
    load = f"import sys; sys.path += {paths}\n" + "\n".join(imports)
    load += "\nassert 'snakemake' not in sys.modules"
    subprocess.run([sys.executable, "-I", "-S", "-c", load], check=True)


def test_the_profiles_name_rules_that_exist(rules: list[Any]) -> None:
    """A key that the cluster's shares with the default one would be lost without a word."""
    profile = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
    default = yaml.safe_load((ROOT / "profiles/default/profile.yaml").read_text())
    others = {
        "read_faces",
        "split_dataset",
        "unpack_images",
        "fetch_timm",
        "read_responses",
        "label_own",
    }
    names = {rule.name for rule in rules} | others
    assert {*profile["set-resources"], *profile["groups"], *default["prioritize"]} <= names
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


def test_a_list_of_the_docs_goes_on_by_four_spaces() -> None:
    """And has an empty line after that: else the site breaks it, though GitHub does not."""
    found = []
    for path in sorted(ROOT.glob("docs/*.md")):
        text = re.sub(r"^ *```.*?^ *```$", "", path.read_text(), flags=re.S | re.M)
        found += [f"{path.name}: {line}" for line in re.findall(r"\n\n( {1,3}\S.*)", text)]
        found += [
            f"{path.name}: {item}" for item in re.findall(r"\n {4,}\S.*\n((?:\d+\.|-) .*)", text)
        ]
    assert not found


def test_every_document_is_in_the_navigation_of_the_site() -> None:
    named = set(re.findall(r"^ .*: ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M))
    assert named - {"explore.md"} == {path.name for path in (ROOT / "docs").glob("*.md")}
