"""The page: all of it in one file, nothing of it taken for markup, numbers a reader can take in."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jinja2 import UndefinedError
from PIL import Image

from facegap.configurations import Configuration
from facegap.report.figures import figures_of
from facegap.report.page import write_report
from facegap.report.provenance import record_provenance
from facegap.settings.study import Study
from facegap.tables.acquire import FACES, REJECTED
from facegap.tables.align import ALIGNED
from facegap.tables.annotate import LABELS
from facegap.tables.base import write_table
from facegap.tables.measure import ESTIMATES, estimates
from facegap.tables.report import REPORTED

PUBLISHED = Path(__file__).parents[3] / "config/published.yaml"
SHARE: dict[str, Any] = {"estimate": 0.6, "low": 0.5, "high": 0.7}
SELECTED = Configuration("vgg16", "augmented", "adam", "sgd").name
FOLDER: dict[str, Any] = {
    "kind": "folder",
    "images": "faces",
    "table": "faces.csv",
    "split": {"train": 1, "test": 1},
    "labels": "own",
    "own_label": {"column": "group", "inside": ["a"], "outside": ["b"]},
}
DRAWN = {"kind": "drawn", "faces": 3, "split": {"train": 1, "test": 1}, "labels": "own"}
CONFIG: dict[str, Any] = {
    "study": "small",
    "boundary": "group",
    "sides": {"inside": "A", "outside": "B"},
    "datasets": {"source": FOLDER, "target": FOLDER},
    "align": {"crops": {"centre": {"size": 64, "box": 100}}},
    "classify": {
        "grid": {
            "backbones": {"vgg16": {"weights": "random", "input_size": 64}},
            "selected_backbone": "vgg16",
        }
    },
    "synthesise": {"seeds": [1, 2], "training": {"iterations": 2000}},
}
AGREEMENT: dict[str, Any] = {
    "faces": 2,
    "persons": 2,
    "simulated": False,
    "adjudicated": 1,
    "contentious": 1,
    "pairs": [
        {
            "annotators": ["ada", "ben"],
            "answers": ["inside", "outside", "unsure"],
            "confusion": [[11, 12, 13], [21, 22, 23], [31, 32, 33]],
        }
    ],
    "annotators": {name: {"unsure": 3, "repeated": 5} for name in ("ada", "ben")},
}
AGREED: list[dict[str, Any]] = [
    {"quantity": "raw agreement", "faces": 2, **SHARE},
    {"quantity": "raw agreement", "faces": 1, "group": "gender: male", **SHARE},
    {"quantity": "raw agreement", "model": "ada, ben", **SHARE},
    {"quantity": "Krippendorff's alpha", "estimate": 0.71, "low": 0.5, "high": 0.9},
    {"quantity": "Cohen's kappa", "model": "ada, ben"},
    {"quantity": "answer error", **SHARE},
    *(
        {"quantity": "inside share", "model": name, **SHARE, "answers": 9}
        for name in ("ada", "ben")
    ),
    *({"quantity": "consistency", "model": name, **SHARE, "answers": 9} for name in ("ada", "ben")),
]
MEASURED: list[dict[str, Any]] = [
    *(
        {"quantity": quantity, "metric": metric, "model": SELECTED, "trained_on": "source"}
        | {"tested_on": "target", "arm": arm, "estimate": 0.2, "low": low, "high": 0.3}
        | {"faces": 2, "persons": 2, "smallest_detectable_effect": 0.28, "equivalence_bound": 0.29}
        for quantity, low in (("transfer gap", 0.1), ("transfer loss", -0.1))
        for metric in ("balanced accuracy", "AUROC")
        for arm in (None, "equal", "exchanged")
    ),
    *(
        {"quantity": "majority class", "tested_on": name, "estimate": value, "faces": 2}
        for name, value in (("source", 0.5), ("target", 0.75))
    ),
    *(
        {"quantity": "tested faces", "tested_on": "target", "group": group, "estimate": value}
        for group, value in (("all", 5.0), ("contentious: included", 7.0))
    ),
    *(
        {"quantity": f"selection {what}", "metric": "balanced accuracy", "model": SELECTED}
        | {"group": "criterion: target training half", "estimate": value}
        for what, value in (("score", 0.8), ("optimism", 0.0123))
    ),
    *(
        {"quantity": "performance", "metric": "balanced accuracy", "model": name}
        | {"trained_on": trained, "tested_on": tested, "estimate": value, "low": 0.4, "high": 0.8}
        for name, trained, tested, value in (
            (SELECTED, "source", "source", 0.9),
            (SELECTED, "source", "target", 0.7),
            (SELECTED, "target", "target", 0.95),
            ("vgg19, augmented, adam/sgd", "source", "target", 0.65),
        )
    ),
    *(
        {"quantity": "rejected share", "tested_on": "source", "group": f"gender: {name}"}
        | {"estimate": k / 10, "low": 0.0, "high": 0.5, "faces": 10, "adjusted_p": 0.04}
        for k, name in enumerate(("female", "male"))
    ),
    *(
        {"quantity": "performance", "metric": "AUROC", "model": SELECTED, "trained_on": "source"}
        | {"tested_on": name, "estimate": 0.8123, "low": 0.7, "high": 0.9}
        for name in ("source", "target")
    ),
    {
        "quantity": "difference",
        "metric": "balanced accuracy",
        "model": "x − y",
        "tested_on": "target",
        "p": 0.5,
    }
    | {"adjusted_p": 0.75, "estimate": 0.1, "low": 0.0, "high": 0.2},
    *(
        {"quantity": "realism", "metric": metric, "seed": seed, "group": f"domain: {domain}"}
        | {"estimate": value}
        for metric in ("identity preservation", "KID", "FID")
        for seed in (1, 2, None)
        for domain, value in (("in-domain", 0.8), ("out-domain", 0.7))
    ),
    *(
        {"quantity": "realism gap", "metric": metric, "estimate": -0.1, "low": -0.2, "high": 0.0}
        | {"p": p, "adjusted_p": p, "family": family, "smallest_detectable_effect": 0.1234}
        for metric, p, family in (
            ("identity preservation", 0.3, "primary realism"),
            ("KID", 0.01, "primary realism"),
            ("FID", 0.3, "further realism"),
        )
    ),
    {"quantity": "null realism gap", "metric": "KID", "estimate": 0.0, "low": -0.77, "high": 0.78},
    *(
        {"quantity": "realism floor", "metric": metric, "group": f"domain: {domain}"}
        | {"estimate": 0.0625, "standard_error": 0.01}
        for metric in ("KID", "FID")
        for domain in ("in-domain", "out-domain")
    ),
    *(
        {"quantity": "role", "group": group, "estimate": 3.0, "faces": 3, "persons": 2}
        for group in (
            *("role: train", "role: in-domain", "role: out-domain", "role: reference"),
            *("not measured: persons on both sides", "not measured: contentious faces"),
        )
    ),
    *(
        {"quantity": "faces of the other side", "group": f"domain: {domain}", "estimate": 1.4}
        | {"low": 0.2, "high": 2.6, "faces": 3, "persons": 2, "truth": 2.0}
        for domain in ("in-domain", "out-domain")
    ),
    *(
        {"quantity": "attribute recognition", "metric": metric, "group": f"side: {side}", **SHARE}
        for metric in ("sensitivity", "specificity")
        for side in ("inside", "outside")
    ),
    *(
        {"quantity": "identity of real faces", "metric": metric, "group": f"side: {side}"}
        | {"estimate": 0.55, "low": 0.5, "high": 0.6}
        for metric in ("same person", "different persons")
        for side in ("inside", "outside")
    ),
]


class Inputs:
    """What `write_report` reads, as small files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = json.loads(json.dumps(CONFIG))
        self.judge: dict[str, Any] = {
            "asked": 6,
            "answers": 5,
            "simulated": False,
            "participants": {"p1": {"asked": 3}, "p2": {"asked": 3}},
            "model": {"fitted": True, "reason": None},
            "adjusted": {"fitted": False, "reason": "no answers"},
            "excluded": [],
            "attention_threshold": 0.8,
            **{"least_pixels": None, "small": 0, "unsized": 900},
            "agreement_pairs": 0,
        }
        self.control = "control: male"
        self.preference: dict[str, Any] = {**SHARE, "answers": 5}
        self.judged = [{"quantity": "consistency", "answers": 5, **SHARE}]
        self.agreement: dict[str, Any] | None = None
        self.truth: float | None = None
        self.reason = "no face was found"
        self.protocol: dict[str, Any] = {"protocol": "coordinate", "agree": True}
        self.tasks: list[dict[str, Any]] = []

    def of_the_paper(self) -> None:
        """The paper's boundary, data sets and networks, and answers of people."""
        self.config |= {"boundary": "race", "judge": {"responses": "answers.csv"}}
        split, label = FOLDER["split"], {"column": "Male", "inside": [1], "outside": [0]}
        source = {"kind": "utkface", "split": split, "labels": "own"}
        target = {"kind": "celeba", "split": split, "labels": "own", "own_label": label}
        self.config["datasets"] = {"source": source, "target": target}
        self.config["classify"] = {}

    def path(self, name: str) -> Path:
        path = self.folder / "small" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        return path

    def json(self, name: str, value: Any) -> Path:
        self.path(name).write_text(json.dumps(value))
        return self.path(name)

    def table(self, name: str, value: pd.DataFrame, schema: Any) -> Path:
        write_table(value, self.path(name), schema)
        return self.path(name)

    def rows(self, name: str, rows: list[dict[str, Any]]) -> Path:
        return self.table(f"{name}.parquet", estimates(rows, "small"), ESTIMATES)

    def study(self) -> Study:
        if self.agreement:
            sets, error = self.config["datasets"], {"error": 0.1}
            simulated = self.agreement["simulated"]
            if simulated:
                sets |= {"source": DRAWN, "target": DRAWN}
            people = {n: error if simulated else {"answers": f"{n}.csv"} for n in ("ada", "ben")}
            self.config["annotate"] = {"annotators": people}
            sets["target"] = {k: v for k, v in sets["target"].items() if k != "own_label"}
            sets["target"]["labels"] = "people"
            self.config["partition"] = {"precision": 0.9, **self.config.get("partition", {})}
        return Study.model_validate(self.config)

    def judged_rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [{"quantity": "left share", **self.preference}]
        for group in ("all", self.control):
            raw = {"estimate": self.preference.get("estimate"), "answers": 5, "group": group}
            rows.append({"quantity": "raw preference", **raw})
            if self.judge["model"]["fitted"]:
                tested = {"group": group, **self.preference, "standard_error": 0.21, "p": 0.2}
                tested |= {"adjusted_p": 0.4 if group != "all" else None}
                rows.append({"quantity": "preference", "metric": "choice", **tested})
                rows += [
                    {"quantity": "detectable preference", "group": group, "estimate": 0.641},
                    {"quantity": "preference bound", "group": group, "estimate": 0.567},
                    {"quantity": "preference of everybody", **tested},
                ]
            power = {"participants": 2, "answers": 5, "persons": 4, "estimate": 0.9}
            rows.append({"quantity": "power", "group": group, "share": 0.6, **power})
            rows.append({"quantity": "participant bootstrap", "group": group, **SHARE})
        return [*rows, *self.judged]

    def partition(self) -> dict[str, Path]:
        sides = {"inside": 1, "outside": 1, "left out": 1}
        facts: dict[str, Any] = {"faces": 3, "sides": sides, "provenance": {"own label": sides}}
        facts |= {"labelled": 2, "gained": {"by person": 4, "pseudo-label": 5, "verified": 6}}
        error = {"quantity": "label error", "answers": 0}
        rows: list[dict[str, Any]] = [error]
        if self.agreement:
            placed = {"group": "provenance: pseudo-label", "answers": 1}
            rows = [{**error, **placed, **SHARE}]
            rows += [{**error, **SHARE, "answers": 2, "truth": self.truth}]
            precision = {"quantity": "pseudo-label precision", "group": "part: test", "faces": 9}
            rows += [{**precision, **SHARE}]
        return {
            "partition_summary": self.json("partition.json", {**facts, "threshold": 0.8}),
            "partition_estimates": self.rows("partition", rows),
        }

    def figures(self) -> list[Path]:
        noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3)).astype("uint8")
        figures = figures_of(self.study())
        for figure in figures:
            size = 400 if figure.name == "figure1" else 4
            Image.fromarray(noise[:size, :size]).save(self.path(f"{figure.name}.png"))
        return [self.path(f"{figure.name}.png") for figure in figures]

    def provenance(self, study: Study) -> Path:
        record_provenance(
            results=[],
            data=[Path("data/faces.zip")],
            record=self.path("ro-crate-metadata.json"),
            settings_yaml=self.path("settings.yaml"),
            config=study,
            digests=["a" * 64],
            assets=(),
            made_by=[],
        )
        return self.path("ro-crate-metadata.json")

    def sets(self) -> dict[str, list[Path]]:
        names = ("faces", "aligned", "labels", "unread", "rejected")
        files: dict[str, list[Path]] = {name: [] for name in names}
        for name in ("source", "target"):
            ids = [f"{name}{k}" for k in range(3)]
            faces = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": ["a", "a", "b"]})
            faces["split"] = ["train", "test", "rest"]
            faces = faces.assign(age=np.nan, gender=None, race_raw=None)
            aligned = pd.DataFrame({"face_id": ids, "row": [0, 1, 2]})
            lost = pd.DataFrame({"path": ["x"], "face_id": ["x"], "reason": [self.reason]})
            labels = pd.DataFrame({"face_id": ids, "side": ["inside", "outside", "inside"]})
            labels = labels.assign(provenance="own label", annotators="data set", simulated=False)
            for part, frame, schema, end in (
                ("faces", faces, FACES, "parquet"),
                ("aligned", aligned, ALIGNED, "parquet"),
                ("labels", labels, LABELS, "parquet"),
                ("unread", lost, REJECTED, "csv"),
                ("rejected", lost.iloc[:0], REJECTED, "csv"),
            ):
                files[part].append(self.table(f"{name}-{part}.{end}", frame, schema))
        return files

    def tables(self) -> list[Path]:
        row = {"row": "r", "column": "c", "ours": 0.5, "low": 0.4, "high": 0.6}
        row |= {"published": 0.7, "difference": -0.2, "note": "2 of 3 trainings converged"}
        table = pd.DataFrame([row, {**row, "column": "d", "ours": None, "note": None}])
        return [self.table(f"table{k}.csv", table, REPORTED) for k in range(1, 6)]

    def page(self) -> str:
        study = self.study()
        selected = {"name": SELECTED, "criterion": "target training half", **self.protocol}
        selected["descent"] = {"name": "vgg19, augmented, adam/sgd"}
        write_report(
            config=study,
            published=PUBLISHED,
            tables=self.tables(),
            figures=self.figures(),
            selected=self.json("selected.json", selected),
            agreement=self.json("agreement.json", self.agreement) if self.agreement else None,
            judge_summary=self.json("judge.json", self.judge),
            measure_estimates=self.rows("measure", [*MEASURED, *self.tasks]),
            annotate_estimates=self.rows("annotate", AGREED) if self.agreement else None,
            judge_estimates=self.rows("judge", self.judged_rows()),
            provenance=self.provenance(study),
            page=self.path("report/index.html"),
            **self.partition(),
            **self.sets(),
        )
        return self.path("report/index.html").read_text()


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
    elements = Elements(inputs.page())
    assert elements.names.count("img") == len(figures_of(inputs.study()))
    assert "script" not in elements.names
    assert all(address.startswith(("data:image/", "#")) for address in elements.addresses)
    assert sum(address.startswith("data:image/webp") for address in elements.addresses) == 1


