"""The one road of a number: predictions of a place's runs to values, comparisons and contrasts, through the scripts themselves."""

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from fabricated import ROOT, SPLIT, FabricatedPlace, by_key, call, contrasts, evaluate, read, right_at, spoil_record

from kdml.analysis.cases import read as read_cases
from kdml.analysis.families import COLUMNS as CONTRAST_COLUMNS
from kdml.runs.run_table import RunTable

SHEET_FILES = {
    "cases.parquet",
    "regions.parquet",
    "values.csv",
    "by_seed.csv",
    "comparison.csv",
    "curves.csv",
    "bands.csv",
    "found.csv",
    "confusion.csv",
    "reliability.csv",
    "coverage.csv",
}


def test_values_are_those_by_hand(place):
    assert evaluate(place) == (0, "")
    assert {path.name for path in (place.folder / "variants").iterdir()} == SHEET_FILES
    by_seed = by_key(read(place.folder / "variants/by_seed.csv"), "run", "seed", "network", "metric")
    accuracies = {key[:3]: float(row["value"]) for key, row in by_seed.items() if key[3] == "accuracy"}
    # s1 is right at 0-3 (seed 1: 0-4), s2 at 1-5. Where they disagree both are 0.8 sure, and the first class is taken of equals:
    # at 0 and 4 that is right, at 5 wrong.
    assert accuracies == pytest.approx(
        {("kd_ml_v3", seed, "teacher"): 500 / 6 for seed in "01"}
        | {("kd_ml_v3", seed, "s1"): 100 * (4 + int(seed)) / 6 for seed in "01"}
        | {("kd_ml_v3", seed, "s2"): 500 / 6 for seed in "01"}
        | {("kd_ml_v3", seed, "ensemble"): 500 / 6 for seed in "01"}
        | {("ml_v1", seed, network): 50 for seed in "01" for network in ("s1", "s2", "ensemble")}
    )
    values = by_key(read(place.folder / "variants/values.csv"), "run", "network", "truth", "metric")
    row = values["kd_ml_v3", "s1", "label", "accuracy"]
    assert float(row["mean"]) == pytest.approx(75) and float(row["std"]) == pytest.approx(100 / 6 / math.sqrt(2))
    assert (row["seeds"], row["cases"], row["groups"], row["code_hash"]) == ("2", "6", "3", "abc")
    # s1 of seed 1 misses image 5 alone, which scores 0.2 as the true negatives do: of 9 pairs 6 are won and 3 are ties.
    assert float(by_seed["kd_ml_v3", "1", "s1", "auc"]["value"]) == pytest.approx(100 * 7.5 / 9)
    assert {row["truth"] for row in values.values()} == {"label"}


def test_cases_carry_what_is_known_of_the_pictures(tmp_path):
    known = {
        "sex": ["f", "m", "", "Unknown", "f", "m", "f", "m"],
        "age": ["19", "20", "39.5", "40", "", "81", "5", "6"],
    }
    place = FabricatedPlace(tmp_path, SPLIT, known | {"note": [f"text {row}" for row in range(6)] + ["", ""]})
    place.add("ml_v1", {"s1": right_at(0), "s2": right_at(1)})
    assert evaluate(place) == (0, "")
    cases = pd.read_parquet(tmp_path / "variants/cases.parquet")
    mine = cases[cases["network"] == "ensemble"]
    assert mine["metadata_sex"].tolist() == ["f", "m", "unknown", "unknown", "f", "m"]
    assert mine["metadata_age"].tolist() == ["0–19", "20–39", "20–39", "40–59", "unknown", "80–99"]
    (tmp_path / "index.parquet").unlink()
    code, said = evaluate(place)
    assert code == 2 and "index.parquet does not exist" in said and "src/prepare.py" in said


def test_by_seed_and_values_agree(place):
    for sheet in ("variants", "alone", "methods", "fidelity"):
        assert evaluate(place, sheet) == (0, ""), sheet
        rows = read(place.folder / sheet / "by_seed.csv")
        keys = ("run", "network", "truth", "metric")
        means = {}
        for row in rows:
            means.setdefault(tuple(row[key] for key in keys), []).append(float(row["value"]))
        values = by_key(read(place.folder / sheet / "values.csv"), *keys)
        assert values.keys() == means.keys() and values
        for key, row in values.items():
            assert float(row["mean"]) == pytest.approx(np.mean(means[key]), nan_ok=True), key
        table = {(row.run, str(row.seed)): str(row.folder) for row in RunTable(place.runs).sheet(sheet)}
        assert all(table[row["run"], row["seed"]] == row["folder"] for row in rows)
        assert {(row["protocol"], row["task"], row["pair"]) for row in rows} == {("paper", "hcd", "small")}


