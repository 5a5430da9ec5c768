"""What was compared, by whom, and what was chosen: answers joined with the keys."""

from pathlib import Path

import pandas as pd

from facegap.errors import DataError


def unblind(
    pairs: pd.DataFrame, key: pd.DataFrame, responses: pd.DataFrame, place: str | Path = "responses"
) -> pd.DataFrame:
    """A row an answer (RESPONSES with PAIRS and KEY), `in_left`, `chose_in` and `chose_left`.

    `in_subject` and `out_subject` are the persons of either domain. Raises `DataError` where an
    answer has no key.
    """
    answers = responses.drop(columns="simulated").merge(
        pairs[["pair_id", "position", "attribute", "value", "control"]], on="pair_id", how="left"
    )
    answers = answers.merge(key, on="pair_id", how="left")
    if len(lost := answers[answers["control"].isna() | answers["left_domain"].isna()]):
        raise DataError(f"{place}: pair {lost['pair_id'].iloc[0]} is not among the pairs or keys")
    in_left = answers["left_domain"] == "in-domain"
    left = answers["choice"] == "left"
    return answers.assign(
        in_left=in_left,
        chose_left=left,
        chose_in=left == in_left,
        in_subject=answers["left_subject"].where(in_left, answers["right_subject"]),
        out_subject=answers["right_subject"].where(in_left, answers["left_subject"]),
    )


def recognised(familiar: pd.DataFrame, persons_key: pd.DataFrame) -> pd.DataFrame:
    """Which persons of which domain were `known` to which participant."""
    return familiar.merge(persons_key.drop(columns="participant"), on="person_id", how="inner")


def with_known(compared: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The answers on persons that the participant was asked about, both of the pair.

    `knew_more` is 1 where only the person of the in-domain image was known, -1 where only that of
    the other was, else 0.
    """
    asked = known.drop_duplicates(["participant", "domain", "subject_id"])
    both = compared
    for domain in ("in", "out"):
        theirs = asked[asked["domain"] == f"{domain}-domain"]
        theirs = theirs[["participant", "subject_id", "known"]].rename(
            columns={"subject_id": f"{domain}_subject", "known": f"{domain}_known"}
        )
        both = both.merge(theirs, on=["participant", f"{domain}_subject"], how="inner")
    return both.assign(knew_more=both["in_known"].astype(float) - both["out_known"].astype(float))
