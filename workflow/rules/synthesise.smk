"""
Stage 6, synthesise: StarGAN trained on one side of the boundary, tried on faces of both.

Reads   partition/target/sides.parquet, acquire/target/faces.parquet, align/target/faces.parquet
        align/target/centre/shard-<k>.npy         the crop that StarGAN trains on
        measure/scores.parquet                    for the page to browse
Writes  synthesise/roles.parquet                  table ROLES: who trains, who is measured
        synthesise/seed-<n>/generator.safetensors
        synthesise/seed-<n>/checkpoints/step-<k>.*    generators and sheets on the way
        synthesise/seed-<n>/tensorboard/              the losses' curves
        synthesise/seed-<n>/translations.npy      uint8 (n, s, s, 3), rows as in the table
        synthesise/seed-<n>/translations.parquet  table TRANSLATIONS
        synthesise/seed-<n>/sheet.png             some of them, to look at
        synthesise/sheets.html                    translations to browse, face by face
"""

CENTRE_CROPS = crop_shards("target", "centre")
TRANSLATIONS = expand(
    "<results>/synthesise/seed-{seed}/translations.parquet", seed=SEEDS
)
ARRAYS = expand("<results>/synthesise/seed-{seed}/translations.npy", seed=SEEDS)
SHEETS = expand("<results>/synthesise/seed-{seed}/sheet.png", seed=SEEDS)


rule synthesise:
    input:
        TRANSLATIONS,
        SHEETS,
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


rule train_stargan:
    input:
        roles="<results>/synthesise/roles.parquet",
        faces="<results>/acquire/target/faces.parquet",
        crops=CENTRE_CROPS,
    output:
        generator="<results>/synthesise/seed-{seed}/generator.safetensors",
    log:
        "<logs>/synthesise/train_stargan-{seed}.log",
    benchmark:
        "<benchmarks>/synthesise/train_stargan-{seed}.tsv"
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
    script:
        "../scripts/train_stargan.py"


rule translate_faces:
    input:
        generators=expand(
            "<results>/synthesise/seed-{seed}/generator.safetensors", seed=SEEDS
        ),
        roles="<results>/synthesise/roles.parquet",
        faces="<results>/acquire/target/faces.parquet",
        crops=CENTRE_CROPS,
    output:
        arrays=ARRAYS,
        translations=TRANSLATIONS,
        sheets=SHEETS,
    log:
        "<logs>/synthesise/translate_faces.log",
    benchmark:
        "<benchmarks>/synthesise/translate_faces.tsv"
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
        arrays=ARRAYS,
        translations=TRANSLATIONS,
        scores="<results>/measure/scores.parquet",
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
