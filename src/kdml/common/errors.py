"""Errors meant for people: what was wrong, where, and what to do about it."""

import logging
import sys
from collections.abc import Callable

EXIT_USER_ERROR = 2
SAID = "Error: "
REMEDY = "\n  What to do: "


class UserError(Exception):
    """Bad input that the user can mend.

    Args:
        problem: what is wrong, naming the file or the configuration key.
        remedy: what the user can do about it.
    """

    def __init__(self, problem: str, remedy: str):
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}{REMEDY}{self.remedy}"


def run_script(main: Callable[[], None]) -> None:
    """Run a script's `main`: log to stderr, and end on a `UserError` with its message alone, never a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    try:
        main()
    except UserError as error:
        print(f"{SAID}{error}", file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)


def told_in(text: str) -> UserError | None:
    """Find the error that a script ended with in what it said; of a traceback its last line. None if it says of none.

    Args:
        text: of its log, or the end of it.
    """
    start = text.rfind(f"\n{SAID}") + 1 or (0 if text.startswith(SAID) else -1)
    if start >= 0:
        problem, _, rest = text[start + len(SAID) :].partition(REMEDY)
        return UserError(problem.strip(), rest.partition("\n")[0].strip())
    if "Traceback (most recent call last):" in text:
        return UserError(text.strip().rpartition("\n")[2], "read its log")
    return None
