"""Each kind of collection as one table of faces; lists of what is set aside or there twice."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from facegap import tables
from facegap.acquire.splits import Split, choose, split_table
from facegap.errors import DataError
from facegap.images import FORMATS, ImageError, open_images
from facegap.seeds import generator

IMAGE = re.compile(r"\.(jpe?g|jpe|jfif|png|webp|bmp|tiff?|gif|ppm)$", re.IGNORECASE)
UTKFACE_NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_(?:\d+\.|\d{8,})")
OLDEST = 150  # years
FAIRFACE_RACES = (
    *("White", "Black", "East Asian", "Southeast Asian", "Indian"),
    *("Middle Eastern", "Latino_Hispanic"),
)
CELEBA_POINTS = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
UTKFACE_RACES = ("White", "Black", "Asian", "Indian", "Others")
KNOWN = ("path", "subject_id", "age", "gender", "race_raw")  # other columns are attributes
NOT_LABELS = ("path", "face_id", "split", "official_split", "official_landmarks")
Outputs = Mapping[str, str | Path]  # where `faces`, `rejected` and `duplicates` are written
NO_REJECTED: dict[str, list[str]] = {"path": [], "face_id": [], "reason": []}
NO_IMAGE = "not an image by its name"
UNREAD = f"its name is not of a format that is read ({', '.join(FORMATS)}); convert it"
Rejected = dict[str, str | None]


def read_utkface(
    images: str | Path,
    outputs: Outputs,
    *,
    faces: int | None,
    split: Split,
    seed: int,
    dataset: str,
) -> None:
    """UTKFace, aligned or in the wild, from a folder or a zip: labels are in the file names.

    `[age]_[gender]_[race]_[time].jpg`, of an aligned face with `.chip.jpg` behind it: gender 0
    male, 1 female; race 0 to 4 White, Black, Asian, Indian, Others (the authors' page). The real
    set has a few that end otherwise (`.pg`, `jpg`), which are images too. Names without all labels
    are set aside, never guessed. Persons are not known.
    """
    paths, aside = _images_in(images)
    stems = {_stem(path) for path in paths}  # another file of one lies beside its image
    for path in [path for path, reason in aside.items() if reason == NO_IMAGE]:
        if UTKFACE_NAME.match(PurePosixPath(path).name) and _stem(path) not in stems:
            paths.append(path)
            del aside[path]
    rows, rejected = [], _rows_of(aside)
    for path in paths:
        found = UTKFACE_NAME.match(PurePosixPath(path).name)
        if found is None:
            reason = "name is not [age]_[gender 0-1]_[race 0-4]_[time], so its labels are unknown"
            rejected.append(_rejected(path, reason))
        elif int(found[1]) > OLDEST:
            rejected.append(_rejected(path, f"age {found[1]} in its name, above {OLDEST} years"))
        else:
            age, gender, race = (int(part) for part in found.groups())
            rows.append((path, float(age), tables.GENDERS[gender], UTKFACE_RACES[race]))
    table = pd.DataFrame(rows, columns=["path", "age", "gender", "race_raw"])
    table["subject_id"] = None
    about = {"source": "UTKFace", "licence": "non-commercial research only"}
    _write(table, rejected, images, outputs, faces, split, (seed, dataset), about)


def read_celeba(
    images: str | Path,
    attributes: str | Path,
    identities: str | Path,
    partitions: str | Path,
    landmarks: str | Path | None,
    outputs: Outputs,
    *,
    faces: int | None,
    split: Split,
    seed: int,
    dataset: str,
) -> None:
    """CelebA from its images (zip or folder) and its text files.

    Attributes become 0 and 1; gender is `Male`; `landmarks`, when given, are kept as
    `official_landmarks`, float32 (10,): x and y of both eyes, nose and corners of the mouth.
    Images without a row, and rows without an image, are set aside when they are few; files that
    do not belong together are a `DataError`.
    """
    table = _celeba_attributes(attributes)
    further: list[tuple[str | Path, str, Mapping[str, object]]] = [
        (identities, "subject_id", _two_columns(identities)),
        (partitions, "official_split", _celeba_parts(partitions)),
    ]
    if landmarks is not None:
        further.append((landmarks, "official_landmarks", _celeba_landmarks(landmarks)))
    for path, column, values in further:
        for name in table.index.difference(list(values)):
            raise DataError(f"{path}: no row for {name}, which {attributes} names")
        own = [values[str(name)] for name in table.index]
        table[column] = pd.Series(own, index=table.index, dtype=object).infer_objects()
    paths, aside = _images_in(images)
    names = pd.Series(_by_name(paths, lambda path: PurePosixPath(path).name, images))
    both = table.index.intersection(names.index, sort=False)
    missing, unnamed = table.index.difference(both), names.index.difference(both)
    if len(both) < 0.5 * max(len(table), len(names)):
        raise DataError(
            f"{attributes} and {images} do not belong together: of {len(table)} rows and"
            f" {len(names)} images {len(both)} have the same name"
        )
    rejected = _rows_of(aside)
    rejected += [
        _rejected(name, f"a row of {Path(attributes).name}, but no image") for name in missing
    ]
    rejected += [_rejected(names[name], f"no row in {Path(attributes).name}") for name in unnamed]
    table = table.loc[both]
    table["path"] = names[both]
    table["gender"] = np.where(table["Male"] == 1, "male", "female")
    table["age"], table["race_raw"] = np.nan, None
    about = {"source": "CelebA", "licence": "non-commercial research only"}
    _write(table, rejected, images, outputs, faces, split, (seed, dataset), about)


def read_fairface(
    images: str | Path,
    labels: Sequence[str | Path],
    outputs: Outputs,
    *,
    faces: int | None,
    split: Split,
    seed: int,
    dataset: str,
) -> None:
    """FairFace from its images (zip, or the folder with train/ and val/) and its one or two CSVs.

    Ages come as ranges of years (`20-29`, `more than 70`); age is the middle of the range, and its
    lower end where it has no upper one. Persons are not known.
    """
    table = pd.concat([_fairface_labels(path) for path in labels], ignore_index=True)
    _refuse_duplicates(pd.Index(table["path"]), labels[0])
    paths, aside = _images_in(images)
    found = _by_name(paths, _below_part, images)
    rejected = _rows_of(aside)
    rejected += [
        _rejected(path, "a row of FairFace's labels, but no image")
        for path in table["path"][~table["path"].isin(found)]
    ]
    rejected += [
        _rejected(found[name], "no row in FairFace's labels")
        for name in sorted(set(found) - set(table["path"]))
    ]
    table = table[table["path"].isin(found)]
    table["path"] = table["path"].map(found)
    about = {"source": "FairFace", "licence": "CC BY 4.0"}
    _write(table, rejected, images, outputs, faces, split, (seed, dataset), about)


def _below_part(path: str) -> str:
    """`train/1.jpg` of a path in whatever folder, as the labels name it."""
    return "/".join(PurePosixPath(path).parts[-2:])


def _fairface_labels(path: str | Path) -> pd.DataFrame:
    table = _read_csv(path)
    missing = [name for name in ("file", "age", "gender", "race") if name not in table]
    if missing:
        raise DataError(f"{path}: not FairFace's: no column {', '.join(missing)}")
    for row in np.flatnonzero(table["file"].isna()):
        raise DataError(f"{path}, row {row + 2}: no file; fill it in, or remove the row")
    for name, allowed in (("gender", ("Male", "Female")), ("race", FAIRFACE_RACES)):
        for row in np.flatnonzero(~table[name].isin(allowed)):
            raise DataError(
                f"{path}, row {row + 2}: {name} is {table[name][row]!r}, allowed are"
                f" {', '.join(allowed)}"
            )
    ages = table["age"].map(_middle_of)
    for row in np.flatnonzero(ages.isna()):
        raise DataError(f"{path}, row {row + 2}: age is {table['age'][row]!r}, no range of years")
    return pd.DataFrame(
        {
            "path": table["file"],
            "subject_id": None,
            "age": ages,
            "gender": table["gender"].str.lower(),
            "race_raw": table["race"],
            "official_split": table["file"].map(lambda name: PurePosixPath(name).parts[0]),
        }
    )


def _middle_of(words: object) -> float | None:
    """The middle of a range of years; spreadsheets make a date of 3-9, which is no range."""
    if found := re.fullmatch(r"(\d{1,2})-(\d{1,2})", str(words)):
        return (int(found[1]) + int(found[2]) + 1) / 2
    found = re.fullmatch(r"more than (\d{1,3})", str(words))
    return float(found[1]) if found else None


def read_lfw(
    images: str | Path,
    outputs: Outputs,
    *,
    faces: int | None,
    split: Split,
    seed: int,
    dataset: str,
) -> None:
    """Labeled Faces in the Wild from its folder or a zip: `Name_Name/Name_Name_0001.jpg`.

    Persons are its only labels. A file that is not named for its folder is set aside.
    """
    paths, aside = _images_in(images)
    rows, rejected = [], _rows_of(aside)
    for path in paths:
        file = PurePosixPath(path)
        if re.fullmatch(rf"{re.escape(file.parent.name)}_\d{{4}}", file.stem):
            rows.append((path, file.parent.name))
        else:
            rejected.append(_rejected(path, "not named [person]/[person]_[number]"))
    table = pd.DataFrame(rows, columns=["path", "subject_id"])
    table["age"], table["gender"], table["race_raw"] = np.nan, None, None
    about = {"source": "Labeled Faces in the Wild", "licence": "for research"}
    _write(table, rejected, images, outputs, faces, split, (seed, dataset), about)


def read_folder(
    images: str | Path,
    labels: str | Path,
    outputs: Outputs,
    *,
    faces: int | None,
    split: Split,
    seed: int,
    dataset: str,
) -> None:
    """A user's images and a CSV: `path`, and any of subject_id, age, gender, race_raw, attributes.

    Columns of other names are binary attributes (0, 1 or empty). Rows whose image is missing, and
    images without a row, are set aside.
    """
    table = _csv(labels)
    for name in KNOWN[1:]:
        table[name] = table.get(name)
    years = f"0 to {OLDEST} years or nothing"
    table["age"] = _numbers(table, "age", labels, lambda age: 0 <= age <= OLDEST, years)
    unknown = table["gender"].dropna()[lambda gender: ~gender.isin(tables.GENDERS)]
    if len(unknown):
        raise DataError(
            f"{labels}, row {unknown.index[0] + 2}: gender is {unknown.iloc[0]!r},"
            f" allowed are {', '.join(tables.GENDERS)} or nothing"
        )
    for name in table.columns.difference(list(KNOWN)):
        values = _numbers(table, name, labels, lambda value: value in (0, 1), "0, 1 or nothing")
        table[name] = values.astype("Int8")
    paths, aside = _images_in(images)
    there = set(paths)
    rejected = [_rejected(path, reason) for path, reason in aside.items() if reason != NO_IMAGE]
    rejected += [
        _rejected(
            path, UNREAD if path in aside else f"a row of {Path(labels).name}, but no such image"
        )
        for path in table["path"][~table["path"].isin(there)]
    ]
    rejected += [
        _rejected(path, f"no row in {Path(labels).name}")
        for path in sorted(there - set(table["path"]))
    ]
    table = table[table["path"].isin(there)]
    about = {"source": str(images), "licence": "the user's"}
    _write(table, rejected, images, outputs, faces, split, (seed, dataset), about)


def _write(
    table: pd.DataFrame,
    rejected: list[Rejected],
    images: str | Path,
    outputs: Outputs,
    faces: int | None,
    split: Split,
    stream: tuple[int, str],
    about: dict[str, str],
) -> None:
    """Draw the faces to use and their split, and write the tables.

    Images of the same bytes are listed, and go to one part of the split as one person's do.
    """
    if table.empty:
        raise DataError(f"data set {stream[1]}: not one image with labels{_reasons(rejected)}")
    table = table.sort_values("path", ignore_index=True)
    table["face_id"] = table["path"].map(_stem)
    twice = table["face_id"].duplicated(keep=False)
    table.loc[twice, "face_id"] = table.loc[twice, "path"]
    rng = generator(stream[0], "acquire", stream[1], "choice")
    table = table[choose(table["subject_id"], faces, rng)].reset_index(drop=True)
    same = _same_bytes(table["path"], images)
    rng = generator(stream[0], "acquire", stream[1], "split")
    alike = table.assign(subject_id=_persons(table["subject_id"], same))
    table["split"] = split_table(alike, split, rng, outputs["faces"])
    tables.write(pd.DataFrame(rejected or NO_REJECTED), outputs["rejected"], tables.REJECTED)
    tables.write(_duplicates(table, same), outputs["duplicates"], tables.DUPLICATES)
    tables.write(table, outputs["faces"], tables.FACES, about)


def _same_bytes(paths: pd.Series, images: str | Path) -> list[list[int]]:
    """The rows of `paths` whose files hold the same bytes, two and more of them, in order."""
    rows: dict[bytes, list[int]] = {}
    with open_images(images) as source:
        for row, path in enumerate(paths):
            try:
                digest = hashlib.blake2b(source.contents(path), digest_size=16).digest()
            except ImageError:
                continue  # said where the image is read
            rows.setdefault(digest, []).append(row)
    return [same for same in rows.values() if len(same) > 1]


def _persons(subjects: pd.Series, same: Sequence[Sequence[int]]) -> pd.Series:
    """Who is on each face for the split: those with an image in common are taken for one person."""
    persons = subjects.astype(object)
    for rows in same:
        known = list(dict.fromkeys(persons[list(rows)].dropna()))
        one = known[0] if known else f"\0{rows[0]}"
        persons[list(rows)] = one
        if known[1:]:
            persons[persons.isin(known[1:])] = one
    return persons


def _duplicates(table: pd.DataFrame, same: Sequence[Sequence[int]]) -> pd.DataFrame:
    labels = table.drop(columns=[name for name in NOT_LABELS if name in table])
    rows = []
    for group in same:
        values = labels.iloc[list(group)].nunique(dropna=False)
        differs = "+".join(str(name) for name in values.index[values > 1]) or None
        first = table["face_id"][group[0]]
        rows += [(table["path"][k], table["face_id"][k], first, differs) for k in group]
    return pd.DataFrame(rows, columns=list(tables.DUPLICATES.columns))


def _stem(path: str) -> str:
    name = PurePosixPath(path).name
    return name.removesuffix(".jpg.chip.jpg").split(".")[0] if "." in name else name


def _rejected(path: str, reason: str) -> Rejected:
    return {"path": path, "face_id": None, "reason": reason}


def _rows_of(aside: Mapping[str, str]) -> list[Rejected]:
    return [_rejected(path, reason) for path, reason in aside.items()]


def _reasons(rejected: Sequence[Rejected]) -> str:
    """How many were set aside and why, with the first few of each, for the end of a message."""
    paths: dict[str | None, list[str | None]] = {}
    for row in rejected:
        paths.setdefault(row["reason"], []).append(row["path"])
    words = [
        f"; {len(some)} set aside, {reason}: {', '.join(map(str, some[:3]))}"
        + (", ..." if some[3:] else "")
        for reason, some in list(paths.items())[:5]
    ]
    return "".join(words)


def _images_in(place: str | Path) -> tuple[list[str], dict[str, str]]:
    """The files at `place` with an image's name, and why each other one is set aside."""
    with open_images(place) as images:
        names = images.names()
    found, aside = [], {}
    for name in names:
        if re.search("[\ud800-\udfff]", name):  # Python puts these for bytes that are not UTF-8
            shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            aside[shown] = "name is not UTF-8; rename it"
        elif IMAGE.search(name):
            found.append(name)
        else:
            aside[name] = NO_IMAGE
    if not found:
        raise DataError(f"{place}: no image in it{_reasons(_rows_of(aside))}")
    return found, aside


def _by_name(
    paths: Iterable[str], name_of: Callable[[str], str], place: str | Path
) -> dict[str, str]:
    """The paths by the names that the labels have; two of one name are refused."""
    found: dict[str, str] = {}
    for path in paths:
        name = name_of(path)
        if name in found:
            raise DataError(
                f"{place}: {found[name]} and {path} are both {name} to the labels; keep one, or"
                " name its folder as the images"
            )
        found[name] = path
    return found


def _celeba_attributes(path: str | Path) -> pd.DataFrame:
    """The table of attributes (0 and 1, Int8), by file name; two header lines, then the rows."""
    lines = _lines(path)
    if len(lines) < 3 or not lines[0].isdigit():
        raise DataError(f"{path}: not CelebA's: line 1 has to be the number of images")
    names, rows = lines[1].split(), [line.split() for line in lines[2:]]
    if len(rows) != int(lines[0]):
        raise DataError(f"{path}: line 1 says {lines[0]} images, {len(rows)} rows follow")
    for number, row in enumerate(rows, 3):
        if len(row) != len(names) + 1 or not set(row[1:]) <= {"1", "-1"}:
            raise DataError(
                f"{path}, line {number}: a file name and {len(names)} values of 1 or -1 belong here"
            )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}, line 2: two attributes are called {twice}; rename one")
    table = pd.DataFrame([row[1:] for row in rows], columns=names, index=[row[0] for row in rows])
    _refuse_duplicates(table.index, path)
    if "Male" not in table:
        raise DataError(f"{path}, line 2: no attribute Male")
    return (table == "1").astype("Int8")


