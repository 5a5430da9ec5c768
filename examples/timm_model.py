"""Embeddings of a timm model for exported faces: python timm_model.py faces/ resnet50 out.npz

A further argument is a file of weights; without one timm fetches its own.
"""

import sys
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image

folder, name, out, *weights = sys.argv[1:]
given = {"checkpoint_path": weights[0]} if weights else {"pretrained": True}
model = timm.create_model(name, num_classes=0, **given).eval()
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
faces, vectors = [], []
for path in sorted(Path(folder).glob("*.png")):
    with torch.no_grad():
        vectors.append(model(transform(Image.open(path).convert("RGB"))[None])[0].numpy())
    faces.append(path.stem)
np.savez(out, face=np.array(faces), vector=np.stack(vectors).astype(np.float32))
