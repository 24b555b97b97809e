"""Scores beside that of the best answer that is always the same: naming the most frequent class, or marking all pixels alike."""

from collections.abc import Sequence
from typing import NamedTuple

from kdml.analysis.class_pixels import BALANCED, balanced_accuracy_of_constant_masks
from kdml.reporting.table_model import Row

NO_BETTER = "no better than one answer for every image"


class Beside(NamedTuple):
    """A score, and that of the best answer that is always the same, both in percent.

    Args:
        row: of the table of scores.
        score: of the network or ensemble.
        of_one_answer: of that answer; NaN where it is not known.
    """

    row: Row
    score: float
    of_one_answer: float

    @property
    def is_no_better(self) -> bool:
        """Whether nothing shows that anything was learned."""
        return self.score <= self.of_one_answer


def beside_one_answer(rows: Sequence[Row], value: str) -> list[Beside]:
    """Compare accuracies, or of masks balanced accuracies, with those of one answer.

    Args:
        rows: of a table of scores in percent with the columns `metric` and `chance`, all metrics of all networks of one place.
        value: column of the score.
    """
    if named := [row for row in rows if row["metric"] == "accuracy"]:
        return [Beside(row, float(row[value]), float(row["chance"] or "nan")) for row in named]
    constant = 100 * balanced_accuracy_of_constant_masks(row["metric"] for row in rows)
    return [Beside(row, float(row[value]), constant) for row in rows if row["metric"] == BALANCED]
