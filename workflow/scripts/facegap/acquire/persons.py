"""Drawn persons: who is on each picture of a data set, before a pixel is drawn."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np

from facegap.acquire.drawing import Colour, Face, mix
from facegap.acquire.splits import Sampling, sizes_of
from facegap.seeds import generator
from facegap.settings.acquire import Drawn

HAIR: dict[str, Colour] = {
    "Black_Hair": (38, 32, 34),
    "Brown_Hair": (116, 72, 42),
    "Blond_Hair": (224, 190, 112),
    "grey": (168, 166, 166),
}
GROUPS = ("A", "B")
SHAPE = {  # what tells the groups apart in any light, in half face widths: mean of A, mean of B
    "jaw": (0.030, -0.030),
    "length": (0.040, -0.040),
    "eye_distance": (0.022, -0.022),
    "brow_arch": (0.060, 0.005),
    "nose_width": (-0.015, 0.015),
}
TONE: dict[str, Colour] = {"A": (226, 178, 140), "B": (214, 166, 160)}  # what the light can hide
BROWS = (0.055, 0.09)  # thickness of a woman's and of a man's; of group B the other way round
LIPS: tuple[Colour, Colour] = ((206, 72, 88), (188, 98, 96))  # so, too
YOUNG = 40  # years; below it a face is Young


@dataclass(frozen=True)
class Picture:
    """A picture that can be drawn in any style; its random numbers have a stream of its own."""

    dataset: str
    face_id: str
    path: str
    subject_id: str
    person: Face  # with no expression yet
    truth: Mapping[str, object]  # what is true of the person: columns of FACES


def pictures_of(*, dataset: str, sampling: Sampling, drawn: Drawn, seed: int) -> list[Picture]:
    """The pictures of a drawn data set, in the order of its table of faces."""
    return _pictures(dataset, sampling, drawn, seed, fresh=0)


def fresh_pictures(
    *, dataset: str, sampling: Sampling, drawn: Drawn, seed: int, persons: int
) -> list[Picture]:
    """One picture each of `persons` persons of a data set's population who are not in it.

    They are the next persons of the same streams, so they have the same distribution, and more of
    them begin with the same ones.
    """
    return _pictures(dataset, sampling, drawn, seed, fresh=persons)[sampling.faces or 0 :]


def tested(sampling: Sampling) -> int:
    """How many pictures are the test part, the first, where its persons have few: else 0, sampled.

    Persons are alike in distribution, so the first of them are as good a sample as any.
    """
    split = sampling.split
    return sizes_of(split, sampling.faces or 0)["test"] if split.test_pictures else 0


def _pictures(
    dataset: str, sampling: Sampling, drawn: Drawn, seed: int, fresh: int
) -> list[Picture]:
    """The data set's pictures, and one each of the `fresh` next persons."""
    faces, test = sampling.faces or 0, tested(sampling)
    found: list[Picture] = []
    for subject, person, truth, several in _people(dataset, drawn, seed):
        done = len(found)
        if done == faces + fresh:
            break
        if done < test:
            several = min(several, sampling.split.test_pictures or 1, test - done)
        several = min(several, faces - done) if done < faces else 1
        for number in range(several):
            face_id, path = f"{dataset}-{len(found):06d}", f"{subject}/{number:02d}.jpg"
            found.append(Picture(dataset, face_id, path, subject, person, truth))
    return found


def _people(
    dataset: str, drawn: Drawn, seed: int
) -> Iterator[tuple[str, Face, dict[str, object], int]]:
    """Persons without end: name, face, what is true of it, and 1 + Poisson pictures."""
    rng = generator(seed, "drawn_persons", dataset=dataset)
    for number in count():
        several = 1 + int(rng.poisson(drawn.pictures_per_person - 1))
        group = GROUPS[0] if rng.random() < drawn.inside_share else GROUPS[1]
        subject = f"{dataset[0]}{number:05d}"
        face, truth = _person(
            generator(seed, "drawn_person", dataset=dataset, subject=subject),
            group,
            drawn.group_distance,
        )
        yield subject, face, truth, several


def _person(
    rng: np.random.Generator, group: str, distance: float
) -> tuple[Face, dict[str, object]]:
    """A person of the group, with no expression yet, and its columns of the table.

    Group A's mean face is where it is; B's lies `distance` of the way from it to its own. So do its
    signs of gender, brows and lips, to being the other way round.
    """
    male, young = bool(rng.random() < 0.5), bool(rng.random() < 0.55)
    age = round(float(rng.uniform(18, 36) if young else rng.uniform(48, 75)))
    colours = list(HAIR)
    hair = colours[rng.choice(4, p=[0.36, 0.32, 0.32, 0] if young else [0.27, 0.23, 0.25, 0.25])]
    beard, bangs = male and bool(rng.random() < 0.5), bool(rng.random() < 0.3)
    glasses = bool(rng.random() < 0.1)
    own = distance if group == GROUPS[1] else 0.0
    shape = {name: (1 - own) * a + own * b for name, (a, b) in SHAPE.items()}
    tone = mix(TONE["A"], TONE["B"], own)
    as_male = (1 - own) * male + own * (not male)
    face = Face(
        jaw=0.93 - 0.12 * (not male) + shape["jaw"] + rng.normal(0, 0.025),
        length=1.25 + 0.06 * male + shape["length"] + rng.normal(0, 0.035),
        eye_distance=0.42 + shape["eye_distance"] + rng.normal(0, 0.01),
        eye_size=0.20 + 0.02 * (not male) + rng.normal(0, 0.008),
        brow_arch=shape["brow_arch"] + rng.normal(0, 0.015),
        brow_thickness=(1 - as_male) * BROWS[0] + as_male * BROWS[1],
        nose_width=0.21 + shape["nose_width"] + rng.normal(0, 0.012),
        mouth_width=0.34 + rng.normal(0, 0.02),
        skin=near(tone, rng, 4, 10),
        iris=near((85, 90, 95), rng, 25, 10),
        hair=near(HAIR[hair], rng, 5, 7),
        lips=near(mix(*LIPS, as_male), rng, 6, 5),
        clothes=near((110, 110, 120), rng, 35, 25),
        hair_volume=rng.uniform(0.03, 0.12) if male else rng.uniform(0.08, 0.18),
        long_hair=not male and bool(rng.random() < 0.85),
        bangs=bangs,
        beard=beard,
        glasses=glasses,
        lines=max(0.0, (age - YOUNG) / 35),
        smile=0.0,
        gaze=0.0,
    )
    truth: dict[str, object] = {
        "age": float(age),
        "gender": "male" if male else "female",
        "race_raw": None,
        "group": group,
        **{name: int(name == hair) for name in HAIR if name != "grey"},
        "Male": int(male),
        "Young": int(young),
        "No_Beard": int(not beard),
        "Bangs": int(bangs),
        "Eyeglasses": int(glasses),
    }
    return face, truth


def near(colour: Colour, rng: np.random.Generator, tint: float, shade: float) -> Colour:
    """A random colour near another: each channel by `tint`, all together by `shade`."""
    red, green, blue = np.clip(
        np.array(colour) + rng.normal(0, tint, 3) + rng.normal(0, shade), 0, 255
    ).tolist()
    return red, green, blue