def test_fidelity_is_by_hand(place):
    assert evaluate(place, "fidelity") == (0, "")
    values = by_key(read(place.folder / "fidelity/values.csv"), "run", "network", "metric")
    assert {key[0] for key in values} == {"kd_ml_v3"} and {key[1] for key in values} == {"s1", "s2", "ensemble"}
    # The teacher is wrong at image 5 alone, s2 at 0 alone: they differ at 0 and at 5.
    assert float(values["kd_ml_v3", "s2", "accuracy"]["mean"]) == pytest.approx(400 / 6)
    assert float(values["kd_ml_v3", "s2", "agreement_where_right"]["mean"]) == pytest.approx(80)
    assert float(values["kd_ml_v3", "s2", "agreement_where_wrong"]["mean"]) == 0
    nats = 0.8 * math.log(0.8 / 0.2) + 0.2 * math.log(0.2 / 0.8)
    assert float(values["kd_ml_v3", "s2", "predictive_kl"]["mean"]) == pytest.approx(
        2 / 6 * nats, rel=1e-5
    )  # no percent
    # s1 of seed 0 differs from the teacher at image 4, that of seed 1 nowhere.
    assert float(values["kd_ml_v3", "s1", "accuracy"]["mean"]) == pytest.approx((500 / 6 + 100) / 2)
    teachers = by_key(read(place.folder / "fidelity/teachers.csv"), "first_seed", "second_seed", "metric")
    assert float(teachers["0", "1", "accuracy"]["value"]) == pytest.approx(400 / 6, abs=1e-3)
    (summary,) = [row for row in read(place.folder / "fidelity/teachers_summary.csv") if row["metric"] == "accuracy"]
    assert float(summary["mean"]) == pytest.approx(400 / 6, abs=1e-3)


def test_a_single_seed_leaves_the_table_of_teachers_empty(tmp_path):
    place = FabricatedPlace(tmp_path, SPLIT)
    place.add("kd_on_v1", {"teacher": right_at(*range(6)), "s1": right_at(0), "s2": right_at(1)})
    assert evaluate(place, "fidelity") == (0, "")
    assert read(tmp_path / "fidelity/teachers.csv") == [] and read(tmp_path / "fidelity/teachers_summary.csv") == []
    (row, *_) = read(tmp_path / "fidelity/values.csv")
    assert row["seeds"] == "1" and float(row["std"] or "nan") != float(row["std"] or "nan")


@pytest.mark.parametrize("seeds", [1, 3, 4])
def test_every_script_takes_any_number_of_seeds(place, seeds):
    """Three are the paper's. What is over pairs of seeds has pairs that share a seed from three on, and none of one."""
    for sheet in ("variants", "alone", "methods", "fidelity"):
        assert evaluate(place, sheet) == (0, ""), sheet
        values = read(place.folder / sheet / "values.csv")
        assert {row["seeds"] for row in values} == {str(seeds)}, sheet
    summary = by_key(read(place.folder / "fidelity/teachers_summary.csv"), "metric")
    assert {row["seeds"] for row in summary.values()} == ({str(seeds * (seeds - 1))} if seeds > 1 else set())
    assert contrasts(place, "variants", "alone", fidelity=[place.folder / "fidelity/cases.parquet"]) == (0, "")
    assert {row["seeds"] for row in read(place.folder / "contrasts.csv")} <= {
        str(seeds),
        "0",
    }  # 0: not in this experiment


def test_comparison_and_curves_are_of_the_sheet(place):
    evaluate(place)
    compared = [row for row in read(place.folder / "variants/comparison.csv") if row["seeds"] != "0"]
    assert {row["run"] for row in compared} == {"kd_ml_v3", "ml_v1"} and {row["table"] for row in compared} == {"3"}
    curves = read(place.folder / "variants/curves.csv")
    assert len(curves) == 2 * (3 + 2) and {row["where"] for row in curves} == {"hcd small"}
    bands = by_key(read(place.folder / "variants/bands.csv"), "run", "network")
    assert (bands["kd_ml_v3", "s1"]["mean"], bands["kd_ml_v3", "s1"]["low"], bands["kd_ml_v3", "s1"]["high"]) == ("1.0", "0.5", "1.5")  # fmt: skip


