"""
Stage 9, report: every table and figure beside the published one; nothing is computed here.

Reads   tables and facts of all stages, config/published.yaml
Writes  report/estimates.csv              table ESTIMATES: every estimate of the study
        report/tables/table<1-5>.csv      table REPORTED: ours, published, difference
        report/figures/<name>.png, .svg   the figures of facegap/report/figures.py
        report/index.html                 all of it on one page
        report/cards/<model>.md           of each audited model, to paste into its card
        ro-crate-metadata.json            how it came to be; settings.yaml, the whole configuration
"""

from facegap.published import compared
from facegap.report.figures import figures_of, words

PUBLISHED = os.path.relpath(SCRIPTS.parent.parent / "config/published.yaml")
FIGURES = figures_of(study)
TABLES = [
    f"<results>/report/tables/table{number}.csv"
    for number in of("classify", 1, 2, 3, 4) + of("judge", 5)
]
PICTURES = [f"<results>/report/figures/{figure.name}.png" for figure in FIGURES]
ANNOTATED = "<results>/annotate/target/estimates.parquet" if BY_PEOPLE else []
REJECTED = expand("<results>/align/{dataset}/rejected.csv", dataset=DATASETS)
FIGURE_INPUTS = {  # the inputs that a figure of the registry may name
    "estimates": "<results>/measure/estimates.parquet",
    "classification": "<results>/measure/classification.parquet",
    "selected": "<results>/classify/selected.json",
    "task_estimates": "<results>/measure/tasks.parquet",
    "learning_curve": "<results>/measure/learning_curve.parquet",
    "realism": "<results>/measure/inside/realism.parquet",
    "multiverse": "<results>/measure/multiverse.parquet",
    "parts": "<results>/measure/parts.parquet",
    "arms": "<results>/measure/arms.parquet",
    "every_realism": expand(
        "<results>/measure/{arm}/realism.parquet", arm=STARGAN_ARMS
    ),
    "rejected_shares": "<results>/measure/rejected.parquet",
    "judge_summary": "<results>/judge/summary.json",
    "table": "<results>/report/tables/<figure>.csv",
    "source_crops": crop_shards("source", "none"),
    "target_crops": crop_shards("target", "none"),
    "source_aligned": "<results>/align/source/faces.parquet",
    "target_aligned": "<results>/align/target/faces.parquet",
    "rejected": REJECTED,
    "thumbnails": expand("<results>/align/{dataset}/rejected.npy", dataset=DATASETS),
    "target_labels": "<results>/annotate/target/labels.parquet",
    "samples": "<results>/classify/samples.npz",
    "saliency": "<results>/classify/saliency.npz",
    "sides": "<results>/partition/target/sides.parquet",
    "arrays": f"<results>/synthesise/inside/seed-{SEEDS[0]}/translations.npy",
    "translations": f"<results>/synthesise/inside/seed-{SEEDS[0]}/translations.parquet",
    "scores": "<results>/measure/inside/scores.parquet",
}
FIGURE_PARAMS = {
    "display": {
        "sides": SIDES,
        "datasets": {
            name: f"{name} ({dataset.kind})" for name, dataset in study.datasets.items()
        },
    },
    "seed": study.seed,
    "seed_of_synthesis": SEEDS[0],
}


rule report:
    input:
        "<results>/report/index.html",
        "<results>/report/estimates.csv",
        of("synthesise", "<results>/synthesise/sheets.html"),
        TABLES,
        PICTURES,
        expand("<results>/report/cards/{audited}.md", audited=BY_GROUP),


rule collect_estimates:
    input:
        estimates=[
            "<results>/measure/estimates.parquet",
            *expand("<results>/annotate/{dataset}/estimates.parquet", dataset=PEOPLE),
            *of("partition", "<results>/partition/target/estimates.parquet"),
            *of("judge", "<results>/judge/estimates.parquet"),
        ],
    output:
        table=report(
            "<results>/report/estimates.csv",
            category="Tables",
            labels={"name": "estimates", "shows": "Every estimate of the study."},
        ),
    log:
        "<logs>/report/collect_estimates.log",
    benchmark:
        "<benchmarks>/report/collect_estimates.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(1000),
        runtime=10,
    params:
        *code_of("report.rows"),
    script:
        "../scripts/collect_estimates.py"


if TABLES:

    rule tabulate_results:
        input:
            measure_estimates="<results>/measure/estimates.parquet",
            judge_estimates=of("judge", "<results>/judge/estimates.parquet"),
            selected=of("classify", "<results>/classify/selected.json"),
            published=PUBLISHED,
        output:
            tables=report(TABLES, caption="../report/tables.rst", category="Tables"),
        log:
            "<logs>/report/tabulate_results.log",
        benchmark:
            "<benchmarks>/report/tabulate_results.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=doubling(1000),
            runtime=10,
        params:
            *code_of("report.tables"),
            settings=config["classify"]["grid"],
            sides=SIDES,
            compared=compared(study) if TABLES else [],
        script:
            "../scripts/tabulate_results.py"


