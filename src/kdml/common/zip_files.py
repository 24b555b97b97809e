"""Members of zip files, which may be damaged, or grow to gigabytes where they are unpacked."""

import lzma
import zipfile
import zlib

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