def test_the_labels_of_people_have_their_agreement_and_error(inputs: Inputs) -> None:
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
    assert "pseudo-labels, accepted" in labels
    assert "truly wrong" not in labels
    inputs.truth = 0.015
    assert "1.5%" in inputs.page()


def test_nothing_that_users_name_is_taken_for_markup(inputs: Inputs) -> None:
    evil = "<img src=x onerror=alert(1)>\"'&"
    inputs.config["sides"]["inside"] = inputs.config["boundary"] = evil
    inputs.reason = evil
    inputs.control = f"control: {evil}"
    page = inputs.page()
    assert "<img src=x" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 5
    assert Elements(page).names.count("img") == len(figures_of(inputs.study()))


def test_the_page_says_whether_one_factor_at_a_time_finds_the_best(inputs: Inputs) -> None:
    assert "is not known unless all are run" in inputs.page()
    inputs.protocol = {"protocol": "factorial", "agree": False}
    page = re.sub(r"\s+", " ", inputs.page())
    assert (
        "leads to vgg19, augmented, adam/sgd: 65.0% accurate on the target; the best of the grid,"
        " which is selected, 70.0%."
    ) in page
    inputs.protocol["agree"] = True
    assert "the best of the grid, too" in inputs.page()


def test_the_page_says_what_the_networks_start_from(inputs: Inputs) -> None:
    page = inputs.page()
    assert "vgg16 (random, 64 pixels)." in page
    assert "has seen no pictures but these" in page
    inputs.config["classify"]["grid"]["backbones"] = {
        "vgg16": {"weights": "pretrained"},
        "vgg19": "mine.pth",
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
    inputs.config["datasets"]["target"] = DRAWN
    assert "The target data set is\ndrawn by facegap" in inputs.page()


def test_figure_4_says_how_long_its_generator_was_trained(inputs: Inputs) -> None:
    assert "of seed 1, after 2\u202f000 steps at 64 pixels" in inputs.page()


def test_no_person_is_made_of_simulated_ones(inputs: Inputs) -> None:
    inputs.agreement = AGREEMENT
    page = inputs.page()
    assert "People’s labels are on" in page
    assert "people’s verification" in page
    inputs.agreement = {**AGREEMENT, "simulated": True}
    inputs.config["partition"]["verification"] = {"eve": {"error": 0.1}}
    page = inputs.page()
    assert "the annotators&#39; labels or the verifiers&#39; labels" in page
    assert "Simulated annotators’ labels are on" in page
    assert "simulated verifiers’ labels of the persons still waiting" in page
    assert "People’s labels" not in page


def test_our_counts_stand_beside_the_printed_ones(inputs: Inputs) -> None:
    assert "8\u202f373" not in inputs.page(), "of another study"
    inputs.of_the_paper()
    page = re.sub(r"\s+", " ", inputs.page().replace("\u202f", ","))
    for what, ours, published in (
        ("UTKFace faces labelled White", "2", "8,373"),
        ("CelebA faces annotated by two researchers", "not asked", "2,500"),
        ("faces in neither (the rest of CelebA)", "1", "5,586"),
        ("pairs each participant viewed", "3", "300"),
        ("celebrities of CelebO that participants knew", "not asked", "65%"),
    ):
        line = f'<td>{what}</td><td class="n">{ours}</td> <td class="n">{published}</td>'
        assert line in page


def test_where_no_loss_is_found_the_page_says_what_could_have_been(inputs: Inputs) -> None:
    page = re.sub(r"\s+", " ", inputs.page())
    assert "<strong>No transfer loss was found.</strong>" in page
    assert "A transfer loss of 28.0 points would have been found 8 times in 10." in page
    assert "within ±29.0 points (90% interval), wider than the ±5.0" in page
    inputs.config["measure"] = {"primary": {"quantity": "transfer gap"}}
    found = re.sub(r"\s+", " ", inputs.page())
    assert "<strong>A transfer gap was found.</strong>" in found
    assert "points would have been found" not in found


def test_the_primary_outcome_stands_with_the_digest_of_the_settings(inputs: Inputs) -> None:
    page, digest = inputs.page(), inputs.study().digest
    assert f"(digest <code>{digest}</code>)" in page
    inputs.config["operations"] = {"offline": True}
    assert inputs.study().digest == digest, "it changes no result"
    inputs.config["measure"] = {"primary": {"margin": 0.01}}
    assert inputs.study().digest != digest


def test_what_selected_and_the_controls_stand_on_the_page(inputs: Inputs) -> None:
    page = inputs.page()
    assert "<b>target training half</b>" in page
    assert '<td class="n">0.012</td>' in page
    assert "labels exchanged between training persons" in page
    words = re.sub(r"\s+", " ", page)
    assert "5 of the target’s 7 test faces" in words
    assert "right on 50.0% of the source’s and 75.0% of the target’s faces" in words


def test_a_model_that_was_not_fitted_and_shares_of_nothing_stand_as_such(inputs: Inputs) -> None:
    inputs.judge |= {"model": {"fitted": False, "reason": "no answers"}, "answers": 0}
    inputs.preference = {"answers": 0}
    page = inputs.page()
    assert "could not be fitted: no answers" in page
    assert "agreement between them is not known" in page
    assert "Participants chose" not in page
    inputs.preference = SHARE
    page = re.sub(r"\s+", " ", inputs.page())
    assert "side, A, in 60.0% of 5 answers. There is no interval: no answers." in page


def test_where_no_preference_is_found_the_page_says_what_would_have_been(inputs: Inputs) -> None:
    """Of the headline and of each row; equivalent is said only within a margin of the settings."""
    found = "finds a true share of 64.1% or more, for either side, 8 times in 10"
    page = re.sub(r"\s+", " ", inputs.page())
    assert page.count(found) == 3
    assert page.count("leave room for up to 56.7% for either side (90% interval).") == 3
    assert "equivalent to none" not in page
    inputs.config["judge"] = {"equivalence_margin": 0.07}
    page = re.sub(r"\s+", " ", inputs.page())
    assert page.count("within the margin of 7.0 points that the settings fixed: equivalent") == 3
    inputs.config["judge"] = {"equivalence_margin": 0.06}
    assert "more than the margin of 6.0 points" in inputs.page()
    inputs.preference = {**SHARE, "low": 0.51, "answers": 5}
    page = re.sub(r"\s+", " ", inputs.page())
    assert found not in page
    assert "A, in 60.0% of their choices (5 answers), 95% interval [51.0, 70.0%]" in page
    assert "clustered by person: more often than one half." in page


def test_a_preference_stands_beside_what_photographs_alone_and_other_makers_give(
    inputs: Inputs,
) -> None:
    page = re.sub(r"\s+", " ", inputs.page())
    assert "was not asked (<code>judge.design.originals</code>)" in page
    assert "Makers beside each other" not in page
    ends = {"low": 0.41, "high": 0.55, "p": 0.6, "answers": 9}
    inputs.judge |= {"originals": 40, "makers": ["inside", "mine"]}
    inputs.judged += [
        {"quantity": "baseline preference", "group": "all", "estimate": 0.58, **ends},
        {"quantity": "preference without baseline", "group": "all", "estimate": 0.48, **ends},
        *(
            {
                "quantity": "preference by maker",
                "group": "all",
                "model": name,
                **SHARE,
                "answers": 9,
            }
            for name in ("inside", "mine")
        ),
        {"quantity": "preference difference by maker", "group": "all", "model": "inside − mine"}
        | {"estimate": 0.9, "low": 0.2, "high": 1.6, "p": 0.01, "adjusted_p": 0.02},
    ]
    page = re.sub(r"\s+", " ", inputs.page())
    headline = page[: page.index("<h2")]
    assert (
        ". Corrected for how they like untouched photographs, it is 48.0% [41.0, 55.0%]."
        in headline
    )
    assert "40 answers are on pairs of untouched photographs" in page
    assert "was not asked (<code>judge.design.originals</code>)" not in page
    assert "blind to which is which" in page
    assert "of those on inside" in page
    assert "inside − mine: log odds ratio 0.90 [0.20, 1.60], p = 0.020." in page
    assert "depends on who made the images" in page


def test_each_row_has_the_power_of_its_own_test(inputs: Inputs) -> None:
    page = re.sub(r"\s+", " ", inputs.page())
    for name in ("all", "male"):
        assert f'<tr><td>{name}</td><td class="n">2</td><td class="n">5</td><td class="n">4' in page
    assert '<td class="n">0.200</td><td class="n">0.400</td><td class="n">0.21</td>' in page


def test_a_truth_stands_beside_the_estimate_where_it_is_known(inputs: Inputs) -> None:
    assert "the truth, which" not in inputs.page()
    inputs.judge["simulated"] = True
    inputs.preference = {**SHARE, "answers": 5, "truth": 0.613}
    inputs.judged += [{"quantity": "familiarity", "group": "domain: in-domain", "truth": 0.7}]
    page = re.sub(r"\s+", " ", inputs.page())
    assert "(the truth, which the settings fix, is 61.3%)" in page
    assert '<td class="n">61.3%</td>' in page
    assert "of persons were known (truth 70.0%)" in page


def test_published_values_stand_beside_those_of_the_papers_own_study(inputs: Inputs) -> None:
    """In all other studies there is no such column, and a sentence says why."""
    page = re.sub(r"\s+", " ", inputs.page())
    assert "published</th>" not in page
    assert (
        "not the published one: its boundary is group, not race; its source is folder, not utkface"
        in page
    )
    assert "its networks start from random weights" in page
    assert "its answers are simulated" in page
    inputs.of_the_paper()
    page = inputs.page()
    assert page.count('<th class="n">published</th><th class="n">difference</th>') == 5
    assert page.count('<td class="n">0.700</td><td class="n">−0.200</td>') == 10
    assert "do not stand beside" not in page
    assert "Published caption: “Reported accuracy for off-the-shelf" in page
    del inputs.config["judge"]
    page = inputs.page()
    assert page.count('<th class="n">published</th><th class="n">difference</th>') == 4
    assert (
        "do not stand beside ours, since this study is not the published one: its answers are"
        in page
    )


def test_what_is_known_of_the_answers_stands_on_the_page(inputs: Inputs) -> None:
    inputs.judge |= {
        "excluded": ["p2"],
        "agreement_pairs": 3,
        "adjusted": {"fitted": True, "answers": 4},
    }
    inputs.judged += [
        *(
            {"quantity": "response time", "metric": name, "estimate": value}
            for name, value in (("lower quartile", 1.0), ("median", 2.0), ("upper quartile", 4.0))
        ),
        {"quantity": "Krippendorff's alpha", "estimate": 0.4, "low": 0.1, "high": 0.7},
        {"quantity": "Fleiss' kappa", "estimate": 0.41},
        {"quantity": "preference", "metric": "realism", **SHARE},
        {"quantity": "left effect", **SHARE},
        {"quantity": "familiarity", "group": "domain: in-domain", **SHARE},
        {"quantity": "familiarity", "group": "domain: out-domain", **SHARE},
        {"quantity": "adjusted preference", "group": "control: male", **SHARE},
        {"quantity": "familiarity effect", **SHARE},
        {"quantity": "correlation", "metric": "FID", "answers": 9, "estimate": 0.5}
        | {"low": 0.0, "high": 1.0},
    ]
    page = re.sub(r"\s+", " ", inputs.page())
    for words in (
        "p2 passed fewer than 80%",
        "Krippendorff’s alpha is 0.40 [0.10, 0.70], Fleiss’ kappa 0.41",
        "answer was 2.0 s; half of the answers took between 1.0 and 4.0 s",
        "By realism alone, A was chosen in 60.0%",
        "A: 60.0% [50.0, 70.0%] of persons were known; B: 60.0%",
        "equally known, on 4 answers: male 60.0%",
        '<td>FID</td><td class="n">0.50</td>',
    ):
        assert words in page
    inputs.of_the_paper()
    page = inputs.page()
    assert '<td>celebrities of CelebO that participants knew</td><td class="n">60%</td>' in page
    assert "(published: 85% of CelebC, 65% of CelebO)" in page


def test_answers_on_pictures_that_were_too_small_are_counted_on_the_page(inputs: Inputs) -> None:
    assert "of the screen across" not in inputs.page()
    inputs.judge |= {"least_pixels": 200, "small": 7, "unsized": 5}
    page = re.sub(r"\s+", " ", inputs.page())
    assert "7 answers were given on pictures of fewer than 200 pixels of the screen across" in page
    assert "of 5 the size is not known, and they stay" in page


def test_the_page_is_whole_or_not_there(inputs: Inputs) -> None:
    del inputs.judge["attention_threshold"]
    with pytest.raises(UndefinedError, match="attention_threshold"):
        inputs.page()
    assert not inputs.path("report/index.html").exists()


class Twice(Inputs):
    """Real data sets, with pictures that are there twice; the source's persons are not known."""

    def table(self, name: str, frame: pd.DataFrame, schema: Any) -> Path:
        path = super().table(name, frame, schema)
        if schema is FACES:
            frame = frame.assign(subject_id=None) if name.startswith("source") else frame
            write_table(frame, path, FACES, {"duplicates": "12", "shared": "56", "left out": "78"})
        return path


def test_pictures_that_are_there_twice_are_counted_and_what_a_hash_cannot_tell_is_said(
    tmp_path: Path,
) -> None:
    text = " ".join(re.sub("<[^>]*>", "", Twice(tmp_path).page()).split())
    for name in ("source", "target"):
        assert f"By a perceptual hash, 12 pictures of the {name} have a copy in it" in text
    assert "56 have a copy in the source or another data set before it: all 78 pictures" in text
    assert "Who is shown in the source is not known" in text
    assert "Who is shown in the target is not known" not in text
    assert "copies are in one part. The persons are not known: the same person may be in" in text


def test_what_other_measures_say_and_whether_persons_are_known_stand_beside_a_model(
    tmp_path: Path,
) -> None:
    """By group where nothing else was found, and in short where the finding says it."""
    inputs = Twice(tmp_path)
    about = {"model": "landmarker", "tested_on": "source", "task": "expressions"}
    rates = {"faces": 3, "persons": 2, "low": 0.1, "high": 0.3, "estimate": 0.2}
    tested = {"quantity": "group against the others", **about, **rates, "group": "gender: male"}
    smiling = {**tested, "metric": "taken for smiling", "p": 0.001, "adjusted_p": 0.002}
    blinking = {**tested, "metric": "taken for blinking"}
    inputs.tasks = [
        {"quantity": "model performance", **about, **rates, "group": group, "metric": metric}
        for metric in ("taken for blinking", "taken for smiling")
        for group in ("all", "gender: male", "gender: female")
    ]
    known = len(inputs.tasks)
    texts = []
    for p in (0.5, 0.001):
        inputs.tasks = [*inputs.tasks[:known], smiling, {**blinking, "p": p, "adjusted_p": p}]
        texts.append(" ".join(re.sub("<[^>]*>", "", inputs.page()).split()))
    assert "No difference between groups was found in taken for blinking." in texts[0]
    by_group = "groups differ, each adjusted by itself: taken for smiling (higher on gender: male)"
    assert by_group in texts[0]
    assert "Groups differ by taken for smiling, too" in texts[1]
    assert "Who is shown in the source is not known: there each face counts as a" in texts[0]
    assert "Who is shown in the target is not known" not in texts[0]


def test_a_study_without_a_synthesis_speaks_of_no_generator(inputs: Inputs) -> None:
    lead = "A generator of faces is trained on A alone and used on B."
    assert lead in inputs.page()
    inputs.config["parts"] = ["classify"]
    assert lead not in inputs.page()


def test_data_sets_that_are_not_compared_say_nothing_of_it(inputs: Inputs) -> None:
    assert "perceptual hash" not in inputs.page()


def test_the_synthesis_says_what_was_tested_and_what_could_have_been_found(
    inputs: Inputs,
) -> None:
    """Of a primary measure without a gap; a control has no p, an exploratory measure its name."""
    text = " ".join(re.sub("<[^>]+>", " ", inputs.page()).split())
    assert "No gap in identity preservation was found" in text
    assert "one of 0.123 would have been found 8 times in 10" in text
    assert "No gap in KID" not in text
    assert text.count("Exploratory: the other measures") == 1
    assert "null check" not in text
    assert "a Frechet distance of so few faces is biased" in text
    assert text.index("KID 0.800") < text.index("FID 0.800"), "the kernel distance first"
    assert "2 persons have faces on both sides of the boundary (3 faces)" in text
    assert "they are not measured" in text
    assert "out-domain 3 1.4 [0.2, 2.6] 2" in text
    assert "Rogan and Gladen 1978" in text


def test_estimates_whose_truth_is_known_stand_together_with_what_they_held(inputs: Inputs) -> None:
    page = inputs.page()
    assert "whose truth is known" not in page
    assert "labels exchanged between training persons" in page[page.index('id="controls"') :]
    inputs.agreement = AGREEMENT | {"simulated": True}
    inputs.truth = 0.715  # above the interval
    inputs.preference = {**SHARE, "answers": 5, "truth": 0.613}
    page = re.sub(r"\s+", " ", inputs.page())
    known = page[page.index('id="known"') : page.index('id="controls"')]
    assert "Of 3 estimates of this study whose truth is known, the 95% intervals of 2" in known
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in known.split("<tr>")[2:]]
    found = [(row[0], row[-2], row[-1]) for row in rows]
    assert ("label", "0.715", "no") in found
    assert ("preference,", "0.613", "yes") in found
    assert len(set(re.findall(r'id="([^"]+)"', page))) == len(re.findall(r'id="([^"]+)"', page))


