"""Time and memory of every job that trains nothing, at 200,000 faces, and how they grow.

    python benchmarks/scale.py [faces of the largest study]

Three whole studies, of a fiftieth, a tenth and all of the faces: a target in CelebA's files, of 20
pictures a person, half of whose faces test; a source in UTKFace's files of an eighth as many;
two classifiers and a recogniser to audit on 100,000 faces; and the other readers. Pictures are
drawn faces in a random light, no two alike but some that are there twice. What is found in them
is known but for one shard, which is searched. Networks are tiny and trained for a few steps, so
that what reads their outputs has something to read: of jobs that run them (extract_features,
predict_pseudo_labels, translate_faces and such) the growth says something, the time does not.

A job's memory is what its processes have for themselves, looked at five times a second: pages of
mapped files, which the system takes back when it needs them, do not count.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import psutil
import yaml
from documented.marks import MACHINE
from numpy.typing import NDArray

from facegap.acquire.assets import cached
from facegap.acquire.collection import draw_pictures
from facegap.acquire.persons import pictures_of
from facegap.acquire.splits import Sampling
from facegap.align.landmarks import Found, open_landmarker
from facegap.align.memory import detection_id, image_digest, remember
from facegap.assets import manifest
from facegap.kinds import CELEBA_ATTRIBUTES
from facegap.settings.acquire import Drawn, Split
from facegap.settings.align import Align
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table
from facegap.tables.partition import QUEUE

ROOT = Path(__file__).parents[1]
LARGEST, STEPS = 200_000, (50, 10, 1)
PICTURES, POOL = 20, 2_000  # of a person; drawn, of which all others are variants
LIMITS = {"minutes": 10, "gib": 4}
STEEP = 1.25  # times what n log n would take
MODEL = "face_landmarker.task"
ATTRIBUTES = CELEBA_ATTRIBUTES.split()
TRAINS = re.compile("train_|fine_tune_")
SHORT, ADDED = 20, 2  # seconds, of which most is Python's start; that are no noise
CONFIG, READERS = yaml.safe_load_all(Path(__file__).with_suffix(".yaml").read_text())


@dataclass
class Peaks:
    """The most memory of each rule's jobs, seen while they ran, in bytes."""

    of: dict[str, int] = field(default_factory=dict)

    def watch(self, snakemake: "subprocess.Popen[str]") -> None:
        """Look at all jobs until Snakemake ends."""
        root = psutil.Process(snakemake.pid)
        while snakemake.poll() is None:
            with suppress(psutil.Error):
                self._look(root.children(recursive=True))
            time.sleep(0.2)

    def _look(self, processes: list[psutil.Process]) -> None:
        jobs: dict[int, str] = {}  # the rule of each process of a job
        memory: dict[int, int] = {}
        owners: dict[int, int] = {}
        for process in processes:  # parents before their children
            with suppress(psutil.Error, OSError):  # one that has just ended hides no other
                found = re.search(r"/scripts/tmp\w+\.(\w+)\.py", " ".join(process.cmdline()))
                if found:
                    jobs[process.pid] = found[1]
                    owners[process.pid] = process.pid
                elif (parent := process.ppid()) in owners:
                    owners[process.pid] = owners[parent]
                else:
                    continue
                own = process.memory_info()
                owner = owners[process.pid]
                memory[owner] = memory.get(owner, 0) + own.rss - own.shared
        for job, size in memory.items():
            self.of[jobs[job]] = max(self.of.get(jobs[job], 0), size)


@dataclass(frozen=True)
class Pool:
    """Drawn pictures of some persons, and what is found in each."""

    images: list[NDArray[np.uint8]]
    found: list[tuple[Found, ...]]
    truth: pd.DataFrame  # of each
    persons: list[NDArray[np.int64]]  # the rows of each person


def pool(model: Path) -> Pool:
    """Draw the pictures, halve them, and look for their faces."""
    sampling = Sampling(POOL, Split(train=0.5, test=0.5))
    drawn = Drawn(pictures_per_person=PICTURES)
    pictures = pictures_of(dataset="target", sampling=sampling, drawn=drawn, seed=1)
    images: list[NDArray[np.uint8]] = []
    tables = []
    for start in range(0, len(pictures), 200):
        some = draw_pictures(pictures[start : start + 200], distance=1.0, seed=1)
        tables.append(some.faces)
        images += [np.asarray(_halved(image), np.uint8) for image in some.images]
    with open_landmarker(model, Align().confidence) as find:
        found = [find(image) for image in images]
    truth = pd.concat(tables, ignore_index=True)
    subjects = pd.factorize(truth["subject_id"])[0]
    persons = [np.flatnonzero(subjects == number) for number in range(subjects.max() + 1)]
    return Pool(images, found, truth, persons)


