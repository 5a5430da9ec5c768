"""Pairs of synthesised faces to compare, blinded: one in-domain, one out-domain. Paper 3.4."""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from facegap.errors import DataError
from facegap.files import write_json
from facegap.judge.blinding import Place, blind, places_of, tokens, write_images
from facegap.judge.sampling import sample_pairs
from facegap.seeds import generator
from facegap.settings.judge import Design
from facegap.tables.base import read_table, write_table
from facegap.tables.judge import KEY, PAIRS, PERSONS, PERSONS_KEY
from facegap.tables.synthesise import TRANSLATIONS

log = logging.getLogger(__name__)


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
    seeds: list[int],
    settings: Design,
    seed: int,
) -> None:
    """Write what participants see, and apart from it the key to what it is.

    They see the pairs (PAIRS), persons to recognise (PERSONS), the sheet (what the page asks) and
    images by blinded id; KEY and PERSONS_KEY are for the analysis. `translations` (TRANSLATIONS)
    and `arrays` (uint8 (n, s, s, 3) RGB) have a file for each of `seeds`, the synthesis's. Raises
    `DataError` with the counts when they cannot give everybody their pairs.
    """
    each = [
        read_table(path, TRANSLATIONS).assign(seed=which)
        for which, path in zip(seeds, translations, strict=True)
    ]
    outputs = pd.concat(each, ignore_index=True)
    changed = outputs[(outputs["kind"] == "translation") & outputs["control"].notna()]
    sampled = sample_pairs(changed, settings, generator(seed, "pairs"))
    sampled = _with_originals(sampled, outputs)
    rng = generator(seed, "blinding")
    blinded, pairs_key = blind(sampled, rng)
    places = places_of(blinded, pairs_key)
    asked, asked_key = _persons(sampled, places, settings.familiarity, rng)
    write_table(blinded, pairs, PAIRS)
    write_table(asked, persons, PERSONS)
    write_table(pairs_key, key, KEY)
    write_table(asked_key, persons_key, PERSONS_KEY)
    digest = hashlib.sha256("\n".join(blinded["pair_id"]).encode()).hexdigest()[:16]
    asks = {"criteria": settings.criteria, "break_every": settings.break_every}
    write_json({"pairs": digest, **asks}, sheet)
    write_images(places, dict(zip(seeds, arrays, strict=True)), images)
    log.info("%d pairs of %d persons", len(blinded), sampled["in_subject"].nunique())


def _with_originals(sampled: pd.DataFrame, outputs: pd.DataFrame) -> pd.DataFrame:
    """`sampled` with the rows of the original faces, which are shown above their translations."""
    originals = outputs[outputs["kind"] == "original"].drop_duplicates(["seed", "face_id"])
    rows = originals.set_index(["seed", "face_id"])["row"]
    found = {}
    for side in ("in", "out"):
        names = pd.MultiIndex.from_frame(sampled[["seed", f"{side}_face"]])
        values = rows.reindex(names).to_numpy()
        if np.isnan(values.astype(float)).any():
            lost = names[np.flatnonzero(np.isnan(values.astype(float)))[0]]
            raise DataError(f"the translations of seed {lost[0]} hold no original of {lost[1]}")
        found[f"{side}_original_row"] = values.astype(int)
    return sampled.assign(**found)


def _persons(
    sampled: pd.DataFrame, places: Mapping[str, Place], familiarity: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who each participant is asked to recognise: PERSONS and PERSONS_KEY.

    Persons of the compared pairs, at most `familiarity` of each side, in an order by chance.
    """
    rows = []
    compared = sampled[sampled["kind"] == "compared"]
    for participant, theirs in compared.groupby("participant", sort=False):
        asked = []
        for side in ("in", "out"):
            known = theirs.drop_duplicates(f"{side}_subject")
            picked = known.iloc[rng.permutation(len(known))[:familiarity]]
            asked += [
                (f"{side}-domain", subject, which, row)
                for subject, which, row in zip(
                    picked[f"{side}_subject"],
                    picked["seed"],
                    picked[f"{side}_original_row"],
                    strict=True,
                )
            ]
        order = rng.permutation(len(asked))
        rows += [(participant, place, *asked[i]) for place, i in enumerate(order)]
    table = pd.DataFrame(
        rows, columns=["participant", "position", "domain", "subject_id", "seed", "row"]
    )
    images = {place: token for token, place in places.items()}
    faces = [images[Place(*at, False)] for at in zip(table["seed"], table["row"], strict=True)]
    table = table.assign(person_id=tokens(len(table), rng), image=faces)
    key = table.sort_values("person_id", ignore_index=True)
    return table[list(PERSONS.columns)], key[list(PERSONS_KEY.columns)]
