"""Options of methods are known before anything is trained, and are those that the methods take."""

import subprocess
import sys

import pytest

from kdml.experiment.method_options import option_names, taps_read
from kdml.learning.methods.loading import load
from kdml.runs.methods import METHODS

CASES = [(name, kind) for name, method in METHODS.items() for kind in method.classes]


@pytest.mark.parametrize(("method", "kind"), [*CASES, ("docs/examples/rkd.py:RKD", "classification")])
def test_they_are_those_that_the_class_has(method, kind):
    built = load(method, kind)
    assert option_names(method, kind) == {*built.defaults, *(f"weight_{term}" for term in built.weights)}


OWN = {
    "derived from a published one": (
        "from kdml.learning.methods.fitnet import SegmentationFitNet as Base\n"
        "class Between(Base):\n    weights = {'mine': 1.0}\n"
        "class Mine(Between):\n    pass\n",
        {"tap", "stages", "weight_mine"},
    ),
    "named like the one it is derived from": (
        "from kdml.learning.methods.sp import SP\nclass Mine(SP):\n    pass\nclass Mine(Mine):\n    defaults = {'a': 1}\n",
        {"a", "weight_similarity"},
    ),
    "with types": (
        "from typing import Any\nfrom kdml.learning.methods.base import Method\n"
        "class Mine(Method):\n    weights: dict[str, float] = {'x': 1}\n    defaults: dict[str, Any]\n",
        {"weight_x"},
    ),
    "computed": (
        "from kdml.learning.methods.base import Method\nclass Mine(Method):\n    defaults = dict(a=1)\n",
        None,
    ),
    "extended": (
        "from kdml.learning.methods.sp import SP\nclass Mine(SP):\n    defaults = {**SP.defaults, 'a': 1}\n",
        None,
    ),
    "two bases": ("from kdml.learning.methods.sp import SP\nclass Mine(object, SP):\n    pass\n", None),
    "a base from elsewhere": ("import kdml.learning.methods.sp as sp\nclass Mine(sp.SP):\n    pass\n", None),
    "its own base": ("class Mine(Mine):\n    pass\n", None),
    "no such class": ("x = 1\n", None),
    "no Python": ("class Mine(:\n", None),
    "no file": (None, None),
}


@pytest.mark.parametrize(("text", "names"), OWN.values(), ids=OWN)
def test_of_an_own_method_where_they_are_written_out(tmp_path, text, names):
    """Nothing is refused on a guess: what cannot be read off is checked when the method is built."""
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    assert option_names(f"{tmp_path / 'mine.py'}:Mine", "classification") == names


@pytest.mark.parametrize(("method", "kind"), CASES)
def test_taps_are_those_that_the_method_reads(method, kind):
    """Of a method that has been built; CWD reads none unless its variant says so, which only building it tells."""
    read = taps_read(method, kind, {})
    assert read == tuple(load(method, kind).taps)


OWN_TAPS = {
    "named by its class": ("class Mine(Method):\n    taps = ('f1',)\n    defaults = {}\n", {}, ("f1",)),
    "named by its option": ("class Mine(Method):\n    taps = ('f1',)\n    defaults = {'tap': 'f1'}\n", {"tap": "f3"}, ("f3",)),
    "chosen when it is built": ("class Mine(Method):\n    taps = ('f1',)\n    defaults = {}\n    def __init__(self, s):\n        self.taps = ('f4',)\n", {}, ()),
    "computed": ("class Mine(Method):\n    taps = tuple('ab')\n    defaults = {}\n", {}, ()),
    "options that are computed": ("class Mine(Method):\n    taps = ('f1',)\n    defaults = dict(tap='f4')\n", {}, ()),
}  # fmt: skip


@pytest.mark.parametrize(("text", "given", "taps"), OWN_TAPS.values(), ids=OWN_TAPS)
def test_taps_of_an_own_method_where_they_are_written_out(tmp_path, text, given, taps):
    (tmp_path / "mine.py").write_text(f"from kdml.learning.methods.base import Method\n{text}")
    assert taps_read(f"{tmp_path / 'mine.py'}:Mine", "classification", given) == taps


def test_torch_is_not_imported_for_it():
    code = "import sys; from kdml.experiment.method_options import option_names; option_names('skd', 'segmentation'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
