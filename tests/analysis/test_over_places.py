"""Files that are joined from those of several sheets, places or seeds, through the scripts themselves."""

import math

import pytest
from fabricated import by_key, call, evaluate, read

from kdml.common.files import write_csv


def test_all_metrics_list_every_network_once(place):
    for sheet in ("variants", "methods", "alone"):
        evaluate(place, sheet)
    tables = [place.folder / sheet / "by_seed.csv" for sheet in ("variants", "methods", "alone")]
    assert call("metrics", *tables, "--out", place.folder / "metrics.csv") == (0, "")
    rows = read(place.folder / "metrics.csv")
    keys = by_key(rows, "protocol", "task", "pair", "run", "seed", "network", "truth", "metric")
    assert len(keys) == len(rows)  # the proposed variant stands in two sheets
    assert {(row["pair"], row["run"]) for row in rows} == {
        ("small", "kd_ml_v3"), ("small", "ml_v1"), ("small", "sp"), ("big", "baseline"), ("tiny", "baseline"),
    }  # fmt: skip
    assert float(keys["paper", "hcd", "tiny", "baseline", "0", "baseline", "label", "accuracy"]["value"]) == pytest.approx(200 / 6)  # fmt: skip
    code, said = call("metrics", place.folder / "nowhere.csv", "--out", place.folder / "other.csv")
    assert code == 2 and "nowhere.csv does not exist" in said and not (place.folder / "other.csv").exists()


def test_similarity_is_over_seeds(place):
    def write(group, run, means):
        rows = [
            {"run": run, "seed": seed, "first": "s1", "second": "s2", "upper_mean": mean, "images": 6, "batch": 6, "code_hash": "abc"}
            for seed, mean in enumerate(means)
        ]  # fmt: skip
        write_csv(place.folder / f"similarity/{group}/upper.csv", rows)

    write("kd_ml", "kd_ml_v3", [0.5, 0.7])
    arguments = ("--runs", place.runs, "--cka", place.folder / "similarity", "--out", place.folder / "s.csv")
    arguments = (*arguments, "--summary", place.folder / "summary.csv")
    code, said = call("similarity_summary", *arguments)
    assert code == 2 and "ml/upper.csv does not exist" in said and not (place.folder / "s.csv").exists()
    write("ml", "ml_v1", [0.2, 0.2])
    assert call("similarity_summary", *arguments) == (0, "")
    assert len(read(place.folder / "s.csv")) == 4
    rows = by_key(read(place.folder / "summary.csv"), "run")
    assert float(rows["kd_ml_v3",]["mean"]) == pytest.approx(0.6) and rows["kd_ml_v3",]["seeds"] == "2"
    assert float(rows["kd_ml_v3",]["std"]) == pytest.approx(0.2 / math.sqrt(2)) and float(rows["ml_v1",]["std"]) == 0


def test_compression_takes_values_of_all_sheets(place):
    for sheet in ("variants", "alone"):
        evaluate(place, sheet)
    costs = [
        {"network": name, "students": students, "parameters": parameters, "latency_ms": parameters / 10, "saved": 0}
        | dict.fromkeys(("macs", "bytes", "size", "threads", "machine"), 1)
        for name, students, parameters in (("teacher", 0, 100), ("teacher_alone", 0, 90), ("student", 1, 40), ("ensemble", 2, 80))
    ]  # fmt: skip
    write_csv(place.folder / "costs.csv", costs)
    arguments = ["--runs", place.runs, "--costs", place.folder / "costs.csv", "--out", place.folder / "compression.csv"]
    arguments += ["--values", *(place.folder / sheet / "values.csv" for sheet in ("variants", "alone"))]
    scores = {
        ("kd_ml_v3", "s1"): 0.7,
        ("ml_v1", "s1"): 0.9,
        ("kd_ml_v3", "teacher"): 0.5,
        ("baseline_teacher", "baseline"): 0.4,
    }
    keys = {"seed": 0, "epoch": 0, "part": "validation", "term": "score"}
    for sheet in ("variants", "alone"):
        known = [key for key in scores if (key[1] == "baseline") == (sheet == "alone")]
        rows = [{"run": run, "network": network, "value": scores[run, network]} | keys for run, network in known]
        write_csv(place.folder / f"{sheet}.csv", rows)
    arguments += ["--curves", place.folder / "variants.csv", place.folder / "alone.csv"]
    assert call("compression", *arguments) == (0, "")
    rows = by_key(read(place.folder / "compression.csv"), "run", "network")
    assert rows["baseline_teacher", "baseline"]["of"] == "teacher_alone"
    assert (rows["baseline_teacher", "baseline"]["parameters"], rows["kd_ml_v3", "teacher"]["parameters"]) == (
        "90",
        "100",
    )
    assert float(rows["kd_ml_v3", "ensemble"]["mean"]) == pytest.approx(500 / 6)
    # On the test set the students with 83 percent are best of what costs 40; validation chooses one with 50.
    assert {key for key, row in rows.items() if row["chosen"] == "1"} == {
        ("ml_v1", "s1"),
        ("ml_v1", "ensemble"),
        *list(scores)[2:],
    }
    assert {key for key, row in rows.items() if row["front_parameters"] == "1"} == {
        ("ml_v1", "s1"),
        ("ml_v1", "ensemble"),
        *list(scores)[2:],
    }


def test_similarity_of_a_run_that_stands_twice_is_refused(place):
    columns = {"first": "s1", "second": "s2", "upper_mean": 0.5, "images": 6, "batch": 6, "code_hash": "abc"}
    for group in ("kd_ml", "ml"):
        write_csv(place.folder / f"similarity/{group}/upper.csv", [columns | {"run": "ml_v1", "seed": 0}])
    paths = ("--cka", place.folder / "similarity", "--out", place.folder / "s.csv", "--summary", place.folder / "t.csv")
    code, said = call("similarity_summary", "--runs", place.runs, *paths)
    assert code == 2 and "seed 0 stands twice" in said
    assert not (place.folder / "s.csv").exists() and not (place.folder / "t.csv").exists()
