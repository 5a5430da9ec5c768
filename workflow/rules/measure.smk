"""
Stage 7, measure: what every model does on either side of the boundary, in numbers with intervals.

Reads   classify/runs.parquet, predictions.parquet, selected.json, tasks/<task>.parquet,
        classify/fine_tuned_tasks/<task>.parquet,
        classify/learning_curve.parquet, closer_predictions.parquet, readings.parquet,
        classify/mislabelled.parquet, mislabelled/<task>.parquet
        acquire/<dataset>/faces.parquet, align/<dataset>/rejected.csv, measures.parquet
        annotate/<dataset>/labels.parquet
        synthesise/roles.parquet, <arm>/seed-<n>/translations.*; align/target/centre/shard-<k>.npy
        partition/target/sides.parquet, estimates.parquet
        Inception's weights, for the FID, where they are in the data root or among the assets
Writes  measure/classification.parquet        table ESTIMATES: of the classifiers
        measure/known_truth.parquet           table ESTIMATES: of a drawn study's heads, with truths
        measure/tasks.parquet                 table ESTIMATES: of tasks beside the boundary
        measure/learning_curve.parquet        table ESTIMATES: of heads on some of the target's faces
        measure/label_error.parquet           table ESTIMATES: outcomes, as with right labels
        measure/multiverse.parquet            table ESTIMATES: of heads under other readings
        measure/parts.parquet                 table ESTIMATES: of what accounts for the gaps
        measure/rejected.parquet              table ESTIMATES: of the faces that alignment rejected
        measure/roles.parquet                 table ESTIMATES: of who trains and who is measured
        measure/attribute_classifier.safetensors  judges translations; trained on real faces
        measure/<arm>/realism.parquet         table ESTIMATES: of the translations of an arm
        measure/<arm>/scores.parquet          table SCORES: of every translation
        measure/<arm>/values.npz              what each face gives to each measure
        measure/arms.parquet                  table ESTIMATES: of the arms beside each other
        measure/estimates.parquet, .csv       table ESTIMATES: all of these (docs/estimates.md)
"""

INCEPTION = [  # the FID's network, where there are weights of it
    path
    for path in (
        f"{ASSETS}/pt_inception-2015-12-05-6726825d.pth",
        f"{study.data_root}/pt_inception-2015-12-05-6726825d.pth",
    )
    if Path(path).exists()
][:1]
MISLABELLED = "target" in PEOPLE and study.classify.label_error.rates


rule measure:
    input:
        "<results>/measure/estimates.parquet",
        "<results>/measure/estimates.csv",


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
        realism=[
            "<results>/measure/inside/realism.parquet",
            *(["<results>/measure/arms.parquet"] if len(STARGAN_ARMS) > 1 else []),
        ],
        roles="<results>/measure/roles.parquet",
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


rule measure_rejected:
    input:
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=DATASETS),
        rejected=expand("<results>/align/{dataset}/rejected.csv", dataset=DATASETS),
        labels=expand("<results>/annotate/{dataset}/labels.parquet", dataset=DATASETS),
    output:
        estimates="<results>/measure/rejected.parquet",
    log:
        "<logs>/measure/measure_rejected.log",
    benchmark:
        "<benchmarks>/measure/measure_rejected.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=20,
    params:
        *code_of("measure.rejected"),
        study=study.study,
        datasets=DATASETS,
        sides=SIDES,
        intervals=INTERVALS,
        seed=study.seed,
    script:
        "../scripts/measure_rejected.py"


rule train_attribute_classifier:
    input:
        roles="<results>/synthesise/roles.parquet",
        sides="<results>/partition/target/sides.parquet",
        faces="<results>/acquire/target/faces.parquet",
        aligned="<results>/align/target/faces.parquet",
        crops=CENTRE_CROPS,
    output:
        classifier="<results>/measure/attribute_classifier.safetensors",
    log:
        "<logs>/measure/train_attribute_classifier.log",
    benchmark:
        "<benchmarks>/measure/train_attribute_classifier.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.synthesise_threads
    resources:
        mem_mb=doubling(4000),
        runtime=240,
    params:
        *code_of("measure.recogniser"),
        attributes=config["synthesise"]["attributes"],
        settings=config["measure"]["attribute_classifier"],
        seed=study.seed,
    script:
        "../scripts/train_attribute_classifier.py"


