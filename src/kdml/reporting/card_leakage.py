"""What a model card says of leakage where its scores stand: whether they are too high for new patients, and by which numbers."""

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from kdml.reporting import labels
from kdml.reporting.leakage_table import OF

Row = Mapping[str, Any]


class Height(IntEnum):
    """What follows for scores, from the harmless to the worst."""

    AS_FAR_AS_KNOWN = 0
    CANNOT_BE_TOLD = 1
    MAY_BE_TOO_HIGH = 2
    TOO_HIGH = 3


SAID: Mapping[Height, str] = {
    Height.AS_FAR_AS_KNOWN: f"No test image shares its {OF}, its content or its looks with training, as far as this can be told",
    Height.CANNOT_BE_TOLD: "Whether these scores are too high for new patients cannot be told",
    Height.MAY_BE_TOO_HIGH: "These scores may be too high for new patients, by an unknown amount",
    Height.TOO_HIGH: "These scores are too high for new patients, by an unknown amount",
}
# Column of the table of leakage -> what follows where it is not 0, and what it counts.
COUNTED: Mapping[str, tuple[Height, str]] = {
    "test_with_group_in_train": (Height.TOO_HIGH, f"have their {OF} in training, too"),
    "test_with_group_in_validation": (Height.TOO_HIGH, f"have their {OF} in validation, too, by which weights were chosen"),
    "test_with_copy_in_train": (Height.TOO_HIGH, "stand in training, too"),
    "test_near_duplicate_same_group": (Height.TOO_HIGH, f"have a near-duplicate of the same {OF} in training"),
    "test_near_duplicate_other_group": (Height.MAY_BE_TOO_HIGH, f"have a near-duplicate of another {OF} in training"),
}  # fmt: skip


class Leaks(NamedTuple):
    """What the splits of exported networks share between their parts.

    Args:
        height: what follows for the scores.
        verdict: the same in words, without a full stop.
        reasons: with numbers, each without a full stop.
    """

    height: Height
    verdict: str
    reasons: list[str]


def leaks(rows: Sequence[Row]) -> Leaks:
    """Say what the parts share.

    Args:
        rows: of the table of leakage, one per split of the exported networks.
    """
    found = [
        (height, f"{labels.protocol(row['protocol'])}, split of seed {row['seed']}: {text}" if rows[1:] else text)
        for row in rows
        for height, text in _reasons(row)
    ]
    height = max((height for height, _ in found), default=Height.AS_FAR_AS_KNOWN)
    return Leaks(height, SAID[height], [text for _, text in found])


def _reasons(row: Row) -> Iterator[tuple[Height, str]]:
    tested = row["test_images"]
    for name, (height, text) in COUNTED.items():
        if row[name]:
            yield height, f"{row[name]} of {tested} test images ({100 * row[name] / tested:.1f} %) {text}"
    if row["exact_duplicates_across_parts"]:
        pictures = labels.counted(row["exact_duplicates_across_parts"], "picture")
        yield Height.MAY_BE_TOO_HIGH, f"{pictures} in more than one part"
    if unknown := row["images_of_unknown_group"]:
        images = sum(row[f"{part}_images"] for part in ("train", "validation", "test"))
        yield (
            Height.CANNOT_BE_TOLD,
            f"of {unknown} of {images} images the {OF} is not known, so whether test and training share it cannot be told",
        )
