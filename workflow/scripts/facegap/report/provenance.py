"""How the results came to be, as an RO-Crate: code, settings, inputs, packages, jobs, hosts, times.

The record is `ro-crate-metadata.json` in the study's folder, which makes that folder a Process Run
Crate 0.5 (https://www.researchobject.org/workflow-run-crate/), readable by people and by every tool
for such. Who ran it is not in it.
"""

import hashlib
import mimetypes
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from facegap.files import read_json, whole, write_json
from facegap.settings.study import Study

CODE = Path(__file__).parents[4]  # of the repository
# what decides over results beside the configuration, which is recorded whole
DECIDING = (
    *("Snakefile", "workflow", "requirements.lock"),
    *("config/assets.yaml", "config/published.yaml"),
)
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
FORMATS = {  # that mimetypes does not know everywhere
    ".parquet": "application/vnd.apache.parquet",
    ".yaml": "application/yaml",
    ".md": "text/markdown",
    ".npz": "application/zip",
}
TERMS = (
    "Whoever ran the study says on what terms its results may be used. Images stay under the terms"
    " of their collections."
)
STARTED = re.compile(r"^(\S+ \S+) facegap\.job: on (\S+)")


def record_provenance(
    *,
    results: list[Path],
    data: list[Path],
    record: Path,
    settings_yaml: Path,
    config: Study,
    digests: list[str],
    assets: tuple[str, ...],
    made_by: list[Path],
) -> None:
    """Write the record, and the complete configuration beside it.

    `results` are files below the folder of `record`, `made_by` the log of each one's job, `data`
    the user's files and `digests` theirs, `assets` the names of files that facegap fetched, some of
    which may be gone. The logs of all jobs say when and where each began. Hosts and the user's
    folders are named only if the configuration says so.
    """
    study = record.parent
    with whole(settings_yaml) as temporary:
        settings = config.shown()
        temporary.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
    crate = _crate(config)
    files = [_file(crate, study, path) for path in results]
    made: dict[str, list[Any]] = {}
    for file, log in zip(files, made_by, strict=True):
        made.setdefault(_key(log), []).append(file)
    files.append(_file(crate, study, settings_yaml))
    fetched = [study.parent / "assets" / name for name in assets]
    hashed = [(path, _sha256(path)) for path in fetched if path.is_file()]
    places = {Path(config.data_root): "data", study.parent / "assets": "assets"}
    given = [  # not part of the crate: the user's images stay where they are
        _entity(crate, _key_of(path, places), "CreativeWork", {"name": path.name, "sha256": digest})
        for path, digest in [*zip(data, digests, strict=True), *hashed]
    ]
    software = _software(crate)
    begun = jobs_in(study / "logs")
    if not config.operations.record_places:
        begun = without_hosts(begun)
    jobs = [_action(crate, job, software, made) for job in begun]
    run = {"instrument": software, "object": given, "result": files, "hasPart": jobs}
    if jobs:
        run["startTime"] = min(job["startTime"] for job in jobs)
        run["endTime"] = max(job["endTime"] for job in jobs)
    about = {"name": "the study's run", "description": "from the first job to the last", **run}
    crate.root_dataset["mentions"] = [_entity(crate, "#run", "CreateAction", about), *jobs]
    write_json(crate.metadata.generate(), record)


def _crate(config: Study) -> ROCrate:
    """The crate, with what is said of all of it."""
    crate = ROCrate(version="1.1")
    crate.name = f"facegap study {config.study}"
    crate.description = "Results of a facegap study; labels are annotations, not facts about people"
    profile = {"name": "Process Run Crate", "version": "0.5"}
    crate.root_dataset["conformsTo"] = _entity(crate, PROFILE, "CreativeWork", profile)
    terms = {"name": "Terms of the results", "description": TERMS}
    crate.license = _entity(crate, "#terms", "CreativeWork", terms)
    return crate


def jobs_in(logs: Path) -> list[dict[str, str]]:
    """Each job that left a log: `key`, `job`, `host`, `start`, `end`, in order of starts."""
    jobs = []
    for path in logs.rglob("*.log"):
        with path.open(errors="replace") as file:
            started = STARTED.match(file.readline())
        if started:
            begun = datetime.strptime(started[1], "%Y-%m-%d %H:%M:%S,%f").astimezone()
            ended = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
            jobs.append(
                {
                    "key": _key(path),
                    "job": path.stem,
                    "host": started[2],
                    "start": begun.isoformat(timespec="seconds"),
                    "end": ended.isoformat(timespec="seconds"),
                }
            )
    return sorted(jobs, key=lambda job: (job["start"], job["job"]))


