"""
Stage 4, classify: how far a classifier of the boundary falls from the source to the target.

Reads   acquire/<dataset>/faces.parquet, annotate/<dataset>/labels.parquet
        align/<dataset>/faces.parquet and the crops of classify.crops
        assets/<file>                      weights, of pretrained backbones
Writes  classify/features/<backbone>/<view>/<dataset>/   table ENTRIES, boundary.npy, pooled.npy
        classify/cells/<backbone>-<view>/  tables RUNS, PREDICTIONS and CURVES of its pairs of
                                           optimisers; weights of those that may be kept (never
                                           to publish)
        classify/cells/benchmark-<dataset>/  the kept cell, trained on another data set
        classify/kept.json                 the cell that is kept
        classify/runs.parquet              table RUNS: the whole grid
        classify/predictions.parquet       table PREDICTIONS: of all test faces
        classify/tensorboard/<run>/        training losses
        classify/proposals.parquet         table PROPOSALS: the kept model on every target face
        classify/saliency.npz              what the kept model looks at
        classify/model-card.md             the kept model: what it is, and what it is not for
        classify/samples.npz               what the networks see, for Figure 2

The grid is the paper's coordinate descent. Every backbone on plain and on augmented faces with the
first pair of optimisers (Tables 1 and 2), every pair on the kept backbone (Table 3), and the kept
cell again, trained on the target (Table 4). With kept_backbone: best, Table 3 is run for each. The
kept backbone is run with each technique alone, too. With protocol: factorial, every backbone is
run on every view with every pair.
"""


wildcard_constraints:
    view="|".join(VIEWS),
    model="|".join(map(re.escape, FETCHED)) or "(?!)",


rule classify:
    input:
        f"{CLASSIFIED}/runs.parquet",
        f"{CLASSIFIED}/predictions.parquet",
        f"{CLASSIFIED}/proposals.parquet",
        f"{CLASSIFIED}/saliency.npz",
        f"{CLASSIFIED}/model-card.md",
        f"{CLASSIFIED}/samples.npz",


rule fetch_timm:
    output:
        f"{ASSETS}/timm/{{model}}.safetensors",
    log:
        f"{STUDY}/logs/classify/fetch_timm-{{model}}.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/fetch_timm-{{model}}.tsv"
    localrule: True  # compute nodes often see no network
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=60,
        offline=int(config["offline"]),
    params:
        *code_of("fetch_timm.py"),
    script:
        "../scripts/fetch_timm.py"


rule extract_features:
    input:
        faces=expand(f"{STUDY}/acquire/{{dataset}}/faces.parquet", dataset=DATASETS),
        labels=expand(f"{STUDY}/annotate/{{dataset}}/labels.parquet", dataset=DATASETS),
        aligned=expand(f"{STUDY}/align/{{dataset}}/faces.parquet", dataset=DATASETS),
        shards=[
            shard
            for dataset in DATASETS
            for crop in SEEN
            for shard in crop_shards(dataset, crop)
        ],
        weights=own_weights,
    output:
        features=directory(f"{FEATURES}/{{backbone}}"),
    log:
        f"{STUDY}/logs/classify/extract_features-{{backbone}}.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/extract_features-{{backbone}}.tsv"
    conda:
        ENVIRONMENT
    threads: GRID["threads"]
    resources:
        mem_mb=4000,
        runtime=480,
    params:
        *code_of("extract_features.py"),
        digests=digests_of(own_weights),
        datasets=DATASETS,
        crops=SEEN,
        views=views_of,
        parts=parts_of,
        size=own_size,
        layers=GRID["fine_tune"]["layers"],
        cache=GRID["cache"],
        threads=GRID["threads"],
        seed=config["seed"],
    script:
        "../scripts/extract_features.py"


rule train_cell:
    input:
        features=f"{FEATURES}/{{backbone}}",
        weights=own_weights,
        crops=fresh_crops,
    output:
        cell=directory(f"{CLASSIFIED}/cells/{{backbone}}-{{view}}"),
    log:
        f"{STUDY}/logs/classify/train_cell-{{backbone}}-{{view}}.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/train_cell-{{backbone}}-{{view}}.tsv"
    conda:
        ENVIRONMENT
    threads: GRID["threads"]
    resources:
        mem_mb=4000,
        runtime=2880,
    params:
        *code_of("train_cell.py"),
        made=view_of,
        pairs=pairs_of,
        datasets=DATASETS,
        recipe=RECIPE,
        size=own_size,
        threads=GRID["threads"],
        seed=config["seed"],
        saved=is_keepable,
    script:
        "../scripts/train_cell.py"


rule keep_model:
    input:
        cells=KEEPABLE,
    output:
        kept=f"{CLASSIFIED}/kept.json",
    log:
        f"{STUDY}/logs/classify/keep_model.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/keep_model.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        *code_of("keep_model.py"),
        protocol=GRID["protocol"],
        backbone=GRID["kept_backbone"],
        first_pair=PAIRS[0],
    script:
        "../scripts/keep_model.py"


