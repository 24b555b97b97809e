"""What a run's stored predictions say of every test case, and of every region of the true masks.

The truth is the label, or for the students of a teacher the teacher's prediction, which gives their fidelity.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from kdml.analysis import class_pixels, fidelity, metrics, regions, reliability, roc, surfaces
from kdml.analysis.disagreement import disagreement, pixel_disagreement
from kdml.analysis.ensemble import SOURCES, with_ensemble
from kdml.analysis.picture_index import PREPARE_AGAIN
from kdml.analysis.reliability import DECIMALS, FRACTIONS, scaled
from kdml.analysis.temperature import LEVELS, scaled_levels
from kdml.common.array_files import open_bytes
from kdml.common.errors import UserError
from kdml.common.files import read_csv
from kdml.runs.graph import ENSEMBLE, TEACHER, is_student
from kdml.runs.predictions import Predictions, decisions, marked

REGION_COLUMNS = ("id", "group", "region", "class", "area", "top", "bottom", "left", "right", "network", "share")
# Of a network's output; masks of several classes have one more than those of one class.
DIMENSIONS: Mapping[str, tuple[int, ...]] = {"classification": (2,), "segmentation": (3, 4)}
SPLIT_AGAIN = "make the split again"


@dataclass(frozen=True)
class TestSet:
    """The test part of a split.

    Args:
        rows: of the prepared arrays, (n,).
        ids: of the images, (n,).
        groups: of the images; that of an image without one is the image itself, (n,).
        labels: classes of the images, (n,).
        masks: true ones (n, h, w), the class of each pixel, 0 the background; None for classification.
        subgroups: of the images, (n,) by name, as `kdml.analysis.subgroups` gives them.
        spacing: millimetres between the pixels of the masks, down and across, (n, 2); None for distances in pixels.
    """

    __test__ = False  # no test class, whatever its name begins with

    rows: np.ndarray
    ids: np.ndarray
    groups: np.ndarray
    labels: np.ndarray
    masks: np.ndarray | None = None
    subgroups: Mapping[str, np.ndarray] = field(default_factory=dict)
    spacing: np.ndarray | None = None


@dataclass(frozen=True)
class Evaluation:
    """What is found out about one run against one truth.

    Args:
        cases: a row per image and network: `id`, `group`, `network`, and what metrics are computed from.
        regions: a row per region of the true masks and network (`REGION_COLUMNS`); none for classification or against a teacher.
    """

    cases: pd.DataFrame
    regions: pd.DataFrame


def read_test_set(split: Path, data: Path | None = None, part: str = "test") -> TestSet:
    """Read the test part of a split, and for segmentation its masks.

    Args:
        split: CSV of the split.
        data: folder of the prepared arrays; None for classification.
        part: to read instead of the test part.

    Raises:
        UserError: the split is missing or has no rows of the part, or there are no masks.
    """
    lines = read_csv(split, SPLIT_AGAIN, columns=("part", "id", "group"), counts=("row", "label"))
    lines = [row for row in lines if row["part"] == part]
    if not lines:
        raise UserError(f"{split} has no {part} rows.", SPLIT_AGAIN)
    rows = np.array([int(line["row"]) for line in lines])
    ids = np.array([line["id"] for line in lines], dtype=object)
    groups = np.array([line["group"] or line["id"] for line in lines], dtype=object)
    labels = np.array([int(line["label"]) for line in lines])
    for what, values in (("row", rows), ("id", ids)):
        if len(set(values)) < len(values):
            raise UserError(f"{split} names a {what} of the {part} part more than once.", SPLIT_AGAIN)
    return TestSet(rows, ids, groups, labels, None if data is None else true_masks(data, rows))


def true_masks(data: Path, rows: np.ndarray) -> np.ndarray:
    """Read masks of some rows of the prepared arrays, (n, h, w) uint8: the class of each pixel, 0 the background.

    Args:
        data: folder of the arrays.
        rows: of them.

    Raises:
        UserError: there are no masks, or fewer than rows are named.
    """
    return rows_of(data / "masks.npy", 3, rows)


def rows_of(path: Path, dimensions: int, rows: np.ndarray) -> np.ndarray:
    """Read some rows of a prepared array.

    Args:
        path: of the .npy file.
        dimensions: of the array.
        rows: of it.

    Raises:
        UserError: it is no such array, or has fewer rows.
    """
    array = open_bytes(path, dimensions, PREPARE_AGAIN)
    if len(rows) and max(rows) >= len(array):
        raise UserError(f"{path} has {len(array)} rows, and the split names row {max(rows)}.", PREPARE_AGAIN)
    return array[rows]


def check(stored: Predictions, tested: TestSet, kind: str, names: tuple[Path, Path]) -> None:
    """Check that predictions and test set are of one run.

    Args:
        stored: predictions of a run.
        tested: test part of its split.
        kind: of its task.
        names: files of both, for the message.

    Raises:
        UserError: they name other images, or the outputs are of another kind of task.
    """
    if tested.rows.tolist() != stored.rows.tolist():
        raise UserError(
            f"{names[0]} was made for other images than {names[1]} names.", "train the run again with this split"
        )
    wrong = [name for name, output in stored.outputs.items() if output.ndim not in DIMENSIONS[kind]]
    if wrong:
        raise UserError(f"{names[0]}: the output of {wrong[0]} is not one of {kind}.", "check the task's `kind`")


def against_labels(
    stored: Predictions, tested: TestSet, temperatures: Mapping[str, float] | None = None, sources: Sequence[str] = ()
) -> Evaluation:
    """Measure all networks of a run and the ensemble of its students against the labels or true masks.

    Args:
        stored: predictions of the run.
        tested: test part of its split.
        temperatures: of networks and ensemble; without them nothing is scaled.
        sources: of a third student, whose ensemble is measured, too.
    """
    outputs, rows, subgroups = with_ensemble(stored.outputs, sources), [], dict(tested.subgroups)
    signal = partial(_disagreement, stored, sources)
    warmth = temperatures or {}
    if (masks := tested.masks) is None:
        cases = _stacked(
            tested,
            outputs,
            lambda name: _classes(outputs[name], tested.labels, warmth.get(name)) | signal(name) | subgroups,
        )
    else:
        cases = _stacked(
            tested,
            outputs,
            lambda name: _pixels(outputs[name], masks, warmth.get(name), tested.spacing) | signal(name) | subgroups,
        )
        named = {name: decisions(output) for name, output in outputs.items()}
        rows = list(_regions(tested, masks, named))
    return Evaluation(cases, pd.DataFrame(rows, columns=list(REGION_COLUMNS)))


def against_teacher(stored: Predictions, tested: TestSet) -> Evaluation:
    """Measure the students of a run and their ensemble against the predictions of its teacher.

    Args:
        stored: predictions of a run with a teacher.
        tested: test part of its split.
    """
    outputs = with_ensemble(stored.outputs)
    teacher = outputs.pop(TEACHER)
    truth = tested.labels if tested.masks is None else tested.masks
    cases = _stacked(tested, outputs, lambda name: fidelity.of_cases(teacher, outputs[name], truth))
    return Evaluation(cases, pd.DataFrame(columns=list(REGION_COLUMNS)))


Columns = dict[str, np.ndarray]


def _classes(probabilities: np.ndarray, labels: np.ndarray, temperature: float | None) -> Columns:
    """Class of every image, and its scores: of two classes that of the second, of several that of each."""
    columns = {"target": labels, "predicted": probabilities.argmax(axis=1)}
    scores = reliability.in_decimals((probabilities / probabilities.sum(axis=1, keepdims=True)).astype(np.float64))
    names = roc.scores_of(probabilities.shape[1])
    columns |= reliability.worth(scores, labels)
    if temperature is not None:
        warmer = reliability.in_decimals(scaled(probabilities, temperature))
        columns |= {f"{name}_scaled": values for name, values in reliability.worth(warmer, labels).items()}
        columns["temperature"] = np.full(len(labels), round(temperature, DECIMALS))
    return columns | dict(zip(names, scores.T[-len(names) :], strict=True))


def _pixels(quantised: np.ndarray, masks: np.ndarray, temperature: float | None, spacing: np.ndarray | None) -> Columns:
    """Right and wrong pixels of every image, marked regions where there is no lesion, and what the probabilities are worth."""
    if quantised.ndim == 4:
        return class_pixels.columns(quantised, masks, temperature, spacing)
    masks = masks > 0
    # The union of the students' masks is where the larger probability passes the threshold.
    predicted = marked(quantised)
    counts = metrics.pixel_counts(masks, predicted)
    pairs = zip(masks, predicted, strict=True)
    return (
        dict(zip(metrics.PIXELS, counts.T, strict=True))
        | {"false_regions": np.array([regions.false_regions(*pair) for pair in pairs])}
        | {name: values.round(DECIMALS) for name, values in surfaces.of_images(masks, predicted, spacing).items()}
        | _probabilities(quantised, masks, temperature)
    )


def _disagreement(stored: Predictions, sources: Sequence[str], network: str) -> Columns:
    """How far the students of a run are apart on every image, for them and their ensemble; for that of the sources these alone;
    unknown for others."""
    students = [
        output
        for name, output in stored.outputs.items()
        if (name in sources if network == SOURCES else is_student(name))
    ]
    if len(students) < 2 or not (is_student(network) or network in (ENSEMBLE, SOURCES)):
        return {"disagreement": np.full(len(stored.rows), np.nan)}
    apart = disagreement if students[0].ndim == 2 else pixel_disagreement
    return {"disagreement": apart(students).round(DECIMALS)}


def _probabilities(quantised: np.ndarray, masks: np.ndarray, temperature: float | None) -> Columns:
    """Means over the pixels of every image of uncertainty and Brier score, and pixels and marked regions by bins of the
    probability; with a temperature also what it makes of them."""
    histogram = reliability.pixel_histogram(quantised, masks)
    means = histogram / histogram.sum(axis=(1, 2), keepdims=True)
    ways = {"": LEVELS} | ({} if temperature is None else {reliability.SCALED: scaled_levels(temperature)})
    by_region = reliability.region_bins(quantised, masks, np.stack(list(ways.values())))
    columns: Columns = {"uncertainty": (means.sum(axis=1) @ np.minimum(LEVELS, 1 - LEVELS)).round(DECIMALS)}
    for (prefix, levels), regional in zip(ways.items(), by_region, strict=True):
        squares = np.stack([levels**2, (1 - levels) ** 2])
        columns["brier_scaled" if prefix else "brier"] = np.einsum("ntl,tl->n", means, squares).round(DECIMALS)
        # Sums of unscaled levels are such fractions; rounded likewise, the others take no more room on disk.
        of_pixels = np.round(reliability.pixel_bins(histogram, levels) * FRACTIONS) / FRACTIONS
        columns |= _named(prefix, reliability.COLUMNS, of_pixels)
        columns |= _named(f"{prefix}{reliability.OF_REGIONS}", reliability.COLUMNS_OF_REGIONS, regional.round(DECIMALS))
    return (
        columns if temperature is None else columns | {"temperature": np.full(len(masks), round(temperature, DECIMALS))}
    )


def _named(prefix: str, names: Sequence[str], counts: np.ndarray) -> Columns:
    return {f"{prefix}{name}": values for name, values in zip(names, counts.T, strict=True)}


def _stacked(tested: TestSet, names: Mapping[str, np.ndarray], measure: Callable[[str], Columns]) -> pd.DataFrame:
    """A row per network and image."""
    parts = [
        pd.DataFrame({"id": tested.ids, "group": tested.groups, "network": name, **measure(name)}) for name in names
    ]
    return pd.concat(parts, ignore_index=True)


def _regions(tested: TestSet, truth: np.ndarray, found: Mapping[str, np.ndarray]) -> Iterator[tuple]:
    """Rows of `REGION_COLUMNS`; a region is of one class, and marked as far as it is named so."""
    for place, mask in enumerate(truth):
        of_classes = (
            (kind, region)
            for kind in range(1, int(mask.max()) + 1)
            for region in regions.regions(mask == kind, {name: masks[place] == kind for name, masks in found.items()})
        )
        for number, (kind, region) in enumerate(of_classes):
            keys = (tested.ids[place], tested.groups[place], number, kind, region.area, *region.box)
            yield from ((*keys, network, round(share, 4)) for network, share in region.shares.items())
