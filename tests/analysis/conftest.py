"""A place that the scripts of the analyses run on."""

import pytest
from fabricated import SPLIT, FabricatedPlace, right_at


@pytest.fixture
def seeds():
    """How many seeds the place has; a test may ask for others."""
    return 2


@pytest.fixture
def place(tmp_path, seeds):
    """Some seeds of the proposed variant and of ML, both networks alone, a method."""
    place = FabricatedPlace(tmp_path, SPLIT)
    for seed in range(seeds):
        teacher = right_at(0, 1, 2, 3, 4)
        taught = {"teacher": teacher, "s1": right_at(*range(4 + min(seed, 1))), "s2": right_at(*range(1, 6))}
        place.add("kd_ml_v3", taught, seed)
        place.add("ml_v1", {"s1": right_at(0, 1, 2), "s2": right_at(0, 1, 2)}, seed)
        place.add("kd_ml_v3", taught, seed, sheet="methods")
        place.add("sp", {"teacher": teacher, "s1": right_at(*range(5))}, seed, sheet="methods", title="SP")
        place.add("baseline_teacher", {"baseline": right_at(*range(6 if seed else 4))}, seed, sheet="alone")
        place.add("baseline_student", {"baseline": right_at(0, 1)}, seed, sheet="alone")
    return place
