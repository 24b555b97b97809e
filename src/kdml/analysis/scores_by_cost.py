"""What networks and ensembles are worth for what they cost: scores of runs joined with costs of their networks.

The best of many on the test set is better there than it will be elsewhere, and nobody can choose it beforehand. So of everything
that costs the same (all single students, say) only the one with the best validation score is chosen, and the front is over these.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from kdml.analysis.ensemble import SOURCES
from kdml.common.errors import UserError
from kdml.runs.graph import ENSEMBLE, TEACHER, is_student
from kdml.runs.run_table import BASELINE_STUDENT, BASELINE_TEACHER

Row = Mapping[str, Any]
STUDENT, TEACHER_ALONE = "student", "teacher_alone"
# A network trained alone has the costs of its own kind: the teacher's extra block belongs to distillation.
ALONE: Mapping[str, str] = {BASELINE_TEACHER: TEACHER_ALONE, BASELINE_STUDENT: STUDENT}
ROUNDING = 1e-9  # means of other seeds that are equal as fractions may differ by so much
COSTS = ("parameters", "latency_ms")  # that a score is plotted against
JOINED = ("parameters", "saved", "macs", "bytes", "latency_ms", "size", "threads", "machine")
COLUMNS = (
    "run",
    "network",
    "of",
    "students",
    *JOINED,
    "metric",
    "mean",
    "low",
    "high",
    "cases",
    "seeds",
    "validation",
    "chosen",
)


def saved(parameters: int, of_teacher: int) -> float:
    """Percent of the teacher's parameters that others do without; negative if they have more."""
    return 100 * (1 - parameters / of_teacher)


def validated(curves: Sequence[Row]) -> dict[tuple[str, str], float]:
    """Validation score of every run and network at its best epoch, whose weights are kept, in percent; mean over seeds.

    Args:
        curves: rows of curves.csv.

    Returns:
        (run, network) -> score; also of each ensemble, for which it is the mean of its students.
    """
    best: dict[tuple[str, str, str], float] = {}
    for row in curves:
        if (row["part"], row["term"]) == ("validation", "score"):
            key = row["run"], row["network"], row["seed"]
            best[key] = max(best.get(key, -math.inf), 100 * float(row["value"]))
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (run, network, _), score in best.items():
        scores[run, network].append(score)
        if is_student(network):
            scores[run, ENSEMBLE].append(score)
    return {key: math.fsum(of_seeds) / len(of_seeds) for key, of_seeds in scores.items()}


def join(
    costs: Sequence[Row], values: Sequence[Row], metric: str, validation: Mapping[tuple[str, str], float]
) -> list[dict[str, Any]]:
    """A row for every network and ensemble that was scored, with its costs.

    Args:
        costs: rows of costs.csv: `network` (teacher, teacher_alone, student, ensemble), `students` in it, and `JOINED`.
        values: rows of values.csv of variants and of networks trained alone (runs `ALONE`).
        metric: to judge by.
        validation: what `validated` gives.

    Returns:
        Rows with `COLUMNS`. `chosen` is 1 for what has the best validation score of its kind of network and number of students;
        front_<cost> is 1 for those of them that no other of the same or a smaller cost beats on the test set.

    Raises:
        UserError: the costs of a network are missing.
    """
    known = {(row["network"], row["students"]): row for row in costs}
    scored = [row for row in values if (row["truth"], row["metric"]) == ("label", metric)]
    rows = [_joined(row, known, key) for row in scored if (key := _network(row, scored))]
    for row in rows:
        row["validation"] = validation.get((row["run"], row["network"]), math.nan)
    chosen = _chosen(rows)
    for row in rows:
        row["chosen"] = int(row in chosen)
        for cost in COSTS:
            row[f"front_{cost}"] = int(row["chosen"] and _is_on_front(row, chosen, cost))
    return rows


def _chosen(rows: Sequence[Row]) -> list[Row]:
    """The first with the best validation score of each kind of network and number of students."""
    kinds: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if not math.isnan(row["validation"]):
            kinds[row["of"], row["students"]].append(row)
    return [max(kind, key=lambda row: row["validation"]) for kind in kinds.values()]


def _network(row: Row, scored: Sequence[Row]) -> tuple[str, str] | None:
    """(kind, number of students) of a row of costs.csv."""
    if row["run"] in ALONE:
        return ALONE[row["run"]], "1" if ALONE[row["run"]] == STUDENT else "0"
    if row["network"] == TEACHER:
        return TEACHER, "0"
    if row["network"] in (ENSEMBLE, SOURCES):
        students = sum(other["run"] == row["run"] and is_student(other["network"]) for other in scored)
        return ENSEMBLE, str(students - (row["network"] == SOURCES))  # all but the third student
    return (STUDENT, "1") if is_student(row["network"]) else None


def _joined(row: Row, known: Mapping[tuple[str, str], Row], key: tuple[str, str]) -> dict[str, Any]:
    if key not in known:
        raise UserError(
            f"The costs of {key[0]} with {key[1]} students are not known, but {row['run']} has one.",
            "delete costs.csv and let the workflow make it again",
        )
    scores = {name: row[name] for name in ("metric", "mean", "low", "high", "cases", "seeds")}
    costs = {name: known[key][name] for name in JOINED}
    return {"run": row["run"], "network": row["network"], "of": key[0], "students": key[1]} | costs | scores


def _is_on_front(row: Row, rows: Sequence[Row], cost: str) -> bool:
    """Whether nothing of the same or a smaller cost has a better score; of equals all are."""
    mine, score = float(row[cost]), float(row["mean"])
    return not math.isnan(score) and not any(
        float(other[cost]) <= mine and float(other["mean"]) > score + ROUNDING for other in rows
    )
