"""The experiment of the cluster's tests, and what it is put through."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
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
tasks: {hcd: {training: {epochs: 44}}}
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
EVENTS = ("cancelled", "out of memory", "node failed", "beside it", "out of time", "preempted")
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
        met: the run that met with each event.
    """

    folder: Path
    jobs: dict[str, Job] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    met: dict[str, str] = field(default_factory=dict)

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
    # So that none has ended before somebody looks, however long a head takes here to start.
    _send(signal.SIGSTOP, TRAINED)
    # What the locked folder asks for, and then the jobs that are left.
    assert Head(slurm, seen, "--unlock").wait(60) == 0
    Head(slurm, seen, "all").wait(60)
    _send(signal.SIGCONT, TRAINED)
    for job in head.look():
        slurm.ask("scancel", job.number)
    wait_until(lambda: not head.look(), 60, "an empty queue")
    head = Head(slurm, seen, "all")
    wait_until(lambda: all(map(head.running, RUNS)), 480, "all trainings at once")
    jobs = {run: head.running(run) for run in RUNS}
    by_node = sorted(RUNS, key=lambda run: jobs[run].node)  # two on each of three nodes
    seen.met = dict(zip(EVENTS, by_node, strict=True))
    happen(slurm, head, {event: jobs[run] for event, run in seen.met.items()}, folder)
    head.wait(600)
    return seen


def happen(slurm: SlurmHere, head: Head, jobs: dict[str, Job], folder: Path) -> None:
    """Let each job meet with its event."""
    slurm.ask("scancel", jobs["cancelled"].number)
    _kill_training(folder_of(folder, head.seen.met["out of memory"]))
    # Two minutes are left then, at which the signal comes that the rule asks for.
    slurm.ask("scontrol", "update", f"jobid={jobs['out of time'].number}", "timelimit=2")
    slurm.ask("scontrol", "update", f"nodename={jobs['node failed'].node}", "state=down", "reason=test")
    wait_until(lambda: jobs["out of time"].number not in _at_work(head), 120, "a training that saved in time")
    words = ("-p", "urgent", "-w", jobs["preempted"].node, "--mem", "40000", "-o", "/dev/null", "--wrap", "sleep 2")
    slurm.ask("sbatch", *words)
    for event in ("node failed", "beside it", "preempted"):
        number = jobs[event].number
        wait_until(lambda number=number: number not in _at_work(head), 120, f"{event}: the job is requeued")
        _bury(head.seen.met[event])
        # SLURM lets it wait for two minutes; the test need not.
        slurm.ask("scontrol", "update", f"jobid={number}", "starttime=now")


def _bury(run: str) -> None:
    """Kill what is left of a job whose node was taken, as the end of a node would.

    Snakemake hangs where a second SIGTERM meets it while it waits for the files of a job that ended by the first; SLURM, which would
    kill it after `KillWait`, has no say on a node that it believes to be down, and can start nothing in its place there.
    """
    name, _, seed = run.partition("/seed-")
    left = f"snakemake .*--target-jobs train:.*run={name},seed={seed} "
    end = time.monotonic() + 20
    while (found := _processes(left)) and time.monotonic() < end:
        time.sleep(0.5)
    for process in found:
        with suppress(ProcessLookupError):
            os.kill(int(process), signal.SIGKILL)


def _at_work(head: Head) -> set[str]:
    """Jobs that hold a node: RUNNING and COMPLETING, and states that last a moment, as SIGNALING when a signal is on its way."""
    return {job.number for job in head.look() if job.state != "PENDING"}


def _kill_training(out: Path) -> None:
    """Kill the process that trains, as a system short of memory does."""
    wait_until(lambda: _send(signal.SIGKILL, f"{TRAINED}/{'/'.join(out.parts[-2:])}"), 60, "a process that trains")


def _send(number: signal.Signals, out: str) -> list[str]:
    """Send a signal to the processes that train in a folder; their numbers."""
    found = _processes(f"train.py .*--out {re.escape(out)}")
    for process in found:
        os.kill(int(process), number)
    return found


def _processes(pattern: str) -> list[str]:
    """Numbers of the processes whose command line matches."""
    return subprocess.run(["pgrep", "-f", "--", pattern], capture_output=True, text=True, check=False).stdout.split()
