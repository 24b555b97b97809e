"""Pages that lead from files to results, followed word by word: what they have one save is saved, what they have one call is called."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from miniature import copy_project
from snakemake_runs import ROOT, snakemake

SAVED = re.compile(r"save this as\s+`([^`]+)`.*?```(?:yaml|python)\n(.*?)```", re.S | re.I)
BLOCK = re.compile(r"```bash\n(.*?)```", re.S)


def page(name: str) -> str:
    """Text of a page."""
    return (ROOT / "docs/start" / name).read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    """All commands of a page."""
    return [line for block in BLOCK.findall(text) for line in block.splitlines()]


def follow(text: str, project: Path) -> list[str]:
    """Follow a page in a copy of the project; what Snakemake said at each call."""
    copy_project(project)
    for name, content in SAVED.findall(text):
        path = project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    said = []
    for command in commands(text):
        uv, run, program, *words = shlex.split(command)
        assert (uv, run) == ("uv", "run") and program in ("python", "snakemake")
        if program == "python":
            subprocess.run([sys.executable, *words], cwd=project, check=True, capture_output=True)
        else:
            done = snakemake(project, *words, root=project)
            assert done.returncode == 0, done.stdout + done.stderr
            said.append(done.stderr)
    return said
