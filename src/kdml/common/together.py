"""Files that belong together: all of them appear in a folder, or none; and finished ones that outlive the names they appear under.

Whoever calls holds the folder (`kdml.common.locks`).
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kdml.common.errors import faults_told
from kdml.common.files import sha256_of, write_json
from kdml.common.json_text import parse_json

PARTIAL, KEPT = ".partial", ".finished"
CONTENT = "content.json"  # what lies in the folder of kept files
SUFFIX = ".kept"  # so that nobody who looks for run.json finds it twice
log = logging.getLogger(__name__)


@contextmanager
def written_together(folder: Path, seal: str, keep_as: str | None = None) -> Iterator[Path]:
    """Yield a folder to write files into; if the block succeeds they replace those of their names in `folder`, else they go.

    The seal disappears first and appears last, so a folder that has it is whole, however a process was killed.

    Args:
        folder: where they shall appear.
        seal: name of the file that says what the others are.
        keep_as: what the files were made from, in a word, to keep them for `brought_back`: as second names of the same files, which
            take no room. Where a file system has no such names nothing is kept.
    """
    partial = folder / PARTIAL
    with faults_told(folder):
        _remove(partial)
        partial.mkdir(parents=True)
        try:
            yield partial
            if keep_as is None:
                _publish({path.name: path for path in partial.iterdir()}, folder, seal, Path.replace)
            else:
                _keep(partial, folder, keep_as)
                _publish(_kept_files(folder), folder, seal, _link)
        finally:
            _remove(partial)


def brought_back(folder: Path, seal: str, kept_as: str) -> bool:
    """Let kept files appear again, whoever removed them.

    Snakemake does, when it was killed after a job had ended and before it had noted so.

    Args:
        folder: where they shall appear.
        seal: name of the file that says what the others are.
        kept_as: what they must have been made from.

    Returns:
        Whether there are such files, whole; others are removed.
    """
    kept = folder / KEPT
    with faults_told(folder):
        _remove(folder / PARTIAL)
        if not kept.exists():
            return False
        if _is_whole(kept, kept_as, seal):
            _publish(_kept_files(folder), folder, seal, _link)
            return True
        _remove(kept)
        return False


def _keep(partial: Path, folder: Path, keep_as: str) -> None:
    """Name the files kept ones, all at once: a folder is renamed or not."""
    checksums = {path.name: sha256_of(path) for path in sorted(partial.iterdir())}
    for name in checksums:
        (partial / name).replace(partial / f"{name}{SUFFIX}")
    write_json(partial / CONTENT, {"made_from": keep_as, "sha256": checksums})
    _remove(folder / KEPT)
    partial.replace(folder / KEPT)


def _is_whole(kept: Path, kept_as: str, seal: str) -> bool:
    """Whether kept files are all there, as they were; not if anybody has edited the list of them."""
    try:
        content = parse_json((kept / CONTENT).read_text(encoding="utf-8"))
        made_from, checksums = content["made_from"], dict(content["sha256"])
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return False
    files = {kept / f"{name}{SUFFIX}": checksum for name, checksum in checksums.items()}
    sound = made_from == kept_as and seal in checksums and set(files) == set(kept.glob(f"*{SUFFIX}"))
    return sound and all(sha256_of(path) == checksum for path, checksum in files.items())


def _kept_files(folder: Path) -> dict[str, Path]:
    """Where kept files lie, by the names that they shall appear under."""
    return {path.name.removesuffix(SUFFIX): path for path in (folder / KEPT).glob(f"*{SUFFIX}")}


def _publish(files: Mapping[str, Path], folder: Path, seal: str, give: Callable[[Path, Path], object]) -> None:
    """Give files their names in `folder`, the seal last."""
    (folder / seal).unlink(missing_ok=True)
    for name in (*sorted(files.keys() - {seal}), seal):
        os.utime(files[name])  # Snakemake takes outputs that are older than their inputs for outdated
        give(files[name], folder / name)


def _link(path: Path, name: Path) -> None:
    """Give a file a second name, in place of what has it; its only one, where the file system gives no second."""
    name.unlink(missing_ok=True)
    try:
        os.link(path, name)
    except OSError as error:
        log.info("%s: no second names for files here (%s), so none is kept", path.parent, error.strerror)
        path.replace(name)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
