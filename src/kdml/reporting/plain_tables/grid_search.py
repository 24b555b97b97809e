"""Best weights of every variant in a grid search, and the rank of the paper's."""

from kdml.paper import numbers
from kdml.reporting import labels
from kdml.reporting.cells import number, text
from kdml.reporting.data import Data
from kdml.reporting.table_model import Table, plain

COLUMNS = (
    "Task",
    "Pair",
    "Variant",
    "α",
    "α′",
    "β",
    "β′",
    "γ",
    "γ′",
    "Validation score",
    "Paper's weights: score",
    "Rank",
    "Of",
)


def table(data: Data) -> Table:
    """Settings with the best validation score.

    Args:
        data: the file `settings`.
    """
    rows = [
        (
            text(numbers.task_of(row)), text(row["pair"]), text(labels.run(f"{row['technique']}_{row['strategy']}")),
            *(number(row[name], ".3g") for name in numbers.WEIGHTS), number(row["score"]), number(row["papers_score"]),
            number(row["papers_rank"], ".0f"), number(row["of"], ".0f"),
        )
        for row in data.rows("settings")
    ]  # fmt: skip
    return plain(COLUMNS, rows)