rule measure_roles:
    input:
        roles="<results>/synthesise/roles.parquet",
        sides="<results>/partition/target/sides.parquet",
        faces="<results>/acquire/target/faces.parquet",
        partition_estimates="<results>/partition/target/estimates.parquet",
    output:
        estimates="<results>/measure/roles.parquet",
    log:
        "<logs>/measure/measure_roles.log",
    benchmark:
        "<benchmarks>/measure/measure_roles.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=10,
    params:
        *code_of("measure.roles"),
        attributes=config["synthesise"]["attributes"],
        own_label=OWN_LABELS["target"],
        intervals=INTERVALS,
        study=study.study,
    script:
        "../scripts/measure_roles.py"


rule measure_realism:
    input:
        arrays=ARRAYS,
        translations=TRANSLATIONS,
        classifier="<results>/measure/attribute_classifier.safetensors",
        roles="<results>/synthesise/roles.parquet",
        faces="<results>/acquire/target/faces.parquet",
        crops=CENTRE_CROPS,
        inception=INCEPTION,
    output:
        estimates="<results>/measure/{arm}/realism.parquet",
        scores="<results>/measure/{arm}/scores.parquet",
        values="<results>/measure/{arm}/values.npz",
    log:
        "<logs>/measure/measure_realism-{arm}.log",
    benchmark:
        "<benchmarks>/measure/measure_realism-{arm}.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.synthesise_threads
    resources:
        mem_mb=doubling(4000),
        runtime=120,
    params:
        *code_of("measure.realism"),
        contents_of(*INCEPTION),
        study=study.study,
        seeds=SEEDS,
        share=lookup("{arm}", within=STARGAN_ARMS),
        intervals=INTERVALS,
        settings=config["measure"]["realism"],
        seed=study.seed,
    script:
        "../scripts/measure_realism.py"


rule measure_arms:
    input:
        values=expand("<results>/measure/{arm}/values.npz", arm=STARGAN_ARMS),
    output:
        estimates="<results>/measure/arms.parquet",
    log:
        "<logs>/measure/measure_arms.log",
    benchmark:
        "<benchmarks>/measure/measure_arms.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=30,
    params:
        *code_of("measure.arms"),
        study=study.study,
        shares=STARGAN_ARMS,
        intervals=INTERVALS,
        settings=config["measure"]["realism"],
        seed=study.seed,
    script:
        "../scripts/measure_arms.py"


rule gather_estimates:
    input:
        estimates=[
            "<results>/measure/classification.parquet",
            *(["<results>/measure/known_truth.parquet"] if FRESH else []),
            *(["<results>/measure/tasks.parquet"] if TASKS else []),
            *(["<results>/measure/learning_curve.parquet"] if LEARNING_CURVE else []),
            *(["<results>/measure/label_error.parquet"] if MISLABELLED else []),
            *(["<results>/measure/multiverse.parquet"] if MULTIVERSE["most"] else []),
            "<results>/measure/parts.parquet",
            "<results>/measure/rejected.parquet",
            "<results>/measure/roles.parquet",
            *expand("<results>/measure/{arm}/realism.parquet", arm=STARGAN_ARMS),
            *(["<results>/measure/arms.parquet"] if len(STARGAN_ARMS) > 1 else []),
        ],
    output:
        table="<results>/measure/estimates.parquet",
        csv="<results>/measure/estimates.csv",
    log:
        "<logs>/measure/gather_estimates.log",
    benchmark:
        "<benchmarks>/measure/gather_estimates.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(1000),
        runtime=10,
    params:
        *code_of("measure.gather"),
    script:
        "../scripts/gather_estimates.py"
