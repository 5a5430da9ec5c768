"""
Stage 7, measure, of the part classify: the transfer of classifiers, in numbers with intervals.

Reads   classify/runs.parquet, predictions.parquet, selected.json, tasks/<task>.parquet,
        classify/fine_tuned_tasks/<task>.parquet,
        classify/learning_curve.parquet, closer_predictions.parquet, readings.parquet,
        classify/mislabelled.parquet, mislabelled/<task>.parquet
        acquire/<dataset>/faces.parquet, align/<dataset>/measures.parquet
        partition/target/estimates.parquet; of label errors measure/<arm>/realism.parquet too
Writes  measure/classification.parquet        table ESTIMATES: of the classifiers
        measure/known_truth.parquet           table ESTIMATES: of a drawn study's heads, with truths
        measure/tasks.parquet                 table ESTIMATES: of tasks beside the boundary
        measure/learning_curve.parquet        table ESTIMATES: of heads on some of the target's faces
        measure/label_error.parquet           table ESTIMATES: outcomes, as with right labels
        measure/multiverse.parquet            table ESTIMATES: of heads under other readings
        measure/parts.parquet                 table ESTIMATES: of what accounts for the gaps
"""

MISLABELLED = (
    "target" in PEOPLE
    and "partition" in study.parts
    and study.classify.label_error.rates
)
MEASURED += [
    "<results>/measure/classification.parquet",
    *(["<results>/measure/known_truth.parquet"] if FRESH else []),
    *(["<results>/measure/tasks.parquet"] if TASKS else []),
    *(["<results>/measure/learning_curve.parquet"] if LEARNING_CURVE else []),
    *(["<results>/measure/label_error.parquet"] if MISLABELLED else []),
    *(["<results>/measure/multiverse.parquet"] if MULTIVERSE["most"] else []),
    "<results>/measure/parts.parquet",
]


rule measure_classification:
    input:
        runs="<results>/classify/runs.parquet",
        predictions="<results>/classify/predictions.parquet",
        selected="<results>/classify/selected.json",
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=DATASETS),
    output:
        estimates="<results>/measure/classification.parquet",
    log:
        "<logs>/measure/measure_classification.log",
    benchmark:
        "<benchmarks>/measure/measure_classification.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=30,
    params:
        *code_of("measure.classification"),
        study=study.study,
        datasets=DATASETS,
        intervals=INTERVALS,
        primary=config["measure"]["primary"],
    script:
        "../scripts/measure_classification.py"


rule measure_known_truth:
    input:
        predictions="<results>/classify/predictions.parquet",
        fresh_predictions="<results>/classify/fresh_predictions.parquet",
        selected="<results>/classify/selected.json",
        benchmark=OPTIMISERS["arms"]["target"],
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=DATASETS),
        fresh_faces=expand("<results>/acquire/fresh-{style}/faces.parquet", style=FRESH),
    output:
        estimates="<results>/measure/known_truth.parquet",
    log:
        "<logs>/measure/measure_known_truth.log",
    benchmark:
        "<benchmarks>/measure/measure_known_truth.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=30,
    params:
        *code_of("measure.known_truth"),
        study=study.study,
        datasets=DATASETS,
        intervals=INTERVALS,
    script:
        "../scripts/measure_known_truth.py"


rule measure_tasks:
    input:
        predictions=TASK_PREDICTIONS,
        fine_tuned=expand(
            "<results>/classify/fine_tuned_tasks/{task}.parquet", task=FINE_TUNED_TASKS
        ),
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=DATASETS),
    output:
        estimates="<results>/measure/tasks.parquet",
    log:
        "<logs>/measure/measure_tasks.log",
    benchmark:
        "<benchmarks>/measure/measure_tasks.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=30,
    params:
        *code_of("measure.tasks"),
        study=study.study,
        datasets=DATASETS,
        intervals=INTERVALS,
        seed=study.seed,
    script:
        "../scripts/measure_tasks.py"


rule measure_learning_curve:
    input:
        curve="<results>/classify/learning_curve.parquet",
        predictions="<results>/classify/predictions.parquet",
        selected="<results>/classify/selected.json",
        faces="<results>/acquire/target/faces.parquet",
    output:
        estimates="<results>/measure/learning_curve.parquet",
    log:
        "<logs>/measure/measure_learning_curve.log",
    benchmark:
        "<benchmarks>/measure/measure_learning_curve.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=30,
    params:
        *code_of("measure.learning_curve"),
        study=study.study,
        intervals=INTERVALS,
        seed=study.seed,
    script:
        "../scripts/measure_learning_curve.py"


rule measure_label_error:
    input:
        mislabelled="<results>/classify/mislabelled.parquet",
        mislabelled_tasks=expand(
            "<results>/classify/mislabelled/{task}.parquet", task=TASKS
        ),
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=BOTH),
        partition_estimates="<results>/partition/target/estimates.parquet",
        agreement_estimates="<results>/annotate/target/estimates.parquet",
        realism=of(
            "synthesise",
            "<results>/measure/inside/realism.parquet",
            *(["<results>/measure/arms.parquet"] if len(STARGAN_ARMS) > 1 else []),
        ),
        roles=of("synthesise", "<results>/measure/roles.parquet"),
    output:
        estimates="<results>/measure/label_error.parquet",
    log:
        "<logs>/measure/measure_label_error.log",
    benchmark:
        "<benchmarks>/measure/measure_label_error.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=30,
    params:
        *code_of("measure.label_error"),
        study=study.study,
        datasets=BOTH,
        intervals=INTERVALS,
    script:
        "../scripts/measure_label_error.py"


rule measure_multiverse:
    input:
        readings="<results>/classify/readings.parquet",
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=BOTH),
    output:
        estimates="<results>/measure/multiverse.parquet",
    log:
        "<logs>/measure/measure_multiverse.log",
    benchmark:
        "<benchmarks>/measure/measure_multiverse.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=30,
    params:
        *code_of("measure.multiverse"),
        study=study.study,
        datasets=BOTH,
        primary=config["measure"]["primary"],
        intervals=INTERVALS,
    script:
        "../scripts/measure_multiverse.py"


rule measure_parts:
    input:
        predictions="<results>/classify/predictions.parquet",
        closer_predictions="<results>/classify/closer_predictions.parquet",
        selected="<results>/classify/selected.json",
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=BOTH),
        measures=expand("<results>/align/{dataset}/measures.parquet", dataset=BOTH),
    output:
        estimates="<results>/measure/parts.parquet",
    log:
        "<logs>/measure/measure_parts.log",
    benchmark:
        "<benchmarks>/measure/measure_parts.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(4000),
        runtime=60,
    params:
        *code_of("measure.gap_parts"),
        study=study.study,
        datasets=BOTH,
        attributes=config["synthesise"]["attributes"],
        young_below=study.classify.tasks.young_below,
        settings=config["measure"]["parts"],
        intervals=INTERVALS,
        seed=study.seed,
    script:
        "../scripts/measure_parts.py"
