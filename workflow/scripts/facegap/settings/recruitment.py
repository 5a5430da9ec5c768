"""Settings of one link for all participants: where they come from, and where they go back to."""

import ipaddress
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from facegap.settings.base import Count, Section, Text, refuse

PERSON = "{person}"  # in a redirect, for the platform's id of the participant


def _redirect(given: str) -> str:
    """An address that a browser may be sent to: https, or any on this machine."""
    parts = urlsplit(given.replace(PERSON, "0"))
    if not given.isascii() or not given.isprintable() or " " in given or '"' in given:
        raise ValueError(f"{given!r} is no address; write it as a browser shows it")
    if not parts.hostname or "@" in parts.netloc or PERSON in given.split("?")[0]:
        raise ValueError(f"{given!r} is no address of a page, with {PERSON} in its query at most")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname)):
        raise ValueError(f"{given!r} does not begin with https://")
    return given


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Redirect = Annotated[Text, AfterValidator(_redirect)]


class Ending(Section):
    """What somebody is given at the end, for the platform."""

    code: Text | None = Field(None, description="Completion code, to be shown.")
    redirect: Redirect | None = Field(
        None,
        description=(
            "Address of the platform (https) that the last page leads to; `{person}` in its query"
            " is the platform's id of the participant, as SONA wants it back."
        ),
    )


class Recruitment(Section):
    """One link for all participants (`facegap judge serve --open`): the platform's side.

    Prolific's parameters by default. SONA: person `id` (of its %SURVEY_CODE%), study null. MTurk:
    `workerId` and `hitId`. CloudResearch Connect: `participantId` and `projectId`.
    """

    person: Text = Field(
        "PROLIFIC_PID", description="Parameter of the link with the platform's id of a participant."
    )
    study: Text | None = Field(
        "STUDY_ID", description="Parameter with the platform's id of the study; null for none."
    )
    study_id: Text | None = Field(
        None,
        description=(
            "What that parameter must be: who comes by the link of another study is refused. Null:"
            " it is not looked at."
        ),
    )
    participants_per_list: Count = Field(
        1,
        description=(
            "Participants who are to complete each list of pairs (judge.design.participants is how"
            " many lists there are)."
        ),
    )
    minutes: Count = Field(
        60,
        description=(
            "Minutes without an answer after which somebody else may have a participant's place;"
            " they can still come back to it."
        ),
    )
    screening: bool = Field(
        False,
        description=(
            "Whether a participant's part ends as soon as they have failed too many attention pairs"
            " to reach judge.attention_threshold."
        ),
    )
    finished: Ending = Field(default_factory=Ending, description="For who has answered everything.")
    screened_out: Ending = Field(
        default_factory=Ending, description="For whose part ended by `screening`."
    )
    returned: Ending = Field(
        default_factory=Ending,
        description="For who does not consent, withdraws half-way, or finds the study full.",
    )

    @model_validator(mode="after")
    def _of_one_study(self) -> Self:
        if self.study_id and not self.study:
            refuse([(("study_id",), "of which parameter? Name it in judge.recruitment.study")])
        if self.study == self.person:
            refuse([(("study",), "the parameter of the participant; one of them is another")])
        return self
