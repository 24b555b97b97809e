"""Names of the options that a method takes, known before it is imported."""

import ast

from kdml.runs.method_source import FOLDER, assigned
from kdml.runs.methods import METHODS
from kdml.runs.own_method import is_own, source_of


def option_names(method: str, kind: str) -> frozenset[str] | None:
    """Options of a method, its loss weights as `weight_<term>` among them: what `kdml.learning.methods.base.read_options` knows.

    Args:
        method: key of `METHODS`, or a user's own as `file.py:Class`.
        kind: of the task; one that the method is for.

    Returns:
        Their names; None where the source does not spell them out, as with `defaults` that are computed.
    """
    if is_own(method):
        file, name = source_of(method), method.rpartition(":")[2]
    else:
        module, _, name = METHODS[method].classes[kind].partition(":")
        file = FOLDER / f"{module}.py"
    defaults, weights = (_keys(assigned(file, name, attribute)) for attribute in ("defaults", "weights"))
    if defaults is None or weights is None:
        return None
    return frozenset(defaults) | {f"weight_{term}" for term in weights}


def _keys(mapping: ast.expr | None) -> list[str] | None:
    """Keys of a mapping; None where they are not written out."""
    keys = mapping.keys if isinstance(mapping, ast.Dict) else [None]
    written = [key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
    return written if len(written) == len(keys) else None
