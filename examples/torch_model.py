"""Scores of a torch model for exported faces: python torch_model.py faces/ model.pt out.csv

`model.pt` is a TorchScript file whose output is one logit a face. A file of weights alone
(safetensors) needs your own class instead of `torch.jit.load`.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

folder, weights, out = map(Path, sys.argv[1:])
model = torch.jit.load(weights).eval()
with out.open("w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["face", "task", "score"])
    paths = sorted(folder.glob("*.png"))
    for k, path in enumerate(paths):
        if (k + 1) % 100 == 0 or k + 1 == len(paths):
            print(f"{k + 1} of {len(paths)}", flush=True)
        pixels = np.asarray(Image.open(path).convert("RGB").resize((224, 224)), np.float32) / 255
        face = torch.from_numpy(pixels).permute(2, 0, 1)[None]  # as your model was trained
        with torch.no_grad():
            score = torch.sigmoid(model(face)).item()
        table.writerow([path.stem, "Smiling", score])
