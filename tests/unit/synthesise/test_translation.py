"""What is translated, what is measured on it, and that the measures mean what they say."""

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from columns import FREE, add_columns
from PIL import Image

from facegap.attributes import read_labels
from facegap.crops import Crops
from facegap.errors import DataError
from facegap.measure.distances import frechet_distance
from facegap.measure.realism import measure_realism
from facegap.measure.recogniser import (
    _balance,
    _shares,
    load_recogniser,
    recognise,
    train_attribute_classifier,
)
from facegap.measure.recognition import Recognised, Translated, corrected
from facegap.pixels import as_images, as_input
from facegap.settings.measure import AttributeClassifier, Intervals, Realism
from facegap.settings.synthesise import Attributes, Roles
from facegap.synthesise.browse import browse_sheets
from facegap.synthesise.networks import Generator
from facegap.synthesise.roles import assign_roles
from facegap.synthesise.sheet import row_of_images
from facegap.synthesise.trained import save_generator
from facegap.synthesise.translation import translate_faces
from facegap.tables.acquire import FACES
from facegap.tables.base import metadata, read_table, write_table
from facegap.tables.measure import ESTIMATES, SCORES
from facegap.tables.partition import FACE_SIDES
from facegap.tables.synthesise import ROLES, TRANSLATIONS

NAMES = ["Dark", "Fair", "Striped"]
ATTRIBUTES = Attributes(names=NAMES, exclusive=[["Dark", "Fair"]])
SIZE = 16
Study = Any  # of conftest.py
CPU = torch.device("cpu")


def give_roles(study: Study, translated: int, attributes: Attributes = ATTRIBUTES) -> None:
    """By seed 1, with three of ten persons held out."""
    assign_roles(
        sides=study.sides,
        faces=study.faces,
        aligned=study.aligned,
        roles=study.roles,
        attributes=attributes,
        settings=Roles(held_out=0.3, translated=translated),
        seed=1,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make_study: Callable[..., Study]) -> Study:
    """Roles, an untrained generator's translations by two seeds, a classifier, the measures."""
    study = make_study(tmp_path_factory.mktemp("study"), faces=240)
    folder = study.folder
    give_roles(study, 24)
    train(study, study.sides, folder / "classifier.safetensors")
    for seed in (1, 2):
        torch.manual_seed(seed)
        save_generator(Generator(3, 4, 1), NAMES, folder / f"{seed}.safetensors")
    translate(study, 1, 2)
    measure(study)
    return study


def train(
    study: Study,
    sides: Path,
    classifier: Path,
    *,
    attributes: Attributes = ATTRIBUTES,
    iterations: int = 150,
) -> None:
    train_attribute_classifier(
        roles=study.roles,
        sides=sides,
        faces=study.faces,
        aligned=study.aligned,
        crops=study.shards,
        classifier=classifier,
        attributes=attributes,
        settings=AttributeClassifier(iterations=iterations, batch=16, rate=0.003),
        threads=1,
        seed=1,
    )


def translate(study: Study, *seeds: int, name: str = "") -> None:
    names = [name or str(seed) for seed in seeds]
    translate_faces(
        generators=[study.folder / f"{seed}.safetensors" for seed in seeds],
        roles=study.roles,
        faces=study.faces,
        crops=study.shards,
        arrays=[study.folder / f"{name}.npy" for name in names],
        translations=[study.folder / f"{name}.parquet" for name in names],
        sheets=[study.folder / f"{name}.png" for name in names],
        attributes=ATTRIBUTES,
        sides={"inside": "A", "outside": "B"},
        threads=1,
        seed=1,
    )


