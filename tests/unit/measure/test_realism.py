"""Distances are the known ones, with a floor; gaps are tested in families."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kernel_poly, mmd2

from facegap.errors import DataError
from facegap.measure.distances import (
    GROUPS,
    SPLITS,
    Distance,
    by_group,
    floors,
    frechet_distance,
    groups_of,
    inception_features,
    kernel_distance,
    mean_distance,
    splits,
)
from facegap.measure.gaps import image_scores
from facegap.measure.outputs import Group, groups_of_images
from facegap.measure.realism import Data, Metric, realism_rows
from facegap.measure.sets import OWN, plan_sets, set_distances
from facegap.statistics.multiplicity import holm
from facegap.tables.base import DOMAINS
from facegap.tables.measure import estimates

CPU = torch.device("cpu")


@pytest.mark.parametrize("count", [20, 200])
def test_the_distances_are_those_of_torch_fidelity(count: int) -> None:
    """With fewer faces than features, and with more."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(40, 40)) / 6
    one, other = rng.normal(size=(count, 40)), rng.normal(size=(count, 40)) @ mixing + 0.3
    statistics = [fid_features_to_statistics(torch.from_numpy(x)) for x in (one, other)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-4)
    kernels = [kernel_poly(x, y, degree=3) for x, y in ((one, one), (one, other), (other, other))]
    assert kernel_distance(one, other) == pytest.approx(mmd2(*kernels), rel=1e-9)


def test_inception_s_features_come_from_local_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:  # random weights: the real ones are a download
        patch.setattr(
            "torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url",
            lambda *_, **__: {},
        )
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        network = FeatureExtractorInceptionV3("random", ["2048"])
    path = tmp_path / "inception.pth"
    torch.save(network.state_dict(), path)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    features = inception_features(images, path, CPU)
    assert features.shape == (3, 2048)
    (expected,) = network(torch.from_numpy(images).permute(0, 3, 1, 2))
    assert np.allclose(features, expected.numpy(), rtol=1e-4, atol=1e-5)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"inception.pth: not readable as Inception's weights"):
        inception_features(images, path, CPU)


def test_weights_that_would_run_code_are_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    torch.save(Trap(), tmp_path / "trap.pth")
    with pytest.raises(DataError, match="not readable as Inception's weights"):
        inception_features(np.zeros((1, 32, 32, 3), np.uint8), tmp_path / "trap.pth", CPU)
    assert not (tmp_path / "ran").exists()


def table_of(persons: int, pictures: int, attributes: int = 2) -> pd.DataFrame:
    """As TRANSLATIONS, of both domains, with `original`: each face with each attribute changed."""
    rows = []
    for domain in DOMAINS:
        for person in range(persons):
            for face in range(pictures):
                about = {"domain": domain, "subject_id": f"{domain} {person}"}
                about |= {"face_id": f"{domain} {person} {face}"}
                rows.append({**about, "kind": "original", "attribute": None})
                rows += [
                    {**about, "kind": "translation", "attribute": f"a{k}"}
                    for k in range(attributes)
                ]
    table = pd.DataFrame(rows)
    table["row"] = range(len(table))
    originals = table[table["kind"] == "original"].set_index("face_id")["row"]
    return table.assign(original=table["face_id"].map(originals), control="one")


def parts_of(table: pd.DataFrame) -> dict[str, NDArray[np.int64]]:
    return {name: np.flatnonzero(table["domain"] == name) for name in DOMAINS}


def test_no_person_is_on_both_sides_of_a_distance() -> None:
    table = table_of(7, 3)
    uneven = table[~((table["domain"] == "in-domain") & (table["subject_id"].str.endswith("6")))]
    table = uneven.reset_index(drop=True)
    table["row"] = range(len(table))
    originals = table[table["kind"] == "original"].set_index("face_id")["row"]
    table["original"] = table["face_id"].map(originals)
    person, kind = table["subject_id"].to_numpy(), table["kind"].to_numpy()
    found = splits(table, parts_of(table), np.random.default_rng(0), 20)
    assert len(found) == 20
    for split in found:
        for domain, halves in split.items():
            assert set(table["domain"].iloc[np.concatenate([halves.real, halves.made])]) == {domain}
            assert not set(person[halves.real]) & set(person[halves.made])
            assert set(kind[halves.real]) == set(kind[halves.other]) == {"original"}
            assert set(kind[halves.made]) == {"translation"}
            faces = table["face_id"].to_numpy()
            assert len(set(faces[halves.made])) == len(halves.made), "one translation a face"
            assert (faces[halves.made] == faces[halves.other]).all()
        sizes = {(len(h.real), len(h.made), len(h.other)) for h in split.values()}
        assert len(sizes) == 1, "sets of one size in both domains"


def test_of_too_few_faces_there_is_no_distance() -> None:
    table = table_of(3, 2)
    assert splits(table, parts_of(table), np.random.default_rng(0), 5) == []


@pytest.mark.parametrize("distance", [kernel_distance, frechet_distance])
def test_a_perfect_translator_reaches_the_floor_and_a_poor_one_does_not(
    distance: Distance,
) -> None:
    """The floor of the Frechet distance lies far above zero, as its own bias does."""
    rng = np.random.default_rng(1)
    table = table_of(16, 3)
    halves = [s["in-domain"] for s in splits(table, parts_of(table), rng, SPLITS)]
    place = rng.normal(size=(32, 6))[pd.factorize(table["subject_id"])[0]]
    real = place + rng.normal(0, 0.5, (len(table), 6))
    lowest = floors(distance, real, halves)
    spread = lowest.std(ddof=1)
    assert abs(mean_distance(distance, real, halves) - lowest.mean()) < 2 * spread
    made = (table["kind"] == "translation").to_numpy()
    assert mean_distance(distance, real + 3 * made[:, None], halves) > lowest.mean() + 5 * spread
    if distance is frechet_distance:
        assert lowest.mean() > 1


