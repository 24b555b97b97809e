"""A published method is its file: what table 10, the configuration and trainings know of it is read there."""

import subprocess
import sys

import pytest

from kdml.runs.method_source import FOLDER
from kdml.runs.methods import METHODS, PublishedMethod, published

NEW = """from kdml.learning.methods.dense import SegmentationMethod


class Helper(SegmentationMethod):
    pass


class New(Helper):
    key = "new"
    title = "New one"
    kind = "segmentation"
    kd = 0.5
"""


@pytest.fixture
def folder(tmp_path):
    """The package's methods, copied."""
    for path in FOLDER.glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text())
    return tmp_path


def test_order_is_that_of_table_10():
    in_paper = ["fitnet", "at", "sp", "srrl", "vid", "simkd", "semckd", "skd", "ifvd", "cwd", "dsd", "emkd"]
    assert list(METHODS)[:12] == in_paper and list(METHODS)[12:] == sorted(METHODS.keys() - set(in_paper))


def test_uses_of_one_method_share_what_is_said_of_it():
    assert METHODS["at"] == PublishedMethod(
        "AT", {"classification": "at:AT", "segmentation": "at:SegmentationAT"}, 1.0, 0.0, 2
    )
    assert (METHODS["simkd"].supervised, METHODS["semckd"].kd) == (0.0, 1.0)


def test_a_new_file_is_a_new_method(folder):
    (folder / "new.py").write_text(NEW)
    (folder / "another.py").write_text(NEW.replace("new", "a_new"))
    found = published(folder)
    more = found.keys() - METHODS.keys()
    assert more == {"a_new", "new"} and list(found)[12:] == sorted(found.keys() - set(list(METHODS)[:12]))
    assert found["new"] == PublishedMethod("New one", {"segmentation": "new:New"}, supervised=1.0, kd=0.5)


BROKEN = {
    "the key of another": ('"new"', '"skd"', "contradicts another class of the key 'skd'"),
    "no title": ('    title = "New one"\n', "", "no key or no title"),
    "no key": ('    key = "new"\n', "", "no key or no title"),
    "a computed title": ('"New one"', "str(1)", "New.title is not written out"),
}


@pytest.mark.parametrize(("old", "new", "said"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_does_not_say_what_it_is_is_refused(folder, old, new, said):
    (folder / "new.py").write_text(NEW.replace(old, new))
    with pytest.raises(ValueError, match=said):
        published(folder)


def test_torch_is_not_imported_for_it():
    code = "import sys; import kdml.runs.methods; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