def measure(
    study: Study, name: str = "realism", roles: Path | None = None, arm: str = "inside"
) -> pd.DataFrame:
    """The estimates of each seed, with the domain and control of each row."""
    measure_realism(
        arrays=[study.folder / f"{seed}.npy" for seed in (1, 2)],
        translations=[study.folder / f"{seed}.parquet" for seed in (1, 2)],
        classifier=study.folder / "classifier.safetensors",
        roles=roles or study.roles,
        faces=study.faces,
        crops=study.shards,
        inception=None,
        estimates=study.folder / f"{name}.parquet",
        scores=study.folder / f"{name}-scores.parquet",
        values=study.folder / f"{name}-values.npz",
        study="study",
        arm=arm,
        seeds=[1, 2],
        share=0.0 if arm == "inside" else 1.0,
        intervals=Intervals(),
        settings=Realism(null_splits=40),
        threads=1,
        seed=1,
    )
    return read_table(study.folder / f"{name}.parquet", ESTIMATES)


def of_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of realism that have a seed."""
    return table[(table["quantity"] == "realism") & table["seed"].notna()]


def together(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of all attributes and values of the control."""
    domains = table["group"].isin(["domain: in-domain", "domain: out-domain"])
    return table[table["attribute"].isna() & domains]


def test_every_unseen_face_is_there_once_for_each_change(made: Study) -> None:
    table = read_table(made.folder / "1.parquet", TRANSLATIONS)
    roles = read_table(made.roles, ROLES)
    labels = dict(
        zip(roles["face_id"], read_labels(made.faces, roles["face_id"], NAMES), strict=True)
    )
    assert list(table["row"]) == list(range(len(table)))
    for role in ("in-domain", "out-domain"):
        shown = set(roles[roles["role"] == role]["face_id"])
        part = table[table["domain"] == role]
        for kind in ("original", "reconstruction"):
            assert sorted(part[part["kind"] == kind]["face_id"]) == sorted(shown)
        for face in shown:
            own = part[(part["face_id"] == face) & (part["kind"] == "translation")]
            dark, fair, striped = map(int, labels[face])
            changes = [("Dark", 1)] * (1 - dark) + [("Fair", 1)] * (1 - fair)
            changes += [("Striped", 1 - striped)]
            assert sorted(zip(own["attribute"], own["value"], strict=True)) == sorted(changes)


def test_the_images_are_the_rows_of_the_table(made: Study) -> None:
    table = read_table(made.folder / "2.parquet", TRANSLATIONS)
    images = np.load(made.folder / "2.npy")
    assert images.shape == (len(table), SIZE, SIZE, 3)
    assert images.dtype == np.uint8
    torch.manual_seed(2)
    generator = Generator(3, 4, 1)
    roles = read_table(made.roles, ROLES).set_index("face_id")
    crops = Crops(made.shards)
    for row, face, kind, name, value in zip(
        *(table[c] for c in ("row", "face_id", "kind", "attribute", "value")), strict=True
    ):
        original = crops.take([roles.loc[face, "row"]])
        if kind == "original":
            assert (images[row] == original[0]).all()
        elif kind == "translation":
            wanted = read_labels(made.faces, pd.Series([face]), NAMES)
            wanted[:, :2] *= name == "Striped"
            wanted[:, NAMES.index(name)] = value
            with torch.no_grad():
                output = as_images(generator(as_input(original, CPU), torch.from_numpy(wanted)))
            assert np.abs(images[row].astype(int) - output[0]).max() <= 1


