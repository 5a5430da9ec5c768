"""What every stage shares: the checked configuration and the study's axes. No rules here."""

import ast
import os
import re
import sys
from os.path import relpath
from pathlib import Path

from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir) / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))

from facegap.config import complete
from facegap.errors import ConfigError

try:
    config.update(complete(config))
except ConfigError as error:
    raise WorkflowError(str(error)) from None

STUDY = f"{config['results']}/{config['study']}"
ASSETS = f"{config['results']}/assets"
ENVIRONMENT = "../../envs/facegap.yaml"
DATASETS = list(config["datasets"])
CROPS = list(config["align"]["crops"])
SHARDS = list(range(config["align"]["shards"]))
BACKBONES = list(config["classify"]["backbones"])
SEEDS = config["synthesise"]["seeds"]


wildcard_constraints:
    dataset="|".join(DATASETS),
    crop="|".join(CROPS),
    shard=r"\d+",
    backbone="|".join(BACKBONES),
    seed="|".join(map(str, SEEDS)),


def code_of(script):
    """The script and every facegap module it reaches, so that editing one reruns the rule.

    joblog is left out: how a job logs does not change what it computes.
    """
    reached = [SCRIPTS / script]
    for path in reached:
        for module in _imported(path):
            if module not in reached and module.stem != "joblog":
                reached.append(module)
    return [relpath(path) for path in reached]


def _imported(path):
    """The files of the facegap modules that the Python file at `path` imports, in order."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("facegap"):
            base = SCRIPTS / node.module.replace(".", "/")
            names = [base / alias.name for alias in node.names]
            for candidate in [base, *base.parents[: len(node.module.split(".")) - 1], *names]:
                for file in (candidate.with_suffix(".py"), candidate / "__init__.py"):
                    if file.is_file():
                        yield file


def check_results():
    """Stop before the first job when nothing can be written where the results go."""
    try:
        Path(STUDY).mkdir(parents=True, exist_ok=True)
        probe = Path(STUDY) / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WorkflowError(f"results: nothing can be written in {STUDY}: {error}") from None


def crop_shards(dataset, crop):
    """The arrays of one crop of a data set, in the order of its table of aligned faces."""
    return expand(f"{STUDY}/align/{dataset}/{crop}/shard-{{shard}}.npy", shard=SHARDS)
