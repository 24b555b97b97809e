"""What leakage is worth: runs under two ways to split, and their difference."""

from collections.abc import Sequence
from dataclasses import replace

from kdml.analysis.metrics import digits_scale_of
from kdml.reporting import labels
from kdml.reporting.cells import INTERVAL, Cell, digits_of, measured, p_value, text, with_interval
from kdml.reporting.data import Data
from kdml.reporting.plain_tables.place_columns import by_place, heading, row_order
from kdml.reporting.table_model import Column, Row, Table

COLUMNS = (
    "Run", "Network", Column("Split by image", "By image"), Column("Split by group", "By group"),
    Column(f"Difference{INTERVAL}", "Difference"), Column("p (Holm)", "p Holm"),
)  # fmt: skip


def table(data: Data) -> Table:
    """A section for each task and pair, a row for each run and network.

    Args:
        data: files `between_protocols:PLACE`, of places that are split by image, and `runs:PLACE`.
    """
    places = data.under("between_protocols")
    rows = {place: [_cells(row) for row in sorted(found, key=row_order)] for place, found in places.items()}
    table = by_place(data, COLUMNS, rows, said={place: _tested(found) for place, found in places.items() if found})
    return Table(tuple(replace(one, title=heading(data, _of_both(one.key))) for one in table.sections))


def _of_both(place: str) -> str:
    """Name of a place without its protocol, because rows are about both."""
    return place[place.index("/") :]


def _cells(row: Row) -> tuple[Cell, ...]:
    fewest = str(min(int(row["first_cases"]), int(row["second_cases"])))
    digits = digits_of(fewest, digits_scale_of(row["metric"]))
    sides = ({"mean": row[f"{side}_mean"], "std": row[f"{side}_std"]} for side in ("first", "second"))
    return (
        text(labels.run(row["run"])),
        text(labels.network(row["network"])),
        *(measured(side, digits) for side in sides),
        with_interval(row["estimate"], row["low"], row["high"], digits),
        p_value(row["p_holm"]),
    )


def _tested(rows: Sequence[Row]) -> str:
    """How much stands behind the numbers of a section."""
    first = rows[0]
    sides = (
        f"{name}: {labels.counted(first[f'{side}_cases'], 'test image')} in {labels.counted(first[f'{side}_groups'], 'group')}"
        for side, name in (("first", "by image"), ("second", "by group"))
    )
    return f"{labels.metric(first['metric'])}; {'; '.join(sides)}; {labels.counted(first['seeds'], 'seed')}."
