"""
Stage 6, synthesise: StarGAN trained on one side of the boundary, tried on faces of both.

Reads   partition/target/sides.parquet, acquire/target/faces.parquet, align/target/faces.parquet
        align/target/centre/shard-<k>.npy         the crop that StarGAN trains on
Writes  synthesise/faces.parquet                  table CAST: who trains, who is translated
        synthesise/attribute_classifier.safetensors  sees the attributes, trained on real faces
        synthesise/seed-<n>/generator.safetensors, losses.csv
        synthesise/seed-<n>/checkpoints/step-<k>.*    generators and sheets on the way
        logs/synthesise/tensorboard/seed-<n>          the losses' curves
        synthesise/seed-<n>/translations.npy      uint8 (n, s, s, 3), rows as in the table
        synthesise/seed-<n>/translations.parquet  table TRANSLATIONS
        synthesise/seed-<n>/sheet.png             some of them, to look at
        synthesise/realism.parquet                table REALISM: measures of both domains
        synthesise/gaps.parquet                   table REALISM_GAPS: between the domains, and null
        synthesise/scores.parquet                 table SCORES: of every translation
        synthesise/sheets.html                    translations to leaf through, face by face
"""

SYNTHESISED = f"{STUDY}/synthesise"
SEEDED = f"{SYNTHESISED}/seed-{{seed}}"
TARGET_FACES = f"{STUDY}/acquire/target/faces.parquet"
TARGET_ALIGNED = f"{STUDY}/align/target/faces.parquet"
INCEPTION = [  # the FID's network, where its weights are there
    path
    for path in (
        f"{ASSETS}/pt_inception-2015-12-05-6726825d.pth",
        f"{config['data_root']}/pt_inception-2015-12-05-6726825d.pth",
    )
    if Path(path).exists()
][:1]


rule synthesise:
    input:
        f"{SYNTHESISED}/realism.parquet",
        f"{SYNTHESISED}/sheets.html",
        expand(f"{SEEDED}/sheet.png", seed=SEEDS),


rule cast_faces:
    input:
        sides=f"{STUDY}/partition/target/sides.parquet",
        faces=TARGET_FACES,
        aligned=TARGET_ALIGNED,
    output:
        cast=f"{SYNTHESISED}/faces.parquet",
    log:
        f"{STUDY}/logs/synthesise/cast_faces.log",
    benchmark:
        f"{STUDY}/benchmarks/synthesise/cast_faces.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("cast_faces.py"),
        attributes=config["synthesise"]["attributes"],
        control=config["synthesise"]["control"],
        held_out=config["synthesise"]["held_out"],
        translated=config["synthesise"]["translated"],
        seed=config["seed"],
    script:
        "../scripts/cast_faces.py"


rule train_stargan:
    input:
        cast=f"{SYNTHESISED}/faces.parquet",
        faces=TARGET_FACES,
        crops=crop_shards("target", "centre"),
    output:
        generator=f"{SEEDED}/generator.safetensors",
        losses=f"{SEEDED}/losses.csv",
    log:
        f"{STUDY}/logs/synthesise/train_stargan-{{seed}}.log",
    benchmark:
        f"{STUDY}/benchmarks/synthesise/train_stargan-{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: config["synthesise"]["threads"]
    resources:
        mem_mb=8000,
        runtime=2880,
        save_seconds=config["synthesise"]["save_seconds"],
    params:
        *code_of("train_stargan.py"),
        attributes=config["synthesise"]["attributes"],
        generator=config["synthesise"]["generator"],
        critic=config["synthesise"]["critic"],
        weights=config["synthesise"]["weights"],
        iterations=config["synthesise"]["iterations"],
        critic_steps=config["synthesise"]["critic_steps"],
        batch=config["synthesise"]["batch"],
        rate=config["synthesise"]["rate"],
        betas=config["synthesise"]["betas"],
        decay=config["synthesise"]["decay"],
        save_steps=config["synthesise"]["save_steps"],
        gpu=config["synthesise"]["gpu"],
        exclusive=config["synthesise"]["exclusive"],
        tensorboard=f"{STUDY}/logs/synthesise/tensorboard",
    script:
        "../scripts/train_stargan.py"


