"""What the sides are worth: counts, their error, the precision of the accepted proposals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facegap import tables
from facegap.answers import Format
from facegap.boundary import sides_of
from facegap.files import read_json, write_json
from facegap.intervals import Interval
from facegap.partition.errors import label_error, true_error
from facegap.partition.merge import counts, known_faces
from facegap.partition.proposals import accept, proposed_persons, reached


def measure_sides(
    faces_parquet: str | Path,
    aligned_parquet: str | Path,
    labels_parquet: str | Path,
    agreement_json: str | Path | None,
    proposals_parquet: str | Path | None,
    weighed_parquet: str | Path | None,
    verification: Sequence[tuple[str | Path, Format]],
    sides_parquet: str | Path,
    summary_json: str | Path,
    calibration_json: str | Path | None,
    *,
    by_person: bool,
    contentious: str,
    precision: float,
    truth: Mapping[str, Any] | None,
    confidence: float,
) -> None:
    """Write the summary of the sides, and how the classifier's proposals were accepted.

    Apart from the sides, since nothing is trained on it. The first seven and the sides are as in
    `partition_target` and `accept_proposals`; those that people's labels alone bring are None where
    the target labels itself. `truth` (as own_label) is that of drawn faces.
    """
    known = known_faces(
        faces_parquet,
        aligned_parquet,
        labels_parquet,
        weighed_parquet,
        verification,
        by_person=by_person,
    )
    sides = tables.read(sides_parquet, tables.FACE_SIDES)
    faces = tables.read(faces_parquet, tables.FACES)
    asked = None if agreement_json is None else read_json(agreement_json)["answer_error"]
    error = Interval(**asked) if asked and None not in asked.values() else None
    summary = {
        **counts(sides),
        "persons": int(faces["subject_id"].nunique()),
        "by_person": by_person,
        "contentious": contentious,
        "label_error": label_error(known, sides, error, confidence),
        "true_error": None,
        "simulated": bool(sides["simulated"].any()),
    }
    if truth is not None:
        real = sides_of(faces, truth, faces_parquet).set_axis(faces["face_id"])
        summary["true_error"] = true_error(sides, real)
    write_json(summary, summary_json)
    if proposals_parquet is not None and calibration_json is not None:
        labels = tables.read(labels_parquet, tables.LABELS)
        proposals = tables.read(proposals_parquet, tables.PROPOSALS)
        persons = proposed_persons(faces, labels, proposals, by_person=by_person)
        weighed, _, found = accept(persons, precision=precision)
        write_json({**found, **reached(persons, weighed, confidence)}, calibration_json)
