"""Errors that a user of an exported folder can mend."""

REMEDY = "\n  What to do: "


class Problem(Exception):
    """Bad input.

    Args:
        problem: what is wrong, naming the file.
        remedy: what the user can do about it.
    """

    def __init__(self, problem: str, remedy: str):
        super().__init__(problem, remedy)
        self.problem, self.remedy = problem, remedy

    def __str__(self) -> str:
        return f"{self.problem}{REMEDY}{self.remedy}"


def printable(name: object) -> str:
    """Name of a file in one line, whatever signs are in it: those that move a terminal's cursor are written as Python does."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in str(name))


def reason(error: Exception) -> str:
    """First line of what an error of a library says, or its name where it says nothing."""
    return (str(error) or type(error).__name__).splitlines()[0]
