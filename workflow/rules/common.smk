"""What every stage shares: the checked configuration and the study's axes. No rules here."""

import ast
import os
import re
import sys
from functools import cache
from os.path import relpath
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir) / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))

from facegap.config import complete
from facegap.digests import digest
from facegap.errors import ConfigError

try:
    config.update(complete(config))
except ConfigError as error:
    raise WorkflowError(str(error)) from None

STUDY = f"{config['results']}/{config['study']}"
for place in (config["results"], STUDY):
    if Path(place).exists() and not Path(place).is_dir():
        raise WorkflowError(
            f"results: nothing can be written in {STUDY}: {place} is a file"
        )
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
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "facegap"
        ):
            base = SCRIPTS / node.module.replace(".", "/")
            names = [base / alias.name for alias in node.names]
            for candidate in [
                base,
                *base.parents[: len(node.module.split(".")) - 1],
                *names,
            ]:
                for file in (candidate.with_suffix(".py"), candidate / "__init__.py"):
                    if file.is_file():
                        yield file


@cache
def content_of(path):
    """The digest of one of the user's own files or folders, read once."""
    return digest(path, ".snakemake/digests.json")


def digests_of(*places):
    """What the user's own files hold, so that one replaced unnoticed reruns what reads it.

    `places` are paths or input functions; Snakemake compares no params that depend on input.
    """

    def digests(wildcards):
        paths = [place(wildcards) if callable(place) else place for place in places]
        own = [path for path in paths if path.startswith(f"{config['data_root']}/")]
        return [content_of(path) for path in own if Path(path).exists()]

    return digests


def check_results():
    """Stop before the first job when nothing can be written where the results go."""
    try:
        Path(STUDY).mkdir(parents=True, exist_ok=True)
        probe = Path(STUDY) / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise WorkflowError(
            f"results: nothing can be written in {STUDY}: {error}"
        ) from None


def crop_shards(dataset, crop):
    """The arrays of one crop of a data set, in the order of its table of aligned faces."""
    return expand(f"{STUDY}/align/{dataset}/{crop}/shard-{{shard}}.npy", shard=SHARDS)


# acquire

MANIFEST = yaml.safe_load((Path(workflow.basedir) / "config/assets.yaml").read_text())
OFFICIAL = {  # images by kind of data set, the first that is there
    "utkface": ["UTKFace.tar.gz", "UTKFace"],
    "celeba": ["img_align_celeba.zip", "img_align_celeba"],
}
CELEBA_TEXTS = (
    *("list_attr_celeba.txt", "identity_CelebA.txt"),
    "list_eval_partition.txt",
)
ARCHIVES = (".tar", ".tar.gz", ".tgz")


def of_kind(*kinds):
    """A pattern of the data sets of these kinds."""
    names = [
        name for name, dataset in config["datasets"].items() if dataset["kind"] in kinds
    ]
    return "|".join(names) or "nothing^"


def located(key, names):
    """The first of `names` that lies below data_root; else the asset of the first name."""
    paths = [f"{config['data_root']}/{name}" for name in names]
    there = [path for path in paths if Path(path).exists()]
    if there:
        return there[0]
    if names[0] in MANIFEST:
        return f"{ASSETS}/{names[0]}"
    raise WorkflowError(
        f"{key}: {paths[0]} does not exist; name one that does, below data_root"
    )


def original_images(name):
    """Where a data set's images lie as the user has them; nowhere for drawn faces."""
    dataset = config["datasets"][name]
    if dataset["kind"] == "drawn":
        return None
    given = [dataset["images"]] if "images" in dataset else OFFICIAL[dataset["kind"]]
    return located(f"datasets.{name}.images", given)


ORIGINALS = {name: original_images(name) for name in DATASETS}


def images_of(wildcards):
    """The folder or zip that a data set's images are read from."""
    original = ORIGINALS[wildcards.dataset]
    if original is None or original.endswith(ARCHIVES):
        return f"{STUDY}/acquire/{wildcards.dataset}/images.zip"
    return original


def original_of(wildcards):
    """The archive that a data set's images came in."""
    return ORIGINALS[wildcards.dataset]


def celeba_text(name):
    """One of CelebA's text files."""
    return located(f"data_root ({name})", [name])


def labels_of(wildcards):
    """The CSV of a data set of kind folder."""
    name = wildcards.dataset
    return located(f"datasets.{name}.table", [config["datasets"][name]["table"]])


def setting_of(key):
    """An input function for one setting of the data set at hand."""

    def setting(wildcards):
        return config["datasets"][wildcards.dataset][key]

    return setting


def asset_of(wildcards):
    """The entry of an asset in config/assets.yaml."""
    return MANIFEST[wildcards.asset]


def check_data():
    """Stop before the first job when images cannot be had."""
    wanted = [path for path in ORIGINALS.values() if path]
    if any(config["datasets"][name]["kind"] == "celeba" for name in DATASETS):
        wanted += map(celeba_text, CELEBA_TEXTS)
    for path in wanted:
        entry = MANIFEST.get(Path(path).name, {})
        if Path(path).exists() or "data set" not in entry:
            continue
        where = f"{config['data_root']}/{Path(path).name}"
        raise WorkflowError(
            f"data_root: {where} does not exist. {Path(path).name} ({entry['licence']}): "
            f"read the terms at {entry['terms']}, get it there and put it at {where}"
        )


# annotate

ANNOTATORS = config["annotate"]["annotators"]
SIMULATED = [name for name in ANNOTATORS if "error" in ANNOTATORS[name]]
OWN = [name for name in DATASETS if config["datasets"][name]["labels"] == "own"]
PEOPLE = [name for name in DATASETS if config["datasets"][name]["labels"] == "people"]


