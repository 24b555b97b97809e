"""Archives, packed or unpacked: which data set needs which, where it is found, and what is recorded of it.

The paper's data sets need four, as Kaggle packs them; they lie in a folder of archives, under their names. A data set of the user's
own is one archive, a folder or a zip under any name: what is called its folder here is that folder or zip itself.

Where an archive lies is not what it is: a record knows its size, its checksum, and a fingerprint that is read in milliseconds. The
path in it is the last known place, for those who give no other.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import read_json
from kdml.data.unpacked import TABLES, Unpacked
from kdml.data.zipped import Zipped

Source = Zipped | Unpacked
"""Where the files of an archive are read from."""


@dataclass(frozen=True)
class Archive:
    """One download.

    Args:
        name: file name without .zip.
        slug: what Kaggle calls it.
        holds: patterns of the names at its top; where it is unpacked, the first tells that a folder is one of it.
        is_competition: whether its rules must be accepted on the web first.
    """

    name: str
    slug: str
    holds: tuple[str, ...]
    is_competition: bool = False

    @property
    def page(self) -> str:
        """Where a person can see it, and accept the rules of a competition."""
        kind = "competitions" if self.is_competition else "datasets"
        return f"https://www.kaggle.com/{kind}/{self.slug}" + ("/rules" if self.is_competition else "")


ARCHIVES: Mapping[str, Archive] = {
    archive.name: archive
    for archive in (
        Archive(
            "histopathologic-cancer-detection",
            "histopathologic-cancer-detection",
            ("train_labels.csv", "train"),
            is_competition=True,
        ),
        Archive("lgg-mri-segmentation", "mateuszbuda/lgg-mri-segmentation", ("kaggle_3m", "lgg-mri-segmentation")),
        Archive(
            "skin-cancer-mnist-ham10000",
            "kmader/skin-cancer-mnist-ham10000",
            ("HAM10000_metadata.csv", "HAM10000_images_part_*", "ham10000_images_part_*"),
        ),
        Archive(
            "ham10000-lesion-segmentations",
            "tschandl/ham10000-lesion-segmentations",
            ("HAM10000_segmentations_lesion_tschandl",),
        ),
    )
}
ARCHIVES_OF: Mapping[str, tuple[str, ...]] = {
    "hcd": ("histopathologic-cancer-detection",),
    "lgg": ("lgg-mri-segmentation",),
    "ham10000": ("skin-cancer-mnist-ham10000", "ham10000-lesion-segmentations"),
}
OWN = "own_"  # before the name of a user's own data set: its one archive
RECORDED: Mapping[str, type] = {"archive": str, "bytes": int, "sha256": str, "fingerprint": str, "path": str}
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")  # that a user's own data set may hold
MEDICAL = (".dcm", ".nii", ".nii.gz")  # likewise, where it says so
FILE = "file"  # key of a record that was read: where from
NAME_SOURCE = "name the folder or zip with the pictures, relative to the project's root"
THREE_WAYS = """There are three ways to get images:
  1. a Kaggle token: kaggle.com > Settings > API > Create new token; put it into ~/.kaggle/access_token (or the environment
     variable KAGGLE_API_TOKEN), and accept the rules of the competition on its page;
  2. a folder of archives that you have already, packed or unpacked: --config archives=FOLDER, with {files};
  3. drawn look-alike images, no account needed: uv run snakemake --profile profiles/demo"""


def archives_of(dataset: str) -> tuple[str, ...]:
    """Names of the archives of a data set: the paper's, or the one of a user's own."""
    return ARCHIVES_OF.get(dataset, (f"{OWN}{dataset}",))


def found_in(folder: Path, name: str) -> Path | None:
    """Find an archive: its zip, else the folder that it was unpacked into, which is the given one itself, or one of its name in it.

    Args:
        folder: of archives; of a user's own data set, the folder or zip that it is.
        name: of the archive.

    Returns:
        Path of the zip, or of the folder with its files; None if there is neither.
    """
    if name not in ARCHIVES:
        return folder if folder.exists() else None
    packed = folder / f"{name}.zip"
    if packed.is_file():
        return packed
    mark = ARCHIVES[name].holds[0]
    # Two archives hold a folder of their own name, which is a double of what lies beside it: so the outermost counts.
    return next((place for place in (folder, folder / name, folder / name / name) if (place / mark).exists()), None)


def source_of(name: str, path: Path) -> Source:
    """What reads the files of an archive.

    Args:
        name: of the archive.
        path: of its zip, or of the folder that it was unpacked into.
    """
    if not path.is_dir():
        return Zipped(path)
    return (
        Unpacked(path, ARCHIVES[name].holds)
        if name in ARCHIVES
        else Unpacked(path, ("*",), (*PICTURES, *MEDICAL, *TABLES))
    )


def missing_from(folder: Path, names: Iterable[str]) -> list[str]:
    """Archives that a folder does not hold."""
    return [name for name in names if found_in(folder, name) is None]


def way_to(folder: Path | None, names: list[str], has_token: bool) -> str | None:
    """None if the archives can be had; otherwise what stands in the way and the ways on.

    Args:
        folder: of archives; None to download from Kaggle.
        names: of the archives that are still to be fetched.
        has_token: for Kaggle.
    """
    three_ways = THREE_WAYS.format(files=", ".join(map(described, names)))
    if folder is None:
        return None if has_token else f"No images yet, and no Kaggle token to download them with.\n{three_ways}"
    missing = missing_from(folder, names)
    said = f"`archives: {folder.resolve()}`"  # where it is looked for, whatever it was given as
    if not folder.is_dir():
        return f"{said} is not a folder.\n{three_ways}"
    return f"{said} lacks {missing[0]}.zip.{_similar(folder, missing[0])}\n{three_ways}" if missing else None


def not_there(name: str, source: Path) -> str:
    """What to say where the folder or zip of a user's own data set is missing."""
    return f"`datasets.{name.removeprefix(OWN)}.source: {source.resolve()}` does not exist."


