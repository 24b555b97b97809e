"""Masks of several exclusive classes: a value in their files for each, and what of each class a data set holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, UInt8

from kdml.common.errors import UserError
from kdml.data.arrays import PARTS
from kdml.data.layouts import NO_GROUP

MOST_VALUES = 8  # that a message lists


@dataclass(frozen=True)
class MaskClasses:
    """Names and values of the classes of masks; the background is the first.

    Args:
        names: of the background and the classes.
        values: of their pixels in files, grey values or places in a palette.
    """

    names: tuple[str, ...]
    values: tuple[int, ...]

    def numbers(self, values: np.ndarray, where: str) -> UInt8[np.ndarray, "h w"]:
        """Number of the class of every pixel, 0 for the background.

        Args:
            values: of a mask's file, (h, w).
            where: it was read, for the message.

        Raises:
            UserError: a pixel has a value that is none of the classes'.
        """
        found, places = np.unique(values, return_inverse=True)
        known = {value: number for number, value in enumerate(self.values)}
        if strangers := [int(value) for value in found if int(value) not in known]:
            listed = ", ".join(map(str, strangers[:MOST_VALUES])) + (", ..." if len(strangers) > MOST_VALUES else "")
            pixels = int((values == strangers[0]).sum())
            raise UserError(
                f"{where} has values that are no class's: {listed} ({strangers[0]} at {pixels} pixels); "
                f"declared are {self.described()}.",
                "mend the mask, or name the class of the value in `mask_values`",
            )
        return np.array([known[int(value)] for value in found], dtype=np.uint8)[places].reshape(values.shape)

    def described(self) -> str:
        """Every class with its value, in words."""
        return ", ".join(f"{name} {value}" for name, value in zip(self.names, self.values, strict=True))

    def counts(self, numbers: UInt8[np.ndarray, "h w"]) -> tuple[int, ...]:
        """Pixels of the background and of every class in a mask."""
        return tuple(np.bincount(numbers.ravel(), minlength=len(self.names)).tolist())


def check_each_class(names: Sequence[str], pixels: Int[np.ndarray, "n K"], groups: Sequence[str], where: str) -> None:
    """Refuse a class that no split can have in every part.

    Args:
        names: of the background and the classes.
        pixels: of each in every picture.
        groups: of the pictures.
        where: they are from, for the message.

    Raises:
        UserError: it is in too few pictures or groups.
    """
    for number, name in enumerate(names[1:], 1):
        units, kind = _units(pixels[:, number] > 0, groups)
        if not units:
            raise UserError(f"{where}: no mask has the class '{name}'.", "add some, or leave it out of `mask_values`")
        if units < len(PARTS):
            raise UserError(
                f"{where}: the class '{name}' is in the masks of {units} {kind}, too few to be in {', '.join(PARTS)} alike.",
                f"add {kind}, or leave the class out of `mask_values`",
            )


def strata(pixels: Int[np.ndarray, "n K"], groups: Sequence[str]) -> Int[np.ndarray, " n"]:
    """The class that each picture is split by: the rarest one that its mask has, 0 for the background alone.

    So every class comes into every part of a split. A class that would be left with fewer pictures or groups than there are
    parts, because nearly all of its pictures have a rarer one, too, or because there are few without any, stands with the one
    that has most.

    Args:
        pixels: of the background and the classes in every picture.
        groups: of the pictures.
    """
    has = np.asarray(pixels) > 0
    has[:, 0] = ~has[:, 1:].any(axis=1)
    often = has.sum(axis=0)
    order = sorted(range(has.shape[1]), key=lambda number: (often[number], number))
    chosen = np.full(len(has), -1)
    for number in order:
        mine = has[:, number] & (chosen < 0)
        if _units(mine, groups)[0] >= len(PARTS):
            chosen[mine] = number
    sizes = np.bincount(chosen[chosen >= 0], minlength=has.shape[1])
    return np.where(chosen < 0, max(order, key=lambda number: (sizes[number], often[number])), chosen)


def _units(rows: Bool[np.ndarray, " n"], groups: Sequence[str]) -> tuple[int, str]:
    """How many pictures, or groups where they are known, these rows are."""
    known = {groups[row] for row in np.flatnonzero(rows)} - {NO_GROUP}
    return (len(known), "groups") if known else (int(rows.sum()), "pictures")


def described(names: Sequence[str], pixels: Int[np.ndarray, "n K"], groups: Sequence[str]) -> list[dict[str, Any]]:
    """What a data set holds of the background and every class: pictures and groups whose masks have it, share of all pixels.

    Args:
        names: of the background and the classes.
        pixels: of each in every picture.
        groups: of the pictures.
    """
    total = int(pixels.sum())
    return [
        {
            "class": name,
            "images": int((pixels[:, number] > 0).sum()),
            "groups": len({groups[row] for row in np.flatnonzero(pixels[:, number])} - {NO_GROUP}),
            "pixels": int(pixels[:, number].sum()) / total,
        }
        for number, name in enumerate(names)
    ]
