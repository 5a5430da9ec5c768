"""Images a second of the stage align against the FaceLandmarker alone, and of two of each at once.

python benchmarks/align.py [folder or zip of images]     (drawn faces where none is named)
"""

import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import mediapipe
import pandas as pd
import psutil
import yaml
from mediapipe.tasks.python import BaseOptions, vision

from facegap import tables
from facegap.acquire.assets import cached
from facegap.acquire.collection import draw_faces
from facegap.acquire.manifest import MANIFEST
from facegap.align.landmarks import MOST_FACES
from facegap.align.shards import align_shard
from facegap.images import open_images

FACES, ROUNDS = 2000, 3  # a shard of CelebA in config/paper.yaml has 3,200
CROPS = {
    "none": {"size": 200},
    "ears-chin": {"size": 200, "margin": 0.0},
    "centre": {"size": 128, "box": 178},
}
LIMITS = {"size": 0, "sharpness": 0, "yaw": 180, "pitch": 180, "roll": 180}


def alone(folder: Path, images: str, model: str) -> float:
    """Seconds in which the landmarker, already open, searches images that are already read."""
    table = tables.read(folder / "faces.parquet", tables.FACES)
    with open_images(images) as source:
        read = [source.read(path) for path in table["path"]]
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model), num_faces=MOST_FACES
    )
    landmarker = vision.FaceLandmarker.create_from_options(options)
    start = time.perf_counter()
    for image in read:
        landmarker.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, image))
    seconds = time.perf_counter() - start
    landmarker.close()
    return seconds


def stage(folder: Path, images: str, model: str, shard: int, shards: int) -> float:
    """Seconds of one job of the stage: model opened, images read, found, cut and written."""
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        align_shard(
            faces=folder / "faces.parquet",
            images=images,
            model=model,
            arrays=[f"{out}/{crop}.npy" for crop in CROPS],
            landmarks=f"{out}/landmarks.parquet",
            measures=f"{out}/measures.parquet",
            rejected=f"{out}/rejected.csv",
            thumbnails=f"{out}/rejected.npy",
            shard=shard,
            shards=shards,
            crops=CROPS,
            limits=LIMITS,
            confidence=0.5,
            face="nearest",
            max_pixels=50_000_000,
        )
        return time.perf_counter() - start


def job() -> None:
    """One process of a round: prints its seconds and its peak memory."""
    what, folder, images, model, shard, shards = sys.argv[2:]
    if what == "alone":
        seconds = alone(Path(folder), images, model)
    else:
        seconds = stage(Path(folder), images, model, int(shard), int(shards))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps([seconds, peak]))


def at_once(*jobs: tuple[str, ...]) -> list[tuple[float, float]]:
    """Start these jobs together; seconds and GiB of each."""
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "job", *given],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for given in jobs
    ]
    ends = [process.communicate()[0] for process in started]
    return [tuple(json.loads(end.splitlines()[-1])) for end in ends]


def collection(folder: Path, images: str | None) -> str:
    """The table of the images to align, and where they are."""
    if images is None:
        places = [folder / name for name in ("faces.parquet", "images.zip", "rejected.csv")]
        settings: dict[str, Any] = {"split": {"train": 10, "test": 10}, "gap": 1.0, "seed": 1}
        settings |= {"pictures_per_person": 4, "inside_share": 0.5}
        draw_faces(*places, dataset="target", faces=FACES, **settings)
        return str(places[1])
    with open_images(images) as source:
        names = [name for name in source.names() if name.endswith(".jpg")][:FACES]
    table = pd.DataFrame({"face_id": names, "path": names, "subject_id": None, "split": "rest"})
    table = table.assign(age=float("nan"), gender=None, race_raw=None)
    tables.write(table, folder / "faces.parquet", tables.FACES)
    return images


def main() -> None:
    """Alone, one process and two by turns; medians of the rounds."""
    model_asset = "face_landmarker.task"
    model = str(cached(model_asset, yaml.safe_load(MANIFEST.read_text())[model_asset]))
    rates: dict[str, list[float]] = {"alone": [], "two alone": [], "one": [], "two": []}
    memory = 0.0
    with tempfile.TemporaryDirectory() as folder:
        images = collection(Path(folder), sys.argv[1] if len(sys.argv) > 1 else None)
        faces = len(tables.read(f"{folder}/faces.parquet", tables.FACES))
        place = (folder, images, model)
        for _ in range(ROUNDS):
            rates["alone"].append(faces / at_once(("alone", *place, "0", "1"))[0][0])
            both = at_once(*2 * [("alone", *place, "0", "1")])
            rates["two alone"].append(2 * faces / max(seconds for seconds, _ in both))
            ((seconds, peak),) = at_once(("stage", *place, "0", "1"))
            rates["one"].append(faces / seconds)
            both = at_once(("stage", *place, "0", "2"), ("stage", *place, "1", "2"))
            rates["two"].append(faces / max(seconds for seconds, _ in both))
            memory = max(memory, peak)
    found = {name: median(values) for name, values in rates.items()}
    scaling = found["two"] / found["one"]
    print(f"{faces} images, median of {ROUNDS} rounds by turns")
    print(f"{'FaceLandmarker alone':<26}{found['alone']:8.1f} images/s")
    print(f"{'two of it at once':<26}{found['two alone']:8.1f} images/s")
    print(f"{'stage, one process':<26}{found['one']:8.1f} images/s")
    print(f"{'stage, two processes':<26}{found['two']:8.1f} images/s")
    print(f"{'one to alone':<26}{found['one'] / found['alone']:8.2f}")
    print(f"{'two to one':<26}{scaling:8.2f}")
    print(f"{'peak memory of a job':<26}{memory:8.2f} GiB")
    figures = {
        "name": "align",
        "ratio": found["one"] / found["alone"],
        "one_process": found["one"],
        "landmarker_alone": found["alone"],
        "two_landmarkers": found["two alone"],
        "two_processes": found["two"],
        "two_to_one": scaling,
        "units": "images/s",
        "peak_memory_gib": memory,
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores, {platform.platform()}",
        "versions": {name: version(name) for name in ("mediapipe", "numpy")},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    if sys.argv[1:2] == ["job"]:
        job()
    else:
        main()
