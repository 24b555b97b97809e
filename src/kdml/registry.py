"""The registry of rivals: every method by name and kind of task. It imports a method's module only when that method is built."""

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from kdml.errors import UserError
from kdml.project import ROOT

OWN = "write it as docs/own_method.md says"
# Modules that methods have imported in this process; `provenance` counts them as theirs.
BROUGHT: set[str] = set()


@dataclass(frozen=True)
class Method:
    """A published method.

    Args:
        title: as the paper's table 10 has it.
        classes: kind of task -> `module:class` below `kdml.rivals`.
        supervised: weight of the task's loss, unless the configuration gives one.
        kd: likewise of plain distillation beside it; where a publication has another, the method's departures say so.
    """

    title: str
    classes: Mapping[str, str]
    supervised: float = 1.0
    kd: float = 0.0


# In the order of table 10.
METHODS: Mapping[str, Method] = {
    "fitnet": Method(
        "FitNet", {"classification": "fitnet:FitNet", "segmentation": "fitnet:SegmentationFitNet"}
    ),
    "at": Method("AT", {"classification": "at:AT", "segmentation": "at:SegmentationAT"}),
    "sp": Method("SP", {"classification": "sp:SP"}),
    "srrl": Method("SRRL", {"classification": "srrl:SRRL"}),
    "vid": Method("VID", {"classification": "vid:VID"}),
    "simkd": Method("SimKD", {"classification": "simkd:SimKD"}, supervised=0.0),
    "semckd": Method("SemCKD", {"classification": "semckd:SemCKD"}, kd=1.0),
    "skd": Method("SKD", {"segmentation": "skd:SKD"}),
    "ifvd": Method("IFVD", {"segmentation": "ifvd:IFVD"}),
    "cwd": Method("CWD", {"segmentation": "cwd:CWD"}),
    "dsd": Method("DSD", {"segmentation": "dsd:DSD"}),
    "emkd": Method("EMKD", {"segmentation": "emkd:EMKD"}),
}  # fmt: skip


def is_own(method: str) -> bool:
    """Whether a method is a user's own, named as `file.py:Class`."""
    return ":" in method


def source_of(method: str) -> Path:
    """The file of a user's own method; paths are relative to the project's root."""
    return ROOT / Path(method.rpartition(":")[0]).expanduser()


def fingerprint(method: str) -> str | None:
    """SHA-256 of a user's own method, which decides its runs' numbers; None for a method of the package.

    Raises:
        UserError: the file cannot be read.
    """
    if not is_own(method):
        return None
    try:
        return hashlib.sha256(source_of(method).read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(
            f"rivals: `method: {method}`: {source_of(method)} cannot be read ({error.strerror}).",
            "write it as file.py:Class, the path relative to the project's root",
        ) from None


def load(method: str, kind: str) -> type:
    """The class of a method.

    Args:
        method: key of `METHODS`, or a user's own as `file.py:Class`.
        kind: of the task.

    Raises:
        UserError: there is no such method for this kind of task, or the user's file does not hold one.
    """
    if is_own(method):
        return _load_own(method)
    if method not in METHODS or kind not in METHODS[method].classes:
        known = ", ".join(name for name, one in METHODS.items() if kind in one.classes)
        raise UserError(
            f"There is no rival '{method}' for {kind}.", f"use one of {known}, or your own as file.py:Class"
        )
    module, _, name = METHODS[method].classes[kind].partition(":")
    with code_of(method, "cannot be imported"):
        return getattr(import_module(f"kdml.rivals.{module}"), name)


def _load_own(method: str) -> type:
    path, name = source_of(method), method.rpartition(":")[2]
    with code_of(method, "cannot be imported"):
        found = getattr(_module(path), name, None)
    if not isinstance(found, type):
        raise UserError(f"`method: {method}`: {path} has no class '{name}'.", OWN)
    return found


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module


@contextmanager
def code_of(method: str, failing: str) -> Iterator[None]:
    """Surroundings in which a method's code runs: what it imports is noted, what a user's own raises is told with its place.

    Args:
        method: as the configuration names it.
        failing: what it means if the code raises, such as `cannot be imported`.

    Raises:
        UserError: a user's own method raised something.
    """
    before = set(sys.modules)
    try:
        yield
    except Exception as error:
        if isinstance(error, UserError) or not is_own(method) or _is_lack_of_memory(error):
            raise
        said = f"{type(error).__name__}: {error}"
        raise UserError(
            f"`method: {method}`: {_place(error, source_of(method))} {failing} ({said}).", f"mend the file; {OWN}"
        ) from error
    finally:
        BROUGHT.update(set(sys.modules) - before)


def _is_lack_of_memory(error: Exception) -> bool:
    return (
        isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    )  # torch's; torch is not imported here


def _place(error: Exception, path: Path) -> str:
    """The file, and the line of it in which the error arose."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path}, line {lines[-1]}," if lines else str(path)
