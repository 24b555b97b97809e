"""Splits into training, validation and test part, by image (`paper`) or by patient, lesion or slide (`grouped`), and their check.

Both are stratified by label. An index is a table of a data set's images, one per row, with at least the columns
`INDEX_COLUMNS`; a split is such a table with the columns `SPLIT_COLUMNS`.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from kdml.common.errors import UserError
from kdml.common.files import written_whole
from kdml.data.arrays import PARTS, open_arrays

log = logging.getLogger(__name__)

INDEX_COLUMNS = ("row", "id", "label", "label_name", "group", "sha256", "dhash")
IMAGE_SHA256 = "image_sha256"  # column of the picture alone, where `sha256` is of picture and mask
IN_MASK = (
    "in_mask"  # column of the classes that a mask has, where labels are nothing but what the split is stratified by
)
SPLIT_COLUMNS = ("row", "id", "label", "group", "part")
NO_GROUPS = (
    "no image has a known group (of a table of slides, a column `group`, or DICOM files): this split is by image although groups "
    "were asked for, so that images of one patient, lesion or slide may be in several parts."
)
SOME_GROUPS = (
    "{unknown} of {images} images have no known group: each was taken as a group of its own, and may show the patient, "
    "lesion or slide of images in another part."
)
MAKE_AGAIN = "delete the split and let src/split.py make it again"

Parts = Int[np.ndarray, " images"]


@dataclass(frozen=True)
class Split:
    """A split, and what its maker had to say about it.

    Attributes:
        table: the columns `SPLIT_COLUMNS`, ordered by row.
        unit: what was kept together: "image" or "group".
        warnings: sentences for the log and the report.
    """

    table: pd.DataFrame
    unit: str
    warnings: tuple[str, ...] = ()


def read_index(path: Path) -> pd.DataFrame:
    """Read an index from a Parquet file, ordered by row.

    Where it is of an earlier version and has masks beside it, the checksums of the pictures alone are taken from the arrays.

    Raises:
        UserError: the file is missing, no Parquet file or empty, lacks a column or a value, or lists an image twice.
    """
    remedy = "let src/prepare.py make the index"
    try:
        index = pd.read_parquet(path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", remedy) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not a readable Parquet file ({error}).", remedy) from None
    check_columns(index, INDEX_COLUMNS, str(path), remedy)
    if index.empty:
        raise UserError(f"{path} lists no images.", remedy)
    for column in INDEX_COLUMNS:
        if index[column].isna().any():
            raise UserError(f"{path} has rows without {column} (an unknown group is an empty text).", remedy)
    for column in ("row", "id"):
        twice = index[column][index[column].duplicated()]
        if len(twice):
            raise UserError(f"{path} has the {column} {twice.iloc[0]} more than once.", remedy)
    index = index.sort_values("row", ignore_index=True)
    if IMAGE_SHA256 not in index and (path.parent / "masks.npy").exists():  # it is of an earlier version
        images = open_arrays(path.parent, with_masks=False).images
        index[IMAGE_SHA256] = [hashlib.sha256(images[row].tobytes()).hexdigest() for row in index["row"]]
    return index


def write_split(split: pd.DataFrame, path: Path) -> None:
    """Write a split as CSV, whole or not at all."""
    with written_whole(path) as temporary:
        split.to_csv(temporary, index=False, lineterminator="\n")


def check_columns(table: pd.DataFrame, needed: Sequence[str], name: str, remedy: str) -> None:
    """Raise a `UserError` if a table lacks columns."""
    missing = [column for column in needed if column not in table]
    if missing:
        raise UserError(f"{name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}.", remedy)


def check_fractions(fractions: Sequence[float]) -> None:
    """Raise a `UserError` unless there are three positive fractions that sum to 1."""
    if len(fractions) != len(PARTS) or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        given = " ".join(f"{fraction:g}" for fraction in fractions)
        raise UserError(
            f"The split fractions {given} are not three positive numbers that sum to 1.",
            "give the shares of training, validation and test part, for example 0.75 0.10 0.15",
        )


def make_split(index: pd.DataFrame, protocol: str, fractions: Sequence[float], seed: int) -> Split:
    """Split an index and check the result.

    Args:
        index: as `read_index` gives it.
        protocol: one of `PROTOCOLS`.
        fractions: shares of training, validation and test part.
        seed: chooses among the splits that are equally good.

    Raises:
        UserError: an unknown protocol, impossible fractions, a negative seed, or a class too small to be in every part.
    """
    if protocol not in PROTOCOLS:
        raise UserError(f"There is no split protocol '{protocol}'.", f"use one of {' and '.join(PROTOCOLS)}")
    check_fractions(fractions)
    if seed < 0:
        raise UserError(f"The split seed {seed} is negative.", "give a whole number, 0 or more")
    split = PROTOCOLS[protocol](index, fractions, np.random.default_rng(seed))
    for warning in split.warnings:
        log.warning("WARNING: %s", warning)
    check_disjoint(split.table, index, fractions, split.unit)
    return split


def split_by_image(index: pd.DataFrame, fractions: Sequence[float], rng: np.random.Generator) -> Split:
    """Split by image: per class, shuffled, with the shares rounded by the largest remainder."""
    part = np.empty(len(index), int)
    for label in np.unique(index["label"]):
        rows = np.flatnonzero(index["label"] == label)
        part[rng.permutation(rows)] = np.repeat(np.arange(len(PARTS)), largest_remainder(len(rows), fractions))
    return Split(as_table(index, part), unit="image")


def split_by_group(index: pd.DataFrame, fractions: Sequence[float], rng: np.random.Generator) -> Split:
    """Split by group, so that no patient, lesion or slide is in two parts.

    Images of unknown group are groups of their own. If no group is known at all, the split is by image; both are said loudly.
    """
    unknown = (index["group"] == "").to_numpy()
    if unknown.all():
        return replace(split_by_image(index, fractions, rng), warnings=(NO_GROUPS,))
    groups = np.where(unknown, "image " + index["id"].astype(str), "group " + index["group"].astype(str))
    part = assign_groups(count_labels(groups, index["label"].to_numpy()), fractions, rng)
    part_of_image = part[np.unique(groups, return_inverse=True)[1]]
    warnings = (SOME_GROUPS.format(unknown=unknown.sum(), images=len(index)),) if unknown.any() else ()
    return Split(as_table(index, part_of_image), "group", warnings)


PROTOCOLS: dict[str, Callable[[pd.DataFrame, Sequence[float], np.random.Generator], Split]] = {
    "paper": split_by_image,
    "grouped": split_by_group,
}


def as_table(index: pd.DataFrame, part: Parts) -> pd.DataFrame:
    """The split as a table, from the number of each image's part."""
    table = index.assign(part=np.array(PARTS)[part])[list(SPLIT_COLUMNS)]
    return table.sort_values("row", ignore_index=True)


