"""The same picture twice: what is alike, the search, the split, two data sets of one picture."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from house import ROOT
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from facegap.acquire import near as module
from facegap.acquire.collection import draw_pictures
from facegap.acquire.duplicates import looks_of, pairs_across, pairs_within, persons
from facegap.acquire.looks import BITS, looks
from facegap.acquire.near import _codes, bands_of, near
from facegap.acquire.persons import fresh_pictures
from facegap.acquire.places import earlier
from facegap.acquire.reading import Amount, read_faces, split_dataset
from facegap.acquire.splits import Sampling
from facegap.errors import DataError
from facegap.settings.acquire import Drawn, Duplicates, Split
from facegap.settings.load import load
from facegap.tables.acquire import DUPLICATES, FACES
from facegap.tables.base import metadata, read_table


def plain(one: np.ndarray, other: np.ndarray) -> int:
    return sum(int(a != b) for a, b in zip(np.unpackbits(one), np.unpackbits(other), strict=True))


def flipped(one: np.ndarray, bits: list[int]) -> np.ndarray:
    """A hash with some of its bits the other way round."""
    whole = np.unpackbits(one)
    whole[bits] ^= 1
    return np.packbits(whole)


@given(st.data(), st.booleans())
def test_the_search_finds_the_pairs_that_comparing_each_with_each_finds(
    data: st.DataObject, by_bands: bool
) -> None:
    """Hashes near one another, some equal; blocks far smaller than the numbers of hashes."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    centres = rng.integers(0, 256, (3, BITS // 8), dtype=np.uint8)
    sizes = data.draw(st.tuples(st.integers(0, 12), st.integers(0, 12)))
    ones, others = (
        np.array(
            [
                flipped(
                    centres[rng.integers(3)],
                    rng.permutation(rng.choice([BITS, BITS // 2]))[: rng.integers(30)].tolist(),
                )
                for _ in range(size)
            ],
            np.uint8,
        ).reshape(-1, BITS // 8)
        for size in sizes
    )
    distance = data.draw(st.integers(0, 40))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROWS", 3)
        patch.setattr(module, "COLUMNS", 5)
        patch.setattr(module, "COMPARED", 1e15 if by_bands else 0.0)
        cut = bands_of(distance, sum(sizes), sizes[0] * sizes[1])
        assert (cut is not None) == (by_bands and min(sizes) > 0)
        across = set(zip(*map(np.ndarray.tolist, near(ones, others, distance)), strict=True))
        within = set(
            zip(*map(np.ndarray.tolist, near(ones, ones, distance, ordered=True)), strict=True)
        )
    brute = {
        (i, j, d)
        for i, one in enumerate(ones)
        for j, other in enumerate(others)
        if (d := plain(one, other)) <= distance
    }
    assert across == brute
    expected = {
        (i, j, plain(ones[i], ones[j])) for i in range(len(ones)) for j in range(i + 1, len(ones))
    }
    assert within == {pair for pair in expected if pair[2] <= distance}


def pictures(count: int, seed: int = 1, distance: float = 1.0) -> list[Image.Image]:
    """Drawn faces of as many persons."""
    found = fresh_pictures(
        dataset="target",
        sampling=Sampling(0, Split(train=1, test=1)),
        drawn=Drawn(pictures_per_person=1),
        seed=seed,
        persons=count,
    )
    return [
        Image.fromarray(one) for one in draw_pictures(found, distance=distance, seed=seed).images
    ]


def encoded(image: Image.Image, kind: str = "JPEG", **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def cut(image: Image.Image, share: float) -> Image.Image:
    width, height = image.size
    x, y = round(width * share), round(height * share)
    return image.crop((x, y, width - x, height - y))


def smaller(image: Image.Image) -> Image.Image:
    return image.resize((image.width * 2 // 3, image.height * 2 // 3), Image.Resampling.BICUBIC)


COPIES = {
    "a low quality": lambda image: encoded(image, quality=40),
    "a smaller size": lambda image: encoded(smaller(image), quality=85),
    "a larger size": lambda image: encoded(image.resize((700, 860)), quality=85),
    "another format": lambda image: encoded(image, "PNG"),
    "without colour": lambda image: encoded(image.convert("L")),
    "slightly cropped": lambda image: encoded(cut(image, 0.01), quality=90),
    "mirrored": lambda image: encoded(ImageOps.mirror(image), quality=90),
}


def hashes(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    found = looks(data, "picture")
    assert found
    look, mirrored = (np.frombuffer(one, np.uint8) for one in found)
    return look, mirrored


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_within_the_distance_and_another_picture_is_not(copy: str) -> None:
    distance = Duplicates().distance
    assert distance is not None
    originals = pictures(30)
    known = [hashes(encoded(image, quality=95))[0] for image in originals]
    for image, look in zip(originals, known, strict=True):
        seen = hashes(COPIES[copy](image))[copy == "mirrored"]
        assert plain(seen, look) <= distance
    apart = [plain(known[i], known[j]) for i in range(30) for j in range(i)]
    assert np.median(apart) > 2 * distance


def test_an_image_turned_by_its_camera_looks_as_it_is_shown() -> None:
    image = pictures(1)[0]
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    file = io.BytesIO()
    image.rotate(90, expand=True).save(file, "JPEG", quality=95, exif=exif)
    assert plain(hashes(file.getvalue())[0], hashes(encoded(image, quality=95))[0]) <= 8


@pytest.mark.parametrize("data", [b"", b"no image", encoded(Image.new("RGB", (99, 99)))[:-90]])
def test_what_cannot_be_decoded_has_no_look(data: bytes) -> None:
    assert looks(data, "picture") is None


def data_set(folder: Path, name: str, files: dict[str, bytes], subjects: dict[str, str]) -> Path:
    """A folder's images, sampled; `subjects` by path, of those that are known."""
    place = folder / name
    (place / "images").mkdir(parents=True)
    for path, data in files.items():
        (place / "images" / path).write_bytes(data)
    rows = [f"{path},{subjects.get(path, '')}" for path in files]
    (place / "labels.csv").write_text("\n".join(["path,subject_id", *rows]))
    read_faces(
        images=place / "images",
        texts=[place / "labels.csv"],
        sampled=place / "sampled.parquet",
        rejected=place / "rejected.csv",
        reader="folder",
        amount=Amount(None),
        dataset=name,
        seed=1,
    )
    return place / "sampled.parquet"


def split(
    sampled: Path, earlier: list[Path], seed: int = 1, **settings: object
) -> tuple[pd.DataFrame, pd.DataFrame]:
    place = sampled.parent
    split_dataset(
        sampled=sampled,
        earlier=earlier,
        faces=place / "faces.parquet",
        duplicates=place / "duplicates.csv",
        split=Split(train=0.5, test=0.4),
        settings=Duplicates.model_validate(settings),
        dataset=place.name,
        seed=seed,
    )
    faces = read_table(place / "faces.parquet", FACES).set_index("face_id")
    return faces, read_table(place / "duplicates.csv", DUPLICATES)


def test_copies_stay_in_one_part_and_a_person_of_the_source_in_no_part_of_the_target(
    tmp_path: Path,
) -> None:
    """Two data sets, with copies of pictures in each and across, planted and found."""
    originals = pictures(40)
    source = {f"s{k:02d}.jpg": encoded(image, quality=95) for k, image in enumerate(originals[:20])}
    target = {f"t{k:02d}.jpg": encoded(image, quality=95) for k, image in enumerate(originals[20:])}
    source["again.jpg"] = encoded(originals[3], quality=50)
    source["mirrored.jpg"] = encoded(ImageOps.mirror(originals[4]), quality=90)
    target["same.jpg"] = target["t05.jpg"]
    target["shared.png"] = encoded(smaller(originals[7]), "PNG")
    who = {"shared.png": "known", "t09.jpg": "known", "t10.jpg": "other", "t11.jpg": "other"}
    one = data_set(tmp_path, "source", source, {})
    two = data_set(tmp_path, "target", target, who)
    separated = 0
    for seed in range(8):
        faces, found = split(one, [], seed)
        part = faces["split"]
        assert part["s03"] == part["again"]
        assert part["s04"] == part["mirrored"]
        faces, across = split(two, [one], seed)
        part = faces["split"]
        assert part["t05"] == part["same"]
        assert {part["shared"], part["t09"]} == {"rest"}, "the person, with all pictures"
        alone = split(two, [one], seed, distance=None)[0]["split"]
        separated += alone["shared"] != "rest"
        allowed = split(two, [one], seed, leave_out=False)[0]["split"]
        separated += allowed["shared"] != "rest"
    assert separated > 8, "it is the settings that leave them out"
    pairs = found.set_index("face_id")[["other", "mirrored", "same_bytes"]].T.to_dict("list")
    assert pairs == {
        "s03": ["again", False, False],
        "again": ["s03", False, False],
        "s04": ["mirrored", True, False],
        "mirrored": ["s04", True, False],
    }
    rows = across.set_index(["face_id", "other_dataset"])[["other", "same_bytes"]].T
    assert rows.to_dict("list") == {
        ("same", "target"): ["t05", True],
        ("t05", "target"): ["same", True],
        ("shared", "source"): ["s07", False],
    }
    assert (across["distance"] <= 32).all()
    _, _ = split(two, [one])
    about = metadata(two.parent / "faces.parquet")
    assert (about["duplicates"], about["shared"], about["left out"]) == ("2", "1", "2")


def test_all_shared_is_an_error_that_says_so(tmp_path: Path) -> None:
    files = {f"{k}.jpg": encoded(image) for k, image in enumerate(pictures(4))}
    one, two = (data_set(tmp_path, name, files, {}) for name in ("source", "target"))
    with pytest.raises(DataError, match=r"none of its 4 faces is left.*acquire\.duplicates"):
        split(two, [one])


def sampled(
    bits: list[np.ndarray], files: list[str | None], mirrored: list[np.ndarray] | None = None
) -> pd.DataFrame:
    """A table of looks alone."""
    texts, others = ([one.tobytes().hex() for one in some] for some in (bits, mirrored or bits))
    columns = {"look": texts, "mirrored_look": others, "file_digest": files}
    return pd.DataFrame(columns, dtype=object)


@pytest.mark.parametrize("turned", [False, True])
def test_a_mirror_image_is_found_whichever_of_the_two_is_the_mirrored_one(turned: bool) -> None:
    rng = np.random.default_rng(1)
    one, other, third, fourth = rng.integers(0, 256, (4, BITS // 8), dtype=np.uint8)
    looked, mirrored = [one, other], [third, one] if turned else [other, fourth]
    within = pairs_within(looks_of(sampled(looked, ["1", "2"], mirrored)), 5)
    assert within[["row", "other", "mirrored"]].values.tolist() == [[0, 1, True]]
    tables = [sampled([looked[k]], [str(k)], [mirrored[k]]) for k in (0, 1)]
    across = pairs_across(*map(looks_of, tables), 5)
    assert across[["row", "other", "mirrored"]].values.tolist() == [[0, 0, True]]


def test_a_thousand_equal_pictures_are_a_thousand_pairs() -> None:
    rng = np.random.default_rng(0)
    one = rng.integers(0, 256, BITS // 8, dtype=np.uint8)
    others = [rng.integers(0, 256, BITS // 8, dtype=np.uint8) for _ in range(5)]
    table = sampled([one] * 1000 + others, [f"{k}" for k in range(1005)])
    pairs = pairs_within(looks_of(table), 20)
    assert len(pairs) == 999
    who = persons(pd.Series([None] * 1005), pairs)
    assert who.nunique() == 6
    across = pairs_across(looks_of(table), looks_of(sampled([one] * 3, [None] * 3)), 20)
    assert across["row"].tolist() == list(range(1000))


def test_persons_joined_over_a_chain_are_one() -> None:
    subjects = pd.Series(["a", "a", "b", None, "c", None])
    pairs = pd.DataFrame({"row": [1, 2], "other": [2, 3]})
    who = persons(subjects, pairs)
    assert who[:4].nunique() == 1
    assert who.nunique() == 3


@pytest.mark.parametrize("distance", range(0, 65, 8))
def test_whatever_bits_differ_some_bands_agree(distance: int) -> None:
    """Of the cut: each of a thousand pairs that far apart agrees in all bands of some choice."""
    cut = bands_of(distance, 10**6, 10**15)
    assert cut is not None
    assert sorted(band for group in cut.groups for band in group) == list(range(cut.number))
    rng = np.random.default_rng(distance)
    one = rng.integers(0, 256, BITS // 8, dtype=np.uint8)
    bits = [rng.permutation(BITS)[:distance].tolist() for _ in range(1000)]
    codes = _codes(np.array([one, *(flipped(one, some) for some in bits)]), cut.number)
    agree = codes[:, 1:] == codes[:, :1]
    together = [agree[list(group)].sum(axis=0) >= cut.together for group in cut.groups]
    assert np.any(together, axis=0).all()


def test_pictures_that_are_too_much_alike_are_compared_each_with_each() -> None:
    """Of bits that are all the same but for a few bands, more candidates than pairs."""
    rng = np.random.default_rng(0)
    hashes = np.zeros((3000, BITS // 8), np.uint8)
    hashes[:, :5] = rng.integers(0, 256, (3000, 5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "COMPARED", 100.0)
        assert bands_of(4, 3000, 3000**2 // 2) is not None
        by_bands = near(hashes, hashes, 4, ordered=True)
        patch.setattr(module, "COMPARED", 0.0)
        for one, other in zip(by_bands, near(hashes, hashes, 4, ordered=True), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_distance_that_finds_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    hashes_of_all = np.random.default_rng(0).integers(0, 2, (9, BITS // 8), dtype=np.uint8)
    with pytest.raises(DataError, match=r"more than 10 pairs.*lower acquire\.duplicates\.dist"):
        near(hashes_of_all, hashes_of_all, 64, ordered=True)


def test_no_faces_have_no_pairs(tmp_path: Path) -> None:
    files = {f"{k}.jpg": f"no image {k}".encode() for k in range(6)}
    table = data_set(tmp_path, "source", files, {})
    assert split(table, [])[1].empty
    files["2.jpg"] = files["5.jpg"]
    (tmp_path / "again").mkdir()
    found = split(data_set(tmp_path / "again", "source", files, {}), [])[1]
    assert found.set_index("face_id")["other"].to_dict() == {"2": "5", "5": "2"}
    assert found["same_bytes"].all()


def test_a_data_set_is_compared_with_those_before_it_the_source_first() -> None:
    """Whatever their order in the file; drawn faces are no pictures of anybody."""
    paper = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    third = {"kind": "fairface", "split": {"train": 0.5, "test": 0.5}, "labels": "own"}
    sets = paper["datasets"]
    paper["datasets"] = {"third": third, "target": sets["target"], "source": sets["source"]}
    assert earlier(load(paper), "{name}.parquet") == {
        "source": [],
        "target": ["source.parquet"],
        "third": ["source.parquet", "target.parquet"],
    }
    drawn = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    assert earlier(load(drawn), "{name}.parquet") == {}