def _halved(image: NDArray[np.uint8]) -> Any:
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def variants(drawn: Pool, rows: Sequence[int], seed: int) -> Iterator[bytes]:
    """A JPEG of each of these rows of the pool, each in a light of its own.

    Where a row comes twice running, one in twenty is the same picture, saved again.
    """
    rng = np.random.default_rng(seed)
    lit, before = drawn.images[0], -1
    for row in rows:
        again = row == before and rng.random() < 0.05
        if not again:
            height, width = drawn.images[row].shape[:2]
            coarse = rng.normal(0, 30, (18, 16)).astype(np.float32)
            light = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
            lit = np.clip(drawn.images[row] + light[..., None], 0, 255).astype(np.uint8)
        quality = [cv2.IMWRITE_JPEG_QUALITY, 60 if again else 85]
        yield cv2.imencode(".jpg", lit[..., ::-1], quality)[1].tobytes()
        before = row


@dataclass(frozen=True)
class Images:
    """What was written of a data set's pictures."""

    rows: dict[str, int]  # of the pool, by face_id
    digests: dict[str, str]  # of the files


def collections(folder: Path, faces: int, drawn: Pool) -> dict[str, Images]:
    """Write the target and the source below `folder`, in their own collections' files."""
    rng = np.random.default_rng(faces)
    people = rng.integers(len(drawn.persons), size=faces // PICTURES)
    sampled = [np.sort(rng.choice(drawn.persons[person], PICTURES)) for person in people]
    target = [int(row) for rows in sampled for row in rows]
    truth = drawn.truth.iloc[target].reset_index(drop=True)
    names = [f"{number:06d}.jpg" for number in range(1, len(target) + 1)]
    flags = pd.DataFrame(rng.choice([-1, 1], (len(target), len(ATTRIBUTES))), columns=ATTRIBUTES)
    for name in flags.columns.intersection(truth.columns):
        flags[name] = 2 * truth[name].astype(int) - 1
    rows = flags.astype(str).agg(" ".join, axis=1)
    lines = [f"{name} {values}" for name, values in zip(names, rows, strict=True)]
    _write(folder / "list_attr_celeba.txt", [str(len(names)), " ".join(ATTRIBUTES), *lines])
    subjects = np.repeat(np.arange(1, len(people) + 1), PICTURES)
    pairs = [f"{name} {subject}" for name, subject in zip(names, subjects, strict=True)]
    _write(folder / "identity_CelebA.txt", pairs)
    place = folder / "img_align_celeba.zip"
    made = {"target": _zipped(place, "img_align_celeba/{}", names, target, drawn, 1)}

    source = [int(row) for row in rng.integers(len(drawn.images), size=faces // 8)]
    truth = drawn.truth.iloc[source]
    labels = zip(truth["age"].astype(int), truth["gender"], truth["group"], strict=True)
    names = [
        f"{age}_{int(gender == 'female')}_{int(group != 'A')}_{10**16 + number}.jpg.chip.jpg"
        for number, (age, gender, group) in enumerate(labels)
    ]
    place = folder / "UTKFace.zip"
    made["source"] = _zipped(place, "UTKFace/{}", names, source, drawn, 2)
    return made


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("\n".join(lines) + "\n")


def _zipped(
    place: Path, pattern: str, names: Sequence[str], rows: Sequence[int], drawn: Pool, seed: int
) -> Images:
    digests, found = {}, {}
    with zipfile.ZipFile(place, "w") as archive:
        pictures = variants(drawn, rows, seed)
        for name, row, data in zip(names, rows, pictures, strict=True):
            archive.writestr(pattern.format(name), data)
            face = name.split(".")[0]
            digests[face], found[face] = image_digest(data), row
    return Images(found, digests)


def known_faces(folder: Path, made: dict[str, Images], drawn: Pool, model: Path) -> None:
    """Leave beside each shard but the first what is found in its images."""
    detection, shards = detection_id(model, Align().confidence), CONFIG["align"]["shards"]
    for name, images in made.items():
        results = folder / "results/scale"
        faces = read_table(results / f"acquire/{name}/faces.parquet", FACES)["face_id"]
        (place := results / f"align/{name}/shards").mkdir(parents=True)
        for shard, own in enumerate(np.array_split(faces.to_numpy(), shards)):
            found = ((face, images.digests[face], drawn.found[images.rows[face]]) for face in own)
            remember(found if shard else (), place / f"found-{shard}.parquet", detection)


def answers(folder: Path, images: Images, drawn: Pool) -> None:
    """The annotators' answers, and what the audited models give out for the test faces."""
    faces = read_table(folder / "results/scale/acquire/target/faces.parquet", FACES)
    rng = np.random.default_rng(1)
    sampled = faces.loc[faces["split"] != "rest", "face_id"]
    for name in ("ada", "ben"):
        sides(sampled, images, drawn, rng).to_csv(folder / f"{name}.csv", index=False)
    tested = faces[faces["split"] == "test"]
    for name in ("one", "other"):
        scores = [
            pd.DataFrame(
                {
                    "face": tested["face_id"],
                    "task": task,
                    "score": (0.8 * tested[task] + 0.2 * rng.random(len(tested))).round(4),
                }
            )
            for task in ("Smiling", "Young")
        ]
        pd.concat(scores).to_csv(folder / f"{name}.csv", index=False)
    persons = pd.factorize(tested["subject_id"])[0]
    centres = rng.normal(size=(persons.max() + 1, 64)).astype(np.float32)
    vectors = centres[persons] + rng.normal(0, 0.8, (len(tested), 64)).astype(np.float32)
    names = tested["face_id"].to_numpy(dtype=str)
    np.savez(folder / "vectors.npz", face=names, vector=vectors.astype(np.float32))


def sides(
    faces: "pd.Series[str]", images: Images, drawn: Pool, rng: np.random.Generator
) -> pd.DataFrame:
    """Answers on faces, one in fifty wrong."""
    group = drawn.truth["group"].to_numpy()[[images.rows[face] for face in faces]]
    inside = (group == "A") ^ (rng.random(len(faces)) < 0.02)
    return pd.DataFrame({"face_id": faces, "side": np.where(inside, "inside", "outside")})


def further_collections(folder: Path, made: dict[str, Images], drawn: Pool) -> None:
    """The target's pictures again, in the files of FairFace, of LFW, and of somebody's own."""
    rows = list(made["target"].rows.values())
    truth = drawn.truth.iloc[rows]
    persons = [f"P{number}_" for number in np.arange(len(rows)) // PICTURES]
    names = {
        "fairface-img-margin025-trainval.zip": [f"train/{k}.jpg" for k in range(len(rows))],
        "lfw.zip": [
            f"lfw/{person}/{person}_{k % PICTURES + 1:04d}.jpg" for k, person in enumerate(persons)
        ],
        "photos.zip": [f"{person}/{k}.jpg" for k, person in enumerate(persons)],
    }
    with zipfile.ZipFile(folder / "img_align_celeba.zip") as source:
        for place, paths in names.items():
            with zipfile.ZipFile(folder / place, "w") as archive:
                for path, member in zip(paths, source.infolist(), strict=True):
                    archive.writestr(path, source.read(member))
    fairface = pd.DataFrame({"file": names["fairface-img-margin025-trainval.zip"]})
    fairface["age"], fairface["race"] = "20-29", "White"
    fairface["gender"] = truth["gender"].str.capitalize().to_numpy()
    fairface.to_csv(folder / "fairface_label_train.csv", index=False)
    own = truth[["age", "gender", "Smiling"]].assign(path=names["photos.zip"], subject_id=persons)
    own.to_csv(folder / "photos.csv", index=False)


def sized(faces: int) -> dict[str, Any]:
    """The study with as many translations and pairs as its faces allow."""
    roles = {**CONFIG["synthesise"]["roles"], "translated": faces // 100}
    pairs = {"design": {"pairs": faces // 1000}}
    return {**CONFIG, "synthesise": {**CONFIG["synthesise"], "roles": roles}, "judge": pairs}


def run(folder: Path, config: dict[str, Any], targets: Sequence[str], peaks: Peaks) -> None:
    """Snakemake on the study `config` in `folder`, up to the targets."""
    file = folder / f"{config['study']}.yaml"
    file.write_text(yaml.safe_dump(config))
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "snakemake",
        "-s",
        ROOT / "workflow/Snakefile",
        *targets,
    ]
    command += ["--directory", folder, "--cores", "2", "--configfile", file]
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [*command, "--profile", ROOT / "profiles/default"], stdout=log, stderr=log, text=True
        )
        peaks.watch(process)
    if process.returncode:
        sys.exit((folder / "log").read_text())


def measured(faces: int, drawn: Pool, model: Path) -> pd.DataFrame:
    """Of a study of so many faces: rule, seconds and GiB of its longest and its largest job."""
    peaks = Peaks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "results/assets").mkdir(parents=True)
        (folder / "results/assets" / model.name).symlink_to(model)
        config, made = sized(faces), collections(folder, faces, drawn)
        run(folder, config, ["acquire"], peaks)
        known_faces(folder, made, drawn, model)
        answers(folder, made["target"], drawn)
        run(folder, config, ["results/scale/partition/target/queue.csv"], peaks)
        queue = read_table(folder / "results/scale/partition/target/queue.csv", QUEUE)["face_id"]
        verified = sides(queue, made["target"], drawn, np.random.default_rng(2))
        verified.to_csv(folder / "verified.csv", index=False)
        run(folder, config, [], peaks)
        further_collections(folder, made, drawn)
        for dataset, given in READERS["datasets"].items():
            own = {"study": f"reader-{dataset}", "datasets": {dataset: given}}
            run(folder, READERS | own, ["acquire"], peaks)
        rows = []
        for path in folder.glob("results/*/benchmarks/*/*.tsv"):
            seconds = float(pd.read_csv(path, sep="\t")["s"].iloc[0])
            rule = re.sub("^plot_.*", "plot_figure", path.stem.split("-")[0])
            rows.append((path.parent.name, rule, path.stem, seconds))
    found = pd.DataFrame(rows, columns=["stage", "rule", "job", "seconds"])
    found = found[~found["rule"].str.match(TRAINS)]
    longest = found.loc[found.groupby("rule")["seconds"].idxmax()].set_index("rule")
    return longest.assign(gib=pd.Series(peaks.of) / 2**30)


def growth(seconds: pd.DataFrame, faces: Sequence[int]) -> "pd.Series[float]":
    """How often the work of n log n that was added last took what it should, by rule.

    From differences of three sizes, so that what each job takes at its start counts nothing. 1:
    as n log n; 10: as its square. Missing of jobs that are short at all sizes, or of which the
    middle one is hardly longer than the smallest.
    """
    small, middle, large = (n * np.log(n) for n in faces)
    first, second, last = (seconds[n] for n in faces)
    grown = (last - second) / (second - first)
    steep: pd.Series[float] = grown * (middle - small) / (large - middle)
    return steep.where((last > SHORT) & (second - first > ADDED))


def main() -> None:
    """Run the three studies, and print what each rule took at the largest, and how it grew."""
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else LARGEST
    faces = [largest // step for step in STEPS]
    model = cached(MODEL, manifest()[MODEL])
    drawn = pool(model)
    tables = {}
    for n in faces:
        began = time.monotonic()
        tables[n] = measured(n, drawn, model)
        print(f"{n} faces: {(time.monotonic() - began) / 60:.0f} minutes", flush=True)
    last = tables[faces[-1]]
    times = pd.DataFrame({n: table["seconds"] for n, table in tables.items()}).reindex(last.index)
    table = last[["stage"]].join(times.round(1).add_suffix(", s"))
    table["GiB"] = last["gib"].round(2)
    table["n log n"] = growth(times, faces).round(2)
    table = table.sort_values(f"{faces[-1]}, s", ascending=False)
    print(table.to_string(na_rep=""))
    slow = table.index[times[faces[-1]].reindex(table.index) > 60 * LIMITS["minutes"]]
    large, steep = table.index[table["GiB"] > LIMITS["gib"]], table.index[table["n log n"] > STEEP]
    for words, rules in (("slow", slow), ("large", large), ("steep", steep)):
        print(f"{words:<8}{', '.join(rules) or 'none'}")
    figures = {
        "name": "scale",
        "ratio": float(60 * LIMITS["minutes"] / times[faces[-1]].max()),
        "faces": faces,
        "machine": MACHINE,
        "beyond": {"slow": [*slow], "large": [*large], "steep": [*steep]},
        "rules": json.loads(table.reset_index().to_json(orient="records")),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
