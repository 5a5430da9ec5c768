"""A small study of drawn faces that people label, as far as their pages need it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from facegap.acquire.collection import draw_faces
from facegap.acquire.splits import Sampling
from facegap.images import open_images
from facegap.settings.load import load
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.base import metadata, read_table, write_table

SAMPLE, MORE = 100, 10  # faces that people label, and others
CONFIG: dict[str, Any] = {
    "study": "labels",
    "boundary": "group",
    "sides": {"inside": "Round", "outside": "Long"},
    "datasets": {
        "source": {
            "kind": "drawn",
            "faces": 20,
            "split": {"train": 0.5, "test": 0.5},
            "labels": "own",
        },
        "target": {
            "kind": "drawn",
            "faces": SAMPLE + MORE,
            "split": {"train": 70, "test": 30},
            "labels": "people",
        },
    },
    "acquire": {"drawn": {"pictures_per_person": 3}},
    "annotate": {
        "annotators": {"ada": {"answers": "ada.csv"}, "ben": {"answers": "ben.csv"}},
        "adjudication": "third.csv",
        "repeated": 0,
    },
}


def labelled_study(folder: Path) -> Path:
    """The study's configuration in `folder`, and the results that the pages need beside it."""
    acquired = folder / "results/labels/acquire/target"
    study = load(CONFIG)
    draw_faces(
        faces=acquired / "faces.parquet",
        images=acquired / "images.zip",
        rejected=acquired / "rejected.csv",
        sampling=Sampling(SAMPLE + MORE, study.datasets["target"].split),
        drawn=study.acquire.drawn,
        dataset="target",
        seed=study.seed,
    )
    faces = read_table(acquired / "faces.parquet", FACES)
    parts = np.repeat(["train", "test", "rest"], [70, 30, MORE])
    about = metadata(acquired / "faces.parquet")
    write_table(faces.assign(split=parts), acquired / "faces.parquet", FACES, about)
    aligned = folder / "results/labels/align/target"
    (aligned / "none").mkdir(parents=True)
    with open_images(acquired / "images.zip") as images:
        crops = [images.read(path)[20:198, :178] for path in faces["path"]]
    np.save(aligned / "none/shard-0.npy", np.stack(crops))
    rows = pd.DataFrame({"face_id": faces["face_id"], "row": range(len(faces))})
    write_table(rows, aligned / "faces.parquet", ALIGNED)
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(CONFIG))
    return config
