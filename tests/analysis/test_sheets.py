"""The one road of a number: predictions of a place's runs to values, comparisons and contrasts, through the scripts themselves."""

import csv
import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from fabricated import ROOT, SEGMENTATION, FabricatedPlace, call, spoil_record

from kdml.analysis.evaluation import REGION_COLUMNS
from kdml.analysis.families import COLUMNS as CONTRAST_COLUMNS
from kdml.common.files import write_csv
from kdml.runs import predictions
from kdml.runs.run_table import RunTable

LABELS = [0, 1, 1, 0, 0, 1]
SPLIT = [(row, f"i{row}", label, f"g{row // 2}", "test") for row, label in enumerate(LABELS)]
SPLIT += [(6, "x", 0, "h", "train"), (7, "y", 1, "h", "validation")]
CLAIMS = ROOT / "workflow/resources/paper/claims.yaml"
SHEET_FILES = {
    "cases.parquet",
    "regions.parquet",
    "values.csv",
    "by_seed.csv",
    "comparison.csv",
    "curves.csv",
    "bands.csv",
}


def probabilities(*of_second):
    """Float32 probabilities of two classes."""
    second = np.array(of_second, dtype=np.float32)
    return np.stack([1 - second, second], axis=1)


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def by_key(rows, *names):
    return {tuple(row[name] for name in names): row for row in rows}


def right_at(*places):
    """Probabilities that are right at these of the six images, 0.8 sure everywhere."""
    return probabilities(*(0.8 if (label == 1) == (place in places) else 0.2 for place, label in enumerate(LABELS)))


ALL = range(6)


@pytest.fixture
def place(tmp_path):
    """Two seeds of the proposed variant and of ML, both networks alone, a method."""
    place = FabricatedPlace(tmp_path, SPLIT)
    for seed in range(2):
        teacher = right_at(0, 1, 2, 3, 4)
        taught = {"teacher": teacher, "s1": right_at(*range(4 + seed)), "s2": right_at(*range(1, 6))}
        place.add("kd_ml_v3", taught, seed)
        place.add("ml_v1", {"s1": right_at(0, 1, 2), "s2": right_at(0, 1, 2)}, seed)
        place.add("kd_ml_v3", taught, seed, sheet="methods")
        place.add("sp", {"teacher": teacher, "s1": right_at(*range(5))}, seed, sheet="methods", title="SP")
        place.add("baseline_teacher", {"baseline": right_at(*(ALL if seed else range(4)))}, seed, sheet="alone")
        place.add("baseline_student", {"baseline": right_at(0, 1)}, seed, sheet="alone")
    return place


def evaluate(place, sheet="variants", *more):
    arguments = ("--runs", place.runs, "--data", place.folder, "--out", place.folder / sheet, *more)
    return call("evaluate", "--sheet", sheet, *arguments) if sheet != "fidelity" else call("fidelity", *arguments)


def contrasts(place, *sheets, fidelity=(), more=()):
    arguments = ["--runs", place.runs, "--sheets", *sheets, "--claims", CLAIMS, "--out", place.folder / "contrasts.csv"]
    arguments += ["--cases", *(place.folder / sheet / "cases.parquet" for sheet in sheets)]
    if place.facts["kind"] == "segmentation":
        arguments += ["--regions", *(place.folder / sheet / "regions.parquet" for sheet in sheets)]
    if fidelity:
        arguments += ["--fidelity", *fidelity]
    return call("contrasts", *arguments, *more)


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
    place.add("kd_on_v1", {"teacher": right_at(*ALL), "s1": right_at(0), "s2": right_at(1)})
    assert evaluate(place, "fidelity") == (0, "")
    assert read(tmp_path / "fidelity/teachers.csv") == [] and read(tmp_path / "fidelity/teachers_summary.csv") == []
    (row, *_) = read(tmp_path / "fidelity/values.csv")
    assert row["seeds"] == "1" and float(row["std"] or "nan") != float(row["std"] or "nan")


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
    for sheet in ("variants", "methods", "fidelity"):
        evaluate(place, sheet)
    rows = {sheet: by_key(read(place.folder / sheet / "values.csv"), "run", "network", "metric") for sheet in ("variants", "methods", "fidelity")}  # fmt: skip
    digests = {sheet: rows[sheet]["kd_ml_v3", "s2", "accuracy"]["outputs"] for sheet in rows}
    assert len(set(digests.values())) == 1
    first, second = digests["variants"].split()
    assert first == second  # the students of both seeds predict the same here
    assert len(set(rows["variants"]["kd_ml_v3", "s1", "accuracy"]["outputs"].split())) == 2
    assert (
        rows["variants"]["ml_v1", "s1", "accuracy"]["outputs"] == rows["variants"]["ml_v1", "s2", "accuracy"]["outputs"]
    )


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