def test_the_error_of_a_distance_is_what_it_varies_by_over_samples_of_persons() -> None:
    values, errors = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        table = table_of(16, 2)
        parts = {"in-domain": parts_of(table)["in-domain"]}
        halves = [split["in-domain"] for split in splits(table, parts, rng, SPLITS)]
        persons = table["subject_id"].to_numpy()
        place = rng.normal(size=(32, 4))[pd.factorize(persons)[0]]
        made = (table["kind"] == "translation").to_numpy()
        features = place + rng.normal(0, 0.5, place.shape) + made[:, None]
        group = np.full(len(table), -1)
        group[parts["in-domain"]] = groups_of(persons[parts["in-domain"]], rng)
        of = by_group(kernel_distance, features, halves, group)
        assert len(of) == GROUPS
        assert of.mean() == pytest.approx(mean_distance(kernel_distance, features, halves))
        values.append(of.mean())
        errors.append(of.std(ddof=1) / len(of) ** 0.5)
    assert 0.7 < np.mean(errors) / np.std(values, ddof=1) < 1.5


def test_the_null_splits_are_of_the_in_domain_persons_alone() -> None:
    table = table_of(12, 3)
    groups = groups_of_images(table, ["a0", "a1"], pd.Series([], dtype="str"))
    assert [(group.attribute, group.named()) for group in groups] == [
        *((None, "all"), ("a0", "all"), ("a1", "all"), (None, "control: one"))
    ]
    plan = plan_sets(table, groups, 30, [1, 2], 1)
    assert [len(plan.null[seed]) for seed in (1, 2)] == [30, 30]
    person, domain = table["subject_id"].to_numpy(), table["domain"].to_numpy()
    for pair in plan.null[1]:
        rows = [np.concatenate([half.real, half.made]) for half in pair.values()]
        assert not set(person[rows[0]]) & set(person[rows[1]])
        assert set(domain[np.concatenate(rows)]) == {"in-domain"}
    rng = np.random.default_rng(0)
    sets = set_distances(plan, 1, rng.normal(size=(len(table), 4)), OWN)
    assert sets.null["classifier kernel distance"].shape == (30,)
    places = {(metric, k) for metric, k, _ in sets.values}
    assert {k for metric, k in places if metric == "classifier kernel distance"} == {0, 1, 2, 3}
    assert {k for metric, k in places if metric == "classifier Frechet distance"} == {0}


@pytest.mark.parametrize("pictures", [6, 20])
@pytest.mark.parametrize("persons", range(2, 7))
def test_of_too_few_persons_there_is_no_distance(persons: int, pictures: int) -> None:
    table = table_of(persons, pictures)
    groups = groups_of_images(table, ["a0", "a1"], pd.Series([], dtype="str"))
    plan = plan_sets(table, groups, 30, [1], 1)
    features = np.random.default_rng(0).normal(size=(len(table), 4))
    values = set_distances(plan, 1, features, OWN).values
    assert bool(values) == (persons >= 4), "half of them stays when one is left out"
    assert all(np.isfinite(each).all() for each in values.values())


def metric(name: str, group: Group, gap: float) -> Metric:
    rng = np.random.default_rng(len(name) + len(group.named()) + len(group.attribute or ""))
    persons = np.arange(20)
    of = {
        domain: image_scores(rng.normal(k * gap, 1, (2, 20)), persons, persons)
        for k, domain in enumerate(DOMAINS)
    }
    return Metric(name, group, of, np.linspace(-1, 1, 200) if group.attribute is None else None)


def test_families_are_adjusted_alone_and_the_control_has_no_p() -> None:
    none = np.zeros(0, bool)
    every = Group(None, {}, none, none)
    groups = [
        *(Group("Dark", {}, none, none), Group(None, {"control": "male"}, none, none)),
        Group(None, {"contentious faces": "left out"}, none, none),
    ]
    metrics = [
        metric("identity preservation", every, 0.1),
        metric("KID", every, 3),
        metric("FID", every, 3),
        *(metric("KID", group, 3) for group in groups),
    ]
    data = Data(pd.DataFrame(), [every, *groups], {}, ["Dark"], [1, 2], 0.95, 1)
    rows = estimates(
        realism_rows(data, metrics, ["identity preservation", "kernel distance"]), "study"
    )
    gaps = rows[rows["quantity"] == "realism gap"].set_index(["family", "metric"]).sort_index()
    assert sorted(gaps.index) == [
        ("further realism", "FID"),
        ("primary realism", "KID"),
        ("primary realism", "identity preservation"),
        ("realism by attribute", "KID"),
        ("realism by contentious faces", "KID"),
        ("realism by control", "KID"),
    ]
    primary = gaps.loc["primary realism"].sort_values("p")
    assert primary["adjusted_p"].tolist() == holm(primary["p"]).tolist()
    alone = gaps.drop("primary realism")
    assert alone["adjusted_p"].tolist() == alone["p"].tolist()
    assert gaps["smallest_detectable_effect"].notna().all()
    null = rows[rows["quantity"] == "null realism gap"]
    assert null[["p", "adjusted_p", "standard_error"]].isna().all().all()
    assert null["low"].to_numpy() == pytest.approx(-0.95)
    assert not rows.duplicated(["quantity", "metric", "group", "attribute", "seed"]).any()