def described(name: str) -> str:
    """What to look for: the zip of an archive, or a folder that it was unpacked into."""
    return f"{name}.zip (or a folder {name} with {ARCHIVES[name].holds[0]})"


def _similar(folder: Path, name: str) -> str:
    found = sorted(path.name for path in folder.glob("*.zip"))
    strange = [one for one in found if one.removesuffix(".zip") not in ARCHIVES]
    close = difflib.get_close_matches(f"{name}.zip", strange, n=1, cutoff=0.4)
    return (
        f" It holds {close[0]}; rename it if that is it."
        if close
        else f" It holds {', '.join(found) or 'no zip files'}."
    )


def in_folder(folder: Path, name: str) -> Path:
    """Find an archive in a folder of archives, packed or unpacked.

    Raises:
        UserError: it is not there.
    """
    path = found_in(folder, name)
    if path is None and name not in ARCHIVES:
        raise UserError(not_there(name, folder), NAME_SOURCE)
    if path is None:
        hint = _similar(folder, name) if folder.is_dir() else " There is no such folder."
        raise UserError(
            f"{folder / name}.zip does not exist, nor what it unpacks to.{hint}",
            "put the archive there, or set `archives` to the folder that holds it",
        )
    return path


def record_of(name: str, path: Path, origin: str) -> dict[str, Any]:
    """Say what is written down of an archive.

    Args:
        name: of the archive.
        path: of its zip, or of the folder that it was unpacked into.
        origin: where it came from, in words.

    Raises:
        UserError: it is not sound, see `Zipped.check` and `Unpacked.check`.
    """
    source = source_of(name, path)
    return {
        "archive": name,
        "source": origin,
        "path": str(path.resolve()),
        "files": source.check(),
        "bytes": source.size(),
        "fingerprint": source.fingerprint(),
        "sha256": source.sha256(),
    }


def read_record(path: Path, remedy: str) -> dict[str, Any]:
    """Read a record, which then knows its file (`FILE`).

    Raises:
        UserError: it is missing, or no JSON of a record.
    """
    record = read_json(path, remedy)
    if not isinstance(record, Mapping):
        raise UserError(f"{path} is no record of an archive.", remedy)
    return {**record, FILE: str(path)}


def is_record(record: Any) -> bool:
    """Whether a value has all that `record_of` gives, each of its type."""
    return isinstance(record, Mapping) and all(isinstance(record.get(key), kind) for key, kind in RECORDED.items())


def check_sha256(path: Path, record: Mapping[str, Any]) -> None:
    """Compare the checksum of a record, which is copied into reports, with that of the archive.

    Raises:
        UserError: they differ.
    """
    if source_of(record["archive"], path).sha256() != record["sha256"]:
        raise UserError(
            f"The record of {record['archive']} has another checksum (sha256) than {path} has.",
            f"delete {record.get(FILE, 'the record')} and start again, which makes it anew",
        )


def is_recorded(path: Path, record: Mapping[str, Any]) -> bool:
    """Whether a file or folder is the archive of a record, by size and fingerprint.

    Raises:
        UserError: it is a file of the size, but no zip.
    """
    source = source_of(record["archive"], path)
    return source.size() == record["bytes"] and source.fingerprint() == record["fingerprint"]


def place_of(record: Mapping[str, Any], folder: Path | None) -> Path | None:
    """Where the archive of a record lies now: in a folder of archives, else at its last known place; None if at neither.

    Args:
        record: of `record_of`.
        folder: of archives, if there is one.
    """
    last = Path(record["path"])
    here = None if folder is None else found_in(folder, record["archive"])
    return here or (last if last.exists() else None)


def paths_of(dataset: str, records: Iterable[Mapping[str, Any]], folder: Path | None = None) -> list[Path]:
    """Find the archives of a data set, unchanged since they were recorded, in the order of `archives_of`.

    Args:
        dataset: its key.
        records: of `record_of`, in any order.
        folder: of archives; the last known places if not given, or where it lacks one.

    Raises:
        UserError: a record is missing, of another data set, given twice or incomplete, or its archive has gone or changed.
    """
    by_name: dict[str, Path] = {}
    wanted = archives_of(dataset)
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
        also = ""
        if folder is not None:
            is_own = record["archive"] not in ARCHIVES
            also = f", and {folder} " + ("does not exist" if is_own else f"has no {record['archive']}.zip")
        raise UserError(f"{looked}{also}.", f"name the folder that holds it, or {again}, to fetch it")
    if not is_recorded(path, record):
        remedy = "start the workflow again, which records what it is now, or run python src/fetch.py"
        raise UserError(f"{path} has changed since it was recorded.", remedy)
    return path
