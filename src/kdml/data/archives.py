"""The four archives as Kaggle packs them: which data set needs which, whether a file is a sound one, and what is recorded of it.

Where an archive lies is not what it is: a record knows its size, its checksum, and a fingerprint that is read in milliseconds. The
path in it is the last known place, for those who give no other.
"""

import difflib
import hashlib
import io
import stat
import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kdml.common.errors import MachineError, UserError, fault_of
from kdml.common.files import sha256_of


@dataclass(frozen=True)
class Archive:
    """One download.

    Args:
        name: file name without .zip.
        slug: what Kaggle calls it.
        is_competition: whether its rules must be accepted on the web first.
    """

    name: str
    slug: str
    is_competition: bool = False

    @property
    def page(self) -> str:
        """Where a person can see it, and accept the rules of a competition."""
        kind = "competitions" if self.is_competition else "datasets"
        return f"https://www.kaggle.com/{kind}/{self.slug}" + ("/rules" if self.is_competition else "")


ARCHIVES: Mapping[str, Archive] = {
    archive.name: archive
    for archive in (
        Archive("histopathologic-cancer-detection", "histopathologic-cancer-detection", is_competition=True),
        Archive("lgg-mri-segmentation", "mateuszbuda/lgg-mri-segmentation"),
        Archive("skin-cancer-mnist-ham10000", "kmader/skin-cancer-mnist-ham10000"),
        Archive("ham10000-lesion-segmentations", "tschandl/ham10000-lesion-segmentations"),
    )
}
ARCHIVES_OF: Mapping[str, tuple[str, ...]] = {
    "hcd": ("histopathologic-cancer-detection",),
    "lgg": ("lgg-mri-segmentation",),
    "ham10000": ("skin-cancer-mnist-ham10000", "ham10000-lesion-segmentations"),
}
WITH_MASKS = ("ham10000", "lgg")  # data sets whose archives hold masks
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
RECORDED: Mapping[str, type] = {"archive": str, "bytes": int, "sha256": str, "fingerprint": str, "path": str}
LONGEST_END = 22 + 65_535  # bytes of the record at a zip's end, with the longest comment
THREE_WAYS = """There are three ways to get images:
  1. a Kaggle token: kaggle.com > Settings > API > Create new token; put it into ~/.kaggle/access_token (or the environment
     variable KAGGLE_API_TOKEN), and accept the rules of the competition on its page;
  2. a folder of archives that you have already: --config archives=FOLDER, with the files {files};
  3. drawn look-alike images, no account needed: uv run snakemake --profile profiles/demo"""


def missing_from(folder: Path, names: Iterable[str]) -> list[str]:
    """Archives that a folder does not hold."""
    return [name for name in names if not (folder / f"{name}.zip").is_file()]


def way_to(folder: Path | None, names: list[str], has_token: bool) -> str | None:
    """None if the archives can be had; otherwise what stands in the way and the ways on.

    Args:
        folder: of archives; None to download from Kaggle.
        names: of the archives that are still to be fetched.
        has_token: for Kaggle.
    """
    three_ways = THREE_WAYS.format(files=", ".join(f"{name}.zip" for name in names))
    if folder is None:
        return None if has_token else f"No images yet, and no Kaggle token to download them with.\n{three_ways}"
    missing = missing_from(folder, names)
    if not folder.is_dir():
        return f"`archives: {folder}` is not a folder.\n{three_ways}"
    return (
        f"`archives: {folder}` lacks {missing[0]}.zip.{_similar(folder, missing[0])}\n{three_ways}" if missing else None
    )


def _similar(folder: Path, name: str) -> str:
    found = sorted(path.name for path in folder.glob("*.zip"))
    close = difflib.get_close_matches(f"{name}.zip", found, n=1, cutoff=0.4)
    return (
        f" It holds {close[0]}; rename it if that is it."
        if close
        else f" It holds {', '.join(found) or 'no zip files'}."
    )


def in_folder(folder: Path, name: str) -> Path:
    """An archive's file in a folder of archives.

    Raises:
        UserError: it is not there.
    """
    path = folder / f"{name}.zip"
    if not path.is_file():
        hint = _similar(folder, name) if folder.is_dir() else " There is no such folder."
        raise UserError(
            f"{path} does not exist.{hint}", "put the archive there, or set `archives` to the folder that holds it"
        )
    return path


def is_data(name: str) -> bool:
    """Whether a member of an archive is one of its files, not what macOS adds beside them: `__MACOSX/` and `._name`."""
    return not any(part == "__MACOSX" or part.startswith("._") for part in PurePosixPath(name).parts)


def check(path: Path) -> int:
    """Check that a file is a whole zip with safe names that can be read; return the number of its files.

    Read are the directory at the end, which a truncated file lacks, and the places that it names. The bytes of the members
    are not: their checksums would cost a minute for the largest archive, of which a tenth is used, and whoever reads a
    member checks its checksum anyway.

    Raises:
        UserError: it is no zip, truncated, empty, encrypted, compressed in a way that Python cannot read, has a name twice or with
            backslashes, or members that would leave the folder they are unpacked to.
    """
    remedy = f"delete {path} and fetch it again"
    try:
        with zipfile.ZipFile(path) as file:
            members, end = file.infolist(), file.start_dir
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
        if isinstance(fault := fault_of(error, path), MachineError):
            raise fault from None  # the file may be sound
        raise UserError(f"{path} is no zip file, or only a part of one ({error}).", remedy) from None
    files = [member for member in members if not member.is_dir() and is_data(member.filename)]
    if not files:
        raise UserError(f"{path} is empty.", remedy)
    for member in members:
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
        if member.header_offset + member.compress_size > end:
            raise UserError(f"{path} is damaged: {member.filename} does not lie within it.", remedy)
    _check_names(path, files)
    return len(files)


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


