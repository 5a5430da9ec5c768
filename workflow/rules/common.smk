"""What every stage shares: the checked configuration and the study's axes. No rules here."""

import hashlib
import os
import re
import sys
from functools import cache
from os.path import relpath
from pathlib import Path
from types import SimpleNamespace

import yaml
from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir) / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))
# for the jobs: where facegap is installed from another checkout, this one's is still the one to run
own_first = filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")])
os.environ.update(PYTHONPATH=os.pathsep.join(own_first))

from facegap.acquire.manifest import obstacles
from facegap.config import LOADER, TARS, complete
from facegap.digests import digest
from facegap.errors import ConfigError
from facegap.imports import imported

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
    backbone="|".join(map(re.escape, BACKBONES)),
    seed="|".join(map(str, SEEDS)),


def code_of(script):
    """The digests of the script and of every facegap module it reaches, each by its path.

    As params, so that editing one reruns the rule: Snakemake does not look into what a script
    imports. As inputs they would be twenty more files to look up for each job. A param each, so
    that the reason to rerun names those that changed. joblog is left out: how a job logs does not
    change what it computes. Only the main process compares and records params; a job's own
    Snakemake reads no code for them.
    """
    if not workflow.is_main_process:
        return []
    reached = [SCRIPTS / script]
    for path in reached:
        for module in _imported(path, SCRIPTS):
            if module not in reached and module.stem != "joblog":
                reached.append(module)
    return [{str(path.relative_to(SCRIPTS)): _code_digest(path)} for path in reached]


_imported = cache(imported)


@cache
def _code_digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@cache
def content_of(path):
    """The digest of one of the user's own files or folders, read once.

    The main process alone looks whether it has changed, as it alone compares params; its jobs, on
    whatever node, take what it found.
    """
    return digest(path, ".snakemake/digests.json", look=workflow.is_main_process)


def digests_of(*places):
    """What the user's own files hold, so that one replaced unnoticed reruns what reads it.

    `places` are paths, or input functions that give one or several; Snakemake compares no params that depend on input.
    """

    def digests(wildcards):
        found = [place(wildcards) if callable(place) else place for place in places]
        paths = [
            p for place in found for p in ([place] if isinstance(place, str) else place)
        ]
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

MANIFEST = yaml.load(
    (Path(workflow.basedir) / "config/assets.yaml").read_text(), LOADER
)
OFFICIAL = {  # images by kind of data set, the first that is there
    "utkface": ["UTKFace.tar.gz", "UTKFace"],
    "celeba": ["img_align_celeba.zip", "img_align_celeba"],
    "fairface": [
        "fairface-img-margin025-trainval.zip",
        "fairface-img-margin125-trainval.zip",
        "fairface",
    ],
    "lfw": ["lfw.tgz", "lfw-funneled.tgz", "lfw", "lfw_funneled"],
}
CELEBA_TEXTS = (
    *("list_attr_celeba.txt", "identity_CelebA.txt"),
    "list_eval_partition.txt",
)
FAIRFACE_LABELS = ("fairface_label_train.csv", "fairface_label_val.csv")
WANTED = set()  # the assets of this run's jobs


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
    dataset, key = config["datasets"][name], f"datasets.{name}.images"
    if dataset["kind"] == "drawn":
        return []
    if "images" not in dataset:
        return [located(key, OFFICIAL[dataset["kind"]])]
    given = dataset["images"]
    names = [given] if isinstance(given, str) else given
    return [located(key, [name]) for name in names]


ORIGINALS = {name: original_images(name) for name in DATASETS}


def images_of(wildcards):
    """The folder or zip that a data set's images are read from."""
    originals = ORIGINALS[wildcards.dataset]
    if not originals or originals[0].endswith(TARS):
        return f"{STUDY}/acquire/{wildcards.dataset}/images.zip"
    return originals[0]


def originals_of(wildcards):
    """The archives that a data set's images came in."""
    return ORIGINALS[wildcards.dataset]


def celeba_text(name):
    """One of CelebA's text files."""
    return located(f"data_root ({name})", [name])


