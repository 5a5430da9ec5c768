"""
Stage 4, classify: how well a classifier of the boundary transfers from source to target.

Reads   acquire/<dataset>/faces.parquet, annotate/<dataset>/labels.parquet
        align/<dataset>/faces.parquet and the crops of classify.crops
        assets/<file>                      weights, of pretrained backbones
Writes  classify/features/<backbone>/<preprocessing>/<dataset>/  table ENTRIES, boundary.npy, pooled.npy
        classify/configurations/<backbone>-<preprocessing>/  tables RUNS, PREDICTIONS and CURVES of
                                           its pairs of optimisers; weights of those that may be
                                           selected (never to publish)
        classify/configurations/arms-<dataset>/, folds-<dataset>/  the selected one, trained in
                                           other ways: as benchmark, on equal terms, as controls;
                                           in folds
        classify/selected.json             the configuration that is selected, by which criterion
        classify/benchmark-<dataset>.json  the optimisers that are best in folds of a data set
        classify/runs.parquet              table RUNS: the whole grid, and the arms but the folds
        classify/predictions.parquet       table PREDICTIONS: of all faces that test
        classify/tensorboard/<run>/        training losses
        classify/pseudo_labels.parquet     table PSEUDO_LABELS: the selected model on the target
        classify/saliency.npz              what the selected model looks at
        classify/model-card.md             the selected model: what it is, and what it is not for
        classify/samples.npz               what the networks see, for Figure 2
        classify/fresh_predictions.parquet  table PREDICTIONS of further heads on fresh drawn faces
        classify/fine_tuned_tasks/<task>.parquet  table TASK_PREDICTIONS, with fine-tuned tails
        classify/learning_curve.parquet    table LEARNING_CURVE: heads on some of the target's faces
        classify/mislabelled.parquet       table MISLABELLED: heads with still more labels wrong
        classify/mislabelled/<task>.parquet  table MISLABELLED_TASKS
        classify/readings.parquet          table READINGS: heads under other readings of the paper
        classify/tasks/<task>.parquet      table TASK_PREDICTIONS: heads of tasks beside the
                                           boundary, trained inside, outside and on both
"""

from facegap.classify import grid

EXTRACTIONS = grid.extractions(study.classify, DATASETS)
TRAININGS = grid.trainings(study.classify)
CANDIDATES = grid.candidates(study.classify)
CROPS_SEEN = grid.crops(study.classify)
FEATURES = config["classify"]["features"]
TRAINING = config["classify"]["training"]
CONFIGURATION = "<results>/classify/configurations/{name}"
CANDIDATE_FOLDERS = expand(
    CONFIGURATION, name=grid.folders(study.classify, candidates=True)
)
with start.wrong_configuration():
    WEIGHTS = grid.weights_files(study.classify, study.data_root, MANIFEST)
CANDIDATE_WEIGHTS = [WEIGHTS[name] for name in CANDIDATES["backbones"] if WEIGHTS[name]]
PUBLISHED = {
    name: given.model_dump(mode="json")
    for name, given in grid.backbones(study.classify).items()
}
FRESH_CROPS = {
    preprocessing: crop_shards("source", crops)
    for preprocessing, crops in grid.fresh_crops(study.classify).items()
}
# every crop, since the selected configuration is not known beforehand
ARM_SEEN = (
    grid.candidate_crops(study.classify) if study.classify.augmentation.fresh else []
)
ARM_CROPS = {dataset: crop_shards(dataset, ARM_SEEN) for dataset in DATASETS}
PAIRS = grid.optimiser_pairs(study.classify)
SELECTED = "<results>/classify/selected.json"
ARMS = grid.arms(study.classify, DATASETS)
TASKS = grid.tasks(study.classify)
FINE_TUNED_TASKS = grid.fine_tuned_tasks(study.classify)
MULTIVERSE = grid.multiverse(study.classify, study.measure.primary.quantity)
LEARNING_CURVE = (
    ["<results>/classify/learning_curve.parquet"]
    if study.classify.learning_curve.faces
    else []
)
TASK_PREDICTIONS = expand("<results>/classify/tasks/{task}.parquet", task=TASKS)
OPTIMISERS = (
    {  # of trainings beside the grid's: the source's selected, or a benchmark's own
        "folds": {name: SELECTED for name in DATASETS},
        "arms": {
            name: (
                SELECTED
                if name == "source" or len(PAIRS) == 1
                else f"<results>/classify/benchmark-{name}.json"
            )
            for name in DATASETS
        },
    }
)


