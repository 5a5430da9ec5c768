"""Labels of an ONNX model for exported faces: python onnx_model.py faces/ model.onnx out.csv

Needs onnxruntime. The model's one input is (1, 3, height, width), its first output a logit a class.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

CLASSES = ["0", "1"]  # words as they stand in the column of the truth
folder, model, out = map(Path, sys.argv[1:])
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
given = session.get_inputs()[0]
height, width = (size if isinstance(size, int) else 224 for size in given.shape[2:])
with out.open("w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["face", "task", "label"])
    paths = sorted(folder.glob("*.png"))
    for k, path in enumerate(paths):
        if (k + 1) % 100 == 0 or k + 1 == len(paths):
            print(f"{k + 1} of {len(paths)}", flush=True)
        image = Image.open(path).convert("RGB").resize((width, height))
        face = np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255
        logits = session.run(None, {given.name: face})[0][0]
        table.writerow([path.stem, "Smiling", CLASSES[int(np.argmax(logits))]])
