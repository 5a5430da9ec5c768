"""What the stages share: the checked settings, places, and the digests of code. No rules here."""

import os
import re
import sys
from pathlib import Path

# beside this file; workflow.basedir would be the folder of whoever uses this workflow as a module
SCRIPTS = (Path(str(workflow.current_basedir)).parent / "scripts").resolve()
sys.path.insert(0, str(SCRIPTS))
own_first = filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")])
os.environ.update(
    PYTHONPATH=os.pathsep.join(own_first)
)  # for jobs: before an installed one

from facegap import start
from facegap.assets import manifest
from facegap.code import digests
from facegap.digests import contents
from facegap.settings.load import load, read_given
from facegap.settings.study import PARTS
from facegap.stages import STAGES

start.quote_interpreter()
with start.wrong_configuration():
    for file in workflow.configfiles:
        read_given(file)  # Snakemake takes the last of a key that stands twice
    study = load(config)
config = study.model_dump(
    mode="json"
)  # complete, and plain: other params are not compared

RESULTS = f"{study.results}/{study.study}"
ASSETS = f"{study.results}/assets"
ENVIRONMENT = "../../envs/facegap.yaml"
DATASETS = list(study.datasets)
BOTH = ["source", "target"]
SHARDS = list(range(study.align.shards))
SEEDS = study.synthesise.seeds
STARGAN_ARMS = (
    study.synthesise.shares
)  # of each arm, the share of outside faces that train it
EDITORS = study.editors
SEEDS_OF = {  # of who makes translations: an editor of the user's made one set of them
    **dict.fromkeys(STARGAN_ARMS, SEEDS),
    **dict.fromkeys(EDITORS, [0]),
}
SIDES = config["sides"]
INTERVALS = config["measure"]["intervals"]
MANIFEST = manifest()


wildcard_constraints:
    shard=r"\d+",
    seed="|".join(map(str, SEEDS)),
    arm="|".join(map(re.escape, SEEDS_OF)),


def code_of(*modules):
    """Digests of library modules and of all they reach; jobs compare none, so they read none."""
    return digests(modules) if workflow.is_main_process else []


def contents_of(*places):
    """What the user's own files hold, so that one replaced unnoticed reruns what reads it.

    `places` are paths, or input functions that give one or several.
    """

    def digests_of_files(wildcards):
        found = [place(wildcards) if callable(place) else place for place in places]
        paths = [
            path
            for some in found
            for path in ([some] if isinstance(some, str) else some)
        ]
        return contents(paths, study.data_root, look=workflow.is_main_process)

    return digests_of_files


def of(part, *paths):
    """The paths, where the study has that part."""
    return list(paths) if part in study.parts else []


def doubling(mem_mb):
    """Memory that doubles with each attempt at a job."""

    def doubled(wildcards, attempt):
        return mem_mb * 2 ** (attempt - 1)

    return doubled


def crop_shards(dataset, crop):
    """The arrays of a crop of a data set, in the order of its table; of several of either, each."""
    return expand(
        "<results>/align/{dataset}/{crop}/shard-{shard}.npy",
        dataset=dataset,
        crop=crop,
        shard=SHARDS,
    )


def made_by(file):
    """An input function: the file of translations of each seed of an arm, or of an editor."""

    def paths(wildcards):
        return translations_of(wildcards.arm, file)

    return paths


def translations_of(maker, file):
    """The file of translations of each seed of an arm, or of an editor."""
    if maker in EDITORS:
        return [f"<results>/measure/{maker}/{file}"]
    return [f"<results>/synthesise/{maker}/seed-{seed}/{file}" for seed in SEEDS]


def faces_of(stage, table):
    """An input function: a table of the data set whose faces an audited model saw."""

    def path(wildcards):
        dataset = study.dataset_of(wildcards.audited)
        return f"<results>/{stage}/{dataset}/{table}.parquet"

    return path


def any_of(names):
    """A pattern that fits these names; of no names, nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"
