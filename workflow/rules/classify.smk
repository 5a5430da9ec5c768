"""
Stage 4, classify: how far a classifier of the boundary falls from the source to the target.

Reads   acquire/<dataset>/faces.parquet, annotate/<dataset>/labels.parquet
        align/<dataset>/faces.parquet and the crops of classify.crops
        assets/<file>                      weights, of pretrained backbones
Writes  classify/features/<dataset>/<backbone>/<view>/   table ENTRIES, boundary.npy, pooled.npy
        classify/cells/<cell>/             tables RUNS and PREDICTIONS of one cell of the grid;
                                           weights of those that may be kept (never to publish)
        classify/kept.json                 the cell that is kept
        classify/runs.parquet              table RUNS: the whole grid
        classify/predictions.parquet       table PREDICTIONS: of all test faces
        classify/proposals.parquet         table PROPOSALS: the kept model on every target face
        classify/samples.npz               what the networks see, for Figure 2

The grid is the paper's coordinate descent. Every backbone on plain and on augmented faces with the
first pair of optimisers (Tables 1 and 2), every pair on the kept backbone (Table 3), and the kept
cell again, trained on the target (Table 4). With kept_backbone: best, Table 3 is run for each.
"""


wildcard_constraints:
    view="|".join(VIEWS),
    tune="adam|sgd|rmsprop",
    fine_tune="adam|sgd|rmsprop",


rule classify:
    input:
        f"{CLASSIFIED}/runs.parquet",
        f"{CLASSIFIED}/predictions.parquet",
        f"{CLASSIFIED}/proposals.parquet",
        f"{CLASSIFIED}/samples.npz",


rule extract_features:
    input:
        faces=expand(f"{STUDY}/acquire/{{dataset}}/faces.parquet", dataset=DATASETS),
        labels=expand(f"{STUDY}/annotate/{{dataset}}/labels.parquet", dataset=DATASETS),
        aligned=expand(f"{STUDY}/align/{{dataset}}/faces.parquet", dataset=DATASETS),
        source=crops_seen("source"),
        target=crops_seen("target"),
        weights=own_weights,
        code=code_of("extract_features.py"),
    output:
        source=directory(f"{FEATURES}/source/{{backbone}}/{{view}}"),
        target=directory(f"{FEATURES}/target/{{backbone}}/{{view}}"),
    log:
        f"{STUDY}/logs/classify/extract_features-{{backbone}}-{{view}}.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/extract_features-{{backbone}}-{{view}}.tsv"
    conda:
        ENVIRONMENT
    threads: GRID["threads"]
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        parts=parts_of,
        augmentation=augmentation_of,
        size=GRID["input_size"],
        layers=GRID["fine_tune"]["layers"],
        cache=GRID["cache"],
        threads=GRID["threads"],
        seed=config["seed"],
    script:
        "../scripts/extract_features.py"


rule train_cell:
    input:
        source=f"{FEATURES}/source/{{backbone}}/{{view}}",
        target=f"{FEATURES}/target/{{backbone}}/{{view}}",
        weights=own_weights,
        code=code_of("train_cell.py"),
    output:
        cell=directory(
            f"{CLASSIFIED}/cells/{{backbone}}-{{view}}-{{tune}}-{{fine_tune}}-source"
        ),
    log:
        f"{STUDY}/logs/classify/train_cell-{{backbone}}-{{view}}-{{tune}}-{{fine_tune}}.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/train_cell-{{backbone}}-{{view}}-{{tune}}-{{fine_tune}}.tsv"
    conda:
        ENVIRONMENT
    threads: GRID["threads"]
    resources:
        mem_mb=4000,
        runtime=1440,
    params:
        recipe=RECIPE,
        size=GRID["input_size"],
        threads=GRID["threads"],
        seed=config["seed"],
        saved=is_keepable,
    script:
        "../scripts/train_cell.py"


rule keep_model:
    input:
        cells=KEEPABLE,
        code=code_of("keep_model.py"),
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
        backbone=GRID["kept_backbone"],
        first_pair=PAIRS[0],
    script:
        "../scripts/keep_model.py"


rule train_benchmark:
    input:
        kept=f"{CLASSIFIED}/kept.json",
        source=expand(f"{FEATURES}/source/{{name}}/augmented", name=CANDIDATES),
        target=expand(f"{FEATURES}/target/{{name}}/augmented", name=CANDIDATES),
        weights=weights_of(CANDIDATES),
        code=code_of("train_benchmark.py"),
    output:
        cell=directory(BENCHMARK),
    log:
        f"{STUDY}/logs/classify/train_benchmark.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/train_benchmark.tsv"
    conda:
        ENVIRONMENT
    threads: GRID["threads"]
    resources:
        mem_mb=4000,
        runtime=1440,
    params:
        candidates=CANDIDATES,
        pretrained=[name for name in CANDIDATES if name in PRETRAINED],
        recipe=RECIPE,
        size=GRID["input_size"],
        threads=GRID["threads"],
        seed=config["seed"],
    script:
        "../scripts/train_benchmark.py"


rule gather_runs:
    input:
        cells=[*PLAIN, *OTHERS, *KEEPABLE, BENCHMARK],
        code=code_of("gather_runs.py"),
    output:
        runs=f"{CLASSIFIED}/runs.parquet",
        predictions=f"{CLASSIFIED}/predictions.parquet",
    log:
        f"{STUDY}/logs/classify/gather_runs.log",
    benchmark:
        f"{STUDY}/benchmarks/classify/gather_runs.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    script:
        "../scripts/gather_runs.py"


rule propose_sides:
    input:
        kept=f"{CLASSIFIED}/kept.json",
        cells=KEEPABLE,
        aligned=f"{STUDY}/align/target/faces.parquet",
        shards=crop_shards("target", GRID["crops"]["augmented"]),
        weights=weights_of(CANDIDATES),
        code=code_of("propose_sides.py"),
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
        pretrained=[name for name in CANDIDATES if name in PRETRAINED],
        head=GRID["head"],
        size=GRID["input_size"],
        layers=GRID["fine_tune"]["layers"],
        cache=GRID["cache"],
        threads=GRID["threads"],
        seed=config["seed"],
    script:
        "../scripts/propose_sides.py"


rule sample_views:
    input:
        aligned=expand(f"{STUDY}/align/{{dataset}}/faces.parquet", dataset=DATASETS),
        plain_source=crop_shards("source", GRID["crops"]["plain"]),
        plain_target=crop_shards("target", GRID["crops"]["plain"]),
        crop_source=crop_shards("source", GRID["crops"]["augmented"]),
        crop_target=crop_shards("target", GRID["crops"]["augmented"]),
        code=code_of("sample_views.py"),
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
        datasets=DATASETS,
        augmentation=GRID["augmentation"],
        seed=config["seed"],
    script:
        "../scripts/sample_views.py"