def without_hosts(jobs: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The jobs of `jobs_in`, their hosts numbered in the order of their first jobs."""
    hosts = dict.fromkeys(job["host"] for job in jobs)
    numbers = {host: str(number) for number, host in enumerate(hosts, 1)}
    return [{**job, "host": numbers[job["host"]]} for job in jobs]


def summary(record: Path) -> dict[str, Any]:
    """What the page shows of a record: `code`, `run`, `hosts` and `inputs`."""
    parts = {part["@id"]: part for part in read_json(record)["@graph"]}
    return {
        "code": parts["#code"],
        "run": parts["#run"],
        "hosts": [part["name"] for key, part in parts.items() if key.startswith("#host-")],
        "inputs": [parts[part["@id"]] for part in parts["#run"].get("object", [])],
    }


def code_version() -> dict[str, str]:
    """`commit` (where the code is a git checkout), whether it was `changed`, and its `sha256`."""
    digest = hashlib.sha256()
    paths = [path for name in DECIDING for path in (CODE / name, *(CODE / name).rglob("*"))]
    for path in sorted(paths):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(CODE)} {_sha256(path)}\n".encode())
    version = {"sha256": digest.hexdigest()}
    if commit := _git("rev-parse", "HEAD"):
        changed = _git("status", "--porcelain", "--", *DECIDING)
        version |= {"commit": commit, "changed": "yes" if changed else "no"}
    return version


def packages() -> dict[str, str]:
    """Name and version of every installed package."""
    installed = {dist.metadata["Name"]: dist.version for dist in distributions()}
    return dict(sorted(installed.items(), key=lambda item: item[0].lower()))


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(CODE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _entity(crate: ROCrate, key: str, kind: str, properties: Mapping[str, Any]) -> ContextEntity:
    return crate.add(ContextEntity(crate, key, properties={"@type": kind, **properties}))


def _key_of(path: Path, places: Mapping[Path, str]) -> str:
    """The name of an input in the record: below one of `places`, wherever that is."""
    for place, name in places.items():
        if path.is_relative_to(place):
            return f"#{name}/{path.relative_to(place)}"
    return f"#{path.name}"


def _key(log: Path) -> str:
    """The job's name in the record, after its log."""
    return f"#{log.parent.name}/{log.stem}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file(crate: ROCrate, study: Path, path: Path) -> Any:
    """A result, part of the crate."""
    kind = FORMATS.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    properties = {
        "sha256": _sha256(path),
        "contentSize": str(path.stat().st_size),
        "encodingFormat": kind or "application/octet-stream",
    }
    return crate.add_file(path, str(path.relative_to(study)), properties=properties)


def _software(crate: ROCrate) -> ContextEntity:
    """The code, and what it ran on."""
    needed = [
        _entity(crate, key, "SoftwareApplication", {"name": name, "softwareVersion": release})
        for key, name, release in [
            ("#Python", "Python", platform.python_version()),
            *((_package_url(name, of), name, of) for name, of in packages().items()),
        ]
    ]
    version = code_version()
    properties = {
        "name": "facegap",
        "sha256": version["sha256"],
        "operatingSystem": platform.platform(),
        "softwareRequirements": needed,
    }
    if "commit" in version:
        local = ", with changes that are not committed" if version["changed"] == "yes" else ""
        properties["version"] = version["commit"] + local
    return _entity(crate, "#code", "SoftwareSourceCode", properties)


def _package_url(name: str, version: str) -> str:
    """As the package URL specification writes those of Python's packages."""
    return f"pkg:pypi/{re.sub('[-_.]+', '-', name).lower()}@{quote(version)}"


def _action(
    crate: ROCrate, job: Mapping[str, str], software: ContextEntity, made: Mapping[str, list[Any]]
) -> ContextEntity:
    """A job, with those of the results that it made."""
    host = _entity(crate, f"#host-{job['host']}", "Thing", {"name": job["host"]})
    properties = {
        "name": job["job"],
        "description": f"the job whose log is logs/{job['key'].removeprefix('#')}.log",
        "instrument": software,
        "location": host,
        "startTime": job["start"],
        "endTime": job["end"],
        "result": made.get(job["key"], []),
    }
    return _entity(crate, job["key"], "CreateAction", properties)
