"""Two hundred participants at once answer their pairs, and as many connections say nothing.

python benchmarks/pages.py [participants] [pairs each] [seconds between answers] [seconds to come]

All come by one link. A real server on loopback, every page and picture fetched as a browser does.
The participants share the machine's cores with the server, so its time is told apart.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from documented.marks import MACHINE

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests/workflow")]
from human import Server, study  # noqa: E402
from traffic import compare, crowd  # noqa: E402

WISHED = 0.2  # seconds: what nobody notices


def main() -> None:
    """Serve, answer, and say how long each answer took."""
    given = [float(value) for value in sys.argv[1:]]
    people, pairs, pause, within = [*given, *[200.0, 12.0, 3.0, 20.0][len(given) :]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study(folder, participants=int(people), pairs=int(pairs), familiarity=0)
        server = Server(folder / "config.yaml", folder / "answers.sqlite", "--open")
        start = f"http://127.0.0.1:{server.port}/start"
        links = [f"{start}?PROLIFIC_PID=p{k}&STUDY_ID=s" for k in range(int(people))]
        try:
            begun = time.perf_counter()
            seen = asyncio.run(crowd(links, compare, pause, int(people), within))
            seconds = time.perf_counter() - begun
            server_cpu, own_cpu = (
                sum(process.cpu_times()[:2])
                for process in (psutil.Process(server.process.pid), psutil.Process())
            )
        finally:
            server.kill()
    count = len(seen.waits)
    middle, late, last = np.quantile(seen.waits, [0.5, 0.99, 1])
    print(f"{'answers':<28}{count:8d}")
    print(f"{'answers a second':<28}{count / seconds:8.1f}")
    for words, wait in (("median wait", middle), ("99 of 100 within", late), ("longest", last)):
        print(f"{words:<28}{1000 * wait:8.1f} ms")
    print(f"{'server, CPU':<28}{1000 * server_cpu / count:8.1f} ms an answer")
    print(f"{'participants, CPU':<28}{1000 * own_cpu / count:8.1f} ms an answer")
    figures = {"name": "pages", "ratio": WISHED / late, "wait_99": late, "units": "s"}
    cpu = {"server_cpu": server_cpu / count, "participants": int(people)}
    print(json.dumps(figures | cpu | {"machine": MACHINE}))


if __name__ == "__main__":
    main()