def test_contrasts_say_what_their_tables_lack(place):
    evaluate(place)
    path = place.folder / "variants/cases.parquet"
    table = pd.read_parquet(path)
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
    assert code == 2 and "was made for other test images" in said


def test_the_command_line_ends_with_a_message_alone(place):
    (place.folder_of("ml_v1") / "predictions.npz").unlink()
    command = [sys.executable, ROOT / "src/evaluate.py", "--runs", place.runs, "--sheet", "variants"]
    command += ["--data", place.folder, "--out", place.folder / "variants"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "predictions.npz does not exist" in done.stderr and "Traceback" not in done.stderr


# Segmentation: three test images, two of them of one patient; the third has no lesion.

SLICES = [(0, "a", 1, "p", "test"), (1, "b", 1, "p", "test"), (2, "c", 0, "q", "test"), (3, "d", 1, "r", "train")]


def masks(*boxes):
    """Quantised masks of the test images, 0.9 within the boxes (image, rows, columns)."""
    drawn = np.zeros((3, 8, 8))
    for image, rows, columns in boxes:
        drawn[image, rows, columns] = 0.9
    return predictions.quantise(drawn)


@pytest.fixture
def brain(tmp_path):
    place = FabricatedPlace(tmp_path, SLICES, **SEGMENTATION)
    truth = np.zeros((4, 8, 8), np.uint8)
    truth[0, :4, :4] = 1  # 16 pixels
    truth[1, :2, :2] = 1  # 4
    truth[1, 4:, 4:] = 1  # 16
    np.save(tmp_path / "masks.npy", truth)
    np.save(
        tmp_path / "images.npy", np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    )
    half, corner = (0, slice(0, 2), slice(0, 4)), (1, slice(0, 2), slice(0, 2))
    big, false = (1, slice(4, 8), slice(4, 8)), (2, slice(0, 2), slice(0, 2))
    place.add("kd_on_v1", {"teacher": masks(half, corner), "s1": masks(half, big), "s2": masks(corner, big)})
    place.add("ml_v1", {"s1": masks(false), "s2": masks(big)})
    place.add("baseline_student", {"baseline": masks(half, false)}, sheet="alone")
    return place


def test_masks_by_hand(brain):
    assert evaluate(brain) == (0, "")
    found = by_key(read(brain.folder / "variants/by_seed.csv"), "run", "network", "metric")
    values = {key: float(row["value"]) for key, row in found.items()}
    # 36 pixels of lesion. s1 marks 8 + 16 of them, the ensemble 8 + 4 + 16.
    assert values["kd_on_v1", "s1", "iou"] == pytest.approx(100 * 24 / 36)
    assert values["kd_on_v1", "ensemble", "iou"] == pytest.approx(100 * 28 / 36)
    assert values["kd_on_v1", "ensemble", "f_score"] == pytest.approx(100 * 56 / 64)
    assert values["kd_on_v1", "s1", "iou_per_image"] == pytest.approx(100 * (8 / 16 + 16 / 20 + 1) / 3)
    assert values["kd_on_v1", "s1", "iou_per_group"] == pytest.approx(100 * (24 / 36 + 1) / 2)
    assert values["ml_v1", "s1", "iou_per_image"] == 0 and values["ml_v1", "s1", "false_regions"] == pytest.approx(
        100 / 3
    )
    regions = pd.read_parquet(brain.folder / "variants/regions.parquet")
    assert list(regions) == ["run", "seed", *REGION_COLUMNS] and len(regions) == 3 * (4 + 3)
    rows = by_key(read(brain.folder / "variants/values.csv"), "run", "network", "metric")
    assert rows["kd_on_v1", "s1", "iou"]["groups"] == "2" and rows["kd_on_v1", "both", "found_medium"]["of"] == "2"


def test_agreement_of_masks_by_hand(brain):
    assert evaluate(brain, "fidelity") == (0, "")
    found = by_key(read(brain.folder / "fidelity/by_seed.csv"), "run", "network", "metric")
    values = {key[1:]: float(row["value"]) for key, row in found.items()}
    assert {key[0] for key in found} == {"kd_on_v1"}
    # The teacher marks 8 + 4 pixels, s1 8 + 16, of which 8 are the same. The teacher misses 24 pixels, of which s1 misses 8.
    assert values["s1", "iou"] == pytest.approx(100 * 8 / 28)
    assert values["s1", "agreement_where_wrong"] == pytest.approx(100 * 8 / 24)
    assert values["s1", "agreement_where_right"] == pytest.approx(100 * (192 - 24 - 4) / (192 - 24))
    p, q = 230.5 / 256, 0.5 / 256
    nats = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    back = q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))
    assert values["s1", "predictive_kl"] == pytest.approx((4 * nats + 16 * back) / 192, rel=1e-4)


