"""One student or two, and a third taught by both: which are compared, and by how much they differ."""

import math

import numpy as np
import pytest
from fabricated import SEGMENTATION, SPLIT, FabricatedPlace, by_key, contrasts, evaluate, probabilities, read, right_at

from kdml.analysis import cases, class_cells, second_student
from kdml.analysis.contrasts import MeasuredRuns
from kdml.analysis.counts import Key, Measured, OfCounts
from kdml.common.files import write_csv
from kdml.runs.third_student import ThirdStudent

TAUGHT = tuple({"source": one, "learner": "s3", "knowledge": "predictions", "weight": 0.4} for one in ("s1", "s2"))


def measured(name, n=1000, **networks):
    """A run of one seed whose networks are wrong at these of n cases."""
    measures = {}
    for network, places in networks.items():
        right = ~np.isin(np.arange(n), list(places))
        cells = np.stack([right, ~right, np.zeros(n), np.zeros(n)], axis=1).astype(float)
        measures[Key(network, "label", "accuracy")] = OfCounts(class_cells.accuracy, cells)
    by_network = dict.fromkeys(networks, np.ones(n, dtype=bool))
    return Measured(name, 0, tuple(map(str, range(n))), n, measures, by_network)


def row_of(run, validation, thirds=None):
    scores = {("a", network): score for network, score in validation.items()}
    return list(second_student.rows(MeasuredRuns([run]), "accuracy", scores, thirds))


def test_a_second_student_is_worth_what_the_ensemble_gains_over_the_one_that_validation_chooses():
    (row,) = row_of(measured("a", s1=range(50), s2=range(80), ensemble=range(30)), {"s1": 70.0, "s2": 75.0})
    assert (row["run"], row["single"], row["students"], row["validation"]) == ("a", "s2", 2, 75.0)
    assert (row["ensemble"], row["cases"], row["seeds"]) == ("ensemble", 1000, 1) and "third" not in row
    assert (row["single_mean"], row["ensemble_mean"]) == (pytest.approx(92), pytest.approx(97))
    error = 100 * math.sqrt(0.05 * 0.95 / 1000)
    assert row["gained"] == pytest.approx(5) and row["low"] == pytest.approx(5 - 1.96 * error, abs=0.3)
    assert row["high"] == pytest.approx(5 + 1.96 * error, abs=0.3)
    assert row_of(measured("a", s1=range(9)), {"s1": 99.0}) == []


STUDENTS = {"s1": range(50), "s2": range(80), "s3": range(60), "ensemble": range(20), "sources": range(30)}
THIRD = {"a": ThirdStudent("s3", ("s1", "s2"))}


def test_a_third_student_stands_beside_the_two_that_teach_it():
    """Its own validation score, the best of all, chooses nothing, and its ensemble with the others is none of theirs."""
    (row,) = row_of(measured("a", **STUDENTS), {"s1": 70.0, "s2": 75.0, "s3": 99.0}, THIRD)
    assert (row["single"], row["ensemble"], row["students"], row["third"]) == ("s2", "sources", 2, "s3")
    assert row["gained"] == pytest.approx(5) and row["third_mean"] == pytest.approx(94)
    error = 100 * math.sqrt(0.03 * 0.97 / 1000)
    assert row["over_single"] == pytest.approx(2) and row["over_ensemble"] == pytest.approx(-3)
    assert row["over_ensemble_low"] == pytest.approx(-3 - 1.96 * error, abs=0.3)
    assert row["over_ensemble_high"] == pytest.approx(-3 + 1.96 * error, abs=0.3)
    assert row.keys() == set(second_student.COLUMNS)


def test_where_their_ensemble_was_not_measured_it_is_that_of_all():
    networks = {name: places for name, places in STUDENTS.items() if name != "sources"}
    (row,) = row_of(measured("a", **networks), {"s1": 70.0, "s2": 75.0, "s3": 99.0}, THIRD)
    assert (row["single"], row["ensemble"], row["students"]) == ("s2", "ensemble", 3)
    assert row["ensemble_mean"] == pytest.approx(98) and row["over_ensemble"] == pytest.approx(-4)


def scored(folder, **scores):
    """Give a run validation scores."""
    lines = {f"validation.{name}.score": score for name, score in scores.items()}
    write_csv(folder / "history.csv", [{"epoch": 1, "learning_rate": 0.1} | lines])


def test_scripts_measure_the_ensemble_of_the_two_alone(tmp_path):
    """S3 alone is right at image 5, and says it more surely than the others do."""
    place = FabricatedPlace(tmp_path, SPLIT)
    third = probabilities(*(0.95 if label else 0.05 for label in (0, 1, 1, 0, 0, 1)))
    networks = {"s1": right_at(0, 1, 2), "s2": right_at(0, 1, 2, 3), "s3": third}
    for seed in (0, 1):
        scored(place.add("mine", networks, seed, edges=TAUGHT), s1=0.3, s2=0.2, s3=0.9)
        scored(place.add("ml_v1", {"s1": right_at(0, 1), "s2": right_at(0, 2)}, seed), s1=0.3, s2=0.2)
    assert evaluate(place) == (0, "") and contrasts(place, "variants") == (0, "")
    values = by_key(read(tmp_path / "variants/values.csv"), "run", "network", "metric")
    accuracy = {name: float(values["mine", name, "accuracy"]["mean"]) for name in ("ensemble", "sources")}
    assert accuracy["ensemble"] == pytest.approx(100)
    # Where both are equally sure and disagree, at image 3, the first class is taken, and is right.
    assert accuracy["sources"] == pytest.approx(100 * 4 / 6)
    assert ("ml_v1", "sources", "accuracy") not in values
    # They alone disagree at image 3 alone: by 0.6. With S3 every image is one of disagreement.
    table = cases.read([tmp_path / "variants/cases.parquet"])
    mine = table[(table["run"] == "mine") & (table["seed"] == 0)]
    apart = {name: mine.loc[mine["network"] == name, "disagreement"].tolist() for name in ("sources", "ensemble")}
    assert apart["sources"] == pytest.approx([0, 0, 0, 0.6, 0, 0], abs=0.02) and min(apart["ensemble"]) > 0.01
    assert {"aurc_disagreement", "temperature", "brier_scaled"} <= {key[2] for key in values if key[1] == "sources"}
    rows = by_key(read(tmp_path / "second_student.csv"), "run")
    row = rows["mine",]
    assert (row["ensemble"], row["third"], row["seeds"]) == ("sources", "s3", "2")
    assert float(row["over_ensemble"]) == pytest.approx(100 * 2 / 6) and rows["ml_v1",]["third"] == ""
    assert not any(row["network"] == "sources" for row in read(tmp_path / "flips.csv"))


def test_of_masks_it_is_their_union(tmp_path):
    place = FabricatedPlace(tmp_path, SPLIT, **SEGMENTATION)
    masks, outputs = np.zeros((8, 4, 4), dtype=np.uint8), {}
    masks[:6] = 1
    np.save(tmp_path / "masks.npy", masks)
    for number, name in enumerate(("s1", "s2", "s3")):
        outputs[name] = np.full((6, 4, 4), 10, dtype=np.uint8)
        outputs[name][:, number] = 250  # a row of the mask each
    place.add("mine", outputs, edges=TAUGHT)
    assert evaluate(place) == (0, "")
    values = by_key(read(tmp_path / "variants/values.csv"), "network", "metric")
    found = {name: float(values[name, "iou"]["mean"]) for name in ("s1", "sources", "ensemble")}
    assert found == pytest.approx({"s1": 25, "sources": 50, "ensemble": 75})
