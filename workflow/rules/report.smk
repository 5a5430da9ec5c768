"""
Stage 8, report: every table and figure beside the published one.

Reads   the tables of all stages, config/published.yaml
Writes  report/tables/table<1-5>.csv      row, column, ours, low, high, published, difference
        report/gap.json                   the fall across the boundary, and the verdict on it
        report/rejected.csv               share of each group that alignment set aside
        report/models/*.csv               measures, groups, comparisons, calibration and transfer
                                          of the classifiers
        report/figures/figure<1-4>.*      PNG and SVG; also tables, gap and realism as plots
        report/index.html                 all of it on one page
        ro-crate-metadata.json            how it came to be; settings.yaml, the whole configuration
"""


rule report:
    input:
        f"{STUDY}/report/index.html",
        f"{STUDY}/synthesise/sheets.html",
        TABLES,
        expand(
            f"{STUDY}/report/figures/{{name}}.{{format}}", name=FIGURES, format=FORMATS
        ),


rule tabulate_results:
    input:
        runs=f"{STUDY}/classify/runs.parquet",
        kept=f"{STUDY}/classify/kept.json",
        table5=f"{STUDY}/judge/table5.csv",
        published=PUBLISHED,
    output:
        report(TABLES, caption="../report/tables.rst", category="Tables"),
    log:
        f"{STUDY}/logs/report/tabulate_results.log",
    benchmark:
        f"{STUDY}/benchmarks/report/tabulate_results.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        *code_of("tabulate_results.py"),
        confidence=config["report"]["confidence"],
    script:
        "../scripts/tabulate_results.py"


rule measure_gap:
    input:
        runs=f"{STUDY}/classify/runs.parquet",
        predictions=f"{STUDY}/classify/predictions.parquet",
        source=f"{STUDY}/acquire/source/faces.parquet",
        target=f"{STUDY}/acquire/target/faces.parquet",
    output:
        f"{STUDY}/report/gap.json",
    log:
        f"{STUDY}/logs/report/measure_gap.log",
    benchmark:
        f"{STUDY}/benchmarks/report/measure_gap.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        *code_of("measure_gap.py"),
        planted=config["acquire"]["drawn"]["gap"] if ALL_DRAWN else None,
        confidence=config["report"]["confidence"],
        seed=config["seed"],
    script:
        "../scripts/measure_gap.py"


rule measure_models:
    input:
        runs=f"{STUDY}/classify/runs.parquet",
        predictions=f"{STUDY}/classify/predictions.parquet",
        kept=f"{STUDY}/classify/kept.json",
        faces=expand(f"{STUDY}/acquire/{{dataset}}/faces.parquet", dataset=DATASETS),
    output:
        **MODELS,
    log:
        f"{STUDY}/logs/report/measure_models.log",
    benchmark:
        f"{STUDY}/benchmarks/report/measure_models.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        *code_of("measure_models.py"),
        datasets=DATASETS,
        age_bands=config["report"]["age_bands"],
        confidence=config["report"]["confidence"],
        seed=config["seed"],
    script:
        "../scripts/measure_models.py"


rule draw_models:
    input:
        groups=MODELS["groups"],
        calibration=MODELS["calibration"],
        transfer=MODELS["transfer"],
        saliency=f"{STUDY}/classify/saliency.npz",
    output:
        png=report(
            expand(f"{STUDY}/report/figures/{{name}}.png", name=MODEL_FIGURES),
            caption="../report/models.rst",
            category="Figures",
        ),
        svg=expand(f"{STUDY}/report/figures/{{name}}.svg", name=MODEL_FIGURES),
    log:
        f"{STUDY}/logs/report/draw_models.log",
    benchmark:
        f"{STUDY}/benchmarks/report/draw_models.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        *code_of("draw_models.py"),
        sides=config["sides"],
    script:
        "../scripts/draw_models.py"


rule draw_samples:
    input:
        source=crop_shards("source", "none"),
        target=crop_shards("target", "none"),
        source_faces=f"{STUDY}/align/source/faces.parquet",
        target_faces=f"{STUDY}/align/target/faces.parquet",
    output:
        figure("figure1", "figure1"),
    log:
        f"{STUDY}/logs/report/draw_samples.log",
    benchmark:
        f"{STUDY}/benchmarks/report/draw_samples.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("draw_samples.py"),
        names=NAMES,
        seed=config["seed"],
    script:
        "../scripts/draw_samples.py"


