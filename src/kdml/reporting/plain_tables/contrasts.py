"""Paired differences of the proposed variant to all others."""

from kdml.reporting import labels
from kdml.reporting.cells import INTERVAL, digits_of, listed, number, p_value, text, with_interval
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
    """The same order of variants under every metric."""
    return labels.metric_order(row["metric"]), labels.run_order(row["right"]), labels.network_order(row["network"])


def _cells(row: Row) -> tuple[Cell, ...]:
    one = row["seeds"] == "1"  # then what stands for each seed says nothing more
    return (
        text(labels.run(row["right"])), text(labels.metric(row["metric"])), text(labels.network(row["network"])),
        with_interval(row["estimate"], row["low"], row["high"], digits_of(row["cases"])), p_value(row["p"]),
        p_value(row["p_holm"]), Cell(NOTHING, row["by_seed"]) if one else listed(row["by_seed"], ".1f"), p_value(row["p_seeds"]),
        Cell(NOTHING, float(row["seeds_ahead"])) if one else number(row["seeds_ahead"]), text(row["test"]),
        listed(row["p_cases"], ".3f"), text(row["remark"]),
    )  # fmt: skip
