"""Frames of DICOM files as pictures of a data set, listed by the headers of the files alone."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from kdml.common.errors import UserError
from kdml.common.zip_files import UNREADABLE
from kdml.data import medical
from kdml.data.archives import Source
from kdml.data.layouts import Member, Picture


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
