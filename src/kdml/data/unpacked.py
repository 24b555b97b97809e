"""A data set's files in the folder that an archive was unpacked into, as many have them and as Kaggle mounts them."""

import filecmp
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from kdml.common.errors import UserError, faults_told
from kdml.common.files import sha256_of
from kdml.common.zip_files import LARGEST_MEMBER, TooLarge
from kdml.data.zipped import is_data

TABLES = (".csv", ".parquet")  # whose content counts in a fingerprint: a label can be edited without a change of size


class Unpacked:
    """A folder with the files of one archive; what else lies there is not looked at.

    Args:
        path: of the folder.
        holds: patterns of what of it belongs to the archive: names of files and folders at its top.
        suffixes: of its files, in small letters; those without any belong to it, too, as DICOM files may be. All if not given.
    """

    def __init__(self, path: Path, holds: Sequence[str], suffixes: tuple[str, ...] = ()):
        self.path, self.holds, self.suffixes = path, holds, suffixes

    def close(self) -> None:
        """Do nothing: no file stays open."""

    @cached_property
    def _files(self) -> dict[str, os.stat_result]:
        """Size and time of every file by its name below the folder, sorted."""
        with faults_told(self.path):
            found = {name: entry for name, entry in _files_below(self.path, self.holds) if self._belongs(name, entry)}
            return {_as_text(name, self.path): _regular(found[name]) for name in sorted(found)}

    def _belongs(self, name: str, entry: os.DirEntry[str]) -> bool:
        if not self.suffixes or name.lower().endswith(self.suffixes):
            return True
        return "." not in entry.name and entry.is_file()

    def names(self) -> list[str]:
        """Names of the files that are data, below the folder."""
        return [*self._files]

    def read(self, name: str) -> bytes:
        """Bytes of a file.

        Raises:
            KeyError: there is none of this name.
            TooLarge: it would take too much memory.
            OSError: it cannot be read.
        """
        if (size := self._files[name].st_size) > LARGEST_MEMBER:
            raise TooLarge(f"it would take {size / 2**30:.1f} GiB of memory")
        return (self.path / name).read_bytes()

    def head(self, name: str, count: int) -> bytes:
        """First bytes of a file, as many as `count` or all.

        Raises:
            OSError: it cannot be read.
        """
        with open(self.path / name, "rb") as file:
            return file.read(count)

    def equal(self, first: str, second: str) -> bool:
        """Whether two files have one content."""
        return filecmp.cmp(self.path / first, self.path / second, shallow=False)

    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.st_size for one in self._files.values())

    def newest(self) -> int:
        """When a file was changed last, in nanoseconds since 1970."""
        return max((one.st_mtime_ns for one in self._files.values()), default=0)

    def sha256(self) -> str:
        """SHA-256 of the names and contents of all files, as hex digits."""
        digest = hashlib.sha256()
        with faults_told(self.path):
            for name in self._files:
                digest.update(f"{name}\n{sha256_of(self.path / name)}\n".encode())
        return digest.hexdigest()

    def fingerprint(self) -> str:
        """SHA-256 of the names and sizes of all files and of the content of tables, as hex digits; pictures are not read for it."""
        digest = hashlib.sha256()
        with faults_told(self.path):
            for name, known in self._files.items():
                content = sha256_of(self.path / name) if name.lower().endswith(TABLES) else ""
                digest.update(f"{name}\n{known.st_size}\n{content}\n".encode())
        return digest.hexdigest()

    def check(self) -> int:
        """Count the files.

        Raises:
            UserError: there is none.
        """
        if not self._files:
            raise UserError(
                f"{self.path} holds none of {', '.join(self.suffixes or self.holds)}.",
                "name another folder" if self.suffixes else "unpack the archive again",
            )
        return len(self._files)


def _files_below(folder: Path, holds: Sequence[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """(name, file) of all that is data and no folder; links are followed, but into no folder twice."""
    seen: set[tuple[int, int]] = set()
    waiting = [entry for entry in os.scandir(folder) if any(fnmatchcase(entry.name, pattern) for pattern in holds)]
    while waiting:
        entry = waiting.pop()
        name = os.path.relpath(entry.path, folder).replace(os.sep, "/")
        if not _is_folder(entry):
            if is_data(name):
                yield name, entry
        elif (place := _place(entry)) not in seen:
            seen.add(place)
            waiting += os.scandir(entry.path)


def _as_text(name: str, folder: Path) -> str:
    """Name of a file, which tables and messages have to show.

    Raises:
        UserError: it is no text.
    """
    if (readable := os.fsencode(name).decode("utf-8", "replace")) != name:
        raise UserError(f"{folder} holds a file whose name is not UTF-8: {readable}.", "rename it")
    return name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is one; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _place(folder: os.DirEntry[str]) -> tuple[int, int]:
    """What a folder is, whatever leads to it."""
    found = folder.stat()
    return found.st_dev, found.st_ino


def _regular(entry: os.DirEntry[str]) -> os.stat_result:
    """Size and time of a file.

    Raises:
        UserError: it is a link that leads nowhere, or a pipe or device, from which nothing may ever come.
    """
    try:
        found = entry.stat()
    except OSError as error:
        if not entry.is_symlink():
            raise
        raise UserError(
            f"{entry.path} is a link that leads to no file ({error.strerror}).", "mend the link, or take it away"
        ) from None
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{entry.path} is no file with content, but a pipe or a device.", "take it away")
    return found
