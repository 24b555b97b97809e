"""Where a number comes from: what is stamped on every run."""

import os
import platform
import resource
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from kdml.common.source_code import SOURCE, closure, digest_of, imported_by
from kdml.runs.methods import METHODS
from kdml.runs.own_method import is_own, source_of

PACKAGES = ("torch", "torchvision", "timm", "segmentation-models-pytorch", "albumentations", "numpy", "safetensors")

TRAIN = "train.py"


def code_hash(source: Path = SOURCE) -> str:
    """First 16 hex digits of a SHA-256 over the parsed code of src/train.py and all that it imports of the package.

    The files decide, not what this process has loaded. Single methods are imported by a name made at run time, so they are none
    of these: runs of different methods are of one program, and `method_hash` tells their methods.

    Args:
        source: folder of scripts and package.
    """
    return digest_of(_common(source), source)


def method_hash(method: str | None, kind: str, source: Path = SOURCE) -> str:
    """First 16 hex digits of a SHA-256 over the parsed code that a method needs beyond `code_hash`.

    Args:
        method: key of a published method, or a user's own as `file.py:Class`, whose own file is known by its checksum; None for a
            run without one.
        kind: of the task.
        source: folder of scripts and package.
    """
    if method is None:
        return digest_of((), source)
    if is_own(method):
        starts = imported_by(source_of(method), source)
    else:
        module = METHODS[method].classes[kind].partition(":")[0]
        starts = [source / "kdml" / "learning" / "methods" / f"{module}.py"]
    return digest_of(closure(starts, source) - _common(source), source)


def _common(source: Path) -> set[Path]:
    return closure([source / TRAIN], source)


def environment(device: str) -> dict[str, Any]:
    """Versions and machine of this process.

    Args:
        device: as torch names it, `cpu` or `cuda`.
    """
    return {
        "packages": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device_name(device),
        "cpu_count": os.cpu_count(),
    }


def device_name(device: str) -> str:
    """Name of a device for people, as `run.json` has it."""
    return torch.cuda.get_device_name() if device == "cuda" else f"cpu ({platform.machine()})"


def peak_memory_mib() -> float:
    """Largest resident memory of this process so far, in MiB."""
    per_unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_unit


if __name__ == "__main__":
    print(code_hash())
