"""An untracked value reaches the shell, quoted where asked for, and never Snakemake's comparison of parameters."""

import shlex

import pytest
from snakemake.persistence import UNREPRESENTABLE, PersistenceBase
from snakemake.utils import format as formatted

from kdml.common.untracked import Untracked

AWKWARD = ["plain", "a b", "it's", "$(touch x)", "{braces}", "back\\slash", "Bilder für Ärzte", '"quoted"']


def compared(value):
    return PersistenceBase._serialize_param_builtin(None, value)


@pytest.mark.parametrize("text", AWKWARD)
def test_text_is_passed_on_and_quoted(text):
    assert formatted("{x}", x=Untracked(text)) == text
    assert shlex.split(formatted("{x:q} {many:q}", x=Untracked(text), many=["--y", Untracked(text)])) == [
        text,
        "--y",
        text,
    ]


def test_it_is_not_compared():
    assert compared(Untracked("here")) is UNREPRESENTABLE
    assert compared(["--folder", Untracked("here"), 1]) == compared(["--folder", Untracked("there"), 1])
    assert compared(["--folder", Untracked("here"), 1]) != compared(["--folder", Untracked("here"), 2])