def celeba_landmarks(wildcards):
    """CelebA's own five points: where they lie beside its images, and whenever it is fetched."""
    path = celeba_text("list_landmarks_align_celeba.txt")
    fetched = ORIGINALS[wildcards.dataset][0].startswith(ASSETS)
    return [path] if fetched or Path(path).exists() else []


def fairface_labels(wildcards):
    """FairFace's tables: those that are there, else both."""
    paths = [located(f"data_root ({name})", [name]) for name in FAIRFACE_LABELS]
    return [path for path in paths if Path(path).exists()] or paths


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


def by_hand(wildcards):
    """An asset that the user has put below data_root; what is asked for is noted on the way."""
    WANTED.add(wildcards.asset)
    path = f"{config['data_root']}/{wildcards.asset}"
    return [path] if Path(path).exists() else []


def check_data():
    """Stop before the first job when a file cannot be had, or its terms are not accepted."""
    wanted = {
        name: MANIFEST[name]
        for name in sorted(WANTED)
        if not Path(f"{ASSETS}/{name}").exists()
    }
    accepted, offline = config["accept_terms"], config["offline"]
    if reason := obstacles(wanted, config["data_root"], accepted, offline):
        raise WorkflowError(reason)


# annotate

ANNOTATORS = config["annotate"]["annotators"]
SIMULATED = [name for name in ANNOTATORS if "error" in ANNOTATORS[name]]
OWN = [name for name in DATASETS if config["datasets"][name]["labels"] == "own"]
PEOPLE = [name for name in DATASETS if config["datasets"][name]["labels"] == "people"]


def any_of(names):
    """A pattern that fits these names; of no names, nothing."""
    return "|".join(names) or "(?!)"


def asked(path):
    """A file that is there where people label the target."""
    return path if "target" in PEOPLE else []


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


VERIFIERS = config["partition"]["verification"]


def verifier_error(wildcards):
    """How often a simulated verifier errs."""
    return VERIFIERS[wildcards.verifier]["error"]


def verified_of(name):
    """Where a verifier's answers are: given, or simulated."""
    if "answers" in VERIFIERS[name]:
        return f"{config['data_root']}/{VERIFIERS[name]['answers']}"
    return f"{STUDY}/partition/target/verified-{name}.csv"


def formats_of(people):
    """How the answers of each of these people lie in their file, as far as the config says."""
    return {
        name: {
            key: value
            for key, value in entry.items()
            if key not in ("answers", "error")
        }
        for name, entry in people.items()
    }


VERIFIED = [verified_of(name) for name in VERIFIERS] if "target" in PEOPLE else []
ADJUDICATION = [
    f"{config['data_root']}/{path}"
    for path in [config["annotate"]["adjudication"]]
    if path and "target" in PEOPLE
]
GIVEN = {  # by people, and the rule that reads it
    "merge_annotators": [
        *(answers_of(name) for name in ANNOTATORS if "answers" in ANNOTATORS[name]),
        *ADJUDICATION,
    ],
    "partition_target": [path for path in VERIFIED if not path.startswith(f"{STUDY}/")],
}
AWAITED = {  # planned without, never run without
    path for paths in GIVEN.values() for path in paths if not Path(path).exists()
}
ANSWERS = [path for path in map(answers_of, ANNOTATORS) if path not in AWAITED]
VERIFIED = [path for path in VERIFIED if path not in AWAITED]
ADJUDICATION = [path for path in ADJUDICATION if path not in AWAITED]


def check_answers():
    """Stop before the first job where answers of people are needed, and missing."""
    rules_to_run = {job.rule.name for job in workflow.dag.needrun_jobs()}
    for rule, paths in GIVEN.items():
        missing = [path for path in paths if path in AWAITED]
        if missing and {rule} & rules_to_run:
            raise WorkflowError(
                f"annotate, partition.verification: {missing[0]} does not exist; make the target"
                " align, label or verify on the page (facegap annotate serve), or give answers"
                " from elsewhere: docs/annotation.md"
            )


# classify

