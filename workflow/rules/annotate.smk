"""
Stage 3, annotate: on which side of the boundary a face lies, from the data set or from people.

Reads   acquire/<dataset>/faces.parquet, and the annotators' files below data_root
Writes  annotate/<dataset>/labels.parquet    table: face_id, side, provenance, annotators, simulated
        annotate/<dataset>/agreement.json    how far people agree; only where people label
        annotate/<dataset>/answers-<name>.csv  answers of a simulated annotator
"""


rule annotate:
    input:
        expand(f"{STUDY}/annotate/{{dataset}}/labels.parquet", dataset=DATASETS),
        expand(f"{STUDY}/annotate/{{dataset}}/agreement.json", dataset=PEOPLE),


rule label_own:
    input:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
    output:
        labels=f"{STUDY}/annotate/{{dataset}}/labels.parquet",
    log:
        f"{STUDY}/logs/annotate/label_own-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/annotate/label_own-{{dataset}}.tsv"
    wildcard_constraints:
        dataset=any_of(OWN),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("label_own.py"),
        own_label=own_label_of,
    script:
        "../scripts/label_own.py"


rule simulate_annotators:
    input:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
    output:
        answers=f"{STUDY}/annotate/{{dataset}}/answers-{{annotator}}.csv",
    log:
        f"{STUDY}/logs/annotate/simulate_annotators-{{dataset}}-{{annotator}}.log",
    benchmark:
        f"{STUDY}/benchmarks/annotate/simulate_annotators-{{dataset}}-{{annotator}}.tsv"
    wildcard_constraints:
        annotator=any_of(SIMULATED),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("simulate_annotators.py"),
        own_label=own_label_of,
        error=error_of,
        tentative=config["annotate"]["tentative"],
        repeated=config["annotate"]["repeated"],
        seed=config["seed"],
    script:
        "../scripts/simulate_annotators.py"


rule merge_annotators:
    input:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        answers=ANSWERS,
        adjudication=ADJUDICATION,
    output:
        labels=f"{STUDY}/annotate/{{dataset}}/labels.parquet",
    log:
        f"{STUDY}/logs/annotate/merge_annotators-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/annotate/merge_annotators-{{dataset}}.tsv"
    wildcard_constraints:
        dataset=any_of(PEOPLE),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("merge_annotators.py"),
        digests=digests_of(*GIVEN["merge_annotators"]),
        annotators=list(ANNOTATORS),
        formats=formats_of(ANNOTATORS),
        simulated=bool(SIMULATED),
    script:
        "../scripts/merge_annotators.py"


rule measure_agreement:
    input:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        answers=ANSWERS,
        labels=f"{STUDY}/annotate/{{dataset}}/labels.parquet",
    output:
        agreement=f"{STUDY}/annotate/{{dataset}}/agreement.json",
    log:
        f"{STUDY}/logs/annotate/measure_agreement-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/annotate/measure_agreement-{{dataset}}.tsv"
    wildcard_constraints:
        dataset=any_of(PEOPLE),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("measure_agreement.py"),
        annotators=list(ANNOTATORS),
        formats=formats_of(ANNOTATORS),
        errors={name: ANNOTATORS[name]["error"] for name in SIMULATED},
        seed=config["seed"],
        confidence=config["report"]["confidence"],
    script:
        "../scripts/measure_agreement.py"
