"""DICOM files of a data set by their headers alone: which have a name that shows it, and frames as pictures."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from kdml.common.errors import UserError
from kdml.common.zip_files import UNREADABLE
from kdml.data import medical
from kdml.data.archives import Source
from kdml.data.layouts import Member, Picture

DIRECTORY = "DICOMDIR"  # lists the files of a medium, and is no picture
MAGIC, BEFORE = b"DICM", 128  # of every file, and how many bytes precede it


def refuse_without_suffix(source: Source) -> None:
    """Refuse DICOM files whose names do not say so, as archives of hospitals export them: beside others they would be passed over.

    Args:
        source: folder or zip with the files.

    Raises:
        UserError: names the first such file.
    """
    bare = [name for name in source.names() if not PurePosixPath(name).suffix and _is_dicom(source, name)]
    if bare:
        more = f" and {len(bare) - 1} more are DICOM files" if len(bare) > 1 else " is a DICOM file"
        raise UserError(
            f"{source.path}: {bare[0]}{more} without the suffix .dcm.",
            f"rename such files, {PurePosixPath(bare[0]).name} to {PurePosixPath(bare[0]).name}.dcm, or take them away",
        )


def _is_dicom(source: Source, name: str) -> bool:
    if PurePosixPath(name).name == DIRECTORY:
        return False
    try:
        return source.head(name, BEFORE + len(MAGIC))[BEFORE:] == MAGIC
    except UNREADABLE:
        return False


def frames(source: Source, pictures: Iterable[Picture]) -> Iterator[Picture]:
    """Frames of files that have several, a picture each; what is known of a file holds for all of them.

    They are a group: of the patient whom the file names, else of the file (`kdml.data.reader`).

    Args:
        source: folder or zip with the files.
        pictures: files.

    Raises:
        UserError: a file and its mask have different numbers of frames.
    """
    for picture in pictures:
        count, mask = _count(source, picture.image.name), picture.mask
        if mask is not None and (others := _count(source, mask.name)) != count:
            raise UserError(
                f"{source.path}: {picture.image.name} has {count} frames and its mask {mask.name} {others}.",
                "give the mask a frame for each, or every frame a file and a mask of its own",
            )
        if count == 1:
            yield picture
            continue
        for number in range(count):
            name = medical.slice_name(picture.image.name, number)
            drawn = None if mask is None else Member(0, medical.slice_name(mask.name, number))
            yield replace(picture, id=name, image=Member(0, name), mask=drawn)


def _count(source: Source, name: str) -> int:
    """Frames of a file; one where that cannot be known, which is told when it is read."""
    if medical.format_of(name) != medical.DICOM:
        return 1
    try:
        return medical.frames_of(source.head(name, medical.HEAD)) or medical.frames_of(source.read(name)) or 1
    except UNREADABLE:
        return 1
