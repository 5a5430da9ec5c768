"""
Stage 1, acquire: images, and one table of what is known of them.

Reads   config data_root       UTKFace, CelebA, FairFace, LFW or a folder, where a data set is of
                               that kind; what is not there is fetched
Writes  acquire/<dataset>/faces.parquet   table FACES: a row a face, with its part of the split
        acquire/<dataset>/rejected.csv    table REJECTED: what was set aside, with the reason
        acquire/<dataset>/duplicates.csv  table DUPLICATES: images of the same bytes
        acquire/<dataset>/images.zip      drawn faces, or a tar.gz repacked; others stay in place
        assets/<file>                     files that facegap fetches (config/assets.yaml)
"""


wildcard_constraints:
    asset="|".join(map(re.escape, MANIFEST)),


rule acquire:
    input:
        expand(f"{STUDY}/acquire/{{dataset}}/faces.parquet", dataset=DATASETS),
        expand(f"{STUDY}/acquire/{{dataset}}/rejected.csv", dataset=DATASETS),


rule fetch_asset:
    input:
        by_hand=by_hand,
    output:
        f"{ASSETS}/{{asset}}",
    log:
        f"{STUDY}/logs/acquire/fetch_asset-{{asset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/fetch_asset-{{asset}}.tsv"
    localrule: True  # compute nodes often see no network
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
        runtime=240,
        offline=int(config["offline"]),  # here, what changes no byte is no reason to run again
        accepted=" ".join(config["accept_terms"]),
    params:
        *code_of("fetch_asset.py"),
        asset=asset_of,
    script:
        "../scripts/fetch_asset.py"


rule draw_faces:
    output:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        images=f"{STUDY}/acquire/{{dataset}}/images.zip",
        rejected=f"{STUDY}/acquire/{{dataset}}/rejected.csv",
    log:
        f"{STUDY}/logs/acquire/draw_faces-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/draw_faces-{{dataset}}.tsv"
    wildcard_constraints:
        dataset=of_kind("drawn"),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        *code_of("draw_faces.py"),
        faces=setting_of("faces"),
        split=setting_of("split"),
        drawn=config["acquire"]["drawn"],
        seed=config["seed"],
    script:
        "../scripts/draw_faces.py"


rule unpack_images:
    input:
        archives=originals_of,
    output:
        f"{STUDY}/acquire/{{dataset}}/images.zip",
    log:
        f"{STUDY}/logs/acquire/unpack_images-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/unpack_images-{{dataset}}.tsv"
    wildcard_constraints:
        dataset=of_kind("utkface", "celeba", "fairface", "lfw", "folder"),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        *code_of("unpack_images.py"),
        digests=digests_of(originals_of),
    script:
        "../scripts/unpack_images.py"


rule read_utkface:
    input:
        images=images_of,
    output:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        rejected=f"{STUDY}/acquire/{{dataset}}/rejected.csv",
        duplicates=f"{STUDY}/acquire/{{dataset}}/duplicates.csv",
    log:
        f"{STUDY}/logs/acquire/read_utkface-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/read_utkface-{{dataset}}.tsv"
    wildcard_constraints:
        dataset=of_kind("utkface"),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        *code_of("read_utkface.py"),
        digests=digests_of(images_of),
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
        landmarks=celeba_landmarks,
    output:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        rejected=f"{STUDY}/acquire/{{dataset}}/rejected.csv",
        duplicates=f"{STUDY}/acquire/{{dataset}}/duplicates.csv",
    log:
        f"{STUDY}/logs/acquire/read_celeba-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/read_celeba-{{dataset}}.tsv"
    wildcard_constraints:
        dataset=of_kind("celeba"),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        *code_of("read_celeba.py"),
        digests=digests_of(images_of, celeba_landmarks, *map(celeba_text, CELEBA_TEXTS)),
        faces=setting_of("faces"),
        split=setting_of("split"),
        seed=config["seed"],
    script:
        "../scripts/read_celeba.py"


rule read_fairface:
    input:
        images=images_of,
        labels=fairface_labels,
    output:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        rejected=f"{STUDY}/acquire/{{dataset}}/rejected.csv",
        duplicates=f"{STUDY}/acquire/{{dataset}}/duplicates.csv",
    log:
        f"{STUDY}/logs/acquire/read_fairface-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/read_fairface-{{dataset}}.tsv"
    wildcard_constraints:
        dataset=of_kind("fairface"),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        *code_of("read_fairface.py"),
        digests=digests_of(images_of, fairface_labels),
        faces=setting_of("faces"),
        split=setting_of("split"),
        seed=config["seed"],
    script:
        "../scripts/read_fairface.py"


rule read_lfw:
    input:
        images=images_of,
    output:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        rejected=f"{STUDY}/acquire/{{dataset}}/rejected.csv",
        duplicates=f"{STUDY}/acquire/{{dataset}}/duplicates.csv",
    log:
        f"{STUDY}/logs/acquire/read_lfw-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/read_lfw-{{dataset}}.tsv"
    wildcard_constraints:
        dataset=of_kind("lfw"),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        *code_of("read_lfw.py"),
        digests=digests_of(images_of),
        faces=setting_of("faces"),
        split=setting_of("split"),
        seed=config["seed"],
    script:
        "../scripts/read_lfw.py"


rule read_folder:
    input:
        images=images_of,
        labels=labels_of,
    output:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        rejected=f"{STUDY}/acquire/{{dataset}}/rejected.csv",
        duplicates=f"{STUDY}/acquire/{{dataset}}/duplicates.csv",
    log:
        f"{STUDY}/logs/acquire/read_folder-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/acquire/read_folder-{{dataset}}.tsv"
    wildcard_constraints:
        dataset=of_kind("folder"),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        *code_of("read_folder.py"),
        digests=digests_of(images_of, labels_of),
        faces=setting_of("faces"),
        split=setting_of("split"),
        seed=config["seed"],
    script:
        "../scripts/read_folder.py"
