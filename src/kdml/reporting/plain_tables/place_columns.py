"""Tables over several places: a section for each, under the names of its task, its pair and its split."""

from collections.abc import Mapping, Sequence

from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.table_model import Cell, Column, Section, Table, plain_block

PLACE = ("Protocol", "Task", "Pair")
Columns = Sequence[str | Column]


def by_place(
    data: Data,
    columns: Columns | Mapping[str, Columns],
    rows: Mapping[str, Sequence[Sequence[Cell]]],
    notes: Sequence[str] = (),
) -> Table:
    """A table with a section per place; protocol, task and pair are stored with every row.

    Args:
        data: with files `runs:PLACE`, which say how tasks are called.
        columns: of every section, or of each by its place.
        rows: by place, written protocol/task/pair.
        notes: what a reader must know beyond the caption.
    """
    sections = [
        Section(
            (plain_block(columns[label] if isinstance(columns, Mapping) else columns, found),),
            heading(data, label),
            label,
            place=tuple(zip(PLACE, label.split("/"), strict=True)),
        )
        for label, found in rows.items()
        if found
    ]
    return Table(tuple(sections), tuple(notes))


def heading(data: Data, label: str) -> str:
    """Names of a place's task, pair and split.

    Args:
        data: with the file `runs:PLACE`; without it the task is named by its key.
        label: protocol/task/pair.
    """
    protocol, task, pair = label.split("/")
    title = next((row["task_title"] for row in data.at("runs", label)), task)
    return f"{title}, {labels.pair(pair)}, {labels.PROTOCOLS.get(protocol, protocol)}"
