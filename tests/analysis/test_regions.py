"""Regions of masks drawn by hand."""

import numpy as np

from kdml.analysis import regions


def drawn(*boxes):
    mask = np.zeros((20, 20), dtype=bool)
    for top, bottom, left, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


def test_regions_and_how_much_of_each_is_marked():
    truth = drawn((0, 4, 0, 4), (10, 20, 10, 20))
    marked = {"s1": drawn((0, 4, 0, 1), (10, 20, 10, 16)), "s2": drawn()}
    small, large = regions.regions(truth, marked)
    assert (small.area, large.area) == (16, 100) and small.box == (0, 4, 0, 4)
    assert small.shares == {"s1": 0.25, "s2": 0.0} and large.shares["s1"] == 0.6


def test_diagonal_neighbours_are_one_region_and_crumbs_are_none():
    assert [region.area for region in regions.regions(drawn((0, 2, 0, 2), (2, 4, 2, 4)), {})] == [8]
    assert regions.regions(drawn((0, 1, 0, 3)), {}) == []


def test_a_neighbour_in_the_box_does_not_count():
    """The L's box holds the small square, which is another region."""
    truth = drawn((0, 10, 0, 2), (8, 10, 0, 10), (0, 3, 6, 9))
    found = regions.regions(truth, {"s1": drawn((0, 3, 6, 9))})
    assert [region.shares["s1"] for region in found] == [0.0, 1.0]


def test_false_regions_touch_no_truth():
    truth = drawn((0, 4, 0, 4))
    marked = drawn((3, 7, 3, 7), (10, 14, 10, 14), (18, 19, 0, 2))
    assert regions.false_regions(truth, marked) == 1  # the one that touches is none, the crumb neither
    assert regions.false_regions(truth, drawn()) == 0
    assert regions.false_regions(drawn(), marked) == 2


def test_sizes_are_thirds():
    limits = regions.size_limits(np.arange(1, 10))
    assert [regions.size_of(area, limits) for area in (1, 3, 4, 6, 7, 9)] == ["small"] * 2 + ["medium"] * 2 + [
        "large"
    ] * 2
