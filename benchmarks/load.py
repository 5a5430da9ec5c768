"""Batches a second from the aligned shards against decoding and resizing JPEGs one by one.

python benchmarks/load.py
"""

import io
import json
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from PIL import Image

from facegap.crops import Crops

FACES, SIZE, BATCH, ROUNDS = 2000, 128, 32, 5
PHOTO = (178, 218)  # CelebA's


def write(folder: Path) -> tuple[list[Path], list[Path]]:
    """Photographs as JPEG files, and the same faces as two shards; smooth noise, as large."""
    rng = np.random.default_rng(0)
    (folder / "jpeg").mkdir()
    faces = np.empty((FACES, SIZE, SIZE, 3), np.uint8)
    files = []
    for k in range(FACES):
        rough = rng.integers(0, 255, (28, 23, 3), dtype=np.uint8)
        photo = Image.fromarray(rough).resize(PHOTO, Image.Resampling.BICUBIC)
        files.append(folder / f"jpeg/{k:06d}.jpg")
        photo.save(files[-1], quality=90)
        faces[k] = np.asarray(resized(files[-1]))
    shards = [folder / f"shard-{k}.npy" for k in range(2)]
    for path, part in zip(shards, np.array_split(faces, 2), strict=True):
        np.save(path, part)
    return files, shards


def resized(path: Path) -> Image.Image:
    """As StarGAN's loader makes a face of a photograph: the middle 178 pixels, resized."""
    image = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    middle = image.crop((0, 20, 178, 198))
    return middle.resize((SIZE, SIZE), Image.Resampling.BILINEAR)


def main() -> None:
    """Both ways through the same random batches, by turns; medians of the rounds."""
    rates: dict[str, list[float]] = {"jpeg": [], "shards": []}
    with tempfile.TemporaryDirectory() as folder:
        files, shards = write(Path(folder))
        crops = Crops(shards)
        for number in range(ROUNDS):
            order = np.random.default_rng(number).permutation(FACES)
            batches = np.array_split(order, FACES // BATCH)
            start = time.perf_counter()
            for rows in batches:
                np.stack([np.asarray(resized(files[row])) for row in rows])
            rates["jpeg"].append(len(batches) / (time.perf_counter() - start))
            start = time.perf_counter()
            for rows in batches:
                crops.take(rows)
            rates["shards"].append(len(batches) / (time.perf_counter() - start))
        same = np.stack([np.asarray(resized(files[row])) for row in rows])
        assert (crops.take(rows) == same).all()
    found = {name: median(values) for name, values in rates.items()}
    ratio = found["shards"] / found["jpeg"]
    print(f"batches of {BATCH} faces of {SIZE} pixels, median of {ROUNDS} rounds by turns")
    print(f"{'JPEG, one by one':<20}{found['jpeg']:10.1f} batches/s")
    print(f"{'shards':<20}{found['shards']:10.1f} batches/s")
    print(f"{'ratio':<20}{ratio:10.1f}")
    figures = {
        "name": "load",
        "ratio": ratio,
        "shards": found["shards"],
        "jpeg": found["jpeg"],
        "units": "batches/s",
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores, {platform.platform()}",
        "versions": {name: version(name) for name in ("numpy", "pillow")},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