def test_the_same_seed_makes_the_same_bytes(made: Study) -> None:
    translate(made, 1, name="again")
    for end in (".npy", ".parquet", ".png"):
        assert (made.folder / f"again{end}").read_bytes() == (made.folder / f"1{end}").read_bytes()
    measure(made, "measured-again")
    files = [made.folder / f"{name}.parquet" for name in ("realism", "measured-again")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_sheet_is_a_picture_to_look_at(made: Study) -> None:
    with Image.open(made.folder / "1.png") as sheet:
        assert sheet.width > 600
        assert np.asarray(sheet.convert("RGB")).std() > 20


def test_a_generator_of_other_attributes_is_refused(made: Study) -> None:
    save_generator(Generator(1, 4, 0), ["Bald"], made.folder / "3.safetensors")
    with pytest.raises(DataError, match=r"3.safetensors: trained on \['Bald'\]"):
        translate(made, 3)
    assert not (made.folder / "3.npy").exists()


def test_pixels_come_back() -> None:
    images = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    inputs = as_input(images, CPU)
    assert (inputs.min(), inputs.max(), inputs.shape) == (-1, 1, (1, 3, 16, 16))
    assert (as_images(inputs) == images).all()


def test_the_classifier_sees_the_attributes_of_faces_it_was_not_shown(made: Study) -> None:
    network, attributes = load_recogniser(made.folder / "classifier.safetensors", CPU)
    roles = read_table(made.roles, ROLES)
    unseen = roles[roles["role"] != "train"]
    images = Crops(made.shards).take(unseen["row"])
    sight = recognise(network, images, CPU, layers=False)
    right = (sight.shown > 0.5) == (read_labels(made.faces, unseen["face_id"], attributes) > 0.5)
    assert right.mean(0).min() > 0.9
    assert sight.features.shape == (len(unseen), 32)


def test_the_measures_are_those_of_an_untrained_generator(made: Study) -> None:
    table = of_seeds(read_table(made.folder / "realism.parquet", ESTIMATES))
    assert set(table["seed"]) == {1, 2}
    assert {name.split(" × ")[0] for name in table["group"]} == {
        *("domain: in-domain", "domain: out-domain"),
    }
    known = table.dropna(subset=["low", "high"])
    assert set(table["metric"]) == set(known["metric"])
    assert ((known["low"] <= known["estimate"]) & (known["estimate"] <= known["high"])).all()
    varies = table["standard_error"].drop(known.index).fillna(0)
    assert (varies == 0).all(), "nothing varies, no interval"
    mean = together(table).groupby("metric")["estimate"].mean()
    assert mean["attribute transfer"] < 0.8, "an untrained generator changes nothing"
    assert mean["corrected attribute transfer"] < 0.8
    assert mean["reconstruction error"] > 0.05
    assert mean["classifier Frechet distance"] > 1


def test_a_row_without_a_seed_is_the_mean_over_seeds(made: Study) -> None:
    table = read_table(made.folder / "realism.parquet", ESTIMATES)
    keys = ["metric", "group", "attribute"]
    means = of_seeds(table).groupby(keys, dropna=False)["estimate"].mean()
    written = table[(table["quantity"] == "realism") & table["seed"].isna()]
    written = written.set_index(keys)["estimate"]
    assert len(written) == len(means)
    pd.testing.assert_series_equal(written.sort_index(), means.sort_index())


def test_real_faces_with_the_attribute_would_score_as_translations(made: Study) -> None:
    """Had the generator given back real faces that show the wanted value, transfer were perfect."""
    table = read_table(made.folder / "1.parquet", TRANSLATIONS)
    roles = read_table(made.roles, ROLES)
    labels = read_labels(made.faces, roles["face_id"], NAMES)
    images = np.load(made.folder / "1.npy")
    crops = Crops(made.shards)
    perfect = images.copy()
    for row, name, value in zip(table["row"], table["attribute"], table["value"], strict=True):
        if isinstance(name, str):
            shows = np.flatnonzero(labels[:, NAMES.index(name)] == value)
            perfect[row] = crops.take([roles["row"].iloc[shows[row % len(shows)]]])[0]
    rebuilt = table["kind"] == "reconstruction"
    by_face = table[table["kind"] == "original"].set_index("face_id")["row"]
    perfect[table["row"][rebuilt]] = images[by_face[table["face_id"][rebuilt]]]
    np.save(made.folder / "1.npy", perfect)
    try:
        found = measure(made, "perfect")
    finally:
        np.save(made.folder / "1.npy", images)
    rows = together(of_seeds(found))
    first = rows[rows["seed"] == 1].groupby("metric")["estimate"]
    assert first.min()["attribute transfer"] > 0.85
    assert first.max()["reconstruction error"] == 0


def test_an_array_that_does_not_fit_its_table_is_refused(made: Study) -> None:
    images = np.load(made.folder / "1.npy")
    np.save(made.folder / "1.npy", images[:-1])
    try:
        with pytest.raises(DataError, match=r"1.npy: \d+ images, but .*1.parquet lists"):
            measure(made, "short")
    finally:
        np.save(made.folder / "1.npy", images)


def test_the_frechet_distance_is_that_of_normal_distributions() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=(4000, 3)) * (1, 2, 3)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(one, one + np.array([3, 0, 0])) == pytest.approx(9)
    scaled = (one - one.mean(0)) * 2 + one.mean(0)
    expected = one.var(0, ddof=1).sum()  # of deviations s and 2 s: s squared, added up
    assert frechet_distance(one, scaled) == pytest.approx(expected, rel=1e-6)


