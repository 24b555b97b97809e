"""What a script says when it ends with an error can be read again."""

import pytest

from kdml.common.errors import UserError, run_script, told_in


def said(error, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        run_script(main)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "before", ["", "12:00:00 epoch 1\nError: an older one\n  What to do: nothing\n", "no Error: here\n"]
)
@pytest.mark.parametrize("problem", ["a.csv is empty.", "The configuration is not valid:\n  - x: y\n  - z"])
def test_what_is_said_is_found(capsys, before, problem):
    found = told_in(before + said(UserError(problem, "mend it"), capsys) + "slurmstepd: error: x\n")
    assert (found.problem, found.remedy) == (problem, "mend it")


def test_a_traceback_is_named_by_its_last_line():
    text = "12:00:00 epoch 1\nTraceback (most recent call last):\n  File x\nValueError: odd\n"
    assert told_in(text).problem == "ValueError: odd"


@pytest.mark.parametrize("text", ["", "12:00:00 epoch 1 loss 3\n", "12:00:00 no Error: of ours\n"])
def test_a_log_without_an_error(text):
    assert told_in(text) is None
