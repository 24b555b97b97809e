"""Two repeats of one experiment in words: a section per place, what differs besides in notes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kdml.analysis.metrics import PRIMARY
from kdml.reporting import labels
from kdml.reporting.cells import INTERVAL, measured, p_value, text, with_interval
from kdml.reporting.table_model import Cell, Column, Section, Table, plain_block

COLUMNS = (
    "Run", "Metric", "Network", "First", "Second", Column(f"Second minus first{INTERVAL}", "Difference"), "p", "p (Holm)", "Answer",
)  # fmt: skip
DIGITS = 1
MOST = 12  # differences that are named


def table(rows: Sequence[Mapping[str, Any]], known: Sequence[tuple[str, str, str]]) -> Table:
    """The primary metric of every network in both repeats; all other metrics stand in the CSV.

    Args:
        rows: of `kdml.analysis.between_repeats.rows`.
        known: (key, value in the first, value in the second) of all else that differs.
    """
    shown = [row for row in rows if row["truth"] == "label" and row["metric"] in PRIMARY.values()]
    places: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in shown:
        places.setdefault((row["protocol"], row["task"], row["pair"]), []).append(row)
    sections = tuple(
        Section(
            (plain_block(COLUMNS, [_cells(row) for row in sorted(found, key=_order)]),),
            f"{task}, {labels.pair(pair)}, {labels.protocol(protocol)}",
            f"{protocol}/{task}/{pair}",
        )
        for (protocol, task, pair), found in places.items()
    )
    return Table(sections, tuple(_notes(rows, known)))


def _order(row: Mapping[str, Any]) -> tuple:
    return labels.run_order(row["run"]), labels.network_order(row["network"])


def _cells(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    sides = [{"mean": row[f"{one}_mean"], "std": row[f"{one}_std"]} for one in ("first", "second")]
    return (
        text(labels.run(row["run"])), text(labels.metric(row["metric"])), text(labels.network(row["network"])),
        *(measured(side, DIGITS) for side in sides), with_interval(row["estimate"], row["low"], row["high"], DIGITS),
        p_value(row["p"]), p_value(row["p_holm"]), text(row["answer"]),
    )  # fmt: skip


def _notes(rows: Sequence[Mapping[str, Any]], known: Sequence[tuple[str, str, str]]) -> list[str]:
    answers = Counter(row["answer"] for row in rows)
    counted = ", ".join(f"{count} {answer}" for answer, count in answers.most_common())
    notes = [f"Of all networks and metrics: {counted}."]
    if not known:
        return [*notes, "Configuration, training code, packages and devices are the same."]
    named = "; ".join(f"{key}: {first} and {second}" for key, first, second in known[:MOST])
    more = f"; and {len(known) - MOST} more" if len(known) > MOST else ""
    return [*notes, f"Besides, they differ in {named}{more}."]