rule translate_faces:
    input:
        generator=f"{SEEDED}/generator.safetensors",
        cast=f"{SYNTHESISED}/faces.parquet",
        faces=TARGET_FACES,
        crops=crop_shards("target", "centre"),
    output:
        images=f"{SEEDED}/translations.npy",
        table=f"{SEEDED}/translations.parquet",
        sheet=f"{SEEDED}/sheet.png",
    log:
        f"{STUDY}/logs/synthesise/translate_faces-{{seed}}.log",
    benchmark:
        f"{STUDY}/benchmarks/synthesise/translate_faces-{{seed}}.tsv"
    conda:
        ENVIRONMENT
    threads: config["synthesise"]["threads"]
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        *code_of("translate_faces.py"),
        attributes=config["synthesise"]["attributes"],
        exclusive=config["synthesise"]["exclusive"],
        sides=config["sides"],
        seed=config["seed"],
    script:
        "../scripts/translate_faces.py"


rule train_attribute_classifier:
    input:
        cast=f"{SYNTHESISED}/faces.parquet",
        faces=TARGET_FACES,
        aligned=TARGET_ALIGNED,
        crops=crop_shards("target", "centre"),
    output:
        classifier=f"{SYNTHESISED}/attribute_classifier.safetensors",
    log:
        f"{STUDY}/logs/synthesise/train_attribute_classifier.log",
    benchmark:
        f"{STUDY}/benchmarks/synthesise/train_attribute_classifier.tsv"
    conda:
        ENVIRONMENT
    threads: config["synthesise"]["threads"]
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        *code_of("train_attribute_classifier.py"),
        attributes=config["synthesise"]["attributes"],
        classifier=config["synthesise"]["classifier"],
        seed=config["seed"],
    script:
        "../scripts/train_attribute_classifier.py"


rule measure_realism:
    input:
        images=expand(f"{SEEDED}/translations.npy", seed=SEEDS),
        tables=expand(f"{SEEDED}/translations.parquet", seed=SEEDS),
        classifier=f"{SYNTHESISED}/attribute_classifier.safetensors",
        faces=TARGET_FACES,
        inception=INCEPTION,
    output:
        realism=f"{SYNTHESISED}/realism.parquet",
        gaps=f"{SYNTHESISED}/gaps.parquet",
        scores=f"{SYNTHESISED}/scores.parquet",
    log:
        f"{STUDY}/logs/synthesise/measure_realism.log",
    benchmark:
        f"{STUDY}/benchmarks/synthesise/measure_realism.tsv"
    conda:
        ENVIRONMENT
    threads: config["synthesise"]["threads"]
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        *code_of("measure_realism.py"),
        seeds=SEEDS,
        confidence=config["report"]["confidence"],
        seed=config["seed"],
    script:
        "../scripts/measure_realism.py"


rule browse_sheets:
    input:
        images=expand(f"{SEEDED}/translations.npy", seed=SEEDS),
        tables=expand(f"{SEEDED}/translations.parquet", seed=SEEDS),
        scores=f"{SYNTHESISED}/scores.parquet",
        template=relpath(SCRIPTS / "facegap/synthesise/sheets.html.j2"),
    output:
        page=report(
            f"{SYNTHESISED}/sheets.html",
            caption="../report/sheets.rst",
            category="Report",
        ),
    log:
        f"{STUDY}/logs/synthesise/browse_sheets.log",
    benchmark:
        f"{STUDY}/benchmarks/synthesise/browse_sheets.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        *code_of("browse_sheets.py"),
        seeds=SEEDS,
        attributes=config["synthesise"]["attributes"],
        sides=config["sides"],
    script:
        "../scripts/browse_sheets.py"
