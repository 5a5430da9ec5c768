"""Which configuration is selected, by what, and how much that flatters it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.classify.plans import Choice
from facegap.configurations import Configuration, configuration
from facegap.errors import DataError
from facegap.files import write_json
from facegap.parts import persons_of
from facegap.seeds import generator
from facegap.statistics.bootstrap import cluster_counts
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table
from facegap.tables.classify import PREDICTIONS, RUNS

log = logging.getLogger(__name__)
CRITERIA = {  # data set and part of the faces that select
    "source validation": ("source", "validation"),
    "target training half": ("target", "selection"),
    "target test part": ("target", "test"),
}
SAMPLES = 500  # of the bootstrap


@dataclass(frozen=True)
class Candidate:
    """A configuration that may be selected, and the folder of its trainings."""

    folder: str
    configuration: Configuration


@dataclass(frozen=True)
class Faces:
    """The faces of a criterion: the side and the person of each, (n,)."""

    inside: NDArray[np.bool_]
    person: NDArray[np.str_]

    def scores(
        self, right: NDArray[np.float64], counts: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Balanced accuracy (samples, candidates) of the shares `right` (candidates, n).

        `counts` (samples, n) says how often each face is in each sample; without it all are, once.
        """
        weights = np.ones((1, len(self.inside))) if counts is None else counts
        with np.errstate(invalid="ignore"):
            of_sides = [
                (weights * side) @ right.T / (weights @ side)[:, None]
                for side in (self.inside.astype(float), (~self.inside).astype(float))
            ]
        mean: NDArray[np.float64] = np.mean(of_sides, axis=0)
        return mean


def select_configuration(
    *, trainings: list[Path], faces: list[Path], selected: Path, choice: Choice, seed: int
) -> None:
    """Write which configuration of the `trainings` is selected, by the choice's criterion.

    By coordinate descent, of augmented runs alone, first the backbone that is best with the first
    pair, or the one that is named; then its best pair (paper, 2.3). In a factorial grid the best
    of all is selected, and what coordinate descent would have selected stands beside it. Equals
    are settled by the order of `trainings`. `faces` (FACES) are the source's and the target's. The
    choice and the optimism of all criteria stand beside it.
    """
    persons = {
        name: persons_of(table).set_axis(table["face_id"])
        for name, table in zip(
            ("source", "target"), (read_table(p, FACES) for p in faces), strict=True
        )
    }
    candidates, answers = _candidates(trainings)
    if descent(candidates, np.zeros(len(candidates)), choice) is None:
        raise DataError(
            f"{trainings[0]} and others: no augmented configuration of the backbone"
            f" {choice.backbone}"
        )
    criteria = {}
    for name, (dataset, part) in CRITERIA.items():
        asked = answers[(answers["dataset"] == dataset) & (answers["part"] == part)]
        rng = generator(seed, "selection_optimism", criterion=name)
        criteria[name] = _criterion(candidates, asked, persons[dataset], choice, rng)
    own = criteria[choice.criterion]
    if own["selected"] is None:
        raise DataError(
            f"classify.selection.criterion: {choice.criterion} has {own['inside']} faces inside and"
            f" {own['outside']} outside; both sides are needed: more faces, or another criterion"
        )
    best, descended = (candidates[own[key]] for key in ("selected", "descended"))
    log.info("selected by %s: %s", choice.criterion, best.configuration.name)
    about = {"protocol": choice.protocol, "criterion": choice.criterion}
    write_json(
        {
            **_plain(best),
            **about,
            "descent": _plain(descended),
            "agree": best == descended,
            "criteria": {
                name: {**each, **_named(each, candidates)} for name, each in criteria.items()
            },
        },
        selected,
    )


def _candidates(trainings: Sequence[Path]) -> tuple[list[Candidate], pd.DataFrame]:
    """The fine-tuned configurations of all folders, and their answers, numbered `candidate`."""
    candidates: list[Candidate] = []
    tables: list[pd.DataFrame] = []
    for folder in trainings:
        runs = read_table(folder / "runs.parquet", RUNS)
        answers = read_table(folder / "predictions.parquet", PREDICTIONS)
        for model in runs.loc[runs["stage"] == "fine-tuned", "model"].unique():
            own = answers[(answers["model"] == model) & answers["agreed"]]
            tables.append(own.assign(candidate=len(candidates)))
            candidates.append(Candidate(folder.name, configuration(model)))
    return candidates, pd.concat(tables, ignore_index=True)


