"""Where a number comes from: what is stamped on every run."""

import hashlib
import os
import platform
import resource
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "timm", "segmentation-models-pytorch", "albumentations", "numpy", "safetensors")

SHARED_BY_METHODS = {
    "kdml.learning.methods",
    "kdml.learning.methods.base",
    "kdml.learning.methods.contract",
    "kdml.learning.methods.loading",
}


def code_hash() -> str:
    """First 16 hex digits of a SHA-256 over the package's modules that this process has loaded.

    Only what a training imports counts, so that an edit of a figure does not make its runs look like another program's. Modules
    of single methods, and what only these import, are left to `method_hash`, so that runs of different methods are of one program.
    """
    return _hash_of(name for name in _loaded() if not _is_method(name))


def method_hash() -> str:
    """Likewise over the modules of the method that this process has loaded; of nothing where there is none."""
    return _hash_of(name for name in _loaded() if _is_method(name))


def _loaded() -> list[str]:
    return sorted(name for name, module in list(sys.modules.items()) if _is_ours(name, module))


def _is_ours(name: str, module: Any) -> bool:
    return (name == "kdml" or name.startswith("kdml.")) and getattr(module, "__file__", None) is not None


def _is_method(name: str) -> bool:
    return name not in SHARED_BY_METHODS and name.startswith("kdml.learning.methods.")


def _hash_of(names: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode() + b"\0" + Path(sys.modules[name].__file__).read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def environment(device: str) -> dict[str, Any]:
    """Versions and machine of this process.

    Args:
        device: as torch names it, `cpu` or `cuda`.
    """
    return {
        "packages": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": _device_name(device),
        "cpu_count": os.cpu_count(),
    }


def _device_name(device: str) -> str:
    import torch

    return torch.cuda.get_device_name() if device == "cuda" else f"cpu ({platform.machine()})"


def peak_memory_mib() -> float:
    """Largest resident memory of this process so far, in MiB."""
    per_unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_unit