CLASSIFIED = f"{STUDY}/classify"
FEATURES = f"{CLASSIFIED}/features"
GRID = config["classify"]
BOTH = ["source", "target"]
PAIRS = GRID["optimiser_pairs"]
FACTORIAL = GRID["protocol"] == "factorial"
VIEWS = {  # the techniques apart and together
    "plain": {"crop": GRID["crops"]["plain"], "augmentation": None},
    "cropped": {"crop": GRID["crops"]["augmented"], "augmentation": None},
    "transformed": {
        "crop": GRID["crops"]["plain"],
        "augmentation": GRID["augmentation"],
    },
    "augmented": {
        "crop": GRID["crops"]["augmented"],
        "augmentation": GRID["augmentation"],
    },
}
SEEN = list(dict.fromkeys(GRID["crops"].values()))
CANDIDATES = (
    BACKBONES
    if FACTORIAL or GRID["kept_backbone"] == "best"
    else [GRID["kept_backbone"]]
)
SIZES = {
    name: given.get("input_size", GRID["input_size"])
    for name, given in GRID["backbones"].items()
}
WEIGHTS = {  # in config/assets.yaml
    "resnet50": "resnet50-11ad3fa6.pth",
    "vgg16": "vgg16-397923af.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
    "vggface": "vgg_face_dag.pth",
}
FETCHED = [
    name
    for name in BACKBONES
    if GRID["backbones"][name]["weights"] == "pretrained" and name not in WEIGHTS
]
RECIPE = {
    key: GRID[key]
    for key in (
        *("head", "tune", "fine_tune", "momentum", "standardise", "repeats"),
        "convergence",
    )
}


def views_run(name):
    """Views that a backbone is run on: the paper's two, or each technique alone, too."""
    every = FACTORIAL or GRID["alone"] and name in CANDIDATES
    return list(VIEWS) if every else ["plain", "augmented"]


def pairs_run(name, view):
    """Pairs of optimisers of one backbone and view: the first, but for the kept backbone."""
    varied = ["plain", "augmented"] if GRID["alone"] else ["augmented"]
    every = FACTORIAL or name in CANDIDATES and view in varied
    return PAIRS if every else PAIRS[:1]


def keepable(name, view):
    """Whether a cell's weights may be asked for the proposals."""
    return name in CANDIDATES and (FACTORIAL or view == "augmented")


CELLS = [
    f"{CLASSIFIED}/cells/{name}-{view}"
    for view in VIEWS
    for name in BACKBONES
    if view in views_run(name)
]
KEEPABLE = [
    f"{CLASSIFIED}/cells/{name}-{view}"
    for name in BACKBONES
    for view in views_run(name)
    if keepable(name, view)
]
KEEPABLE_CROPS = {
    view: made["crop"]
    for view, made in VIEWS.items()
    if FACTORIAL or view == "augmented"
}
BENCHMARKS = [
    f"{CLASSIFIED}/cells/benchmark-{name}" for name in DATASETS if name != "source"
]


def with_weights(names):
    """Those of these backbones that start from a file."""
    return [name for name in names if GRID["backbones"][name]["weights"] != "random"]


def weights_file(name):
    """Where the first weights of a backbone are: an asset, timm's, or a file of the user's."""
    given = GRID["backbones"][name]["weights"]
    if given != "pretrained":
        return located(f"classify.backbones.{name}.weights", [given])
    return f"{ASSETS}/{WEIGHTS.get(name, f'timm/{name}.safetensors')}"


def weights_of(names):
    """The files of the first weights of those of these backbones that start from one."""
    return [weights_file(name) for name in with_weights(names)]


def own_weights(wildcards):
    """The file of the first weights, if this backbone starts from one."""
    return weights_of([wildcards.backbone])


def own_size(wildcards):
    """Side in pixels that faces enter this backbone with."""
    return SIZES[wildcards.backbone]


def view_of(wildcards):
    """The crop and the augmentation of this view."""
    return VIEWS[wildcards.view]


def views_of(wildcards):
    """Those of every view that this backbone is run on."""
    return {view: VIEWS[view] for view in views_run(wildcards.backbone)}


