"""Distances between the outlines of masks: by hand, and against a search over all pairs of pixels and torchmetrics."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial.distance import cdist
from torchmetrics.functional.segmentation import hausdorff_distance

from kdml.analysis import surfaces


def square(top, left, side, size=32):
    mask = np.zeros((size, size), dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


def by_pairs(truth, predicted):
    """Outlines pixel by pixel, distances of all pairs."""
    outlines = []
    for mask in (truth, predicted):
        padded = np.pad(mask, 1)
        inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        outlines.append(np.argwhere(mask & ~inside))
    apart = cdist(*outlines)
    away = [apart.min(axis=1), apart.min(axis=0)]
    met = np.concatenate(away) <= surfaces.TOLERANCE
    return max(np.percentile(one, 95) for one in away), met.mean()


def test_a_shifted_square_by_hand():
    assert surfaces.of_masks(square(5, 5, 8), square(5, 5, 8)) == (0, 1)
    far, met = surfaces.of_masks(square(5, 5, 8), square(5, 9, 8))
    assert far == 4 and 0 < met < 1
    assert surfaces.of_masks(square(5, 5, 8), square(5, 6, 8)) == (1, 1), "all within the tolerance"


def test_a_single_far_pixel_is_spared_by_the_percentile():
    predicted = square(5, 5, 12)
    predicted[30, 30] = True
    far, _ = surfaces.of_masks(square(5, 5, 12), predicted)
    assert far == 0


def test_a_missed_lesion_is_a_diagonal_off_and_an_image_without_one_is_not_measured():
    truth = np.stack([square(1, 1, 3), square(1, 1, 3), np.zeros((32, 32), dtype=bool), np.zeros((32, 32), dtype=bool)])
    predicted = np.stack([square(1, 1, 3), truth[2], square(1, 1, 3), truth[2]])
    found = surfaces.of_images(truth, predicted)
    assert found["hd95"][:2].tolist() == [0, pytest.approx(32 * math.sqrt(2))] and found["nsd"][:2].tolist() == [1, 0]
    assert np.isnan([found[name][2:] for name in surfaces.IN_PIXELS]).all()


@pytest.mark.parametrize("seed", range(3))
def test_millimetres_are_distances_of_points_that_far_apart(seed):
    """Masks whose pixels are repeated, so that a pixel is as large as its spacing says."""
    generator = np.random.default_rng(seed)
    truth, predicted = (square(*generator.integers(0, 12, 2), generator.integers(4, 12)) for _ in range(2))
    outlines = [np.argwhere(surfaces.surface(mask)) * (3.0, 0.5) for mask in (truth, predicted)]
    apart = cdist(*outlines)
    away = [apart.min(axis=1), apart.min(axis=0)]
    found = surfaces.of_images(truth[None], predicted[None], np.array([[3.0, 0.5]]))
    assert found["hd95_mm"][0] == pytest.approx(max(np.percentile(one, 95) for one in away))
    assert found["nsd_mm"][0] == pytest.approx((np.concatenate(away) <= surfaces.TOLERANCE).mean())
    assert surfaces.of_masks(truth, np.zeros_like(truth), (3.0, 0.5)) == (pytest.approx(math.hypot(96, 16)), 0)


def test_the_spacing_of_all_pictures_or_of_none_decides_the_unit(tmp_path):
    path, rows = tmp_path / "index.parquet", np.array([5, 2])
    sizes = {"mm_down": [1.0, 2.0, 3.0], "mm_across": [0.1, 0.2, 0.3]}
    pd.DataFrame({"row": [2, 4, 5], **sizes}).to_parquet(path)
    assert surfaces.spacing_of(path, rows).tolist() == [[3.0, 0.3], [1.0, 0.1]]
    pd.DataFrame({"row": [2, 4, 5], **sizes | {"mm_down": [1.0, None, 3.0]}}).to_parquet(path)
    assert surfaces.spacing_of(path, rows) is None  # though of another row
    pd.DataFrame({"row": [2, 4, 5]}).to_parquet(path)
    assert surfaces.spacing_of(path, rows) is None


@pytest.mark.parametrize("seed", range(6))
def test_against_a_search_over_all_pairs(seed):
    generator = np.random.default_rng(seed)
    truth, predicted = (square(*generator.integers(0, 20, 2), generator.integers(1, 12)) for _ in range(2))
    truth |= square(*generator.integers(0, 28, 2), 3)
    predicted ^= generator.random(predicted.shape) < 0.02
    assert surfaces.of_masks(truth, predicted) == pytest.approx(by_pairs(truth, predicted))


def test_the_largest_distance_is_that_of_torchmetrics(monkeypatch):
    monkeypatch.setattr(surfaces, "PERCENT", 100)
    truth, predicted = square(3, 4, 9), square(6, 11, 7) | square(25, 25, 2)
    tensors = [torch.from_numpy(mask)[None, None] for mask in (predicted, truth)]
    theirs = hausdorff_distance(*tensors, num_classes=1, include_background=True, input_format="one-hot")
    assert surfaces.of_masks(truth, predicted)[0] == pytest.approx(float(theirs))
