"""What test images share with training, in words: a section per task, a column per split."""

from collections.abc import Mapping, Sequence
from typing import Any

from kdml.reporting import labels
from kdml.reporting.table_model import Block, Cell, Column, Group, Line, Section, Table

OF = "patient, lesion or slide"
# What stands in a row -> the column that it is read from; one of the name with `_share` stands behind it in percent.
ROWS: Mapping[str, str] = {
    "In fact split by": "split_by",
    "Training images": "train_images",
    "Validation images": "validation_images",
    "Test images": "test_images",
    "Patients, lesions or slides of the test images": "test_groups",
    f"Test images whose {OF} is in training, too": "test_with_group_in_train",
    f"Test images whose {OF} is in validation, too": "test_with_group_in_validation",
    "Pictures that stand in more than one part": "exact_duplicates_across_parts",
    "Test images that stand in training, too": "test_with_copy_in_train",
    f"Test images with a near-duplicate of the same {OF} in training": "test_near_duplicate_same_group",
    f"Test images with a near-duplicate of another {OF} in training": "test_near_duplicate_other_group",
    f"Images of unknown {OF}": "images_of_unknown_group",
    "Flat images, of which no near-duplicate can be told": "flat_images_not_judged",
    "Warnings": "warnings",
}
UNKNOWN = "unknown"


def table(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> Table:
    """The splits of every task beside each other.

    Args:
        rows: of the table of leakage, one per split.
        titles: of tasks, by key.
    """
    tasks = dict.fromkeys(row["task"] for row in rows)
    return Table(
        tuple(
            Section((_block([row for row in rows if row["task"] == task]),), titles.get(task, task), task)
            for task in tasks
        )
    )


def _block(splits: Sequence[Mapping[str, Any]]) -> Block:
    columns = tuple(Column(f"{labels.protocol(row['protocol'])}, seed {row['seed']}") for row in splits)
    said = {title: name for title, name in ROWS.items() if any(row[name] != "" for row in splits)}
    lines = tuple(Line(tuple(_cell(row, name) for row in splits), title, name) for title, name in said.items())
    return Block((Group(columns),), lines, headed=True)


def _cell(row: Mapping[str, Any], name: str) -> Cell:
    if row[name] is None:
        return Cell(UNKNOWN)
    share = row.get(f"{name}_share")
    return Cell(f"{row[name]}" if share is None else f"{row[name]} ({100 * share:.1f} %)")
