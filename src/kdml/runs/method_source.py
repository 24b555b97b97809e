"""What the class of a method says of itself, read off its source: importing it needs torch, for which no plan can wait."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "learning" / "methods"
MODULE = "kdml.learning.methods"


def parsed(file: Path) -> ast.Module:
    """A source file's syntax.

    Raises:
        OSError: the file cannot be read.
        SyntaxError: it is not valid Python.
        ValueError: it holds bytes that no source may hold.
    """
    return _tree(file.read_bytes(), str(file))


@cache
def _tree(content: bytes, name: str) -> ast.Module:
    return ast.parse(content, filename=name)


def assigned(file: Path, name: str, attribute: str, folder: Path = FOLDER) -> ast.expr | None:
    """What a class, or the nearest one that it is derived from, assigns to an attribute.

    Args:
        file: that holds the class.
        name: of the class.
        attribute: of the class.
        folder: of the package's methods.

    Returns:
        The expression; None where there is none, or where the source does not lead to it.
    """
    values = (assigned_in(definition, attribute) for definition in _lineage(file, name, folder))
    return next((value for value in values if value is not None), None)


def assigned_in(definition: ast.ClassDef, attribute: str) -> ast.expr | None:
    """What a class's body assigns to an attribute; None where it does not."""
    for node in reversed(definition.body):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id == attribute for target in targets):
            return node.value
    return None


def _lineage(file: Path, name: str, folder: Path) -> Iterator[ast.ClassDef]:
    """A class and what it is derived from, as far as single bases lead through its own file and the package's methods."""
    before = None
    while tree := _parsed_if_valid(file):
        found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
        found = [node for node in found if before is None or node.lineno < before]
        if found:
            yield found[-1]
            bases = found[-1].bases
            if len(bases) != 1 or not isinstance(bases[0], ast.Name):
                return
            name, before = bases[0].id, found[-1].lineno
        elif origin := _origin(tree, name):
            (module, name), before = origin, None
            file = folder / f"{module}.py"
        else:
            return


def _origin(tree: ast.Module, name: str) -> tuple[str, str] | None:
    """Module and name of a class that a file imports from one of the package's methods."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{MODULE}."):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return node.module.rpartition(".")[2], alias.name
    return None


def _parsed_if_valid(file: Path) -> ast.Module | None:
    """A source file's syntax; None where it has none, which whoever imports it says better."""
    try:
        return parsed(file)
    except (OSError, SyntaxError, ValueError):
        return None