wildcard_constraints:
    backbone=any_of(TRAININGS),
    preprocessing=any_of(grid.preprocessings(study.classify)),
    model=any_of(grid.timm_models(study.classify)),
    arms=any_of(ARMS),
    task=any_of(TASKS),


rule classify:
    input:
        "<results>/classify/runs.parquet",
        "<results>/classify/predictions.parquet",
        "<results>/classify/pseudo_labels.parquet",
        "<results>/classify/saliency.npz",
        "<results>/classify/model-card.md",
        "<results>/classify/samples.npz",
        TASK_PREDICTIONS,
        LEARNING_CURVE,


rule fetch_timm:
    output:
        weights="<assets>/timm/{model}.safetensors",
    log:
        "<logs>/classify/fetch_timm-{model}.log",
    benchmark:
        "<benchmarks>/classify/fetch_timm-{model}.tsv"
    localrule: True  # compute nodes often see no network
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(1000),
        runtime=60,
    params:
        *code_of("classify.pretrained"),
        settings=lookup("{model}", within=PUBLISHED),
    script:
        "../scripts/fetch_timm.py"


rule extract_features:
    input:
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=DATASETS),
        labels=expand("<results>/annotate/{dataset}/labels.parquet", dataset=DATASETS),
        aligned=expand("<results>/align/{dataset}/faces.parquet", dataset=DATASETS),
        shards=crop_shards(DATASETS, CROPS_SEEN),
        weights=lookup("{backbone}", within=WEIGHTS),
    output:
        features=directory("<results>/classify/features/{backbone}"),
    log:
        "<logs>/classify/extract_features-{backbone}.log",
    benchmark:
        "<benchmarks>/classify/extract_features-{backbone}.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(4000),
        runtime=480,
    params:
        *code_of("classify.features"),
        contents_of(lookup("{backbone}", within=WEIGHTS)),
        datasets=DATASETS,
        crops=CROPS_SEEN,
        plan=lookup("{backbone}", within=EXTRACTIONS),
        settings=FEATURES,
        validation=study.classify.selection.validation,
        contentious=study.partition.contentious,
        seed=study.seed,
    script:
        "../scripts/extract_features.py"


rule train_configurations:
    input:
        features="<results>/classify/features/{backbone}",
        weights=lookup("{backbone}", within=WEIGHTS),
        crops=lookup("{preprocessing}", within=FRESH_CROPS),
    output:
        configurations=directory(
            "<results>/classify/configurations/{backbone}-{preprocessing}"
        ),
    log:
        "<logs>/classify/train_configurations-{backbone}-{preprocessing}.log",
    benchmark:
        "<benchmarks>/classify/train_configurations-{backbone}-{preprocessing}.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(4000),
        runtime=2880,
    params:
        *code_of("classify.configurations"),
        plan=lookup("{backbone}/{preprocessing}", within=TRAININGS),
        extraction=FEATURES,
        settings=TRAINING,
        datasets=DATASETS,
        seed=study.seed,
    script:
        "../scripts/train_configurations.py"


rule select_configuration:
    input:
        trainings=CANDIDATE_FOLDERS,
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=BOTH),
    output:
        selected=SELECTED,
    log:
        "<logs>/classify/select_configuration.log",
    benchmark:
        "<benchmarks>/classify/select_configuration.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(1000),
        runtime=10,
    params:
        *code_of("classify.selection"),
        choice=grid.choice(study.classify),
        seed=study.seed,
    script:
        "../scripts/select_configuration.py"