def largest_remainder(count: int, fractions: Sequence[float]) -> Int[np.ndarray, " parts"]:
    """Divide `count` by `fractions` into whole numbers: rounded down, and what is left goes to the largest remainders."""
    exact = count * np.asarray(fractions)
    # Without the small number 0.1 * 30 would be rounded down to 2.
    whole = np.floor(exact + 1e-9).astype(int)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: count - whole.sum()]] += 1
    return whole


def count_labels(groups: Sequence[str], labels: Int[np.ndarray, " images"]) -> Int[np.ndarray, "groups classes"]:
    """Number of images per group (in sorted order) and class."""
    names, group = np.unique(groups, return_inverse=True)
    classes, label = np.unique(labels, return_inverse=True)
    counts = np.zeros((len(names), len(classes)), int)
    np.add.at(counts, (group, label), 1)
    return counts


def assign_groups(
    counts: Int[np.ndarray, "groups classes"], fractions: Sequence[float], rng: np.random.Generator
) -> Int[np.ndarray, " groups"]:
    """Choose a part for every group, so that every class is shared out by `fractions` as nearly as can be.

    Groups are taken in turn, the largest first, those of one size shuffled. Each goes where it raises least the distance
    from the wanted numbers, which is chi-square: the sum over parts and classes of (found - wanted)^2 / wanted. All images count
    as one class more, so that the sizes of the parts come out right too. With groups of one class and one size this
    is the exact stratified split.

    scikit-learn's StratifiedGroupKFold follows the same idea, but for folds of one size: unequal parts must be merged from about 20
    folds, for which 20 patients are too few; and on HAM10000 and LGG the merged parts were further off, and took 50 times as long.
    The price here: where sizes differ, the places of the few largest groups depend little on the seed.
    """
    counts = np.column_stack([counts, counts.sum(1)])
    wanted: Float[np.ndarray, "parts classes"] = np.outer(fractions, counts.sum(0))
    found = np.zeros_like(wanted)
    part = np.empty(len(counts), int)
    shuffled = rng.permutation(len(counts))
    for group in shuffled[np.argsort(-counts[shuffled, -1], kind="stable")]:
        rise = (counts[group] * (2 * (found - wanted) + counts[group]) / wanted).sum(1)
        part[group] = rise.argmin()
        found[part[group]] += counts[group]
    return part


