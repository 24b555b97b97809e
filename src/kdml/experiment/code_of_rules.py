"""Which files of the project decide what a script makes, found without running or importing any of them.

The rules call scripts as shell commands, so Snakemake does not see an edit of the package. A hash of these files as a parameter of
a rule makes its jobs run again when one of them changes, and only then: an edited comment or docstring changes none.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from kdml.common import source_code
from kdml.common.source_code import SOURCE, code_in
from kdml.runs.methods import published

# What a file reads, or imports under a name that is made only when it runs: file -> patterns, both relative to `SOURCE`.
BESIDES: Mapping[str, tuple[str, ...]] = {
    "kdml/analysis/claims.py": ("../workflow/resources/paper/claims.yaml",),
    "kdml/experiment/backbones.py": ("../workflow/resources/backbones.csv",),
    "kdml/export/folder.py": ("kdml/deploy/*.*",),
    "kdml/reporting/figures/common.py": ("../workflow/report/style.yaml",),
    "kdml/reporting/templates.py": ("../workflow/report/templates/*",),
    "kdml/paper/numbers.py": ("../workflow/resources/paper/*.csv",),
}
METHODS = (
    "kdml/runs/methods.py"  # reads titles and kinds off the methods' files, whose other code decides trainings alone
)


@cache
def code_of(script: str, source: Path = SOURCE, draws: str = "") -> str:
    """First 16 hex digits of a SHA-256 over all that decides what a script makes.

    Args:
        script: its name.
        source: folder of scripts and package.
        draws: `module:function` below `kdml.reporting`, which the script imports when it runs; the code of other tables and figures
            does not count.

    Raises:
        UserError: one of its files is not valid Python.
    """
    digest = hashlib.sha256()
    files = closure(source / script, source)
    if draws:
        files |= closure(source / "kdml/reporting" / f"{draws.partition(':')[0].replace('.', '/')}.py", source)
    for path in sorted(files):
        name = path.relative_to(source.parent).as_posix()  # a moved checkout is the same code
        digest.update(f"{name} {_digest(path, source)}\n".encode())
    return digest.hexdigest()[:16]


def _digest(path: Path, source: Path) -> str:
    """SHA-256 of a file's code, or of its bytes if it has none."""
    if path.suffix != ".py":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    if path == source / METHODS:
        return f"{code_in(path).digest} {published(source / 'kdml/learning/methods')}"
    return code_in(path).digest


def closure(script: Path, source: Path = SOURCE, besides: Mapping[str, tuple[str, ...]] = BESIDES) -> set[Path]:
    """A script, the modules of the package that it imports, those that they import, and what these files read.

    Args:
        script: to begin with.
        source: folder of the package.
        besides: as `BESIDES`.
    """
    found: set[Path] = set()
    ahead = {script.resolve()}
    while ahead:
        code = source_code.closure((path for path in ahead if path.suffix == ".py"), source)
        found |= ahead | code
        patterns = (pattern for path in code for pattern in besides.get(path.relative_to(source).as_posix(), ()))
        read = (path.resolve() for pattern in patterns for path in source.glob(pattern) if path.is_file())
        ahead = set(read) - found
    return found