def _celeba_landmarks(path: str | Path) -> dict[str, np.ndarray]:
    """File name to five points (10,) float32; two header lines, then the rows."""
    lines = _lines(path)
    names = [f"{point}_{axis}" for point in CELEBA_POINTS for axis in "xy"]
    if len(lines) < 3 or lines[1].split() != names:
        raise DataError(f"{path}, line 2: not CelebA's: {' '.join(names)} belong here")
    if lines[0] != str(len(lines) - 2):
        raise DataError(f"{path}: line 1 says {lines[0]} images, {len(lines) - 2} rows follow")
    points: dict[str, np.ndarray] = {}
    for number, line in enumerate(lines[2:], 3):
        name, *values = line.split()
        if name in points:
            raise DataError(f"{path}: {name} has two rows")
        try:
            points[name] = np.array(values, dtype=np.float32).reshape(10)
        except ValueError as error:
            raise DataError(
                f"{path}, line {number}: a file name and 10 numbers belong here"
            ) from error
    return points


def _celeba_parts(path: str | Path) -> dict[str, str]:
    """File name to the authors' part."""
    parts = {"0": "train", "1": "val", "2": "test"}
    rows = _two_columns(path)
    for name, number in rows.items():
        if number not in parts:
            raise DataError(f"{path}: {name} is in part {number!r}, allowed are 0, 1 and 2")
    return {name: parts[number] for name, number in rows.items()}


