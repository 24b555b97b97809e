"""Paired differences of the proposed variant to all others."""

from dataclasses import replace

from kdml.reporting import labels
from kdml.reporting.cells import INTERVAL, by_seed, digits_of, number, p_value, text, with_interval
from kdml.reporting.data import Data
from kdml.reporting.plain_tables.place_columns import by_place
from kdml.reporting.table_model import NOTHING, Cell, Column, Row, Table
from kdml.runs.graph import PROPOSED

FAMILIES = ("reference", "alone")
COLUMNS = (
    "Against", "Metric", "Network", Column(f"Difference{INTERVAL}", "Difference"), "p", "p (Holm)", "By seed", "p over seeds",
    "Seeds ahead", "Test over cases", Column("p of that test", "its p by seed"), "Remark",
)  # fmt: skip


def table(data: Data) -> Table:
    """Contrasts of all places with the other variants, and with the networks trained alone.

    Args:
        data: files `contrasts:PLACE` and `runs:PLACE`.
    """
    rows = {
        label: [_cells(row) for row in sorted(found, key=_order) if row["family"] in FAMILIES]
        for label, found in data.under("contrasts").items()
    }
    notes = () if any(rows.values()) else (f"{labels.run(PROPOSED)} was not run, so there is nothing to compare with.",)
    return by_place(data, COLUMNS, rows, notes)


def _order(row: Row) -> tuple:
    """Sorting key of rows: metrics, under each the variants in the order of all tables, then networks."""
    return labels.metric_order(row["metric"]), labels.run_order(row["right"]), labels.network_order(row["network"])


def _cells(row: Row) -> tuple[Cell, ...]:
    digits = digits_of(row["cases"])
    return (
        text(labels.run(row["right"])), text(labels.metric(row["metric"])), text(labels.network(row["network"])),
        with_interval(row["estimate"], row["low"], row["high"], digits), p_value(row["p"]), p_value(row["p_holm"]),
        *_by_seed(row, digits), text(row["test"]), by_seed(row["p_cases"], p_value), text(row["remark"]),
    )  # fmt: skip


def _by_seed(row: Row, digits: int) -> tuple[Cell, ...]:
    """What is said of seeds; nothing is shown of a single one, of which all is said already."""
    differences = by_seed(row["by_seed"], lambda value: number(value, f".{digits}f"))
    cells = (differences, p_value(row["p_seeds"]), number(row["seeds_ahead"]))
    return tuple(replace(cell, text=NOTHING) for cell in cells) if row["seeds"] == "1" else cells