for figure in FIGURES:

    rule:
        name:
            f"plot_{figure.name}"
        input:
            **{name: FIGURE_INPUTS[name] for name in figure.inputs},
        output:
            png=report(
                "<results>/report/figures/<figure>.png",
                category="Figures",
                labels={
                    "name": figure.name,
                    "shows": figure.caption.format(**words(study)),
                },
            ),
            svg="<results>/report/figures/<figure>.svg",
        log:
            "<logs>/report/plot_<figure>.log",
        benchmark:
            "<benchmarks>/report/plot_<figure>.tsv"
        pathvars:
            figure=figure.name,
        conda:
            ENVIRONMENT
        resources:
            mem_mb=doubling(2000),
            runtime=10,
        params:
            *code_of(figure.module),
            figure.plot,
            **{name: FIGURE_PARAMS[name] for name in figure.params},
        script:
            "../scripts/plot_figure.py"


RECORDED = [  # results, by the output of a rule and the values of its wildcards
    *(
        (
            rules.draw_faces if dataset.kind == "drawn" else rules.split_dataset,
            "faces",
            {"dataset": name},
        )
        for name, dataset in study.datasets.items()
    ),
    *((rules.gather_shards, "aligned", {"dataset": name}) for name in DATASETS),
    *((rules.label_own, "labels", {"dataset": name}) for name in OWN),
    *((rules.merge_annotators, "labels", {"dataset": name}) for name in PEOPLE),
    *(
        (getattr(rules, name), output, {})
        for part, name, output in (
            ("classify", "gather_runs", "runs"),
            ("classify", "gather_runs", "predictions"),
            ("partition", "partition_target", "sides"),
            ("judge", "judge_pairs", "estimates"),
            ("judge", "judge_pairs", "summary"),
        )
        if part in study.parts
    ),
    *(
        (rules.train_stargan, "generator", {"arm": arm, "seed": seed})
        for arm in of("synthesise", *STARGAN_ARMS)
        for seed in SEEDS
    ),
    (rules.gather_estimates, "table", {}),
    (rules.collect_estimates, "table", {}),
    *([(rules.tabulate_results, "tables", {})] if TABLES else []),
    *((getattr(rules, f"plot_{figure.name}"), "png", {}) for figure in FIGURES),
]
MADE = {  # each of these files, and the log of its job
    path: expand(job.log, **values)[0]
    for job, output, values in RECORDED
    for path in expand(getattr(job.output, output), **values)
}
READ = [  # files of others that the study reads: the user's, or fetched
    path.replace("<assets>", ASSETS)
    for paths in (
        ["<assets>/face_landmarker.task"],
        *ORIGINALS.values(),
        *TEXTS.values(),
        *(ANSWERS, ADJUDICATION, VERIFIED, OUTPUTS.values()),
        *([filter(None, WEIGHTS.values())] if "classify" in study.parts else []),
        *([INCEPTION] if "synthesise" in study.parts else []),
        *([JUDGEMENTS] if "judge" in study.parts else []),
    )
    for path in paths
]
GIVEN = [
    path
    for path in READ
    if path.startswith(f"{study.data_root}/") and Path(path).exists()
]
FETCHED = [
    path.removeprefix(f"{ASSETS}/") for path in READ if path.startswith(f"{ASSETS}/")
]


rule record_provenance:
    input:
        results=list(MADE),
        data=GIVEN,
    output:
        record="<results>/ro-crate-metadata.json",
        settings_yaml="<results>/settings.yaml",
    log:
        "<logs>/report/record_provenance.log",
    benchmark:
        "<benchmarks>/report/record_provenance.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(1000),
        runtime=10,
    params:
        *code_of("report.provenance"),
        config=config,
        digests=contents_of(*GIVEN),
        assets=FETCHED,
        made_by=list(MADE.values()),
    script:
        "../scripts/record_provenance.py"


rule write_audit_card:
    input:
        measure_estimates="<results>/measure/estimates.parquet",
    output:
        card="<results>/report/cards/{audited}.md",
    log:
        "<logs>/report/write_audit_card-{audited}.log",
    benchmark:
        "<benchmarks>/report/write_audit_card-{audited}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(1000),
        runtime=10,
    params:
        *code_of("report.model_card"),
        config=config,
    script:
        "../scripts/write_audit_card.py"


rule write_report:
    input:
        faces=expand("<results>/acquire/{dataset}/faces.parquet", dataset=DATASETS),
        aligned=expand("<results>/align/{dataset}/faces.parquet", dataset=DATASETS),
        unread=expand("<results>/acquire/{dataset}/rejected.csv", dataset=DATASETS),
        rejected=REJECTED,
        labels=expand("<results>/annotate/{dataset}/labels.parquet", dataset=DATASETS),
        agreement="<results>/annotate/target/agreement.json" if BY_PEOPLE else [],
        selected=of("classify", "<results>/classify/selected.json"),
        partition_summary=of("partition", "<results>/partition/target/summary.json"),
        judge_summary=of("judge", "<results>/judge/summary.json"),
        measure_estimates="<results>/measure/estimates.parquet",
        annotate_estimates=ANNOTATED,
        partition_estimates=of(
            "partition", "<results>/partition/target/estimates.parquet"
        ),
        judge_estimates=of("judge", "<results>/judge/estimates.parquet"),
        provenance="<results>/ro-crate-metadata.json",
        published=PUBLISHED,
        tables=TABLES,
        figures=PICTURES,
    output:
        page=report(
            "<results>/report/index.html",
            caption="../report/page.rst",
            category="Report",
        ),
    log:
        "<logs>/report/write_report.log",
    benchmark:
        "<benchmarks>/report/write_report.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(1000),
        runtime=10,
    params:
        *code_of("report.page"),
        config=config,  # the page prints all of it
    script:
        "../scripts/write_report.py"
