"""The labelling pages in a real Chromium, against the real command on a drawn study."""

import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from playwright.sync_api import Page, expect

from facegap import cli, tables
from facegap.acquire.collection import draw_faces
from facegap.images import open_images

FACES = 110
ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = {
    "study": "labels",
    "boundary": "group",
    "sides": {"inside": "Round", "outside": "Long"},
    "datasets": {
        "source": {
            "kind": "drawn",
            "faces": 20,
            "split": {"train": 0.5, "test": 0.5},
            "labels": "own",
        },
        "target": {
            "kind": "drawn",
            "faces": FACES,
            "split": {"train": 70, "test": 30},
            "labels": "people",
        },
    },
    "annotate": {
        "annotators": {"ada": {"answers": "ada.csv"}, "ben": {"answers": "ben.csv"}},
        "adjudication": "third.csv",
        "repeated": 0,
    },
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results that the pages need: 110 drawn faces, 100 of them the sample."""
    folder = tmp_path_factory.mktemp("labels")
    acquired = folder / "results/labels/acquire/target"
    draw_faces(
        acquired / "faces.parquet",
        acquired / "images.zip",
        acquired / "rejected.csv",
        dataset="target",
        faces=FACES,
        split={"train": 70, "test": 30},
        gap=1.0,
        pictures_per_person=3,
        inside_share=0.5,
        seed=1,
    )
    faces = tables.read(acquired / "faces.parquet", tables.FACES)
    parts = np.repeat(["train", "test", "rest"], [70, 30, FACES - 100])
    about = tables.about(acquired / "faces.parquet")
    tables.write(faces.assign(split=parts), acquired / "faces.parquet", tables.FACES, about)
    aligned = folder / "results/labels/align/target"
    (aligned / "none").mkdir(parents=True)
    with open_images(acquired / "images.zip") as images:
        crops = [images.read(path)[20:198, :178] for path in faces["path"]]
    np.save(aligned / "none/shard-0.npy", np.stack(crops))
    rows = pd.DataFrame({"face_id": faces["face_id"], "shard": 0, "row": range(len(faces))})
    tables.write(rows, aligned / "faces.parquet", tables.ALIGNED)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


class Served:
    """`facegap annotate serve`, as a process that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.links: dict[str, str] = {}
        self.start()

    def start(self, *more: str) -> None:
        command = [sys.executable, "-m", "facegap.cli", "annotate", "serve", "--config"]
        self.process = subprocess.Popen(
            [*command, "config.yaml", "--port", str(self.port), *more],
            cwd=self.folder,
            env={"PYTHONPATH": str(ROOT / "workflow/scripts"), "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout
        for line in self.process.stdout:
            if link := re.match(r"(\w+)\t(\w+)\t(http\S+)", line):
                self.links[f"{link[1]} {link[2]}"] = link[3]
            if "serving on" in line:
                break
        else:
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


def stored(folder: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(folder / "data/annotations/labels.sqlite") as database:
        rows = database.execute("SELECT face_id, side FROM answers ORDER BY event").fetchall()
    database.close()
    return rows


def test_a_hundred_faces_by_keyboard_killed_in_the_middle_and_nothing_lost(
    served: Served, drawn: Path, page: Page
) -> None:
    truth, said = truth_of(drawn), {}
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
        face = str(page.locator(".task").get_attribute("data-face"))
        assert face not in said
        key = truth[face] if number % 10 else "3"
        said[face] = {"1": "inside", "2": "outside", "3": "unsure"}[key]
        press(page, f"Shift+Digit{key}" if number % 25 == 1 else key)
    expect(page.get_by_role("heading", level=1)).to_have_text("All faces are answered")
    assert dict(stored(served.folder)) == said
    assert len(said) == 100


def test_undo_later_and_what_another_window_said(served: Served, page: Page) -> None:
    page.goto(served.links["labelling ada"] + "next")
    assert page.locator("img.face").evaluate("image => image.naturalWidth") == 178
    first = page.locator(".task").get_attribute("data-face")
    press(page, "s")
    second = page.locator(".task").get_attribute("data-face")
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
    assert stored(served.folder) == [(second, "outside")]
    press(older, "Enter")
    assert older.locator(".task").get_attribute("data-face") != second


def test_annotators_are_blind_to_each_other_and_see_their_own_order(
    served: Served, page: Page
) -> None:
    orders: dict[str, list[str]] = {}
    for name in ("ada", "ben"):
        page.goto(served.links[f"labelling {name}"] + "next")
        for _ in range(4):
            orders.setdefault(name, []).append(
                str(page.locator(".task").get_attribute("data-face"))
            )
            press(page, "1")
        assert "ada" not in page.content() or name == "ada"
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
            "INSERT INTO events (seat, face_id, showing, what, tentative, at)"
            " SELECT seat, face_id, showing, 'inside', 0, '' FROM showings"
        )
        database.execute(
            "INSERT INTO answers SELECT seat, face_id, showing, what, 0, id FROM events"
        )
        changed = database.execute(
            "UPDATE answers SET side = 'outside' WHERE rowid IN (SELECT a.rowid FROM answers a"
            " JOIN seats s ON s.id = a.seat WHERE s.name = 'ben' ORDER BY face_id LIMIT 3)"
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
    ada, ben = (tables.read(f"data/{name}.csv", tables.ANSWERS) for name in ("ada", "ben"))
    assert len(ada) == len(ben) == 100
    page.goto(served.links["labelling ada"] + "next")
    expect(page.get_by_role("heading", level=1)).to_have_text("This is closed")

    page.goto(served.links["adjudication adjudicator"] + "next")
    face = str(page.locator(".task").get_attribute("data-face"))
    assert face in set(ben["face_id"][ben["side"] == "outside"])
    assert "Round" in page.content()
    assert "ben" not in page.content()
    press(page, "2")
    expect(page.get_by_role("heading", level=1)).to_have_text("You chose Long")
    expect(page.locator(".said")).to_contain_text("ben")
    press(page, "1")  # talked over, and changed
    for _ in range(2):
        press(page, "3")
        press(page, "3")
    assert cli.main(["annotate", "close", "adjudication", "--config", "config.yaml"]) == 0
    decided = tables.read("data/third.csv", tables.ANSWERS)
    assert decided[["face_id", "side"]].to_numpy().tolist() == [[face, "inside"]]
    capsys.readouterr()
    assert cli.main(["annotate", "status", "--config", "config.yaml"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"labelling\s+closed\s+ada\s+100 of 100", said)
