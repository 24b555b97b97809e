"""Whether pictures as they are listed can be in every part of a split, before any is read."""

from collections import Counter
from collections.abc import Iterable, Sequence

from kdml.common.errors import UserError
from kdml.data.arrays import PARTS
from kdml.data.layouts import NO_GROUP, Picture


def check_divisible(pictures: Sequence[Picture], classes: Sequence[str], limit: int | None = None) -> None:
    """Refuse a class that cannot be in every part of a split, whatever the split.

    Args:
        pictures: of the data set.
        classes: names of the labels.
        limit: that pictures were drawn by.

    Raises:
        UserError: a class has no picture, or fewer pictures or groups than there are parts.
    """
    labels = [picture.label for picture in pictures if picture.label is not None]
    if not labels:
        _check_enough("All", _units(pictures), limit)
        return
    counts = Counter(labels)
    for label, name in enumerate(classes):
        if not counts[label]:
            raise UserError(
                f"no picture has the class '{name}'.", f"{_more(limit)}add some, or leave it out of `classes`"
            )
        units = _units(picture for picture in pictures if picture.label == label)
        _check_enough(f"The class '{name}'", units, limit)


def _more(limit: int | None) -> str:
    return "" if limit is None else f"raise `limit: {limit}`, "


def _units(pictures: Iterable[Picture]) -> tuple[int, str]:
    """How many pictures, or groups, there are to divide."""
    listed = list(pictures)
    groups = {picture.group for picture in listed} - {NO_GROUP}
    return (len(groups), "groups") if groups else (len(listed), "pictures")


def _check_enough(what: str, units: tuple[int, str], limit: int | None) -> None:
    count, kind = units
    if count < len(PARTS):
        raise UserError(
            f"{what} has {count} {kind.removesuffix('s') if count == 1 else kind}, too few to be in {', '.join(PARTS)} alike.",
            f"{_more(limit)}add {kind}, or leave the class out",
        )
