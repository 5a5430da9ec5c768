"""
Stage 2, align: every face in one frame.

Reads   acquire/<dataset>/faces.parquet            table FACES, and the images it names
        assets/face_landmarker.task                MediaPipe's landmark model
Writes  align/<dataset>/faces.parquet              table ALIGNED: row i is row i of every crop
        align/<dataset>/landmarks.parquet          table LANDMARKS: the 68 points
        align/<dataset>/measures.parquet           table MEASURES: size, sharpness, pose
        align/<dataset>/rejected.csv               table REJECTED: faces without a crop, and why
        align/<dataset>/rejected.npy               small pictures of these, uint8 (n, 96, 96, 3)
        align/<dataset>/<crop>/shard-<k>.npy       uint8 (n, size, size, 3) RGB
"""

CROPS = list(study.align.crops.written())


rule align:
    input:
        expand("<results>/align/{dataset}/faces.parquet", dataset=DATASETS),
        expand("<results>/align/{dataset}/landmarks.parquet", dataset=DATASETS),
        expand("<results>/align/{dataset}/rejected.csv", dataset=DATASETS),


rule align_shard:
    input:
        faces="<results>/acquire/{dataset}/faces.parquet",
        images=images_of,
        model="<assets>/face_landmarker.task",
    output:
        arrays=expand(
            "<results>/align/{dataset}/{crop}/shard-{shard}.npy",
            crop=CROPS,
            allow_missing=True,
        ),
        landmarks="<results>/align/{dataset}/shards/landmarks-{shard}.parquet",
        measures="<results>/align/{dataset}/shards/measures-{shard}.parquet",
        rejected="<results>/align/{dataset}/shards/rejected-{shard}.csv",
        thumbnails="<results>/align/{dataset}/shards/rejected-{shard}.npy",
    log:
        "<logs>/align/align_shard-{dataset}-{shard}.log",
    benchmark:
        "<benchmarks>/align/align_shard-{dataset}-{shard}.tsv"
    priority: 1  # of the fresh faces it is long, and a long job waits for it
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=doubling(1500),
        runtime=120,
    params:
        *code_of("align.shards"),
        contents_of(images_of),
        settings=config["align"],
    script:
        "../scripts/align_shard.py"


rule gather_shards:
    input:
        faces="<results>/acquire/{dataset}/faces.parquet",
        shard_landmarks=expand(
            "<results>/align/{dataset}/shards/landmarks-{shard}.parquet",
            shard=SHARDS,
            allow_missing=True,
        ),
        shard_measures=expand(
            "<results>/align/{dataset}/shards/measures-{shard}.parquet",
            shard=SHARDS,
            allow_missing=True,
        ),
        shard_rejected=expand(
            "<results>/align/{dataset}/shards/rejected-{shard}.csv",
            shard=SHARDS,
            allow_missing=True,
        ),
        shard_thumbnails=expand(
            "<results>/align/{dataset}/shards/rejected-{shard}.npy",
            shard=SHARDS,
            allow_missing=True,
        ),
    output:
        aligned="<results>/align/{dataset}/faces.parquet",
        landmarks="<results>/align/{dataset}/landmarks.parquet",
        measures="<results>/align/{dataset}/measures.parquet",
        rejected="<results>/align/{dataset}/rejected.csv",
        thumbnails="<results>/align/{dataset}/rejected.npy",
    log:
        "<logs>/align/gather_shards-{dataset}.log",
    benchmark:
        "<benchmarks>/align/gather_shards-{dataset}.tsv"
    priority: 1  # of the fresh faces it is long, and a long job waits for it
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=doubling(1500),
        runtime=15,
    params:
        *code_of("align.gather"),
    script:
        "../scripts/gather_shards.py"
