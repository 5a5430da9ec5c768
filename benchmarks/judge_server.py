"""Two hundred participants at once answer their pairs: how long one waits, and what is kept.

python benchmarks/judge_server.py [participants] [pairs each] [seconds between answers]

A real server on loopback, real links, every page and picture fetched as a browser does. All start
within one pause. Participants share the machine's cores with the server, so its time is told apart.
"""

import asyncio
import json
import platform
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import psutil

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests/workflow")]
from human import study  # noqa: E402

COMMAND = [sys.executable, "-m", "facegap.cli", "judge"]
WISHED = 0.2  # seconds: what nobody notices


async def participant(link: str, pairs: int, pause: float, waits: list[float]) -> dict[str, str]:
    """Answer `pairs` pairs as a person would, in a browser of their own; what was acknowledged."""
    async with httpx.AsyncClient(base_url=link.split("/s/")[0], verify=False, timeout=60) as client:
        return await answered(client, link, pairs, pause, waits)


async def answered(
    client: httpx.AsyncClient, link: str, pairs: int, pause: float, waits: list[float]
) -> dict[str, str]:
    """Consent, start, and for each pair: page, pictures, some thought, an answer."""
    chance = random.Random(link)
    await asyncio.sleep(chance.uniform(0, pause))
    await client.post(f"{link}consent", data={"agree": "yes"})
    await client.post(f"{link}start", data={"x": ""})
    told = {}
    while len(told) < pairs:
        page = (await client.get(link, params={"on": "1"})).text
        pair = re.search(r"/answer/(\w+)", page)
        images = re.findall(r'src="(/s/[^"]+png)"', page)
        assert pair, page
        assert len(images) == 4, page
        await asyncio.gather(*(client.get(image) for image in images))
        await asyncio.sleep(chance.uniform(0.5, 1.5) * pause)
        choice = chance.choice(["left", "right"])
        start = time.perf_counter()
        answer = await client.post(f"{link}answer/{pair[1]}", data={"choice": choice})
        waits.append(time.perf_counter() - start)
        assert answer.status_code == 303, answer.text
        told[pair[1]] = choice
    return told


async def everybody(
    links: list[str], pairs: int, pause: float
) -> tuple[list[dict[str, str]], list[float]]:
    """What each was told is kept, and the seconds that each answer took."""
    waits: list[float] = []
    told = await asyncio.gather(*(participant(link, pairs, pause, waits) for link in links))
    return told, waits


def main() -> None:
    """Serve, answer, export, compare."""
    given = [float(value) for value in sys.argv[1:]]
    people, pairs, pause = [*given, *(200, 12, 3.0)[len(given) :]]
    with tempfile.TemporaryDirectory() as name:
        folder = study(Path(name), participants=int(people), pairs=int(pairs), familiarity=0)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        url = f"http://127.0.0.1:{port}"
        of = ["--study", str(folder)]
        server = subprocess.Popen([*COMMAND, "serve", *of, "--port", port], stderr=subprocess.PIPE)
        try:
            told = subprocess.run(
                [*COMMAND, "invite", *of, "--url", url], capture_output=True, text=True, check=True
            )
            links = [line.split("\t")[1] for line in told.stdout.splitlines()]
            start = time.perf_counter()
            kept, waits = asyncio.run(everybody(links, int(pairs), pause))
            seconds = time.perf_counter() - start
            server_cpu, client_cpu = (
                sum(process.cpu_times()[:2])
                for process in (psutil.Process(server.pid), psutil.Process())
            )
        finally:
            server.kill()
            server.wait()
        subprocess.run([*COMMAND, "export", *of, "--to", name], check=True, capture_output=True)
        answers = pd.read_csv(Path(name) / "responses.csv", dtype={"pair_id": str})
    expected = {pair: choice for part in kept for pair, choice in part.items()}
    same = dict(zip(answers["pair_id"], answers["choice"], strict=True)) == expected
    assert same, "an answer was lost"
    assert len(answers) == len(expected), "an answer was doubled"
    middle, late, last = np.quantile(waits, [0.5, 0.99, 1])
    print(f"{'participants':<28}{int(people):8d}")
    print(f"{'answers, none lost':<28}{len(answers):8d}")
    print(f"{'answers a second':<28}{len(waits) / seconds:8.1f}")
    print(f"{'median wait':<28}{1000 * middle:8.1f} ms")
    print(f"{'99% wait less than':<28}{1000 * late:8.1f} ms")
    print(f"{'longest wait':<28}{1000 * last:8.1f} ms")
    print(f"{'server, CPU':<28}{1000 * server_cpu / len(waits):8.1f} ms an answer")
    print(f"{'these participants, CPU':<28}{1000 * client_cpu / len(waits):8.1f} ms an answer")
    figures = {
        "name": "judge_server",
        "ratio": WISHED / late,
        "wished": WISHED,
        "wait_99": late,
        "units": "s",
        "participants": int(people),
        "answers": len(answers),
        "server_cpu": server_cpu / len(waits),
        "within": float(np.mean(np.array(waits) < WISHED)),
        "machine": f"{platform.machine()}, {platform.processor() or platform.system()}",
        "versions": {name: version(name) for name in ("fastapi", "uvicorn", "sqlalchemy")},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
