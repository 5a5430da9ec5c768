"""
Stage 5, partition: every face of the target on one side of the boundary, or left out.

Reads   acquire/target/faces.parquet, align/target/faces.parquet, annotate/target/labels.parquet
    and where people label the target
        annotate/target/estimates.parquet, classify/pseudo_labels.parquet, and the verifiers' files
        below data_root
Writes  partition/target/calibrated.parquet  table CALIBRATED: the pseudo-labels
        partition/target/queue.csv          table QUEUE: persons to verify
        partition/target/verified-<name>.csv  table ANSWERS of a simulated verifier
        partition/target/sides.parquet      table FACE_SIDES (CelebC and CelebO in the paper)
        partition/target/evidence.parquet   table EVIDENCE: what the sides come from
        partition/target/summary.json       counts, and how pseudo-labels were accepted
        partition/target/estimates.parquet  table ESTIMATES: error of the labels, by provenance
"""

CALIBRATED = "<results>/partition/target/calibrated.parquet" if BY_PEOPLE else []


rule partition:
    input:
        "<results>/partition/target/sides.parquet",
        "<results>/partition/target/estimates.parquet",


rule accept_pseudo_labels:
    input:
        faces="<results>/acquire/target/faces.parquet",
        labels="<results>/annotate/target/labels.parquet",
        pseudo_labels="<results>/classify/pseudo_labels.parquet",
    output:
        calibrated="<results>/partition/target/calibrated.parquet",
        queue="<results>/partition/target/queue.csv",
    log:
        "<logs>/partition/accept_pseudo_labels.log",
    benchmark:
        "<benchmarks>/partition/accept_pseudo_labels.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(4000),
        runtime=10,
    params:
        *code_of("partition.pseudo_labels"),
        settings=config["partition"],
        seed=study.seed,
    script:
        "../scripts/accept_pseudo_labels.py"


rule simulate_verifier:
    input:
        faces="<results>/acquire/target/faces.parquet",
        queue="<results>/partition/target/queue.csv",
    output:
        answers="<results>/partition/target/verified-{verifier}.csv",
    log:
        "<logs>/partition/simulate_verifier-{verifier}.log",
    benchmark:
        "<benchmarks>/partition/simulate_verifier-{verifier}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=10,
    params:
        *code_of("partition.simulated"),
        own_label=OWN_LABELS["target"],
        settings=config["partition"],
        tentative=config["annotate"]["tentative"],
        seed=study.seed,
    script:
        "../scripts/simulate_verifier.py"


rule partition_target:
    input:
        faces="<results>/acquire/target/faces.parquet",
        aligned="<results>/align/target/faces.parquet",
        labels="<results>/annotate/target/labels.parquet",
        calibrated=CALIBRATED,
        verified=VERIFIED,
    output:
        sides="<results>/partition/target/sides.parquet",
        evidence="<results>/partition/target/evidence.parquet",
    log:
        "<logs>/partition/partition_target.log",
    benchmark:
        "<benchmarks>/partition/partition_target.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(4000),
        runtime=10,
    params:
        *code_of("partition.merge"),
        contents_of(*VERIFIED),
        settings=config["partition"],
        seed=study.seed,
    script:
        "../scripts/partition_target.py"


rule measure_sides:
    input:
        faces="<results>/acquire/target/faces.parquet",
        evidence="<results>/partition/target/evidence.parquet",
        sides="<results>/partition/target/sides.parquet",
        calibrated=CALIBRATED,
        agreement_estimates=expand(
            "<results>/annotate/{dataset}/estimates.parquet", dataset=PEOPLE
        ),
    output:
        summary="<results>/partition/target/summary.json",
        estimates="<results>/partition/target/estimates.parquet",
    log:
        "<logs>/partition/measure_sides.log",
    benchmark:
        "<benchmarks>/partition/measure_sides.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(4000),
        runtime=10,
    params:
        *code_of("partition.measured"),
        own_label=OWN_LABELS["target"],
        intervals=INTERVALS,
        study=study.study,
    script:
        "../scripts/measure_sides.py"
