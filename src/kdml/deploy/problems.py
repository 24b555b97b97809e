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