def pairs_of(wildcards):
    """Pairs of optimisers of this cell."""
    return pairs_run(wildcards.backbone, wildcards.view)


def parts_of(wildcards):
    """Parts of the data sets that each view needs: training parts of others for the benchmark."""
    every = ["train", "test"]
    return {
        view: {
            name: (
                every
                if name == "source" or keepable(wildcards.backbone, view)
                else ["test"]
            )
            for name in DATASETS
        }
        for view in views_run(wildcards.backbone)
    }


def fresh_crops(wildcards):
    """The source's crops, where each epoch of fine-tuning draws its views anew."""
    made = VIEWS[wildcards.view]
    fresh = GRID["augmentation"]["fresh"] and made["augmentation"]
    return crop_shards("source", made["crop"]) if fresh else []


def own_fresh_crops(wildcards):
    """The same for the benchmark: every crop, since the kept view is not known beforehand."""
    if not GRID["augmentation"]["fresh"]:
        return []
    return [shard for crop in SEEN for shard in crop_shards(wildcards.dataset, crop)]


def is_keepable(wildcards):
    """Whether this cell's weights may be asked for the proposals."""
    return keepable(wildcards.backbone, wildcards.view)


# report

PUBLISHED = relpath(Path(workflow.basedir) / "config/published.yaml")
TABLES = [f"{STUDY}/report/tables/table{number}.csv" for number in range(1, 6)]
TABLE_FIGURES = [f"table{number}" for number in range(1, 6)]
MODELS = {
    name: f"{STUDY}/report/models/{name}.csv"
    for name in ("measures", "groups", "comparisons", "calibration", "transfer")
}
MODEL_FIGURES = ["groups", "calibration", "transfer", "saliency"]
FIGURES = ["figure1", "figure2", "figure3", "figure4", *TABLE_FIGURES, "gap", "realism"]
FIGURES += ["rejected", "set_aside"]
FIGURES += MODEL_FIGURES
FORMATS = ["png", "svg"]
NAMES = {name: f"{name} ({part['kind']})" for name, part in config["datasets"].items()}
BY_PEOPLE = config["datasets"]["target"]["labels"] == "people"
ALL_DRAWN = all(part["kind"] == "drawn" for part in config["datasets"].values())


def data_read():
    """The files of others that the study reads, for the record of its provenance."""
    kinds = {dataset["kind"] for dataset in config["datasets"].values()}
    paths = [f"{ASSETS}/face_landmarker.task", *INCEPTION]
    paths += [*ANSWERS, *ADJUDICATION, *VERIFIED, *weights_of(BACKBONES), *JUDGEMENTS]
    paths += [path for paths in ORIGINALS.values() for path in paths]
    if "celeba" in kinds:
        paths += map(celeba_text, CELEBA_TEXTS)
    if "fairface" in kinds:
        paths += fairface_labels(None)
    for name, dataset in config["datasets"].items():
        if dataset["kind"] == "folder":
            paths.append(f"{config['data_root']}/{dataset['table']}")
        if dataset["kind"] == "celeba":
            paths += celeba_landmarks(SimpleNamespace(dataset=name))
    return paths


def given_data():
    """Those that the user has given."""
    below = f"{config['data_root']}/"
    return [
        path for path in data_read() if path.startswith(below) and Path(path).exists()
    ]


def fetched_data():
    """Those that facegap fetches."""
    return [path for path in data_read() if path.startswith(f"{ASSETS}/")]


def logs_of_results(wildcards, input):
    """The log of each result's job, which names that job in the record of provenance."""
    return [
        str(each.log[0].apply_wildcards(each.get_wildcards(path)))
        for path in input.results
        for each in workflow.rules
        if each.is_producer(path)
    ]


def figure(name, caption):
    """The files of one figure, for the report of Snakemake too."""
    return report(
        expand(f"{STUDY}/report/figures/{name}.{{format}}", format=FORMATS),
        caption=f"../report/{caption}.rst",
        category="Figures",
    )
