"""Answers of a web service for exported faces: python web_service.py faces/ https://… out.csv

The token comes from the environment (AUDIT_TOKEN). Send a service faces only if their licence and
your agreement with it allow that. What is written already is not asked again.
"""

import csv
import json
import os
import sys
import urllib.request
from pathlib import Path

folder, address, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
headers = {"Authorization": f"Bearer {os.environ['AUDIT_TOKEN']}", "Content-Type": "image/png"}
done = set()
if out.exists():
    with out.open(newline="") as file:
        done = {row["face"] for row in csv.DictReader(file)}
with out.open("a", newline="") as file:
    table = csv.writer(file)
    if not done:
        table.writerow(["face", "task", "score"])
    paths = sorted(folder.glob("*.png"))
    for k, path in enumerate(paths):
        if (k + 1) % 100 == 0 or k + 1 == len(paths):
            print(f"{k + 1} of {len(paths)}", flush=True)
        if path.stem not in done:
            request = urllib.request.Request(address, path.read_bytes(), headers)
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = json.load(response)
            table.writerow([path.stem, "Smiling", answer["smiling"]])
            file.flush()
