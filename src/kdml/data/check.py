"""What is in a prepared data set, said before anything trains: doubles, groups, metadata, and what each way to split it leaks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kdml.common.errors import UserError
from kdml.common.metadata import METADATA, UNKNOWN, known
from kdml.data.layouts import NO_GROUP
from kdml.data.leakage import (
    DEFAULT_DISTANCE,
    EXAMPLES,
    blocks,
    is_degenerate,
    leakage_report,
    parse_hashes,
    table_row,
)
from kdml.data.split import PROTOCOLS, make_split

MOST_VALUES = 12  # of a column of metadata that are counted one by one
SAMPLES = 8  # pictures of each class


def checked(
    dataset: str,
    index: pd.DataFrame,
    report: Mapping[str, Any],
    fractions: Sequence[float],
    seed: int,
    used: Sequence[str],
) -> dict[str, Any]:
    """Say of a data set all that the check finds.

    Args:
        dataset: its key.
        index: as `read_index` gives it.
        report: of its preparation.
        fractions, seed: of the splits.
        used: protocols that its tasks are split by.

    Returns:
        A dict ready for JSON.

    Raises:
        UserError: it cannot be split as its tasks want it.
    """
    return {
        "dataset": dataset,
        **{
            key: report.get(key, {}) for key in ("read", "kept", "size", "dropped", "files", "spacing", "several_masks")
        },
        "classes": classes_of(index),
        "mask_classes": report.get("mask_classes", []),
        "groups": groups_of(index),
        "metadata": metadata_of(index),
        "near_duplicates": near_duplicates(index),
        "splits": [split_of(dataset, index, protocol, fractions, seed, protocol in used) for protocol in PROTOCOLS],
    }


def classes_of(index: pd.DataFrame) -> list[dict[str, Any]]:
    """Pictures and known groups of every class, with its share."""
    found = []
    for _, rows in index.groupby("label"):
        groups = rows["group"][rows["group"] != NO_GROUP].nunique()
        name = str(rows["label_name"].iloc[0])
        found.append({"class": name, "images": len(rows), "share": len(rows) / len(index), "groups": groups})
    return found


def groups_of(index: pd.DataFrame) -> dict[str, int]:
    """Number of known groups, pictures of the smallest, median and largest, groups of several classes, pictures without a group."""
    known = index[index["group"] != NO_GROUP]
    if known.empty:
        return {"groups": 0, "images_of_unknown_group": len(index)}
    sizes = known["group"].value_counts()
    mixed = known.groupby("group")["label"].nunique()
    return {
        "groups": len(sizes),
        "smallest": int(sizes.min()),
        "median": int(sizes.median()),
        "largest": int(sizes.max()),
        "of_several_classes": int((mixed > 1).sum()),
        "images_of_unknown_group": len(index) - len(known),
    }


def metadata_of(index: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Values of every column of metadata: their number, pictures without one, and pictures of each where they are few."""
    found = {}
    for column in index.columns:
        if not column.startswith(METADATA):
            continue
        counts = index[column].map(known).value_counts()
        missing = int(counts.pop(UNKNOWN)) if UNKNOWN in counts else 0
        few = {str(value): int(count) for value, count in counts.items()} if len(counts) <= MOST_VALUES else {}
        found[column.removeprefix(METADATA)] = {"values": len(counts), "missing": missing, "counts": few}
    return found


def near_duplicates(index: pd.DataFrame, max_distance: int = DEFAULT_DISTANCE) -> dict[str, Any]:
    """Pairs of pictures that look alike: how many, across groups and classes, and the first to look at.

    Args:
        index: as `read_index` gives it.
        max_distance: largest Hamming distance of their difference hashes.
    """
    hashes = parse_hashes(index["dhash"])
    judged = np.flatnonzero(~is_degenerate(hashes, max_distance))
    chosen = hashes[judged]
    pairs = []
    for rows in blocks(len(chosen), len(chosen)):
        apart = np.bitwise_count(chosen[rows, None] ^ chosen)
        first, second = np.nonzero(apart <= max_distance)
        first = first + rows.start
        kept = first < second
        pairs += list(
            zip(judged[first[kept]], judged[second[kept]], apart[first - rows.start, second][kept], strict=True)
        )
    told = [_pair(index.iloc[first], index.iloc[second], int(distance)) for first, second, distance in pairs]
    # What no split separates comes first, and of it what cannot be right.
    told.sort(key=lambda pair: (pair["same_group"], pair["same_class"], pair["distance"], pair["first"]))
    return {
        "max_distance": max_distance,
        "pairs": len(told),
        "across_groups": sum(not pair["same_group"] for pair in told),
        "across_classes": sum(not pair["same_class"] for pair in told),
        "flat_images_not_judged": len(hashes) - len(judged),
        "examples": told[:EXAMPLES],
    }


def _pair(first: pd.Series, second: pd.Series, distance: int) -> dict[str, Any]:
    same_group = first["group"] == second["group"] != NO_GROUP
    return {
        "first": str(first["id"]),
        "second": str(second["id"]),
        "rows": [int(first["row"]), int(second["row"])],
        "distance": distance,
        "same_group": bool(same_group),
        "same_class": bool(first["label"] == second["label"]),
    }


def split_of(
    dataset: str, index: pd.DataFrame, protocol: str, fractions: Sequence[float], seed: int, is_used: bool
) -> dict[str, Any]:
    """What a way to split would leak: a row of the table of leakage; or why it cannot be done.

    Raises:
        UserError: it cannot be done, and is used.
    """
    try:
        split = make_split(index, protocol, fractions, seed)
    except UserError as error:
        if is_used:
            raise
        return {"protocol": protocol, "is_used": False, "refused": error.problem, "leakage": None}
    leakage = table_row(leakage_report(index, split, dataset, protocol, seed))
    return {"protocol": protocol, "is_used": is_used, "refused": "", "leakage": leakage}


def samples(index: pd.DataFrame) -> dict[str, list[int]]:
    """Rows of some pictures of every class, spread evenly over the data set."""
    found = {}
    for _, rows in index.groupby("label"):
        places = np.unique(np.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).round().astype(int))
        found[str(rows["label_name"].iloc[0])] = [int(row) for row in rows["row"].to_numpy()[places]]
    return found
