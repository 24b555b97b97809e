"""Zip files: equal ones of equal content, and members that may be damaged, or grow to gigabytes where they are unpacked."""

import lzma
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from kdml.common.files import written_whole

# All that reading a member may end in: a wrong checksum, each way of compression in its own words, a wrong encoding of its name.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    NotImplementedError,
)
LARGEST_MEMBER = 256 * 2**20  # bytes of a file that is read as a whole
Date = tuple[int, int, int, int, int, int]


def write_zip(path: Path, files: Mapping[str, bytes], date: Date, level: int | None = None) -> None:
    """Write files into a zip, whole or not at all; equal files make an equal zip, to the byte.

    Args:
        path: of the zip.
        files: content by the name in it.
        date: that all of them have, in place of the time of writing.
        level: of compression, 0 to 9; that of zlib if not given.
    """
    with written_whole(path) as temporary, zipfile.ZipFile(temporary, "w") as file:
        for name, content in sorted(files.items()):
            member = zipfile.ZipInfo(name, date)
            member.external_attr = 0o644 << 16
            member.create_system = 3  # Unix, wherever it is written
            file.writestr(member, content, zipfile.ZIP_DEFLATED, level)


class TooLarge(Exception):
    """A member is larger than any that is expected."""


def read_member(file: zipfile.ZipFile, name: str) -> bytes:
    """Bytes of a member, of which none is unpacked if they are more than `LARGEST_MEMBER`.

    Args:
        file: the zip file.
        name: of the member.

    Raises:
        KeyError: there is none of this name.
        TooLarge: it says so itself; one that lies about its size is cut off at it by `zipfile`, and fails its checksum.
    """
    size = file.getinfo(name).file_size
    if size > LARGEST_MEMBER:
        raise TooLarge(f"it would take {size / 2**30:.1f} GiB of memory")
    return file.read(name)
