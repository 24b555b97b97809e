"""Paired differences of the proposed variant to all others."""

from kdml.reporting import labels
from kdml.reporting.data import Data
from kdml.reporting.plain_tables.place_columns import PLACE, place_cells
from kdml.reporting.table_model import Row, Table, number, p_value, plain, text, with_interval
from kdml.runs.graph import PROPOSED

FAMILIES = ("reference", "alone")
COLUMNS = (
    *PLACE, "Against", "Metric", "Network", "Difference [95 %]", "p", "p (Holm)", "By seed", "p over seeds", "Seeds ahead",
    "Test over cases", "its p by seed", "Remark",
)  # fmt: skip


def table(data: Data) -> Table:
    """Contrasts of all places with the other variants, and with the networks trained alone.

    Args:
        data: files `contrasts:PLACE`.
    """
    rows = [
        (*place_cells(label), *_cells(row))
        for label, found in data.under("contrasts").items()
        for row in found
        if row["family"] in FAMILIES
    ]
    notes = () if rows else (f"{labels.run(PROPOSED)} was not run, so there is nothing to compare with.",)
    return plain(COLUMNS, rows, notes)


def _cells(row: Row) -> tuple:
    return (
        text(labels.run(row["right"])), text(labels.metric(row["metric"])), text(labels.network(row["network"])),
        with_interval(row["estimate"], row["low"], row["high"]), p_value(row["p"]), p_value(row["p_holm"]), text(row["by_seed"]),
        p_value(row["p_seeds"]), number(row["seeds_ahead"]), text(row["test"]), text(row["p_cases"]), text(row["remark"]),
    )  # fmt: skip