def test_the_truth_of_the_heads_gap_and_loss_stands_beside_their_estimates(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = [
        {"quantity": quantity, "metric": "accuracy", "model": f"{SELECTED}, head"}
        | {"trained_on": "source", "tested_on": "target", "truth": truth}
        | {"estimate": 0.3, "low": 0.2, "high": 0.4}
        for quantity, truth in (("transfer gap", 0.151), ("transfer loss", 0.22))
    ]
    monkeypatch.setitem(globals(), "MEASURED", [*MEASURED, *heads])
    page = re.sub(r"\s+", " ", inputs.page())
    known = page[page.index('id="known"') : page.index('id="controls"')]
    lines = re.findall("<tr>(.*?)</tr>", known)[1:]
    rows = [re.sub("<[^>]+>", " ", row).split() for row in lines]
    found = {" ".join(row[:2]): (row[-2], row[-1]) for row in rows}
    assert found == {"transfer loss": ("0.220", "yes"), "transfer gap": ("0.151", "no")}


def test_the_headline_is_of_the_selected_configuration_alone(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"quantity": "transfer gap", "metric": "balanced accuracy", "model": "vgg19"}
    other |= {"trained_on": "source", "tested_on": "target", "equivalence_bound": 0.29}
    other |= {"estimate": 0.0, "low": -0.2, "high": 0.2, "smallest_detectable_effect": 0.28}
    monkeypatch.setitem(globals(), "MEASURED", [other, *MEASURED])
    inputs.config["measure"] = {"primary": {"quantity": "transfer gap"}}
    assert "<strong>A transfer gap was found.</strong>" in inputs.page()


def test_with_the_contentious_faces_gap_and_loss_stand_on_the_page(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [
        {"quantity": quantity, "metric": "balanced accuracy", "model": SELECTED}
        | {"trained_on": "source", "tested_on": "target", "group": "contentious: included"}
        | {"estimate": value, "low": 0.1, "high": 0.8}
        for quantity, value in (("transfer gap", 0.444), ("transfer loss", 0.555))
    ]
    monkeypatch.setitem(globals(), "MEASURED", [*MEASURED, *both])
    page = re.sub(r"\s+", " ", inputs.page())
    words = "the transfer gap is 0.444 [0.100, 0.800] and the transfer loss 0.555 [0.100, 0.800]"
    assert words in page


def test_the_headline_is_the_models_share_and_not_that_of_answers(tmp_path: Path) -> None:
    class Other(Inputs):
        def judged_rows(self) -> list[dict[str, Any]]:
            rows = super().judged_rows()
            raw = [row["quantity"] == "raw preference" for row in rows]
            return [
                {**row, "estimate": 0.87} if of else row for row, of in zip(rows, raw, strict=True)
            ]

    page = re.sub(r"\s+", " ", Other(tmp_path).page())
    headline = page[: page.index("<h2")]
    assert "A, in 60.0% of their choices" in headline
    assert "87.0%" not in headline


def test_what_simulated_participants_know_does_not_stand_beside_what_was_printed(
    inputs: Inputs,
) -> None:
    inputs.of_the_paper()
    del inputs.config["judge"]
    inputs.judge["simulated"] = True
    inputs.judged += [
        {"quantity": "familiarity", "group": f"domain: {domain}", **SHARE}
        for domain in ("in-domain", "out-domain")
    ]
    page = inputs.page()
    line = '<td>celebrities of CelebO that participants knew</td><td class="n">not asked</td>'
    assert line in page
    assert "(published: " not in page


def test_agreement_on_too_few_pairs_is_not_said(inputs: Inputs) -> None:
    inputs.judge["agreement_pairs"] = 2
    inputs.judged += [{"quantity": "Krippendorff's alpha", "estimate": 1.0}]
    page = inputs.page()
    assert "Several compared the same pair 2 times: too few" in page
    assert "Krippendorff’s alpha is 1.00" not in page


def test_agreement_of_annotators_without_an_interval_is_not_said(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_all = {"quantity": "Krippendorff's alpha", "estimate": 1.0}
    others = [row for row in AGREED if row["quantity"] != of_all["quantity"]]
    monkeypatch.setitem(globals(), "AGREED", [*others, of_all])
    inputs.agreement = AGREEMENT
    page = inputs.page()
    assert "too few persons, or none on whom they differ, to say how far they agree" in page
    assert "alpha is 1.00" not in page


def test_how_many_trainings_converged_stands_beside_the_epochs(inputs: Inputs) -> None:
    assert inputs.page().count("2 of 3 trainings converged") == 5, "of each table's first row"


def test_the_errors_of_the_measuring_network_stand_by_side(inputs: Inputs) -> None:
    text = " ".join(re.sub("<[^>]+>", " ", inputs.page()).split())
    start = text.index("How far the measuring networks can be trusted")
    own = text[start : text.index("Sensitivity: of the faces with an attribute", start)]
    for side in ("A", "B"):
        assert f"{side} all 60.0% [50.0, 70.0%] 60.0% [50.0, 70.0%]" in own


def crossed(interaction: float, inside: float, outside: float, p: float) -> list[dict[str, Any]]:
    """Rows of one task, alone and as all of them, with intervals of ± 0.05."""
    rows: list[dict[str, Any]] = []
    for name in ("Smiling", "all"):
        for metric in ("balanced accuracy", "log odds"):
            for quantity, group, value in (
                ("interaction", "all", interaction),
                ("own-side advantage", "side: inside", inside),
                ("own-side advantage", "side: outside", outside),
            ):
                row = {"quantity": quantity, "task": name, "metric": metric, "group": group}
                row |= {"estimate": value, "low": value - 0.05, "high": value + 0.05, "p": p}
                rows.append({**row, "smallest_detectable_effect": 0.0777})
    rows += [
        {"quantity": "training faces", "task": "Smiling", "estimate": 120.0},
        {"quantity": "halving share", "task": "Smiling", "metric": "balanced accuracy"}
        | {"estimate": 0.25, "low": 0.1, "high": 0.45},
    ]
    where = {"task": "Smiling", "metric": "balanced accuracy"}
    ends = {"estimate": 0.031, "low": 0.0, "high": 0.06}
    for one, other in (("source", "target"), ("target", "source")):
        about = {"trained_on": one, "tested_on": other}
        rows.append({"quantity": "data-set effect", **where, **about, **ends})
    return rows


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0.2, 0.1, 0.1, 0.001), "The boundary itself has an effect"),
        ((0.2, 0.25, -0.05, 0.001), "An interaction was found, but own heads are not shown"),
        ((0.02, 0.01, 0.01, 0.6), "No effect of the boundary was found over all tasks."),
        ((-0.2, -0.1, -0.1, 0.001), "An interaction below zero was found"),
    ],
)
def test_what_the_boundary_does_is_said_no_further_than_it_is_shown(
    values: tuple[float, float, float, float], words: str, inputs: Inputs
) -> None:
    inputs.config["classify"]["tasks"] = {"labels": ["Smiling"], "dose": {"tasks": ["Smiling"]}}
    inputs.tasks = crossed(*values)
    text = " ".join(re.sub("<[^>]+>", " ", inputs.page()).split())
    own = text[text.index("What the boundary does A model") : text.index("measure/tasks.parquet")]
    assert words in own
    assert ("of 7.8 points would have been found" in own) == ("No effect" in words)
    assert "25.0% of the training faces (95% interval [10.0, 45.0%]); all heads have 120." in own
    assert "It does not follow that the boundary causes" in own
    inputs.tasks[-3]["estimate"] = inputs.tasks[-3]["low"] = inputs.tasks[-3]["high"] = None
    assert "there is no share at which the gap is half" in inputs.page()


