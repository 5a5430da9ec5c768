"""Outputs of editors: what is asked for is read, and every line that is not is named."""

import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from facegap.errors import DataError
from facegap.model_translations import Changes, read_translations

SIZE = 8
ASKED = Changes(
    pd.DataFrame(
        {
            "face_id": ["a", "a", "b"],
            "attribute": ["Young", "Bangs", "Young"],
            "value": pd.array([0, 1, 1], "Int8"),
        }
    ),
    SIZE,
)
NAMES = {"a": "a", "b": "b", "1234": "a"}


def edited(folder: Path, *rows: tuple[Any, ...], sep: str = ",") -> Path:
    """A folder of an editor: `rows` of face, attribute, value, file; grey images of value k."""
    folder.mkdir()
    lines = [sep.join(("face", "attribute", "value", "file"))]
    lines += [sep.join(map(str, row)) for row in rows]
    (folder / "translations.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    for k, row in enumerate(rows):
        if row[3]:
            Image.new("RGB", (SIZE, SIZE), (k, k, k)).save(folder / row[3])
    return folder


def test_what_was_asked_is_given_by_its_row(tmp_path: Path) -> None:
    rows = [("b", "Young", 1, "x.png"), ("1234", "Bangs", "true", "y.png")]
    place = edited(tmp_path / "out", *rows, sep=";")
    taken: dict[int, int] = {}
    there = read_translations(
        place, NAMES, ASKED, lambda row, image: taken.update({row: image[0, 0, 0]})
    )
    assert taken == {2: 0, 1: 1}
    assert there.tolist() == [False, True, True]
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as archive:
        for path in place.iterdir():
            archive.write(path, path.name)
    assert read_translations(tmp_path / "out.zip", NAMES, ASKED).tolist() == there.tolist()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("c", "Young", 1, "z.png"), "line 3, face 'c': no face of this name was exported"),
        (("a", "Bald", 1, "z.png"), "Bald changed to 1 is not asked of this face"),
        (("b", "Young", 0, "z.png"), "Young changed to 0 is not asked of this face"),
        (("b", "Young", "maybe", "z.png"), "Young changed to maybe is not asked"),
        (("a", "Young", 0, "z.png"), "line 3, face 'a': a second row; line 2 has the first"),
        (("b", "Young", 1, ""), "no file; name its image"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(
    row: tuple[Any, ...], words: str, tmp_path: Path
) -> None:
    place = edited(tmp_path / "out", ("a", "Young", 0, "x.png"), row)
    with pytest.raises(DataError, match=words):
        read_translations(place, NAMES, ASKED)


def test_images_that_cannot_be_used_are_named_with_their_line(tmp_path: Path) -> None:
    rows = [("a", "Young", 0, "x.png"), ("a", "Bangs", 1, "y.png"), ("b", "Young", 1, "z.png")]
    place = edited(tmp_path / "out", *rows)
    Image.new("RGB", (SIZE, SIZE + 1)).save(place / "x.png")
    (place / "y.png").write_bytes(b"no image")
    (place / "z.png").unlink()
    with pytest.raises(DataError) as caught:
        read_translations(place, NAMES, ASKED)
    for words in ("line 2", "8 x 9 pixels; exported faces have 8", "line 3", "not an image"):
        assert words in str(caught.value)
    assert "line 4, face 'b': z.png: missing" in str(caught.value)
    edited(tmp_path / "other", ("a", "Young", 0, "../out/x.png"))
    with pytest.raises(DataError, match="leads outside of the images"):
        read_translations(tmp_path / "other", NAMES, ASKED)


def test_a_folder_without_its_table_or_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match=r"translations.csv: missing; write one row an image"):
        read_translations(tmp_path / "out", NAMES, ASKED)
    (tmp_path / "out/translations.csv").write_text("face,value\na,1\n")
    with pytest.raises(DataError, match="no column attribute, file; it has face, value"):
        read_translations(tmp_path / "out", NAMES, ASKED)
    (tmp_path / "out/translations.csv").write_text("face,attribute,value,file\n")
    with pytest.raises(DataError, match="no rows below the header"):
        read_translations(tmp_path / "out", NAMES, ASKED)