rule train_arms:
    input:
        selected=lookup("{arms}/{dataset}", within=OPTIMISERS),
        features=expand(
            "<results>/classify/features/{name}", name=CANDIDATES["backbones"]
        ),
        weights=CANDIDATE_WEIGHTS,
        crops=lookup("{dataset}", within=ARM_CROPS),
    output:
        configurations=directory("<results>/classify/configurations/{arms}-{dataset}"),
    log:
        "<logs>/classify/train_arms-{arms}-{dataset}.log",
    benchmark:
        "<benchmarks>/classify/train_arms-{arms}-{dataset}.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(4000),
        runtime=2880,
    params:
        *code_of("classify.configurations"),
        candidates=CANDIDATES,
        plan=lookup("{arms}/{dataset}", within=ARMS),
        extraction=FEATURES,
        settings=TRAINING,
        datasets=DATASETS,
        seed=study.seed,
    script:
        "../scripts/train_arms.py"


rule select_benchmark:
    input:
        folds="<results>/classify/configurations/folds-{dataset}",
    output:
        benchmark="<results>/classify/benchmark-{dataset}.json",
    log:
        "<logs>/classify/select_benchmark-{dataset}.log",
    benchmark:
        "<benchmarks>/classify/select_benchmark-{dataset}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(1000),
        runtime=10,
    params:
        *code_of("classify.selection"),
    script:
        "../scripts/select_benchmark.py"


rule gather_runs:
    input:
        trainings=expand(
            CONFIGURATION,
            name=[
                *grid.folders(study.classify),
                *expand("arms-{name}", name=ARMS["arms"]),
            ],
        ),
    output:
        runs="<results>/classify/runs.parquet",
        predictions="<results>/classify/predictions.parquet",
        tensorboard=directory("<results>/classify/tensorboard"),
    log:
        "<logs>/classify/gather_runs.log",
    benchmark:
        "<benchmarks>/classify/gather_runs.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=10,
    params:
        *code_of("classify.gather"),
    script:
        "../scripts/gather_runs.py"


rule predict_pseudo_labels:
    input:
        selected=SELECTED,
        trainings=CANDIDATE_FOLDERS,
        aligned="<results>/align/target/faces.parquet",
        shards=crop_shards("target", grid.candidate_crops(study.classify)),
        weights=CANDIDATE_WEIGHTS,
    output:
        pseudo_labels="<results>/classify/pseudo_labels.parquet",
    log:
        "<logs>/classify/predict_pseudo_labels.log",
    benchmark:
        "<benchmarks>/classify/predict_pseudo_labels.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(4000),
        runtime=480,
    params:
        *code_of("classify.pseudo_labels"),
        candidates=CANDIDATES,
        head=TRAINING["head"],
        extraction=FEATURES,
        seed=study.seed,
    script:
        "../scripts/predict_pseudo_labels.py"


rule explain_model:
    input:
        selected=SELECTED,
        trainings=CANDIDATE_FOLDERS,
        aligned=expand("<results>/align/{dataset}/faces.parquet", dataset=BOTH),
        labels=expand("<results>/annotate/{dataset}/labels.parquet", dataset=BOTH),
        shards=crop_shards(BOTH, grid.candidate_crops(study.classify)),
        weights=CANDIDATE_WEIGHTS,
    output:
        saliency="<results>/classify/saliency.npz",
    log:
        "<logs>/classify/explain_model.log",
    benchmark:
        "<benchmarks>/classify/explain_model.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(4000),
        runtime=60,
    params:
        *code_of("classify.saliency"),
        candidates=CANDIDATES,
        head=TRAINING["head"],
        extraction=FEATURES,
        datasets=BOTH,
        seed=study.seed,
    script:
        "../scripts/explain_model.py"


