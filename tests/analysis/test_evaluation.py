"""From stored predictions to cases and regions, and through src/evaluate_run.py to the files on one run."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from fabricated import SEGMENTATION, FabricatedPlace, call

from kdml.analysis import evaluation
from kdml.analysis.evaluation import TestSet
from kdml.common.errors import UserError
from kdml.runs import predictions
from kdml.runs.predictions import Predictions

pytestmark = pytest.mark.filterwarnings("error::pandas.errors.PerformanceWarning")
SPLIT = [(0, "a", 0, "g", "train"), (1, "b", 1, "g", "test"), (2, "c", 0, "h", "validation"), (3, "d", 0, "h", "test"), (4, "e", 1, "", "test")]  # fmt: skip
ROWS = np.array([1, 3, 4])


def one_hot(classes):
    return np.eye(2, dtype=np.float32)[classes] * 0.8 + 0.1


def masks_of(*drawn):
    """Quantised masks of the three test images: 0.9 where True."""
    found = np.zeros((3, 4, 4))
    for image, where in drawn:
        found[image][where] = 0.9
    return predictions.quantise(found)


@pytest.fixture
def place(tmp_path):
    return FabricatedPlace(tmp_path, SPLIT)


@pytest.fixture
def segmentation(tmp_path):
    masks = np.zeros((5, 4, 4), dtype=np.uint8)
    masks[1, :2] = 1
    masks[4, 0, 0] = 1
    np.save(tmp_path / "masks.npy", masks)
    return FabricatedPlace(tmp_path, SPLIT, **SEGMENTATION)


def arguments_of(place, folder):
    paths = {"run": folder, "split": place.folder / "split.csv", "data": place.folder}
    paths |= {name: place.folder / file for name, file in FILES.items()}
    return [part for name, path in paths.items() for part in (f"--{name}", path)]


FILES = {"out": "metrics.json", "cases": "cases.csv", "regions": "regions.csv"}


def evaluate_run(place, outputs):
    return call("evaluate_run", *arguments_of(place, place.add("test", outputs)))


def read(place):
    tables = [
        list(csv.DictReader((place.folder / name).read_text().splitlines())) for name in ("cases.csv", "regions.csv")
    ]
    return json.loads((place.folder / "metrics.json").read_text()), *tables


def test_classification(place):
    outputs = {
        "teacher": one_hot([1, 0, 1]),
        "s1": one_hot([1, 1, 1]),
        "s2": np.array([[0, 1], [0.95, 0.05], [0.7, 0.3]], np.float32),
    }
    assert evaluate_run(place, outputs) == (0, "")
    metrics, cases, _ = read(place)
    assert metrics["kind"] == "classification" and metrics["n"] == 3
    assert list(metrics["networks"]) == ["teacher", "s1", "s2", "ensemble"]
    accuracies = {name: values["accuracy"] for name, values in metrics["networks"].items()}
    # Per class the surer student: s2's 0.95 beats s1's 0.9 on d, s1's 0.9 beats s2's 0.7 on e.
    assert accuracies == pytest.approx({"teacher": 1, "s1": 2 / 3, "s2": 2 / 3, "ensemble": 1})
    assert len(cases) == 12 + 9  # with the teacher's predictions as the truth once more
    student = {
        "id": "d",
        "group": "h",
        "network": "s1",
        "target": "0",
        "predicted": "1",
        "score": "0.9",
        "truth": "label",
    }
    assert {name: cases[4][name] for name in student} == student
    assert metrics["networks"]["s1"]["auc"] == pytest.approx(0.5) and metrics["networks"]["teacher"]["auc"] == 1
    # The teacher is right everywhere here, so that there is no agreement where it is wrong.
    assert metrics["fidelity"].keys() == {"s1", "s2", "ensemble"}
    fidelity = metrics["fidelity"]["s1"]
    assert fidelity["accuracy"] == fidelity["agreement_where_right"] == pytest.approx(2 / 3)
    assert fidelity["agreement_where_wrong"] is None
    kl = 0.8 * np.log(0.9 / 0.1)  # of the one image where they differ
    assert fidelity["predictive_kl"] == pytest.approx(kl / 3, rel=1e-5)


def test_segmentation(segmentation):
    first, second = masks_of((0, np.s_[0])), np.zeros((3, 4, 4))
    second[0, 1] = 0.5
    assert evaluate_run(segmentation, {"s1": first, "s2": predictions.quantise(second)}) == (0, "")
    metrics, cases, regions = read(segmentation)
    pooled = {name: values["iou"] for name, values in metrics["networks"].items() if name != "both"}
    assert pooled == pytest.approx({"s1": 4 / 9, "s2": 4 / 9, "ensemble": 8 / 9})
    assert metrics["networks"]["ensemble"]["iou_per_image"] == pytest.approx((1 + 1 + 0) / 3)
    expected = {
        "id": "b",
        "group": "g",
        "network": "s1",
        "tp": "4",
        "fp": "0",
        "fn": "4",
        "tn": "8",
        "false_regions": "0",
    }
    row = cases[0]
    assert {name: row[name] for name in (*expected, "truth")} == expected | {"truth": "label"}
    # 12 pixels with a probability of nearly 0, of which 4 are lesion, and 4 with one of 0.9, all of them lesion.
    bins = {
        number: [float(row[f"bin{number}_{what}"]) for what in ("cases", "probability", "events")]
        for number in range(10)
    }
    assert bins.pop(0) == pytest.approx([12, 12 * 0.5 / 256, 4]) and bins.pop(9) == pytest.approx(
        [4, 4 * 0.9, 4], abs=0.01
    )
    assert set(map(tuple, bins.values())) == {(0, 0, 0)}
    assert float(row["brier"]) == pytest.approx((8 * 0 + 4 * 1 + 4 * 0.1**2) / 16, abs=0.002)
    assert float(row["uncertainty"]) == pytest.approx((12 * 0.5 / 256 + 4 * 0.1) / 16, abs=0.002)
    assert metrics["fidelity"] == {}
    # The single pixel of e is a crumb; b's half picture is found by half in each student and whole in their union.
    assert [(row["id"], row["area"], row["network"], row["share"]) for row in regions] == [
        ("b", "8", "s1", "0.5"), ("b", "8", "s2", "0.5"), ("b", "8", "ensemble", "1.0"),
    ]  # fmt: skip


def test_fidelity_of_a_segmentation(segmentation):
    masks = np.load(segmentation.folder / "masks.npy")
    masks[4] = 0
    np.save(segmentation.folder / "masks.npy", masks)
    teacher = masks_of((0, np.s_[:2, :3]), (0, np.s_[3, 3]))
    student = masks_of((0, np.s_[:2]), (1, np.s_[0, 0]))
    assert evaluate_run(segmentation, {"teacher": teacher, "s1": student})[0] == 0
    metrics, cases, _ = read(segmentation)
    # Teacher marks 7 pixels, the student 9, 6 of them alike; the teacher is wrong at 3 of 48, and the student repeats none of them.
    assert metrics["fidelity"]["s1"]["iou"] == pytest.approx(6 / 10)
    assert metrics["fidelity"]["s1"]["agreement_where_wrong"] == 0
    assert metrics["fidelity"]["s1"]["agreement_where_right"] == pytest.approx(44 / 45)
    of_teacher = [row for row in cases if row["truth"] == "teacher"]
    assert [row["network"] for row in of_teacher] == ["s1"] * 3 and of_teacher[0]["tp"] == "6"


def test_a_single_network_has_no_ensemble(place):
    assert evaluate_run(place, {"baseline": one_hot([1, 0, 1])})[0] == 0
    assert list(read(place)[0]["networks"]) == ["baseline"] and read(place)[0]["fidelity"] == {}


def test_undefined_metric_is_null_and_said(segmentation, caplog):
    np.save(segmentation.folder / "masks.npy", np.zeros((5, 4, 4), dtype=np.uint8))
    assert evaluate_run(segmentation, {"baseline": np.zeros((3, 4, 4), dtype=np.uint8)})[0] == 0
    assert "iou of baseline is undefined" in caplog.text
    metrics, _, regions = read(segmentation)
    assert metrics["networks"]["baseline"]["iou"] is None and regions == []


MISTAKES = {
    "other rows": ("place", np.array([1, 3, 2]), {"s1": one_hot([1, 0, 1])}, ["was made for other images than", "split.csv"]),
    "other kind": ("segmentation", ROWS, {"s1": one_hot([1, 0, 1])}, ["the output of s1 is not one of segmentation"]),
    "missing": ("place", ROWS, None, ["predictions.npz does not exist"]),
    "no masks": ("segmentation", ROWS, {"s1": np.zeros((3, 4, 4), np.uint8)}, ["masks.npy does not exist", "src/prepare.py"]),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "rows", "outputs", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_end_with_a_message(request, tmp_path, kind, rows, outputs, words):
    place = request.getfixturevalue(kind)
    folder = place.add("test", {"s1": one_hot([1, 0, 1])})
    (folder / "predictions.npz").unlink()
    if outputs is not None:
        predictions.save(folder / "predictions.npz", rows, outputs)
    if "masks.npy does not exist" in words:
        (tmp_path / "masks.npy").unlink()
    code, said = call("evaluate_run", *arguments_of(place, folder))
    assert code == 2 and "Traceback" not in said and "What to do:" in said
    assert all(word in said for word in words)
    assert not any((tmp_path / name).exists() for name in FILES.values())


def test_a_message_is_all_that_a_caller_sees(root, place):
    command = [sys.executable, root / "src/evaluate_run.py", *arguments_of(place, place.folder / "nowhere")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "run.json does not exist" in done.stderr and "Traceback" not in done.stderr


def test_scores_are_of_two_classes_alone():
    tested = TestSet(ROWS, np.array(["b", "d", "e"]), np.array(["g", "h", "e"]), np.array([1, 0, 2]))
    cases = evaluation.against_labels(Predictions(ROWS, {"s1": np.eye(3, dtype=np.float32)}), tested).cases
    assert "score" not in cases and cases["predicted"].tolist() == [0, 1, 2]


def test_a_test_set_is_read_from_a_split(place, segmentation):
    tested = evaluation.read_test_set(place.folder / "split.csv")
    assert tested.rows.tolist() == [1, 3, 4] and tested.labels.tolist() == [1, 0, 1] and tested.masks is None
    assert tested.groups.tolist() == ["g", "h", "e"]  # an image without a group is one of its own
    masks = evaluation.read_test_set(place.folder / "split.csv", segmentation.folder).masks
    assert masks.dtype == np.uint8 and masks.sum(axis=(1, 2)).tolist() == [8, 0, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "does not exist"),
        ("row,id,label,group,part\n0,a,0,g,train\n", "has no test rows"),
        ("row,id,label,group\n0,a,0,g\n", "lacks the column 'part'"),
        ("", "is empty"),
    ],
)
def test_splits_that_cannot_be_used_are_named(tmp_path, text, said):
    if text is not None:
        (tmp_path / "split.csv").write_text(text)
    with pytest.raises(UserError, match=said):
        evaluation.read_test_set(tmp_path / "split.csv")
