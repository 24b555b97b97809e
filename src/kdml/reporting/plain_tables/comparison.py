"""All numbers of the paper beside ours."""

from collections.abc import Iterable

from kdml.paper import numbers
from kdml.reporting import labels
from kdml.reporting.cells import INTERVAL, digits_of, measured, number, papers, text, with_interval
from kdml.reporting.data import Data
from kdml.reporting.plain_tables.place_columns import heading
from kdml.reporting.result_tables import AS_PRINTED_NOTE
from kdml.reporting.table_model import Cell, Column, Row, Section, Table, plain_block

STORED = ("Table", "Protocol", "Task", "Pair")
COLUMNS = (
    "Run", "Network", "Metric", "Paper", "Ours", "Seeds", Column(f"Difference{INTERVAL}", "Difference"), "Interval",
    "Departs from the paper", "Remark",
)  # fmt: skip
NOT_RUN = "{count} of the paper's {all} numbers, of tables {tables}, were not run; comparison.csv lists them, too."


def table(data: Data) -> Table:
    """Numbers of the paper with ours and their difference: a section per table and place; what was not run is stored alone.

    Args:
        data: the file `comparison`, and files `runs:PLACE`.
    """
    rows = data.rows("comparison")
    doubtful = numbers.impossible({_key(row): _paper(row) for row in rows})
    pairs = {label.split("/")[2] for label in data.places("runs")}
    sections: dict[tuple[str, ...], list[Row]] = {}
    for row in sorted(rows, key=_order):
        pair = row["pair"] if row["pair"] in pairs else ""  # a network that was trained alone belongs to none
        place = (row["table"], row["protocol"], row["task"], pair)
        sections.setdefault((*place, "" if _is_run(row) else "not run"), []).append(row)
    made = [_section(data, key, found, doubtful) for key, found in sections.items()]
    return Table(tuple(made), tuple(_notes(rows, doubtful)))


def _key(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in ("table", "protocol", "task", "pair", "run", "network", "metric"))


def _paper(row: Row) -> numbers.Value:
    return float(row["paper_mean"]), float(row["paper_std"])


def _is_run(row: Row) -> bool:
    return row["seeds"] not in ("", "0")


def _order(row: Row) -> tuple:
    """Tables in the paper's order, runs and networks in that of all tables."""
    place = (
        int(row["table"]),
        list(labels.PROTOCOLS).index(row["protocol"]) if row["protocol"] in labels.PROTOCOLS else -1,
    )
    run, network = labels.run_order(row["run"]), labels.network_order(row["network"])
    return not _is_run(row), *place, row["task"], row["pair"], labels.metric_order(row["metric"]), run, network


def _section(data: Data, key: tuple[str, ...], rows: Iterable[Row], doubtful: set[tuple[str, ...]]) -> Section:
    number_of, protocol, task, pair, not_run = key
    return Section(
        (plain_block(COLUMNS, [_cells(row, _key(row) in doubtful) for row in rows]),),
        f"Table {number_of} of the paper" + ("" if not_run else f": {heading(data, f'{protocol}/{task}/{pair}')}"),
        place=tuple(zip(STORED, key, strict=False)),
        stored_only=bool(not_run),
    )


def _cells(row: Row, doubtful: bool) -> tuple[Cell, ...]:
    digits = digits_of(row["cases"])
    mean, spread = _paper(row)
    return (
        text(labels.run(row["run"])), text(labels.network(row["network"])), text(labels.metric(row["metric"])),
        Cell(papers((mean, spread), doubtful), mean, (("sd", spread),)), measured(row, digits), number(row["seeds"], ".0f"),
        with_interval(row["difference"], row["difference_low"], row["difference_high"], digits), text(row["interval"]),
        text(row["departures"]), text(row["remark"]),
    )  # fmt: skip


def _notes(rows: Iterable[Row], doubtful: set[tuple[str, ...]]) -> Iterable[str]:
    rows = list(rows)
    if missing := [row for row in rows if not _is_run(row)]:
        tables = sorted({int(row["table"]) for row in missing})
        yield NOT_RUN.format(count=len(missing), all=len(rows), tables=", ".join(map(str, tables)))
    if doubtful:
        yield AS_PRINTED_NOTE
