"""What of the test part a network has seen in training already: images of the same group, duplicates, near-duplicates.

Near-duplicates are found by their difference hashes: 64 bits that say of an 8 by 8 thumbnail where it gets brighter from left to
right. Two images count as near-duplicates if few bits differ (the Hamming distance). An image that is flat, or
shades in one direction only, has (nearly) all bits alike, as have all its kind whatever they show: it cannot be judged
by its hash, and is counted apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int, UInt64

from kdml.common.errors import UserError
from kdml.data.arrays import PARTS
from kdml.data.split import IMAGE_SHA256, Split

HASH_BITS = 64
DEFAULT_DISTANCE = 4
EXAMPLES = 20
# Pairs of hashes compared at once; 8 bytes each.
BLOCK_PAIRS = 4_000_000
EARLIER_PARTS = PARTS[:-1]

Hashes = UInt64[np.ndarray, " images"]


@dataclass(frozen=True)
class Neighbours:
    """Nearest of the other images for each query image; where there is none, the distance is above `HASH_BITS`."""

    position: Int[np.ndarray, " queries"]
    distance: Int[np.ndarray, " queries"]


def leakage_report(
    index: pd.DataFrame, split: Split, task: str, protocol: str, seed: int, max_distance: int = DEFAULT_DISTANCE
) -> dict[str, Any]:
    """Count what leaks from the training and validation parts into the test part.

    Args:
        index: as `read_index` gives it.
        split: the split of that index.
        task, protocol, seed: what the split is for; copied into the report.
        max_distance: largest Hamming distance of difference hashes at which two images count as near-duplicates.

    Returns:
        A dict ready for JSON; shares are of the test images.

    Raises:
        UserError: `max_distance` is out of range, or the index holds an impossible hash.
    """
    if not 0 <= max_distance < HASH_BITS // 2:
        raise UserError(
            f"The distance {max_distance} is no limit for near-duplicates.",
            f"give a number from 0 to {HASH_BITS // 2 - 1}",
        )
    images = index.merge(split.table[["row", "part"]], on="row").sort_values("row", ignore_index=True)
    return {
        "task": task,
        "protocol": protocol,
        "seed": seed,
        "unit": split.unit,
        "warnings": list(split.warnings),
        "images": len(images),
        "parts": {part: describe_part(images[images["part"] == part], images) for part in PARTS},
        "groups": count_shared_groups(images),
        "exact_duplicates": count_exact_duplicates(images),
        "near_duplicates": count_near_duplicates(images, max_distance),
    }


def describe_part(part: pd.DataFrame, images: pd.DataFrame) -> dict[str, Any]:
    """Number of images, known groups, and images per class of one part."""
    names = images.drop_duplicates("label").sort_values("label")["label_name"].astype(str)
    classes = part["label_name"].astype(str).value_counts()
    return {
        "images": len(part),
        "share": len(part) / len(images),
        "groups": part["group"][part["group"] != ""].nunique(),
        "classes": {name: int(classes.get(name, 0)) for name in names},
    }


def of_test(affected: Bool[np.ndarray, " tested"]) -> dict[str, Any]:
    """Number of affected test images, and their share of all."""
    return {"images": int(np.sum(affected)), "share": float(np.mean(affected))}


def count_shared_groups(images: pd.DataFrame) -> dict[str, Any]:
    """Test images whose patient, lesion or slide is in an earlier part too.

    Images of unknown group cannot count; if no test image has a known one the numbers are None, since 0 would say too much.
    """
    test = images[images["part"] == "test"]
    seen = {part: known_groups(images[images["part"] == part]) for part in EARLIER_PARTS}
    unknown = {"images": None, "share": None}
    shared = {part: of_test(test["group"].isin(groups)) for part, groups in seen.items()}
    return {
        "images_of_unknown_group": int((images["group"] == "").sum()),
        "test_images_with_group_in": shared if known_groups(test) else dict.fromkeys(EARLIER_PARTS, unknown),
    }


def known_groups(images: pd.DataFrame) -> set[str]:
    """The groups that are not unknown."""
    return set(images["group"]) - {""}


def count_exact_duplicates(images: pd.DataFrame) -> dict[str, Any]:
    """Contents (by SHA-256) that are in several parts, and the test images whose content is in an earlier part.

    The picture alone counts: with another mask it is the same.
    """
    content = images[IMAGE_SHA256 if IMAGE_SHA256 in images else "sha256"]
    is_test = images["part"] == "test"
    parts_of_content = images["part"].groupby(content).nunique()
    return {
        "contents_in_several_parts": int((parts_of_content > 1).sum()),
        "test_images_with_copy_in": {
            part: of_test(content[is_test].isin(content[images["part"] == part])) for part in EARLIER_PARTS
        },
    }


def count_near_duplicates(images: pd.DataFrame, max_distance: int) -> dict[str, Any]:
    """Test images with a near-duplicate in training, of the same group and of another (or unknown) one, with examples."""
    hashes = parse_hashes(images["dhash"])
    judged = ~is_degenerate(hashes, max_distance)
    test, train = (np.flatnonzero((images["part"] == part) & judged) for part in ("test", "train"))
    groups = group_codes(images["group"])
    found = {
        kind: nearest(hashes[test], hashes[train], groups[test], groups[train], same_group=kind == "same_group")
        for kind in ("same_group", "other_group")
    }
    tested = int((images["part"] == "test").sum())
    near = {kind: neighbours.distance <= max_distance for kind, neighbours in found.items()}
    return {
        "max_distance": max_distance,
        "flat_images_not_judged": int((~judged).sum()),
        "test_images_with_near_duplicate_in_train": {
            kind: {"images": int(hits.sum()), "share": float(hits.sum() / tested)}
            for kind, hits in (near | {"any": near["same_group"] | near["other_group"]}).items()
        },
        "examples": example_pairs(images, test, train, found, max_distance),
    }


def parse_hashes(dhash: pd.Series) -> Hashes:
    """Difference hashes as numbers, from 16 hexadecimal digits.

    Raises:
        UserError: one is no such text.
    """
    wrong = dhash[~dhash.astype(str).str.fullmatch("[0-9a-fA-F]{16}")]
    if len(wrong):
        raise UserError(
            f"The dhash '{wrong.iloc[0]}' in the index is not 16 hexadecimal digits.", "prepare the data again"
        )
    return np.array([int(digits, 16) for digits in dhash], np.uint64)


def is_degenerate(hashes: Hashes, max_distance: int) -> Bool[np.ndarray, " images"]:
    """Whether so few bits differ from all 0 or all 1 that any two such hashes would count as near-duplicates."""
    ones = np.bitwise_count(hashes).astype(int)
    return np.minimum(ones, HASH_BITS - ones) <= max_distance / 2


def group_codes(group: pd.Series) -> Int[np.ndarray, " images"]:
    """Groups as numbers from 0; images of unknown group get a number of their own each, below 0."""
    codes = np.unique(group.astype(str), return_inverse=True)[1]
    return np.where(group == "", -1 - np.arange(len(group)), codes)


def nearest(
    queries: Hashes,
    others: Hashes,
    query_groups: Int[np.ndarray, " queries"],
    other_groups: Int[np.ndarray, " others"],
    same_group: bool,
) -> Neighbours:
    """Nearest other hash for each query, of the same group or of another; the first of several equally near."""
    position = np.zeros(len(queries), int)
    distance = np.full(len(queries), HASH_BITS + 1)
    for rows in blocks(len(queries), len(others)):
        apart = np.bitwise_count(queries[rows, None] ^ others)
        apart[(query_groups[rows, None] == other_groups) != same_group] = HASH_BITS + 1
        position[rows] = apart.argmin(1)
        distance[rows] = apart.min(1)
    return Neighbours(position, distance)


def blocks(queries: int, others: int) -> Iterator[slice]:
    """Slices of the queries whose comparison with all others fits into little memory; none if there are no others."""
    if others:
        step = max(1, BLOCK_PAIRS // others)
        yield from (slice(start, start + step) for start in range(0, queries, step))


def example_pairs(
    images: pd.DataFrame,
    test: Int[np.ndarray, " tested"],
    train: Int[np.ndarray, " trained"],
    found: Mapping[str, Neighbours],
    max_distance: int,
) -> list[dict[str, Any]]:
    """The first pairs to look at: those of different groups first, since no split by group separates them; nearest first."""
    ids = images["id"].astype(str).to_numpy()
    pairs = [
        {
            "test": ids[test[query]],
            "train": ids[train[other]],
            "distance": int(distance),
            "same_group": kind == "same_group",
        }
        for kind, neighbours in found.items()
        for query, (other, distance) in enumerate(zip(neighbours.position, neighbours.distance, strict=True))
        if distance <= max_distance
    ]
    return sorted(pairs, key=lambda pair: (pair["same_group"], pair["distance"], pair["test"]))[:EXAMPLES]


def leakage_table(reports: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per report, ordered by task and protocol: counts, and shares of the test images."""
    return sorted(
        (table_row(report) for report in reports), key=lambda row: (row["task"], row["protocol"], row["seed"])
    )