rule train_benchmark:
    input:
        kept=f"{CLASSIFIED}/kept.json",
        features=expand(f"{FEATURES}/{{name}}", name=CANDIDATES),
        weights=weights_of(CANDIDATES),
        crops=own_fresh_crops,
    output:
        cell=directory(f"{CLASSIFIED}/cells/benchmark-{{dataset}}"),
    log:
        f"{STUDY}/logs/classify/train_benchmark-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/train_benchmark-{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: GRID["threads"]
    resources:
        mem_mb=4000,
        runtime=1440,
    params:
        *code_of("train_benchmark.py"),
        candidates=CANDIDATES,
        pretrained=with_weights(CANDIDATES),
        views=VIEWS,
        datasets=DATASETS,
        recipe=RECIPE,
        sizes=SIZES,
        threads=GRID["threads"],
        seed=config["seed"],
    script:
        "../scripts/train_benchmark.py"


rule gather_runs:
    input:
        cells=[*CELLS, *BENCHMARKS],
    output:
        runs=f"{CLASSIFIED}/runs.parquet",
        predictions=f"{CLASSIFIED}/predictions.parquet",
        tensorboard=directory(f"{CLASSIFIED}/tensorboard"),
    log:
        f"{STUDY}/logs/classify/gather_runs.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/gather_runs.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("gather_runs.py"),
    script:
        "../scripts/gather_runs.py"


rule propose_sides:
    input:
        kept=f"{CLASSIFIED}/kept.json",
        cells=KEEPABLE,
        aligned=f"{STUDY}/align/target/faces.parquet",
        shards=[
            shard
            for crop in dict.fromkeys(KEEPABLE_CROPS.values())
            for shard in crop_shards("target", crop)
        ],
        weights=weights_of(CANDIDATES),
    output:
        proposals=f"{CLASSIFIED}/proposals.parquet",
    log:
        f"{STUDY}/logs/classify/propose_sides.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/propose_sides.tsv"
    conda:
        ENVIRONMENT
    threads: GRID["threads"]
    resources:
        mem_mb=4000,
        runtime=480,
    params:
        *code_of("propose_sides.py"),
        crops=KEEPABLE_CROPS,
        pretrained=with_weights(CANDIDATES),
        head=GRID["head"],
        sizes=SIZES,
        layers=GRID["fine_tune"]["layers"],
        cache=GRID["cache"],
        threads=GRID["threads"],
        seed=config["seed"],
    script:
        "../scripts/propose_sides.py"


rule explain_model:
    input:
        kept=f"{CLASSIFIED}/kept.json",
        cells=KEEPABLE,
        aligned=expand(f"{STUDY}/align/{{dataset}}/faces.parquet", dataset=BOTH),
        labels=expand(f"{STUDY}/annotate/{{dataset}}/labels.parquet", dataset=BOTH),
        shards=[
            shard
            for dataset in BOTH
            for crop in dict.fromkeys(KEEPABLE_CROPS.values())
            for shard in crop_shards(dataset, crop)
        ],
        weights=weights_of(CANDIDATES),
    output:
        saliency=f"{CLASSIFIED}/saliency.npz",
    log:
        f"{STUDY}/logs/classify/explain_model.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/explain_model.tsv"
    conda:
        ENVIRONMENT
    threads: GRID["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        *code_of("explain_model.py"),
        datasets=BOTH,
        crops=KEEPABLE_CROPS,
        pretrained=with_weights(CANDIDATES),
        head=GRID["head"],
        sizes=SIZES,
        layers=GRID["fine_tune"]["layers"],
        threads=GRID["threads"],
        seed=config["seed"],
    script:
        "../scripts/explain_model.py"


rule write_model_card:
    input:
        kept=f"{CLASSIFIED}/kept.json",
        runs=f"{CLASSIFIED}/runs.parquet",
        faces=expand(f"{STUDY}/acquire/{{dataset}}/faces.parquet", dataset=BOTH),
        template=relpath(SCRIPTS / "facegap/classify/card.md.j2"),
    output:
        card=f"{CLASSIFIED}/model-card.md",
    log:
        f"{STUDY}/logs/classify/write_model_card.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/write_model_card.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        *code_of("write_model_card.py"),
        study=config["study"],
        boundary=config["boundary"],
        sides=config["sides"],
        datasets=BOTH,
        backbones=GRID["backbones"],
        recipe=RECIPE,
        confidence=config["report"]["confidence"],
    script:
        "../scripts/write_model_card.py"


rule sample_views:
    input:
        aligned=expand(f"{STUDY}/align/{{dataset}}/faces.parquet", dataset=BOTH),
        plain_source=crop_shards("source", GRID["crops"]["plain"]),
        plain_target=crop_shards("target", GRID["crops"]["plain"]),
        crop_source=crop_shards("source", GRID["crops"]["augmented"]),
        crop_target=crop_shards("target", GRID["crops"]["augmented"]),
    output:
        samples=f"{CLASSIFIED}/samples.npz",
    log:
        f"{STUDY}/logs/classify/sample_views.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/sample_views.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("sample_views.py"),
        datasets=BOTH,
        augmentation=GRID["augmentation"],
        seed=config["seed"],
    script:
        "../scripts/sample_views.py"
