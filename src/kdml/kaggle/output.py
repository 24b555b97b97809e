"""What a session left: fetched, checked, and taken into the project's results without writing over anything of somebody else's."""

import hashlib
import os
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from kdml.common.errors import MachineError, UserError
from kdml.common.files import read_json, sha256_of, write_json, written_whole
from kdml.kaggle.session import SESSION

PLAIN = re.compile(r"[\w.-]+")  # a name of a file, and no path
AGAIN = "pull again"


def fetched(fetch: Callable[[str, Path], None], kernel: str, folder: Path) -> Mapping[str, Any]:
    """Download what a session left, as far as it is not there already, and check it.

    Args:
        fetch: downloads a file of a name into a folder.
        kernel: that left it.
        folder: to download into.

    Returns:
        What the session says of itself.

    Raises:
        UserError: it left nothing.
        MachineError: something did not arrive whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SESSION).unlink(missing_ok=True)
    fetch(SESSION, folder)
    if not (folder / SESSION).is_file():
        logs = ", ".join(str(path) for path in folder.glob("*.log"))
        raise UserError(
            f"{kernel} left nothing to go on from.", f"read its log{f', {logs}' if logs else ''}, and push again"
        )
    told = read_json(folder / SESSION, AGAIN)
    if not isinstance(told, dict) or not {"experiment", "parts", "pack", "number", "left_out", "exit_code"} <= set(
        told
    ):
        raise UserError(f"{folder / SESSION} is not what a session writes.", AGAIN)
    listed = dict(told["parts"]) | ({told["pack"]["name"]: told["pack"]["sha256"]} if told["pack"] else {})
    for name, digest in listed.items():
        path = folder / name
        if not PLAIN.fullmatch(name):
            raise UserError(f"{folder / SESSION} names {name!r}, which is no file of a session.", AGAIN)
        if not path.is_file() or sha256_of(path) != digest:
            fetch(name, folder)
        if not path.is_file() or sha256_of(path) != digest:
            raise MachineError(f"{name} of {kernel} did not arrive whole.", AGAIN)
    return told


def taken(folder: Path, told: Mapping[str, Any], base: Path, record: Path) -> int:
    """Put the results of a session among those here.

    A file that is here already may be replaced if an earlier pull brought it and nobody has changed it since; what
    that pull brought and the session no longer has, such as the checkpoint of a training that has ended, is removed.

    Args:
        folder: of `fetched`.
        told: of `fetched`.
        base: working directory of the workflow.
        record: JSON file of what earlier pulls brought: path -> SHA-256.

    Returns:
        Number of files that are new or other than before.

    Raises:
        UserError: a file of another origin is in the way; nothing is changed then.
    """
    brought = read_json(record, "delete it") if record.exists() else {}
    new = {name: digest for name, digest, *_ in _members(folder, told)}
    here = {name: sha256_of(base / name) for name in {*new, *brought} if (base / name).is_file()}
    for name, digest in new.items():
        if here.get(name) not in (None, digest, brought.get(name)):
            raise UserError(
                f"{base / name} is another one than the session's and was not brought by an earlier pull.",
                "move the results that are here away, or pull into another folder with --directory",
            )
    changed = 0
    for name, digest, time, write in _members(folder, told):
        if here.get(name) != digest:
            write(base / name)
            changed += 1
        elif (
            time < (base / name).stat().st_mtime
        ):  # one of two names came first: nothing that was made from it is to seem older
            os.utime(base / name, (time, time))
    gone = [name for name, digest in brought.items() if name not in new and here.get(name) == digest]
    for name in set(gone) - set(told["left_out"]):
        (base / name).unlink()
    write_json(record, new)
    return changed


def _members(folder: Path, told: Mapping[str, Any]) -> Iterator[tuple[str, str, float, Callable[[Path], None]]]:
    """(path, SHA-256, time of change, what writes it) of start weights, trainings, data and places that a session left.

    What all places of an experiment share is made again here from these, so that several names may work at the tasks of one.
    """
    top = f"results/{told['experiment']}"
    others = (f"resources/{told['experiment']}/", f"logs/{told['experiment']}/train/")
    for part in told["parts"]:
        with tarfile.open(folder / part) as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                is_below = member.name.startswith(f"{top}/") and str(path.parent) != top
                if member.isfile() and (is_below or member.name.startswith(others)) and ".." not in path.parts:
                    digest = _digest(archive, member)
                    yield member.name, digest, member.mtime, lambda to, a=archive, m=member: _write(a, m, to)


def _digest(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    with archive.extractfile(member) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    with archive.extractfile(member) as file:
        _put(path, file.read(), member.mtime)


def _put(path: Path, content: bytes, time: float) -> None:
    """Write a file whole, with its time of change, by which Snakemake sees what is made."""
    with written_whole(path) as partial:
        partial.write_bytes(content)
        os.utime(partial, (time, time))
