"""How a run starts: what is in its way, what it has to make again, what a retry gets. No rules."""

import shutil
import subprocess

from snakemake.persistence.file import FilePersistence

CHANGED = f"{STUDY}/changed"
JOBS_NAME = re.sub(r"[^A-Za-z0-9_-]", "-", f"facegap-{config['study']}")[:50]
UNRECORDED = ("logs", "benchmarks", "changed")  # below the study, and no job's output


def doubling(base):
    """Memory that doubles with each attempt at a job."""

    def mem_mb(wildcards, attempt):
        return base * 2 ** (attempt - 1)

    return mem_mb


for each in workflow.rules:
    memory = each.resources.get("mem_mb")
    if memory is not None and isinstance(memory.raw, int):
        each.resources["mem_mb"] = doubling(memory.raw)


def check_leftovers():
    """On SLURM, stop while jobs of a killed Snakemake still write these results.

    They are known by their name, which the jobs of this run get here: the profile, where a prefix
    could be set, does not know the study.
    """
    executor = workflow.scheduler._executor
    if not hasattr(executor, "run_uuid"):
        return
    listed = subprocess.run(
        ["squeue", "--me", "--noheader", "--format=%i|%j|%Z"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if listed.returncode:
        raise WorkflowError(f"squeue does not answer: {listed.stderr.strip()}")
    own = re.compile(rf"{re.escape(JOBS_NAME)}_[0-9a-f-]{{36}}")
    jobs = [line.split("|") for line in listed.stdout.splitlines()]
    left = [
        number
        for number, name, folder in jobs
        if own.fullmatch(name) and folder == os.getcwd()
    ]
    if left:
        raise WorkflowError(
            f"jobs of an earlier run are still at work on {STUDY}: {', '.join(left)}. End them "
            f"(scancel {' '.join(left)}) or wait until squeue --me shows none, then start again"
        )
    executor.run_uuid = f"{JOBS_NAME}_{executor.run_uuid}"


def changed_outputs():
    """Results that are no longer as their job left them: edited, cut short, put there by hand.

    Snakemake notes the time of an output when its job ends, and looks at it no more.
    """
    records = FilePersistence(nolock=True)
    for folder, folders, files in os.walk(STUDY):
        if folder == STUDY:
            folders[:] = [name for name in folders if name not in UNRECORDED]
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            record = records._read_record(path)
            if record and record.endtime and _changed_since(path, record.endtime):
                yield path


def _changed_since(path, time):
    """Whether a file, or any file of a folder, has another time; archives keep whole seconds."""
    times = [os.stat(path).st_mtime]
    if os.path.isdir(path):
        inside = Path(path).rglob("*")
        return max(times + [part.stat().st_mtime for part in inside]) > time + 1
    return abs(times[0] - time) > 1


CHANGED_OUTPUTS = []
if workflow.is_main_process and any(Path(".snakemake/metadata").glob("*")):
    CHANGED_OUTPUTS += changed_outputs()
    for path in CHANGED_OUTPUTS:
        FilePersistence(nolock=True)._mark_incomplete(path, None)  # so it is made again
        print(
            f"{path} is not as its job left it and is made again; a copy will be in {CHANGED}. "
            f"To keep it instead: snakemake --touch {path}",
            file=sys.stderr,
        )
elif workflow.is_main_process and Path(STUDY, "acquire").is_dir():
    print(
        f"{STUDY} holds results, but .snakemake has no record of what made them: changes of code "
        "and settings since then are not seen. Bring .snakemake along, or give --forceall",
        file=sys.stderr,
    )


def keep_changed():
    """Keep what somebody may have edited, before it is made again."""
    for path in CHANGED_OUTPUTS:
        kept = Path(CHANGED) / Path(path).relative_to(STUDY)
        if kept.is_dir():
            shutil.rmtree(kept)
        kept.parent.mkdir(parents=True, exist_ok=True)
        if Path(path).is_dir():
            shutil.copytree(path, kept)
        elif Path(path).exists():
            shutil.copy2(path, kept)