def _criterion(
    candidates: Sequence[Candidate],
    answers: pd.DataFrame,
    persons: "pd.Series[str]",
    choice: Choice,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """What the faces of one criterion select, for JSON; None where a side has no face.

    The optimism is the score's on samples of persons less that of the same choice on all of them,
    each choice made anew (Efron 1983; Harrell 2015, section 5.3).
    """
    right = (answers["probability"] >= 0.5) == (answers["label"] == "inside")
    wide = right.astype(float).groupby([answers["face_id"], answers["candidate"]]).mean().unstack()
    inside = answers.groupby("face_id")["label"].first().reindex(wide.index) == "inside"
    asked = Faces(inside.to_numpy(bool), persons.reindex(wide.index).to_numpy(str))
    counted = {"inside": int(asked.inside.sum()), "outside": int((~asked.inside).sum())}
    if not all(counted.values()):
        return {"selected": None, "descended": None, "score": None, "optimism": None, **counted}
    shares = wide.to_numpy(float).T
    (scores,) = asked.scores(shares)
    selected = chosen(candidates, scores, choice)
    flattered = []
    counts = cluster_counts(asked.person, rng, SAMPLES)
    for sampled in asked.scores(shares, counts):
        if np.isfinite(sampled).all():
            best = chosen(candidates, sampled, choice)
            flattered.append(sampled[best] - scores[best])
    return {
        "selected": selected,
        "descended": descent(candidates, scores, choice),
        "score": float(scores[selected]),
        "optimism": float(np.mean(flattered)) if flattered else None,
        "persons": len(np.unique(asked.person)),
        **counted,
    }


def chosen(candidates: Sequence[Candidate], scores: NDArray[np.float64], choice: Choice) -> int:
    """The candidate that the protocol leads to, by number."""
    if choice.protocol == "factorial":
        return int(np.argmax(scores))
    found = descent(candidates, scores, choice)
    assert found is not None
    return found


def descent(
    candidates: Sequence[Candidate], scores: NDArray[np.float64], choice: Choice
) -> int | None:
    """The candidate that one factor at a time leads to; None of no augmented one."""
    names = [each.configuration for each in candidates]
    augmented = [k for k, each in enumerate(names) if each.preprocessing == "augmented"]
    backbone = choice.backbone
    if backbone == "best":
        first = [
            k
            for k in augmented
            if (names[k].head_optimiser, names[k].fine_tuning_optimiser) == choice.first_pair
        ]
        backbone = names[max(first, key=lambda k: scores[k])].backbone if first else ""
    own = [k for k in augmented if names[k].backbone == backbone]
    return max(own, key=lambda k: scores[k]) if own else None


def _plain(candidate: Candidate) -> dict[str, Any]:
    """A configuration for JSON, with its name."""
    own = candidate.configuration
    return {"folder": candidate.folder, **asdict(own), "name": own.name}


def _named(criterion: Mapping[str, Any], candidates: Sequence[Candidate]) -> dict[str, Any]:
    """Candidates by name in place of by number."""
    numbers = {key: criterion[key] for key in ("selected", "descended")}
    return {
        key: None if k is None else candidates[k].configuration.name for key, k in numbers.items()
    }


def select_benchmark(*, folds: Path, benchmark: Path) -> None:
    """Write the name of the configuration of the `folds` whose optimisers are best.

    By balanced accuracy on all folds together, each on the faces that it held out.
    """
    candidates, answers = _candidates([folds])
    scores = []
    for which in range(len(candidates)):
        own = answers[answers["candidate"] == which]
        inside = (own["label"] == "inside").to_numpy(bool)
        right = ((own["probability"].to_numpy() >= 0.5) == inside).astype(float)
        scores.append(Faces(inside, own["face_id"].to_numpy(str)).scores(right[None])[0, 0])
    if not np.isfinite(scores).all():
        raise DataError(f"{folds}: the faces held out have one side only")
    best = candidates[int(np.argmax(scores))]
    log.info("%s: %s", best.configuration.name, np.round(scores, 3).tolist())
    write_json({"name": best.configuration.name, "score": float(np.max(scores))}, benchmark)
