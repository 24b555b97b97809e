"""Where variants and methods are run: a protocol, a task and a pair."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where variants were run.

    Args:
        protocol: how the split is made.
        task: key of the task.
        pair: key of the pair.
        student: the paper's architecture that the student is or stands for.
        kind: of the task.
    """

    protocol: str
    task: str
    pair: str
    student: str
    kind: str

    @property
    def name(self) -> str:
        """As the claims name it: task/student."""
        return f"{self.task}/{self.student}"

    @property
    def folder(self) -> str:
        """Below the experiment's folder."""
        return f"{self.protocol}/{self.task}/{self.pair}"
