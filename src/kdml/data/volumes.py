"""Slices of volumes as pictures of a data set, listed by the headers of the files alone."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from kdml.common.errors import UserError
from kdml.common.zip_files import UNREADABLE
from kdml.data import medical
from kdml.data.archives import Source
from kdml.data.layouts import Member, Picture

# Voxels by which an affine of a mask may differ: programs round headers, which moves corners by thousandths of a voxel. A shift
# of half a voxel, as between programs that count from corners and from centres, is none of that.
MOST_APART = 0.1


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
        UserError: a volume cannot be read, has fewer slices than a table names, or another grid than its mask.
    """
    grids: dict[str, medical.Grid] = {}
    for picture in pictures:
        volume, number = medical.file_of(picture.image.name)
        masks = [] if picture.mask is None else [picture.mask.name]
        for name in (volume, *masks):
            if name not in grids:
                grids[name] = medical.grid_of(_head(source, name), f"{source.path}: {name}")
        if masks:
            _check_same_place(volume, masks[0], grids)
        count = grids[volume].shape[axis]
        if number is not None and number >= count:
            last = f"the last is {count - 1}"
            raise UserError(f"{volume} has no slice {number} along axis {axis}; {last}.", f"mend the column '{column}'")
        for place in range(count) if number is None else (number,):
            name = medical.slice_name(volume, place)
            mask = None if picture.mask is None else Member(0, medical.slice_name(picture.mask.name, place))
            yield replace(picture, id=name, image=Member(0, name), mask=mask, group=picture.group or volume)


def _check_same_place(volume: str, mask: str, grids: Mapping[str, medical.Grid]) -> None:
    """Compare the grids of a volume and its mask: a mask that was saved without the volume's affine is read turned or mirrored.

    Raises:
        UserError: they differ in size, or a voxel of the one lies elsewhere in the other.
    """
    image, marks = grids[volume], grids[mask]
    if image.shape != marks.shape:
        sizes = " and ".join(" x ".join(map(str, one.shape)) for one in (image, marks))
        raise UserError(f"{volume} and its mask {mask} differ in size ({sizes} voxels).", "export it again")
    if (apart := image.apart(marks)) > MOST_APART:
        turned = f", stored as {image.stored} and {marks.stored}" if image.stored != marks.stored else ""
        raise UserError(
            f"{volume} and its mask {mask} do not lie in one place: their affines differ by {apart:.3g} voxels{turned}.",
            "save the mask with the affine of its volume, `nibabel.Nifti1Image(mask, volume.affine)`, if it was drawn on"
            " the volume as it is stored; else resample it to the volume",
        )


def _head(source: Source, name: str) -> bytes:
    """Beginning of a file, which holds the header of a volume."""
    try:
        return source.head(name, medical.HEAD)
    except UNREADABLE as error:
        raise UserError(
            f"{source.path}: {name} cannot be read ({error}).", "export it again, or leave it out"
        ) from None
