"""Python source as code: what a file does and what it imports, whatever its comments, docstrings and layout.

Nothing is run or imported to find that out. A digest taken so follows what decides numbers, and an edited word changes none.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError

SOURCE = Path(__file__).resolve().parents[2]
PACKAGE = "kdml"
UNSAID = {"ctx", "kind", "type_comment"}  # fields that follow from others, or say nothing


@dataclass(frozen=True)
class Code:
    """What a Python file does.

    Args:
        digest: SHA-256 of its parsed code, as 64 hex digits.
        imports: (level, dotted name) of all that it may import; the level counts the dots of a relative import.
    """

    digest: str
    imports: frozenset[tuple[int, str]]


def code_in(path: Path) -> Code:
    """The code of a Python file.

    Raises:
        UserError: it is not valid Python.
    """
    try:
        return _code(path.read_bytes())
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}.", "mend the file") from None


@cache
def _code(content: bytes) -> Code:
    words: list[str] = []
    imports: set[tuple[int, str]] = set()
    _write(ast.parse(content), words, imports)
    return Code(hashlib.sha256("".join(words).encode("utf-8", "backslashreplace")).hexdigest(), frozenset(imports))


def _write(node: Any, words: list[str], imports: set[tuple[int, str]]) -> None:
    """Spell out a syntax tree and note its imports.

    What is missing or empty is left out, because newer versions of Python have more fields.
    """
    if isinstance(node, ast.Constant):
        words.append(f"{type(node.value).__name__} {node.value!r}")
    elif isinstance(node, ast.AST):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.update(_names(node))
        if isinstance(node, ast.JoinedStr):
            node.values = _without_empty_parts(node)
        words.append(f"{type(node).__name__}(")
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and value != [] and name not in UNSAID:
                words.append(f"{name}=")
                _write(value, words, imports)
        words.append(")")
    elif isinstance(node, list):
        words.append("[")
        for one in node:
            if not _is_idle(one):
                _write(one, words, imports)
                words.append(",")
        words.append("]")
    else:
        words.append(repr(node))


def _is_idle(node: Any) -> bool:
    """Whether a statement is a docstring, or another text that stands for itself and does nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _without_empty_parts(node: ast.JoinedStr) -> list[ast.expr]:
    """Parts of an f-string; Python 3.12 puts empty ones between others."""
    return [part for part in node.values if not (isinstance(part, ast.Constant) and part.value == "")]


def _names(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[int, str]]:
    """What an import may load; of `from a import b` a.b, which may be a module."""
    if isinstance(node, ast.Import):
        yield from ((0, alias.name) for alias in node.names)
    else:
        yield from ((node.level, f"{node.module}.{alias.name}" if node.module else alias.name) for alias in node.names)


def imported_by(path: Path, source: Path = SOURCE) -> frozenset[Path]:
    """Modules of the package that a file imports, with the packages that they lie in.

    Args:
        path: of the file, which may lie elsewhere.
        source: folder of the package.

    Raises:
        UserError: the file is not valid Python.
    """
    within = path.relative_to(source).parts[:-1] if path.is_relative_to(source) else ()
    return _modules(code_in(path).imports, within, source)


@cache
def _modules(imports: frozenset[tuple[int, str]], within: tuple[str, ...], source: Path) -> frozenset[Path]:
    names = (_absolute(level, name, within) for level, name in imports)
    return frozenset(file for parts in names if parts[0] == PACKAGE for file in _files(parts, source))


def _absolute(level: int, name: str, within: Sequence[str]) -> list[str]:
    return [*(within[: len(within) + 1 - level] if level else ()), *name.split(".")]


def _files(parts: Iterable[str], source: Path) -> Iterator[Path]:
    """Files that importing a dotted name runs: the packages on the way, and the module."""
    folder = source
    for part in parts:
        folder = folder / part
        candidates = (folder / "__init__.py", folder.with_suffix(".py"))
        yield from (file for file in candidates if file.is_file())


def closure(starts: Iterable[Path], source: Path = SOURCE) -> set[Path]:
    """Python files, the modules of the package that they import, and those that these import.

    Imports count wherever they stand, also inside of functions; those under a name that is made at run time do not.

    Args:
        starts: to begin with.
        source: folder of the package.

    Raises:
        UserError: one of them is not valid Python.
    """
    found: set[Path] = set()
    ahead = [path.resolve() for path in starts]
    while ahead:
        path = ahead.pop()
        if path not in found:
            found.add(path)
            ahead.extend(imported_by(path, source))
    return found


def digest_of(files: Iterable[Path], source: Path = SOURCE) -> str:
    """First 16 hex digits of a SHA-256 over the parsed code of files and their names within `source`."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(source).as_posix()} {code_in(path).digest}\n".encode())
    return digest.hexdigest()[:16]
