"""Rows of an index: the label of every picture, which of several doubles are kept, how large pixels are."""

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdml.common.errors import UserError
from kdml.common.files import written_whole
from kdml.common.metadata import METADATA, SPACING
from kdml.data.layouts import Listing
from kdml.data.mask_classes import strata
from kdml.data.reader import Pixels
from kdml.data.split import IMAGE_SHA256, IN_MASK

SMALLEST = 2.0  # millimetres from corner to corner of a picture; no two outlines in it are further apart than what NSD takes as met
# Why pictures are left out.
DOUBLE, CONTRADICTION = "same content as another picture", "same content with different labels"
log = logging.getLogger(__name__)


def labels_of(listing: Listing, pixels: Sequence[Pixels]) -> list[int]:
    """Label of every picture: its own, else whether its mask marks anything, or the rarest class of several that it has."""
    by_class = [one.by_class for one in pixels]
    if by_class[0]:
        groups = [picture.group or one.patient for picture, one in zip(listing.pictures, pixels, strict=True)]
        of_masks = strata(np.array(by_class), groups).tolist()
    else:
        of_masks = [int(one.has_lesion) for one in pixels]
    own = (picture.label for picture in listing.pictures)
    return [of_mask if label is None else label for label, of_mask in zip(own, of_masks, strict=True)]


def rows_of(
    listing: Listing, pixels: Sequence[Pixels], labels: Sequence[int]
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """Rows of the index, and what was dropped for which reason.

    Of pictures with equal content the first is kept; if they do not agree on the label, none is, because nobody knows which
    is right. Several masks of one picture are several annotations, and stay.
    """
    by_image: dict[str, list[int]] = defaultdict(list)
    for row, one in enumerate(pixels):
        by_image[one.image_sha256].append(row)
    dropped: dict[str, list[str]] = {reason: list(names) for reason, names in listing.dropped.items()}
    rows = []
    for members in by_image.values():
        alike = len({listing.pictures[row].label for row in members}) == 1
        first_of: dict[str, int] = {}
        for row in members:
            first_of.setdefault(pixels[row].sha256, row)
        kept = set(first_of.values()) if alike else set()
        reason = DOUBLE if alike else CONTRADICTION
        dropped.setdefault(reason, []).extend(listing.pictures[row].id for row in members if row not in kept)
        rows += [_row(row, listing, pixels[row], labels[row]) for row in kept]
    for reason, names in dropped.items():
        if names:
            log.info("left out: %d, %s, such as %s", len(names), reason, names[0])
    return sorted(rows, key=lambda row: row["row"]), dropped


def check_classes_left(
    listing: Listing, rows: Sequence[Mapping[str, Any]], dropped: Mapping[str, list[str]], path: Path
) -> None:
    """Refuse a data set of which nothing is left, and a class that is named and of which nothing is left: what remains would be
    learned as if it were all.

    Raises:
        UserError: names the class, and a picture that was left out.
    """
    if not rows:
        raise UserError(f"{path}: every picture has a double with another label.", "look at its labels")
    if listing.pictures[0].label is None:
        return
    left = Counter(row["label"] for row in rows)
    for label, name in enumerate(listing.classes):
        of_class = {picture.id for picture in listing.pictures if picture.label == label}
        gone = [one for one in dropped.get(CONTRADICTION, ()) if one in of_class]
        if gone and not left[label]:
            raise UserError(
                f"{path}: no picture of the class '{name}' is left; {len(gone)} were left out, because they have the same"
                f" content as pictures of another class, such as {gone[0]}.",
                "look at the labels of these pictures, or leave the class out of `classes`",
            )


def several_masks(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the report says of pictures that are there several times, each time with another mask."""
    by_image: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_image[row.get(IMAGE_SHA256, row["sha256"])].append(row["id"])
    several = [ids for ids in by_image.values() if len(ids) > 1]
    if not several:
        return {}
    log.warning(
        "%d pictures are there several times with masks that differ, such as %s: a split by picture may put them into several"
        " parts", len(several), " and ".join(several[0][:2]),
    )  # fmt: skip
    return {"several_masks": {"count": len(several), "pictures": several}}


def _row(row: int, listing: Listing, pixels: Pixels, label: int) -> dict[str, Any]:
    picture = listing.pictures[row]
    return {
        "row": row,
        "id": picture.id,
        "label": label,
        "label_name": listing.classes[label],
        "group": picture.group or pixels.patient,
        "sha256": pixels.sha256,
        **({} if picture.mask is None else {IMAGE_SHA256: pixels.image_sha256}),
        "dhash": pixels.dhash,
        **({} if picture.label is not None else {IN_MASK: _in_mask(listing.classes, pixels)}),
        "source": picture.image.name,
        **{f"{METADATA}{name}": value for name, value in picture.metadata.items()},
    }


def _in_mask(classes: Sequence[str], pixels: Pixels) -> list[str]:
    """Classes that a mask has, without the background."""
    has = pixels.by_class or (True, pixels.has_lesion)
    return [name for name, count in zip(classes[1:], has[1:], strict=True) if count]


def add_spacing(rows: Sequence[dict[str, Any]], pixels: Sequence[Pixels], size: int) -> dict[str, Any]:
    """Add to the rows of the index how large pixels are, where that is known of any picture; what the report says of it."""
    spacings = [pixels[row["row"]].spacing for row in rows]
    known = [one for one in spacings if one is not None]
    if not known:
        return {}
    for row, spacing in zip(rows, spacings, strict=True):
        row.update(zip(SPACING, spacing or (None, None), strict=True))
    if len(known) < len(rows):
        log.warning("the spacing of %d of %d pictures is known: distances stay in pixels", len(known), len(rows))
    elif (widest := size * max(math.hypot(*one) for one in known)) < SMALLEST:
        log.warning(
            "the largest picture measures %.2g mm from corner to corner: HD95 (mm) will be shown as almost 0, and NSD, which counts"
            " what is within %g mm, as 100 where anything is marked", widest, SMALLEST,
        )  # fmt: skip
    ranges = {name: [min(sizes), max(sizes)] for name, sizes in zip(SPACING, zip(*known, strict=True), strict=True)}
    return {"spacing": {"known": len(known), **ranges}}


def write_index(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write an index as Parquet, whole or not at all."""
    import pyarrow
    from pyarrow import parquet

    with written_whole(path) as temporary:
        parquet.write_table(pyarrow.Table.from_pylist(rows), temporary)
