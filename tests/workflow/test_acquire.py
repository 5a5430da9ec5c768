"""Both collections through real requests, from a server that first lies and then cuts the line."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml
from runs import ROOT, copy_code, snakemake
from serving import Server, serving

from facegap.acquire.collection import draw_faces
from facegap.acquire.splits import Sampling
from facegap.settings import acquire
from facegap.tables.acquire import DUPLICATES, FACES, REJECTED
from facegap.tables.base import read_table

REAL = ROOT.parent / "shared/faces"
DRAWN = 400  # archives whose half is more than the pieces in which a client takes it
CELEBA_TEXTS = ("list_attr_celeba.txt", "identity_CelebA.txt")


def drawn(folder: Path, faces: int = 12, seed: int = 1) -> tuple[pd.DataFrame, dict[str, bytes]]:
    """A drawn collection: its table, and its images by path."""
    table, images = folder / "faces.parquet", folder / "images.zip"
    draw_faces(
        faces=table,
        images=images,
        rejected=folder / "rejected.csv",
        sampling=Sampling(faces, acquire.Split(train=4, test=4)),
        drawn=acquire.Drawn(capture_distance=1, pictures_per_person=2, inside_share=0.5),
        dataset="target",
        seed=seed,
    )
    with zipfile.ZipFile(images) as archive:
        return read_table(table, FACES), {name: archive.read(name) for name in archive.namelist()}


def utkface(table: pd.DataFrame, images: dict[str, bytes]) -> bytes:
    """UTKFace.tar.gz of drawn faces."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for k, row in enumerate(table.itertuples()):
            name = f"{int(row.age)}_{int(row.gender == 'female')}_{k % 5}_2017010914240{k:04d}"
            info = tarfile.TarInfo(f"UTKFace/{name}.jpg.chip.jpg")
            info.size = len(images[str(row.path)])
            archive.addfile(info, io.BytesIO(images[str(row.path)]))
    return file.getvalue()


def celeba(table: pd.DataFrame, images: dict[str, bytes]) -> dict[str, bytes]:
    """CelebA's files of drawn faces."""
    file = io.BytesIO()
    names = [f"{k:06d}.jpg" for k in range(1, len(table) + 1)]
    with zipfile.ZipFile(file, "w") as archive:
        for name, path in zip(names, table["path"], strict=True):
            archive.writestr(f"img_align_celeba/{name}", images[path])
    flags = ["Bangs", "Male", "Young"]
    signs = table[flags].replace({0: -1}).astype(str)
    rows = [" ".join([name, *row]) for name, row in zip(names, signs.to_numpy(), strict=True)]
    subjects = pd.factorize(table["subject_id"])[0]
    who = [f"{name} {subject}" for name, subject in zip(names, subjects, strict=True)]
    texts = {
        "list_attr_celeba.txt": [str(len(names)), " ".join(flags), *rows],
        "identity_CelebA.txt": who,
    }
    lines = {name: ("\n".join(text) + "\n").encode() for name, text in texts.items()}
    return {"img_align_celeba.zip": file.getvalue(), **lines}


def published(folder: Path) -> dict[str, bytes]:
    """The files to serve: real faces where they are, else drawn ones."""
    if REAL.is_dir():
        names = ("UTKFace.tar.gz", "img_align_celeba.zip", *CELEBA_TEXTS)
        files = {name: (REAL / name).read_bytes() for name in names}
    else:
        files = {"UTKFace.tar.gz": utkface(*drawn(folder, DRAWN))}
        files |= celeba(*drawn(folder, DRAWN, seed=2))  # of other persons
    listed = files["identity_CelebA.txt"].decode().split()[::2]
    axes = [f"{p}_{a}" for p in ("lefteye", "righteye", "nose") for a in "xy"]
    axes += [f"{p}_{a}" for p in ("leftmouth", "rightmouth") for a in "xy"]
    rows = [f"{name} " + " ".join(map(str, range(10))) for name in listed]
    points = "\n".join([str(len(listed)), " ".join(axes), *rows])
    return {**files, "list_landmarks_align_celeba.txt": points.encode()}


def declare(server: Server, manifest: Path) -> None:
    """Point the assets that the server has to it: each first to a wrong file, then cut at half."""
    entries = yaml.safe_load(manifest.read_text())
    for name, data in server.files.items():
        entries[name] |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        urls = (f"{server.address}/{how}/{name}" for how in ("other", "cut"))
        entries[name]["sources"] = [{"url": url} for url in urls]
    manifest.write_text(yaml.safe_dump(entries))


def test_both_collections_come_whole_from_a_server_that_cuts_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_code(tmp_path / "facegap")
    monkeypatch.setenv("FACEGAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "drawn").mkdir()
    command = ["acquire", "--cores", "2", "--configfile", "config/gender.yaml", "--config"]
    with serving() as server:
        server.files = published(tmp_path / "drawn")
        declare(server, folder / "config/assets.yaml")

        refused = snakemake(folder, *command, "data_root=nowhere")
        assert refused.returncode != 0
        assert "accept_terms: [utkface]" in refused.stdout
        assert not server.asked, "nothing is fetched before the terms are accepted"

        accepted = ("data_root=nowhere", "operations={accept_terms: [utkface, celeba]}")
        done = snakemake(folder, *command, *accepted)
        assert done.returncode == 0, done.stdout[-4000:]

        for name, data in server.files.items():
            assert (folder / "results/assets" / name).read_bytes() == data
        assert any(asked.startswith("/cut/UTKFace.tar.gz bytes=") for asked in server.asked)
        assert any(asked.startswith("/cut/img_align_celeba.zip bytes=") for asked in server.asked)
    for dataset in ("source", "target"):
        acquired = folder / "results/gender/acquire" / dataset
        faces = read_table(acquired / "faces.parquet", FACES)
        rejected = read_table(acquired / "rejected.csv", REJECTED)
        served = 1692 if dataset == "source" else 1509
        assert len(faces) + len(rejected) == (served if REAL.is_dir() else DRAWN)
        read_table(acquired / "duplicates.csv", DUPLICATES)
    assert "official_landmarks" in faces
