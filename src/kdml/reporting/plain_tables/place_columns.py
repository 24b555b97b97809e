"""Tables over several places: a section for each, under the names of its task, its pair and its split."""

from collections.abc import Mapping, Sequence

from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.table_model import Cell, Column, Row, Section, Table, plain_block

PLACE = ("Protocol", "Task", "Pair")


def by_place(
    data: Data,
    columns: Sequence[str | Column],
    rows: Mapping[str, Sequence[Sequence[Cell]]],
    notes: Sequence[str] = (),
    said: Mapping[str, str] | None = None,
) -> Table:
    """A table with a section per place; protocol, task and pair are stored with every row.

    Args:
        data: with files `runs:PLACE`, which say how tasks are called.
        columns: of every section.
        rows: by place, written protocol/task/pair.
        notes: what a reader must know beyond the caption.
        said: notes on single places.
    """
    sections = [
        Section(
            (plain_block(columns, found),),
            heading(data, label),
            label,
            (said[label],) if said else (),
            tuple(zip(PLACE, label.split("/"), strict=True)),
        )
        for label, found in rows.items()
        if found
    ]
    return Table(tuple(sections), tuple(notes))


def row_order(row: Row) -> tuple:
    """Sorting key of rows: runs, under each the networks, in the order of all tables."""
    return labels.run_order(row["run"]), labels.network_order(row["network"])


def heading(data: Data, label: str) -> str:
    """Names of a place's task, pair and split.

    Args:
        data: with files `runs:PLACE`, which say how tasks are called; a task of none of them is named by its key.
        label: protocol/task/pair; without a pair that part is empty.
    """
    protocol, task, pair = label.split("/")
    known = (row for place in data.places("runs") if place.split("/")[1] == task for row in data.rows(f"runs:{place}"))
    title = next((row["task_title"] for row in known), task)
    split = labels.PROTOCOLS.get(protocol, protocol)
    return ", ".join(filter(None, (title, labels.pair(pair) if pair else "", split)))
