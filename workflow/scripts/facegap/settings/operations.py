"""Settings that change no result but for its last digits.

Of the rules' params only those that print the whole configuration carry them.
"""

from typing import Annotated, Literal

from pydantic import Field

from facegap.settings.base import Count, Section, Unique


class Operations(Section):
    """How jobs run."""

    accept_terms: Annotated[list[Literal["utkface", "celeba"]], Unique()] = Field(
        [],
        description=(
            "Data sets whose terms of use you have read and accept; only these are fetched."
            " Without, a study that needs one stops before its first job and shows the terms and"
            " their address."
        ),
    )
    offline: bool = Field(
        False,
        description=(
            "Fetch nothing: what neither data_root nor the cache holds is listed before the first"
            " job, with its addresses and the place to put it. timm's weights are looked for by"
            " their job, in Hugging Face's cache."
        ),
    )
    record_places: bool = Field(
        False,
        description=(
            "Whether the record of provenance and the page name the hosts, and the folders results"
            " and data_root with their whole paths; else hosts are numbers, and of a whole path its"
            " last folder is shown."
        ),
    )
    classify_threads: Count = Field(
        1,
        description=(
            "Threads of a job of classify; the last digits of what the networks give depend on it."
            " Heads are trained in one thread, whatever this is."
        ),
    )
    synthesise_threads: Count = Field(
        1, description="Threads of a job of synthesise; the last digits depend on it."
    )
    save_seconds: int = Field(
        600,
        ge=0,
        description="A training's state is saved so often, to go on from after an interruption.",
    )
    save_steps: Count = Field(
        10_000,
        description=(
            "Every so many discriminator steps the state is saved too, and the generator and a"
            " sheet of always the same faces are kept in the seed's folder `checkpoints`."
        ),
    )
