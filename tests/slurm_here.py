"""A real SLURM of three nodes on this machine, for tests: on 127.0.0.1 alone, without accounting, in a folder of its own.

Nothing of a SLURM that the machine may have is read or changed: configuration, key and socket lie in the folder.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "munge", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "srun", "sinfo")
NODES = ("n1", "n2", "n3")
# Two trainings fit the memory of a node, and one that was given twice as much.
CONFIGURATION = """
ClusterName=kdml
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu,shard
MpiDefault=none
ReturnToService=2
KillWait=30
MinJobAge=300
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=all Nodes=n[1-3] Default=YES MaxTime=2-00:00:00 DefaultTime=10 DefMemPerCPU=1000 PriorityTier=1 GraceTime=0
PartitionName=urgent Nodes=n[1-3] MaxTime=1:00:00 DefMemPerCPU=1000 PriorityTier=10 PreemptMode=OFF
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=8 RealMemory=50000 Gres=gpu:2,shard:8\n"
GRES = """AutoDetect=off
NodeName=n[1-3] Name=gpu File=/dev/null
NodeName=n[1-3] Name=gpu File=/dev/zero
NodeName=n[1-3] Name=shard Count=8
"""


@dataclass(frozen=True)
class Job:
    """A job in the queue; `restarts` are those of SLURM itself."""

    number: str
    comment: str
    state: str
    node: str
    memory: str
    restarts: int


def what_is_missing() -> str:
    """Why no cluster can be started here; empty where one can."""
    if os.getuid() != 0:
        return "needs root"
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"needs SLURM and munge; {', '.join(lacking)} not found" if lacking else ""


def wait_until(true: Callable[[], object], seconds: float, what: str) -> None:
    """Wait, or fail naming what did not come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.2)


class SlurmHere:
    """The cluster.

    Args:
        folder: that all its files go to.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        self.environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
        self._processes: list[subprocess.Popen] = []

    def start(self) -> None:
        """Write the configuration and start the daemons."""
        (self.folder / "state").mkdir()
        host, ports = socket.gethostname(), _free_ports(1 + len(NODES))
        nodes = "".join(NODE.format(name=n, host=host, port=port) for n, port in zip(NODES, ports[1:], strict=True))
        text, partitions = CONFIGURATION.format(folder=self.folder, host=host, port=ports[0]).split("PartitionName", 1)
        (self.folder / "slurm.conf").write_text(f"{text}{nodes}PartitionName{partitions}")
        (self.folder / "gres.conf").write_text(GRES)
        # Snakemake's job steps forget SLURM_CONF.
        srun = self.folder / "bin/srun"
        srun.parent.mkdir()
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
        gpu = self.folder / "bin/nvidia-smi"
        gpu.write_text("#!/bin/sh\necho 'GPU 0: of the login node (UUID: GPU-login)'\n")
        for program in (srun, gpu):
            program.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        files = {"key": key, "socket": "munge.socket", "pid": "munged.pid", "log": "munged.log", "seed": "munged.seed"}
        words = [f"--{name}-file={self.folder / file}" for name, file in files.items() if name != "socket"]
        self._run("munged", "--foreground", "--force", f"--socket={self.folder / 'munge.socket'}", *words)
        wait_until((self.folder / "munge.socket").exists, 20, "munged")
        self._run("slurmctld", "-D", "-i")
        for name in NODES:
            self._run("slurmd", "-D", "-N", name)
        wait_until(lambda: self.ask("sinfo", "-h", "-p", "all", "-t", "idle", "-o", "%D").strip() == "3", 60, "nodes")

    def stop(self) -> None:
        """Cancel what runs, wait for its end, which daemons that are gone would not see to, and end the daemons."""
        try:
            self.ask("scancel", "--me")
            wait_until(lambda: not self.jobs(), 60, "an empty queue")
        finally:
            self._end_daemons()

    def _end_daemons(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:  # it waits for a job that does not end
                process.kill()

    def ask(self, *words: object) -> str:
        """Output of a command of SLURM's; a failure fails the test."""
        done = subprocess.run(list(map(str, words)), env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or words[0] == "sinfo", (words, done.stdout + done.stderr)
        return done.stdout

    def jobs(self) -> list[Job]:
        """Jobs that wait or run."""
        names = ("JobID", "Comment", "State", "NodeList", "MinMemory", "RestartCnt")
        lines = self.ask("squeue", "--noheader", f"--Format={','.join(f'{name}:|' for name in names)}").splitlines()
        fields = [line.split("|") for line in lines]
        return [Job(*words[:5], int(words[5])) for words in fields]

    def _run(self, *words: str) -> None:
        with (self.folder / f"{words[0]}.out").open("a") as said:
            self._processes.append(
                subprocess.Popen(words, env=self.environment, stdout=said, stderr=said, start_new_session=True)
            )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
