"""The first columns of tables over several places."""

from kdml.reporting.table_model import Cell, text

PLACE = ("Protocol", "Task", "Pair")


def place_cells(label: str) -> tuple[Cell, ...]:
    """Cells of protocol, task and pair of a place that is written protocol/task/pair."""
    return tuple(map(text, label.split("/")))
