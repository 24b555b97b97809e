"""A data set's files in a zip, as Kaggle packs them: whether it is a sound one, what it is, and its members."""

import hashlib
import io
import stat
import struct
import zipfile
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath

from kdml.common.errors import MachineError, UserError, fault_of
from kdml.common.files import sha256_of
from kdml.common.zip_files import read_member

ENCRYPTED = 0x1 | 0x40  # bits of a member's flags
READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
COMPRESSIONS = {
    1: "Shrink",
    6: "Implode",
    9: "Deflate64",
    93: "Zstandard",
    95: "XZ",
    98: "PPMd",
}  # which Python cannot read
LONGEST_END = 22 + 65_535  # bytes of the record at a zip's end, with the longest comment


def is_data(name: str) -> bool:
    """Whether a member of an archive is one of its files, not what macOS adds beside them: `__MACOSX/` and `._name`."""
    return not any(part == "__MACOSX" or part.startswith("._") for part in PurePosixPath(name).parts)


class Zipped:
    """A zip file; several threads need one of these each, because zip files are no sharers.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path):
        self.path = path

    @cached_property
    def _file(self) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def names(self) -> list[str]:
        """Names of the members that are data."""
        return [name for name in self._file.namelist() if is_data(name)]

    def read(self, name: str) -> bytes:
        """Bytes of a member.

        Raises:
            KeyError: there is none of this name.
            TooLarge: it would take too much memory.
            Exception: one of `kdml.common.zip_files.UNREADABLE`, where it is damaged.
        """
        return read_member(self._file, name)

    def head(self, name: str, count: int) -> bytes:
        """First bytes of a member, as many as `count` or all.

        Raises:
            Exception: one of `kdml.common.zip_files.UNREADABLE`, where it is damaged.
        """
        with self._file.open(name) as file:
            return file.read(count)

    def equal(self, first: str, second: str) -> bool:
        """Whether two members have one content, by their checksums."""
        return self._file.getinfo(first).CRC == self._file.getinfo(second).CRC

    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size

    def sha256(self) -> str:
        """SHA-256 of the file."""
        return sha256_of(self.path)

    def check(self) -> int:
        """Check that the file is a whole zip with safe names that can be read; return the number of its files.

        Read are the directory at the end, which a truncated file lacks, and the places that it names. The bytes of the members
        are not: their checksums would cost a minute for the largest archive, of which a tenth is used, and whoever reads a
        member checks its checksum anyway.

        Raises:
            UserError: it is no zip, truncated, empty, encrypted, compressed in a way that Python cannot read, has a name twice or
                with backslashes, or members that would leave the folder they are unpacked to.
        """
        remedy = f"delete {self.path} and fetch it again"
        try:
            with zipfile.ZipFile(self.path) as file:
                members, end = file.infolist(), file.start_dir
        except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
            if isinstance(fault := fault_of(error, self.path), MachineError):
                raise fault from None  # the file may be sound
            raise UserError(f"{self.path} is no zip file, or only a part of one ({error}).", remedy) from None
        files = [member for member in members if not member.is_dir() and is_data(member.filename)]
        if not files:
            raise UserError(f"{self.path} is empty.", remedy)
        for member in members:
            _check_member(self.path, member)
            if member.header_offset + member.compress_size > end:
                raise UserError(f"{self.path} is damaged: {member.filename} does not lie within it.", remedy)
        _check_names(self.path, files)
        return len(files)

    def fingerprint(self) -> str:
        """SHA-256 of a zip's directory: names, sizes and checksums of all members, in milliseconds even for the largest archive.

        The same file has the same one wherever it lies, and whenever it was copied there.

        Returns:
            64 hex digits.

        Raises:
            UserError: it has no such directory, as where it is no zip, or only a part of one.
        """
        try:
            with open(self.path, "rb") as file:
                size = file.seek(0, io.SEEK_END)
                start = _start_of_directory(file, size)
                file.seek(start)
                return hashlib.sha256(file.read()).hexdigest()
        except (OSError, ValueError) as error:
            if isinstance(fault := fault_of(error, self.path), MachineError):
                raise fault from None
            raise UserError(
                f"{self.path} is no zip file, or only a part of one ({error}).",
                f"delete {self.path} and fetch it again",
            ) from None


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    if _is_unsafe(member):
        raise UserError(
            f"{path} has an unsafe member: {member.filename!r}.",
            "get the archive from its source, and do not unpack this one",
        )
    if "\\" in member.filename:
        raise UserError(
            f"{path} has a backslash in a name: {member.filename!r}.",
            "pack it again with a tool that writes / between folders, as the zip format wants it",
        )
    if member.flag_bits & ENCRYPTED:
        raise UserError(f"{path} is encrypted ({member.filename}).", "put the archive there as Kaggle gives it")
    if member.compress_type not in READABLE:
        how = COMPRESSIONS.get(member.compress_type, f"method {member.compress_type}")
        raise UserError(
            f"{path} is compressed with {how} ({member.filename}), which cannot be read here.",
            "pack it again with Deflate, what most tools call zip or normal compression",
        )


def _check_names(path: Path, files: Iterable[zipfile.ZipInfo]) -> None:
    """Refuse a name that stands for two contents, of which Python would read the last and other tools perhaps the first."""
    contents: dict[str, int] = {}
    for member in files:
        if contents.setdefault(member.filename, member.CRC) != member.CRC:
            raise UserError(
                f"{path} holds {member.filename} twice, with other content.",
                "pack it again with the one that counts, or get the archive from its source",
            )


def _is_unsafe(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    return is_link or not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]


def _start_of_directory(file: io.BufferedReader, size: int) -> int:
    """Where the directory begins, by the records after it; those of 64 bits where the file is larger than 4 GB.

    Raises:
        ValueError: there is none.
    """
    first = file.seek(max(0, size - LONGEST_END))
    tail = file.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) < end + 22:
        raise ValueError("it has no directory")
    length, place = struct.unpack_from("<L", tail, end + 12)[0], first + end
    if end >= 20 and tail[end - 20 : end - 16] == b"PK\6\7":  # points to the record of 64 bits, which is before it
        place -= 20 + 56
        file.seek(max(0, place))
        record = file.read(56)
        if record[:4] != b"PK\6\6":
            raise ValueError("its directory is damaged")
        (length,) = struct.unpack_from("<Q", record, 40)
    if length > place:
        raise ValueError("its directory is damaged")
    return place - length
