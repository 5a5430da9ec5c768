"""
Stage 1, acquire: images, and one table of what is known of them.

Reads   config data_root       UTKFace, CelebA or a folder, where a data set is of that kind
Writes  acquire/<dataset>/faces.parquet   table FACES: a row a face, with its part of the split
        acquire/<dataset>/rejected.csv    table REJECTED: what was set aside, with the reason
        acquire/<dataset>/images.zip      drawn faces, or a tar.gz repacked; others stay in place
        assets/<file>                     files that facegap fetches (config/assets.yaml)
"""

import yaml

MANIFEST = yaml.safe_load((Path(workflow.basedir) / "config/assets.yaml").read_text())
OFFICIAL = {  # images by kind of data set, the first that is there
    "utkface": ["UTKFace.tar.gz", "UTKFace"],
    "celeba": ["img_align_celeba.zip", "img_align_celeba"],
}
ARCHIVES = (".tar", ".tar.gz", ".tgz")


def of_kind(*kinds):
    """A pattern of the data sets of these kinds."""
    names = [name for name, dataset in config["datasets"].items() if dataset["kind"] in kinds]
    return "|".join(names) or "nothing^"


def located(key, names):
    """The first of `names` that lies below data_root; else the asset of the first name."""
    paths = [f"{config['data_root']}/{name}" for name in names]
    there = [path for path in paths if Path(path).exists()]
    if there:
        return there[0]
    if names[0] in MANIFEST:
        return f"{ASSETS}/{names[0]}"
    raise WorkflowError(f"{key}: {paths[0]} does not exist; name one that does, below data_root")


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
        texts = ("list_attr_celeba.txt", "identity_CelebA.txt", "list_eval_partition.txt")
        wanted += [celeba_text(name) for name in texts]
    for path in wanted:
        entry = MANIFEST.get(Path(path).name, {})
        if Path(path).exists() or "data set" not in entry:
            continue
        where = f"{config['data_root']}/{Path(path).name}"
        raise WorkflowError(
            f"data_root: {where} does not exist. {Path(path).name} ({entry['licence']}): "
            f"read the terms at {entry['terms']}, get it there and put it at {where}"
        )


wildcard_constraints:
    asset="|".join(map(re.escape, MANIFEST)),


rule acquire:
    input:
        expand(f"{STUDY}/acquire/{{dataset}}/faces.parquet", dataset=DATASETS),
        expand(f"{STUDY}/acquire/{{dataset}}/rejected.csv", dataset=DATASETS),


rule fetch_asset:
    input:
        code=code_of("fetch_asset.py"),
    output:
        f"{ASSETS}/{{asset}}",
    log:
        f"{STUDY}/logs/acquire/fetch_asset-{{asset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/fetch_asset-{{asset}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
        runtime=240,
    params:
        asset=asset_of,
    script:
        "../scripts/fetch_asset.py"


rule draw_faces:
    input:
        code=code_of("draw_faces.py"),
    output:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        images=f"{STUDY}/acquire/{{dataset}}/images.zip",
        rejected=f"{STUDY}/acquire/{{dataset}}/rejected.csv",
    wildcard_constraints:
        dataset=of_kind("drawn"),
    log:
        f"{STUDY}/logs/acquire/draw_faces-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/draw_faces-{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        faces=setting_of("faces"),
        split=setting_of("split"),
        drawn=config["acquire"]["drawn"],
        seed=config["seed"],
    script:
        "../scripts/draw_faces.py"


rule unpack_images:
    input:
        archive=original_of,
        code=code_of("unpack_images.py"),
    output:
        f"{STUDY}/acquire/{{dataset}}/images.zip",
    wildcard_constraints:
        dataset=of_kind("utkface", "celeba", "folder"),
    log:
        f"{STUDY}/logs/acquire/unpack_images-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/unpack_images-{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=60,
    script:
        "../scripts/unpack_images.py"


rule read_utkface:
    input:
        images=images_of,
        code=code_of("read_utkface.py"),
    output:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        rejected=f"{STUDY}/acquire/{{dataset}}/rejected.csv",
    wildcard_constraints:
        dataset=of_kind("utkface"),
    log:
        f"{STUDY}/logs/acquire/read_utkface-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/read_utkface-{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        faces=setting_of("faces"),
        split=setting_of("split"),
        seed=config["seed"],
    script:
        "../scripts/read_utkface.py"


rule read_celeba:
    input:
        images=images_of,
        attributes=celeba_text("list_attr_celeba.txt"),
        identities=celeba_text("identity_CelebA.txt"),
        partitions=celeba_text("list_eval_partition.txt"),
        code=code_of("read_celeba.py"),
    output:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        rejected=f"{STUDY}/acquire/{{dataset}}/rejected.csv",
    wildcard_constraints:
        dataset=of_kind("celeba"),
    log:
        f"{STUDY}/logs/acquire/read_celeba-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/read_celeba-{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        faces=setting_of("faces"),
        split=setting_of("split"),
        seed=config["seed"],
    script:
        "../scripts/read_celeba.py"


rule read_folder:
    input:
        images=images_of,
        labels=labels_of,
        code=code_of("read_folder.py"),
    output:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        rejected=f"{STUDY}/acquire/{{dataset}}/rejected.csv",
    wildcard_constraints:
        dataset=of_kind("folder"),
    log:
        f"{STUDY}/logs/acquire/read_folder-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/read_folder-{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        faces=setting_of("faces"),
        split=setting_of("split"),
        seed=config["seed"],
    script:
        "../scripts/read_folder.py"