rule predict_closer:
    input:
        selected=SELECTED,
        predictions="<results>/classify/predictions.parquet",
        trainings=CANDIDATE_FOLDERS,
        aligned=expand("<results>/align/{dataset}/faces.parquet", dataset=BOTH),
        shards=crop_shards(BOTH, grid.candidate_crops(study.classify)),
        weights=CANDIDATE_WEIGHTS,
    output:
        closer_predictions="<results>/classify/closer_predictions.parquet",
    log:
        "<logs>/classify/predict_closer.log",
    benchmark:
        "<benchmarks>/classify/predict_closer.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(4000),
        runtime=120,
    params:
        *code_of("classify.closer"),
        candidates=CANDIDATES,
        head=TRAINING["head"],
        extraction=FEATURES,
        closer=study.measure.parts.closer,
        datasets=BOTH,
        seed=study.seed,
    script:
        "../scripts/predict_closer.py"


rule train_fresh_heads:
    input:
        selected=SELECTED,
        benchmark=OPTIMISERS["arms"]["target"],
        features=expand(
            "<results>/classify/features/{name}", name=CANDIDATES["backbones"]
        ),
        weights=CANDIDATE_WEIGHTS,
        faces=expand("<results>/acquire/fresh-{style}/faces.parquet", style=FRESH),
        aligned=expand("<results>/align/fresh-{style}/faces.parquet", style=FRESH),
        shards=crop_shards(
            [f"fresh-{style}" for style in FRESH],
            grid.candidate_crops(study.classify),
        ),
    output:
        predictions="<results>/classify/fresh_predictions.parquet",
    log:
        "<logs>/classify/train_fresh_heads.log",
    benchmark:
        "<benchmarks>/classify/train_fresh_heads.tsv"
    priority: 1  # it is long, or a long job waits for it
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(4000),
        runtime=480,
    params:
        *code_of("classify.fresh"),
        candidates=CANDIDATES,
        extraction=FEATURES,
        settings=TRAINING,
        own_label=OWN_LABELS["target"],
        styles=FRESH,
        known_truth=config["measure"]["known_truth"],
        seed=study.seed,
    script:
        "../scripts/train_fresh_heads.py"


rule train_task:
    input:
        selected=SELECTED,
        features=expand(
            "<results>/classify/features/{name}", name=CANDIDATES["backbones"]
        ),
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=DATASETS),
    output:
        predictions="<results>/classify/tasks/{task}.parquet",
    log:
        "<logs>/classify/train_task-{task}.log",
    benchmark:
        "<benchmarks>/classify/train_task-{task}.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(6000),
        runtime=480,
    params:
        *code_of("classify.tasks"),
        candidates=CANDIDATES,
        plan=lookup("{task}", within=TASKS),
        settings=TRAINING,
        datasets=DATASETS,
        seed=study.seed,
    script:
        "../scripts/train_task.py"


rule fine_tune_task:
    input:
        selected=SELECTED,
        features=expand(
            "<results>/classify/features/{name}", name=CANDIDATES["backbones"]
        ),
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=DATASETS),
        weights=CANDIDATE_WEIGHTS,
    output:
        predictions="<results>/classify/fine_tuned_tasks/{task}.parquet",
    log:
        "<logs>/classify/fine_tune_task-{task}.log",
    benchmark:
        "<benchmarks>/classify/fine_tune_task-{task}.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(6000),
        runtime=2880,
    params:
        *code_of("classify.task_tails"),
        candidates=CANDIDATES,
        extraction=FEATURES,
        plan=lookup("{task}", within=FINE_TUNED_TASKS),
        settings=TRAINING,
        datasets=DATASETS,
        seed=study.seed,
    script:
        "../scripts/fine_tune_task.py"