def test_digests_stand_beside_the_values(place):
    """Two rows of one network can be told to be the same, in whatever sheet they stand."""
    for sheet in ("variants", "methods"):
        evaluate(place, sheet)
    rows = {sheet: by_key(read(place.folder / sheet / "values.csv"), "run", "network", "metric") for sheet in ("variants", "methods")}  # fmt: skip
    digests = {sheet: rows[sheet]["kd_ml_v3", "s2", "accuracy"]["outputs"] for sheet in rows}
    assert len(set(digests.values())) == 1
    first, second = digests["variants"].split()
    assert first == second  # the students of both seeds predict the same here
    assert len(set(rows["variants"]["kd_ml_v3", "s1", "accuracy"]["outputs"].split())) == 2
    assert (
        rows["variants"]["ml_v1", "s1", "accuracy"]["outputs"] == rows["variants"]["ml_v1", "s2", "accuracy"]["outputs"]
    )


@pytest.mark.parametrize("sheet", ["variants", "fidelity"])
def test_what_follows_from_cases_is_made_again_without_predictions(place, sheet):
    """To the byte; what cannot be made without them stays as it is."""
    evaluate(place, sheet)
    folder = place.folder / sheet
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    kept = {"cases.parquet", "regions.parquet", "teachers.csv", "teachers_summary.csv"}
    for path in (*place.folder.rglob("*.npz"), *(folder / name for name in before.keys() - kept)):
        path.unlink()
    tables = [
        word
        for part in ("cases", "regions")
        if f"{part}.parquet" in before
        for word in (f"--{part}", folder / f"{part}.parquet")
    ]
    assert call("values", "--runs", place.runs, "--sheet", sheet, *tables, "--out", folder) == (0, "")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_contrasts_take_what_the_sheets_measured(place):
    for sheet in ("variants", "alone", "methods", "fidelity"):
        evaluate(place, sheet)
    assert contrasts(place, "variants", "alone", fidelity=[place.folder / "fidelity/cases.parquet"]) == (0, "")
    rows = read(place.folder / "contrasts.csv")
    assert tuple(rows[0]) == CONTRAST_COLUMNS
    found = by_key(rows, "family", "left", "right", "network", "metric")
    row = found["reference", "kd_ml_v3", "ml_v1", "ensemble", "accuracy"]
    assert float(row["estimate"]) == pytest.approx(200 / 6) and row["seeds"] == "2"
    row = found["alone", "kd_ml_v3", "baseline_student", "s1", "accuracy"]
    assert float(row["estimate"]) == pytest.approx(75 - 200 / 6)
    assert ("claims", "kd_ml_v3", "ml_v1", "ensemble", "accuracy") in found
    assert contrasts(place, "methods") == (0, "")
    found = by_key(read(place.folder / "contrasts.csv"), "family", "left", "right", "metric")
    assert float(found["methods", "kd_ml_v3", "sp", "accuracy"]["estimate"]) == pytest.approx(0)


def test_students_are_compared_with_the_teacher_alone(place):
    for sheet in ("variants", "alone"):
        evaluate(place, sheet)
    assert contrasts(place, "variants", "alone") == (0, "")
    judged = by_key(read(place.folder / "non_inferiority.csv"), "run", "network", "against")
    # The teacher alone is right 4 and 6 times of 6, the ensemble 5 times.
    row = judged["kd_ml_v3", "ensemble", "baseline_teacher"]
    assert row["by_seed"] == "16.667 -16.667" and row["margin"] == "2.0" and row["verdict"] == "undecided"
    assert {key[0] for key in judged} == {"kd_ml_v3", "ml_v1", "baseline_student"}
    assert {key[0] for key in judged if key[2] == "teacher"} == {"kd_ml_v3"}  # others have none
    flipped = by_key(read(place.folder / "flips.csv"), "run", "network", "against", "subgroup")
    row = flipped["kd_ml_v3", "ensemble", "baseline_teacher", ""]
    # Seed 0: right at 0-3 before, all but 5 now; seed 1: right everywhere before, so 5 is lost.
    assert float(row["flips"]) == pytest.approx(100 / 12) and float(row["gains"]) == pytest.approx(100 / 12)
    assert row["subgroups"] == "0" and row["left_out"] == "2"
    assert contrasts(place, "variants", "alone", more=["--margin", "90"]) == (0, "")
    assert read(place.folder / "non_inferiority.csv")[0]["margin"] == "90.0"


def test_contrasts_say_what_their_tables_lack(place):
    evaluate(place)
    path = place.folder / "variants/cases.parquet"
    table = read_cases([path])
    table.drop(columns="predicted").to_parquet(path)
    code, said = contrasts(place, "variants")
    assert code == 2 and f"{path} lacks the column 'predicted'" in said
    table[table["run"] != "ml_v1"].to_parquet(path)
    code, said = contrasts(place, "variants")
    assert code == 2 and f"{path}: no cases of ml_v1, seed 0" in said
    path.write_bytes(b"PAR1")
    code, said = contrasts(place, "variants")
    assert code == 2 and f"{path} is not a table" in said
    path.unlink()
    code, said = contrasts(place, "variants")
    assert code == 2 and f"{path} does not exist" in said and not (place.folder / "contrasts.csv").exists()


