"""A dataset's prepared arrays and one split of it, checked against each other."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdml.common.errors import UserError

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
    """Memory-mapped images (N, h, w, 3) uint8 and, for segmentation, masks (N, h, w) uint8 of 0 and 1."""

    images: np.ndarray
    masks: np.ndarray | None


def open_arrays(folder: Path, with_masks: bool) -> Arrays:
    """Open what `src/prepare.py` wrote.

    Raises:
        UserError: an array is missing, truncated, of the wrong type, or does not fit its partner.
    """
    images = _open(folder / "images.npy", dimensions=4)
    masks = _open(folder / "masks.npy", dimensions=3) if with_masks else None
    if masks is not None and masks.shape != images.shape[:3]:
        raise UserError(
            f"{folder}: images.npy has the shape {images.shape} and masks.npy {masks.shape}; they must describe the same pictures.",
            "delete the folder and let the workflow prepare the data again",
        )
    return Arrays(images, masks)


def _open(path: Path, dimensions: int) -> np.ndarray:
    remedy = "delete the folder and let the workflow prepare the data again"
    try:
        array = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "run `python src/prepare.py` first, or the whole workflow") from None
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"{path} is damaged or not an array ({error}).", remedy) from None
    if array.dtype != np.uint8 or array.ndim != dimensions:
        found = f"{array.dtype} with {array.ndim} dimensions"
        raise UserError(f"{path} holds {found}; expected uint8 with {dimensions}.", remedy)
    return array


def read_split(path: Path, images: int) -> dict[str, Part]:
    """Read a split: part name -> its rows and labels.

    Args:
        path: CSV with the columns row, id, label, group, part.
        images: number of prepared images; every row must be one of them.

    Raises:
        UserError: the file is missing, has other columns or parts, names rows that do not exist, or leaves a part empty.
    """
    remedy = "delete it and let the workflow split the data again"
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "run `python src/split.py` first, or the whole workflow") from None
    try:
        table = [(line["part"], int(line["row"]), int(line["label"])) for line in lines]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not a split (columns row, id, label, group, part): {error!r}.", remedy) from None
    if any(not 0 <= row < images for _, row, _ in table):
        raise UserError(f"{path} names rows that are not among the {images} prepared images.", remedy)
    parts = {name: _part([(row, label) for part, row, label in table if part == name]) for name in PARTS}
    empty = [name for name, part in parts.items() if len(part) == 0]
    if empty:
        raise UserError(f"{path}: the part '{empty[0]}' is empty.", remedy)
    return parts


def _part(samples: list[tuple[int, int]]) -> Part:
    columns = np.array(samples, dtype=np.int64).reshape(-1, 2)
    return Part(columns[:, 0], columns[:, 1])
