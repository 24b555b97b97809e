"""GPUs of this machine, and which training takes which: so many side by side on each as they were told."""

import fcntl
import logging
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
NONE = ("", "-1", "NoDevFiles")  # values of it that give no GPU; the last is SLURM's
SECONDS_BETWEEN_TRIES = 2


def gpus_here() -> dict[str, str]:
    """GPUs that this process may use: their UUID, and the word that CUDA knows them by.

    They are those of `nvidia-smi`, or the ones of them that CUDA_VISIBLE_DEVICES names. Of a GPU that is divided (MIG) its parts
    are listed, each of which counts as one. Empty where there are none.
    """
    if shutil.which("nvidia-smi") is None:
        return {}
    told = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    found = re.findall(r"\(UUID: (\S+)\)", told.stdout) if told.returncode == 0 else []
    found = [name for name in found if name.startswith("MIG-")] or found
    given = os.environ.get(VISIBLE)
    if given is None:
        return {name: name for name in found}
    return {name: word for word in given.split(",") for name in _meant(word.strip(), found)}


def _meant(word: str, found: Sequence[str]) -> Sequence[str]:
    """The GPU that a word of CUDA_VISIBLE_DEVICES stands for: an index, or the beginning of a UUID."""
    if word.isdigit():
        return found[int(word) : int(word) + 1]
    return [] if word in NONE else [name for name in found if name.startswith(word)][:1]


def driver_version() -> str:
    """Version of the driver, as `nvidia-smi` says; empty where there is none."""
    if shutil.which("nvidia-smi") is None:
        return ""
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    return told.stdout.partition("\n")[0].strip() if told.returncode == 0 else ""


def at_once(gpus: Mapping[str, str], per_gpu: int) -> int | None:
    """Trainings that these GPUs take side by side; None where there are none, and cores alone are the limit."""
    return len(gpus) * per_gpu or None


@contextmanager
def one_of(gpus: Mapping[str, str], per_gpu: int, give_up: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Hold a place on the GPU with the fewest trainings, and let CUDA see that one alone; wait while all places are taken.

    The operating system gives the place back however the process ends. Must come before CUDA starts in this process. Where a SLURM
    job has one GPU the scheduler has chosen, and packs as it was told: nothing is done.

    Args:
        gpus: as `gpus_here` gives them; with none nothing is done.
        per_gpu: places on each.
        give_up: asked while waiting; True ends the waiting without a place.
    """
    free = len(gpus) > 1 or (bool(gpus) and "SLURM_JOB_ID" not in os.environ)
    held = _wait_for_place(gpus, per_gpu, give_up) if free else None
    if held is None:
        yield
        return
    name, file = held
    os.environ[VISIBLE] = gpus[name]
    with file:
        yield


def _wait_for_place(gpus: Iterable[str], per_gpu: int, give_up: Callable[[], bool]) -> tuple[str, IO[str]] | None:
    # The first places of all GPUs come before the second ones, so that no GPU is idle while another has two.
    places = [(name, place) for place in range(per_gpu) for name in gpus]
    told = False
    while not give_up():
        for name, place in places:
            if (file := _taken(name, place)) is not None:
                return name, file
        if not told:
            log.info("waiting for a GPU: other trainings have all %d places", len(places))
        told = True
        time.sleep(SECONDS_BETWEEN_TRIES)
    return None


def _taken(gpu: str, place: int) -> IO[str] | None:
    """The locked file of a place on a GPU; None if another process has it."""
    folder = Path(tempfile.gettempdir()) / f"kdml-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = (folder / f"{gpu.replace('/', '_')}.{place}").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