def any_of(names):
    """A pattern that fits these names; of no names, nothing."""
    return "|".join(names) or "(?!)"


def own_label_of(wildcards):
    """The data set's words for the sides; the truth of drawn faces."""
    return config["datasets"][wildcards.dataset]["own_label"]


def error_of(wildcards):
    """How often a simulated annotator errs."""
    return ANNOTATORS[wildcards.annotator]["error"]


def answers_of(name):
    """Where an annotator's answers are: given, or simulated."""
    if "answers" in ANNOTATORS[name]:
        return f"{config['data_root']}/{ANNOTATORS[name]['answers']}"
    return f"{STUDY}/annotate/{{dataset}}/answers-{name}.csv"


GIVEN = [answers_of(name) for name in ANNOTATORS if "answers" in ANNOTATORS[name]]
AWAITED = [
    path for path in GIVEN if not Path(path).exists()
]  # planned without, never run without
ANSWERS = [path for path in map(answers_of, ANNOTATORS) if path not in AWAITED]


def check_answers():
    """Stop before the first job while an annotator's answers are missing."""
    if AWAITED:
        raise WorkflowError(
            f"annotate.annotators: {AWAITED[0]} does not exist; it is a CSV of face_id and side"
            " for the target's train and test parts, one an annotator"
        )


# classify

CLASSIFIED = f"{STUDY}/classify"
FEATURES = f"{CLASSIFIED}/features"
GRID = config["classify"]
VIEWS = list(GRID["crops"])
PAIRS = GRID["optimiser_pairs"]
CANDIDATES = BACKBONES if GRID["kept_backbone"] == "best" else [GRID["kept_backbone"]]
PRETRAINED = [name for name in BACKBONES if GRID["backbones"][name] == "pretrained"]
WEIGHTS = {  # in config/assets.yaml
    "resnet50": "resnet50-11ad3fa6.pth",
    "vgg16": "vgg16-397923af.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
    "vggface": "vgg_face_dag.pth",
}
RECIPE = {
    key: GRID[key]
    for key in (
        *("head", "tune", "fine_tune", "momentum", "standardise", "repeats"),
        "convergence",
    )
}


def cells_of(backbones, view, pairs):
    """Folders of cells that are trained on the source."""
    return [
        f"{CLASSIFIED}/cells/{name}-{view}-{tune}-{fine_tune}-source"
        for name in backbones
        for tune, fine_tune in pairs
    ]


PLAIN = cells_of(BACKBONES, "plain", PAIRS[:1])
OTHERS = cells_of([n for n in BACKBONES if n not in CANDIDATES], "augmented", PAIRS[:1])
KEEPABLE = cells_of(CANDIDATES, "augmented", PAIRS)
BENCHMARK = f"{CLASSIFIED}/cells/benchmark"


def weights_of(names):
    """The files of the published weights of those of these backbones that start from them."""
    return [f"{ASSETS}/{WEIGHTS[name]}" for name in names if name in PRETRAINED]


def own_weights(wildcards):
    """The file of the published weights, if this backbone starts from them."""
    return weights_of([wildcards.backbone])


def crops_seen(dataset):
    """An input function: the crops that a view of a data set is made from."""

    def crops(wildcards):
        return crop_shards(dataset, GRID["crops"][wildcards.view])

    return crops


def augmentation_of(wildcards):
    """Random views, of the augmented runs alone."""
    return GRID["augmentation"] if wildcards.view == "augmented" else None


def parts_of(wildcards):
    """Parts of the data sets that are needed: the target's training part for the benchmark."""
    benchmark = wildcards.view == "augmented" and wildcards.backbone in CANDIDATES
    return {
        "source": ["train", "test"],
        "target": ["train", "test"] if benchmark else ["test"],
    }


def is_keepable(wildcards):
    """Whether a cell's weights may be asked for the proposals."""
    return wildcards.view == "augmented" and wildcards.backbone in CANDIDATES


# report

PUBLISHED = relpath(Path(workflow.basedir) / "config/published.yaml")
TABLES = [f"{STUDY}/report/tables/table{number}.csv" for number in range(1, 6)]
TABLE_FIGURES = [f"table{number}" for number in range(1, 6)]
FIGURES = ["figure1", "figure2", "figure3", "figure4", *TABLE_FIGURES, "gap", "realism"]
FORMATS = ["png", "svg"]
NAMES = {name: f"{name} ({part['kind']})" for name, part in config["datasets"].items()}
BY_PEOPLE = config["datasets"]["target"]["labels"] == "people"
ALL_DRAWN = all(part["kind"] == "drawn" for part in config["datasets"].values())


def given_data():
    """The user's own files that the study reads, for the record of its provenance."""
    kinds = {dataset["kind"] for dataset in config["datasets"].values()}
    paths = [*ORIGINALS.values(), *ANSWERS]
    if "celeba" in kinds:
        paths += map(celeba_text, CELEBA_TEXTS)
    for name, dataset in config["datasets"].items():
        if dataset["kind"] == "folder":
            paths.append(f"{config['data_root']}/{dataset['table']}")
    if PEOPLES_ANSWERS:
        paths.append(f"{config['data_root']}/{PEOPLES_ANSWERS}")
    return [
        path for path in paths if path and path.startswith(f"{config['data_root']}/")
    ]


def figure(name, caption):
    """The files of one figure, for the report of Snakemake too."""
    return report(
        expand(f"{STUDY}/report/figures/{name}.{{format}}", format=FORMATS),
        caption=f"../report/{caption}.rst",
        category="Figures",
    )
