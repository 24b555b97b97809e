"""Formatting and linting of code and workflow."""

import subprocess
import sys
from pathlib import Path

import pytest
from snakemake_runs import ROOT, snakemake

BIN = Path(sys.executable).parent
CHECKS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "snakefmt": ["snakefmt", "--check", "--compact-diff", "Snakefile", "workflow"],
}


@pytest.mark.parametrize("command", CHECKS.values(), ids=CHECKS)
def test_clean(command):
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_snakemake_lint(tmp_path):
    done = snakemake(tmp_path, "--lint")
    assert done.returncode == 0, done.stdout + done.stderr


def test_minimum_version_is_asserted():
    assert 'min_version("9.' in (ROOT / "Snakefile").read_text()


def test_nothing_committed_names_a_place_of_this_machine():
    """Configurations may point to the folder of real data beside the project; nothing else may."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    allowed = {"tests/conftest.py", "tests/configs/real_small.yaml", "README.md"}
    for name in listed:
        path = ROOT / name
        if path.is_file() and path.suffix in {".py", ".smk", ".yaml", ".md", ".toml"} and name not in allowed:
            assert "../" + "shared" not in path.read_text(encoding="utf-8"), name


def test_imports_run_one_way():
    """What is further down this list may import what is further up, never the other way."""
    floors = [
        ["errors"], ["files", "sharing", "registry", "sources"], ["config", "paper", "provenance", "predictions", "metrics", "ensemble", "fidelity", "detection", "statistics", "wording", "rendering"],
        ["settings", "taps"], ["data", "weights", "collect", "comparison", "losses"], ["rivals", "measured", "models", "hyperparameters", "tables", "grids", "contrasts"],
        ["plan", "paths", "cohort"],
            ["rival_cohort", "search", "checkpoint", "catalogue", "claims", "cka", "costs"], ["validation", "engine", "verdicts", "architecture", "figures", "analyses", "ingredients"],
        ["assemble", "inference"],
    ]  # fmt: skip
    level = {name: number for number, names in enumerate(floors) for name in names}
    import re

    for path in (ROOT / "src/kdml").rglob("*.py"):
        mine = path.relative_to(ROOT / "src/kdml").parts[0].removesuffix(".py")
        text = path.read_text()
        imported = re.findall(r"^\s*from kdml\.(\w+)", text, re.M) + [
            name.strip() for names in re.findall(r"^\s*from kdml import (.+)", text, re.M) for name in names.split(",")
        ]
        for other in imported:
            if mine not in ("__init__", other):
                assert level[other] <= level[mine], f"{path.name} imports {other}"
