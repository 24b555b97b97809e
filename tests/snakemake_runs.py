"""Runs of Snakemake for tests: in a folder of their own, so that nothing of the project's results is touched."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SERVER = Path(__file__).with_name("snakemake_server.py")


@cache
def _server() -> subprocess.Popen:
    """One for each process of tests; it ends with it, because its input does."""
    return subprocess.Popen([sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def snakemake(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None, root: Path = ROOT
) -> subprocess.CompletedProcess:
    """Call Snakemake on the workflow in `root` with `folder` as working directory and without any Kaggle token."""
    words = ["--directory", str(folder), *map(str, arguments)]
    clean = clean_environment(folder) | (environment or {})
    with tempfile.TemporaryDirectory() as said:
        files = {name: f"{said}/{name}" for name in ("stdout", "stderr")}
        call = {"arguments": words, "root": str(root), "environment": clean, **files}
        server = _server()
        print(json.dumps(call), file=server.stdin, flush=True)
        code = int(server.stdout.readline())
        texts = {name: Path(path).read_text(errors="replace") for name, path in files.items()}
    return subprocess.CompletedProcess(words, code, **texts)


def clean_environment(home: Path) -> dict[str, str]:
    """The environment without any Kaggle token, with this Python first and another home."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KAGGLE")}
    return clean | {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{clean['PATH']}"}


def job_counts(done: subprocess.CompletedProcess) -> dict[str, int]:
    """Jobs per rule of a dry run."""
    assert done.returncode == 0, done.stdout + done.stderr
    text = done.stdout + done.stderr
    table = text[text.rindex("Job stats:") :]
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.M) if rule != "total"}


@dataclass(frozen=True)
class Job:
    """A job of a plan.

    Args:
        rule: its name.
        inputs, outputs: its files.
        command: what the shell is given; empty for a rule with Python of its own.
    """

    rule: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    command: str


class Plan:
    """Jobs of a dry run, read from what `snakemake -n -p` says of them.

    Args:
        done: the call.
    """

    def __init__(self, done: subprocess.CompletedProcess):
        assert done.returncode == 0, done.stdout + done.stderr
        blocks = re.split(r"\n(?=(?:local)?rule \w+:\n)", done.stdout + done.stderr)
        self.jobs = [_job(block) for block in blocks if re.match(r"(?:local)?rule ", block)]
        self.makers = {path: job for job in self.jobs for path in job.outputs}

    def counts(self, jobs: Iterable[Job] | None = None) -> dict[str, int]:
        """Jobs per rule."""
        return dict(Counter(job.rule for job in (self.jobs if jobs is None else jobs)))

    def needed_for(self, *targets: str) -> set[Job]:
        """What makes these files, and all that they need: the plan of a call for them alone."""
        found: set[Job] = set()
        ahead = [self.makers[target] for target in targets]
        while ahead:
            job = ahead.pop()
            if job not in found:
                found.add(job)
                ahead.extend(self.makers[path] for path in job.inputs if path in self.makers)
        return found


def _job(block: str) -> Job:
    rule = re.match(r"(?:local)?rule (\w+):", block)[1]

    def files(kind: str) -> tuple[str, ...]:
        found = re.search(rf"^    {kind}: (.*)$", block, flags=re.M)
        return tuple(re.sub(r" \(.*?\)", "", found[1]).split(", ")) if found else ()

    command = block.partition("Shell command: ")[2].partition("\n\n")[0] if "Shell command: " in block else ""
    return Job(rule, files("input"), files("output"), command)