def generators(interaction: float, inside: float, p: float) -> list[dict[str, Any]]:
    """Rows of arms of the synthesis, with intervals of ± 0.05."""
    rows: list[dict[str, Any]] = [
        {"quantity": "matching", "attribute": "Bangs", "estimate": -0.0123},
        {"quantity": "matching", "attribute": "Young", "estimate": 0.01},
        {"quantity": "halving share", "metric": "KID", "estimate": 0.2, "low": 0.1, "high": 0.3},
    ]
    for metric, family in (("KID", "primary realism"), ("FID", "further realism")):
        for quantity, group, value in (
            ("realism interaction", "all", interaction),
            ("realism advantage", "side: inside", inside),
            ("realism advantage", "side: outside", interaction - inside),
        ):
            row = {"quantity": quantity, "metric": metric, "group": group, "estimate": value}
            row |= {"low": value - 0.05, "high": value + 0.05, "p": p, "adjusted_p": p}
            rows.append(
                row | {"smallest_detectable_effect": 0.0777, "family": f"interaction, {family}"}
            )
    return rows


@pytest.mark.parametrize(
    ("values", "answer", "follows"),
    [
        ((0.2, 0.1, 0.001), "In KID the side that a generator was trained on", "boundary’s own"),
        (
            (0.2, 0.18, 0.001),
            "In KID the side that a generator was trained on",
            "interaction alone",
        ),
        ((0.02, 0.01, 0.6), "In none of the primary measures was it found", "none found"),
    ],
)
def test_what_the_boundary_does_to_generators_is_said(
    values: tuple[float, float, float], answer: str, follows: str, inputs: Inputs
) -> None:
    inputs.config["synthesise"]["arms"] = ["inside", "outside", 0.25]
    inputs.config["synthesise"]["roles"] = {"training_faces": 40}
    inputs.tasks = generators(*values)
    text = " ".join(re.sub("<[^>]+>", " ", inputs.page()).split())
    own = text[text.index("Generators of either side") : text.index("From measure/arms.parquet")]
    assert answer in own
    assert own.count(follows) >= 2
    assert "on B, with 25.0% B: always on 40 faces" in own
    assert "the shares of the attributes differ by at most 1.2 points" in own
    assert "In KID the gap is half of what it is without faces B when they are 20.0%" in own


