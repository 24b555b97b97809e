"""What networks and ensembles are worth for what they cost: scores of runs joined with costs of their networks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kdml.common.errors import UserError
from kdml.runs.graph import ENSEMBLE, TEACHER, is_student

Row = Mapping[str, str]
STUDENT = "student"
ALONE = {"baseline_teacher": TEACHER, "baseline_student": STUDENT}
COSTS = ("parameters", "latency_ms")  # that a score is plotted against
JOINED = ("parameters", "saved", "macs", "bytes", "latency_ms", "size", "threads", "machine")
COLUMNS = ("run", "network", "of", "students", *JOINED, "metric", "mean", "low", "high", "cases", "seeds")


def saved(parameters: int, of_teacher: int) -> float:
    """Percent of the teacher's parameters that others do without; negative if they have more."""
    return 100 * (1 - parameters / of_teacher)


def join(costs: Sequence[Row], values: Sequence[Row], metric: str) -> list[dict[str, Any]]:
    """A row for every network and ensemble that was scored, with its costs.

    Args:
        costs: rows of costs.csv: `network` (teacher, student, ensemble), `students` in it, and `JOINED`.
        values: rows of values.csv; networks trained alone under the names of `ALONE`.
        metric: to judge by.

    Returns:
        Rows with `COLUMNS`, and front_<cost>: 1 where nothing of the same or a smaller cost has a better score.

    Raises:
        UserError: the costs of a network are missing.
    """
    known = {(row["network"], row["students"]): row for row in costs}
    scored = [row for row in values if (row["truth"], row["metric"]) == ("label", metric)]
    rows = [_joined(row, known, key) for row in scored if (key := _network(row, scored))]
    for cost in COSTS:
        best = set(_front(rows, cost))
        for number, row in enumerate(rows):
            row[f"front_{cost}"] = int(number in best)
    return rows


def _network(row: Row, scored: Sequence[Row]) -> tuple[str, str] | None:
    """(kind, number of students) of a row of costs.csv."""
    if row["run"] in ALONE:
        return ALONE[row["run"]], "1" if ALONE[row["run"]] == STUDENT else "0"
    if row["network"] == TEACHER:
        return TEACHER, "0"
    if row["network"] == ENSEMBLE:
        students = sum(other["run"] == row["run"] and is_student(other["network"]) for other in scored)
        return ENSEMBLE, str(students)
    return (STUDENT, "1") if is_student(row["network"]) else None


def _joined(row: Row, known: Mapping[tuple[str, str], Row], key: tuple[str, str]) -> dict[str, Any]:
    if key not in known:
        raise UserError(
            f"The costs of {key[1]} students together are not known, but {row['run']} has so many.",
            "delete costs.csv and let the workflow make it again",
        )
    scores = {name: row[name] for name in ("metric", "mean", "low", "high", "cases", "seeds")}
    costs = {name: known[key][name] for name in JOINED}
    return {"run": row["run"], "network": row["network"], "of": key[0], "students": key[1]} | costs | scores


def _front(rows: Sequence[Mapping[str, Any]], cost: str) -> Iterator[int]:
    """Places of the rows that nothing smaller or equal in cost beats."""
    best = -1.0
    ranked = sorted(range(len(rows)), key=lambda n: (float(rows[n][cost]), -float(rows[n]["mean"])))
    for number in ranked:
        mean = float(rows[number]["mean"])
        if mean > best:
            best = mean
            yield number
