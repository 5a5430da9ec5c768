"""Distances are the known ones; a gap that is there is found, and none where there is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kernel_poly, mmd2

from facegap.errors import DataError
from facegap.measure.distances import frechet_distance, inception_features, kernel_distance
from facegap.measure.realism import HALVES, OWN, Distances, Outputs, gaps, halved, measures
from facegap.tables.base import DOMAINS

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


def gaps_of(gap: float, seed: int, distances: Distances) -> pd.DataFrame:
    """The gaps of made-up outputs of three seeds, transfer being worse by `gap` out-domain."""
    rng, persons = np.random.default_rng(seed), 40
    ids = [f"{domain}-{k}" for domain in DOMAINS for k in range(persons)]
    base = pd.DataFrame(
        {
            "face_id": ids,
            "subject_id": ids,
            "domain": np.repeat(DOMAINS, persons),
            "control": ["male", "female"] * persons,
        }
    )
    able = rng.normal(0.7, 0.1, len(base)) - gap * (base["domain"] == "out-domain")
    rows = []
    for which in range(3):
        table = pd.concat([base.assign(kind="original"), base.assign(kind="translation")])
        table = table.assign(attribute=np.where(table["kind"] == "original", None, "Dark"))
        table = table.reset_index(drop=True)
        made = (table["kind"] == "translation").to_numpy()
        values = pd.DataFrame(index=table.index, dtype=float)
        for metric in ("attribute transfer", "identity preservation", "perceptual distance"):
            values.loc[made, metric] = (able + rng.normal(0, 0.05, len(base))).to_numpy()
        values["reconstruction error"] = np.nan
        features = rng.normal(size=(len(table), 4)) + 3 * gap * made[:, None]
        right = rng.random((len(table), 1)) < 0.9
        outputs = Outputs(table, values, right, features, distances)
        parts = halved(table, np.random.default_rng(0))
        for pair in (DOMAINS, HALVES):
            own = {name: parts[name] for name in pair}
            rows += [{"seed": which, **row} for row in measures(outputs, ["Dark"], own, rng, 0.95)]
    frame = pd.DataFrame(rows)
    return pd.DataFrame([*gaps(frame, DOMAINS, 0.95), *gaps(frame, HALVES, 0.95)])


def of_transfer(table: pd.DataFrame) -> pd.DataFrame:
    """The gaps of attribute transfer, of all faces and attributes, by quantity."""
    own = table[(table["metric"] == "attribute transfer") & table["attribute"].isna()]
    return own[own["group"] == "all"].set_index("quantity")


def test_a_gap_is_found_with_its_size_and_the_null_check_is_quiet() -> None:
    table = gaps_of(0.2, 1, OWN)
    own = of_transfer(table)
    assert own.loc["realism gap", "low"] < -0.2 < own.loc["realism gap", "high"] < 0
    assert own.loc["realism gap", "p"] < 0.001
    assert own.loc["null realism gap", "low"] < 0 < own.loc["null realism gap", "high"]
    assert set(table["group"]) == {"all", "control: male", "control: female"}
    assert set(table["attribute"].dropna()) == {"Dark"}
    assert set(table["persons"]) == {40, 20}, "of a domain, of a half or a value of the control"


def test_without_a_gap_few_intervals_miss_zero() -> None:
    """Of 8 studies less than one is expected to; four or more would be a chance of one in 2700."""
    missed = 0
    for seed in range(8):
        row = of_transfer(gaps_of(0.0, seed, {})).loc["realism gap"]
        missed += not row["low"] <= 0 <= row["high"]
    assert missed < 4
