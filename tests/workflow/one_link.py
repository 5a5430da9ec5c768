"""One link for all participants, in tests: the platform, its participants, and their browsers."""

from pathlib import Path

from fastapi.testclient import TestClient
from human import FAST, Opened, Participant

from facegap.people.comparing.answers import ROUND
from facegap.people.comparing.recruiting import OneLink
from facegap.people.comparing.site import site
from facegap.people.visitors import Visitors, open_visitors
from facegap.settings.recruitment import Ending, Recruitment

PLATFORM = Recruitment(
    study_id="study-1",
    participants_per_list=2,
    screening=True,
    finished=Ending(code="C-DONE", redirect="https://platform.example/done?cc=C-DONE"),
    screened_out=Ending(code="C-OUT"),
    returned=Ending(redirect="https://platform.example/back?who={person}"),
)


def one_link(study: Opened, key: Path) -> OneLink:
    visitors = Visitors(study.engine, open_visitors(study.engine, key), ROUND, 2, 60)
    return OneLink(visitors, PLATFORM, 0.8)


def browser(study: Opened, link: OneLink) -> TestClient:
    app = site(study.engine, study.sheet, consent="Text.\n\nMore.", one_link=link, limits=FAST)
    return TestClient(app, follow_redirects=False)


def ids(person: str) -> dict[str, str]:
    return {"PROLIFIC_PID": person, "STUDY_ID": "study-1", "SESSION_ID": "s"}


def arrive(client: TestClient, person: str) -> Participant:
    """Somebody new who consents."""
    assert "Before you take part" in client.get("/start", params=ids(person)).text
    entered = client.post("/start", data={**ids(person), "agree": "yes"})
    assert entered.status_code == 303, entered.text
    return Participant(client, entered.headers["location"])


def attentive(person: Participant, study: Opened, of_list: str) -> None:
    """Answer all, and every attention pair as who looks does."""
    expected = study.sheet.plan(of_list).attention
    assert person.post("start", x="") == 303
    while pair := person.pair():
        assert person.post(f"answer/{pair}", choice=expected.get(pair, "left")) == 303
    assert person.recognise() == 303
