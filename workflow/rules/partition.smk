"""
Stage 5, partition: every face of the target on one side of the boundary, or left out.

Reads   acquire/target/faces.parquet, align/target/faces.parquet, annotate/target/labels.parquet
        classify/proposals.parquet      only where people label the target
Writes  partition/target/sides.parquet  table: face_id, side, provenance, confidence
        partition/target/sides.csv      the same, to publish
        partition/target/inside.txt, outside.txt  face ids (CelebC and CelebO in the paper)
        partition/target/summary.json   counts, and the estimated error of the labels
"""

PARTITIONED = f"{STUDY}/partition/target"


rule partition:
    input:
        f"{PARTITIONED}/sides.parquet",


rule partition_target:
    input:
        faces=f"{STUDY}/acquire/target/faces.parquet",
        aligned=f"{STUDY}/align/target/faces.parquet",
        labels=f"{STUDY}/annotate/target/labels.parquet",
        proposals=(
            f"{STUDY}/classify/proposals.parquet"
            if config["datasets"]["target"]["labels"] == "people"
            else []
        ),
        code=code_of("partition_target.py"),
    output:
        sides=f"{PARTITIONED}/sides.parquet",
        csv=f"{PARTITIONED}/sides.csv",
        inside=f"{PARTITIONED}/inside.txt",
        outside=f"{PARTITIONED}/outside.txt",
        summary=f"{PARTITIONED}/summary.json",
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
        by_person=config["partition"]["by_person"],
        threshold=config["partition"]["threshold"],
        contentious=config["partition"]["contentious"],
        confidence=config["report"]["confidence"],
    script:
        "../scripts/partition_target.py"