def test_contrasts_of_masks(brain):
    for sheet in ("variants", "alone", "fidelity"):
        assert evaluate(brain, sheet)[0] == 0
    assert contrasts(brain, "variants", "alone", fidelity=[brain.folder / "fidelity/cases.parquet"]) == (0, "")
    assert {row["family"] for row in read(brain.folder / "contrasts.csv")} == {"claims"}
    (brain.folder / "variants/regions.parquet").unlink()
    code, said = contrasts(brain, "variants", "alone")
    assert code == 2 and "regions.parquet does not exist" in said


def test_sizes_of_networks_alone_are_thirds_of_their_own(brain):
    """A place with other runs alone does not change what they find."""
    brain.add("baseline_teacher", {"baseline": masks()}, sheet="alone")
    evaluate(brain, "alone")
    rows = by_key(read(brain.folder / "alone/values.csv"), "run", "metric")
    assert rows["baseline_student", "found_medium"]["of"] == rows["baseline_teacher", "found_medium"]["of"] == "2"
    assert float(rows["baseline_student", "found_medium"]["mean"]) == 50


def slices(brain, *more, judges="baseline_student"):
    arguments = {"runs": brain.runs, "seed": 0, "judges": judges, "data": brain.folder, "count": 2}
    arguments |= {"images": brain.folder / "shown.npz", "out": brain.folder / "shown.csv"}
    words = [part for name, value in arguments.items() for part in (f"--{name}", value)]
    return call("slices", *words, "--show", "kd_on_v1", "ml_v1", "--networks", "s1", "ensemble", *more)


def test_slices_are_chosen_and_cut_out(brain):
    assert slices(brain, "--rule", "spread") == (0, "")
    with np.load(brain.folder / "shown.npz") as shown:
        assert set(shown.files) == {"images", "masks", *(f"{run}.{network}" for run in ("kd_on_v1", "ml_v1") for network in ("s1", "ensemble"))}  # fmt: skip
        assert shown["images"][:, 0, 0, 0].tolist() == [0, 1] and shown["masks"].sum(axis=(1, 2)).tolist() == [16, 20]
        assert (shown["kd_on_v1.ensemble"] >= 128).sum(axis=(1, 2)).tolist() == [8, 20]
    rows = read(brain.folder / "shown.csv")
    assert [(row["id"], row["lesion"], row["iou"], row["candidates"]) for row in rows if row["kind"] == "slice"] == [
        ("a", "16", "0.5", "2"), ("b", "20", "0.0", "2"),
    ]  # fmt: skip
    assert len([row for row in rows if row["kind"] == "region"]) == 3 * 2 * 2


