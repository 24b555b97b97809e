"""All numbers of the paper beside ours."""

from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.table_model import Cell, Row, Table, number, of_seeds, plain, text, with_interval

COLUMNS = (
    "Table", "Protocol", "Task", "Run", "Network", "Metric", "Paper", "Ours", "Seeds", "Difference [95 %]", "Interval",
    "Departs from the paper", "Remark",
)  # fmt: skip


def table(data: Data) -> Table:
    """Numbers of the paper with ours and their difference.

    Args:
        data: the file `comparison`.
    """
    return plain(COLUMNS, [_cells(row) for row in data.rows("comparison")])


def _cells(row: Row) -> tuple[Cell, ...]:
    return (
        number(row["table"], ".0f"), text(row["protocol"]), text(row["task"]), text(labels.run(row["run"])),
        text(labels.network(row["network"])), text(labels.metric(row["metric"])), of_seeds(row["paper_mean"], row["paper_std"]),
        of_seeds(row["mean"], row["std"]), number(row["seeds"], ".0f"),
        with_interval(row["difference"], row["difference_low"], row["difference_high"]), text(row["interval"]),
        text(row["departures"]), text(row["remark"]),
    )  # fmt: skip