def test_an_arm_of_the_other_side_is_not_taken_for_the_papers(inputs: Inputs) -> None:
    first = inputs.page()
    inputs.tasks = [
        {"quantity": "realism gap", "metric": "KID", "arm": "outside", "estimate": -0.4321}
        | {"family": "primary realism, arm outside"},
        {"quantity": "realism", "metric": "KID", "arm": "outside", "group": "side: inside"}
        | {"estimate": 0.9},
    ]
    assert inputs.page() == first


def test_a_study_without_tasks_says_what_accounts_for_the_gaps_alone(inputs: Inputs) -> None:
    page = inputs.page()
    assert "What accounts for the gaps" in page
    assert "Generators of either side" not in page
    assert "Heads of other tasks" not in page


def split_gap(capture: float | None) -> list[dict[str, Any]]:
    """Rows of the parts of the group gap in the target."""
    about = {"metric": "accuracy", "tested_on": "target"}
    values = {"all": 0.2, "composition": 0.01, "capture": capture, "crop": 0.0, "remainder": 0.05}
    return [
        *(
            {"quantity": "part of the gap", **about, "group": f"gap: group gap × part: {name}"}
            | ({} if value is None else {"estimate": value})
            | ({} if value is None else {"low": value - 0.03, "high": value + 0.03})
            for name, value in values.items()
        ),
        *(
            {"quantity": "overlap", **about, "group": f"gap: group gap × made alike: {name}"}
            | {"estimate": share}
            for name, share in (
                *(("composition", 0.9), ("capture", 0.7 if capture else 0.11)),
                ("composition and capture", 0.6 if capture else 0.1),
            )
        ),
    ]


