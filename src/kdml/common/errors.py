"""Errors meant for people: what was wrong, where, and what to do about it; and with which exit code a script ends on them.

| exit code | what it was | whether to try again |
|---|---|---|
| 0 | done | |
| 1 | a fault of the program, with a traceback | no |
| 2 | bad input: `UserError`, or a command line that argparse refuses | no, it must be mended first |
| 75 | a fault of the machine: `MachineError`, such as a full disk | yes, what was done is kept |
| 128 + n | left on signal n; a training has saved its state | yes |
"""

import errno
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

EXIT_USER_ERROR = 2
SAID = "Error: "
SAID_OF_MACHINE = "Error of the machine: "
REMEDY = "\n  What to do: "
EXIT_MACHINE_ERROR = os.EX_TEMPFAIL  # 75, "temporary failure": what schedulers and mailers may try again

AGAIN = "then start the same command again: what is finished is kept"
REMEDIES = {
    errno.ENOSPC: f"free some space there, {AGAIN}",
    errno.EDQUOT: f"free some of your quota or ask for more, {AGAIN}",
    errno.EROFS: f"write to another folder, or ask who keeps this machine why the file system is read-only, {AGAIN}",
    errno.EFBIG: f"raise the limit on the size of files (`ulimit -f unlimited`), or write to another file system, {AGAIN}",
    errno.EMFILE: f"raise the limit on open files (`ulimit -n 4096`), or run fewer jobs at once (`--cores`), {AGAIN}",
    errno.ENFILE: f"run fewer jobs at once (`--cores`), {AGAIN}",
    errno.ENOMEM: f"run fewer jobs at once (`--cores`), or ask the scheduler for more memory, {AGAIN}",
    errno.ENOLCK: f"wait until the file system gives locks again, {AGAIN}",
}
MISTAKES = {
    errno.EACCES: "get the right to read or write it, or choose another folder",
    errno.EPERM: "get the right to read or write it, or choose another folder",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path: a part of it is a file",
    errno.EISDIR: "check the path: it is a folder",
    errno.EEXIST: "check the path: something else has the name",
    errno.ELOOP: "check the path: links in it lead nowhere",
    errno.ENAMETOOLONG: "choose a shorter path or name",
}
OTHER_FAULT = f"look at the disk or the network file system that it lies on, {AGAIN}"
RUST = re.compile(r"\(os error (\d+)\)")  # how libraries in Rust tell of the operating system's errors
LOGGED = re.compile(r"^\d\d:\d\d:\d\d .*\n?", re.M)  # a line of a log; what ended a script comes after the last
SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")  # how numpy tells of a write that took only a part


class UserError(Exception):
    """Bad input that the user can mend.

    Args:
        problem: what is wrong, naming the file or the configuration key.
        remedy: what the user can do about it.
    """

    exit_code = EXIT_USER_ERROR
    said = SAID

    def __init__(self, problem: str, remedy: str):
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}{REMEDY}{self.remedy}"


class MachineError(UserError):
    """What the machine lacks or fails at, such as space, memory or a network: the same command may pass later."""

    exit_code = EXIT_MACHINE_ERROR
    said = SAID_OF_MACHINE


def fault_of(error: BaseException, path: Path | None = None) -> UserError | None:
    """The message for an error of the operating system, or of a library that hides one.

    Args:
        error: as it was raised.
        path: of the file that was written or read, for an error that does not name its own.

    Returns:
        A `MachineError`; a `UserError` where a path or a right is wrong; None for an error of any other kind.
    """
    if isinstance(error, MemoryError):
        return MachineError("There is not enough memory.", REMEDIES[errno.ENOMEM])
    number = _number_of(error)
    if isinstance(error, UserError) or number is None:
        return None
    named = getattr(error, "filename", None)
    place = str(path) if path is not None and (named is None or _is_part_of(str(named), path)) else named
    said = os.strerror(number)
    problem = f"{place}: {said}." if place else f"{said}."
    if number in MISTAKES:
        return UserError(problem, MISTAKES[number])
    return MachineError(problem, REMEDIES.get(number, OTHER_FAULT))


def _is_part_of(named: str, path: Path) -> bool:
    """Whether a name is the temporary one that a file has while it is written."""
    return Path(named).parent == path.parent and Path(named).name.startswith(f".{path.stem}.")


def _number_of(error: BaseException) -> int | None:
    """Number of the operating system's error, None for an error of another kind."""
    # torch raises a RuntimeError of its own upon it.
    for one in (error, error.__context__) if isinstance(error, RuntimeError) else (error,):
        if isinstance(one, OSError) and one.errno in errno.errorcode:
            # A seek in a damaged file ends with EINVAL, which is no fault of the machine.
            return None if one.errno == errno.EINVAL else one.errno
    if isinstance(error, OSError) and SHORT_WRITE.search(str(error)):
        return errno.ENOSPC
    found = RUST.search(str(error))
    return int(found[1]) if found and int(found[1]) in errno.errorcode else None


@contextmanager
def faults_told(path: Path | None = None) -> Iterator[None]:
    """Run a block so that an error of the operating system in it becomes a message.

    Args:
        path: of the file that is written or read.

    Raises:
        UserError: see `fault_of`.
    """
    try:
        yield
    except Exception as error:
        if (fault := fault_of(error, path)) is None:
            raise
        raise fault from error


def run_script(main: Callable[[], None]) -> None:
    """Run a script's `main`: log to stderr, and end on an error for people with its message alone, never a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    logging.raiseExceptions = False  # a log on a full disk is no reason to end a training
    try:
        main()
    except UserError as error:
        _leave_with(error)
    except (OSError, MemoryError) as error:
        if (fault := fault_of(error)) is None:
            raise
        _leave_with(fault)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _leave_with(error: UserError) -> None:
    sys.unraisablehook = lambda _: None  # what objects say that were left half-made adds nothing
    with suppress(OSError):  # the log may lie on the disk that is full
        print(f"{error.said}{error}", file=sys.stderr, flush=True)
    sys.exit(error.exit_code)


def told_in(text: str) -> UserError | None:
    """Find the error that a script ended with in what it said; of a traceback its last line. None if it says of none.

    Args:
        text: of its log, or the end of it.

    Returns:
        A `MachineError` where the script ended with one.
    """
    text = text[max((line.end() for line in LOGGED.finditer(text)), default=0) :]
    kinds = {SAID: UserError, SAID_OF_MACHINE: MachineError}
    found = [(start, said) for said in kinds if (start := f"\n{text}".rfind(f"\n{said}")) >= 0]
    if found:
        start, said = max(found)
        problem, _, rest = text[start + len(said) :].partition(REMEDY)
        return kinds[said](problem.strip(), rest.partition("\n")[0].strip())
    if "Traceback (most recent call last):" in text:
        return UserError(text.strip().rpartition("\n")[2], "read its log")
    return None


def may_pass_by_itself(text: str) -> bool:
    """Whether another try of a script that failed may pass: not after bad input, nor after a fault of the program.

    Args:
        text: of its log; one that was killed has said nothing of an error.
    """
    error = told_in(text)
    return error is None or isinstance(error, MachineError)