rule draw_augmentations:
    input:
        samples=f"{STUDY}/classify/samples.npz",
    output:
        figure("figure2", "figure2"),
    log:
        f"{STUDY}/logs/report/draw_augmentations.log",
    benchmark:
        f"{STUDY}/benchmarks/report/draw_augmentations.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        *code_of("draw_augmentations.py"),
    script:
        "../scripts/draw_augmentations.py"


rule measure_rejected:
    input:
        faces=expand(f"{STUDY}/acquire/{{dataset}}/faces.parquet", dataset=DATASETS),
        rejected=expand(f"{STUDY}/align/{{dataset}}/rejected.csv", dataset=DATASETS),
        labels=expand(f"{STUDY}/annotate/{{dataset}}/labels.parquet", dataset=DATASETS),
    output:
        f"{STUDY}/report/rejected.csv",
    log:
        f"{STUDY}/logs/report/measure_rejected.log",
    benchmark:
        f"{STUDY}/benchmarks/report/measure_rejected.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        *code_of("measure_rejected.py"),
        datasets=DATASETS,
        names=config["sides"],
        age_bands=config["report"]["age_bands"],
        confidence=config["report"]["confidence"],
        seed=config["seed"],
    script:
        "../scripts/measure_rejected.py"


rule draw_rejected:
    input:
        shares=f"{STUDY}/report/rejected.csv",
    output:
        figure("rejected", "rejected"),
    log:
        f"{STUDY}/logs/report/draw_rejected.log",
    benchmark:
        f"{STUDY}/benchmarks/report/draw_rejected.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        *code_of("draw_rejected.py"),
        names=NAMES,
    script:
        "../scripts/draw_rejected.py"


rule draw_set_aside:
    input:
        rejected=expand(f"{STUDY}/align/{{dataset}}/rejected.csv", dataset=DATASETS),
        thumbnails=expand(f"{STUDY}/align/{{dataset}}/rejected.npy", dataset=DATASETS),
    output:
        figure("set_aside", "set_aside"),
    log:
        f"{STUDY}/logs/report/draw_set_aside.log",
    benchmark:
        f"{STUDY}/benchmarks/report/draw_set_aside.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        *code_of("draw_set_aside.py"),
        datasets=DATASETS,
        names=NAMES,
        seed=config["seed"],
    script:
        "../scripts/draw_set_aside.py"


rule draw_contentious:
    input:
        labels=f"{STUDY}/annotate/target/labels.parquet",
        sides=f"{STUDY}/partition/target/sides.parquet",
        crops=crop_shards("target", "none"),
        faces=f"{STUDY}/align/target/faces.parquet",
    output:
        figure("figure3", "figure3"),
    log:
        f"{STUDY}/logs/report/draw_contentious.log",
    benchmark:
        f"{STUDY}/benchmarks/report/draw_contentious.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("draw_contentious.py"),
        sides=config["sides"],
    script:
        "../scripts/draw_contentious.py"


rule draw_translations:
    input:
        arrays=f"{STUDY}/synthesise/seed-{SEEDS[0]}/translations.npy",
        table=f"{STUDY}/synthesise/seed-{SEEDS[0]}/translations.parquet",
        scores=f"{STUDY}/synthesise/scores.parquet",
    output:
        figure("figure4", "figure4"),
    log:
        f"{STUDY}/logs/report/draw_translations.log",
    benchmark:
        f"{STUDY}/benchmarks/report/draw_translations.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("draw_translations.py"),
        sides=config["sides"],
        seed=SEEDS[0],
    script:
        "../scripts/draw_translations.py"


rule draw_tables:
    input:
        tables=TABLES,
    output:
        png=report(
            expand(f"{STUDY}/report/figures/{{name}}.png", name=TABLE_FIGURES),
            caption="../report/tables.rst",
            category="Figures",
        ),
        svg=expand(f"{STUDY}/report/figures/{{name}}.svg", name=TABLE_FIGURES),
    log:
        f"{STUDY}/logs/report/draw_tables.log",
    benchmark:
        f"{STUDY}/benchmarks/report/draw_tables.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        *code_of("draw_tables.py"),
        simulated=[] if PEOPLES_ANSWERS else ["table5"],
    script:
        "../scripts/draw_tables.py"


