"""The labelling pages in a real Chromium, against the real command on a drawn study."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from labels import labelled_study
from playwright.sync_api import Page, Route, expect

from facegap import cli
from facegap.people.engine import open_answers
from facegap.people.facts import codes
from facegap.tables.acquire import FACES
from facegap.tables.annotate import ANSWERS
from facegap.tables.base import read_table, write_table
from facegap.tables.partition import QUEUE

ROOT = Path(__file__).parents[2]
SHOTS = os.environ.get("FACEGAP_SCREENSHOTS")  # a folder, for whoever wants to look


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results that the pages need: 110 drawn faces, 100 of them the sample."""
    return labelled_study(tmp_path_factory.mktemp("labels")).parent


class Served:
    """`facegap annotate serve`, as a process that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        invite = self.command("invite", "--url", f"http://127.0.0.1:{self.port}")
        printed = subprocess.run(**invite, stdout=subprocess.PIPE, check=True).stdout
        lines = re.findall(r"(\w+)\t(\w+)\t(http\S+)", printed)
        self.links = {f"{of_round} {name}": link for of_round, name, link in lines}
        self.start()

    def command(self, name: str, *more: str) -> dict[str, Any]:
        """How a command of `facegap annotate` is run, for subprocess."""
        program = [sys.executable, "-m", "facegap.cli", "annotate", name]
        return {
            "args": [*program, "--config", "config.yaml", *more],
            "cwd": self.folder,
            "env": {"PYTHONPATH": str(ROOT / "workflow/scripts"), "PATH": "/usr/bin:/bin"},
            "text": True,
        }

    def start(self) -> None:
        serve = self.command("serve", "--port", str(self.port))
        self.process = subprocess.Popen(**serve, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert self.process.stdout
        if not any("serving on" in line for line in self.process.stdout):
            raise AssertionError("the server did not start")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
def served(drawn: Path, tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "results").symlink_to(drawn / "results")
    (tmp_path / "config.yaml").write_text(
        (drawn / "config.yaml").read_text() + f"data_root: {tmp_path / 'data'}\n"
    )
    server = Served(tmp_path)
    yield server
    server.kill()


def truth_of(drawn: Path) -> dict[str, str]:
    faces = pd.read_parquet(drawn / "results/labels/acquire/target/faces.parquet")
    return dict(zip(faces["face_id"], faces["group"].map({"A": "1", "B": "2"}), strict=True))


def press(page: Page, key: str) -> None:
    """Press a key and wait for the page that it leads to."""
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press(key)


def face_on(page: Page, served: Served) -> str:
    """The face that the page asks about, which it knows by a code."""
    engine = open_answers(served.folder / "data/annotations/labels.sqlite")
    faces = read_table(served.folder / "results/labels/acquire/target/faces.parquet", FACES)
    face_of = {code: face for face, code in codes(engine, faces["face_id"]).items()}
    engine.dispose()
    return face_of[str(page.locator(".task").get_attribute("data-face"))]


def stored(folder: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(folder / "data/annotations/labels.sqlite") as database:
        rows = database.execute(
            "SELECT e.item, e.what FROM answers a JOIN events e ON e.id = a.event ORDER BY e.id"
        ).fetchall()
    database.close()
    return rows


def test_a_hundred_faces_by_keyboard_killed_in_the_middle_and_nothing_lost(
    served: Served, drawn: Path, page: Page
) -> None:
    truth, answered = truth_of(drawn), {}
    page.goto(served.links["labelling ada"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Say what you see")
    expect(page.locator("body")).to_contain_text("It is no fact about the person shown")
    press(page, "Enter")
    for number in range(100):
        if number == 50:
            served.kill()
            assert len(stored(served.folder)) == 50
            served.start()
            page.goto(served.links["labelling ada"])
            expect(page.locator("body")).to_contain_text("50 of 100 answered")
            press(page, "Enter")
        expect(page.locator("#progress")).to_contain_text(f"{number + 1} of 100")
        face = face_on(page, served)
        assert face not in answered
        key = truth[face] if number % 10 else "3"
        answered[face] = {"1": "inside", "2": "outside", "3": "unsure"}[key]
        press(page, f"Shift+Digit{key}" if number % 25 == 1 else key)
        page.wait_for_timeout(150)  # the server refuses what no hand could press
    expect(page.get_by_role("heading", level=1)).to_have_text("All faces are answered")
    assert dict(stored(served.folder)) == answered
    assert len(answered) == 100


def test_undo_later_and_what_another_window_answered(served: Served, page: Page) -> None:
    page.goto(served.links["labelling ada"] + "next")
    assert page.locator("img.face").evaluate("image => image.naturalWidth") == 178
    first = page.locator(".task").get_attribute("data-face")
    press(page, "s")
    second = page.locator(".task").get_attribute("data-face")
    asked = face_on(page, served)
    assert second != first
    press(page, "1")
    press(page, "u")
    assert page.locator(".task").get_attribute("data-face") == second
    assert stored(served.folder) == []
    older = page.context.new_page()
    older.goto(served.links["labelling ada"] + "next")
    assert older.locator(".task").get_attribute("data-face") == second
    press(page, "2")
    press(older, "1")  # of the face that the other window has just answered
    expect(older.get_by_role("heading", level=1)).to_contain_text("answered in another window")
    assert stored(served.folder) == [(asked, "outside")]
    press(older, "Enter")
    assert older.locator(".task").get_attribute("data-face") != second


def test_annotators_are_blind_to_each_other_and_see_their_own_order(
    served: Served, page: Page
) -> None:
    orders: dict[str, list[str]] = {}
    for name, other in (("ada", "ben"), ("ben", "ada")):
        page.goto(served.links[f"labelling {name}"] + "next")
        for _ in range(4):
            orders.setdefault(name, []).append(face_on(page, served))
            press(page, "1")
        # as a word: the random names of pictures have every three letters now and then
        assert not re.search(rf"\b{other}\b", page.content())
    assert orders["ada"] != orders["ben"]


def test_closing_adjudication_and_what_the_workflow_reads(
    served: Served,
    drawn: Path,
    page: Page,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(served.folder)
    with sqlite3.connect("data/annotations/labels.sqlite") as database:
        database.execute(
            "INSERT INTO events (seat, item, showing, what, details)"
            " SELECT seat, item, showing, 'inside', '{\"tentative\": false}' FROM items"
        )
        database.execute("INSERT INTO answers SELECT seat, item, showing, id FROM events")
        changed = database.execute(
            "UPDATE events SET what = 'outside' WHERE id IN (SELECT e.id FROM events e"
            " JOIN seats s ON s.id = e.seat WHERE s.name = 'ben' ORDER BY item LIMIT 3)"
        ).rowcount
    database.close()
    assert changed == 3
    page.goto(served.links["labelling ada"] + "next")
    press(page, "u")
    assert cli.main(["annotate", "close", "labelling", "--config", "config.yaml"]) == 2
    assert "ada has 99 of 100" in capsys.readouterr().err
    press(page, "1")
    page.go_back()
    assert cli.main(["annotate", "close", "labelling", "--config", "config.yaml"]) == 0
    closed = "data/annotations/labels"
    ada, ben = (read_table(f"{closed}/labelling-{name}.csv", ANSWERS) for name in ("ada", "ben"))
    assert len(ada) == len(ben) == 100
    page.goto(served.links["labelling ada"] + "next")
    expect(page.get_by_role("heading", level=1)).to_have_text("This is closed")

    page.goto(served.links["adjudication adjudicator"] + "next")
    face = face_on(page, served)
    assert face in set(ben["face_id"][ben["side"] == "outside"])
    assert "Round" in page.content()
    assert not re.search(r"\bben\b", page.content())
    press(page, "2")
    expect(page.get_by_role("heading", level=1)).to_have_text("You chose Long")
    expect(page.locator(".answers")).to_contain_text("ben")
    press(page, "1")  # talked over, and changed
    for _ in range(2):
        press(page, "3")
        press(page, "3")
    assert cli.main(["annotate", "close", "adjudication", "--config", "config.yaml"]) == 0
    decided = read_table(f"{closed}/adjudication-adjudicator.csv", ANSWERS)
    assert decided[["face_id", "side"]].to_numpy().tolist() == [[face, "inside"]]
    capsys.readouterr()
    assert cli.main(["annotate", "status", "--config", "config.yaml"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"labelling\s+closed\s+ada\s+100 of 100", printed)
    shutil.copy(f"{closed}/labelling-ada.csv", "data/ada.csv")
    assert cli.main(["annotate", "import", "--config", "config.yaml"]) == 2
    assert "labelling is closed" in capsys.readouterr().err
    reopen = ["annotate", "close", "labelling", "--reopen", "--config", "config.yaml"]
    assert cli.main(reopen) == 0
    assert cli.main(["annotate", "import", "--config", "config.yaml"]) == 0
    assert "ada: 0 new answers of 100" in capsys.readouterr().out
    assert cli.main(["annotate", "export", "--config", "config.yaml", "--to", "csv"]) == 0
    pd.testing.assert_frame_equal(read_table("csv/labelling-ada.csv", ANSWERS), ada)


def test_many_faces_at_once_by_keyboard_and_by_pointer(
    drawn: Path, tmp_path: Path, page: Page
) -> None:
    shutil.copytree(drawn / "results", tmp_path / "results")
    faces = read_table(tmp_path / "results/labels/acquire/target/faces.parquet", FACES)["face_id"]
    chances = [0.2 if k < 100 else 0.8 for k in range(len(faces))]
    queue = pd.DataFrame({"face_id": faces, "subject_id": None, "probability": chances})
    write_table(queue, tmp_path / "results/labels/partition/target/queue.csv", QUEUE)
    config = yaml.safe_load((drawn / "config.yaml").read_text())
    config["partition"] = {"verification": {"eva": {"answers": "eva.csv"}}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    served = Served(tmp_path)
    try:
        page.goto(served.links["verification eva"])
        held: list[Route] = []
        page.route("**/face/*", lambda each: each.continue_() if held else held.append(each))
        page.get_by_role("link", name="Many at once").click()
        expect(page.locator(".tile")).to_have_count(100)
        page.keyboard.press("Enter")  # a face is not there yet
        page.wait_for_timeout(200)
        expect(page.locator("#keep")).to_be_disabled()
        held[0].continue_()
        many = page.url
        page.get_by_role("link", name="One at a time").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/next")
        page.goto(many)
        page.wait_for_function(
            "() => [...document.images].every((image) => image.naturalWidth > 0)"
        )
        assert page.locator(".tile").count() == 100
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/grid.png", full_page=True)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        page.locator(".tile").nth(50).click()
        marked = page.locator(".tile input").evaluate_all(
            "(boxes) => boxes.flatMap((box, k) => box.checked ? [k] : [])"
        )
        assert marked[0] == 1
        assert 50 in marked
        assert len(marked) == 3
        page.keyboard.press("Enter")
        expect(page.locator(".tile")).to_have_count(10)
        page.get_by_role("button", name="Keep these answers").click()
        expect(page.get_by_role("heading", name="All faces are answered")).to_be_visible()
    finally:
        served.kill()
    engine = open_answers(tmp_path / "data/annotations/labels.sqlite")
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT events.item, what FROM events JOIN answers ON answers.event = events.id"
        ).all()
    engine.dispose()
    sides = dict(row._tuple() for row in rows)
    expected = {
        face: "inside" if chance > 0.5 or k in marked else "outside"
        for k, (face, chance) in enumerate(zip(faces, chances, strict=True))
    }
    assert sides == expected
