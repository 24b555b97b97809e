"""The claim on the networks' size under every reading of the paper: what the numbers of parameters are of is not said."""

import math
from collections.abc import Sequence
from typing import Any

from kdml.analysis import claims
from kdml.analysis.claims import Claim
from kdml.analysis.scores_by_cost import Row, saved
from kdml.analysis.statistics import Interval
from kdml.runs.graph import STUDENTS, TEACHER

QUOTED = "quoted"  # in place of a head: the paper's own rounded counts
COLUMNS = (
    "claim", "teacher_head", "students_head", "block", "place", "teacher", "students", "saved", "expected", "answer", "verdict",
)  # fmt: skip


def rows(claim: Claim, level: float, counted: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows of readings.csv: what is saved at every place under every reading, and the verdict on the claim if it is that.

    Args:
        claim: of the measure compression.
        level: of the tests.
        counted: rows of heads.csv, with `place`, `teacher_head`, `students_head`, `block`, `teacher`, `students`.

    Returns:
        Rows with `COLUMNS`, first of the paper's own rounded counts.
    """
    counts = {
        place: (claim.quoted[TEACHER], len(STUDENTS) * claim.quoted[place]) for place in claim.where if claim.quoted
    }
    readings: dict[tuple[str, str, str], dict[str, tuple[float, float]]] = {}
    if counts:
        readings[QUOTED, QUOTED, ""] = {place: (1e6 * of, 1e6 * both) for place, (of, both) in counts.items()}
    for row in counted:
        key = row["teacher_head"], row["students_head"], row["block"]
        readings.setdefault(key, {})[row["place"]] = float(row["teacher"]), float(row["students"])
    return [row for key, found in readings.items() for row in _decided(claim, level, key, found)]


def _decided(claim: Claim, level: float, key: tuple[str, str, str], found: dict) -> list[dict[str, Any]]:
    unknown = math.nan
    percent = {place: saved(both, teacher) for place, (teacher, both) in found.items() if place in claim.where}
    answers = {
        place: claims.answer(claim, level, place, Interval(value, unknown, unknown, unknown), unknown)
        for place, value in percent.items()
    }
    verdict = claims.verdict(claim, answers.values())
    return [
        dict(zip(COLUMNS, (claim.number, *key, place, *map(round, found[place]), percent[place], claim.expected[place],
                           answers[place], verdict), strict=True))
        for place in percent
    ]  # fmt: skip
