"""Whether pictures as they are listed can be in every part of a split, before any is read."""

from collections import Counter
from collections.abc import Iterable, Sequence

from kdml.common.errors import UserError
from kdml.data.arrays import PARTS
from kdml.data.layouts import NO_GROUP, Picture


def check_divisible(pictures: Sequence[Picture], classes: Sequence[str]) -> None:
    """Refuse a class that cannot be in every part of a split, whatever the split.

    Raises:
        UserError: a class has no picture, or fewer pictures or groups than there are parts.
    """
    labels = [picture.label for picture in pictures if picture.label is not None]
    if not labels:
        _check_enough("All", _units(pictures))
        return
    counts = Counter(labels)
    for label, name in enumerate(classes):
        if not counts[label]:
            raise UserError(f"no picture has the class '{name}'.", "add some, or leave it out of `classes`")
        _check_enough(f"The class '{name}'", _units(picture for picture in pictures if picture.label == label))


def _units(pictures: Iterable[Picture]) -> tuple[int, str]:
    """How many pictures, or groups, there are to divide."""
    listed = list(pictures)
    groups = {picture.group for picture in listed} - {NO_GROUP}
    return (len(groups), "groups") if groups else (len(listed), "pictures")


def _check_enough(what: str, units: tuple[int, str]) -> None:
    count, kind = units
    if count < len(PARTS):
        raise UserError(
            f"{what} has {count} {kind}, too few to be in {', '.join(PARTS)} alike.",
            f"add {kind}, or leave the class out",
        )
