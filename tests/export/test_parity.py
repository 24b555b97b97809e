"""What may differ between a graph and stored predictions, and what is refused."""

import numpy as np
import pytest

from kdml.common.errors import UserError
from kdml.export.parity import BARS, Parity, _changed, _difference, check, stored_of
from kdml.runs.predictions import quantise, quantise_classes

FINE = {"pictures": 10, "decisions": 10, "changed": 0, "difference": 1e-6}


@pytest.mark.parametrize("precision", BARS)
def test_what_keeps_to_the_bar_passes(precision):
    bar = BARS[precision]
    check(Parity(**FINE), precision, "student")
    check(Parity(10, 10_000, int(10_000 * bar.decisions), bar.probability), precision, "student")


@pytest.mark.parametrize("beyond", [{"difference": 2e-3}, {"changed": 1}, {"difference": float("nan")}])
def test_what_does_not_is_refused_with_its_numbers(beyond):
    found = Parity(**FINE | beyond)
    with pytest.raises(UserError) as told:
        check(found, "float32", "student")
    assert f"{found.changed} of 10 decisions" in told.value.problem and f"{found.difference:.2g}" in told.value.problem


def test_a_quantised_probability_is_compared_by_its_step():
    now = np.linspace(0, 1, 1001)
    assert _difference(now, quantise(now)) < 1e-12
    assert _difference(now + 0.01, quantise(now)) == pytest.approx(0.01, abs=1e-9)
    assert _difference(np.array([0.2]), np.array([0.5])) == pytest.approx(0.3)


def test_stored_outputs_of_an_ensemble_are_the_projects():
    one, two = np.array([[0.9, 0.1]], np.float32), np.array([[0.2, 0.8]], np.float32)
    both = {"s1": one, "s2": two, "teacher": one}
    assert stored_of(both, ["s2"], "classification") is two
    assert np.allclose(stored_of(both, ["s1", "s2"], "classification"), [[0.9 / 1.7, 0.8 / 1.7]])
    masks = {"s1": np.array([[[3, 200]]], np.uint8), "s2": np.array([[[100, 7]]], np.uint8)}
    assert stored_of(masks, ["s1", "s2"], "segmentation").tolist() == [[[100, 200]]]


def test_classes_of_pixels_may_differ_where_they_were_equal():
    """Three pixels: the same class; another one within a step of the largest; another one."""
    now = np.array([[0.2, 0.40, 0.1], [0.7, 0.38, 0.3], [0.1, 0.22, 0.6]]).reshape(3, 1, 3)
    before = np.array([[50, 100, 150], [180, 101, 80], [25, 50, 26]], np.uint8).reshape(3, 1, 3)
    assert _changed(now, before) == 1
    stored = quantise_classes(now[None])[0]
    assert _changed(now, stored) == 0 and _difference(now, stored) < 1e-12
    assert stored_of({"s1": before[None], "s2": stored[None]}, ["s1", "s2"], "segmentation").shape == (1, 3, 1, 3)