def test_slices_that_cannot_be_shown_are_said(brain):
    code, said = slices(brain, "--rule", "hard", judges="nobody")
    assert code == 2 and "does not list seed 0 of 'nobody'" in said
    np.save(brain.folder / "masks.npy", np.zeros((4, 8, 8), np.uint8))
    code, said = slices(brain, "--rule", "hard")
    assert code == 2 and "No test slice has a lesion" in said
    (brain.folder_of("ml_v1") / "predictions.npz").write_text("hello")
    code, said = slices(brain, "--rule", "hard", judges="ml_v1")
    assert code == 2 and "is damaged" in said
    assert not (brain.folder / "shown.npz").exists() and not (brain.folder / "shown.csv").exists()


# Files over all places, and over seeds


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
    def write(group, seed, means):
        rows = [
            {"run": run, "seed": seed, "first": "s1", "second": "s2", "upper_mean": mean, "images": 6, "batch": 6, "code_hash": "abc"}
            for run, mean in means.items()
        ]  # fmt: skip
        write_csv(place.folder / f"similarity/{group}/seed-{seed}/upper.csv", rows)

    write("kd_ml", 0, {"kd_ml_v3": 0.5})
    write("kd_ml", 1, {"kd_ml_v3": 0.7})
    write("ml", 0, {"ml_v1": 0.2})
    arguments = ("--runs", place.runs, "--cka", place.folder / "similarity", "--out", place.folder / "s.csv")
    arguments = (*arguments, "--summary", place.folder / "summary.csv")
    code, said = call("similarity_summary", *arguments)
    assert code == 2 and "ml/seed-1/upper.csv does not exist" in said and not (place.folder / "s.csv").exists()
    write("ml", 1, {"ml_v1": 0.2})
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
    assert call("compression", *arguments) == (0, "")
    rows = by_key(read(place.folder / "compression.csv"), "run", "network")
    assert rows["baseline_teacher", "baseline"]["of"] == "teacher_alone"
    assert (rows["baseline_teacher", "baseline"]["parameters"], rows["kd_ml_v3", "teacher"]["parameters"]) == (
        "90",
        "100",
    )
    assert float(rows["kd_ml_v3", "ensemble"]["mean"]) == pytest.approx(500 / 6)
    # Of what costs 40 the students with 83 percent are best; nothing that costs more is better than they are.
    assert {key for key, row in rows.items() if row["front_parameters"] == "1"} == {("kd_ml_v3", "s2"), ("kd_ml_v3", "ensemble"), ("kd_ml_v3", "teacher"), ("baseline_teacher", "baseline")}  # fmt: skip


def test_similarity_of_a_run_that_stands_twice_is_refused(place):
    columns = {"first": "s1", "second": "s2", "upper_mean": 0.5, "images": 6, "batch": 6, "code_hash": "abc"}
    for group in ("kd_ml", "ml"):
        for seed in range(2):
            write_csv(
                place.folder / f"similarity/{group}/seed-{seed}/upper.csv", [columns | {"run": "ml_v1", "seed": 0}]
            )
    paths = ("--cka", place.folder / "similarity", "--out", place.folder / "s.csv", "--summary", place.folder / "t.csv")
    code, said = call("similarity_summary", "--runs", place.runs, *paths)
    assert code == 2 and "seed 0 stands twice" in said
    assert not (place.folder / "s.csv").exists() and not (place.folder / "t.csv").exists()


def test_teachers_that_cannot_be_read_leave_no_fidelity(place):
    (place.folder_of("baseline_teacher", 1) / "predictions.npz").write_text("hello")
    code, said = evaluate(place, "fidelity")
    assert code == 2 and "is damaged" in said and not (place.folder / "fidelity").exists()