def test_outcomes_with_right_labels_stand_beside_those_as_they_are(inputs: Inputs) -> None:
    inputs.tasks = [
        {"quantity": "without label error", "group": f"outcome: transfer loss × labels: {name}"}
        | {"metric": "balanced accuracy", "estimate": value, "low": value - 0.1}
        | {"high": value + 0.1, "share": share}
        for name, value, share in (
            *(("as they are", 0.15, None), ("no error", 0.17, 0.02)),
            ("errors alike", 0.2, 0.06),
        )
    ]
    text = " ".join(re.sub("<[^>]+>", " ", inputs.page()).split())
    own = text[text.index("What wrong labels do to it") :]
    assert "as the labels are without their error if annotators err alike" in own
    numbers = "0.150 [0.050, 0.250] 0.170 [0.070, 0.270] 2.0% taken off 0.200 [0.100, 0.300] 6.0%"
    assert f"transfer loss {numbers} taken off" in own


def test_the_largest_part_that_is_shown_is_named(inputs: Inputs) -> None:
    inputs.tasks = split_gap(0.14)
    text = " ".join(re.sub("<[^>]+>", " ", inputs.page()).split())
    assert "Of the group gap of 20.0 points [17.0, 23.0] in the target, capture accounts" in text
    assert "accounts for 14.0 points [11.0, 17.0], the largest part that is shown" in text
    assert "5.0 points [2.0, 8.0] remain." in text
    assert "hardly overlap" not in text


