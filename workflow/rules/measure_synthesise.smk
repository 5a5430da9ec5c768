"""
Stage 7, measure, of the part synthesise: the translations, in numbers with intervals.

Reads   synthesise/roles.parquet, <arm>/seed-<n>/translations.*; align/target/centre/shard-<k>.npy
        acquire/target/faces.parquet, partition/target/sides.parquet, estimates.parquet
        Inception's weights, for the FID, where they are in the data root or among the assets
        the folders or zips of audited editors, below data_root (docs/audit.md)
Writes  measure/roles.parquet                 table ESTIMATES: of who trains and who is measured
        measure/attribute_classifier.safetensors  judges translations; trained on real faces
        measure/<arm>/realism.parquet         table ESTIMATES: of the translations of an arm
        measure/<arm>/scores.parquet          table SCORES: of every translation
        measure/<arm>/values.npz              what each face gives to each measure
        measure/arms.parquet                  table ESTIMATES: of the arms beside each other
        below measure/<editor>/
        translations.npy, .parquet            what the user's editor made, as the synthesis's own
        outputs.parquet                       table ESTIMATES: of the changes that it lacks
        realism.parquet, scores.parquet       as of an arm
"""

INCEPTION = [  # the FID's network, where there are weights of it
    path
    for path in (
        f"{ASSETS}/pt_inception-2015-12-05-6726825d.pth",
        f"{study.data_root}/pt_inception-2015-12-05-6726825d.pth",
    )
    if Path(path).exists()
][:1]
MEASURED += [
    "<results>/measure/roles.parquet",
    *expand("<results>/measure/{arm}/realism.parquet", arm=[*STARGAN_ARMS, *EDITORS]),
    *expand("<results>/measure/{arm}/outputs.parquet", arm=EDITORS),
    *(["<results>/measure/arms.parquet"] if len(STARGAN_ARMS) > 1 else []),
]


rule take_translations:
    input:
        outputs=lookup("{audited}", within=OUTPUTS),
        changes="<results>/synthesise/changes.parquet",
        roles="<results>/synthesise/roles.parquet",
        crops=CENTRE_CROPS,
    output:
        array="<results>/measure/{audited}/translations.npy",
        translations="<results>/measure/{audited}/translations.parquet",
        estimates="<results>/measure/{audited}/outputs.parquet",
    log:
        "<logs>/measure/take_translations-{audited}.log",
    benchmark:
        "<benchmarks>/measure/take_translations-{audited}.tsv"
    wildcard_constraints:
        audited=any_of(EDITORS),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=60,
    params:
        *code_of("measure.editors"),
        contents_of(lookup("{audited}", within=OUTPUTS)),
        study=study.study,
        seed=study.seed,
    script:
        "../scripts/take_translations.py"


rule train_attribute_classifier:
    input:
        roles="<results>/synthesise/roles.parquet",
        sides="<results>/partition/target/sides.parquet",
        faces="<results>/acquire/target/faces.parquet",
        aligned="<results>/align/target/faces.parquet",
        crops=CENTRE_CROPS,
    output:
        classifier="<results>/measure/attribute_classifier.safetensors",
    log:
        "<logs>/measure/train_attribute_classifier.log",
    benchmark:
        "<benchmarks>/measure/train_attribute_classifier.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.synthesise_threads
    resources:
        mem_mb=doubling(4000),
        runtime=240,
    params:
        *code_of("measure.recogniser"),
        attributes=config["synthesise"]["attributes"],
        settings=config["measure"]["attribute_classifier"],
        seed=study.seed,
    script:
        "../scripts/train_attribute_classifier.py"


rule measure_roles:
    input:
        roles="<results>/synthesise/roles.parquet",
        sides="<results>/partition/target/sides.parquet",
        faces="<results>/acquire/target/faces.parquet",
        partition_estimates="<results>/partition/target/estimates.parquet",
    output:
        estimates="<results>/measure/roles.parquet",
    log:
        "<logs>/measure/measure_roles.log",
    benchmark:
        "<benchmarks>/measure/measure_roles.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=10,
    params:
        *code_of("measure.roles"),
        attributes=config["synthesise"]["attributes"],
        own_label=OWN_LABELS["target"],
        intervals=INTERVALS,
        study=study.study,
    script:
        "../scripts/measure_roles.py"


rule measure_realism:
    input:
        arrays=made_by("translations.npy"),
        translations=made_by("translations.parquet"),
        classifier="<results>/measure/attribute_classifier.safetensors",
        roles="<results>/synthesise/roles.parquet",
        faces="<results>/acquire/target/faces.parquet",
        crops=CENTRE_CROPS,
        inception=INCEPTION,
    output:
        estimates="<results>/measure/{arm}/realism.parquet",
        scores="<results>/measure/{arm}/scores.parquet",
        values="<results>/measure/{arm}/values.npz",
    log:
        "<logs>/measure/measure_realism-{arm}.log",
    benchmark:
        "<benchmarks>/measure/measure_realism-{arm}.tsv"
    conda:
        ENVIRONMENT
    threads: study.operations.synthesise_threads
    resources:
        mem_mb=doubling(4000),
        runtime=120,
    params:
        *code_of("measure.realism"),
        contents_of(*INCEPTION),
        study=study.study,
        seeds=lookup("{arm}", within=SEEDS_OF),
        share=lookup("{arm}", within={**STARGAN_ARMS, **dict.fromkeys(EDITORS)}),
        intervals=INTERVALS,
        settings=config["measure"]["realism"],
        seed=study.seed,
    script:
        "../scripts/measure_realism.py"


rule measure_arms:
    input:
        values=expand("<results>/measure/{arm}/values.npz", arm=STARGAN_ARMS),
    output:
        estimates="<results>/measure/arms.parquet",
    log:
        "<logs>/measure/measure_arms.log",
    benchmark:
        "<benchmarks>/measure/measure_arms.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=30,
    params:
        *code_of("measure.arms"),
        study=study.study,
        shares=STARGAN_ARMS,
        intervals=INTERVALS,
        settings=config["measure"]["realism"],
        seed=study.seed,
    script:
        "../scripts/measure_arms.py"
