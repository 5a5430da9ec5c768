"""Where the answers of people lie: given, awaited or simulated. Light: the Snakefile asks."""

from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path

from facegap.settings.study import Study

RESULTS = "<results>/"  # Snakemake's path variable: the outputs of simulated people


@dataclass(frozen=True)
class AnswerFiles:
    """The files of answers on the target that exist, or that a job writes.

    Of a round that was answered on the page and closed, the file that the closing wrote; else the
    one that the configuration names.
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
    target = study.datasets.get("target")
    if target is None or target.labels != "people":
        return AnswerFiles([], [], [], {})
    root, decided = study.data_root, study.annotate.adjudication
    answers = [
        f"{RESULTS}annotate/{{dataset}}/answers-{name}.csv"
        if person.answers is None
        else _place(round_file(study, "labelling", name), f"{root}/{person.answers}")
        for name, person in study.annotate.annotators.items()
    ]
    closed = round_file(study, "adjudication", "adjudicator")
    adjudication = [] if decided is None else [_place(closed, f"{root}/{decided}")]
    verified = [
        f"{RESULTS}partition/target/verified-{name}.csv"
        if person.answers is None
        else _place(round_file(study, "verification", name), f"{root}/{person.answers}")
        for name, person in study.partition.verification.items()
    ]
    read = {"merge_annotators": [*answers, *adjudication], "partition_target": verified}
    return AnswerFiles(
        answers=list(filter(_exists, answers)),
        adjudication=list(filter(_exists, adjudication)),
        verified=list(filter(_exists, verified)),
        missing={rule: [*filterfalse(_exists, paths)] for rule, paths in read.items()},
    )


def round_file(study: Study, of_round: str, name: str) -> str:
    """Where closing a round writes a person's answers; nothing else belongs there."""
    return f"{study.data_root}/annotations/{study.study}/{of_round}-{name}.csv"


def _place(closed: str, given: str) -> str:
    return closed if Path(closed).exists() else given


def _exists(path: str) -> bool:
    return path.startswith(RESULTS) or Path(path).exists()
