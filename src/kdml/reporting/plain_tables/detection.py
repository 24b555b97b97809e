"""Regions found, by size, and false ones."""

from collections.abc import Mapping, Sequence

from kdml.reporting import labels
from kdml.reporting.cells import INTERVAL, digits_of, number, text, with_interval
from kdml.reporting.data import Data
from kdml.reporting.plain_tables.place_columns import by_place
from kdml.reporting.table_model import Cell, Column, Row, Table

SIZES = ("found_small", "found_medium", "found_large")
FALSE = "false_regions"
COLUMNS = (
    "Variant",
    "Network",
    *(Column(f"{labels.metric(size)}{INTERVAL}", labels.metric(size)) for size in SIZES),
    labels.metric(FALSE),
)

Found = Mapping[tuple[str, str, str], Row]
"""Rows of values.csv by run, network and metric."""


def table(data: Data) -> Table:
    """Shares of regions found by place, run and network.

    Args:
        data: files `values:PLACE` of variants and of networks trained alone, and `runs:PLACE`.
    """
    places = {label: _found(rows) for label, rows in data.under("values").items()}
    rows = {label: [_cells(found, *name) for name in _names(found)] for label, found in places.items()}
    return by_place(data, COLUMNS, rows, said={label: _sizes(found) for label, found in places.items()})


def _found(rows: Sequence[Row]) -> Found:
    return {(row["run"], row["network"], row["metric"]): row for row in rows if row["truth"] == "label"}


def _names(found: Found) -> list[tuple[str, str]]:
    """Runs and networks, in the order in which they are shown."""
    names = dict.fromkeys((run, network) for run, network, metric in found if metric in SIZES)
    return sorted(names, key=lambda key: (labels.run_order(key[0]), labels.network_order(key[1])))


def _sizes(found: Found) -> str:
    """Which areas the sizes are, and how many regions there are of each."""
    said = []
    for size in SIZES:
        rows = [row for (_, _, metric), row in found.items() if metric == size]
        areas, counts = (", ".join(dict.fromkeys(row[name] for row in rows if row[name])) for name in ("sizes", "of"))
        said.append(f"{size.removeprefix('found_')} are {counts} of {areas}")
    return f"Regions of the test set: {', '.join(said)}."


def _cells(found: Found, run: str, network: str) -> tuple[Cell, ...]:
    shown = [_share(found.get((run, network, size))) for size in SIZES]
    wrong = found.get((run, network, FALSE))
    last = number(wrong["mean"] if wrong else "", ".1f")
    return text(labels.run(run)), text(labels.network(network)), *shown, last


def _share(row: Row | None) -> Cell:
    if row is None:
        return number("")
    cell = with_interval(row["mean"], row["low"], row["high"], digits_of(row["of"]))
    return Cell(cell.text, cell.value, (*cell.more, ("of", row["of"])))
