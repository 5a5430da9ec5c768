"""Hundreds at once, silent connections, and kills: no acknowledged answer is lost."""

import asyncio
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from human import Server, study
from labels import SAMPLE, labelled_study
from reliability import Reliability
from traffic import Seen, compare, crowd, label, side_of

from facegap.people.engine import open_answers
from facegap.people.facts import codes

Serve = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server of the pages of a configuration, which ends with the test."""
    servers: list[Server] = []

    def start(config: Path, pages: str, *options: str) -> Server:
        servers.append(Server(config, tmp_path / "answers.sqlite", *options, pages=pages))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def killed(server: Server, seconds: float, act: Callable[[], Seen]) -> tuple[Seen, int]:
    """What was seen while the server was killed at random within `seconds` of each start."""
    ended, kills, chance = threading.Event(), 0, random.Random(1)

    def kill() -> None:
        nonlocal kills
        while not ended.wait(chance.uniform(0.05, seconds)):
            server.kill()
            kills += 1
            server.start()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        seen = act()
    finally:
        ended.set()
        thread.join()
    return seen, kills


def exported(server: Server, folder: Path, names: str) -> pd.DataFrame:
    subprocess.run(server.command("export", "--to", folder), check=True)
    return pd.concat([pd.read_csv(path, dtype=str) for path in sorted(folder.glob(names))])


def check(seen: Seen, answers: dict[str, str], items: int) -> None:
    """All that was acknowledged is there as it was given, once; nothing is there unsent."""
    assert {item: answers.get(item) for item in seen.acknowledged} == seen.acknowledged
    assert len(answers) == items
    assert seen.sent >= items


@pytest.mark.parametrize("people", [20, pytest.param(200, marks=pytest.mark.long)])
def test_many_at_once_by_one_link_beside_silent_connections(
    serve: Serve, tmp_path: Path, people: int, reliability: Reliability
) -> None:
    pairs, pause, within = (12, 3.0, 20.0) if people > 20 else (6, 0.3, 0.3)
    study(tmp_path, participants=people, pairs=pairs, familiarity=0)
    server = serve(tmp_path / "config.yaml", "judge", "--open")
    start = f"http://127.0.0.1:{server.port}/start"
    links = [f"{start}?PROLIFIC_PID=p{k}&STUDY_ID=s" for k in range(people)]
    seen = asyncio.run(crowd(links, compare, pause, people, within))
    table = exported(server, tmp_path / "csv", "responses.csv")
    assert not table["pair_id"].duplicated().any()
    check(seen, dict(zip(table["pair_id"], table["choice"], strict=True)), len(table))
    assert len(table) == len(seen.acknowledged) >= people * pairs
    late = 1000 * np.quantile(seen.waits, 0.99)
    if people > 20:
        reliability.hostile(
            f"{people} participants at once by one link, and {people} silent connections",
            f"all come within {within:g} s; {seen.sent:,} answers, one each {pause:g} s",
            f"answers 99 of 100 within {late:.0f} ms",
            f"{seen.sent - len(table)}",
        )


@pytest.mark.long
def test_kills_of_the_studys_server(serve: Serve, tmp_path: Path, reliability: Reliability) -> None:
    study(tmp_path, participants=8, pairs=150, familiarity=0)
    server = serve(tmp_path / "config.yaml", "judge")
    links = server.invite()
    seen, kills = killed(server, 1.0, lambda: asyncio.run(crowd(links, compare, 0.05)))
    table = exported(server, tmp_path / "csv", "responses.csv")
    check(seen, dict(zip(table["pair_id"], table["choice"], strict=True)), len(table))
    assert kills > 50
    _note(reliability, "the human study's server", kills, seen)


@pytest.mark.long
def test_kills_of_the_labelling_server(
    serve: Serve, tmp_path: Path, reliability: Reliability
) -> None:
    config = labelled_study(tmp_path)
    config.write_text(
        config.read_text() + f"data_root: {tmp_path / 'data'}\nresults: {tmp_path / 'results'}\n"
    )
    server = serve(config, "annotate")
    seen, kills = killed(server, 1.0, lambda: asyncio.run(crowd(server.invite(), label, 0.02)))
    table = exported(server, tmp_path / "csv", "labelling-*.csv")
    engine = open_answers(tmp_path / "answers.sqlite")
    code = codes(engine, table["face_id"].unique())
    engine.dispose()
    assert (table["side"] == table["face_id"].map(code).map(side_of)).all()
    assert len(table) == 2 * SAMPLE
    assert len(seen.acknowledged) <= len(table) <= seen.sent
    assert kills > 10
    _note(reliability, "the labelling server", kills, seen)


def _note(reliability: Reliability, what: str, kills: int, seen: Seen) -> None:
    reliability.hostile(
        f"kill -9 of {what}, at random",
        f"{kills} kills, {len(seen.acknowledged):,} answers acknowledged",
        "starts again and goes on where each person was",
        "0",
    )
