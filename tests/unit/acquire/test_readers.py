"""The official layouts, whole and damaged: read, set aside with a reason, or refused by name."""

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from facegap import tables
from facegap.acquire.readers import read_celeba, read_folder, read_utkface
from facegap.errors import DataError

SETTINGS = {"faces": None, "split": {"train": 0.5, "test": 0.5}, "seed": 1, "dataset": "source"}
ATTRIBUTES = "4\nBangs Male Young\na.jpg 1 -1 1\nb.jpg -1 1 1\nc.jpg 1 1 -1\nd.jpg -1 -1 -1\n"
TIME = "20170109142408075.jpg.chip.jpg"


def utkface(
    folder: Path, names: list[str], **settings: object
) -> tuple[pd.DataFrame, pd.DataFrame]:
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for name in names:
            archive.writestr(f"UTKFace/{name}", b"any")
    outputs = folder / "faces.parquet", folder / "rejected.csv"
    read_utkface(folder / "images.zip", *outputs, **{**SETTINGS, **settings})
    return tables.read(outputs[0], tables.FACES), tables.read(outputs[1], tables.REJECTED)


def test_utkfaces_names_are_its_labels(tmp_path: Path) -> None:
    faces, rejected = utkface(tmp_path, [f"26_1_4_{TIME}", f"100_0_0_{TIME}", "readme.txt"])
    faces = faces.set_index("age")
    assert faces.loc[26, ["gender", "race_raw"]].tolist() == ["female", "Others"]
    assert faces.loc[100, ["gender", "race_raw"]].tolist() == ["male", "White"]
    assert faces.loc[26, "face_id"] == "26_1_4_20170109142408075"
    assert faces["subject_id"].isna().all()
    assert rejected.empty


@pytest.mark.parametrize(
    "name", [f"61_1_{TIME}", f"61_3_{TIME}", f"61_2_1_{TIME}", f"6_1_5_{TIME}", "me.jpg"]
)
def test_a_malformed_name_is_set_aside_and_not_guessed(name: str, tmp_path: Path) -> None:
    faces, rejected = utkface(tmp_path, [name, f"26_1_4_{TIME}", f"1_1_1_{TIME}"])
    assert len(faces) == 2
    assert rejected["path"].tolist() == [f"UTKFace/{name}"]
    assert "labels are unknown" in rejected["reason"][0]


def test_no_image_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"images\.zip: no image in it"):
        utkface(tmp_path, ["readme.txt"])
    with pytest.raises(DataError, match="data set source: not one image with labels"):
        utkface(tmp_path, ["a.jpg", "b.jpg"])


def celeba(folder: Path, **changes: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    files = {
        "attributes": ATTRIBUTES,
        "identities": "a.jpg 7\nb.jpg 7\nc.jpg 8\nd.jpg 9\n",
        "partitions": "a.jpg 0\nb.jpg 1\nc.jpg 2\nd.jpg 0\n",
        "images": "a b c d",
        **changes,
    }
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for name in files.pop("images").split():
            archive.writestr(f"img_align_celeba/{name}.jpg", b"any")
    for name, text in files.items():
        (folder / f"{name}.txt").write_bytes(text.encode())
    outputs = folder / "faces.parquet", folder / "rejected.csv"
    texts = [folder / f"{name}.txt" for name in ("attributes", "identities", "partitions")]
    read_celeba(folder / "img_align_celeba.zip", *texts, *outputs, **SETTINGS)  # type: ignore[arg-type]
    return tables.read(outputs[0], tables.FACES), tables.read(outputs[1], tables.REJECTED)


def test_celebas_four_files_become_one_table(tmp_path: Path) -> None:
    faces, rejected = celeba(tmp_path)
    faces = faces.set_index("face_id")
    assert faces.loc["a", ["Bangs", "Male", "Young"]].tolist() == [1, 0, 1]
    assert faces.loc["b", ["gender", "subject_id", "official_split"]].tolist() == [
        "male",
        "7",
        "val",
    ]
    assert faces["path"]["c"] == "img_align_celeba/c.jpg"
    assert faces.loc["a", "split"] == faces.loc["b", "split"], "one person, one part"
    assert faces["age"].isna().all()
    assert rejected.empty


def test_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "unix").mkdir()
    (tmp_path / "windows").mkdir()
    plain, _ = celeba(tmp_path / "unix")
    other, _ = celeba(tmp_path / "windows", attributes=ATTRIBUTES.replace("\n", "\r\n"))
    pd.testing.assert_frame_equal(plain, other)


