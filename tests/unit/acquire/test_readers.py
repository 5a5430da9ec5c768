"""The official layouts, whole and damaged: read, rejected with a reason, or refused by name."""

import csv
import io
import os
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from columns import ANY_NAME
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from facegap.acquire.reading import Amount, read_faces, split_dataset
from facegap.errors import DataError
from facegap.settings.acquire import Duplicates, Split
from facegap.tables.acquire import DUPLICATES, FACES, KNOWN, OURS, REJECTED
from facegap.tables.base import read_table

ATTRIBUTES = "4\nBangs Male Young\na.jpg 1 -1 1\nb.jpg -1 1 1\nc.jpg 1 1 -1\nd.jpg -1 -1 -1\n"
TIME = "20170109142408075.jpg.chip.jpg"


def read(
    kind: str, folder: Path, images: Path, texts: list[Path], seed: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The faces and those rejected, read into `folder`."""
    read_faces(
        images=images,
        texts=texts,
        sampled=folder / "sampled.parquet",
        rejected=folder / "rejected.csv",
        reader=kind,
        amount=Amount(None),
        dataset="source",
        seed=seed,
    )
    split_dataset(
        sampled=folder / "sampled.parquet",
        earlier=[],
        faces=folder / "faces.parquet",
        duplicates=folder / "duplicates.csv",
        split=Split(train=0.5, test=0.5),
        settings=Duplicates(),
        dataset="source",
        seed=seed,
    )
    faces = read_table(folder / "faces.parquet", FACES)
    return faces, read_table(folder / "rejected.csv", REJECTED)


def utkface(folder: Path, names: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for name in names:
            archive.writestr(f"UTKFace/{name}", name)
    return read("utkface", folder, folder / "images.zip", [])


def test_utkfaces_names_are_its_labels(tmp_path: Path) -> None:
    faces, rejected = utkface(tmp_path, [f"26_1_4_{TIME}", f"100_0_0_{TIME}", "readme.txt"])
    faces = faces.set_index("age")
    assert faces.loc[26, ["gender", "race_raw"]].tolist() == ["female", "Others"]
    assert faces.loc[100, ["gender", "race_raw"]].tolist() == ["male", "White"]
    assert faces.loc[26, "face_id"] == "26_1_4_20170109142408075"
    assert faces["subject_id"].isna().all()
    assert rejected["path"].tolist() == ["UTKFace/readme.txt"]
    assert rejected["reason"].tolist() == ["not an image by its name"]


def test_utkfaces_odd_names_have_their_labels(tmp_path: Path) -> None:
    """As in the real set; what lies beside an image and has its name is none."""
    names = ["44_1_4_20170116235150272.pg", "55_0_0_20170116232725357jpg"]
    names += ["24_0_1_20170116220224657 .jpg.chip.jpg", "56_0_0_20170116232725357jpg.chip.jpg"]
    faces, rejected = utkface(tmp_path, [*names, f"26_1_4_{TIME}", "26_1_4_20170109142408075.pts"])
    assert sorted(faces["age"]) == [24, 26, 44, 55, 56]
    labels = faces.set_index("age")[["gender", "race_raw"]]
    assert labels.loc[44].tolist() == ["female", "Others"]
    assert labels.loc[24].tolist() == ["male", "Black"]
    assert rejected["path"].tolist() == ["UTKFace/26_1_4_20170109142408075.pts"]


def test_an_age_that_nobody_has_is_rejected(tmp_path: Path) -> None:
    faces, rejected = utkface(tmp_path, [f"151_1_4_{TIME}", f"150_1_4_{TIME}", f"1_1_1_{TIME}"])
    assert sorted(faces["age"]) == [1, 150]
    assert rejected["reason"].tolist() == ["age 151 in its name, above 150 years"]


@pytest.mark.parametrize(
    "name",
    [
        f"61_1_{TIME}",
        f"61_3_{TIME}",
        "39_1_20170116174525125.jpg.chip.jpg",
        f"61_2_1_{TIME}",
        f"6_1_5_{TIME}",
        "me.jpg",
    ],
)
def test_a_malformed_name_is_rejected_and_not_guessed(name: str, tmp_path: Path) -> None:
    faces, rejected = utkface(tmp_path, [name, f"26_1_4_{TIME}", f"1_1_1_{TIME}"])
    assert len(faces) == 2
    assert rejected["path"].tolist() == [f"UTKFace/{name}"]
    assert "labels are unknown" in rejected["reason"][0]


def test_no_image_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"images\.zip: no image in it"):
        utkface(tmp_path, ["readme.txt"])
    with pytest.raises(DataError, match="data set source: not one image with labels") as error:
        utkface(tmp_path, ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "readme.txt"])
    assert "; 1 rejected, not an image by its name: UTKFace/readme.txt;" in str(error.value)
    assert "; 4 rejected, name is not [age]" in str(error.value)
    assert "UTKFace/a.jpg, UTKFace/b.jpg, UTKFace/c.jpg, ..." in str(error.value)


CELEBA = ("list_attr_celeba.txt", "identity_CelebA.txt", "list_landmarks_align_celeba.txt")


def celeba(folder: Path, **changes: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    files = {
        "list_attr_celeba": ATTRIBUTES,
        "identity_CelebA": "a.jpg 7\nb.jpg 7\nc.jpg 8\nd.jpg 9\n",
        "images": "a b c d",
        **changes,
    }
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for name in files.pop("images").split():
            place = "" if "/" in name else "img_align_celeba/"
            archive.writestr(f"{place}{name}.jpg", name)
    for name, text in files.items():
        (folder / f"{name}.txt").write_bytes(text.encode())
    texts = [folder / name for name in CELEBA if (folder / name).exists()]
    return read("celeba", folder, folder / "img_align_celeba.zip", texts)


def test_celebas_files_become_one_table(tmp_path: Path) -> None:
    faces, rejected = celeba(tmp_path)
    faces = faces.set_index("face_id")
    assert faces.loc["a", ["Bangs", "Male", "Young"]].tolist() == [1, 0, 1]
    assert faces.loc["b", ["gender", "subject_id"]].tolist() == ["male", "7"]
    assert faces["path"]["c"] == "img_align_celeba/c.jpg"
    assert faces.loc["a", "split"] == faces.loc["b", "split"], "one person, one part"
    assert faces["age"].isna().all()
    assert rejected.empty


def test_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "unix").mkdir()
    (tmp_path / "windows").mkdir()
    plain, _ = celeba(tmp_path / "unix")
    other, _ = celeba(tmp_path / "windows", list_attr_celeba=ATTRIBUTES.replace("\n", "\r\n"))
    pd.testing.assert_frame_equal(plain, other)


def test_rows_and_images_without_each_other_are_listed(tmp_path: Path) -> None:
    _, rejected = celeba(tmp_path, images="a b c e")
    assert rejected.set_index("path")["reason"].to_dict() == {
        "d.jpg": "a row of list_attr_celeba.txt, but no image",
        "img_align_celeba/e.jpg": "no row in list_attr_celeba.txt",
    }


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "list_attr_celeba",
            "5\nMale\na.jpg 1\n",
            r"list_attr_celeba\.txt: line 1 says 5 images, 1 rows follow",
        ),
        (
            "list_attr_celeba",
            "1\nBangs Male\na.jpg 1\n",
            r"list_attr_celeba\.txt, line 3: .* 2 values",
        ),
        ("list_attr_celeba", "1\nMale\na.jpg 1 1\n", r"list_attr_celeba\.txt, line 3: .* 1 values"),
        ("list_attr_celeba", "1\nMale\na.jpg 2\n", r"list_attr_celeba\.txt, line 3"),
        (
            "list_attr_celeba",
            "2\nMale\na.jpg 1\na.jpg 1\n",
            r"list_attr_celeba\.txt: a\.jpg has two rows",
        ),
        (
            "list_attr_celeba",
            "1\nBangs\na.jpg 1\n",
            r"list_attr_celeba\.txt, line 2: no attribute Male",
        ),
        ("list_attr_celeba", "path,Male\na.jpg,1\n", r"list_attr_celeba\.txt: not CelebA's"),
        (
            "identity_CelebA",
            "a.jpg 7\nb.jpg 7\nc.jpg 8\n",
            r"identity_CelebA\.txt: no row for d\.jpg",
        ),
        ("list_attr_celeba", "1\nMale Male\na.jpg 1 1\n", "line 2: two attributes are called Male"),
        ("identity_CelebA", "a.jpg\n", r"identity_CelebA\.txt, line 1"),
        ("images", "a b x/c y/c", r"celeba\.zip: x/c\.jpg and y/c\.jpg are both c\.jpg"),
        ("images", "w x y z", "do not belong together: of 4 rows and 4 images 0"),
    ],
)
def test_files_that_do_not_fit_are_named(
    file: str, text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        celeba(tmp_path, **{file: text})
    assert not (tmp_path / "faces.parquet").exists()


def folder_of(folder: Path, text: str, names: tuple[str, ...] = ("a.jpg", "b c.png", "ü/d.jpg")):
    for name in names:
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return read("folder", folder, folder / "images", [folder / "labels.csv"])


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    faces, rejected = folder_of(
        tmp_path, "path,subject_id,gender,Young\na.jpg,x,male,1\nb c.png,x,,\nü/d.jpg,y,female,0\n"
    )
    assert sorted(faces["path"]) == ["a.jpg", "b c.png", "ü/d.jpg"]
    assert faces.set_index("path")["Young"].isna()["b c.png"]
    assert rejected.empty


def test_a_column_of_words_is_one_to_group_by(tmp_path: Path) -> None:
    """Such as a scale of skin tone, a camera or a region."""
    table = "path,region,empty\na.jpg,East Asia,\nb c.png,,\nü/d.jpg,Sahel,\n"
    faces = folder_of(tmp_path, table)[0].set_index("path")
    assert faces["region"].dropna().to_dict() == {"a.jpg": "East Asia", "ü/d.jpg": "Sahel"}
    assert faces["empty"].isna().all()


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
        ("path,Young\na.jpg,yes\nb c.png,1\n", r"labels\.csv, row 2: Young is 'yes', allowed: 0"),
        (
            "path,yaw\na.jpg,12.5\n",
            r"labels\.csv, row 2: yaw is '12\.5', allowed: 0, 1 or nothing \(",
        ),
        ("path,age\na.jpg,900\n", r"labels\.csv, row 2: age is '900', allowed: 0 to 150"),
        ("path\na.jpg\na.jpg\n", r"labels\.csv, row 3: 'a\.jpg' has two rows"),
        ("path,split\na.jpg,train\n", "split is a column that facegap itself"),
        ("", r"labels\.csv: not readable as CSV"),
        ("path,age\na.jpg,NA\n", r"labels\.csv, row 2: age is 'NA', allowed: 0 to 150"),
        ("path,age\na.jpg,30\nb c.png,31,x\n", r"labels\.csv, line 3: 3 fields"),
        ("path,age,\na.jpg,30,x\n", r"labels\.csv: column 3 has no name"),
        ("path,Young,Young\na.jpg,0,1\n", r"labels\.csv: two columns are called Young"),
    ],
)
def test_a_wrong_csv_is_named_by_row(csv: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        folder_of(tmp_path, csv)


def test_a_spreadsheets_semicolons_commas_and_words_are_read(tmp_path: Path) -> None:
    faces, _ = folder_of(tmp_path, "path;age;Young\na.jpg;30,5;WAHR\nb c.png;31;FALSE\n")
    assert faces["age"].tolist() == [30.5, 31]
    assert faces["Young"].tolist() == [1, 0]


@pytest.mark.parametrize("name", sorted(OURS))
def test_columns_of_ours_are_refused_by_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"labels\.csv: {name} is a column that facegap itself"):
        folder_of(tmp_path, f"path,{name}\na.jpg,1\n")


@pytest.mark.parametrize("name", sorted({*OURS, *KNOWN}))
def test_attributes_of_celeba_with_names_of_ours_are_refused(name: str, tmp_path: Path) -> None:
    attributes = ATTRIBUTES.replace("Bangs", name)
    with pytest.raises(DataError, match=rf"line 2: {name} is a column that facegap itself"):
        celeba(tmp_path, list_attr_celeba=attributes)


@settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(ANY_NAME, min_size=1, max_size=4, unique=True))
def test_attributes_of_ones_own_may_have_any_other_name(tmp_path: Path, names: list[str]) -> None:
    names = [name for name in names if name.strip() == name and name != "\0"]
    with io.StringIO(newline="") as file:
        images = [[name, *"1" * len(names)] for name in ("a.jpg", "b c.png")]
        csv.writer(file).writerows([["path", *names], *images])
        faces, _ = folder_of(tmp_path, file.getvalue())
    assert faces[names].iloc[0].tolist() == [1] * len(names)


@pytest.mark.parametrize("header", ["path,age,", "path,age", "sep=,\npath,age"])
def test_an_empty_column_without_a_name_is_none(header: str, tmp_path: Path) -> None:
    faces, _ = folder_of(tmp_path, f"{header}\na.jpg,30,\nb c.png,31,\n")
    assert faces["age"].tolist() == [30, 31]
    assert set(faces.columns) == set(FACES.columns)


@pytest.mark.parametrize("word", ["NA", "null", "None", "nan", "N/A"])
def test_a_word_for_nothing_is_a_name_like_any_other(word: str, tmp_path: Path) -> None:
    csv = f"path,subject_id\na.jpg,{word}\nb c.png,{word}\nü/d.jpg,\n"
    faces, _ = folder_of(tmp_path, csv)
    subjects = faces.set_index("path")["subject_id"]
    assert subjects[["a.jpg", "b c.png"]].tolist() == [word, word]
    assert subjects.isna()["ü/d.jpg"]


def test_a_format_that_is_not_read_is_said_to_be(tmp_path: Path) -> None:
    names = ("a.jpg", "b.heic", "c.jfif", "d.JPE", "notes.txt")
    faces, rejected = folder_of(tmp_path, "path\na.jpg\nb.heic\nc.jfif\nd.JPE\n", names)
    assert sorted(faces["path"]) == ["a.jpg", "c.jfif", "d.JPE"]
    assert rejected["path"].tolist() == ["b.heic"]
    assert "not of a format that is read (JPEG, PNG," in rejected["reason"][0]


def test_a_name_in_other_bytes_than_utf_8_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "images") + b"/J\xfcrgen.jpg")).write_bytes(b"x")
    _, rejected = folder_of(tmp_path, "path\na.jpg\nb c.png\nü/d.jpg\n")
    assert rejected["path"].tolist() == [r"J\xfcrgen.jpg"]
    assert rejected["reason"].tolist() == ["name is not UTF-8; rename it"]


POINTS = "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y "
POINTS += "leftmouth_x leftmouth_y rightmouth_x rightmouth_y"


def test_celebas_own_landmarks_are_kept(tmp_path: Path) -> None:
    numbers = " ".join(map(str, range(10)))
    rows = [f"{name}.jpg {numbers}\n" for name in "abcd"]
    (tmp_path / "list_landmarks_align_celeba.txt").write_text(f"4\n{POINTS}\n{''.join(rows)}")
    points = celeba(tmp_path)[0].set_index("face_id")["official_landmarks"]
    assert list(points["a"]) == list(range(10))
    for count, some, message in (
        (4, rows[:3], "line 1 says 4 images, 3 rows follow"),
        (3, rows[:3], r"no row for d\.jpg"),
        (5, [*rows, rows[0]], r"a\.jpg has two rows"),
    ):
        (tmp_path / "list_landmarks_align_celeba.txt").write_text(
            f"{count}\n{POINTS}\n{''.join(some)}"
        )
        with pytest.raises(DataError, match=rf"list_landmarks_align_celeba\.txt: {message}"):
            celeba(tmp_path)
    for bad in (f"1\n{POINTS}\na.jpg 1 2 3\n", f"1\n{POINTS}\na.jpg {'x ' * 10}\n"):
        (tmp_path / "list_landmarks_align_celeba.txt").write_text(bad)
        with pytest.raises(
            DataError, match=r"list_landmarks_align_celeba\.txt, line 3: a file name and 10 numbers"
        ):
            celeba(tmp_path)


def test_utkface_in_the_wild(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("part1/7_1_3_20170109142408075.jpg", b"one")
        archive.writestr("part2/70_0_1_20170109142408076.jpg", b"two")
    faces = read("utkface", tmp_path, tmp_path / "images.zip", [])[0].set_index("face_id")
    assert faces.loc["7_1_3_20170109142408075", ["age", "race_raw"]].tolist() == [7, "Indian"]


def duplicates(folder: Path) -> pd.DataFrame:
    return read_table(folder / "duplicates.csv", DUPLICATES)


def test_the_same_bytes_are_listed_and_stay_together(tmp_path: Path) -> None:
    """Two labels for one face: both rows stay, and the list says in what they differ."""
    twins = {
        "a1": b"same",
        "a2": b"same",
        "b1": b"alike",
        "b2": b"alike",
        "empty1": b"",
        "empty2": b"",
    }
    csv = "path,gender\na1.jpg,male\na2.jpg,female\nb1.jpg,male\nb2.jpg,male\n"
    for k in range(20):
        twins[f"z{k:02d}"] = f"single {k}".encode()
    (tmp_path / "images").mkdir()
    for name, data in twins.items():
        (tmp_path / "images" / f"{name}.jpg").write_bytes(data)
        csv += f"{name}.jpg,\n" if name[0] in "ez" else ""
    (tmp_path / "labels.csv").write_text(csv)
    for seed in range(8):
        faces, _ = read("folder", tmp_path, tmp_path / "images", [tmp_path / "labels.csv"], seed)
        split = faces.set_index("face_id")["split"]
        assert split["a1"] == split["a2"]
        assert split["b1"] == split["b2"]
    found = duplicates(tmp_path).set_index("face_id")
    assert found["other"].to_dict() == {"a1": "a2", "a2": "a1", "b1": "b2", "b2": "b1"}
    assert found["same_bytes"].all()
    assert found["differs"]["a2"] == "gender"
    assert found["differs"].isna()["b2"]


def test_persons_with_an_image_in_common_are_in_one_part(tmp_path: Path) -> None:
    rows = [("1a", "x", b"1"), ("1b", "x", b"shared"), ("2a", "y", b"shared"), ("2b", "y", b"2")]
    rows += [(f"9{k}", f"z{k}", f"{k}".encode()) for k in range(4)]
    (tmp_path / "images").mkdir()
    for name, _, data in rows:
        (tmp_path / "images" / f"{name}.jpg").write_bytes(data)
    lines = [f"{name}.jpg,{subject}" for name, subject, _ in rows]
    (tmp_path / "labels.csv").write_text("\n".join(["path,subject_id", *lines]))
    for seed in range(8):
        faces, _ = read("folder", tmp_path, tmp_path / "images", [tmp_path / "labels.csv"], seed)
        faces = faces.set_index("face_id")
        assert faces.loc[["1a", "1b", "2a", "2b"], "split"].nunique() == 1
        assert faces.loc["2a", "subject_id"] == "y"


FAIRFACE = """file,age,gender,race,service_test
train/1.jpg,50-59,Male,East Asian,True
train/2.jpg,more than 70,Female,Latino_Hispanic,False
train/3.jpg,3-9,Female,White,False
"""


def fairface(
    folder: Path, csv: str = FAIRFACE, more: tuple[str, ...] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    with zipfile.ZipFile(folder / "fairface.zip", "w") as archive:
        for name in ("train/1", "train/2", "val/1", "val/9", *more):
            archive.writestr(f"fairface/{name}.jpg", name)
    (folder / "train.csv").write_text(csv)
    (folder / "val.csv").write_text(
        "file,age,gender,race,service_test\nval/1.jpg,0-2,Male,Black,True"
    )
    labels = [folder / "train.csv", folder / "val.csv"]
    return read("fairface", folder, folder / "fairface.zip", labels)


def test_fairface(tmp_path: Path) -> None:
    faces, rejected = fairface(tmp_path)
    faces = faces.set_index("path")
    assert faces["age"].to_dict() == {
        "fairface/train/1.jpg": 55,
        "fairface/train/2.jpg": 70,
        "fairface/val/1.jpg": 1.5,
    }
    assert faces.loc["fairface/train/2.jpg", "race_raw"] == "Latino_Hispanic"
    assert faces["gender"]["fairface/val/1.jpg"] == "male"
    assert sorted(rejected["path"]) == ["fairface/val/9.jpg", "train/3.jpg"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("race,", "rasse,", r"train\.csv: not FairFace's: no column race"),
        ("train/2.jpg", "", r"train\.csv, row 3: no file; fill it in"),
        ("Male", "M", r"train\.csv, row 2: gender is 'M', allowed are Male, Female"),
        ("White", "Martian", r"train\.csv, row 4: race is 'Martian'"),
        ("3-9", "03-Sep", r"train\.csv, row 4: age is '03-Sep', no range of years"),
        ("train/2", "train/1", r"train\.csv: train/1\.jpg has two rows"),
    ],
)
def test_labels_that_are_not_fairfaces_are_named(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        fairface(tmp_path, FAIRFACE.replace(old, new))


def test_two_margins_of_fairface_are_not_mixed(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"zip: .*margin125/train/1\.jpg and .* are both train/1\.jpg"
    ):
        fairface(tmp_path, more=("margin125/train/1",))


def test_lfw_knows_its_persons(tmp_path: Path) -> None:
    names = ["Ann_Lee/Ann_Lee_0001", "Ann_Lee/Ann_Lee_0002", "Bo/Bo_0001", "Bo/Ann_Lee_0003"]
    with zipfile.ZipFile(tmp_path / "lfw.zip", "w") as archive:
        for name in names:
            archive.writestr(f"lfw/{name}.jpg", name)
        archive.writestr("lfw/readme", "words")
    faces, rejected = read("lfw", tmp_path, tmp_path / "lfw.zip", [])
    assert faces["subject_id"].tolist() == ["Ann_Lee", "Ann_Lee", "Bo"]
    assert rejected["path"].tolist() == ["lfw/readme", "lfw/Bo/Ann_Lee_0003.jpg"]


def zipped(folder: Path, rows: list[str], names: list[str]) -> pd.DataFrame:
    """The faces of a zip of `names` and a table of `rows`."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for name in names:
            archive.writestr(name, name)
    (folder / "labels.csv").write_text("\n".join(["path,subject_id", *rows]), encoding="utf-8")
    return read("folder", folder, folder / "images.zip", [folder / "labels.csv"])[0]


LOOKING = ["Jürgen/1.jpg", "José/1.jpg", "anna/1.jpg", "ben/1.jpg"]


@pytest.mark.parametrize("ours", ["NFC", "NFD"])
@pytest.mark.parametrize("theirs", ["NFC", "NFD"])
def test_names_that_look_alike_are_one(tmp_path: Path, ours: str, theirs: str) -> None:
    rows = [f"{path},{path[:2]}" for path in LOOKING]
    rows = [unicodedata.normalize(ours, row) for row in rows]
    faces = zipped(tmp_path, rows, [unicodedata.normalize(theirs, name) for name in LOOKING])
    assert faces["path"].tolist() == sorted(LOOKING)
    assert set(faces["subject_id"]) == {path[:2] for path in LOOKING}


def test_a_person_in_two_forms_is_one(tmp_path: Path) -> None:
    rows = ["a/1.jpg,José", "a/2.jpg,Jose\u0301", "b/1.jpg,ben", "c/1.jpg,carl"]
    faces = zipped(tmp_path, rows, [row.split(",")[0] for row in rows])
    assert faces["subject_id"].nunique() == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda name: name.replace(".jpg", ".JPG"),
            r"labels\.csv: the path '.*/1\.jpg' is written",
        ),
        (
            lambda name: name.replace("a/1.jpg", "a/1.JPG"),
            r"'anna/1\.jpg' is written 'anna/1\.JPG' in",
        ),
        (lambda name: name.title(), "write them alike"),
        (
            lambda name: f"images/{name}",
            r"images\.zip: the images lie below images/, .*labels\.csv",
        ),
        (lambda name: f"a/b/{name}", r"the images lie below a/b/"),
        (lambda name: name.encode().decode("cp1252"), r"'José/1\.jpg' with its .* utf-8"),
        (lambda name: name.encode("cp1252").decode("cp437"), "in the encoding cp1252"),
        (lambda name: name.split("/")[1].replace("1", name[:3]), None),
    ],
)
def test_images_that_are_called_otherwise_are_not_lost(
    change: Callable[[str], str], message: str | None, tmp_path: Path
) -> None:
    names = [change(name) for name in LOOKING]
    with pytest.raises(DataError, match=message or "not one image with labels"):
        zipped(tmp_path, [f"{path}," for path in LOOKING], names)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.replace("/", "\\"), r"the path 'Jürgen\\\\1\.jpg' is written 'Jürgen/1"),
        (lambda path: f"C:\\data\\{path}", r"labels\.csv: the paths begin with C:/data/, which"),
        (lambda path: f"/data/mine/{path}", r"the paths begin with /data/mine/, which"),
        (lambda path: f" {path.upper()} ", "write them alike"),
    ],
)
def test_nor_are_rows_that_are_written_otherwise(
    change: Callable[[str], str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        zipped(tmp_path, [f"{change(path)}," for path in LOOKING], LOOKING)


def test_an_image_that_is_not_there_is_listed_as_before(tmp_path: Path) -> None:
    """Though an image elsewhere has its file name."""
    rows = [f"{path}," for path in [*LOOKING, "1.jpg", "顔.jpg"]]
    faces = zipped(tmp_path, rows, [*LOOKING, "old/1.jpg", "山.jpg"])
    assert len(faces) == len(LOOKING)
    assert len(read_table(tmp_path / "rejected.csv", REJECTED)) == 4


def test_a_name_in_latin_1_that_a_row_means_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "images") + b"/J\xfcrgen.jpg")).write_bytes(b"x")
    with pytest.raises(DataError, match=r"seems to be 'Jürgen\.jpg' .* encoding cp1252"):
        folder_of(tmp_path, "path\na.jpg\nb c.png\nü/d.jpg\nJürgen.jpg\n")


