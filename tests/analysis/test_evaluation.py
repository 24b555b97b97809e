"""From stored predictions to metrics.json and cases.csv, through the script itself."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

from kdml.runs import predictions

SPLIT = "row,id,label,group,part\n0,a,0,g,train\n1,b,1,g,test\n2,c,0,h,validation\n3,d,0,h,test\n4,e,1,,test\n"
ROWS = np.array([1, 3, 4])


def one_hot(classes):
    return np.eye(2, dtype=np.float32)[classes] * 0.8 + 0.1


@pytest.fixture
def run(tmp_path, root):
    """Call the script on predictions in a temporary folder."""
    (tmp_path / "split.csv").write_text(SPLIT)

    def call(kind, rows, outputs):
        if outputs is not None:
            predictions.save(tmp_path / "predictions.npz", rows, outputs)
        paths = {
            "predictions": "predictions.npz",
            "split": "split.csv",
            "out": "metrics.json",
            "cases": "cases.csv",
            "regions": "regions.csv",
            "data": ".",
        }
        arguments = [part for name, file in paths.items() for part in (f"--{name}", str(tmp_path / file))]
        command = [sys.executable, str(root / "src/evaluate.py"), "--kind", kind, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return call


def read(folder):
    with open(folder / "cases.csv", newline="") as file:
        return json.loads((folder / "metrics.json").read_text()), list(csv.DictReader(file))


def test_classification(tmp_path, run):
    outputs = {
        "teacher": one_hot([1, 0, 1]),
        "s1": one_hot([1, 1, 1]),
        "s2": np.array([[0, 1], [0.95, 0.05], [0.7, 0.3]], np.float32),
    }
    done = run("classification", ROWS, outputs)
    assert done.returncode == 0, done.stderr
    metrics, cases = read(tmp_path)
    assert metrics["n"] == 3 and list(metrics["networks"]) == ["teacher", "s1", "s2", "ensemble"]
    accuracies = {name: values["accuracy"] for name, values in metrics["networks"].items()}
    # Per class the surer student: s2's 0.95 beats s1's 0.9 on d, s1's 0.9 beats s2's 0.7 on e.
    assert accuracies == pytest.approx({"teacher": 1, "s1": 2 / 3, "s2": 2 / 3, "ensemble": 1})
    assert len(cases) == 12 + 9  # with the teacher's predictions as the truth once more
    student = {
        "id": "d",
        "group": "h",
        "network": "s1",
        "truth": "label",
        "target": "0",
        "predicted": "1",
        "score": "0.9",
    }
    assert cases[4] == student
    assert metrics["networks"]["s1"]["auc"] == pytest.approx(0.5) and metrics["networks"]["teacher"]["auc"] == 1
    # The teacher is right everywhere here, so that there is no agreement where it is wrong.
    assert metrics["fidelity"].keys() == {"s1", "s2", "ensemble"}
    assert (
        metrics["fidelity"]["s1"]["accuracy"]
        == metrics["fidelity"]["s1"]["agreement_where_right"]
        == pytest.approx(2 / 3)
    )
    assert metrics["fidelity"]["s1"]["agreement_where_wrong"] is None
    kl = 0.8 * np.log(0.9 / 0.1)  # of the one image where they differ
    assert metrics["fidelity"]["s1"]["predictive_kl"] == pytest.approx(kl / 3, rel=1e-5)


def test_segmentation(tmp_path, run):
    masks = np.zeros((5, 4, 4), dtype=np.uint8)
    masks[1, :2] = 1
    masks[4, 0, 0] = 1
    np.save(tmp_path / "masks.npy", masks)
    first, second = np.zeros((3, 4, 4)), np.zeros((3, 4, 4))
    first[0, 0], second[0, 1] = 0.9, 0.5
    done = run("segmentation", ROWS, {"s1": predictions.quantise(first), "s2": predictions.quantise(second)})
    assert done.returncode == 0, done.stderr
    metrics, cases = read(tmp_path)
    pooled = {name: values["iou"] for name, values in metrics["networks"].items()}
    assert pooled == pytest.approx({"s1": 4 / 9, "s2": 4 / 9, "ensemble": 8 / 9})
    assert metrics["networks"]["ensemble"]["iou_per_image"] == pytest.approx((1 + 1 + 0) / 3)
    counts = {"tp": "4", "fp": "0", "fn": "4", "tn": "8", "false_regions": "0"}
    assert cases[0] == {"id": "b", "group": "g", "network": "s1", "truth": "label"} | counts
    assert metrics["fidelity"] == {}
    with open(tmp_path / "regions.csv", newline="") as file:
        regions = list(csv.DictReader(file))
    # The single pixel of e is a crumb; b's half picture is found by half in each student and whole in their union.
    assert [(row["id"], row["area"], row["network"], row["share"]) for row in regions] == [
        ("b", "8", "s1", "0.5"), ("b", "8", "s2", "0.5"), ("b", "8", "ensemble", "1.0"),
    ]  # fmt: skip


def test_fidelity_of_a_segmentation(tmp_path, run):
    masks = np.zeros((5, 4, 4), dtype=np.uint8)
    masks[1, :2] = 1
    np.save(tmp_path / "masks.npy", masks)
    teacher, student = np.zeros((3, 4, 4)), np.zeros((3, 4, 4))
    teacher[0, :2, :3], teacher[0, 3, 3], student[0, :2], student[1, 0, 0] = 0.9, 0.9, 0.9, 0.9
    done = run("segmentation", ROWS, {"teacher": predictions.quantise(teacher), "s1": predictions.quantise(student)})
    assert done.returncode == 0, done.stderr
    metrics, cases = read(tmp_path)
    # Teacher marks 7 pixels, the student 9, 6 of them alike; the teacher is wrong at 3 of 48, and the student repeats none of them.
    assert metrics["fidelity"]["s1"]["iou"] == pytest.approx(6 / 10)
    assert metrics["fidelity"]["s1"]["agreement_where_wrong"] == 0
    assert metrics["fidelity"]["s1"]["agreement_where_right"] == pytest.approx(44 / 45)
    of_teacher = [row for row in cases if row["truth"] == "teacher"]
    assert [row["network"] for row in of_teacher] == ["s1"] * 3 and of_teacher[0]["tp"] == "6"


def test_a_single_network_has_no_ensemble(tmp_path, run):
    assert run("classification", ROWS, {"baseline": one_hot([1, 0, 1])}).returncode == 0
    assert list(read(tmp_path)[0]["networks"]) == ["baseline"]


def test_undefined_metric_is_null_and_said(tmp_path, run):
    np.save(tmp_path / "masks.npy", np.zeros((5, 4, 4), dtype=np.uint8))
    done = run("segmentation", ROWS, {"baseline": np.zeros((3, 4, 4), dtype=np.uint8)})
    assert done.returncode == 0 and "iou of baseline is undefined" in done.stderr
    assert read(tmp_path)[0]["networks"]["baseline"]["iou"] is None


@pytest.mark.parametrize(
    ("kind", "rows", "outputs", "words"),
    [
        ("classification", np.array([1, 3, 2]), {"s1": one_hot([1, 0, 1])}, ["other test images", "split.csv"]),
        ("segmentation", ROWS, {"s1": one_hot([1, 0, 1])}, ["the output of s1 is not one of segmentation"]),
        ("classification", ROWS, None, ["predictions.npz does not exist"]),
        ("segmentation", ROWS, {"s1": np.zeros((3, 4, 4), np.uint8)}, ["masks.npy cannot be read", "src/prepare.py"]),
    ],
    ids=["other rows", "other kind", "missing", "no masks"],
)
def test_mistakes_end_with_a_message(tmp_path, run, kind, rows, outputs, words):
    done = run(kind, rows, outputs)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words)
    assert not (tmp_path / "metrics.json").exists() and not (tmp_path / "cases.csv").exists()
