"""Regions found, by size, and false ones."""

from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.plain_tables.place_columns import PLACE, place_cells
from kdml.reporting.table_model import Cell, Row, Table, number, plain, text, with_interval

SIZES = ("found_small", "found_medium", "found_large")
COLUMNS = (*PLACE, "Variant", "Network", *map(labels.metric, (*SIZES, "false_regions")))


def table(data: Data) -> Table:
    """Shares of regions found by place, run and network.

    Args:
        data: files `values:PLACE` of variants and of networks trained alone.
    """
    rows = []
    for label, found in data.under("values").items():
        cells = {(row["run"], row["network"], row["metric"]): row for row in found if row["truth"] == "label"}
        names = dict.fromkeys((run, network) for run, network, metric in cells if metric in SIZES)
        for run, network in sorted(names, key=lambda key: (labels.run_order(key[0]), labels.network_order(key[1]))):
            shown = [_found(cells.get((run, network, size))) for size in SIZES]
            wrong = cells.get((run, network, "false_regions"))
            last = number(wrong["mean"], ".1f") if wrong else text("–")
            rows.append((*place_cells(label), text(labels.run(run)), text(labels.network(network)), *shown, last))
    return plain(COLUMNS, rows)


def _found(row: Row | None) -> Cell:
    if row is None:
        return text("–")
    cell = with_interval(row["mean"], row["low"], row["high"], ".1f")
    return Cell(f"{cell.text} of {row['of']}", cell.value, cell.more)
