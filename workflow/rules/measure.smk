"""
Stage 7, measure: what every model does on either side of the boundary, in numbers with intervals.

What a part of the study adds is in measure_classify.smk and measure_synthesise.smk.

Reads   acquire/<dataset>/faces.parquet, annotate/<dataset>/labels.parquet
        align/<dataset>/rejected.csv, measures.parquet, landmarks.parquet
        the outputs of audited models, below data_root (docs/audit.md)
Writes  measure/rejected.parquet              table ESTIMATES: of the faces that alignment rejected
        measure/models/<model>.parquet        table ESTIMATES: of an audited model
        measure/models/<model>-faces.parquet  table BY_FACE: what it gave for each face, judged
        measure/models/<model>.csv            table OUTPUTS: of a simulated model
        measure/contrasts.parquet             table ESTIMATES: of models beside each other
        measure/estimates.parquet, .csv       table ESTIMATES: all of these (docs/estimates.md)
"""

MODELS = {
    name: {**each.model_dump(mode="json"), "dataset": study.dataset_of(name)}
    for name, each in study.models.items()
}
ANSWERING = [
    name
    for name, each in MODELS.items()
    if each["kind"] not in ("recogniser", "editor")
]
BY_GROUP = study.by_group
OUTPUTS = {  # of each model: the user's file, or a rule's
    name: (
        f"{study.data_root}/{each['outputs']}"
        if each["outputs"]
        else f"<results>/measure/models/{name}.csv"
    )
    for name, each in MODELS.items()
}
GROUPS = config["measure"]["groups"]
MEASURED = [
    "<results>/measure/rejected.parquet",
    "<results>/measure/models/landmarker.parquet",
    *expand("<results>/measure/models/{audited}.parquet", audited=BY_GROUP),
    *(["<results>/measure/contrasts.parquet"] if len(ANSWERING) > 1 else []),
]


wildcard_constraints:
    audited=any_of(MODELS),


if "classify" in study.parts:

    include: "measure_classify.smk"


if "synthesise" in study.parts:

    include: "measure_synthesise.smk"


rule measure:
    input:
        "<results>/measure/estimates.parquet",
        "<results>/measure/estimates.csv",


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
        groups=GROUPS,
        intervals=INTERVALS,
        seed=study.seed,
    script:
        "../scripts/measure_rejected.py"


rule measure_landmarker:
    input:
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=DATASETS),
        measures=expand("<results>/align/{dataset}/measures.parquet", dataset=DATASETS),
        landmarks=expand(
            "<results>/align/{dataset}/landmarks.parquet", dataset=DATASETS
        ),
        rejected=expand("<results>/align/{dataset}/rejected.csv", dataset=DATASETS),
        labels=expand("<results>/annotate/{dataset}/labels.parquet", dataset=DATASETS),
    output:
        estimates="<results>/measure/models/landmarker.parquet",
        by_face="<results>/measure/models/landmarker-faces.parquet",
    log:
        "<logs>/measure/measure_landmarker.log",
    benchmark:
        "<benchmarks>/measure/measure_landmarker.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=30,
    params:
        *code_of("measure.landmarker"),
        study=study.study,
        datasets=DATASETS,
        sides=SIDES,
        groups=GROUPS,
        intervals=INTERVALS,
        seed=study.seed,
    script:
        "../scripts/measure_landmarker.py"


rule simulate_model:
    input:
        faces=faces_of("acquire", "faces"),
        measures=faces_of("align", "measures"),
        labels=faces_of("annotate", "labels"),
    output:
        outputs="<results>/measure/models/{audited}.csv",
    log:
        "<logs>/measure/simulate_model-{audited}.log",
    benchmark:
        "<benchmarks>/measure/simulate_model-{audited}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=30,
    params:
        *code_of("measure.simulated_model"),
        model=lookup("{audited}", within=MODELS),
        sides=SIDES,
        groups=GROUPS,
        intervals=INTERVALS,
        seed=study.seed,
    script:
        "../scripts/simulate_model.py"


rule measure_model:
    input:
        outputs=lookup("{audited}", within=OUTPUTS),
        faces=faces_of("acquire", "faces"),
        aligned=faces_of("align", "faces"),
        measures=faces_of("align", "measures"),
        labels=faces_of("annotate", "labels"),
    output:
        estimates="<results>/measure/models/{audited}.parquet",
        by_face="<results>/measure/models/{audited}-faces.parquet",
    log:
        "<logs>/measure/measure_model-{audited}.log",
    benchmark:
        "<benchmarks>/measure/measure_model-{audited}.tsv"
    wildcard_constraints:
        audited=any_of(ANSWERING),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=30,
    params:
        *code_of("measure.models"),
        contents_of(lookup("{audited}", within=OUTPUTS)),
        study=study.study,
        model=lookup("{audited}", within=MODELS),
        sides=SIDES,
        groups=GROUPS,
        intervals=INTERVALS,
        seed=study.seed,
    script:
        "../scripts/measure_model.py"


rule measure_recogniser:
    input:
        outputs=lookup("{audited}", within=OUTPUTS),
        faces=faces_of("acquire", "faces"),
        aligned=faces_of("align", "faces"),
        measures=faces_of("align", "measures"),
        labels=faces_of("annotate", "labels"),
    output:
        estimates="<results>/measure/models/{audited}.parquet",
    log:
        "<logs>/measure/measure_recogniser-{audited}.log",
    benchmark:
        "<benchmarks>/measure/measure_recogniser-{audited}.tsv"
    wildcard_constraints:
        audited=any_of(study.recognisers),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(4000),
        runtime=30,
    params:
        *code_of("measure.recognisers"),
        contents_of(lookup("{audited}", within=OUTPUTS)),
        study=study.study,
        model=lookup("{audited}", within=MODELS),
        sides=SIDES,
        groups=GROUPS,
        verification=config["measure"]["verification"],
        intervals=INTERVALS,
        seed=study.seed,
    script:
        "../scripts/measure_recogniser.py"


rule contrast_models:
    input:
        by_face=expand(
            "<results>/measure/models/{audited}-faces.parquet", audited=ANSWERING
        ),
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=DATASETS),
        measures=expand("<results>/align/{dataset}/measures.parquet", dataset=DATASETS),
        labels=expand("<results>/annotate/{dataset}/labels.parquet", dataset=DATASETS),
    output:
        estimates="<results>/measure/contrasts.parquet",
    log:
        "<logs>/measure/contrast_models.log",
    benchmark:
        "<benchmarks>/measure/contrast_models.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=30,
    params:
        *code_of("measure.models"),
        study=study.study,
        datasets=DATASETS,
        sides=SIDES,
        groups=GROUPS,
        intervals=INTERVALS,
    script:
        "../scripts/contrast_models.py"


rule gather_estimates:
    input:
        estimates=MEASURED,
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
