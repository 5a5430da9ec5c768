"""
Stage 1, acquire: images, and one table of what is known of them.

Reads   config data_root       UTKFace, CelebA, FairFace, LFW or a folder, where a data set is of
                               that kind; what does not lie there is fetched
Writes  acquire/<dataset>/faces.parquet   table FACES: a row a face, with its part of the split
        acquire/<dataset>/rejected.csv    table REJECTED: what was rejected, with the reason
        acquire/<dataset>/sampled.parquet  table SAMPLED: the same faces before their split, with
                                          what they look like; of drawn faces none
        acquire/<dataset>/duplicates.csv  table DUPLICATES: pictures that are there twice, in this
                                          data set or one before it; of drawn faces none
        acquire/<dataset>/images.zip      drawn faces, or a tar.gz repacked; others stay in place
        acquire/fresh-<style>/faces.parquet, images.zip  further drawn persons, for what is true of
                                          a drawn study, in the style of the source, the target
        assets/<file>                     files that facegap fetches (config/assets.yaml)
"""

from facegap.acquire import places

with start.wrong_configuration():
    PLACES = places.places(study, MANIFEST)
IMAGES = {name: place.images for name, place in PLACES.items()}
ORIGINALS = {name: place.originals for name, place in PLACES.items()}
TEXTS = {name: place.texts for name, place in PLACES.items()}
SAMPLINGS, AMOUNTS = places.samplings(study), places.amounts(study)
SPLITS = places.splits(study)
EARLIER = places.earlier(study, "<results>/acquire/{name}/sampled.parquet")
READERS = {name: place.reader for name, place in PLACES.items()}
CODE_OF_READERS = {
    name: code_of(f"acquire.readers.{reader}") if reader else []
    for name, reader in READERS.items()
}
WANTED = {}  # the assets of this run's jobs
BY_HAND = places.by_hand(study.data_root, MANIFEST, WANTED)
FRESH = places.fresh_styles(study)
IMAGES |= {
    f"fresh-{style}": f"<results>/acquire/fresh-{style}/images.zip" for style in FRESH
}
images_of = lookup("{dataset}", within=IMAGES)


wildcard_constraints:
    asset=any_of(MANIFEST),
    dataset=any_of([*DATASETS, *(f"fresh-{style}" for style in FRESH)]),
    style=any_of(FRESH),


rule acquire:
    input:
        expand("<results>/acquire/{dataset}/faces.parquet", dataset=DATASETS),
        expand("<results>/acquire/{dataset}/rejected.csv", dataset=DATASETS),


rule fetch_asset:
    input:
        by_hand=BY_HAND,
    output:
        file="<assets>/{asset}",
    log:
        "<logs>/acquire/fetch_asset-{asset}.log",
    benchmark:
        "<benchmarks>/acquire/fetch_asset-{asset}.tsv"
    localrule: True  # compute nodes often see no network
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(500),
        runtime=240,
    params:
        *code_of("acquire.assets"),
        contents_of(BY_HAND),
        entry=lookup("{asset}", within=MANIFEST),
    script:
        "../scripts/fetch_asset.py"


rule draw_faces:
    output:
        faces="<results>/acquire/{dataset}/faces.parquet",
        images="<results>/acquire/{dataset}/images.zip",
        rejected="<results>/acquire/{dataset}/rejected.csv",
    log:
        "<logs>/acquire/draw_faces-{dataset}.log",
    benchmark:
        "<benchmarks>/acquire/draw_faces-{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(name for name in DATASETS if not READERS[name]),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(1000),
        runtime=60,
    params:
        *code_of("acquire.collection"),
        sampling=lookup("{dataset}", within=SAMPLINGS),
        drawn=config["acquire"]["drawn"],
        seed=study.seed,
    script:
        "../scripts/draw_faces.py"


rule draw_fresh_faces:
    output:
        faces="<results>/acquire/fresh-{style}/faces.parquet",
        images="<results>/acquire/fresh-{style}/images.zip",
    log:
        "<logs>/acquire/draw_fresh_faces-{style}.log",
    benchmark:
        "<benchmarks>/acquire/draw_fresh_faces-{style}.tsv"
    priority: 1  # it is long, or a long job waits for it
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(1000),
        runtime=60,
    params:
        *code_of("acquire.collection"),
        sampling=SAMPLINGS.get("target"),
        drawn=config["acquire"]["drawn"],
        known_truth=config["measure"]["known_truth"],
        seed=study.seed,
    script:
        "../scripts/draw_fresh_faces.py"


rule unpack_images:
    input:
        archives=lookup("{dataset}", within=ORIGINALS),
    output:
        images="<results>/acquire/{dataset}/images.zip",
    log:
        "<logs>/acquire/unpack_images-{dataset}.log",
    benchmark:
        "<benchmarks>/acquire/unpack_images-{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(name for name in DATASETS if READERS[name]),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(1000),
        runtime=60,
    params:
        *code_of("acquire.archives"),
        contents_of(lookup("{dataset}", within=ORIGINALS)),
    script:
        "../scripts/unpack_images.py"


rule read_faces:
    input:
        images=images_of,
        texts=lookup("{dataset}", within=TEXTS),
    output:
        sampled="<results>/acquire/{dataset}/sampled.parquet",
        rejected="<results>/acquire/{dataset}/rejected.csv",
    log:
        "<logs>/acquire/read_faces-{dataset}.log",
    benchmark:
        "<benchmarks>/acquire/read_faces-{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(name for name in DATASETS if READERS[name]),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=60,
    params:
        *code_of("acquire.reading"),
        lookup("{dataset}", within=CODE_OF_READERS),
        contents_of(images_of, lookup("{dataset}", within=TEXTS)),
        reader=lookup("{dataset}", within=READERS),
        amount=lookup("{dataset}", within=AMOUNTS),
        seed=study.seed,
    script:
        "../scripts/read_faces.py"


rule split_dataset:
    input:
        sampled="<results>/acquire/{dataset}/sampled.parquet",
        earlier=lookup("{dataset}", within=EARLIER),
    output:
        faces="<results>/acquire/{dataset}/faces.parquet",
        duplicates="<results>/acquire/{dataset}/duplicates.csv",
    log:
        "<logs>/acquire/split_dataset-{dataset}.log",
    benchmark:
        "<benchmarks>/acquire/split_dataset-{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(EARLIER),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=60,
    params:
        *code_of("acquire.reading"),
        split=lookup("{dataset}", within=SPLITS),
        settings=config["acquire"]["duplicates"],
        seed=study.seed,
    script:
        "../scripts/split_dataset.py"