rule draw_gap:
    input:
        gap=f"{STUDY}/report/gap.json",
    output:
        figure("gap", "gap"),
    log:
        f"{STUDY}/logs/report/draw_gap.log",
    benchmark:
        f"{STUDY}/benchmarks/report/draw_gap.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        *code_of("draw_gap.py"),
    script:
        "../scripts/draw_gap.py"


rule draw_realism:
    input:
        gaps=f"{STUDY}/synthesise/gaps.parquet",
        realism=f"{STUDY}/synthesise/realism.parquet",
    output:
        figure("realism", "realism"),
    log:
        f"{STUDY}/logs/report/draw_realism.log",
    benchmark:
        f"{STUDY}/benchmarks/report/draw_realism.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        *code_of("draw_realism.py"),
    script:
        "../scripts/draw_realism.py"


rule record_provenance:
    input:
        results=[
            *expand(f"{STUDY}/acquire/{{dataset}}/faces.parquet", dataset=DATASETS),
            *expand(f"{STUDY}/align/{{dataset}}/faces.parquet", dataset=DATASETS),
            *expand(f"{STUDY}/annotate/{{dataset}}/labels.parquet", dataset=DATASETS),
            f"{STUDY}/classify/runs.parquet",
            f"{STUDY}/classify/predictions.parquet",
            f"{STUDY}/partition/target/sides.parquet",
            *expand(
                f"{STUDY}/synthesise/seed-{{seed}}/generator.safetensors", seed=SEEDS
            ),
            f"{STUDY}/synthesise/realism.parquet",
            f"{STUDY}/judge/table5.csv",
            f"{STUDY}/judge/model.json",
            f"{STUDY}/report/gap.json",
            *TABLES,
            *expand(f"{STUDY}/report/figures/{{name}}.png", name=FIGURES),
        ],
        data=given_data(),
    output:
        record=f"{STUDY}/ro-crate-metadata.json",
        settings=f"{STUDY}/settings.yaml",
    log:
        f"{STUDY}/logs/report/record_provenance.log",
    benchmark:
        f"{STUDY}/benchmarks/report/record_provenance.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        *code_of("record_provenance.py"),
        config=config,
        digests=digests_of(*given_data()),
        made_by=logs_of_results,
        assets=fetched_data(),
        logs=f"{STUDY}/logs",
    script:
        "../scripts/record_provenance.py"


rule write_report:
    input:
        provenance=f"{STUDY}/ro-crate-metadata.json",
        published=PUBLISHED,
        template=relpath(SCRIPTS / "facegap/report/page.html.j2"),
        tables=TABLES,
        gap=f"{STUDY}/report/gap.json",
        figures=expand(f"{STUDY}/report/figures/{{name}}.png", name=FIGURES),
        faces=expand(f"{STUDY}/acquire/{{dataset}}/faces.parquet", dataset=DATASETS),
        aligned=expand(f"{STUDY}/align/{{dataset}}/faces.parquet", dataset=DATASETS),
        unread=expand(f"{STUDY}/acquire/{{dataset}}/rejected.csv", dataset=DATASETS),
        unaligned=expand(f"{STUDY}/align/{{dataset}}/rejected.csv", dataset=DATASETS),
        rejected=f"{STUDY}/report/rejected.csv",
        labels=expand(f"{STUDY}/annotate/{{dataset}}/labels.parquet", dataset=DATASETS),
        kept=f"{STUDY}/classify/kept.json",
        measures=MODELS["measures"],
        comparisons=MODELS["comparisons"],
        agreement=[f"{STUDY}/annotate/target/agreement.json"] if BY_PEOPLE else [],
        partition=f"{STUDY}/partition/target/summary.json",
        calibration=(
            [f"{STUDY}/partition/target/calibration.json"] if BY_PEOPLE else []
        ),
        judge=f"{STUDY}/judge/model.json",
        realism=f"{STUDY}/synthesise/realism.parquet",
        realism_gaps=f"{STUDY}/synthesise/gaps.parquet",
    output:
        report(
            f"{STUDY}/report/index.html",
            caption="../report/page.rst",
            category="Report",
        ),
    log:
        f"{STUDY}/logs/report/write_report.log",
    benchmark:
        f"{STUDY}/benchmarks/report/write_report.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        *code_of("write_report.py"),
        config=config,  # the page prints all of it
        datasets=DATASETS,
        benchmarks=f"{STUDY}/benchmarks",
    script:
        "../scripts/write_report.py"
