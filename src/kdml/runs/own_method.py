"""A method of the user's own: where its file is, and the checksum that makes it part of a run's settings."""

import hashlib
from pathlib import Path

from kdml.common.errors import UserError
from kdml.common.project import ROOT

OWN = "write it as docs/how-to/own_method.md says"


def is_own(method: str) -> bool:
    """Whether a method is a user's own, named as `file.py:Class`."""
    return ":" in method


def source_of(method: str) -> Path:
    """The file of a user's own method; paths are relative to the project's root."""
    return ROOT / Path(method.rpartition(":")[0]).expanduser()


def fingerprint(method: str) -> str | None:
    """SHA-256 of a user's own method, which decides its runs' numbers; None for a method of the package.

    Raises:
        UserError: the file cannot be read.
    """
    if not is_own(method):
        return None
    try:
        return hashlib.sha256(source_of(method).read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(
            f"methods: `method: {method}`: {source_of(method)} cannot be read ({error.strerror}).",
            "write it as file.py:Class, the path relative to the project's root",
        ) from None
