"""A platform that sends participants by one link, in a real browser, and gets them back."""

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from human import Server, configure
from human import study as make_study
from playwright.sync_api import Browser, Page

from facegap.people.comparing.sheet import read_sheet

PEOPLE = 30
GONE, BACK, CARELESS, KILLED = range(3, 8), (3, 6), 9, (12, 20)


@dataclass
class Platform:
    """A server of another origin: its page with the link, and who came back where."""

    address: str = ""
    link: str = ""
    returned: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # path: codes, ids


@pytest.fixture
def platform() -> Iterator[Platform]:
    known = Platform()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            if asked.path == "/":
                person = query["person"]
                words = f'<a href="{known.link}?PROLIFIC_PID={person}&STUDY_ID=s1">Begin</a>'
            elif asked.path.startswith("/from-"):
                came = (query.get("cc", ""), query.get("who", ""))
                known.returned.setdefault(asked.path, []).append(came)
                words = "Welcome back"
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(f"<link rel=icon href=data:,><h1>{words}</h1>".encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        known.address = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield known
        server.shutdown()


@pytest.fixture
def server(platform: Platform, tmp_path: Path) -> Iterator[Server]:
    few = {"pairs": 1, "attention": 1.0, "repeats": 0.0, "training": 0, "familiarity": 1}
    make_study(tmp_path, participants=PEOPLE, **few)
    back = f"{platform.address}/from-"
    recruitment = {
        "study_id": "s1",
        "screening": True,
        "finished": {"redirect": f"{back}finished?cc=DONE&who={{person}}", "code": "DONE"},
        "screened_out": {"redirect": f"{back}screened?cc=OUT"},
        "returned": {"redirect": f"{back}returned"},
    }
    config = configure(tmp_path, recruitment=recruitment)
    server = Server(config, tmp_path / "answers.sqlite", "--open")
    platform.link = f"http://127.0.0.1:{server.port}/start"
    yield server
    server.kill()


class Person:
    """Somebody with a browser of their own, who comes from the platform."""

    def __init__(self, number: int, chromium: Browser, platform: Platform) -> None:
        self.name = f"worker-{number}"
        self.page: Page = chromium.new_context().new_page()
        self.page.set_default_timeout(60_000)
        self.platform = platform

    def come(self) -> None:
        """By the platform's page."""
        self.page.goto(f"{self.platform.address}/?person={self.name}")
        self.page.get_by_role("link", name="Begin").click()

    def consent(self) -> None:
        self.page.get_by_role("checkbox").check()
        self.page.get_by_role("button", name="Go on").click()
        self.page.get_by_role("button", name="Begin").click()

    def pair(self) -> str | None:
        """The pair on the page, when its pictures are there; None where there is none."""
        self.page.locator("body[data-ready=yes], .persons, .back").first.wait_for()
        form = self.page.locator("#pair")
        if not form.count():
            return None
        return (form.get_attribute("action") or "").rsplit("/", 1)[1]

    def answer(self, pair: str, side: str) -> None:
        """Press a key, and see the next page."""
        self.page.keyboard.press({"left": "ArrowLeft", "right": "ArrowRight"}[side])
        gone = "(pair) => !document.querySelector(`form[action$='/answer/${pair}']`)"
        self.page.wait_for_function(gone, arg=pair)

    def finish(self) -> None:
        for choice in self.page.get_by_label("did not").all():
            choice.check()
        self.page.get_by_role("button", name="Finish").click()
        self.page.get_by_role("heading", name="Thank you").wait_for()

    def go_back(self) -> None:
        self.page.locator(".back a").click()
        self.page.get_by_role("heading", name="Welcome back").wait_for()
        self.page.context.close()


def test_a_platforms_participants_by_one_link(
    chromium: Browser, platform: Platform, server: Server, tmp_path: Path
) -> None:
    plans = read_sheet(tmp_path / "results/human/judge").plans.values()
    expected = {pair: side for plan in plans for pair, side in plan.attention.items()}
    acknowledged: dict[str, str] = {}
    stays: dict[int, Person] = {}

    def all_pairs(person: Person, number: int) -> None:
        wrong = {"left": "right", "right": "left"}
        while pair := person.pair():
            side = expected.get(pair, "left")
            side = wrong[side] if number == CARELESS and pair in expected else side
            person.answer(pair, side)
            acknowledged[pair] = side

    for number in range(PEOPLE):
        person = stays[number] = Person(number, chromium, platform)
        person.come()
        person.consent()
        first = person.pair()
        assert first
        if number in GONE:
            side = expected.get(first, "left")
            person.answer(first, side)
            acknowledged[first] = side
            continue
        if number in KILLED:
            server.kill()
            server.start()
            person.come()  # the same link goes on
        all_pairs(person, number)
        if number == CARELESS:
            person.page.get_by_role("heading", name="Your part ends here").wait_for()
        else:
            person.finish()
        person.go_back()
    for number in BACK:
        stays[number].come()
        all_pairs(stays[number], number)
        stays[number].finish()
        stays[number].go_back()

    done = [k for k in range(PEOPLE) if k != CARELESS and (k not in GONE or k in BACK)]
    assert sorted(platform.returned["/from-finished"]) == sorted(
        ("DONE", f"worker-{number}") for number in done
    )
    assert platform.returned["/from-screened"] == [("OUT", "")]
    assert "/from-returned" not in platform.returned
    subprocess.run(server.command("export", "--to", tmp_path / "csv"), check=True)
    table = pd.read_csv(tmp_path / "csv/responses.csv", dtype={"pair_id": str})
    assert dict(zip(table["pair_id"], table["choice"], strict=True)) == acknowledged
    assert table["participant"].nunique() == PEOPLE
    listed = tmp_path / "ids.txt"
    listed.write_text("".join(f"worker-{number}\n" for number in range(PEOPLE)))
    printed = subprocess.run(
        server.command("outcomes", "--ids", listed), capture_output=True, text=True, check=True
    ).stdout
    outcomes = dict(line.split("\t") for line in printed.splitlines())
    assert {name for name, how in outcomes.items() if how == "finished"} == {
        f"worker-{number}" for number in done
    }
    assert outcomes[f"worker-{CARELESS}"] == "screened out"
    assert sum(how == "under way" for how in outcomes.values()) == len(GONE) - len(BACK)
