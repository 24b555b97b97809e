"""Packs that others wrote: opened, and refused unless every byte is what its list says."""

import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import sha256_of, written_whole
from kdml.common.json_text import parse_json
from kdml.common.zip_files import UNREADABLE, TooLarge, read_member
from kdml.packs.crate import ABOUT, FORMAT, METADATA, READ, listed

AGAIN = "get the pack again from where it was published, or write one with `snakemake publish`"
KEYS: Mapping[str, type] = {
    "experiment": str,
    "configuration": dict,
    "given": list,
    "again": list,
    "left_out": dict,
    "drawn": dict,
}


@dataclass(frozen=True)
class Pack:
    """A pack whose files are all there and as they were packed.

    Args:
        path: of the zip.
        sha256: of the zip.
        members: SHA-256 of every file in it, by name.
        about: content of pack.json.
    """

    path: Path
    sha256: str
    members: Mapping[str, str]
    about: Mapping[str, Any]
    _records: dict[str, dict[str, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return self.about["experiment"]

    def published(self, name: str) -> str:
        """SHA-256 of a file as it was published, also of one that is not in the pack; empty if that is not known."""
        return self.members.get(name) or self.about["drawn"].get(name, "")

    def read(self, name: str) -> bytes:
        """Bytes of a file.

        Raises:
            UserError: the pack lacks it.
        """
        with zipfile.ZipFile(self.path) as file:
            return _member(self.path, file, name)

    def record(self, name: str) -> dict[str, Any]:
        """A file that holds a mapping in JSON; kept, because every check of runs asks for theirs.

        Raises:
            UserError: the pack lacks it, or it holds something else.
        """
        if name not in self._records:
            with zipfile.ZipFile(self.path) as file:
                found = _json(self.path, file, name)
            if not isinstance(found, dict):
                raise UserError(f"{self.path}: {name} holds no mapping.", AGAIN)
            self._records[name] = found
        return self._records[name]

    def unpack(self, names: Iterable[str], folder: Path) -> None:
        """Write files below a folder; one that is there already with the same content keeps its time.

        Args:
            names: of the files.
            folder: that they go to.
        """
        with zipfile.ZipFile(self.path) as file:
            for name in names:
                path = folder / name
                if not path.is_file() or sha256_of(path) != self.members[name]:
                    with written_whole(path) as temporary:
                        temporary.write_bytes(_member(self.path, file, name))


def read_pack(path: Path) -> Pack:
    """Open a pack, and check every file in it.

    Args:
        path: of the zip.

    Raises:
        UserError: it is missing, no zip or a part of one, not one of ours, of another version, or holds other files than it lists.
    """
    if not path.is_file():
        problem = "is a folder, not a pack" if path.is_dir() else "does not exist"
        raise UserError(f"{path} {problem}.", "name a file that `snakemake publish` wrote")
    try:
        with zipfile.ZipFile(path) as file:
            about = _about(path, file)
            pack = Pack(path, sha256_of(path), _checked(path, file), about)
    except UNREADABLE as error:
        raise UserError(f"{path} is no zip file, or only a part of one ({error}).", AGAIN) from None
    # Without a measurement, what was published of it would be taken for what is made from it.
    if lacking := [name for name in (*about["given"], *about["again"]) if not pack.published(name)]:
        raise UserError(f"{path} lacks {lacking[0]}, which {ABOUT} says that it holds.", AGAIN)
    return pack


def _about(path: Path, file: zipfile.ZipFile) -> Mapping[str, Any]:
    foreign = f"{path} is no result pack"
    if missing := [name for name in (METADATA, ABOUT) if name not in file.namelist()]:
        raise UserError(f"{foreign}: it lacks {missing[0]}.", AGAIN)
    about = _json(path, file, ABOUT)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise UserError(f"{foreign}: {ABOUT} does not say '{FORMAT}'.", AGAIN)
    if about.get("schema") not in READ:
        raise UserError(
            f"{path} has version {about.get('schema')} of the form of packs; this program reads {' and '.join(map(str, READ))}.",
            "use the version of this program that wrote it",
        )
    if wrong := [key for key, kind in KEYS.items() if not _is_of(about.get(key), kind)]:
        raise UserError(f"{foreign}: {ABOUT} has no '{wrong[0]}', or one of another type.", AGAIN)
    if not _is_safe(about["experiment"]) or len(PurePosixPath(about["experiment"]).parts) != 1:
        raise UserError(f"{foreign}: '{about['experiment']}' is no name of an experiment.", AGAIN)
    return about


def _is_of(value: Any, kind: type) -> bool:
    """Whether a value of pack.json is of a type, and what it lists are names."""
    return isinstance(value, kind) and all(isinstance(one, str) for one in value)


def _json(path: Path, file: zipfile.ZipFile, name: str) -> Any:
    try:
        return parse_json(_member(path, file, name).decode())
    except ValueError as error:
        raise UserError(f"{path}: {name} is not valid JSON ({error}).", AGAIN) from None


def _member(path: Path, file: zipfile.ZipFile, name: str) -> bytes:
    try:
        return read_member(file, name)
    except KeyError:
        raise UserError(f"{path} lacks {name}.", AGAIN) from None
    except TooLarge as error:
        raise UserError(f"{path}: {name} is larger than any file of a pack: {error}.", AGAIN) from None
    except UNREADABLE as error:
        raise UserError(f"{path}: {name} cannot be read ({error}).", AGAIN) from None


def _checked(path: Path, file: zipfile.ZipFile) -> dict[str, str]:
    """SHA-256 of every file by its name, each compared with what the pack lists."""
    try:
        wanted = listed(_json(path, file, METADATA))
    except ValueError as error:
        raise UserError(f"{path}: {METADATA} describes no files ({error}).", AGAIN) from None
    names = file.namelist()
    strange = [name for name in names if name not in wanted and name != METADATA] + [
        name for name in wanted if not _is_safe(name)
    ]
    if strange or len(set(names)) < len(names):
        raise UserError(f"{path} holds {(strange or names)[0]}, which its list of files does not name once.", AGAIN)
    found = {name: hashlib.sha256(_member(path, file, name)).hexdigest() for name in wanted}
    if wrong := [name for name, digest in found.items() if digest != wanted[name]]:
        raise UserError(f"{path}: {wrong[0]} is not the file that was packed: it has another checksum.", AGAIN)
    return found


def _is_safe(name: str) -> bool:
    """Whether a name stays below the folder that it is unpacked to."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not PurePosixPath(name).is_absolute() and ".." not in parts and "\\" not in name