def test_rows_and_images_without_each_other_are_listed(tmp_path: Path) -> None:
    _, rejected = celeba(tmp_path, images="a b c e")
    assert rejected.set_index("path")["reason"].to_dict() == {
        "d.jpg": "a row of attributes.txt, but no image",
        "img_align_celeba/e.jpg": "no row in attributes.txt",
    }


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "attributes",
            "5\nMale\na.jpg 1\n",
            r"attributes\.txt: line 1 says 5 images, 1 rows follow",
        ),
        ("attributes", "1\nBangs Male\na.jpg 1\n", r"attributes\.txt, line 3: .* 2 values"),
        ("attributes", "1\nMale\na.jpg 1 1\n", r"attributes\.txt, line 3: .* 1 values"),
        ("attributes", "1\nMale\na.jpg 2\n", r"attributes\.txt, line 3"),
        ("attributes", "2\nMale\na.jpg 1\na.jpg 1\n", r"attributes\.txt: a\.jpg has two rows"),
        ("attributes", "1\nBangs\na.jpg 1\n", r"attributes\.txt, line 2: no attribute Male"),
        ("attributes", "path,Male\na.jpg,1\n", r"attributes\.txt: not CelebA's"),
        ("identities", "a.jpg 7\nb.jpg 7\nc.jpg 8\n", r"identities\.txt: no row for d\.jpg"),
        ("identities", "a.jpg\n", r"identities\.txt, line 1"),
        ("partitions", "a.jpg 0\na.jpg 1\n", r"partitions\.txt: a\.jpg has two rows"),
        ("images", "w x y z", "do not belong together: of 4 rows and 4 images 0"),
    ],
)
def test_files_that_do_not_fit_are_named(
    file: str, text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        celeba(tmp_path, **{file: text})
    assert not (tmp_path / "faces.parquet").exists()


def folder_of(folder: Path, csv: str, names: tuple[str, ...] = ("a.jpg", "b c.png", "ü/d.jpg")):
    for name in names:
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"any")
    (folder / "labels.csv").write_text(csv, encoding="utf-8")
    outputs = folder / "faces.parquet", folder / "rejected.csv"
    read_folder(folder / "images", folder / "labels.csv", *outputs, **SETTINGS)  # type: ignore[arg-type]
    return tables.read(outputs[0], tables.FACES), tables.read(outputs[1], tables.REJECTED)


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    faces, rejected = folder_of(
        tmp_path, "path,subject_id,gender,Young\na.jpg,x,male,1\nb c.png,x,,\nü/d.jpg,y,female,0\n"
    )
    assert sorted(faces["path"]) == ["a.jpg", "b c.png", "ü/d.jpg"]
    assert faces.set_index("path")["Young"].isna()["b c.png"]
    assert rejected.empty


def test_one_name_in_two_folders_stays_two_faces(tmp_path: Path) -> None:
    faces, _ = folder_of(tmp_path, "path\n1/a.jpg\n2/a.jpg\n", ("1/a.jpg", "2/a.jpg"))
    assert sorted(faces["face_id"]) == ["1/a.jpg", "2/a.jpg"]


def test_a_folders_missing_and_extra_images_are_listed(tmp_path: Path) -> None:
    _, rejected = folder_of(tmp_path, "path\na.jpg\nb c.png\ngone.jpg\n")
    assert sorted(rejected["path"]) == ["gone.jpg", "ü/d.jpg"]


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("file\na.jpg\n", r"labels\.csv: needs a column path"),
        ("path,gender\na.jpg,M\n", r"labels\.csv, row 2: gender is 'M', allowed are male, female"),
        ("path,Young\na.jpg,1\nb c.png,2\n", r"labels\.csv, row 3: Young is '2', allowed: 0, 1"),
        ("path,Young\na.jpg,yes\n", r"labels\.csv, row 2: Young is 'yes'"),
        ("path,age\na.jpg,900\n", r"labels\.csv, row 2: age is '900', allowed: 0 to 150"),
        ("path\na.jpg\na.jpg\n", r"labels\.csv, row 3: a\.jpg has two rows"),
        ("path,split\na.jpg,train\n", "column split has a meaning here"),
        ("", r"labels\.csv: not readable as CSV"),
    ],
)
def test_a_wrong_csv_is_named_by_row(csv: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        folder_of(tmp_path, csv)