def fingerprint(path: Path) -> str:
    """SHA-256 of a zip's directory: names, sizes and checksums of all members, in milliseconds even for the largest archive.

    The same file has the same one wherever it lies, and whenever it was copied there.

    Args:
        path: of the zip file.

    Returns:
        64 hex digits.

    Raises:
        UserError: it has no such directory, as where it is no zip, or only a part of one.
    """
    try:
        with open(path, "rb") as file:
            size = file.seek(0, io.SEEK_END)
            start = _start_of_directory(file, size)
            file.seek(start)
            return hashlib.sha256(file.read()).hexdigest()
    except (OSError, ValueError) as error:
        if isinstance(fault := fault_of(error, path), MachineError):
            raise fault from None
        raise UserError(
            f"{path} is no zip file, or only a part of one ({error}).", f"delete {path} and fetch it again"
        ) from None


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


def record_of(name: str, path: Path, source: str) -> dict[str, Any]:
    """Say what is written down of an archive.

    Args:
        name: key of `ARCHIVES`.
        path: of its file.
        source: where it came from, in words.

    Raises:
        UserError: it is not sound, see `check`.
    """
    members = check(path)
    return {
        "archive": name,
        "source": source,
        "path": str(path.resolve()),
        "bytes": path.stat().st_size,
        "fingerprint": fingerprint(path),
        "sha256": sha256_of(path),
        "files": members,
    }


def is_record(record: Any) -> bool:
    """Whether a value has all that `record_of` gives, each of its type."""
    return isinstance(record, Mapping) and all(isinstance(record.get(key), kind) for key, kind in RECORDED.items())


def check_sha256(path: Path, record: Mapping[str, Any]) -> None:
    """Compare the checksum of a record, which is copied into reports, with that of the archive.

    Raises:
        UserError: they differ.
    """
    if sha256_of(path) != record["sha256"]:
        raise UserError(
            f"The record of {record['archive']} has another checksum (sha256) than {path} has.",
            "delete the record and start again, which makes it anew",
        )


def is_recorded(path: Path, record: Mapping[str, Any]) -> bool:
    """Whether a file is the archive of a record, by size and fingerprint.

    Raises:
        UserError: it has the size, but is no zip.
    """
    return path.stat().st_size == record["bytes"] and fingerprint(path) == record["fingerprint"]


def place_of(record: Mapping[str, Any], folder: Path | None) -> Path | None:
    """Where the archive of a record lies now: in a folder of archives, else at its last known place; None if at neither.

    Args:
        record: of `record_of`.
        folder: of archives, if there is one.
    """
    places = [] if folder is None else [folder / f"{record['archive']}.zip"]
    return next((place for place in (*places, Path(record["path"])) if place.is_file()), None)


def paths_of(dataset: str, records: Iterable[Mapping[str, Any]], folder: Path | None = None) -> list[Path]:
    """Find the archives of a data set, unchanged since they were recorded, in the order of `ARCHIVES_OF`.

    Args:
        dataset: key of `ARCHIVES_OF`.
        records: of `record_of`, in any order.
        folder: of archives; the last known places if not given, or where it lacks one.

    Raises:
        UserError: a record is missing, of another data set, given twice or incomplete, or its archive has gone or changed.
    """
    by_name: dict[str, Path] = {}
    wanted = ARCHIVES_OF[dataset]
    remedy = f"give one --record for each of: {', '.join(wanted)}"
    for record in records:
        name = record.get("archive") if isinstance(record, Mapping) else None
        if name not in wanted:
            raise UserError(f"A record is of the archive {name!r}, which '{dataset}' does not need.", remedy)
        if name in by_name:
            raise UserError(f"Two records are of the archive {name}.", remedy)
        by_name[name] = path_of(record, folder)
    missing = [name for name in wanted if name not in by_name]
    if missing:
        raise UserError(f"'{dataset}' needs the archive {missing[0]}, of which no record was given.", remedy)
    return [by_name[name] for name in wanted]


def path_of(record: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Find the archive of a record, unchanged since.

    Args:
        record: of `record_of`.
        folder: of archives; the last known place if not given, or where it lacks it.

    Raises:
        UserError: the record is incomplete, or its archive has gone or changed.
    """
    again = "delete the record and start again"
    if not is_record(record):
        wrong = next(key for key, kind in RECORDED.items() if not isinstance(record.get(key), kind))
        raise UserError(f"The record of {record['archive']} has no '{wrong}', or one of another type.", again)
    path = place_of(record, folder)
    if path is None:
        looked = f"{record['path']} has gone since it was recorded"
        also = f", and {folder} has no {record['archive']}.zip" if folder is not None else ""
        raise UserError(f"{looked}{also}.", f"name the folder that holds it, or {again}, to fetch it")
    if not is_recorded(path, record):
        remedy = "start the workflow again, which records what it is now, or run python src/fetch.py"
        raise UserError(f"{path} has changed since it was recorded.", remedy)
    return path