def test_the_page_of_sheets_shows_best_and_worst_of_both_sides(made: Study) -> None:
    measure(made, "browsed")
    page = made.folder / "sheets.html"
    browse_sheets(
        arrays=[made.folder / f"{seed}.npy" for seed in (1, 2)],
        translations=[made.folder / f"{seed}.parquet" for seed in (1, 2)],
        scores=made.folder / "browsed-scores.parquet",
        page=page,
        seeds=[1, 2],
        attributes=NAMES,
        sides={"inside": "A", "outside": "<B>"},
    )
    text = page.read_text()
    assert not re.search(r'(src|href)="(?!data:)', text), "a file beside the page is needed"
    assert "<B>" not in text
    for seed, side in product((1, 2), ("A", "&lt;B&gt;")):
        ranks = re.findall(f'data-seed="{seed}" data-side="{side}" data-rank="(\\w+)"', text)
        assert ranks == sorted(ranks, key=["best", "median", "worst"].index)
        assert len(ranks) == 24
    shown = [float(number) for number in re.findall(r"sure ([\d.]+)", text)]
    assert shown[:24] == sorted(shown[:24], reverse=True)


def test_scores_are_of_translations_alone(made: Study) -> None:
    measure(made, "scored")
    scores = read_table(made.folder / "scored-scores.parquet", SCORES)
    table = read_table(made.folder / "1.parquet", TRANSLATIONS)
    rows = table["row"][table["kind"] == "translation"]
    assert scores["row"][scores["seed"] == 1].tolist() == rows.tolist()


def test_both_sides_count_alike_in_the_training_of_the_classifier() -> None:
    side = pd.Series(["inside"] * 354 + ["outside"] * 78)
    share = _shares(side)
    assert share.sum() == pytest.approx(1)
    assert share[(side == "inside").to_numpy()].sum() == pytest.approx(0.5)
    labels = torch.zeros(432, 2)
    labels[:354, 0] = 1  # all inside have the first attribute
    labels[:, 1] = torch.arange(432) % 4 == 0
    weights = _balance(labels, torch.from_numpy(share))
    assert weights.tolist() == pytest.approx([1, 3], rel=0.03), "as half of a batch has the first"


def rows_taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that are taken from crops from now on."""
    taken: list[int] = []
    take = Crops.take

    def noted(self: Crops, rows: Any) -> Any:
        taken.extend(np.asarray(rows).tolist())
        return take(self, rows)

    monkeypatch.setattr(Crops, "take", noted)
    return taken


def test_batches_hold_as_many_faces_of_either_side(
    made: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the training itself: the rows that it takes from the crops."""
    taken = rows_taken(monkeypatch)
    train(made, made.sides, made.folder / "balanced.safetensors")
    sides = read_table(made.sides, FACE_SIDES)["side"].to_numpy()  # row i is face i here
    roles = read_table(made.roles, ROLES)
    measured = set(roles.loc[roles["role"] != "train", "subject_id"])
    persons = read_table(made.faces, FACES)["subject_id"].to_numpy()
    assert not measured & set(persons[taken])
    known = pd.Series(sides[~pd.Series(persons).isin(measured).to_numpy()]).value_counts()
    assert known["inside"] > 2 * known["outside"], "without weights four of five were inside"
    assert np.mean(sides[taken] == "inside") == pytest.approx(0.5, abs=0.05)