def test_without_overlap_the_page_says_so_and_has_no_number(inputs: Inputs) -> None:
    inputs.tasks = split_gap(None)
    text = " ".join(re.sub("<[^>]+>", " ", inputs.page()).split())
    assert "no part is shown to account for anything" in text
    assert "In capture the groups hardly overlap (an effective share of 11.0%; below 20.0%" in text


@pytest.mark.parametrize(
    ("worth", "reached", "words"),
    [
        ({"estimate": 37.2, "low": 20.4, "high": 70.6}, 0.7, "37 labelled faces (95% interval 20"),
        ({"estimate": 37.2}, 0.7, "37 labelled faces; the data do not allow an interval"),
        (
            {},
            0.5,
            "16 labelled faces of the target, the fewest that were tried, already",
        ),
        ({}, 0.95, "64 labelled faces of the target, the most that were tried, reach less: 90.0%"),
    ],
)
def test_how_many_labelled_faces_do_the_same_is_said_or_that_it_is_not_known(
    worth: dict[str, float], reached: float, words: str, inputs: Inputs
) -> None:
    inputs.config["classify"]["learning_curve"] = {"faces": [16, 64]}
    inputs.config["datasets"]["target"] = FOLDER | {"split": {"train": 64, "test": 1}}
    head = Configuration("vgg16", "augmented", "adam", "sgd").head_name
    about = {"metric": "balanced accuracy", "tested_on": "target"}
    ends = {"low": 0.5, "high": 0.95}
    inputs.tasks = [
        {"quantity": "learning curve", **about, "answers": n, "estimate": share, **ends}
        | {"group": f"labelled faces: {n}"}
        for n, share in ((64, 0.9), (16, 0.6))
    ]
    inputs.tasks += [
        {"quantity": "break-even faces", **about, "model": head, **worth},
        {"quantity": "performance", **about, "model": head, "estimate": reached, **ends},
    ]
    text = " ".join(re.sub("<[^>]+>", " ", inputs.page()).split())
    assert words in text
    assert f"the head trained on the source reaches {100 * reached:.1f}% [50.0, 95.0%]" in text
