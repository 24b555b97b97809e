"""A data set's files in the folder that an archive was unpacked into, as many have them and as Kaggle mounts them."""

import filecmp
import hashlib
import os
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
        suffixes: of its files, in small letters; all if not given.
    """

    def __init__(self, path: Path, holds: Sequence[str], suffixes: tuple[str, ...] = ()):
        self.path, self.holds, self.suffixes = path, holds, suffixes

    def close(self) -> None:
        """Do nothing: no file stays open."""

    @cached_property
    def _sizes(self) -> dict[str, int]:
        """Bytes by name below the folder, sorted."""
        with faults_told(self.path):
            found = _files_below(self.path, self.holds)
            return dict(sorted((name, size) for name, size in found if self._belongs(name)))

    def _belongs(self, name: str) -> bool:
        return not self.suffixes or name.lower().endswith(self.suffixes)

    def names(self) -> list[str]:
        """Names of the files that are data, below the folder."""
        return [*self._sizes]

    def read(self, name: str) -> bytes:
        """Bytes of a file.

        Raises:
            KeyError: there is none of this name.
            TooLarge: it would take too much memory.
            OSError: it cannot be read.
        """
        if (size := self._sizes[name]) > LARGEST_MEMBER:
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
        return sum(self._sizes.values())

    def sha256(self) -> str:
        """SHA-256 of the names and contents of all files, as hex digits."""
        digest = hashlib.sha256()
        with faults_told(self.path):
            for name in self._sizes:
                digest.update(f"{name}\n{sha256_of(self.path / name)}\n".encode())
        return digest.hexdigest()

    def fingerprint(self) -> str:
        """SHA-256 of the names and sizes of all files and of the content of tables, as hex digits; pictures are not read for it."""
        digest = hashlib.sha256()
        with faults_told(self.path):
            for name, size in self._sizes.items():
                content = sha256_of(self.path / name) if name.endswith(TABLES) else ""
                digest.update(f"{name}\n{size}\n{content}\n".encode())
        return digest.hexdigest()

    def check(self) -> int:
        """Count the files.

        Raises:
            UserError: there is none.
        """
        if not self._sizes:
            raise UserError(
                f"{self.path} holds none of {', '.join(self.suffixes or self.holds)}.",
                "name another folder" if self.suffixes else "unpack the archive again",
            )
        return len(self._sizes)


def _files_below(folder: Path, holds: Sequence[str]) -> Iterator[tuple[str, int]]:
    """(name, bytes) of the files that are data; links are followed, but into no folder twice."""
    seen: set[tuple[int, int]] = set()
    waiting = [entry for entry in os.scandir(folder) if any(fnmatchcase(entry.name, pattern) for pattern in holds)]
    while waiting:
        entry = waiting.pop()
        stat = entry.stat()
        if not entry.is_dir():
            if is_data(name := os.path.relpath(entry.path, folder).replace(os.sep, "/")):
                yield name, stat.st_size
        elif (place := (stat.st_dev, stat.st_ino)) not in seen:
            seen.add(place)
            waiting += os.scandir(entry.path)
