"""Costs of networks and ensembles beside their scores."""

from collections.abc import Sequence

from kdml.reporting import labels
from kdml.reporting.cells import INTERVAL, digits_of, number, text, with_interval
from kdml.reporting.data import Data
from kdml.reporting.plain_tables.place_columns import by_place
from kdml.reporting.table_model import Cell, Column, Row, Table
from kdml.runs.graph import BASELINE, ENSEMBLE, TEACHER, TECHNIQUES, VARIANTS, TeacherMode, is_student
from kdml.runs.run_table import BASELINE_STUDENT, BASELINE_TEACHER

COLUMNS = (
    "Network", "Parameters", Column("Saved (%)", "Saved"), "MACs (G)", "Size (MB)", "Latency (ms)", "Run",
    Column(f"Score{INTERVAL}", "Score"),
)  # fmt: skip
TITLES = {"teacher_alone": labels.ALONE[BASELINE_TEACHER], "teacher": "Teacher", "student": "One student"}
# cost row -> (run, network) whose score stands beside it, the first that was run; else the first of its kind.
SCORED = {
    "teacher_alone": ((BASELINE_TEACHER, BASELINE),),
    "teacher": (("kd_ml_v3", TEACHER), ("kd_on_v3", TEACHER)),
    "student": ((BASELINE_STUDENT, BASELINE), ("kd_ml_v3", "s1")),
    "ensemble": (("kd_ml_v3", ENSEMBLE),),
}


def table(data: Data) -> Table:
    """Costs by place and network.

    Args:
        data: files `costs:PLACE`, `scores:PLACE` with the scores of runs joined to costs, and `runs:PLACE`.
    """
    rows, notes = {}, set()
    for label, found in data.under("costs").items():
        scores = data.rows(f"scores:{label}")
        rows[label] = [_cells(row, _score_beside(row, scores)) for row in found]
        notes |= {_note(row) for row in found}
    return by_place(data, COLUMNS, rows, sorted(notes))


def _note(row: Row) -> str:
    threads = labels.counted(row["threads"], "thread")
    return f"Latency for images of {row['size']} × {row['size']} pixels: {threads}, {row['machine']}."


def _cells(row: Row, best: Row | None) -> tuple[Cell, ...]:
    title = TITLES.get(row["network"], f"{row['students']} students (ensemble)")
    return (
        text(title), number(row["parameters"], ",.0f"), number(row["saved"], ".1f"), number(float(row["macs"]) / 1e9, ".3f"),
        number(float(row["bytes"]) / 1e6), number(row["latency_ms"], ".1f"), text(labels.run(best["run"]) if best else "–"),
        with_interval(best["mean"], best["low"], best["high"], digits_of(best["cases"])) if best else number(""),
    )  # fmt: skip


def _score_beside(cost: Row, scores: Sequence[Row]) -> Row | None:
    """The score that a row of costs stands for."""
    network = cost["network"]
    found = {(row["run"], row["network"]): row for row in scores if _fits(cost, row)}
    return next((found[key] for key in SCORED[network] if key in found), next(iter(found.values()), None))


def _fits(cost: Row, score: Row) -> bool:
    """Whether a scored network has these costs: a frozen teacher is scored where it was trained, so a teacher is an online one."""
    kind, run, network = cost["network"], score["run"], score["network"]
    if kind == "teacher_alone":
        return run == BASELINE_TEACHER
    if kind == "teacher":
        return network == TEACHER and not _has_frozen_teacher(run)
    if kind == "student":
        return run == BASELINE_STUDENT or is_student(network)
    return network == ENSEMBLE and score["students"] == cost["students"]


def _has_frozen_teacher(run: str) -> bool:
    return run in VARIANTS and TECHNIQUES[VARIANTS[run][0]].teacher is TeacherMode.FROZEN
