"""
Stage 6, synthesise: StarGAN trained on one side of the boundary, tried on faces of both; and, in
arms beside it, trained on the other side, or on both.

Reads   partition/target/sides.parquet, acquire/target/faces.parquet, align/target/faces.parquet
        align/target/centre/shard-<k>.npy         the crop that StarGAN trains on
        measure/inside/scores.parquet             for the page to browse
Writes  synthesise/roles.parquet                  table ROLES: who trains, who is measured
        synthesise/changes.parquet                table TRANSLATIONS: what an editor is asked for
        synthesise/sheets.html                    translations to browse, face by face
        below synthesise/<arm>/seed-<n>/
        generator.safetensors
        checkpoints/step-<k>.*                    generators and sheets on the way
        tensorboard/                              the losses' curves
        translations.npy                          uint8 (n, s, s, 3), rows as in the table
        translations.parquet                      table TRANSLATIONS
        sheet.png                                 some of them, to look at
"""

CENTRE_CROPS = crop_shards("target", "centre")
TRANSLATED = [f"<results>/synthesise/{{arm}}/seed-{seed}" for seed in SEEDS]
TRANSLATIONS = [f"{folder}/translations.parquet" for folder in TRANSLATED]
ARRAYS = [f"{folder}/translations.npy" for folder in TRANSLATED]
SHEETS = [f"{folder}/sheet.png" for folder in TRANSLATED]


rule synthesise:
    input:
        expand(TRANSLATIONS + SHEETS, arm=STARGAN_ARMS),
        "<results>/synthesise/sheets.html",


rule assign_roles:
    input:
        sides="<results>/partition/target/sides.parquet",
        faces="<results>/acquire/target/faces.parquet",
        aligned="<results>/align/target/faces.parquet",
    output:
        roles="<results>/synthesise/roles.parquet",
    log:
        "<logs>/synthesise/assign_roles.log",
    benchmark:
        "<benchmarks>/synthesise/assign_roles.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=10,
    params:
        *code_of("synthesise.roles"),
        attributes=config["synthesise"]["attributes"],
        settings=config["synthesise"]["roles"],
        seed=study.seed,
    script:
        "../scripts/assign_roles.py"


rule plan_changes:
    input:
        roles="<results>/synthesise/roles.parquet",
        faces="<results>/acquire/target/faces.parquet",
    output:
        changes="<results>/synthesise/changes.parquet",
    log:
        "<logs>/synthesise/plan_changes.log",
    benchmark:
        "<benchmarks>/synthesise/plan_changes.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=10,
    params:
        *code_of("synthesise.translation"),
        attributes=config["synthesise"]["attributes"],
        seed=study.seed,
    script:
        "../scripts/plan_changes.py"


rule train_stargan:
    input:
        roles="<results>/synthesise/roles.parquet",
        faces="<results>/acquire/target/faces.parquet",
        crops=CENTRE_CROPS,
    output:
        generator="<results>/synthesise/{arm}/seed-{seed}/generator.safetensors",
    log:
        "<logs>/synthesise/train_stargan-{arm}-{seed}.log",
    benchmark:
        "<benchmarks>/synthesise/train_stargan-{arm}-{seed}.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.synthesise_threads
    resources:
        mem_mb=doubling(8000),
        runtime=2880,
    params:
        *code_of("synthesise.training"),
        attributes=config["synthesise"]["attributes"],
        settings=config["synthesise"]["training"],
        share=lookup("{arm}", within=STARGAN_ARMS),
    script:
        "../scripts/train_stargan.py"


rule translate_faces:
    input:
        generators=[f"{folder}/generator.safetensors" for folder in TRANSLATED],
        roles="<results>/synthesise/roles.parquet",
        faces="<results>/acquire/target/faces.parquet",
        crops=CENTRE_CROPS,
    output:
        arrays=ARRAYS,
        translations=TRANSLATIONS,
        sheets=SHEETS,
    log:
        "<logs>/synthesise/translate_faces-{arm}.log",
    benchmark:
        "<benchmarks>/synthesise/translate_faces-{arm}.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.synthesise_threads
    resources:
        mem_mb=doubling(4000),
        runtime=240,
    params:
        *code_of("synthesise.translation"),
        attributes=config["synthesise"]["attributes"],
        sides=SIDES,
        seed=study.seed,
    script:
        "../scripts/translate_faces.py"


rule browse_sheets:
    input:
        arrays=expand(ARRAYS, arm="inside"),
        translations=expand(TRANSLATIONS, arm="inside"),
        scores="<results>/measure/inside/scores.parquet",
    output:
        page=report(
            "<results>/synthesise/sheets.html",
            caption="../report/sheets.rst",
            category="Report",
        ),
    log:
        "<logs>/synthesise/browse_sheets.log",
    benchmark:
        "<benchmarks>/synthesise/browse_sheets.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=20,
    params:
        *code_of("synthesise.browse"),
        seeds=SEEDS,
        attributes=study.synthesise.attributes.names,
        sides=SIDES,
    script:
        "../scripts/browse_sheets.py"
