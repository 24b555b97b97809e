"""The four archives as Kaggle packs them: which data set needs which, and whether a file is a sound one."""

import difflib
import stat
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kdml.common.errors import UserError
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
ENCRYPTED = 0x1  # the bit of a member's flags
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


def check(path: Path) -> int:
    """Check that a file is a whole zip with safe names; return the number of its files.

    Read are the directory at the end, which a truncated file lacks, and the places that it names. The bytes of the members
    are not: their checksums would cost a minute for the largest archive, of which a tenth is used, and whoever reads a
    member checks its checksum anyway.

    Raises:
        UserError: it is no zip, truncated, empty, encrypted, or has members that would leave the folder they are unpacked to.
    """
    remedy = f"delete {path} and fetch it again"
    try:
        with zipfile.ZipFile(path) as file:
            members, end = file.infolist(), file.start_dir
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise UserError(f"{path} is no zip file, or only a part of one ({error}).", remedy) from None
    files = [member for member in members if not member.is_dir()]
    if not files:
        raise UserError(f"{path} is empty.", remedy)
    for member in members:
        if _is_unsafe(member):
            raise UserError(
                f"{path} has an unsafe member: {member.filename!r}.",
                "get the archive from its source, and do not unpack this one",
            )
        if member.flag_bits & ENCRYPTED:
            raise UserError(f"{path} is encrypted ({member.filename}).", "put the archive there as Kaggle gives it")
        if member.header_offset + member.compress_size > end:
            raise UserError(f"{path} is damaged: {member.filename} does not lie within it.", remedy)
    return len(files)


def _is_unsafe(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    return is_link or not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]


def record_of(name: str, path: Path, source: str) -> dict[str, Any]:
    """What is written down of an archive: where it is, and its checksum."""
    members = check(path)
    facts = path.stat()
    return {
        "archive": name,
        "source": source,
        "path": str(path.resolve()),
        "bytes": facts.st_size,
        "mtime_ns": facts.st_mtime_ns,
        "sha256": sha256_of(path),
        "files": members,
    }


def paths_of(dataset: str, records: Iterable[Mapping[str, Any]]) -> list[Path]:
    """The archives of a data set, unchanged since they were recorded, in the order of `ARCHIVES_OF`.

    Args:
        dataset: key of `ARCHIVES_OF`.
        records: of `record_of`, in any order.

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
        by_name[name] = path_of(record)
    missing = [name for name in wanted if name not in by_name]
    if missing:
        raise UserError(f"'{dataset}' needs the archive {missing[0]}, of which no record was given.", remedy)
    return [by_name[name] for name in wanted]


def path_of(record: Mapping[str, Any]) -> Path:
    """The archive of a record, unchanged since.

    Raises:
        UserError: the record is incomplete, or its archive has gone or changed.
    """
    remedy = "fetch it again: python src/fetch.py, or snakemake --forcerun fetch"
    lacking = [key for key in ("path", "bytes", "mtime_ns", "sha256") if key not in record]
    if lacking:
        raise UserError(f"The record of {record['archive']} has no '{lacking[0]}'.", remedy)
    path = Path(record["path"])
    if not path.is_file():
        raise UserError(f"{path} has gone since it was recorded.", remedy)
    facts = path.stat()
    if (facts.st_size, facts.st_mtime_ns) != (record["bytes"], record["mtime_ns"]):
        raise UserError(f"{path} has changed since it was recorded.", remedy)
    return path
