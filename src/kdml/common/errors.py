"""Errors meant for people: what was wrong, where, and what to do about it."""

import logging
import sys
from collections.abc import Callable

EXIT_USER_ERROR = 2


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
        return f"{self.problem}\n  What to do: {self.remedy}"


def run_script(main: Callable[[], None]) -> None:
    """Run a script's `main`: log to stderr, and end on a `UserError` with its message alone, never a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    try:
        main()
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)
