"""Which trained students are taken home: the best by their validation scores; the test set is never asked."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from kdml.common.errors import UserError
from kdml.runs.graph import TEACHER, is_student
from kdml.runs.run_table import ALONE_SHEET, BASELINE_TEACHER, TEACHER_SHEET, RunRow

STUDENT, ENSEMBLE = "student", "ensemble"  # besides the teacher, which they are compared with


@dataclass(frozen=True)
class Chosen:
    """Networks of one run.

    Args:
        row: of the run, in the table of runs.
        networks: their names in it.
        score: of validation, as a fraction: that of the epoch whose weights were kept; of several networks the mean.
        among: how many there were to choose from.
    """

    row: RunRow
    networks: tuple[str, ...]
    score: float
    among: int = 1


def chosen(rows: Iterable[RunRow], records: Mapping[str, Mapping[str, Any]]) -> dict[str, Chosen]:
    """The best single student, the best ensemble of a run's students, and the best teacher, as far as there are any.

    Single students are those of variants and methods, and the student's network trained alone. A teacher is one that was trained
    alone, else one that learned beside its students. Of equal scores the first in the table of runs counts.

    Args:
        rows: of the table of runs.
        records: run.json by the folder of the run.

    Raises:
        UserError: there is no student.
    """
    once = {str(row.folder): row for row in reversed(list(rows))}  # one that methods are compared with is listed twice
    singles, ensembles, alone, beside = [], [], [], []
    for row in reversed(once.values()):
        best = records[str(row.folder)]["best"]
        if row.values["sheet"] == TEACHER_SHEET or row.run == BASELINE_TEACHER:
            alone += _each(row, best, best)
            continue
        students = [name for name in best if is_student(name)] or list(best)
        singles += _each(row, students, best)
        beside += _each(row, {TEACHER} & best.keys(), best)
        if row.values["sheet"] != ALONE_SHEET and len(students) > 1:
            scores = [best[name]["score"] for name in students]
            ensembles.append(Chosen(row, tuple(students), fmean(scores)))
    if not singles:
        raise UserError("There is no student to export.", "add variants or `baselines: true` under `run:`")
    found = {STUDENT: singles, ENSEMBLE: ensembles, TEACHER: alone or beside}
    return {what: _best(candidates) for what, candidates in found.items() if candidates}


def _each(row: RunRow, networks: Iterable[str], best: Mapping[str, Any]) -> Iterator[Chosen]:
    return (Chosen(row, (name,), best[name]["score"]) for name in networks)


def _best(candidates: list[Chosen]) -> Chosen:
    best = max(candidates, key=lambda one: one.score)  # the first of equals
    return Chosen(best.row, best.networks, best.score, len(candidates))
