"""Slices of volumes as pictures of a data set, listed by the headers of the files alone."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from kdml.common.errors import UserError
from kdml.common.zip_files import UNREADABLE
from kdml.data import medical
from kdml.data.archives import Source
from kdml.data.layouts import Member, Picture


def slice_number(where: str, cell: str, column: str) -> int:
    """Number of a slice in a cell of a table.

    Args:
        where: the line, for messages.
        cell: its text.
        column: its name.

    Raises:
        UserError: it is no whole number.
    """
    if not cell.isdecimal():
        raise UserError(f"{where}: '{cell}' is no number of a slice; the first is 0.", f"mend the column '{column}'")
    return int(cell)


def slices(source: Source, pictures: Iterable[Picture], axis: int, column: str | None) -> Iterator[Picture]:
    """Slices of volumes, a picture each; what is known of a volume holds for all of its slices, which are a group.

    Args:
        source: folder or zip with the volumes.
        pictures: volumes, or slices that a table names.
        axis: that they are cut along.
        column: of the table with the numbers of slices, for messages.

    Raises:
        UserError: a volume cannot be read, has fewer slices than a table names, or others than its mask.
    """
    counts: dict[str, int] = {}
    for picture in pictures:
        volume, number = medical.file_of(picture.image.name)
        masks = [] if picture.mask is None else [picture.mask.name]
        for name in (volume, *masks):
            if name not in counts:
                counts[name] = medical.slices_of(_head(source, name), axis, f"{source.path}: {name}")
        if masks and counts[volume] != counts[masks[0]]:
            sizes = f"{counts[volume]} and {counts[masks[0]]} slices"
            raise UserError(f"{volume} and its mask {masks[0]} differ in size ({sizes}).", "export it again")
        if number is not None and number >= counts[volume]:
            last = f"the last is {counts[volume] - 1}"
            raise UserError(f"{volume} has no slice {number} along axis {axis}; {last}.", f"mend the column '{column}'")
        for place in range(counts[volume]) if number is None else (number,):
            name = medical.slice_name(volume, place)
            mask = None if picture.mask is None else Member(0, medical.slice_name(picture.mask.name, place))
            yield replace(picture, id=name, image=Member(0, name), mask=mask, group=picture.group or volume)


def _head(source: Source, name: str) -> bytes:
    """Beginning of a file, which holds the header of a volume."""
    try:
        return source.head(name, medical.HEAD)
    except UNREADABLE as error:
        raise UserError(
            f"{source.path}: {name} cannot be read ({error}).", "export it again, or leave it out"
        ) from None
