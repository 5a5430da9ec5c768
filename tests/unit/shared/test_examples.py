"""The scripts of examples/, as a user runs them; what they write is read as outputs of models."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from runs import ROOT

from facegap.model_embeddings import read_embeddings
from facegap.model_outputs import read_predictions

FACES = [f"{k:016x}" for k in range(3)]
NAMES = {face: face for face in FACES}


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    (folder := tmp_path / "faces").mkdir()
    rng = np.random.default_rng(0)
    for face in FACES:
        pixels = rng.integers(0, 256, (40, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{face}.png")
    return folder


def run(script: str, *arguments: object, token: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"AUDIT_TOKEN": token, "OMP_NUM_THREADS": "1", "no_proxy": "*"},
    )


def test_a_checkpoint_of_timm_with_its_head_gives_embeddings(faces: Path, tmp_path: Path) -> None:
    trained = timm.create_model("test_resnet", num_classes=5)
    torch.save(trained.state_dict(), tmp_path / "own.pt")
    done = run("timm_model.py", faces, "test_resnet", tmp_path / "out.npz", tmp_path / "own.pt")
    assert done.returncode == 0, done.stderr
    assert "3 of 3" in done.stdout
    ids, vectors = read_embeddings(tmp_path / "out.npz", NAMES)
    assert sorted(ids) == FACES
    assert vectors.shape == (3, trained.num_features)
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    done = run("timm_model.py", faces, "test_resnet", tmp_path / "x.npz", tmp_path / "other.pt")
    assert done.returncode != 0
    assert "is it of test_resnet?" in done.stderr


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_torch_model_gives_scores(faces: Path, tmp_path: Path) -> None:
    parts = (torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 1))
    torch.jit.script(torch.nn.Sequential(*parts)).save(str(tmp_path / "model.pt"))
    done = run("torch_model.py", faces, tmp_path / "model.pt", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    table = read_predictions(tmp_path / "out.csv", NAMES, {"Smiling": "classifier"})
    assert table["face_id"].tolist() == FACES
    assert table["score"].between(0, 1).all()


class Service(BaseHTTPRequestHandler):
    """Answers one half to a picture that comes with the token, and ends at the third once."""

    asked: list[int] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.asked.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
        right = self.headers["Authorization"] == "Bearer secret"
        self.send_response(200 if right and len(self.asked) != 3 else 500)
        self.end_headers()
        self.wfile.write(json.dumps({"smiling": 0.5}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    Service.asked.clear()
    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_service_is_asked_once_a_face_also_after_an_error(
    faces: Path, service: str, tmp_path: Path
) -> None:
    done = run("web_service.py", faces, service, tmp_path / "out.csv", token="secret")
    assert done.returncode != 0, "the service failed at the third face"
    done = run("web_service.py", faces, service, tmp_path / "out.csv", token="secret")
    assert done.returncode == 0, done.stderr
    assert len(Service.asked) == 4
    table = read_predictions(tmp_path / "out.csv", NAMES, {"Smiling": "classifier"})
    assert table["face_id"].tolist() == FACES
