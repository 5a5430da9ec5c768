"""A folder fit for OSF or Zenodo: the answers without names, what was fixed before, and how."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from rocrate.rocrate import ROCrate

from facegap.errors import DataError
from facegap.files import read_json, whole, write_json
from facegap.judge.unblinding import recognised, unblind
from facegap.settings.study import PLATFORM, Study
from facegap.tables.base import as_csv, read_table
from facegap.tables.judge import CRITERIA, FAMILIAR, KEY, PAIRS, PERSONS_KEY, RESPONSES
from facegap.tables.measure import COLUMNS, ESTIMATES

ANSWERS = {  # the columns of answers.csv
    "pair_id": "random name of the pair",
    "participant": (
        "participant-<list>, or, of the second and later who had that list of pairs,"
        " participant-<list>-<number>; nothing else is known of them"
    ),
    "excluded": "whether they failed too many attention pairs, and are left out of the estimates",
    "position": "place of the pair in the participant's list, from 0",
    "kind": (
        "compared; attention (one image plainly spoiled); repeat (an earlier pair, left and right"
        " exchanged); originals (untouched photographs); training (practice, not analysed)"
    ),
    "maker": "arm of the synthesis, or editor, that made both images",
    "seed": "of the generator",
    "attribute": "what was changed in both images; empty for originals",
    "value": "what it was changed to: 1 or 0",
    "control": "of both persons: the row of Table 5",
    "in_person": "person of the in-domain image, numbered at random",
    "out_person": "person of the out-domain image, numbered at random",
    "in_left": "whether the in-domain image was on the left",
    "choice": "left or right",
    "chose_in": "whether the in-domain image was chosen",
    **{name: f"left or right by {name} alone, where it was asked" for name in CRITERIA},
    "seconds": "from sight to choice, where known",
    "pixels": "of the screen that a picture was wide, where noted",
}
FAMILIARITY = {
    "participant": "as in answers.csv",
    "person": "as in answers.csv",
    "domain": "of the person's face: in-domain or out-domain",
    "known": "whether the participant knew the person before the study",
}
LICENCE = """\
The answers, estimates and documentation in this folder are under the Creative Commons Attribution
4.0 International licence (CC BY 4.0): https://creativecommons.org/licenses/by/4.0/

No image is in it. The images keep their own terms and owners.
"""
README = """\
# Answers of the human study {study}

Participants compared two images of different persons, one of a face inside the boundary
"{boundary}" ({inside}) and one of a face outside it ({outside}), without knowing which. In-domain
images are of the side on which the generator was trained.

- answers.csv: {answers} answers of {participants} participants
- familiarity.csv: which persons they knew
- estimates.csv: what facegap estimates from these answers
- consent.txt: what participants agreed to
- settings.yaml: all settings of the study
- fixed.json: digests of what was fixed before the first participant, and of the same now
- ro-crate-metadata.json: this folder as an RO-Crate 1.1

{fixed}

## answers.csv

{answers_columns}

## familiarity.csv

{familiarity_columns}

## estimates.csv

{estimates_columns}
"""


def deposit(
    study: Study,
    folder: Path,
    *,
    results: Path,
    consent: str,
    before: Mapping[str, str],
) -> None:
    """Write `folder`; a `DataError` where it exists, or the answers are simulated.

    `results` is the folder of the stage judge, `consent` the text that participants agreed to, and
    `before` the digests of `pairs` and `settings` that were fixed before the first of them.
    """
    if folder.exists():
        raise DataError(f"{folder} exists already; name a new folder, or remove it")
    given = read_table(results / "responses.parquet", RESPONSES)
    if given["simulated"].any():
        raise DataError(
            f"{results / 'responses.parquet'}: answers of simulated participants are nothing to"
            " deposit; name people's in judge.responses, and run the study again"
        )
    now = {"pairs": str(read_json(results / "sheet.json")["pairs"]), "settings": study.digest}
    answers, familiarity = _tables(results, given)
    estimates = read_table(results / "estimates.parquet", ESTIMATES)
    same = dict(before) == now
    with whole(folder) as temporary:
        temporary.mkdir()
        for name, table in (
            ("answers", answers),
            ("familiarity", familiarity),
            ("estimates", estimates),
        ):
            path = temporary / f"{name}.csv"
            path.write_text(as_csv(table), encoding="utf-8", newline="")
        (temporary / "consent.txt").write_text(f"{consent}\n", encoding="utf-8")
        settings = study.shown()
        for name in PLATFORM:  # codes by which people are paid
            settings["judge"]["recruitment"].pop(name)
        text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
        (temporary / "settings.yaml").write_text(text, encoding="utf-8")
        write_json({"before": dict(before), "now": now, "same": same}, temporary / "fixed.json")
        text = _readme(study, answers, same=same)
        (temporary / "README.md").write_text(text, encoding="utf-8")
        (temporary / "LICENCE").write_text(LICENCE, encoding="utf-8")
        _describe(temporary, study)


def _tables(results: Path, given: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """answers.csv and familiarity.csv; persons have the same numbers in both."""
    pairs, key = (
        read_table(results / "pairs.parquet", PAIRS),
        read_table(results / "key.parquet", KEY),
    )
    answers = unblind(pairs, key, given).sort_values(["pair_id", "participant"])
    excluded = read_json(results / "summary.json")["excluded"]
    known = recognised(
        read_table(results / "familiar.parquet", FAMILIAR),
        read_table(results / "persons_key.parquet", PERSONS_KEY),
    ).sort_values(["person_id", "participant"])
    # pair and person ids are random, so numbers by first appearance say nothing of who it is
    persons = pd.concat([answers["in_subject"], answers["out_subject"], known["subject_id"]])
    number = {person: f"person-{k}" for k, person in enumerate(persons.unique(), 1)}
    answers = answers.assign(
        in_person=answers["in_subject"].map(number),
        out_person=answers["out_subject"].map(number),
        excluded=answers["participant"].isin(excluded),
    )
    known = known.assign(person=known["subject_id"].map(number))
    return answers[list(ANSWERS)], known[list(FAMILIARITY)]


def _readme(study: Study, answers: pd.DataFrame, *, same: bool) -> str:
    fixed = (
        "Settings and pairs are those that were fixed before the first participant (fixed.json)."
        if same
        else "Settings or pairs are not those that were fixed before the first participant"
        " (fixed.json): say here what was changed since, and why."
    )
    return README.format(
        study=study.study,
        boundary=study.boundary,
        inside=study.sides.inside,
        outside=study.sides.outside,
        answers=len(answers),
        participants=answers["participant"].nunique(),
        fixed=fixed,
        answers_columns=_columns(ANSWERS),
        familiarity_columns=_columns(FAMILIARITY),
        estimates_columns=_columns({name: words for name, (_, words) in COLUMNS.items()}),
    )


def _columns(words: Mapping[str, str]) -> str:
    rows = "\n".join(f"| {name} | {each} |" for name, each in words.items())
    return f"| column | what |\n|---|---|\n{rows}"


def _describe(folder: Path, study: Study) -> None:
    """The folder as an RO-Crate, with the digest of each file."""
    crate = ROCrate()
    crate.name = f"Answers of the human study {study.study}"
    crate.description = "Comparisons of synthesised faces by people, with facegap's estimates"
    crate.license = "https://creativecommons.org/licenses/by/4.0/"
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        about: dict[str, Any] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "contentSize": str(len(content)),
        }
        crate.add_file(path, path.name, properties=about)
    write_json(crate.metadata.generate(), folder / "ro-crate-metadata.json")
