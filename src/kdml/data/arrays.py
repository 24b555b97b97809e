"""A dataset's prepared arrays and one split of it, checked against each other."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdml.common.array_files import open_bytes
from kdml.common.errors import UserError
from kdml.common.files import read_csv, read_json, sha256_of

PREPARE = "delete the folder and let the workflow prepare the data again (or run `python src/prepare.py`)"
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Part:
    """Rows of one part of a split.

    Args:
        rows: row of each sample in the arrays, (n,) int64.
        labels: class of each sample, (n,) int64.
    """

    rows: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Arrays:
    """Memory-mapped images (N, h, w, 3) uint8 and, for segmentation, masks (N, h, w) uint8: class of each pixel, 0 the
    background."""

    images: np.ndarray
    masks: np.ndarray | None


def open_arrays(folder: Path, with_masks: bool) -> Arrays:
    """Open what `src/prepare.py` wrote.

    Raises:
        UserError: an array is missing, truncated, of the wrong type, or does not fit its partner.
    """
    images = open_bytes(folder / "images.npy", 4, PREPARE)
    masks = open_bytes(folder / "masks.npy", 3, PREPARE) if with_masks else None
    if 0 in images.shape or images.shape[3] != 3:
        raise UserError(f"{folder}: images.npy has the shape {images.shape}, not (images, height, width, 3).", PREPARE)
    if masks is not None and masks.shape != images.shape[:3]:
        raise UserError(
            f"{folder}: images.npy has the shape {images.shape} and masks.npy {masks.shape}; they must describe the same pictures.",
            PREPARE,
        )
    return Arrays(images, masks)


def checked_sums(folder: Path) -> dict[str, str]:
    """Checksums of prepared arrays by name, compared with what was written down of them.

    Raises:
        UserError: there is no such report, or an array is not the one that it is about.
    """
    path = folder / "report.json"
    report = read_json(path, PREPARE)
    sums = report.get("sha256") if isinstance(report, dict) else None
    if not isinstance(sums, dict) or not {"images"} <= sums.keys() <= {"images", "masks"}:
        raise UserError(f"{path} has no checksums of the arrays (sha256).", PREPARE)
    for name, recorded in sums.items():
        if (folder / f"{name}.npy").exists() and sha256_of(folder / f"{name}.npy") != recorded:
            raise UserError(f"{folder}: {name}.npy is not the array whose checksum report.json has.", PREPARE)
    return sums


def read_split(path: Path, images: int) -> dict[str, Part]:
    """Read a split: part name -> its rows and labels.

    Args:
        path: CSV with the columns row, id, label, group, part.
        images: number of prepared images; every row must be one of them.

    Raises:
        UserError: the file is missing, has other columns or parts, names a row twice or rows that do not exist, or leaves a part
            empty.
    """
    remedy = "delete it and let the workflow split the data again (or run `python src/split.py`)"
    lines = read_csv(path, remedy, columns=("part",), counts=("row", "label"))
    table = [(line["part"], int(line["row"]), int(line["label"])) for line in lines]
    if unknown := sorted({part for part, *_ in table} - set(PARTS)):
        raise UserError(f"{path} has a part '{unknown[0]}', which is none of {', '.join(PARTS)}.", remedy)
    if any(row >= images for _, row, _ in table):
        raise UserError(f"{path} names rows that are not among the {images} prepared images.", remedy)
    if twice := [row for row, times in Counter(row for _, row, _ in table).items() if times > 1]:
        raise UserError(f"{path} names the row {twice[0]} more than once.", remedy)
    parts = {name: _part([(row, label) for part, row, label in table if part == name]) for name in PARTS}
    empty = [name for name, part in parts.items() if len(part) == 0]
    if empty:
        raise UserError(f"{path}: the part '{empty[0]}' is empty.", remedy)
    return parts


def _part(samples: list[tuple[int, int]]) -> Part:
    columns = np.array(samples, dtype=np.int64).reshape(-1, 2)
    return Part(columns[:, 0], columns[:, 1])
