"""Embeddings of a timm model for exported faces: python timm_model.py faces/ resnet50 out.npz

A further argument is a file of weights, whose head, if any, is left out; without one timm fetches
its own.
"""

import sys
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image

folder, name, out, *weights = sys.argv[1:]
model = timm.create_model(name, num_classes=0, pretrained=not weights).eval()
if weights:
    state = timm.models.load_state_dict(weights[0], weights_only=True)
    missing, _ = model.load_state_dict(state, strict=False)
    assert not missing, f"{weights[0]} lacks {missing[:5]}: is it of {name}?"
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
paths = sorted(Path(folder).glob("*.png"))
vectors = []
for k, path in enumerate(paths):
    with torch.no_grad():
        vectors.append(model(transform(Image.open(path).convert("RGB"))[None])[0].numpy())
    if (k + 1) % 100 == 0 or k + 1 == len(paths):
        print(f"{k + 1} of {len(paths)}", flush=True)
faces = np.array([path.stem for path in paths])
np.savez(out, face=faces, vector=np.stack(vectors).astype(np.float32))
