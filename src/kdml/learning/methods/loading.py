"""The class of a method by name and kind of task, imported only when a method is built."""

import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.runs.methods import METHODS
from kdml.runs.own_method import OWN, is_own, source_of


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
            f"There is no method '{method}' for {kind}.", f"use one of {known}, or your own as file.py:Class"
        )
    module, _, name = METHODS[method].classes[kind].partition(":")
    with naming_errors(method, "cannot be imported"):
        return getattr(import_module(f"kdml.learning.methods.{module}"), name)


def _load_own(method: str) -> type:
    path, name = source_of(method), method.rpartition(":")[2]
    with naming_errors(method, "cannot be imported"):
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
def naming_errors(method: str, failing: str) -> Iterator[None]:
    """Run a method's code so that what a user's own raises is told with its place.

    Args:
        method: as the configuration names it.
        failing: what it means if the code raises, such as `cannot be imported`.

    Raises:
        UserError: a user's own method raised something.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, UserError) or not is_own(method) or _is_of_the_machine(error):
            raise
        said = f"{type(error).__name__}: {error}"
        raise UserError(
            f"`method: {method}`: {_place(error, source_of(method))} {failing} ({said}).", f"mend the file; {OWN}"
        ) from error


def _is_of_the_machine(error: Exception) -> bool:
    """Whether memory or GPU failed; torch's errors go by their names, because torch is not imported here."""
    return isinstance(error, MemoryError) or type(error).__name__ in ("OutOfMemoryError", "AcceleratorError")


def _place(error: Exception, path: Path) -> str:
    """The file, and the line of it in which the error arose."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path}, line {lines[-1]}," if lines else str(path)
