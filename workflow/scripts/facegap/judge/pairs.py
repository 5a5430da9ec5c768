"""Pairs of synthesised faces to compare, blinded: one in-domain, one out-domain. Paper 3.4."""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from facegap.errors import DataError
from facegap.files import write_json
from facegap.judge.blinding import Place, blind, places_of, read_secret, tokens, write_images
from facegap.judge.sampling import sample_pairs
from facegap.seeds import generator
from facegap.settings.judge import Design
from facegap.tables.base import read_table, write_table
from facegap.tables.judge import KEY, PAIRS, PERSONS, PERSONS_KEY
from facegap.tables.synthesise import TRANSLATIONS

log = logging.getLogger(__name__)
MADE = ["maker", "seed", "face_id"]  # which face, translated by what
PLACE = ["maker", "seed", "row"]  # an image


def pair_outputs(
    *,
    translations: list[Path],
    arrays: list[Path],
    pairs: Path,
    persons: Path,
    sheet: Path,
    images: Path,
    key: Path,
    persons_key: Path,
    seeds: dict[str, list[int]],
    settings: Design,
    secret: str | None,
    seed: int,
    data_root: Path,
) -> None:
    """Write what participants see, and apart from it the key to what it is.

    They see the pairs (PAIRS), persons to recognise (PERSONS), the sheet (what the page asks) and
    images by blinded id; KEY and PERSONS_KEY are for the analysis. `translations` (TRANSLATIONS)
    and `arrays` (uint8 (n, s, s, 3) RGB) have a file for each of the `seeds` of each maker. For
    people every choice comes from the file `secret` below `data_root`, which is made where it is
    not there; for simulated participants, who are None, from the `seed`. Raises `DataError` with
    the counts when the translations cannot give everybody their pairs.
    """
    hidden = seed if secret is None else read_secret(data_root / secret)
    makers = [(maker, number) for maker, theirs in seeds.items() for number in theirs]
    each = [
        read_table(path, TRANSLATIONS).assign(maker=maker, seed=number)
        for (maker, number), path in zip(makers, translations, strict=True)
    ]
    outputs = pd.concat(each, ignore_index=True)
    made = blinded(outputs, settings, hidden)
    write_table(made.pairs, pairs, PAIRS)
    write_table(made.persons, persons, PERSONS)
    write_table(made.key, key, KEY)
    write_table(made.persons_key, persons_key, PERSONS_KEY)
    digest = hashlib.sha256("\n".join(made.pairs["pair_id"]).encode()).hexdigest()[:16]
    asks = {"criteria": settings.criteria, "break_every": settings.break_every}
    write_json({"pairs": digest, "for_people": secret is not None, **asks}, sheet)
    write_images(made.places, dict(zip(makers, arrays, strict=True)), images)
    log.info("%d pairs", len(made.pairs))


class Blinded(NamedTuple):
    """What participants see, and apart from it the key to what it is."""

    pairs: pd.DataFrame  # PAIRS
    persons: pd.DataFrame  # PERSONS
    key: pd.DataFrame  # KEY
    persons_key: pd.DataFrame  # PERSONS_KEY
    places: dict[str, Place]  # of the images, by their blinded ids


def blinded(outputs: pd.DataFrame, settings: Design, secret: int) -> Blinded:
    """A study of `outputs` (TRANSLATIONS, their `maker` and `seed`); all follows from `secret`."""
    shown = (outputs["kind"] == "translation") & outputs["control"].notna()
    if settings.originals:  # which all makers and seeds have: those of the first
        first = (outputs[["maker", "seed"]] == outputs[["maker", "seed"]].iloc[0]).all(axis=1)
        changed = outputs["face_id"].isin(outputs["face_id"][shown & first])
        shown |= (outputs["kind"] == "original") & first & changed
    sampled = sample_pairs(outputs[shown], settings, generator(secret, "pairs"))
    sampled = _with_originals(sampled, outputs)
    pairs, key = blind(sampled, secret)
    places = places_of(pairs, key)
    persons, persons_key = _persons(sampled, places, settings.familiarity, secret)
    return Blinded(pairs, persons, key, persons_key, places)


def _with_originals(sampled: pd.DataFrame, outputs: pd.DataFrame) -> pd.DataFrame:
    """`sampled` with the rows of the original faces, which are shown above their translations."""
    originals = outputs[outputs["kind"] == "original"].drop_duplicates(MADE)
    rows = originals.set_index(MADE)["row"]
    found = {}
    for side in ("in", "out"):
        names = pd.MultiIndex.from_frame(sampled[["maker", "seed", f"{side}_face"]])
        values = rows.reindex(names).to_numpy()
        if np.isnan(values.astype(float)).any():
            lost = names[np.flatnonzero(np.isnan(values.astype(float)))[0]]
            raise DataError(
                f"the translations of {lost[0]}, seed {lost[1]}, hold no original of {lost[2]}"
            )
        found[f"{side}_original_row"] = values.astype(int)
    return sampled.assign(**found)


def _persons(
    sampled: pd.DataFrame, places: Mapping[str, Place], familiarity: int, secret: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who each participant is asked to recognise: PERSONS and PERSONS_KEY.

    Persons of the compared pairs, as many of each side, at most `familiarity`, by order of the ids.
    """
    rows, rng = [], generator(secret, "blinding")
    compared = sampled[sampled["kind"] == "compared"]
    for participant, theirs in compared.groupby("participant", sort=False):
        known = {side: theirs.drop_duplicates(f"{side}_subject") for side in ("in", "out")}
        count = min(familiarity, *map(len, known.values()))
        for side, persons in known.items():
            picked = persons.iloc[rng.permutation(len(persons))[:count]]
            rows += [
                (participant, f"{side}-domain", *person)
                for person in zip(
                    picked[f"{side}_subject"],
                    picked["maker"],
                    picked["seed"],
                    picked[f"{side}_original_row"],
                    strict=True,
                )
            ]
    table = pd.DataFrame(rows, columns=["participant", "domain", "subject_id", *PLACE])
    table = table.assign(person_id=tokens(len(table), "person", secret))
    key = table.sort_values("person_id", ignore_index=True)
    images = {place: token for token, place in places.items()}
    asked = key.assign(
        position=key.groupby("participant").cumcount(),
        image=[
            images[Place(maker, number, row, degraded=False, repeated=False)]
            for maker, number, row in zip(*(key[name] for name in PLACE), strict=True)
        ],
    )
    asked = asked.sort_values(["participant", "position"], ignore_index=True)
    return asked[list(PERSONS.columns)], key[list(PERSONS_KEY.columns)]
