"""The first screen of the page: what ran, what came out, and what speaks for it or against it."""

import math

import pytest
from fabricated import FACTS
from place_files import claim_row, value_row

from kdml.analysis.claims import Verdict
from kdml.reporting import first_screen
from kdml.reporting.claims_page import pages

SLICES = {**FACTS, "task": "lgg", "task_title": "Glioma", "dataset": "lgg"}


def record(task="hcd", **changed):
    fixed = {"epochs": 3, "seed": 0, "seconds": 30.0, "device": "cpu", "code_hash": "abc", "deterministic": True}
    return {"settings": {"task": task}, "images": {"test": 1400 if task == "hcd" else 50}} | fixed | changed


def leaked(task="lgg", protocol="paper", shared="50", tested="50"):
    return {"task": task, "protocol": protocol, "test_images": tested, "test_with_group_in_train": shared}


def test_what_ran():
    found = first_screen.what_ran([record(), record("lgg", epochs=12, seed=1, seconds=90.0)], [FACTS, SLICES])
    assert found == {
        "Trainings": "2", "Test images": "Mine: 1,400; Glioma: 50", "Epochs": "3 to 12", "Seeds": "2", "On": "cpu",
        "Teacher and students": "Big (the paper: ResNet50) and Tiny (the paper: ResNet18)", "Training time": "2.0 minutes",
    }  # fmt: skip
    splits = [record(images={"test": count}) for count in (1400, 1390)]
    assert first_screen.what_ran(splits, [FACTS])["Test images"] == "Mine: 1,390 to 1,400"
    own = {**FACTS, "teacher_network": "resnet50", "teacher_title": "ResNet50", "student_stands_for": ""}
    assert first_screen.what_ran([record(seconds=7200.0)], [own])["Teacher and students"] == "ResNet50 and Tiny"
    assert first_screen.duration(7200) == "2.0 hours"


def test_the_bars_count_verdicts_ours_above_the_papers():
    rows = [claim_row("1"), claim_row("2", verdict=Verdict.FAILS), claim_row("3", verdict=Verdict.FAILS)]
    rows += [claim_row("1", "grouped", verdict=Verdict.OTHER)]
    first, second, paper = first_screen.bars(pages(rows))
    assert first[:2] == ("These runs, split by image", "1 holds, 2 do not hold")
    assert [(cell["number"], cell["mark"], cell["sign"]) for cell in first[2]] == [
        ("1", "yes", "✓"),
        ("2", "no", "✗"),
        ("3", "no", "✗"),
    ]
    assert second[:2] == ("These runs, split by patient, lesion or slide", "1 not comparable")
    assert paper[:2] == ("The paper's own numbers", "3 undecided") and {cell["mark"] for cell in paper[2]} == {"open"}
    assert first_screen.bars(pages(rows[:3]))[0][0] == "These runs"


@pytest.mark.parametrize(("drawn", "differing", "word"), [(True, [], "Demo"), (True, ["64 px"], "Demo"), (False, ["64 px"], "Reduced"), (False, [], "")])  # fmt: skip
def test_a_badge_where_the_setting_is_not_the_papers(drawn, differing, word):
    assert first_screen.badge(drawn, differing).partition(":")[0] == word


def test_what_speaks_for_the_numbers_and_what_against_them():
    good = [record(seed=seed) for seed in range(3)]
    assert all(fine for fine, _ in first_screen.trust(good, [leaked(shared="0")], [SLICES]))
    bad = [record(), record(code_hash="def", deterministic=False)]
    leaks = [leaked(), leaked("hcd", shared="")]
    said = {words: fine for fine, words in first_screen.trust(bad, leaks, [FACTS, SLICES])}
    assert said == {
        "2 versions of the training code": False,
        "1 of 2 trainings are deterministic": False,
        "One seed: another seed can give another result": False,
        "Glioma: 50 of 50 test slices share a patient with training": False,
        "Mine: not known which patches share a slide": False,
    }


def test_leakage_of_every_protocol_is_that_of_its_worst_split():
    rows = [
        leaked(shared="3"),
        leaked(shared="7"),
        leaked(protocol="grouped", shared="0"),
        leaked("own", shared="1", tested="9"),
    ]
    said = [words for _, words in first_screen.trust([record()], rows, [SLICES])][-3:]
    assert said == [
        "Glioma, split by image: 7 of 50 test slices share a patient with training",
        "Glioma, split by patient, lesion or slide: 0 of 50 test slices share a patient with training",
        "own, split by image: 1 of 9 test images share a group with training",
    ]


def test_classifiers_that_learned_nothing_are_told():
    """Their differences may be significant, and still say nothing."""
    rows = [value_row("ml_v1", "ensemble", mean=40, chance="57"), value_row("ml_v2", "ensemble", mean=60, chance="57")]
    rows += [value_row("ml_v1", "s1", mean=40, chance="57"), value_row("ml_v3", "ensemble", "iou", mean=40, chance="")]
    said = "1 of 2 ensembles no better than one answer for every image"
    assert (False, said) in first_screen.trust([record()], [], [SLICES], [rows])
    assert not any("ensembles" in words for _, words in first_screen.trust([record()], [], [SLICES], [rows[1:]]))


@pytest.mark.parametrize(
    ("mean", "classes", "told"),
    [(50, 0, True), (51, 0, False), (25, 3, True), (26, 3, False), (math.nan, 0, False)],
)
def test_masks_that_learned_nothing_are_told(mean, classes, told):
    """A mask that is the same everywhere finds all of one class and none of the others."""
    rows = [
        value_row("ml_v1", "ensemble", "balanced_accuracy", mean=mean),
        value_row("ml_v2", "ensemble", "balanced_accuracy", mean=90),
    ]
    rows += [value_row("ml_v1", "s1", f"iou_of_class_{number}", mean=0) for number in range(1, 1 + classes)]
    classifiers = [
        value_row("ml_v1", "ensemble", mean=60, chance="57"),
        value_row("ml_v1", "ensemble", "balanced_accuracy", mean=40),
    ]
    said = "1 of 3 ensembles no better than one answer for every image"
    assert ((False, said) in first_screen.trust([record()], [], [SLICES], [rows, classifiers])) is told
