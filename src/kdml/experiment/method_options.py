"""Options that a method takes and taps that it reads, known before it is imported."""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdml.runs.method_source import FOLDER, assigned
from kdml.runs.methods import METHODS
from kdml.runs.own_method import is_own, source_of

OF_TAPS = ("tap", "taps")  # options that name what a method reads


def option_names(method: str, kind: str) -> frozenset[str] | None:
    """Options of a method, its loss weights as `weight_<term>` among them: what `kdml.learning.methods.base.read_options` knows.

    Args:
        method: key of `METHODS`, or a user's own as `file.py:Class`.
        kind: of the task; one that the method is for.

    Returns:
        Their names; None where the source does not spell them out, as with `defaults` that are computed.
    """
    file, name = _where(method, kind)
    defaults, weights = (_keys(assigned(file, name, attribute)) for attribute in ("defaults", "weights"))
    if defaults is None or weights is None:
        return None
    return frozenset(defaults) | {f"weight_{term}" for term in weights}


def taps_read(method: str, kind: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the taps that a method reads from both networks.

    Args:
        method: key of `METHODS`, or a user's own as `file.py:Class`.
        kind: of the task; one that the method is for.
        given: options that the configuration gives it.

    Returns:
        Those of its option `tap` or `taps`, else those that its class names; none where the source does not spell them out.
    """
    file, name = _where(method, kind)
    named, defaults = (_written(assigned(file, name, attribute)) for attribute in ("taps", "defaults"))
    if not named or (is_own(method) and not isinstance(defaults, Mapping)):
        return ()
    options = {**(defaults or {}), **given}
    for option in OF_TAPS:
        if option in options:
            chosen = options[option]
            return tuple(str(one) for one in (chosen if isinstance(chosen, list | tuple) else [chosen]))
    return () if is_own(method) and "self.taps" in file.read_text("utf-8") else tuple(named)


def _where(method: str, kind: str) -> tuple[Path, str]:
    """File and name of a method's class."""
    if is_own(method):
        return source_of(method), method.rpartition(":")[2]
    module, _, name = METHODS[method].classes[kind].partition(":")
    return FOLDER / f"{module}.py", name


def _written(value: ast.expr | None) -> Any:
    """What an expression stands for; None where it is computed."""
    try:
        return None if value is None else ast.literal_eval(value)
    except ValueError:
        return None


def _keys(mapping: ast.expr | None) -> list[str] | None:
    """Keys of a mapping; None where they are not written out."""
    keys = mapping.keys if isinstance(mapping, ast.Dict) else [None]
    written = [key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
    return written if len(written) == len(keys) else None
