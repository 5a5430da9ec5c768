"""The page: all of it in one file, nothing of it taken for markup, numbers a reader can take in."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facegap import tables
from facegap.report.page import count, number, percent, percents, span, write_report
from facegap.report.provenance import record_provenance

PUBLISHED = Path(__file__).parents[3] / "config/published.yaml"
FIGURES = ["figure1", "figure2", "figure3", "figure4", "gap", "realism"]
FIGURES += ["groups", "calibration", "transfer", "saliency"]
FIGURES += [f"table{number}" for number in range(1, 6)] + ["rejected", "set_aside"]
SHARE = {"estimate": 0.6, "low": 0.5, "high": 0.7, "p": 0.2}
CELL = {"backbone": "vgg16", "view": "augmented", "tune_optimiser": "adam"}
CELL |= {"fine_tune_optimiser": "sgd"}
CONFIG: dict[str, Any] = {
    "study": "small",
    "results": "results",
    "seed": 1,
    "boundary": "group",
    "sides": {"inside": "A", "outside": "B"},
    "datasets": {"source": {"kind": "utkface"}, "target": {"kind": "celeba"}},
    "synthesise": {"seeds": [1, 2], "control": "gender", "iterations": 2000, "size": 64},
    "classify": {
        "repeats": 3,
        "input_size": 200,
        "backbones": {"vgg16": {"weights": "random", "input_size": 64}},
    },
    "partition": {"verification": {}},
    "judge": {"simulated": {"male": 0.6}},
}


CALIBRATION = {"precision": 0.9, "threshold": 0.8, "tested_on": {**SHARE, "accepted_faces": 9}}
AGREEMENT: dict[str, Any] = {
    "faces": 2,
    "persons": 2,
    "confidence": 0.95,
    "simulated": False,
    "agreement": SHARE,
    "alpha": {"estimate": 0.71, "low": 0.5, "high": 0.9},
    "answer_error": SHARE,
    "by_gender": {"female": {**SHARE, "faces": 1}, "male": {**SHARE, "faces": 1}},
    "by_certainty": {"certain": {**SHARE, "faces": 2}},
    "adjudicated": 1,
    "contentious": 1,
    "pairs": [
        {
            "annotators": ["ada", "ben"],
            "kappa": {"estimate": None, "low": None, "high": None},
            "answers": ["inside", "outside", "unsure"],
            "confusion": [[11, 12, 13], [21, 22, 23], [31, 32, 33]],
        }
    ],
    "annotators": {
        name: {
            "inside": SHARE,
            "unsure": 3,
            "repeated": 5,
            "consistency": SHARE,
            "planted_error": None,
        }
        for name in ("ada", "ben")
    },
}


class Inputs:
    """What `write_report` reads, as small files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = json.loads(json.dumps(CONFIG))
        self.judge: dict[str, Any] = {
            "asked": 6,
            "answers": 5,
            "confidence": 0.95,
            "simulated": False,
            "in_domain": {**SHARE, "answers": 5},
            "left": SHARE,
            "participants": {"p1": {"asked": 3}, "p2": {"asked": 3}},
            "model": {"fitted": True, "share": {"male": SHARE}, "differences": {}},
            "everybody": {"male": SHARE},
            "redrawn": {"male": SHARE},
            "excluded": [],
            "attention_needed": 0.8,
            "repeats": {**SHARE, "answers": 5},
            **dict.fromkeys(["agreement", "seconds", "criteria", "familiarity"]),
            "adjusted": {"fitted": False, "reason": "no answers"},
            "metrics": [],
            "power": [{"share": 0.6, "power": 0.9}],
        }
        self.agreement: dict[str, Any] | None = None
        self.true_error: dict[str, Any] | None = None
        self.reason = "no face was found"
        self.protocol: dict[str, Any] = {"protocol": "coordinate", "agree": True}

    def path(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        return path

    def json(self, name: str, value: Any) -> Path:
        path = self.path(name)
        path.write_text(json.dumps(value))
        return path

    def table(self, name: str, value: pd.DataFrame, schema: Any) -> Path:
        tables.write(value, self.path(name), schema)
        return self.path(name)

    def gap(self) -> Path:
        whole = {"gap": {"estimate": 0.2, "low": 0.1, "high": 0.3}, "source_faces": 2}
        whole |= {"target_faces": 2, "source_accuracy": 0.9, "target_accuracy": 0.7}
        whole |= {"source_majority": 0.5, "target_majority": 0.75}
        return self.json("gap.json", {"all": whole, "confidence": 0.95, "verdict": "It fell."})

    def partition(self) -> Path:
        sides = {"inside": 1, "outside": 1, "left out": 1}
        error = {"all": {"estimate": None, "low": None, "high": None, "applies_to": 0}}
        if self.agreement:
            error = {"proposed": {**SHARE, "applies_to": 1}, "all": {**SHARE, "applies_to": 2}}
        parts: dict[str, Any] = {"faces": 3, "sides": sides, "provenance": {"own label": sides}}
        parts |= {"labelled": 2, "gained": {"by person": 4, "proposed": 5, "verified": 6}}
        parts["true_error"] = self.true_error
        return self.json("summary.json", {**parts, "label_error": error})

    def figures(self) -> list[Path]:
        noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3)).astype("uint8")
        for name in FIGURES:
            picture = noise if name == "figure1" else noise[:4, :4]
            Image.fromarray(picture).save(self.path(f"{name}.png"))
        return [self.path(f"{name}.png") for name in FIGURES]

    def provenance(self) -> Path:
        record, data = self.path("ro-crate-metadata.json"), {"data/faces.zip": "a" * 64}
        record_provenance(
            record, self.path("s.yaml"), config=self.config, results=[], inputs=data, logs="none"
        )
        return record

    def sets(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {"faces": {}, "aligned": {}, "labels": {}}
        found |= {"unread": {}, "unaligned": {}}
        for name in ("source", "target"):
            ids = [f"{name}{k}" for k in range(3)]
            faces = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": ["a", "a", "b"]})
            faces["split"] = ["train", "test", "rest"]
            faces = faces.assign(age=np.nan, gender=None, race_raw=None)
            found["faces"][name] = self.table(f"{name}.parquet", faces, tables.FACES)
            aligned = pd.DataFrame({"face_id": ids, "shard": 0, "row": [0, 1, 2]})
            place = f"{name}-aligned.parquet"
            found["aligned"][name] = self.table(place, aligned, tables.ALIGNED)
            rejected = pd.DataFrame({"path": ["x"], "face_id": ["x"], "reason": [self.reason]})
            place = f"{name}-rejected.csv"
            found["unread"][name] = self.table(place, rejected, tables.REJECTED)
            place = f"{name}-unaligned.csv"
            found["unaligned"][name] = self.table(place, rejected.iloc[:0], tables.REJECTED)
            labels = pd.DataFrame({"face_id": ids, "side": ["inside", "outside", "inside"]})
            labels = labels.assign(provenance="own label", annotators="data set", simulated=False)
            place = f"{name}-labels.parquet"
            found["labels"][name] = self.table(place, labels, tables.LABELS)
        return found

    def results(self) -> list[Path]:
        row = {"row": ["r"], "column": ["c"], "ours": [0.5], "low": [0.4], "high": [0.6]}
        table = pd.DataFrame({**row, "published": [0.7], "difference": [-0.2]})
        names = [f"table{k}.csv" for k in range(1, 6)]
        return [self.table(name, table, tables.REPORTED) for name in names]

    def rejected(self) -> Path:
        rows = [("source", "gender", name, 10, k, k / 10, 0.0, 0.5) for k, name in enumerate("fm")]
        names = list(tables.SET_ASIDE.columns)
        table = pd.DataFrame(rows, columns=names[:-2]).assign(p=0.01, adjusted=0.04)
        return self.table("rejected-shares.csv", table, tables.SET_ASIDE)

    def realism(self) -> Path:
        sides = {"in-domain": 0.8, "out-domain": 0.7}
        table = pd.DataFrame(
            [
                (seed, side, metric, value, value - 0.1, value + 0.1, 0.05, 9, 10)
                for seed in (1, 2)
                for side, value in sides.items()
                for metric in ("attribute transfer", "classifier accuracy")
            ],
            columns=[
                "seed",
                "domain",
                "metric",
                "value",
                "low",
                "high",
                "error",
                "persons",
                "faces",
            ],
        ).assign(attribute=pd.Series(dtype="str"), control=pd.Series(dtype="str"))
        return self.table("realism.parquet", table, tables.REALISM)

    def measures(self) -> Path:
        row = {**CELL, "trained_on": "source", "measure": "AUROC", "value": 0.8123}
        row |= {"low": 0.7, "high": 0.9, "faces": 3}
        table = pd.DataFrame([{**row, "dataset": name} for name in ("source", "target")])
        return self.table("measures.csv", table, tables.MEASURES)

    def comparisons(self) -> Path:
        row = {"one": "x", "other": "y", "difference": 0.1, "low": 0.0, "high": 0.2}
        row |= {"one_alone": 2, "other_alone": 1, "p": 0.5, "holm": 0.75}
        return self.table("comparisons.csv", pd.DataFrame([row]), tables.COMPARISONS)

    def realism_gaps(self) -> Path:
        table = pd.DataFrame(
            [
                ("boundary", "attribute transfer", -0.1, -0.2, 0.0, 0.04, 2),
                ("null", "attribute transfer", 0.01, -0.1, 0.1, 0.9, 2),
                ("boundary", "classifier accuracy", -0.1, -0.2, 0.0, 0.04, 2),
            ],
            columns=["comparison", "metric", "gap", "low", "high", "p", "seeds"],
        ).assign(attribute=pd.Series(dtype="str"), control=pd.Series(dtype="str"))
        return self.table("gaps.parquet", table, tables.REALISM_GAPS)

    def page(self) -> str:
        kept = {**CELL, "target_accuracy": 0.7, **self.protocol}
        kept["descent"] = {**CELL, "backbone": "vgg19", "target_accuracy": 0.65}
        write_report(
            self.path("index.html"),
            config=self.config,
            published=PUBLISHED,
            results=self.results(),
            gap=self.gap(),
            figures=self.figures(),
            kept=self.json("kept.json", kept),
            measures=self.measures(),
            comparisons=self.comparisons(),
            agreement=self.json("agreement.json", self.agreement) if self.agreement else None,
            partition=self.partition(),
            calibration=self.json("calibration.json", CALIBRATION) if self.agreement else None,
            judge=self.json("model.json", self.judge),
            realism=self.realism(),
            rejected=self.rejected(),
            provenance=self.provenance(),
            realism_gaps=self.realism_gaps(),
            benchmarks=self.path("benchmarks"),
            **self.sets(),
        )
        return self.path("index.html").read_text()


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs(tmp_path)


class Elements(HTMLParser):
    """Every element and every address of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_needs_no_other_file_and_runs_nothing(inputs: Inputs) -> None:
    found = Elements(inputs.page())
    assert found.names.count("img") == len(FIGURES)
    assert "script" not in found.names
    assert all(address.startswith(("data:image/", "#")) for address in found.addresses)
    assert sum(address.startswith("data:image/webp") for address in found.addresses) == 1


def test_the_labels_of_people_are_told_with_their_agreement_and_error(inputs: Inputs) -> None:
    inputs.agreement = AGREEMENT
    page = inputs.page()
    labels = page[page.index('id="labels"') : page.index('id="classification"')]
    for figure in (
        "0.71 [0.50, 0.90]",
        '<td class="n">23</td>',
        "precision of 90%",
        "gender: male",
    ):
        assert figure in labels
    assert "proposed and accepted" in labels
    assert "truly wrong" not in labels
    inputs.true_error = {"estimate": 0.015, "wrong": 3, "faces": 200}
    assert "1.5%" in inputs.page()


def test_nothing_that_users_name_is_taken_for_markup(inputs: Inputs) -> None:
    evil = "<img src=x onerror=alert(1)>\"'&"
    inputs.config["sides"]["inside"] = inputs.config["boundary"] = evil
    inputs.reason = evil
    inputs.judge["model"]["share"] = {evil: SHARE}
    inputs.judge["everybody"] = inputs.judge["redrawn"] = {evil: SHARE}
    page = inputs.page()
    assert "<img src=x" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 5
    assert Elements(page).names.count("img") == len(FIGURES)


def test_the_page_says_whether_one_factor_at_a_time_finds_the_best(inputs: Inputs) -> None:
    assert "is not known unless all are run" in inputs.page()
    inputs.protocol = {"protocol": "factorial", "agree": False}
    page = re.sub(r"\s+", " ", inputs.page())
    assert (
        "leads to vgg19, augmented, adam/sgd: 5.0 points less accurate on the target than" in page
    )
    inputs.protocol["agree"] = True
    assert "the best of the grid, too" in inputs.page()


def test_the_page_says_what_the_networks_start_from(inputs: Inputs) -> None:
    page = inputs.page()
    assert "vgg16 (random, 64 pixels)." in page
    assert "has seen no pictures but these" in page
    inputs.config["classify"]["backbones"] = {
        "vgg16": {"weights": "pretrained"},
        "vgg19": {"weights": "mine.pth"},
    }
    page = inputs.page()
    assert "vgg16 (pretrained, 200 pixels), vgg19 (mine.pth, 200 pixels)." in page
    assert "has seen no pictures but these" not in page


def test_other_measures_and_comparisons_stand_on_the_page(inputs: Inputs) -> None:
    page = inputs.page()
    assert '<td>AUROC</td><td class="n">0.812 <span class="span">[0.700, 0.900]</span>' in page
    assert "compared on the target (1)" in page
    assert "0.750" in page


def test_banners_stand_only_where_something_is_drawn_or_simulated(inputs: Inputs) -> None:
    assert 'class="banner"' not in inputs.page()
    inputs.judge["simulated"] = True
    page = inputs.page()
    assert "No person gave the answers of the human study" in page
    assert "Drawn faces." not in page
    inputs.config["datasets"]["target"]["kind"] = "drawn"
    assert "The target collection is\ndrawn by facegap" in inputs.page()


def test_figure_4_says_how_long_its_generator_was_trained(inputs: Inputs) -> None:
    assert "of seed 1, after 2\u202f000 steps at 64 pixels" in inputs.page()


def test_no_person_is_made_of_simulated_ones(inputs: Inputs) -> None:
    inputs.agreement = AGREEMENT
    page = inputs.page()
    assert "People’s labels are on" in page
    assert "people’s verification" in page
    inputs.agreement = {**AGREEMENT, "simulated": True}
    for annotator in inputs.agreement["annotators"].values():
        annotator["planted_error"] = 0.1
    inputs.config["partition"]["verification"] = {"eve": {"error": 0.1}}
    page = inputs.page()
    assert "the annotators&#39; labels or the verifiers&#39; labels" in page
    assert "Simulated annotators’ labels are on" in page
    assert "simulated verifiers’ labels of the persons still waiting" in page
    assert "People’s labels" not in page


def test_our_counts_stand_beside_the_printed_ones(inputs: Inputs) -> None:
    page = re.sub(r"\s+", " ", inputs.page().replace("\u202f", ","))
    for what, ours, published in (
        ("UTKFace faces labelled White", "2", "8,373"),
        ("CelebA faces annotated by two researchers", "not asked", "2,500"),
        ("faces in neither (the rest of CelebA)", "1", "5,586"),
        ("pairs each participant viewed", "3", "300"),
        ("celebrities of CelebO that participants knew", "not asked", "65%"),
    ):
        cells = f'<td>{what}</td><td class="n">{ours}</td> <td class="n">{published}</td>'
        assert cells in page


def test_the_page_says_where_the_commoner_answer_does_better(inputs: Inputs) -> None:
    assert "the networks do worse than that" in inputs.page()


def test_a_model_that_was_not_fitted_and_shares_of_nothing_are_said(inputs: Inputs) -> None:
    inputs.judge |= {"model": {"fitted": False, "reason": "no answers"}, "answers": 0}
    nothing = {"estimate": None, "low": None, "high": None, "p": None, "answers": 0}
    inputs.judge |= {"in_domain": nothing, "left": nothing}
    page = inputs.page()
    assert "could not be fitted: no answers" in page
    assert "agreement between them is not known" in page
    assert "Participants chose" not in page


def test_what_is_known_of_the_answers_is_said(inputs: Inputs) -> None:
    times = {"quarter": 1.0, "median": 2.0, "three_quarters": 4.0}
    inputs.judge |= {
        "excluded": ["p2"],
        "agreement": {"pairs": 3, "alpha": 0.4, "low": 0.1, "high": 0.7, "fleiss": 0.41},
        "seconds": {"all": times, "participants": {}},
        "criteria": {"realism": SHARE},
        "familiarity": {"in-domain": SHARE, "out-domain": SHARE},
        "adjusted": {"fitted": True, "answers": 4, "share": {"male": SHARE}, "knew_more": SHARE},
        "metrics": [{"metric": "sharpness", "points": 9, "correlation": 0.5, "low": 0, "high": 1}],
    }
    page = re.sub(r"\s+", " ", inputs.page())
    for words in (
        "p2 passed fewer than 80%",
        "Krippendorff’s alpha is 0.40 [0.10, 0.70], Fleiss’ kappa 0.41",
        "2.0 s in the middle, half of them between 1.0 and 4.0 s",
        "By realism alone, A was chosen in 60.0%",
        "A: 60.0% [50.0, 70.0%] of persons were known; B: 60.0%",
        "equally known, on 4 answers: male 60.0%",
        '<td>sharpness</td><td class="n">0.50</td>',
    ):
        assert words in page
    known = '<td>celebrities of CelebO that participants knew</td><td class="n">60%</td>'
    assert known in page


def test_the_page_is_whole_or_not_there(inputs: Inputs) -> None:
    del inputs.judge["confidence"]
    with pytest.raises(Exception, match="confidence"):
        inputs.page()
    assert not inputs.path("index.html").exists()


def test_numbers_as_a_reader_sees_them() -> None:
    assert number(None) == number(float("nan")) == percent(None) == "–"
    assert number(-0.12345) == "−0.123"
    assert number(-0.0001) == "0.000"
    assert span(0.1, 0.25, 2) == "[0.10, 0.25]"
    assert span(None, 0.2) == span(0.1, float("nan")) == percents(None, None) == ""
    assert percent(0.5678) == "56.8%"
    assert percents(0.1, 0.2) == "[10.0, 20.0%]"
    assert count(202599) == "202\u202f599"
