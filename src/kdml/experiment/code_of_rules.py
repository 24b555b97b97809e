"""Which files of the project decide what a script makes, found without running or importing any of them.

The rules call scripts as shell commands, so Snakemake does not see an edit of the package. A hash of these files as a parameter of
a rule makes its jobs run again when one of them changes, and only then.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from kdml.common.errors import UserError

SOURCE = Path(__file__).resolve().parents[2]
PACKAGE = "kdml"
# What a file reads, or imports under a name that is made only when it runs: file -> patterns, both relative to `SOURCE`.
BESIDES: Mapping[str, tuple[str, ...]] = {
    "render_figure.py": ("kdml/reporting/figures/*.py",),
    "kdml/reporting/figures/common.py": ("../workflow/report/style.yaml",),
    "kdml/reporting/templates.py": ("../workflow/report/templates/*",),
    "kdml/paper/numbers.py": ("../workflow/resources/paper/*.csv",),
}


@cache
def code_of(script: str, source: Path = SOURCE) -> str:
    """First 16 hex digits of a SHA-256 over all files that decide what a script makes.

    Args:
        script: its name.
        source: folder of scripts and package.

    Raises:
        UserError: one of them is not valid Python.
    """
    digest = hashlib.sha256()
    for path in sorted(closure(source / script, source)):
        name = path.relative_to(source.parent).as_posix()  # a moved checkout is the same code
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def closure(script: Path, source: Path = SOURCE, besides: Mapping[str, tuple[str, ...]] = BESIDES) -> set[Path]:
    """A script, the modules of the package that it imports, those that they import, and what these files read.

    Imports count wherever they stand, also inside of functions. Modules named only at run time count if `besides` says so.

    Args:
        script: to begin with.
        source: folder of the package.
        besides: as `BESIDES`.
    """
    found: set[Path] = set()
    ahead = [script.resolve()]
    while ahead:
        path = ahead.pop()
        if path in found:
            continue
        found.add(path)
        if path.suffix == ".py":
            ahead.extend(imported_by(path, source))
            patterns = besides.get(path.relative_to(source).as_posix(), ())
            ahead.extend(
                beside.resolve() for pattern in patterns for beside in source.glob(pattern) if beside.is_file()
            )
    return found


@cache
def imported_by(path: Path, source: Path = SOURCE) -> frozenset[Path]:
    """Modules of the package that a file imports, with the packages that they lie in.

    Raises:
        UserError: the file is not valid Python.
    """
    within = path.relative_to(source).parts[:-1]
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}.", "mend the file") from None
    names = {name for node in ast.walk(tree) for name in _names(node, within)}
    ours = (name.split(".") for name in names)
    return frozenset(file for parts in ours if parts[0] == PACKAGE for file in _files(parts, source))


def _names(node: ast.AST, within: Sequence[str]) -> Iterator[str]:
    """Dotted names that an import in this package may load; of `from a import b` also a.b, which may be a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = within[: len(within) + 1 - node.level] if node.level else ()
        module = ".".join([*above, *([node.module] if node.module else [])])
        yield from (f"{module}.{alias.name}" for alias in node.names)


def _files(parts: Iterable[str], source: Path) -> Iterator[Path]:
    """Files that importing a dotted name runs: the packages on the way, and the module."""
    folder = source
    for part in parts:
        folder = folder / part
        candidates = (folder / "__init__.py", folder.with_suffix(".py"))
        yield from (file for file in candidates if file.is_file())
