"""
Stage 5, partition: every face of the target on one side of the boundary, or left out.

Reads   acquire/target/faces.parquet, align/target/faces.parquet, annotate/target/labels.parquet
        annotate/target/agreement.json, classify/proposals.parquet, and the verifiers' files below
        data_root               only where people label the target
Writes  partition/target/weighed.parquet    table: face_id, probability (calibrated), accepted
        partition/target/queue.csv          persons to verify, the most uncertain first
        partition/target/calibration.json   threshold, precision, reliability
        partition/target/verified-<name>.csv  answers of a simulated verifier
        partition/target/sides.parquet      table: face_id, side, provenance, confidence
        partition/target/sides.csv          the same, to publish
        partition/target/inside.txt, outside.txt  face ids (CelebC and CelebO in the paper)
        partition/target/summary.json       counts, and the estimated error of the labels
"""

PARTITIONED = f"{STUDY}/partition/target"


rule partition:
    input:
        f"{PARTITIONED}/sides.parquet",
        f"{PARTITIONED}/summary.json",


rule accept_proposals:
    input:
        faces=f"{STUDY}/acquire/target/faces.parquet",
        labels=f"{STUDY}/annotate/target/labels.parquet",
        proposals=f"{STUDY}/classify/proposals.parquet",
    output:
        weighed=f"{PARTITIONED}/weighed.parquet",
        queue=f"{PARTITIONED}/queue.csv",
    log:
        f"{STUDY}/logs/partition/accept_proposals.log",
    benchmark:
        f"{STUDY}/benchmarks/partition/accept_proposals.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        *code_of("accept_proposals.py"),
        by_person=config["partition"]["by_person"],
        precision=config["partition"]["precision"],
    script:
        "../scripts/accept_proposals.py"


rule simulate_verifiers:
    input:
        faces=f"{STUDY}/acquire/target/faces.parquet",
        queue=f"{PARTITIONED}/queue.csv",
    output:
        answers=f"{PARTITIONED}/verified-{{verifier}}.csv",
    log:
        f"{STUDY}/logs/partition/simulate_verifiers-{{verifier}}.log",
    benchmark:
        f"{STUDY}/benchmarks/partition/simulate_verifiers-{{verifier}}.tsv"
    wildcard_constraints:
        verifier=any_of(VERIFIERS),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("simulate_verifiers.py"),
        own_label=config["datasets"]["target"].get("own_label"),
        error=verifier_error,
        tentative=config["annotate"]["tentative"],
        seed=config["seed"],
    script:
        "../scripts/simulate_verifiers.py"


rule partition_target:
    input:
        faces=f"{STUDY}/acquire/target/faces.parquet",
        aligned=f"{STUDY}/align/target/faces.parquet",
        labels=f"{STUDY}/annotate/target/labels.parquet",
        weighed=asked(f"{PARTITIONED}/weighed.parquet"),
        verified=VERIFIED,
    output:
        sides=f"{PARTITIONED}/sides.parquet",
        csv=f"{PARTITIONED}/sides.csv",
        inside=f"{PARTITIONED}/inside.txt",
        outside=f"{PARTITIONED}/outside.txt",
    log:
        f"{STUDY}/logs/partition/partition_target.log",
    benchmark:
        f"{STUDY}/benchmarks/partition/partition_target.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        *code_of("partition_target.py"),
        digests=digests_of(*GIVEN["partition_target"]),
        formats=formats_of(VERIFIERS) if "target" in PEOPLE else {},
        by_person=config["partition"]["by_person"],
        contentious=config["partition"]["contentious"],
    script:
        "../scripts/partition_target.py"


rule measure_sides:
    input:
        faces=f"{STUDY}/acquire/target/faces.parquet",
        aligned=f"{STUDY}/align/target/faces.parquet",
        labels=f"{STUDY}/annotate/target/labels.parquet",
        agreement=asked(f"{STUDY}/annotate/target/agreement.json"),
        proposals=asked(f"{STUDY}/classify/proposals.parquet"),
        weighed=asked(f"{PARTITIONED}/weighed.parquet"),
        verified=VERIFIED,
        sides=f"{PARTITIONED}/sides.parquet",
    output:
        summary=f"{PARTITIONED}/summary.json",
        calibration=asked(f"{PARTITIONED}/calibration.json"),
    log:
        f"{STUDY}/logs/partition/measure_sides.log",
    benchmark:
        f"{STUDY}/benchmarks/partition/measure_sides.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        *code_of("measure_sides.py"),
        formats=formats_of(VERIFIERS) if "target" in PEOPLE else {},
        by_person=config["partition"]["by_person"],
        contentious=config["partition"]["contentious"],
        precision=config["partition"]["precision"],
        truth=config["datasets"]["target"].get("own_label") if SIMULATED else None,
        confidence=config["report"]["confidence"],
    script:
        "../scripts/measure_sides.py"