def test_the_classifier_learns_from_no_contentious_face_and_needs_both_sides(made: Study) -> None:
    sides = read_table(made.sides, FACE_SIDES)
    outside = sides["side"] == "outside"
    sides.loc[outside, "provenance"] = "contentious"
    write_table(sides, made.folder / "disputed.parquet", FACE_SIDES)
    with pytest.raises(DataError, match=r"both sides .* there are \d+ inside and 0 outside"):
        train(made, made.folder / "disputed.parquet", made.folder / "none.safetensors")
    assert not (made.folder / "none.safetensors").exists()


def test_with_contentious_faces_measured_the_gaps_without_them_are_given_too(
    made: Study, tmp_path: Path
) -> None:
    roles = read_table(made.roles, ROLES)
    out = roles.index[roles["role"] == "out-domain"][:5]
    disputed = roles.assign(
        provenance=roles["provenance"].where(~roles.index.isin(out), "contentious")
    )
    write_table(disputed, tmp_path / "roles.parquet", ROLES, metadata(made.roles))
    table = measure(made, "disputed", roles=tmp_path / "roles.parquet")
    gaps = table[(table["quantity"] == "realism gap") & table["attribute"].isna()]
    without = gaps[gaps["group"] == "contentious faces: left out"].set_index("metric")
    every = gaps[gaps["group"] == "all"].set_index("metric")
    assert set(without.index) == set(every.index) - {"classifier Frechet distance"}
    assert (without["family"] == "realism by contentious faces").all()
    faces = table[
        (table["quantity"] == "realism") & table["seed"].isna() & table["attribute"].isna()
    ]
    faces = faces[faces["metric"] == "identity preservation"].set_index("group")["faces"]
    assert (
        faces["domain: out-domain"] - faces["domain: out-domain × contentious faces: left out"] == 5
    )


def test_seeds_with_other_images_are_refused(made: Study) -> None:
    table = read_table(made.folder / "2.parquet", TRANSLATIONS)
    write_table(table.assign(control="other"), made.folder / "2.parquet", TRANSLATIONS)
    try:
        with pytest.raises(DataError, match=r"2.parquet: other images than in .*1.parquet"):
            measure(made, "other")
    finally:
        write_table(table, made.folder / "2.parquet", TRANSLATIONS)


def test_the_classifier_learns_attributes_of_any_name(
    tmp_path: Path, make_study: Callable[..., Study]
) -> None:
    """Further columns, and attributes, may have the names of ours."""
    study = make_study(tmp_path)
    add_columns(study.faces)
    attributes = Attributes(names=FREE, exclusive=[])
    give_roles(study, 4, attributes)
    train(study, study.sides, tmp_path / "few", iterations=1)
    train(study, study.sides, tmp_path / "all", attributes=attributes, iterations=1)
    assert load_recogniser(tmp_path / "few", CPU)[1] == NAMES
    assert load_recogniser(tmp_path / "all", CPU)[1] == FREE


def test_a_sheet_tells_an_attribute_from_a_kind_of_its_name() -> None:
    images = np.stack([np.full((8, 8, 3), grey, np.uint8) for grey in (0, 80, 160, 240)])
    own = pd.DataFrame(
        {
            "row": range(4),
            "kind": ["original", "reconstruction", "translation", "translation"],
            "attribute": [None, None, "reconstruction", "original"],
            "value": pd.array([None, None, 0, 0], dtype="Int8"),
        }
    )
    row = np.asarray(row_of_images(own, ["reconstruction", "original"], images))
    middles = row[80, 80::168, 0]
    assert middles.tolist() == [0, 80, 160, 240]


