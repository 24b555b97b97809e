"""Errors of the operating system as messages, and the exit codes that tell a scheduler what may pass by itself."""

import errno
import signal
import subprocess
import sys

import pytest

from kdml.common.errors import (
    EXIT_MACHINE_ERROR,
    EXIT_USER_ERROR,
    MISTAKES,
    REMEDIES,
    MachineError,
    UserError,
    fault_of,
    faults_told,
    may_pass_by_itself,
    run_script,
    told_in,
)
from kdml.common.source_code import SOURCE

LASTING = {
    errno.EACCES,
    errno.EPERM,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ELOOP,
    errno.ENAMETOOLONG,
}


@pytest.mark.parametrize("number", sorted({*REMEDIES, *MISTAKES, errno.EIO, errno.ESTALE, errno.ETIMEDOUT}))
def test_an_error_of_the_system_names_file_reason_and_remedy(number, tmp_path):
    fault = fault_of(OSError(number, "whatever"), tmp_path / "arrays.npy")
    assert fault.problem.startswith(f"{tmp_path / 'arrays.npy'}: ") and fault.remedy[0].islower()
    assert isinstance(fault, MachineError) == (number not in LASTING)
    assert fault.exit_code == (EXIT_USER_ERROR if number in LASTING else EXIT_MACHINE_ERROR)


def test_an_error_that_names_its_file_is_not_blamed_on_another(tmp_path):
    target = tmp_path / "table.csv"
    assert fault_of(OSError(errno.EIO, "", "archive.zip"), target).problem.startswith("archive.zip: ")
    assert fault_of(OSError(errno.EIO, "", str(tmp_path / ".table.partial.csv")), target).problem.startswith(
        f"{target}: "
    )


def caught(make):
    try:
        make()
    except Exception as error:
        return error
    raise AssertionError


def in_torch():
    """torch raises an error of its own upon the system's."""
    try:
        raise OSError(errno.ENOSPC, "No space left on device")
    except OSError:
        raise RuntimeError("[enforce fail at inline_container.cc:672]")  # noqa: B904


HIDDEN = {
    "in a library in Rust": ValueError("Error while serializing: I/O error: No space left on device (os error 28)"),
    "in numpy": OSError("1000000 requested and 127984 written"),
    "in torch": caught(in_torch),
}


@pytest.mark.parametrize("where", HIDDEN)
def test_a_full_disk_is_seen_behind_errors_of_libraries(where, tmp_path):
    with pytest.raises(MachineError, match="No space left on device"), faults_told(tmp_path / "file"):
        raise HIDDEN[where]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("wrong"),
        OSError("cannot identify image file"),
        OSError(errno.EINVAL, "Invalid argument"),
        KeyError("x"),
    ],
)
def test_what_is_no_fault_of_the_machine_passes(error, tmp_path):
    assert fault_of(error, tmp_path) is None
    with pytest.raises(type(error)), faults_told(tmp_path):
        raise error


def test_an_error_for_people_stays_as_it_is(tmp_path):
    with pytest.raises(UserError, match="mine"), faults_told(tmp_path):
        raise UserError("mine", "mend it")


def ends_with(error, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit) as end:
        run_script(main)
    return end.value.code, capsys.readouterr().err


SAYS = {2: "Error: ", 75: "Error of the machine: "}


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UserError("The key 'x' is none.", "mend it"), 2, "The key 'x' is none."),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.csv"), 2, "a.csv: No such file or directory."),
        (PermissionError(errno.EACCES, "denied", "a.csv"), 2, "a.csv: Permission denied."),
        (OSError(errno.ENOSPC, "full", "a.csv"), 75, "a.csv: No space left on device."),
        (OSError(errno.EMFILE, "many", "a.csv"), 75, "a.csv: Too many open files."),
        (MemoryError(), 75, "There is not enough memory."),
    ],
)
def test_a_script_ends_with_one_message_and_its_code(error, code, words, capsys):
    """75 is what a scheduler may repeat, 2 is not."""
    found, said = ends_with(error, capsys)
    assert (
        found == code and said.startswith(f"{SAYS[code]}{words}") and "What to do: " in said and "Traceback" not in said
    )


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_script(lambda: 1 / 0)


def test_ctrl_c_is_no_traceback(capsys):
    assert ends_with(KeyboardInterrupt(), capsys) == (128 + signal.SIGINT, "")


def test_the_exit_code_stands_when_the_message_cannot_be_written():
    """The log lies on the disk that is full."""
    code = "import errno\nfrom kdml.common.errors import run_script\ndef main():\n    raise OSError(errno.ENOSPC, 'full')\nrun_script(main)"
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", code], cwd=SOURCE, stderr=full, check=False)
    assert done.returncode == EXIT_MACHINE_ERROR


def said(error, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        run_script(main)
    assert ended.value.code == error.exit_code
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "before", ["", "12:00:00 epoch 1\nError: an older one\n  What to do: nothing\n", "no Error: here\n"]
)
@pytest.mark.parametrize("problem", ["a.csv is empty.", "The configuration is not valid:\n  - x: y\n  - z"])
def test_what_is_said_is_found(capsys, before, problem):
    for kind in (UserError, MachineError):
        found = told_in(before + said(kind(problem, "mend it"), capsys) + "slurmstepd: error: x\n")
        assert (type(found), found.problem, found.remedy) == (kind, problem, "mend it")


def test_a_traceback_is_named_by_its_last_line():
    text = "12:00:00 epoch 1\nTraceback (most recent call last):\n  File x\nValueError: odd\n"
    assert told_in(text).problem == "ValueError: odd"


@pytest.mark.parametrize("text", ["", "12:00:00 epoch 1 loss 3\n", "12:00:00 no Error: of ours\n"])
def test_a_log_without_an_error(text):
    assert told_in(text) is None


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("", True),
        ("12:00:00 epoch 1 loss 3\n", True),
        ("12:00:00 asked to leave: saved c.pt\nslurmstepd: error: *** JOB 1 CANCELLED\n", True),
        ("Error of the machine: No space left on device.\n  What to do: free some\n", True),
        ("Error: a.csv is empty.\n  What to do: fill it\n", False),
        ("Traceback (most recent call last):\nModuleNotFoundError: No module named 'x'\n", False),
        ("Traceback (most recent call last):\nValueError: told by a library\n12:00:01 epoch 2 loss 3\n", True),
    ],
)
def test_bad_input_and_faults_of_the_program_do_not_pass_by_themselves(text, may):
    assert may_pass_by_itself(text) == may
