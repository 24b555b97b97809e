"""Processes of src/train.py for tests that kill them: forked from one that has imported torch, which takes longer than all the rest."""

import multiprocessing
import os
import runpy
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("engine", "build", "method_cohort", "prediction", "provenance")
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [*(f"kdml.learning.{name}" for name in NEEDED), "segmentation_models_pytorch", "albumentations", __name__]
)


def forked_training(arguments: list[str], log: Path) -> BaseProcess:
    """Start a training, at the head of a process group of its own, as a scheduler does.

    Args:
        arguments: of the script.
        log: file to append stderr to.
    """
    process = FORKS.Process(target=_train, args=(arguments, log))
    process.start()
    return process


def _train(arguments: list[str], log: Path) -> None:
    os.setpgid(0, 0)
    multiprocessing.set_start_method("fork", force=True)  # of loading processes, as in a process of its own
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    script = ROOT / "src" / "train.py"
    sys.argv = [str(script), *arguments]
    runpy.run_path(str(script), run_name="__main__")
