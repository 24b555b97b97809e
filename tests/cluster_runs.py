"""The experiment of the cluster's tests, and what it is put through."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from slurm_here import Job, SlurmHere, wait_until
from snakemake_runs import ROOT, snakemake

# Six trainings of a minute each that wait for nothing but the data, so that they run at the same time.
EXPERIMENT = """
experiment: cluster
archives: demo
run: {tasks: [hcd], pairs: [small], techniques: [ml], strategies: [v1, v2, v3], methods: [], methods_at: [], seeds: [0, 1], baselines: false}
datasets: {hcd: {image_size: 64, demo_images: 80, subset: 80}}
training: {learning_rate: 1.0e-3, device: cpu, threads: 1}
tasks: {hcd: {training: {epochs: 50}}}
checkpoint_minutes: 0.02
networks:
  teacher_small:
    {timm: resnet18, title: T, options: {channels: [8, 16, 24, 32], layers: [1, 1, 1, 1]}, stands_for: resnet50}
  student_small:
    {timm: resnet18, title: S, options: {channels: [8, 16, 24, 32], layers: [1, 1, 1, 1]}, stands_for: resnet18}
pairs:
  small: {teacher: teacher_small, student: student_small}
"""
RUNS = [f"ml_{strategy}/seed-{seed}" for strategy in ("v1", "v2", "v3") for seed in (0, 1)]
CANCELLED, FAILED_NODE, PREEMPTED, OUT_OF_TIME, OUT_OF_MEMORY, LEFT_BEHIND = RUNS
SPLIT = "results/cluster/paper/hcd/split-0.csv"
TRAINED = "results/cluster/paper/hcd/small"


def folder_of(folder: Path, run: str) -> Path:
    """Folder of a run."""
    return folder / TRAINED / run


def log_of(folder: Path, run: str) -> str:
    """What the last try of a run said."""
    return (folder / "logs/cluster/train/paper/hcd/small" / f"{run}.log").read_text()


def comment_of(run: str) -> str:
    """How a run is called in the queue."""
    return f"rule_train_wildcards_paper_hcd_small_{run.replace('/seed-', '_')}"


@dataclass
class Seen:
    """What was seen of the cluster and of the heads.

    Args:
        folder: of the experiment.
        jobs: all that were ever in the queue, by number, as seen last.
        said: output of every head.
        codes: exit code of every head.
    """

    folder: Path
    jobs: dict[str, Job] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def submitted(self, run: str) -> list[Job]:
        """Jobs of a run, one for each submission."""
        return [job for job in self.jobs.values() if job.comment == comment_of(run)]


class Head:
    """Snakemake with the profile for SLURM, as a user starts it."""

    def __init__(self, slurm: SlurmHere, seen: Seen, *arguments: object):
        self.slurm, self.seen = slurm, seen
        settings = ("--slurm-init-seconds-before-status-checks", 2, "--latency-wait", 10, "--cores", 2)
        config = ("--configfile", seen.folder / "experiment.yaml")
        words = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--directory", seen.folder, *settings]
        clean = {name: value for name, value in slurm.environment.items() if not name.startswith("KAGGLE")}
        self.said = (seen.folder / f"said-{len(seen.said)}").open("w+")
        self.process = subprocess.Popen(
            list(map(str, [*words, *arguments, *config])), cwd=ROOT, env=clean, stdout=self.said, stderr=self.said
        )

    def look(self) -> list[Job]:
        """Jobs in the queue; those of all looks are remembered."""
        found = self.slurm.jobs()
        self.seen.jobs.update({job.number: job for job in found})
        return found

    def running(self, run: str) -> Job | None:
        """The job of a run, if it runs and has a checkpoint."""
        assert self.process.poll() is None, Path(self.said.name).read_text()
        saved = (folder_of(self.seen.folder, run) / "checkpoint.pt").exists()
        jobs = [job for job in self.look() if (job.comment, job.state) == (comment_of(run), "RUNNING")]
        return jobs[0] if jobs and saved else None

    def wait(self, seconds: float) -> int:
        """Wait for its end; its exit code."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.look()
            time.sleep(0.5)
        return self.ended()

    def kill(self) -> None:
        """End it as a crash of its machine would."""
        self.process.kill()
        self.ended()

    def ended(self) -> int:
        """Note what it said and how it ended."""
        code = self.process.wait(1)
        self.said.seek(0)
        self.seen.said.append(self.said.read())
        self.seen.codes.append(code)
        self.said.close()
        return code


def afflict(slurm: SlurmHere, folder: Path) -> Seen:
    """Run the experiment on the cluster; its head is killed and started again, and every training meets with something."""
    seen = Seen(folder)
    data = snakemake(folder, "--cores", "2", SPLIT, "--configfile", folder / "experiment.yaml")
    assert data.returncode == 0, data.stdout + data.stderr
    head = Head(slurm, seen, "all")
    wait_until(lambda: all(map(head.running, RUNS[:2])), 480, "running trainings")
    head.kill()
    # What the locked folder asks for, and then the jobs that are left.
    assert Head(slurm, seen, "--unlock").wait(60) == 0
    Head(slurm, seen, "all").wait(60)
    for job in head.look():
        slurm.ask("scancel", job.number)
    wait_until(lambda: not head.look(), 60, "an empty queue")
    head = Head(slurm, seen, "all")
    for run, event in EVENTS.items():
        wait_until(lambda run=run: head.running(run), 480, f"{run} running")
        event(slurm, head.running(run), folder_of(folder, run))
    head.wait(600)
    return seen


def _cancel(slurm: SlurmHere, job: Job, out: Path) -> None:
    slurm.ask("scancel", job.number)


def _fail_node(slurm: SlurmHere, job: Job, out: Path) -> None:
    """It comes back by itself."""
    slurm.ask("scontrol", "update", f"nodename={job.node}", "state=down", "reason=test")


def _preempt(slurm: SlurmHere, job: Job, out: Path) -> None:
    slurm.ask("sbatch", "-p", "urgent", "-w", job.node, "--exclusive", "-o", "/dev/null", "--wrap", "sleep 3")


def _end_its_time(slurm: SlurmHere, job: Job, out: Path) -> None:
    """Leave it two minutes: the profile asks for a signal then."""
    slurm.ask("scontrol", "update", f"jobid={job.number}", "timelimit=2")


def _kill_as_for_memory(slurm: SlurmHere, job: Job, out: Path) -> None:
    pattern = f"train.py .*--out {re.escape(TRAINED)}/{'/'.join(out.parts[-2:])}"
    found: list[str] = []

    def processes() -> list[str]:
        told = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True, check=False)
        found[:] = told.stdout.split()
        return found

    wait_until(processes, 60, "a process that trains")
    for number in found:
        os.kill(int(number), signal.SIGKILL)


EVENTS: dict[str, Callable[[SlurmHere, Job, Path], None]] = {
    CANCELLED: _cancel,
    FAILED_NODE: _fail_node,
    PREEMPTED: _preempt,
    OUT_OF_TIME: _end_its_time,
    OUT_OF_MEMORY: _kill_as_for_memory,
}
