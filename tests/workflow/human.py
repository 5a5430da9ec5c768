"""A small human study of drawn faces, as the rule pair_outputs would leave it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from facegap import tables
from facegap.judge.pairs import pair_outputs

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, Any] = {
    "participants": 2,
    "pairs": 20,
    "overlap": False,
    "attention": 0.1,
    "repeats": 0.1,
    "training": 2,
    "familiarity": 3,
    "criteria": False,
    "break_every": 8,
    "seed": 5,
}
SIZE = 128
STEP = 131  # from face to face on the sheet


def study(folder: Path, persons: int = 12, pictures: int = 2, **changed: Any) -> Path:
    """Pairs, persons, sheet, images and keys in `folder`/judge, and `folder` itself."""
    table = pd.DataFrame(
        [
            (f"{domain}{control}{person}", picture, domain, control, attribute, value)
            for domain in ("in-domain", "out-domain")
            for control in ("male", "female")
            for person in range(persons)
            for picture in range(pictures)
            for attribute, value in ((None, pd.NA), ("Young", 1), ("Bangs", 1), ("Bald", 0))
        ],
        columns=["subject_id", "picture", "domain", "control", "attribute", "value"],
    )
    table = table.assign(
        row=range(len(table)),
        face_id=table["subject_id"] + "-" + table["picture"].astype(str),
        kind=np.where(table["attribute"].isna(), "original", "translation"),
    )
    made = folder / "synthesise"
    tables.write(table[list(tables.TRANSLATIONS.columns)], made / "t.parquet", tables.TRANSLATIONS)
    np.save(made / "t.npy", _pictures(table))
    judge = folder / "judge"
    names = ("pairs.parquet", "persons.parquet", "sheet.json", "images.zip")
    pair_outputs(
        [made / "t.parquet"],
        [made / "t.npy"],
        *(judge / name for name in (*names, "key.parquet", "persons_key.parquet")),
        synthesis_seeds=[1],
        study="test",
        **{**SETTINGS, **changed},
    )
    return folder


def _pictures(table: pd.DataFrame) -> np.ndarray:
    """Cuts of the sheet of drawn faces, a tint for each attribute: uint8 (n, s, s, 3)."""
    sheet = np.asarray(Image.open(ROOT / "docs/drawn-faces.jpg").convert("RGB"))
    high, wide = (side // STEP for side in sheet.shape[:2])
    faces = pd.factorize(table["face_id"])[0] % (high * wide)
    tint = {"Young": (1, 0.9, 0.8), "Bangs": (0.8, 0.9, 1), "Bald": (0.9, 1, 0.85)}
    images = np.empty((len(table), SIZE, SIZE, 3), np.uint8)
    for i, (face, attribute) in enumerate(zip(faces, table["attribute"], strict=True)):
        y, x = face // wide * STEP, face % wide * STEP
        images[i] = sheet[y : y + SIZE, x : x + SIZE] * np.array(tint.get(attribute, (1, 1, 1)))
    return images
