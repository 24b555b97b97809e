"""A claim under every reading of the paper as a table: a row per reading, a column per place, and the verdict. Rendering only."""

from collections.abc import Mapping, Sequence

from kdml.analysis.readings import QUOTED
from kdml.reporting import labels
from kdml.reporting.cells import number, text
from kdml.reporting.table_model import Block, Cell, Column, Group, Line, Row

HEADS: Mapping[str, str] = {"paper": "1024-512 head", "linear": "linear head"}
AS_QUOTED = "as the paper quotes them, in millions"


def of_sizes(rows: Sequence[Row]) -> Block:
    """What two students save of the teacher's parameters, by how the networks end.

    Args:
        rows: of readings.csv, of one claim.
    """
    places = list(dict.fromkeys(row["place"] for row in rows))
    readings: dict[str, dict[str, Row]] = {}
    for row in rows:
        readings.setdefault(_title(row), {})[row["place"]] = row
    lines = tuple(
        Line((*(_cell(found[place]) for place in places), text(next(iter(found.values()))["verdict"])), title)
        for title, found in readings.items()
    )
    columns = (*(Column(f"two {_student(place)}: saved, %") for place in places), Column("verdict on the claim"))
    return Block((Group(columns),), lines, "Parameters counted of", headed=True)


def _student(place: str) -> str:
    name = place.partition("/")[2]
    return labels.ARCHITECTURES.get(name, name)


def _title(row: Row) -> str:
    if row["teacher_head"] == QUOTED:
        return AS_QUOTED
    block = ", extra block" if row["block"] == "1" else ", no extra block"
    return f"teacher: {HEADS[row['teacher_head']]}{block}; students: {HEADS[row['students_head']]}"


def _cell(row: Row) -> Cell:
    saved, of = number(row["saved"], ".1f"), [f"{float(row[name]) / 1e6:.1f}" for name in ("students", "teacher")]
    said = f"{saved.text} ({of[0]} of {of[1]} M; paper {float(row['expected']):g}): {row['answer']}"
    return Cell(said, saved.value)