@pytest.mark.parametrize("sheet", ["variants", "fidelity"])
def test_mixed_code_and_settings_are_refused(place, sheet):
    folder = place.folder_of("kd_ml_v3", 1)
    spoil_record(folder, code_hash="other")
    code, said = evaluate(place, sheet)
    assert code == 2 and "2 versions of the training code" in said and not (place.folder / sheet).exists()
    assert evaluate(place, sheet, "--allow-mixed-code") == (0, "")
    values = by_key(read(place.folder / sheet / "values.csv"), "run", "network", "metric")
    assert values["kd_ml_v3", "s1", "accuracy"]["code_hash"] == "abc other"
    settings = json.loads((folder / "run.json").read_text())["settings"]
    spoil_record(folder, settings=settings | {"training": settings["training"] | {"epochs": 3}})
    code, said = evaluate(place, sheet, "--allow-mixed-code")
    assert code == 2 and "trained with different settings" in said


def test_contrasts_refuse_mixed_code(place):
    evaluate(place)
    spoil_record(place.folder_of("ml_v1", 1), code_hash="other")
    code, said = contrasts(place, "variants")
    assert code == 2 and "2 versions of the training code" in said and not (place.folder / "contrasts.csv").exists()
    assert contrasts(place, "variants", more=["--allow-mixed-code"]) == (0, "")


DAMAGE = {
    "no predictions": ("predictions.npz", None, "predictions.npz does not exist"),
    "damaged predictions": ("predictions.npz", "hello", "predictions.npz is damaged"),
    "no outputs on the validation part": ("validation.npz", None, "validation.npz does not exist"),
    "no record": ("run.json", None, "run.json does not exist"),
    "damaged record": ("run.json", "{", "run.json is not valid JSON"),
    "no history": ("history.csv", None, "history.csv does not exist"),
    "damaged history": ("history.csv", "epoch,learning_rate,train.s1.total\n1,0.1,much\n", "'much' in the column train.s1.total"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "said"), DAMAGE.values(), ids=DAMAGE)
def test_what_a_run_lacks_is_named_and_nothing_is_half_written(place, name, text, said):
    path = place.folder_of("ml_v1", 1) / name
    path.unlink()
    if text is not None:
        path.write_text(text)
    code, words = evaluate(place)
    assert code == 2 and said in words and str(path) in words and "Traceback" not in words
    made = {path.name for path in (place.folder / "variants").glob("*")}
    assert not any("partial" in name for name in made)
    assert not made, f"{made} were written although the sheet failed"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "runs.csv does not exist"),
        ("", "runs.csv is empty"),
        ("protocol,task\npaper,hcd\n", "runs.csv lacks the column"),
    ],
)
def test_tables_of_runs_that_cannot_be_used_are_named(place, text, said):
    place.runs.unlink()
    if text is not None:
        place.runs.write_text(text)
    code, words = evaluate(place)
    assert code == 2 and said in words


def test_a_sheet_without_runs_is_named(tmp_path):
    place = FabricatedPlace(tmp_path, SPLIT)
    place.add("ml_v1", {"s1": right_at(0), "s2": right_at(1)})
    for sheet in ("methods", "fidelity"):
        code, said = evaluate(place, sheet)
        assert code == 2 and f"lists no runs of the sheet '{sheet}'" in said


def test_split_of_other_images_is_refused(place):
    lines = (place.folder / "split.csv").read_text().replace("7,y,1,h,validation", "7,y,1,h,test")
    (place.folder / "split.csv").write_text(lines)
    code, said = evaluate(place)
    assert code == 2 and "was made for other images than" in said


def test_the_command_line_ends_with_a_message_alone(place):
    (place.folder_of("ml_v1") / "predictions.npz").unlink()
    command = [sys.executable, ROOT / "src/evaluate.py", "--runs", place.runs, "--sheet", "variants"]
    command += ["--data", place.folder, "--out", place.folder / "variants"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "predictions.npz does not exist" in done.stderr and "Traceback" not in done.stderr


def test_teachers_that_cannot_be_read_leave_no_fidelity(place):
    (place.folder_of("baseline_teacher", 1) / "predictions.npz").write_text("hello")
    code, said = evaluate(place, "fidelity")
    assert code == 2 and "is damaged" in said and not (place.folder / "fidelity").exists()