def test_the_classifier_learns_from_no_further_picture_of_a_measured_person(
    tmp_path: Path, make_study: Callable[..., Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even from one that has no role, since its control is not known."""
    number = np.arange(240)
    gender = pd.Series(np.where(number // 2 % 2, "male", "female")).where(number % 2 == 0)
    study = make_study(tmp_path, faces=240, gender=gender)
    give_roles(study, 12)
    taken = rows_taken(monkeypatch)
    train(study, study.sides, tmp_path / "classifier.safetensors")
    roles = read_table(study.roles, ROLES)
    measured = set(roles.loc[roles["role"] != "train", "subject_id"])
    persons = read_table(study.faces, FACES)["subject_id"].to_numpy()  # row i is face i here
    without = np.setdiff1d(number, roles["row"])
    assert measured & set(persons[without]), "who have pictures without a role"
    assert set(persons[taken]).isdisjoint(measured)


def test_each_sides_translations_are_corrected_by_real_faces_of_that_side(
    made: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the persons who are measured there, and of no others; their rates and cosines too."""
    roles = read_table(made.roles, ROLES)
    measured = roles[roles["role"] != "train"]
    persons = measured.groupby("side")["subject_id"].agg(set).to_dict()
    used: list[set[str]] = []

    def noted(real: Recognised, made: Translated) -> Any:
        assert set(made.persons) <= set(real.persons)
        used.append(set(real.persons))
        return corrected(real, made)

    monkeypatch.setattr("facegap.measure.realism.corrected", noted)
    table = measure(made, "by-side")
    assert all(of in persons.values() for of in used)
    real = table[table["quantity"] == "identity of real faces"]
    real = real[real["metric"] == "different persons"].set_index("group")["persons"]
    assert real.to_dict() == {f"side: {side}": len(of) for side, of in persons.items()}
    faces = measured.groupby("side").size()
    rates = table[(table["quantity"] == "attribute recognition") & table["attribute"].isna()]
    for side in persons:
        own = rates[rates["group"] == f"side: {side}"].set_index("metric")
        assert set(own.index) == {"sensitivity", "specificity"}
        assert own.loc["specificity", "faces"] == faces[side], "each lacks some attribute"


@pytest.mark.parametrize("least", [0.0, 0.1])
def test_what_no_face_of_the_training_shows_together_is_not_asked(
    tmp_path: Path, make_study: Callable[..., Study], least: float
) -> None:
    """No woman inside is striped, and all outside are, whom the generator never sees."""
    number = np.arange(240)
    men, outside = number // 2 % 2 == 1, number // 2 % 3 == 2
    striped = np.where(men, number % 2, outside)
    study = make_study(tmp_path, faces=240, Striped=pd.array(striped, dtype="Int8"))
    attributes = ATTRIBUTES.model_copy(update={"least_together": least})
    give_roles(study, 24, attributes)
    save_generator(Generator(3, 4, 1), NAMES, tmp_path / "1.safetensors")
    translate_faces(
        generators=[tmp_path / "1.safetensors"],
        roles=study.roles,
        faces=study.faces,
        crops=study.shards,
        arrays=[tmp_path / "1.npy"],
        translations=[tmp_path / "1.parquet"],
        sheets=[tmp_path / "1.png"],
        attributes=attributes,
        sides={"inside": "A", "outside": "B"},
        threads=1,
        seed=1,
    )
    table = read_table(tmp_path / "1.parquet", TRANSLATIONS)
    asked = table[(table["attribute"] == "Striped") & (table["value"] == 1)]
    assert set(asked["control"]) == ({"male"} if least else {"male", "female"})
