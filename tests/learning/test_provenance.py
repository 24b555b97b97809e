"""The hash of the training code follows what decides a training, and nothing else."""

import re
import shutil
import subprocess
import sys

import pytest

from kdml.common.source_code import SOURCE, closure
from kdml.learning.provenance import code_hash, method_hash

TRAINING = {"common", "runs", "data", "learning"}


@pytest.fixture
def source(tmp_path):
    copy = tmp_path.resolve() / "src"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def edit(source, name, pattern, into):
    """Replace what a pattern finds first."""
    text, edits = re.subn(pattern, into, (source / name).read_text(), count=1, flags=re.M)
    assert edits == 1, name
    (source / name).write_text(text)


def test_a_training_reaches_what_decides_it_and_no_more():
    files = closure([SOURCE / "train.py"])
    wings = {path.relative_to(SOURCE / "kdml").parts[0] for path in files if path.name not in ("train.py",)}
    assert wings - {"__init__.py"} == TRAINING
    of_methods = {path.stem for path in files if path.parent.name == "methods"}
    assert of_methods == {"__init__", "base", "contract", "loading"}  # single methods are `method_hash`


def test_a_moved_checkout_is_the_same_program(source):
    assert code_hash(source) == code_hash() and re.fullmatch("[0-9a-f]{16}", code_hash())


@pytest.mark.slow
def test_the_garbage_collector_is_left_as_it_was():
    said = "import gc; gc.{}able(); import kdml.learning; print(gc.isenabled())"
    for word, expected in (("en", "True"), ("dis", "False")):
        done = subprocess.run(
            [sys.executable, "-c", said.format(word)], cwd=SOURCE, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected


METHOD = """from kdml.learning.methods.sp import SP as Base


class New(Base):
    key, title = "new", "New"
"""
UNCHANGED = {
    "key of the configuration": ("kdml/experiment/config.py", r"^class Experiment.*$", r"\g<0>\n    new_key: int = 3"),
    "metric": ("kdml/analysis/metrics.py", r"\Z", "\n\ndef new_metric(counts):\n    return 1.0\n"),
    "comment": ("kdml/learning/engine.py", r"^EVALUATION_BATCH.*$", r"\g<0>  # new"),
    "docstring": ("kdml/learning/engine.py", "Trains a cohort.", "Trains some networks."),
    "loss of a method": ("kdml/learning/methods/sp.py", r"PUBLISHED_WEIGHT = 3000\.0", "PUBLISHED_WEIGHT = 1.0"),
}
CHANGED = {
    "operator of a loss": ("kdml/learning/losses.py", r"\*\*", "*"),
    "constant of the engine": ("kdml/learning/engine.py", "^EVALUATION_BATCH = 32", "EVALUATION_BATCH = 16"),
    "batches": ("kdml/learning/batches.py", r"\Z", "\nNEW = 1\n"),
    "default of a setting": ("kdml/runs/settings.py", "focal_exponent(.*) = 2.0", r"focal_exponent\1 = 3.0"),
    "script": ("train.py", "SECONDS_BETWEEN_LINES = 60", "SECONDS_BETWEEN_LINES = 61"),
    "arrays": ("kdml/data/arrays.py", r"\Z", "\nNEW = 1\n"),
}


@pytest.mark.parametrize("edited", UNCHANGED.values(), ids=UNCHANGED)
def test_edits_that_decide_no_training(source, edited):
    edit(source, *edited)
    assert code_hash(source) == code_hash()


@pytest.mark.parametrize("edited", CHANGED.values(), ids=CHANGED)
def test_edits_that_decide_one(source, edited):
    edit(source, *edited)
    assert code_hash(source) != code_hash()


def test_a_new_method_leaves_all_other_runs_alone(source):
    (source / "kdml/learning/methods/new.py").write_text(METHOD)
    assert code_hash(source) == code_hash() and method_hash("sp", "classification", source) == method_hash(
        "sp", "classification"
    )


def test_methods_are_told_apart_by_what_only_they_need(source):
    before = {
        use: method_hash(*use, source)
        for use in (("sp", "classification"), ("skd", "segmentation"), (None, "segmentation"))
    }
    assert len(set(before.values())) == 3
    edit(source, "kdml/learning/methods/sp.py", r"PUBLISHED_WEIGHT = 3000\.0", "PUBLISHED_WEIGHT = 1.0")
    changed = {use for use, found in before.items() if method_hash(*use, source) != found}
    assert changed == {("sp", "classification")}
    edit(source, "kdml/learning/methods/dense.py", r"\Z", "\nNEW = 1\n")  # what methods for segmentation share
    assert method_hash("skd", "segmentation", source) != before["skd", "segmentation"]
    edit(source, "kdml/learning/losses.py", r"\Z", "\nNEW = 1\n")  # of all runs
    assert method_hash(None, "segmentation", source) == before[None, "segmentation"]


def test_hash_is_printed():
    done = subprocess.run(
        [sys.executable, "-m", "kdml.learning.provenance"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == code_hash()