def check_disjoint(split: pd.DataFrame, index: pd.DataFrame, fractions: Sequence[float], unit: str) -> None:
    """Prove that a split is one: complete, disjoint, in the wanted proportions, with every class in every part.

    Args:
        split: a table with the columns `SPLIT_COLUMNS`.
        index: the images that were to be split.
        fractions: shares of training, validation and test part.
        unit: "group" if no group may be in two parts, "image" if it may.

    Raises:
        UserError: names what is violated, with an example, and what to do.
    """
    check_columns(split, SPLIT_COLUMNS, "The split", MAKE_AGAIN)
    check_parts(split)
    check_cover(split, index)
    if unit == "group":
        check_groups(split)
    check_classes(split, index)
    check_shares(split, fractions, unit)


def check_parts(split: pd.DataFrame) -> None:
    """Raise a `UserError` if there are other parts than the three."""
    unknown = sorted(set(split["part"]) - set(PARTS))
    if unknown:
        raise UserError(f"The split has a part '{unknown[0]}', which is none of {', '.join(PARTS)}.", MAKE_AGAIN)


def check_cover(split: pd.DataFrame, index: pd.DataFrame) -> None:
    """Raise a `UserError` unless each image of the index is in exactly one part, with its own label and group."""
    for column in ("row", "id"):
        twice = split[column][split[column].duplicated()]
        if len(twice):
            parts = sorted(set(split["part"][split[column] == twice.iloc[0]]))
            raise UserError(f"The {column} {twice.iloc[0]} is twice in the split ({' and '.join(parts)}).", MAKE_AGAIN)
    both = index.merge(split, on="row", how="outer", suffixes=("_index", "_split"), indicator=True)
    alone = both[both["_merge"] != "both"]
    if len(alone):
        where = {"left_only": "the index but not in the split", "right_only": "the split but not in the index"}
        raise UserError(f"The row {alone['row'].iloc[0]} is in {where[alone['_merge'].iloc[0]]}.", MAKE_AGAIN)
    for column in ("id", "label", "group"):
        differ = both[both[f"{column}_index"] != both[f"{column}_split"]]
        if len(differ):
            raise UserError(f"The {column} of row {differ['row'].iloc[0]} differs from the index.", MAKE_AGAIN)


def check_groups(split: pd.DataFrame) -> None:
    """Raise a `UserError` if a known group is in more than one part."""
    known = split[split["group"] != ""]
    parts = known.groupby("group")["part"].nunique()
    divided = parts.index[parts > 1]
    if len(divided):
        parts_of_first = sorted(set(known["part"][known["group"] == divided[0]]))
        raise UserError(
            f"{len(divided)} groups are divided; the group {divided[0]} is in {' and '.join(parts_of_first)}.",
            MAKE_AGAIN,
        )


def check_classes(split: pd.DataFrame, index: pd.DataFrame) -> None:
    """Raise a `UserError` if a class is missing from a part; where masks decide, a class that they have."""
    images = index.merge(split[["row", "part"]], on="row")
    has = "is in the masks of" if IN_MASK in images else "has"
    for name, of_class in _by_class(images):
        missing = [part for part in PARTS if part not in set(of_class["part"])]
        if missing:
            groups = of_class["group"][of_class["group"] != ""].nunique()
            raise UserError(
                f"The class '{name}' {has} {len(of_class)} images in {groups} known groups, and none of them came to "
                f"the part {' and '.join(missing)}.",
                "add images (or groups) of this class, make that part larger, or leave the class out",
            )


def _by_class(images: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name and images of every class."""
    if IN_MASK not in images:
        yield from ((str(of_label["label_name"].iloc[0]), of_label) for _, of_label in images.groupby("label"))
        return
    for name in sorted(set().union(*images[IN_MASK])):
        yield name, images[[name in names for names in images[IN_MASK]]]


def check_shares(split: pd.DataFrame, fractions: Sequence[float], unit: str) -> None:
    """Raise a `UserError` if a part's size is further from its share than what cannot be divided explains.

    By image that is one image per class, by group the largest group, and 1 % for the balance between the classes.
    """
    indivisible = (
        split["label"].nunique() if unit == "image" else split["group"][split["group"] != ""].value_counts().max()
    )
    tolerance = indivisible / len(split) + (0.01 if unit == "group" else 0)
    shares = split["part"].value_counts(normalize=True)
    for part, fraction in zip(PARTS, fractions, strict=True):
        if abs(shares[part] - fraction) > tolerance:
            raise UserError(
                f"The part {part} holds {shares[part]:.1%} of the images instead of {fraction:.1%}.",
                "choose fractions that the sizes of the groups allow, or another seed",
            )
