"""The kinds of data sets: one entry a kind.

Light: the settings and the Snakefile read it at every start. A further kind needs an entry here, a
module `facegap.acquire.readers.<reader>`, and its lines in docs/data.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
GENDER = {"column": "gender", "inside": ["male"], "outside": ["female"]}
RACE = {
    "column": "race_raw",
    "inside": ["White"],
    "outside": ["Black", "Asian", "Indian", "Others"],
}
FAIRFACE_RACE = {
    "column": "race_raw",
    "inside": ["White"],
    "outside": [
        *("Black", "East Asian", "Southeast Asian", "Indian"),
        *("Middle Eastern", "Latino_Hispanic"),
    ],
}
YEARS = {"column": "age", "below": 40}  # inside; CelebA does not say up to what age is Young
YOUNG = {"column": "Young", "inside": [1], "outside": [0]}
GROUP = {"column": "group", "inside": ["A"], "outside": ["B"]}
CELEBA_ATTRIBUTES = """
    5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose
    Black_Hair Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses
    Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open Mustache
    Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks
    Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick
    Wearing_Necklace Wearing_Necktie Young
"""
DRAWN_ATTRIBUTES = (
    *("Black_Hair", "Brown_Hair", "Blond_Hair", "Male", "Young", "No_Beard", "Bangs"),
    *("Eyeglasses", "Smiling"),
)


def is_tar(name: str) -> bool:
    """Whether a file of this name is a tar that is read, in capital letters or not."""
    return name.lower().endswith(TARS)


@dataclass(frozen=True)
class Kind:
    """What is known of a kind of data set before it is read."""

    words: str  # for the settings' page
    reader: str  # module of facegap.acquire.readers; of drawn faces none
    images: tuple[str, ...] = ()  # official names, of which the first that exists is taken
    texts: tuple[str, ...] = ()  # files of labels beside the images, by their official names
    optional_texts: tuple[str, ...] = ()  # read where they exist, and fetched with the images
    any_text: bool = False  # of the texts one is enough
    columns: tuple[str, ...] | None = None  # that faces can be told apart by; None: the table's
    own_labels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by boundary


KINDS = {
    "drawn": Kind(
        words="made by facegap",
        reader="",
        columns=("age", "gender", "group", *DRAWN_ATTRIBUTES),
        own_labels={"group": GROUP, "gender": GENDER, "age": YOUNG},
    ),
    "utkface": Kind(
        words="the official distribution's files",
        reader="utkface",
        images=("UTKFace.tar.gz", "UTKFace"),
        columns=("age", "gender", "race_raw"),
        own_labels={"race": RACE, "gender": GENDER, "age": YEARS},
    ),
    "celeba": Kind(
        words="the official distribution's files",
        reader="celeba",
        images=("img_align_celeba.zip", "img_align_celeba"),
        texts=("list_attr_celeba.txt", "identity_CelebA.txt"),
        optional_texts=("list_landmarks_align_celeba.txt",),
        columns=("gender", *CELEBA_ATTRIBUTES.split()),
        own_labels={"gender": GENDER, "age": YOUNG},
    ),
    "fairface": Kind(
        words="the official distribution's files",
        reader="fairface",
        images=(
            "fairface-img-margin025-trainval.zip",
            "fairface-img-margin125-trainval.zip",
            "fairface",
        ),
        texts=("fairface_label_train.csv", "fairface_label_val.csv"),
        any_text=True,
        columns=("age", "gender", "race_raw"),
        own_labels={"race": FAIRFACE_RACE, "gender": GENDER, "age": YEARS},
    ),
    "lfw": Kind(
        words="the official distribution's files",
        reader="lfw",
        images=("lfw.tgz", "lfw-funneled.tgz", "lfw", "lfw_funneled"),
        columns=(),
    ),
    "folder": Kind(
        words=(
            "your images and a CSV with the columns path, subject_id (optional), age, gender,"
            " race_raw (each optional) and any binary attributes"
        ),
        reader="folder",
        own_labels={"race": RACE, "gender": GENDER, "age": YEARS},
    ),
}
