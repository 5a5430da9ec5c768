"""
Stage 2, align: every face in one frame.

Reads   acquire/<dataset>/faces.parquet            table FACES, and the images it names
        assets/face_landmarker.task                MediaPipe's landmark model
Writes  align/<dataset>/faces.parquet              table ALIGNED: row i is row i of every crop
        align/<dataset>/landmarks.parquet          table LANDMARKS: the 68 points
        align/<dataset>/measures.parquet           table MEASURES: size, sharpness, pose
        align/<dataset>/rejected.csv               table REJECTED: faces set aside, with the reason
        align/<dataset>/rejected.npy               small pictures of these, uint8 (n, 96, 96, 3)
        align/<dataset>/<crop>/shard-<k>.npy       uint8 (n, size, size, 3) RGB
"""


rule align:
    input:
        expand(f"{STUDY}/align/{{dataset}}/faces.parquet", dataset=DATASETS),
        expand(f"{STUDY}/align/{{dataset}}/landmarks.parquet", dataset=DATASETS),
        expand(f"{STUDY}/align/{{dataset}}/rejected.csv", dataset=DATASETS),


rule align_shard:
    input:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        images=images_of,
        model=f"{ASSETS}/face_landmarker.task",
    output:
        arrays=expand(
            f"{STUDY}/align/{{dataset}}/{{crop}}/shard-{{shard}}.npy",
            crop=CROPS,
            allow_missing=True,
        ),
        landmarks=f"{STUDY}/align/{{dataset}}/shards/landmarks-{{shard}}.parquet",
        measures=f"{STUDY}/align/{{dataset}}/shards/measures-{{shard}}.parquet",
        rejected=f"{STUDY}/align/{{dataset}}/shards/rejected-{{shard}}.csv",
        thumbnails=f"{STUDY}/align/{{dataset}}/shards/rejected-{{shard}}.npy",
    log:
        f"{STUDY}/logs/align/align_shard-{{dataset}}-{{shard}}.log",
    benchmark:
        f"{STUDY}/benchmarks/align/align_shard-{{dataset}}-{{shard}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1500,
        runtime=120,
    params:
        *code_of("align_shard.py"),
        digests=digests_of(images_of),
        shards=config["align"]["shards"],
        crops=config["align"]["crops"],
        limits=config["align"]["limits"],
        confidence=config["align"]["confidence"],
        face=config["align"]["face"],
        max_pixels=config["align"]["max_pixels"],
    script:
        "../scripts/align_shard.py"


rule gather_shards:
    input:
        faces=f"{STUDY}/acquire/{{dataset}}/faces.parquet",
        landmarks=expand(
            f"{STUDY}/align/{{dataset}}/shards/landmarks-{{shard}}.parquet",
            shard=SHARDS,
            allow_missing=True,
        ),
        measures=expand(
            f"{STUDY}/align/{{dataset}}/shards/measures-{{shard}}.parquet",
            shard=SHARDS,
            allow_missing=True,
        ),
        rejected=expand(
            f"{STUDY}/align/{{dataset}}/shards/rejected-{{shard}}.csv",
            shard=SHARDS,
            allow_missing=True,
        ),
        thumbnails=expand(
            f"{STUDY}/align/{{dataset}}/shards/rejected-{{shard}}.npy",
            shard=SHARDS,
            allow_missing=True,
        ),
    output:
        faces=f"{STUDY}/align/{{dataset}}/faces.parquet",
        landmarks=f"{STUDY}/align/{{dataset}}/landmarks.parquet",
        measures=f"{STUDY}/align/{{dataset}}/measures.parquet",
        rejected=f"{STUDY}/align/{{dataset}}/rejected.csv",
        thumbnails=f"{STUDY}/align/{{dataset}}/rejected.npy",
    log:
        f"{STUDY}/logs/align/gather_shards-{{dataset}}.log",
    benchmark:
        f"{STUDY}/benchmarks/align/gather_shards-{{dataset}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=1500,
        runtime=15,
    params:
        *code_of("gather_shards.py"),
    script:
        "../scripts/gather_shards.py"
