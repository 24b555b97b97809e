"""Every number of the paper beside ours, with the interval of the difference."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scipy import stats

from kdml.analysis.statistics import CONFIDENCE, Interval, welch
from kdml.paper import numbers
from kdml.runs.graph import TEACHER, VARIANTS
from kdml.runs.run_table import ALONE_SHEET, FIDELITY_SHEET, METHODS_SHEET, TEACHER_SHEET, VARIANTS_SHEET, RunTable

COLUMNS = (
    "protocol",
    "pair",
    "table",
    "task",
    "run",
    "network",
    "metric",
    "paper_mean",
    "paper_std",
    "seeds",
    "cases",
    "mean",
    "std",
    "low",
    "high",
    "difference",
    "difference_low",
    "difference_high",
    "interval",
    "departures",
    "remark",
)
_RUNS = {key: name for name, key in VARIANTS.items()}

Row = dict[str, Any]
Values = Mapping[tuple[str, str, str, str], Mapping[str, str]]
"""(run, network, truth, metric) -> a row of values.csv."""


def difference(ours: Mapping[str, str], theirs: numbers.Value) -> tuple[Interval, str]:
    """Ours minus the paper's, and where its interval comes from.

    With several seeds Welch over runs. A single run has no spread over runs: its interval over test cases and the paper's standard
    error are added in quadrature, each side on its own.

    Args:
        ours: a row of values.csv.
        theirs: mean and SD of the paper's 3 runs.
    """
    mean, std, seeds = float(ours["mean"]), float(ours["std"] or "nan"), int(ours["seeds"])
    if seeds > 1:
        return welch([(mean, std, seeds)], [(*theirs, numbers.RUNS)]), f"Welch over {seeds} and {numbers.RUNS} runs"
    low, high = (float(ours[name] or "nan") for name in ("low", "high"))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, numbers.RUNS - 1)) * theirs[1] / math.sqrt(numbers.RUNS)
    gap = mean - theirs[0]
    interval = Interval(gap, gap - math.hypot(mean - low, reach), gap + math.hypot(high - mean, reach), math.nan)
    return interval, "one run: test cases, and the paper's runs"


def of_sheet(table: RunTable, sheet: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """Rows of comparison.csv: the paper's numbers on the runs of a sheet beside ours.

    Args:
        table: of the place's runs.
        sheet: variants, methods, alone, or fidelity.
        rows: of the sheet's values.csv.
    """
    facts = table.facts
    values = {(row["run"], row["network"], row["truth"], row["metric"]): row for row in rows}
    where = {"protocol": facts["protocol"], "pair": facts["pair"]}
    if sheet == TEACHER_SHEET:  # of which the paper has no numbers
        return
    if sheet != ALONE_SHEET:
        of = {VARIANTS_SHEET: of_variants, METHODS_SHEET: of_methods, FIDELITY_SHEET: of_fidelity}[sheet]
        student = facts["student_stands_for"] or facts["student_network"]
        yield from (where | row for row in of(facts["task"], student, values))
        return
    for role in ("teacher", "student"):
        network = facts[f"{role}_network"]
        architecture = facts[f"{role}_stands_for"] or network
        mine = {("baseline", *key[1:]): row for key, row in values.items() if key[0] == f"baseline_{role}"}
        if mine:
            found = of_baselines(facts["task"], architecture, mine)
            yield from (where | {"pair": network} | row for row in found)


def of_variants(task: str, student: str, values: Values) -> Iterator[Row]:
    """Rows for the table of variants of a task and student.

    Args:
        task: key of the task.
        student: the paper's architecture that the student is or stands for.
        values: ours; empty for the paper's numbers alone.
    """
    return _of_table(numbers.TABLES.get((task, student)), task, "label", values)


def of_fidelity(task: str, student: str, values: Values) -> Iterator[Row]:
    """Rows for the table of fidelity of a task and student: the same metrics with the teacher's predictions as the truth.

    Args:
        task: key of the task.
        student: the paper's architecture that the student is or stands for.
        values: ours; empty for the paper's numbers alone.
    """
    return _of_table(numbers.FIDELITY_TABLES.get((task, student)), task, TEACHER, values)


def _of_table(table: int | None, task: str, truth: str, values: Values) -> Iterator[Row]:
    for (technique, strategy, network, metric), theirs in (numbers.variants(table) if table else {}).items():
        run = _RUNS[technique, strategy]
        keys = {"table": table, "task": task, "run": run, "network": network, "metric": metric}
        yield keys | _numbers(values.get((run, network, truth, metric)), theirs)


def of_methods(task: str, student: str, values: Values) -> Iterator[Row]:
    """Rows for table 10: methods, and beside them what the paper proposes.

    Args:
        task: key of the task.
        student: the paper's architecture that the student is or stands for.
        values: ours; empty for the paper's numbers alone.
    """
    for (of, method, metric), theirs in numbers.methods().items():
        if (of, student) == (task, numbers.METHODS_STUDENT):
            network = "ensemble" if method in VARIANTS else "s1"  # a method has one student
            keys = {"table": numbers.METHODS_TABLE, "task": task, "run": method, "network": network, "metric": metric}
            yield keys | _numbers(values.get((method, network, "label", metric)), theirs)


def of_baselines(task: str, architecture: str, values: Values) -> Iterator[Row]:
    """Rows for the tables of baselines: one network trained alone.

    Args:
        task: key of the task.
        architecture: the paper's that the network is or stands for.
        values: ours; empty for the paper's numbers alone.
    """
    table = numbers.BASELINE_TABLES.get(task)
    for (of, network, metric), theirs in (numbers.baselines(table) if table else {}).items():
        if (of, network) == (task, architecture):
            keys = {"table": table, "task": task, "run": architecture, "network": "baseline", "metric": metric}
            yield keys | _numbers(values.get(("baseline", "baseline", "label", metric)), theirs)


def not_run(rows: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """Rows for all numbers of the paper that are not among these."""
    found = {_identity(row) for row in rows}
    for task, student in numbers.TABLES:
        everything = (row for of in (of_variants, of_fidelity, of_methods) for row in of(task, student, {}))
        yield from (row for row in everything if _identity(row) not in found)
    for task, table in numbers.BASELINE_TABLES.items():
        for architecture in dict.fromkeys(network for of, network, _ in numbers.baselines(table) if of == task):
            yield from (row for row in of_baselines(task, architecture, {}) if _identity(row) not in found)


def _identity(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("table", "task", "run", "network", "metric"))


def _numbers(ours: Mapping[str, str] | None, theirs: numbers.Value) -> Row:
    row: Row = {"paper_mean": theirs[0], "paper_std": theirs[1]}
    if ours is None:
        return row | {"seeds": 0, "remark": "not run in this experiment"}
    interval, source = difference(ours, theirs)
    return row | {
        "seeds": int(ours["seeds"]),
        "cases": int(ours["cases"]),
        "mean": float(ours["mean"]),
        "std": ours["std"],
        "low": ours["low"],
        "high": ours["high"],
        "difference": interval.estimate,
        "difference_low": interval.low,
        "difference_high": interval.high,
        "interval": source,
        "departures": ours["departures"],
        "remark": ours["remark"],
    }
