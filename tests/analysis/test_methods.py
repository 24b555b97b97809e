"""How published methods were trained, in words, from what their runs recorded."""

import csv
import json

import numpy as np
import pytest
from fabricated import FabricatedPlace, call, spoil_record

SPLIT = [(0, "a", 0, "g", "test"), (1, "b", 1, "h", "test")]
OUTPUT = np.eye(2, dtype=np.float32)
STAGE = {"scored": True, "supervised": 1.0, "kd": 0.0, "kd_end": None, "kd_temperature": 4.0, "terms": True}
SHARING = {
    "schedule": [STAGE],
    "weights": {"similarity_f2": 3000.0, "similarity_f3": 3000.0, "unused": 0.0},
    "stages": 1,
    "departures": ["one", "two"],
    "adaptor_parameters": 12,
    "adversary_parameters": 0,
}


@pytest.fixture
def place(tmp_path):
    """Two seeds of a method beside the proposed variant."""
    place = FabricatedPlace(tmp_path, SPLIT)
    place.add("kd_ml_v3", {"teacher": OUTPUT, "s1": OUTPUT, "s2": OUTPUT}, sheet="methods")
    for seed in range(2):
        place.add("sp_published", {"teacher": OUTPUT, "s1": OUTPUT}, seed, sheet="methods", title="SP (3000)")
        record(place, seed)
    return place


def record(place, seed, options=None, **sharing):
    folder = place.folder_of("sp_published", seed)
    settings = json.loads((folder / "run.json").read_text())["settings"]
    method = {"name": "sp", "options": {"weighting": "published"} if options is None else options}
    spoil_record(folder, settings=settings | {"method": method}, sharing=SHARING | sharing, parameters={"s1": 99})


def table_of(place):
    result = call("methods", "--runs", place.runs, "--out", place.folder / "methods.csv")
    if result != (0, ""):
        return result
    with open(place.folder / "methods.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_for_each_method(place):
    (row,) = table_of(place)
    assert row == {
        "run": "sp_published", "title": "SP (3000)", "method": "sp", "seeds": "2", "weights": "supervised 1, similarity 3000",
        "options": "weighting published", "stages": "1", "departures": "one; two", "student_parameters": "99",
        "adaptor_parameters": "12", "adversary_parameters": "0",
    }  # fmt: skip


def test_stages_are_told_apart(place):
    first = STAGE | {"scored": False}
    second = STAGE | {"kd": 1.0, "kd_end": 0.5, "terms": False}
    for seed in range(2):
        record(place, seed, {"stages": 2, "tap": "f3"}, schedule=[first, second], stages=2)
    (row,) = table_of(place)
    assert row["weights"] == "stage 1: similarity 3000; stage 2: supervised 1, kd 1 to 0.5 at temperature 4"
    assert row["options"] == "tap f3" and row["stages"] == "2"  # which has a column


def test_runs_that_cannot_be_described_are_named(place):
    folder = place.folder_of("sp_published", 0)
    spoil_record(folder, sharing={name: value for name, value in SHARING.items() if name != "schedule"})
    code, said = table_of(place)
    assert code == 2 and "run.json does not say `schedule`: older code wrote it" in said
    assert not (place.folder / "methods.csv").exists()
    record(place, 0, {"weighting": "other"})
    code, said = table_of(place)
    assert code == 2 and "trained with different settings or methods" in said
