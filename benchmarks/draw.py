"""Faces drawn and encoded a second, at the target's size, on one core."""

import json
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from facegap.acquire.collection import draw_faces

FACES, WANTED = 600, 150.0


def main() -> None:
    """Draw a collection of 600 faces three times and print the best."""
    seconds = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            draw_faces(
                *(Path(folder) / name for name in ("faces.parquet", "images.zip", "rejected.csv")),
                dataset="target",
                faces=FACES,
                split={"train": 0.5, "test": 0.5},
                gap=1.0,
                pictures_per_person=4,
                inside_share=0.5,
                seed=1,
            )
            seconds.append(time.perf_counter() - start)
    rate = FACES / min(seconds)
    print(f"{rate:.0f} faces a second, written as JPEG; {WANTED:.0f} are wanted")
    figures = {
        "name": "draw",
        "ratio": rate / WANTED,
        "faces_a_second": rate,
        "wanted": WANTED,
        "units": "faces/s",
        "machine": f"{platform.machine()}, 1 core, {platform.platform()}",
        "versions": {name: version(name) for name in ("numpy", "opencv-contrib-python")},
        "threads": cv2.getNumThreads(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
