"""
Stage 3, annotate: on which side of the boundary a face lies, from the data set or from people.

Reads   acquire/<dataset>/faces.parquet, and the annotators' files below data_root
Writes  annotate/<dataset>/labels.parquet    table LABELS
        annotate/<dataset>/answers-<name>.csv  table ANSWERS of a simulated annotator
    and where people label
        annotate/<dataset>/agreement.json    counts of answers, and confusion tables
        annotate/<dataset>/estimates.parquet  table ESTIMATES: how far people agree
"""

from facegap.answer_files import answer_files

FILES_OF_ANSWERS = answer_files(study)
ANSWERS, ADJUDICATION = FILES_OF_ANSWERS.answers, FILES_OF_ANSWERS.adjudication
VERIFIED, MISSING_ANSWERS = FILES_OF_ANSWERS.verified, FILES_OF_ANSWERS.missing
PEOPLE = [name for name in DATASETS if study.datasets[name].labels == "people"]
OWN_LABELS = {
    name: own and own.model_dump(mode="json")
    for name in DATASETS
    for own in [study.own_label(name) if study.parts else None]  # an audit has no sides
}
BY_PEOPLE = "target" in PEOPLE
OWN = [name for name in DATASETS if name not in PEOPLE]


rule annotate:
    input:
        expand("<results>/annotate/{dataset}/labels.parquet", dataset=DATASETS),
        expand("<results>/annotate/{dataset}/estimates.parquet", dataset=PEOPLE),


rule label_own:
    input:
        faces="<results>/acquire/{dataset}/faces.parquet",
    output:
        labels="<results>/annotate/{dataset}/labels.parquet",
    log:
        "<logs>/annotate/label_own-{dataset}.log",
    benchmark:
        "<benchmarks>/annotate/label_own-{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(OWN),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=10,
    params:
        *code_of("annotate.own"),
        own_label=lookup("{dataset}", within=OWN_LABELS),
    script:
        "../scripts/label_own.py"


rule simulate_annotator:
    input:
        faces="<results>/acquire/{dataset}/faces.parquet",
    output:
        answers="<results>/annotate/{dataset}/answers-{annotator}.csv",
    log:
        "<logs>/annotate/simulate_annotator-{dataset}-{annotator}.log",
    benchmark:
        "<benchmarks>/annotate/simulate_annotator-{dataset}-{annotator}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=10,
    params:
        *code_of("annotate.simulated"),
        own_label=lookup("{dataset}", within=OWN_LABELS),
        settings=config["annotate"],
        seed=study.seed,
    script:
        "../scripts/simulate_annotator.py"


rule merge_annotators:
    input:
        faces="<results>/acquire/{dataset}/faces.parquet",
        answers=ANSWERS,
        adjudication=ADJUDICATION,
    output:
        labels="<results>/annotate/{dataset}/labels.parquet",
    log:
        "<logs>/annotate/merge_annotators-{dataset}.log",
    benchmark:
        "<benchmarks>/annotate/merge_annotators-{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(PEOPLE),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=10,
    params:
        *code_of("annotate.merge"),
        contents_of(*ANSWERS, *ADJUDICATION),
        settings=config["annotate"],
    script:
        "../scripts/merge_annotators.py"


rule measure_agreement:
    input:
        faces="<results>/acquire/{dataset}/faces.parquet",
        answers=ANSWERS,
        labels="<results>/annotate/{dataset}/labels.parquet",
    output:
        agreement="<results>/annotate/{dataset}/agreement.json",
        estimates="<results>/annotate/{dataset}/estimates.parquet",
    log:
        "<logs>/annotate/measure_agreement-{dataset}.log",
    benchmark:
        "<benchmarks>/annotate/measure_agreement-{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(PEOPLE),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=10,
    params:
        *code_of("annotate.agreement"),
        contents_of(*ANSWERS),
        settings=config["annotate"],
        intervals=INTERVALS,
        study=study.study,
        seed=study.seed,
    script:
        "../scripts/measure_agreement.py"