def table_row(report: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of one report that a reader compares between protocols."""
    groups = report["groups"]["test_images_with_group_in"]
    copies = report["exact_duplicates"]["test_images_with_copy_in"]
    near = report["near_duplicates"]["test_images_with_near_duplicate_in_train"]
    return {
        "task": report["task"],
        "protocol": report["protocol"],
        "seed": report["seed"],
        "split_by": report["unit"],
        **{f"{part}_images": report["parts"][part]["images"] for part in PARTS},
        "test_groups": report["parts"]["test"]["groups"],
        "test_with_group_in_train": groups["train"]["images"],
        "test_with_group_in_train_share": groups["train"]["share"],
        "test_with_group_in_validation": groups["validation"]["images"],
        "test_with_group_in_validation_share": groups["validation"]["share"],
        "exact_duplicates_across_parts": report["exact_duplicates"]["contents_in_several_parts"],
        "test_with_copy_in_train": copies["train"]["images"],
        "test_near_duplicate_same_group": near["same_group"]["images"],
        "test_near_duplicate_same_group_share": near["same_group"]["share"],
        "test_near_duplicate_other_group": near["other_group"]["images"],
        "test_near_duplicate_other_group_share": near["other_group"]["share"],
        "images_of_unknown_group": report["groups"]["images_of_unknown_group"],
        "flat_images_not_judged": report["near_duplicates"]["flat_images_not_judged"],
        "warnings": " ".join(report["warnings"]),
    }
