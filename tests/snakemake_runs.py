"""Runs of Snakemake for tests: in a folder of their own, so that nothing of the project's results is touched."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def snakemake(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None, root: Path = ROOT
) -> subprocess.CompletedProcess:
    """Call Snakemake on the workflow in `root` with `folder` as working directory and without any Kaggle token."""
    command = [sys.executable, "-m", "snakemake", "--directory", str(folder), *map(str, arguments)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KAGGLE")}
    clean |= {"HOME": str(folder), "PATH": f"{Path(sys.executable).parent}:{clean['PATH']}", **(environment or {})}
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=clean)


def job_counts(done: subprocess.CompletedProcess) -> dict[str, int]:
    """Jobs per rule of a dry run."""
    assert done.returncode == 0, done.stdout + done.stderr
    text = done.stdout + done.stderr
    table = text[text.rindex("Job stats:") :]
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.M) if rule != "total"}
