"""Names of the options that a method takes, read off its source: importing it needs torch, for which no plan can wait."""

import ast
from collections.abc import Iterator
from pathlib import Path

from kdml.paper.methods import METHODS
from kdml.runs.own_method import is_own, source_of

FOLDER = Path(__file__).parents[1] / "learning" / "methods"


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
    defaults, weights = (_keys(file, name, attribute) for attribute in ("defaults", "weights"))
    if defaults is None or weights is None:
        return None
    return frozenset(defaults) | {f"weight_{term}" for term in weights}


def _keys(file: Path, name: str, attribute: str) -> list[str] | None:
    """Keys of a class's mapping, or of the nearest one that it inherits; None where they are not written out."""
    for definition in _lineage(file, name):
        if (value := _assigned(definition, attribute)) is not None:
            keys = value.keys if isinstance(value, ast.Dict) else [None]
            written = [key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
            return written if len(written) == len(keys) else None
    return None


def _lineage(file: Path, name: str) -> Iterator[ast.ClassDef]:
    """A class and what it is derived from, as far as single bases lead through its own file and `kdml.learning.methods`."""
    before = None
    while tree := _parsed(file):
        found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
        found = [node for node in found if before is None or node.lineno < before]
        if found:
            yield found[-1]
            bases = found[-1].bases
            if len(bases) != 1 or not isinstance(bases[0], ast.Name):
                return
            name, before = bases[0].id, found[-1].lineno
        elif origin := _origin(tree, name):
            (file, name), before = origin, None
        else:
            return


def _origin(tree: ast.Module, name: str) -> tuple[Path, str] | None:
    """File and name of a class that a module imports from one of `kdml.learning.methods`."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kdml.learning.methods."):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return FOLDER / f"{node.module.rpartition('.')[2]}.py", alias.name
    return None


def _assigned(definition: ast.ClassDef, attribute: str) -> ast.expr | None:
    """What a class's body assigns to an attribute."""
    for node in reversed(definition.body):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if (
            any(isinstance(target, ast.Name) and target.id == attribute for target in targets)
            and node.value is not None
        ):
            return node.value
    return None


def _parsed(file: Path) -> ast.Module | None:
    """A source file's syntax; None where it has none, which whoever imports it says better."""
    try:
        return ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
