"""How a run starts: what is in its way, what it has to make again, what a retry gets. No rules."""

import shutil
import subprocess

from snakemake.persistence.file import FilePersistence

CHANGED = f"{STUDY}/changed"
# whose the jobs are, and by the digest where they write, from whatever folder they were started
JOBS_NAME = "-".join(
    [
        "facegap",
        re.sub(r"[^A-Za-z0-9_-]", "-", config["study"])[:40],
        hashlib.sha256(os.path.realpath(STUDY).encode()).hexdigest()[:8],
    ]
)
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
    """Stop while jobs that a killed Snakemake left on SLURM still write these results.

    They are known by their name, which the jobs of this run get here: the profile, where a prefix
    could be set, does not know the study.
    """
    executor = workflow.scheduler._executor
    on_slurm = type(executor).__module__.startswith("snakemake_executor_plugin_slurm")
    own = re.compile(rf"{JOBS_NAME}_[0-9a-f-]{{36}}")
    jobs = [line.split("|") for line in _slurm_jobs(needed=on_slurm)]
    left = [number for number, name in jobs if own.fullmatch(name)]
    if left:
        raise WorkflowError(
            f"jobs of an earlier run are still at work on {STUDY}: {', '.join(left)}. End them "
            f"(scancel {' '.join(left)}) or wait until squeue --me shows none, then start again"
        )
    if on_slurm:
        executor.run_uuid = f"{JOBS_NAME}_{executor.run_uuid}"


def _slurm_jobs(needed):
    """The user's jobs, 'number|name'; none where there is no SLURM, unless it is needed."""
    if not needed and not shutil.which("squeue"):
        return []
    try:
        listed = subprocess.run(
            ["squeue", "--me", "--noheader", "--format=%i|%j"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        if not needed:
            return []
        why = (getattr(error, "stderr", None) or str(error)).strip()
        raise WorkflowError(f"squeue does not answer: {why}") from None
    return listed.stdout.splitlines()


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


def marked_incomplete(records, keys, marked=FilePersistence._filter_incomplete_keys):
    """Of the outputs `keys` those that were cut short, to which the changed ones are added."""
    keys = list(keys)
    return marked(records, keys) | CHANGED_OUTPUTS.intersection(keys)


CHANGED_OUTPUTS = set()
if workflow.is_main_process and any(Path(".snakemake/metadata").glob("*")):
    CHANGED_OUTPUTS.update(changed_outputs())
    # so they are made again; nothing is written, since a dry run or a refused one comes here too
    FilePersistence._filter_incomplete_keys = marked_incomplete
    for path in sorted(CHANGED_OUTPUTS):
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
