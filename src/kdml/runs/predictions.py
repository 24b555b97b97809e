"""Test-set outputs of a run's networks on disk: written once at its end, read by everything that comes later.

Format: a compressed npz with `row` (n,) int64, the rows of the prepared arrays, and one array per network: class
probabilities (n, K) float32, or foreground probabilities (n, h, w) as uint8 `q = floor(256 p)`, at most 255. p >= 0.5 is
q >= 128 exactly, so masks lose nothing; probabilities are read back as (q + 0.5) / 256, within 0.002. Masks of several exclusive
classes are probabilities (n, K, h, w) in this form, the background first; the class of a pixel is the one with the largest q, and
where others would have as large a one they are stored a step lower, so that these masks lose nothing, either.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdml.common.array_files import read_arrays
from kdml.common.errors import UserError
from kdml.common.files import written_whole

ROW = "row"
THRESHOLD = 128  # of a quantised probability: 0.5
ROUNDING = 1e-2  # of probabilities, which may be computed from logits of half precision
REMEDY = "delete it and let the workflow train the run again"


@dataclass(frozen=True)
class Predictions:
    """Outputs of the networks of one run.

    Args:
        rows: of the prepared arrays, (n,).
        outputs: by network: probabilities (n, K) float32, or quantised ones, of the foreground (n, h, w) or of several classes
            (n, K, h, w), uint8.
    """

    rows: np.ndarray
    outputs: Mapping[str, np.ndarray]


def quantise(probability: np.ndarray) -> np.ndarray:
    """Probabilities 0..1 as uint8: `floor(256 p)`, at most 255."""
    return np.minimum(probability * 256, 255).astype(np.uint8)


def quantise_classes(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities (n, K, h, w) of exclusive classes as uint8, with one largest value at each pixel."""
    quantised = quantise(probabilities)
    largest = probabilities.argmax(axis=1)[:, None]
    ties = quantised == np.take_along_axis(quantised, largest, axis=1)
    np.put_along_axis(ties, largest, False, axis=1)
    return quantised - ties.astype(np.uint8)


def dequantise(quantised: np.ndarray) -> np.ndarray:
    """Middle of each step of `quantise`, float32."""
    return (quantised.astype(np.float32) + 0.5) / 256


def marked(quantised: np.ndarray) -> np.ndarray:
    """Pixels that count as lesion: probability 0.5 or more."""
    return quantised >= THRESHOLD


def classes_of(quantised: np.ndarray) -> np.ndarray:
    """Class (n, h, w) uint8 of every pixel: the one with the largest probability of (n, K, h, w)."""
    return quantised.argmax(axis=1).astype(np.uint8)


def decisions(output: np.ndarray) -> np.ndarray:
    """What a stored output decides: classes (n,) of probabilities (n, K), marked pixels or classes of pixels (n, h, w) of
    quantised ones (n, h, w) or (n, K, h, w)."""
    if output.ndim == 2:
        return output.argmax(axis=1)
    return marked(output) if output.ndim == 3 else classes_of(output)


def save(path: Path, rows: np.ndarray, outputs: Mapping[str, np.ndarray]) -> None:
    """Write the outputs, whole or not at all.

    Raises:
        UserError: a network's output is not a number, or not one per row.
    """
    for name, output in outputs.items():
        if len(output) != len(rows):
            raise UserError(
                f"Network {name} has {len(output)} outputs for {len(rows)} test images.", "train the run again"
            )
        if not np.isfinite(output).all():
            raise UserError(f"Network {name} predicts values that are no numbers.", "lower `training.learning_rate`")
    with (
        written_whole(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
    ):
        for name, array in {ROW: np.asarray(rows, dtype=np.int64), **outputs}.items():
            # Level 1: most pixels are background, so that more effort gains little and costs seconds. A fixed date
            # makes equal predictions equal files.
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = zipfile.ZIP_DEFLATED
            with file.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)


def load(path: Path) -> Predictions:
    """Read what `save` wrote.

    Raises:
        UserError: the file is missing or damaged, its arrays do not fit together, or they are no outputs of networks.
    """
    arrays = dict(read_arrays(path, REMEDY))
    rows = arrays.pop(ROW, None)
    if rows is None or not arrays:
        raise UserError(f"{path} holds no predictions.", REMEDY)
    if rows.ndim != 1 or rows.dtype.kind != "i" or (rows < 0).any() or len(np.unique(rows)) < len(rows):
        raise UserError(f"{path}: `{ROW}` holds no rows of the prepared arrays, each once.", REMEDY)
    for name, output in arrays.items():
        _check_output(output, len(rows), f"{path}: {name}")
    return Predictions(rows, arrays)


def _check_output(output: np.ndarray, rows: int, where: str) -> None:
    """Refuse what is no network's output: anything but quantised masks, or probabilities that sum to 1 over the classes."""
    quantised, probabilities = (
        output.ndim in (3, 4) and output.dtype == np.uint8,
        (output.ndim, output.dtype) == (2, np.float32),
    )
    if not (quantised or probabilities):
        raise UserError(
            f"{where} is of {output.dtype} with {output.ndim} dimensions, which no network's output is.", REMEDY
        )
    if len(output) != rows:
        raise UserError(f"{where} has {len(output)} outputs for {rows} rows.", REMEDY)
    if quantised or not len(output):
        return
    if not np.isfinite(output).all():
        raise UserError(f"{where} has values that are no numbers.", REMEDY)
    if output.min() < 0 or output.max() > 1 or np.abs(output.sum(axis=1, dtype=np.float64) - 1).max() > ROUNDING:
        raise UserError(f"{where} has values that are no probabilities.", REMEDY)