rule train_learning_curve:
    input:
        selected=SELECTED,
        features=expand(
            "<results>/classify/features/{name}", name=CANDIDATES["backbones"]
        ),
    output:
        predictions="<results>/classify/learning_curve.parquet",
    log:
        "<logs>/classify/train_learning_curve.log",
    benchmark:
        "<benchmarks>/classify/train_learning_curve.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(4000),
        runtime=480,
    params:
        *code_of("classify.learning_curve"),
        candidates=CANDIDATES,
        plan=config["classify"]["learning_curve"],
        settings=TRAINING,
        seed=study.seed,
    script:
        "../scripts/train_learning_curve.py"


rule train_mislabelled:
    input:
        selected=SELECTED,
        features=expand(
            "<results>/classify/features/{name}", name=CANDIDATES["backbones"]
        ),
    output:
        mislabelled="<results>/classify/mislabelled.parquet",
    log:
        "<logs>/classify/train_mislabelled.log",
    benchmark:
        "<benchmarks>/classify/train_mislabelled.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(6000),
        runtime=480,
    params:
        *code_of("classify.mislabelled"),
        candidates=CANDIDATES,
        settings=TRAINING,
        plan=config["classify"]["label_error"],
        seed=study.seed,
    script:
        "../scripts/train_mislabelled.py"


rule train_task_mislabelled:
    input:
        selected=SELECTED,
        features=expand(
            "<results>/classify/features/{name}", name=CANDIDATES["backbones"]
        ),
        faces="<results>/acquire/target/faces.parquet",
    output:
        mislabelled_tasks="<results>/classify/mislabelled/{task}.parquet",
    log:
        "<logs>/classify/train_task_mislabelled-{task}.log",
    benchmark:
        "<benchmarks>/classify/train_task_mislabelled-{task}.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(6000),
        runtime=480,
    params:
        *code_of("classify.mislabelled"),
        candidates=CANDIDATES,
        settings=TRAINING,
        task_plan=lookup("{task}", within=TASKS),
        plan=config["classify"]["label_error"],
        seed=study.seed,
    script:
        "../scripts/train_task_mislabelled.py"


rule train_multiverse:
    input:
        features=expand(
            "<results>/classify/features/{name}",
            name=dict.fromkeys(name for name, *_ in MULTIVERSE["cached"]),
        ),
    output:
        readings="<results>/classify/readings.parquet",
    log:
        "<logs>/classify/train_multiverse.log",
    benchmark:
        "<benchmarks>/classify/train_multiverse.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.classify_threads
    resources:
        mem_mb=doubling(6000),
        runtime=480,
    params:
        *code_of("classify.multiverse"),
        plan=MULTIVERSE,
        settings=TRAINING,
        seed=study.seed,
    script:
        "../scripts/train_multiverse.py"


rule write_model_card:
    input:
        selected=SELECTED,
        runs="<results>/classify/runs.parquet",
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=BOTH),
    output:
        card="<results>/classify/model-card.md",
    log:
        "<logs>/classify/write_model_card.log",
    benchmark:
        "<benchmarks>/classify/write_model_card.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(1000),
        runtime=10,
    params:
        *code_of("classify.card"),
        subject={
            "study": study.study,
            "boundary": study.boundary,
            "sides": SIDES,
            "weights": {
                name: given.weights
                for name, given in grid.backbones(study.classify).items()
            },
        },
        settings=TRAINING,
        intervals=INTERVALS,
        datasets=BOTH,
    script:
        "../scripts/write_model_card.py"


rule sample_preprocessing:
    input:
        aligned=expand("<results>/align/{dataset}/faces.parquet", dataset=BOTH),
        plain=crop_shards(BOTH, study.classify.crops.plain),
        crop=crop_shards(BOTH, study.classify.crops.augmented),
    output:
        samples="<results>/classify/samples.npz",
    log:
        "<logs>/classify/sample_preprocessing.log",
    benchmark:
        "<benchmarks>/classify/sample_preprocessing.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=10,
    params:
        *code_of("classify.augmentation"),
        settings=config["classify"]["augmentation"],
        datasets=BOTH,
        seed=study.seed,
    script:
        "../scripts/sample_preprocessing.py"
