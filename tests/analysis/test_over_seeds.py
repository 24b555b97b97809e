"""Means and spreads over seeds and over pairs of seeds."""

import math
from itertools import permutations

import numpy as np
import pytest

from kdml.analysis.over_seeds import over_seeds, summarise
from kdml.common.errors import UserError


def row(seed, value, run="a", code="abc"):
    return {"run": run, "seed": seed, "value": value, "code_hash": code}


def test_mean_and_spread_by_group():
    values = (1.0, 4.0, 2.5)
    first, second = over_seeds([*(row(seed, value) for seed, value in enumerate(values)), row("7", "3", run="b")])
    assert first == {
        "run": "a",
        "code_hash": "abc",
        "mean": 2.5,
        "std": np.std(values, ddof=1),
        "seeds": 3,
        "remark": "",
    }
    assert (second["run"], second["mean"], second["seeds"]) == ("b", 3, 1) and math.isnan(second["std"])


def test_code_is_kept_as_the_set_of_its_values():
    (found,) = over_seeds([row(0, 1, code="new"), row(1, 2, code="abc"), row(2, 3, code="abc")])
    assert found["code_hash"] == "abc new"


def test_what_is_undefined_is_named_and_not_averaged():
    (found,) = over_seeds([row(0, 1), row(1, "nan")])
    assert math.isnan(found["mean"]) and found["remark"] == "undefined in seed 1" and found["seeds"] == 2


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_pairs_of_seeds_are_left_out_together(seeds):
    """Ordered pairs: with three seeds and more the first alone does not tell them apart."""
    pairs = [
        {"first_seed": first, "second_seed": second, "metric": "accuracy", "value": 10 * first + second}
        for first, second in permutations(range(seeds), 2)
    ]
    (found,) = over_seeds(pairs, over=("first_seed", "second_seed"))
    assert (found["metric"], found["seeds"]) == ("accuracy", seeds * (seeds - 1)) and "second_seed" not in found
    assert found["mean"] == pytest.approx(11 * (seeds - 1) / 2)
    with pytest.raises(UserError, match="first_seed 1, second_seed 0 stands twice"):
        over_seeds([*pairs, pairs[seeds - 1]], over=("first_seed", "second_seed"))


def test_a_seed_that_stands_twice_is_refused():
    with pytest.raises(UserError, match="a: seed 3 stands twice"):
        over_seeds([row(3, 1), row(3, 2)])


def test_an_undefined_value_makes_the_mean_undefined():
    assert math.isnan(summarise([1.0, math.nan]).mean) and summarise([2.0]).mean == 2