def test_celebas_and_fairfaces_names_are_compared_too(tmp_path: Path) -> None:
    text = ATTRIBUTES.replace("d.jpg", "D.JPG")
    identities = "a.jpg 7\nb.jpg 7\nc.jpg 8\nD.JPG 9\n"
    with pytest.raises(DataError, match=r"celeba\.txt: the path 'D\.JPG' is written 'd\.jpg'"):
        celeba(tmp_path, list_attr_celeba=text, identity_CelebA=identities)
    with pytest.raises(
        DataError, match=r"train\.csv: the path 'train/1\.JPG' is written 'train/1\.jpg'"
    ):
        fairface(tmp_path, FAIRFACE.replace("1.jpg", "1.JPG"))


def test_an_image_that_native_code_dies_of_is_left_for_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(data: bytes, path: str) -> None:
        if path == "anna/1.jpg":
            os.abort()

    monkeypatch.setattr("facegap.acquire.reading.looks", deadly)
    assert len(zipped(tmp_path, [f"{path}," for path in LOOKING], LOOKING)) == 4


def test_a_folder_that_links_to_itself_has_each_face_once(tmp_path: Path) -> None:
    images = tmp_path / "UTKFace"
    images.mkdir()
    for k in range(10):
        (images / f"{20 + k}_0_{k % 5}_2017010915055733{k}.jpg").write_text(str(k))
    (images / "latest").symlink_to(".")
    assert len(read("utkface", tmp_path, images, [])[0]) == 10