def _two_columns(path: str | Path) -> dict[str, str]:
    """File name to value, of CelebA's identities and partitions."""
    rows = [line.split() for line in _lines(path)]
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise DataError(f"{path}, line {number}: a file name and a number belong here")
    _refuse_duplicates(pd.Index([row[0] for row in rows]), path)
    return dict(rows)


def _refuse_duplicates(names: pd.Index, path: str | Path) -> None:
    if names.has_duplicates:
        raise DataError(f"{path}: {names[names.duplicated()][0]} has two rows")


def _lines(path: str | Path) -> list[str]:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not readable as text: {error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _read_csv(path: str | Path) -> pd.DataFrame:
    """The table, all text; an empty cell is missing, and nothing else is."""
    try:
        table = pd.read_csv(
            path,
            dtype=str,
            header=None,  # else pandas takes rows longer than the header as ones with an index
            keep_default_na=False,
            na_values=[""],
            skipinitialspace=True,
            encoding="utf-8-sig",
        )
    except (OSError, ValueError) as error:  # pandas' own errors are among these
        if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error)):
            raise DataError(
                f"{path}, line {found[2]}: {found[3]} fields, and the header has {found[1]};"
                " remove a comma at the end, and put a text that has one in quotes"
            ) from error
        raise DataError(f"{path}: not readable as CSV: {error}") from error
    names = pd.Index(table.iloc[0].tolist())
    table = table.iloc[1:].reset_index(drop=True)
    for column in np.flatnonzero(names.isna() & table.notna().any().to_numpy()):
        raise DataError(f"{path}: column {column + 1} has no name in the header; give it one")
    if names.dropna().has_duplicates:
        twice = names[names.duplicated()][0]
        raise DataError(f"{path}: two columns are called {twice}; rename or remove one")
    named: pd.DataFrame = table.set_axis(names, axis="columns").loc[:, names.notna()]
    return named


def _csv(path: str | Path) -> pd.DataFrame:
    table = _read_csv(path)
    if "path" not in table or table["path"].isna().any():
        raise DataError(f"{path}: needs a column path, filled in every row")
    if table["path"].duplicated().any():
        row = int(np.flatnonzero(table["path"].duplicated())[0])
        raise DataError(f"{path}, row {row + 2}: {table['path'][row]} has two rows")
    reserved = {"face_id", "group", "landmarks", *NOT_LABELS[2:]} & set(table.columns)
    if reserved:
        raise DataError(f"{path}: column {sorted(reserved)[0]} has a meaning here; rename it")
    return table


def _numbers(
    table: pd.DataFrame,
    name: str,
    path: str | Path,
    allowed: Callable[[float], bool],
    words: str,
) -> pd.Series:
    values = pd.to_numeric(table[name], errors="coerce")
    wrong: Iterable[int] = np.flatnonzero(
        table[name].notna() & ~values.map(allowed, na_action=None)
    )
    for row in wrong:
        raise DataError(
            f"{path}, row {row + 2}: {name} is {table[name].iloc[row]!r}, allowed: {words}"
        )
    return values
