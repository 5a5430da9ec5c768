"""A real Slurm on this machine, in a folder of its own: pretend nodes, some with pretend GPUs.

It needs root, munge, slurmctld, slurmd and Slurm's commands, and touches no other cluster: its
configuration, sockets, ports and state are its own, and only what it started is ended.
"""

import contextlib
import os
import random
import secrets
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "srun")
COMMANDS = ("sbatch", "squeue", "scancel", "scontrol", "srun", "sinfo")
PLACES = "/usr/sbin:/usr/bin:/sbin:/bin"
MUNGE = ("--force", "--foreground")

CONFIGURATION = """
ClusterName=facegap
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
MailProg=/bin/true
AuthType=auth/munge
# cred_expire: a requeued job waits so long before it starts again
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
# no cgroups: memory is watched by asking, and what takes too much is killed
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
# the nodes are pretend: this file is believed, not the hardware
SlurmdParameters=config_overrides
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SchedulerParameters=sched_interval=1,batch_sched_delay=1,sched_min_interval=0,bf_interval=1
SlurmctldTimeout=10
SlurmdTimeout=10
MessageTimeout=10
KillWait=5
UnkillableStepTimeout=15
CompleteWait=0
MinJobAge=86400
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
AccountingStorageType=accounting_storage/none
PartitionName=cpu Nodes={cpus} Default=YES PriorityTier=1 MaxTime=4-0 State=UP
PartitionName=gpu Nodes={gpus} PriorityTier=1 PreemptMode=REQUEUE GraceTime=10 MaxTime=4-0 State=UP
PartitionName=urgent Nodes={gpus} PriorityTier=10 MaxTime=4-0 State=UP
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=16 RealMemory=64000"
NODES = {"cpu1": 0, "gpu1": 2}  # pretend GPUs of each


def missing() -> str | None:
    """Why no Slurm can be started here; None if it can."""
    absent = [name for name in NEEDED if not shutil.which(name, path=PLACES)]
    if absent:
        return (
            f"no {', '.join(absent)}: apt-get install munge slurmctld slurmd slurm-client, as"
            " .ci/run does"
        )
    if os.geteuid() != 0:
        return "a node's daemon starts jobs as root only: run the tests as root"
    return None


@dataclass
class Cluster:
    """A running Slurm; `environment` makes its commands, and Snakemake, speak to it."""

    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.folder}/bin:{os.environ['PATH']}:{PLACES}"
        others = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
        return others | {"PATH": path, "SLURM_CONF": f"{self.folder}/slurm.conf"}

    def ask(self, *command: str) -> str:
        """What a Slurm command prints, if it succeeds or not."""
        return self._run(command).stdout

    def tell(self, *command: str) -> None:
        """A Slurm command that has to succeed."""
        done = self._run(command)
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def _run(self, command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )

    def jobs(self, state: str = "PENDING,RUNNING,COMPLETING") -> list[tuple[str, str]]:
        """Number and comment (rule and wildcards) of every job in these states."""
        listed = self.ask("squeue", "--noheader", f"--states={state}", "--format=%i|%k")
        return [
            (job, comment) for job, comment in (row.split("|") for row in listed.split("\n")[:-1])
        ]

    def start(self, name: str, *command: str | Path) -> None:
        """Start a daemon in the foreground, in a session of its own."""
        with (self.folder / f"{name}.out").open("ab") as out:
            self.daemons[name] = subprocess.Popen(
                [str(part) for part in command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def start_node(self, name: str, without: Path | None = None) -> None:
        """Start a node's daemon, or start it again; the folder `without` is empty on that node."""
        if name in self.daemons:
            self.daemons[name].terminate()
            self.daemons[name].wait(60)
        hide = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"')
        daemon = ("slurmd", "-D", "-f", self.folder / "slurm.conf", "-N", name)
        self.start(name, *((*hide, without) if without else ()), *daemon)

    def wait(self, done: str, *command: str) -> None:
        """Until a Slurm command prints `done`."""
        self.until(lambda: done in self.ask(*command), f"{command} to print {done}")

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Until it is true; a daemon that ended meanwhile says why it will not be."""
        end = time.monotonic() + 60
        while not true():
            for name, daemon in self.daemons.items():
                printed = self.folder / f"{name}.out"
                assert daemon.poll() is None, f"{name} ended: {printed.read_text()[-4000:]}"
            assert time.monotonic() < end, f"waited for {what}"
            time.sleep(0.02)


@contextmanager
def slurm(folder: Path, nodes: Mapping[str, int] = NODES) -> Iterator[Cluster]:
    """A Slurm with idle nodes of so many GPUs each, as long as the block lasts."""
    assert not missing(), missing()
    cluster = Cluster(folder)
    _configure(folder, nodes)
    try:
        key, sock = folder / "munge.key", folder / "munge.socket"
        files = (f"--{part}-file={folder}/munge.{part}" for part in ("pid", "seed", "log"))
        cluster.start("munged", "munged", *MUNGE, f"--key-file={key}", f"--socket={sock}", *files)
        cluster.until(sock.exists, "munged's socket")
        cluster.start("slurmctld", "slurmctld", "-D", "-i", "-f", folder / "slurm.conf")
        cluster.wait("is UP", "scontrol", "ping")
        for node in nodes:
            cluster.start_node(node)
        for node in nodes:
            cluster.wait("State=IDLE", "scontrol", "show", "node", node)
        yield cluster
    finally:
        _end(cluster)


def _configure(folder: Path, nodes: Mapping[str, int]) -> None:
    host = socket.gethostname().split(".")[0]
    port, *ports = _free_ports(1 + len(nodes))
    text = CONFIGURATION.format(
        folder=folder,
        host=host,
        port=port,
        cpus=",".join(name for name, gpus in nodes.items() if not gpus),
        gpus=",".join(name for name, gpus in nodes.items() if gpus),
    )
    devices = []
    for (name, gpus), own in zip(nodes.items(), ports, strict=True):
        text += (
            NODE.format(name=name, host=host, port=own) + f" Gres=gpu:{gpus}" * bool(gpus) + "\n"
        )
        if gpus:
            devices.append(f"NodeName={name} Name=gpu File={folder}/nvidia[0-{gpus - 1}]\n")
    (folder / "slurm.conf").write_text(text)
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")  # or slurmd wants one mounted
    (folder / "gres.conf").write_text("".join(devices))
    for name in ("state", *(f"spool-{name}" for name in nodes), "bin"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.touch(0o600)
    key.write_bytes(secrets.token_bytes(1024))
    for device in (f"nvidia{number}" for number in range(max(nodes.values()))):
        try:  # a copy of /dev/null: only a character device makes Slurm set CUDA_VISIBLE_DEVICES
            os.mknod(folder / device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except PermissionError:
            (folder / device).touch()
    for name in COMMANDS:  # the executor takes SLURM_CONF from a job's srun; this puts it back
        wrapper = folder / "bin" / name
        real = shutil.which(name, path=PLACES)
        wrapper.write_text(f"#!/bin/sh\nSLURM_CONF='{folder}/slurm.conf' exec {real} \"$@\"\n")
        wrapper.chmod(0o755)


def _free_ports(count: int) -> list[int]:
    """Below those that the kernel hands out itself, so that none is taken meanwhile."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    free: list[int] = []
    for port in random.sample(range(first // 2, first), 100):
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind(("127.0.0.1", port))
            free.append(port)
    return free[:count]


def _end(cluster: Cluster) -> None:
    """Jobs first, through Slurm, so that none is left behind; then daemons, and what is left."""
    if "slurmctld" in cluster.daemons:
        cluster.ask("scancel", "--user=root", "--full", "--signal=KILL")
        cluster.ask("scancel", "--user=root")
        end = time.monotonic() + 10
        while cluster.jobs() and time.monotonic() < end:
            time.sleep(0.1)
    for daemon in reversed(cluster.daemons.values()):
        daemon.terminate()
        try:
            daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
    for process in psutil.process_iter():  # a stopped job hears nothing but SIGKILL
        with contextlib.suppress(psutil.Error):
            if process.environ().get("SLURM_CONF", "").startswith(f"{cluster.folder}/"):
                process.kill()
