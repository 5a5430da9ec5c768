"""Where the answers of people lie: given, awaited or simulated. Light: the Snakefile asks."""

from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path

from facegap.settings.annotate import Person
from facegap.settings.study import Study

RESULTS = "<results>/"  # Snakemake's path variable: the outputs of simulated people


@dataclass(frozen=True)
class AnswerFiles:
    """The files of answers on the target that exist, or that a job writes.

    `answers`: of each annotator; `adjudication`: none or one; `verified`: of each verifier.
    `missing`: the files that people have yet to give, by the rule that reads them. A study is
    planned without these, and not run.
    """

    answers: list[str]
    adjudication: list[str]
    verified: list[str]
    missing: dict[str, list[str]]


def answer_files(study: Study) -> AnswerFiles:
    """Those of `study`; none where nobody labels its target."""
    if study.datasets["target"].labels != "people":
        return AnswerFiles([], [], [], {})
    root, decided = study.data_root, study.annotate.adjudication
    answers = [
        _place(person, root, f"{RESULTS}annotate/{{dataset}}/answers-{name}.csv")
        for name, person in study.annotate.annotators.items()
    ]
    adjudication = [] if decided is None else [f"{root}/{decided}"]
    verified = [
        _place(person, root, f"{RESULTS}partition/target/verified-{name}.csv")
        for name, person in study.partition.verification.items()
    ]
    read = {"merge_annotators": [*answers, *adjudication], "partition_target": verified}
    return AnswerFiles(
        answers=list(filter(_exists, answers)),
        adjudication=list(filter(_exists, adjudication)),
        verified=list(filter(_exists, verified)),
        missing={rule: [*filterfalse(_exists, paths)] for rule, paths in read.items()},
    )


def _place(person: Person, root: str, simulated: str) -> str:
    return simulated if person.answers is None else f"{root}/{person.answers}"


def _exists(path: str) -> bool:
    return path.startswith(RESULTS) or Path(path).exists()
