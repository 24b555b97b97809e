"""What an experiment can detect: how often a real difference between two variants would be called significant.

The rule is that of the claims (`statistics.wider`): both a bootstrap over seeds and test cases and Student's t over seeds must be
significant. The difference that is seen varies over seeds, and over test cases that all seeds share.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from kdml.analysis.contrasts import runs_in
from kdml.paper import numbers
from kdml.runs.graph import ENSEMBLE, TEACHER, TECHNIQUES, VARIANTS, TeacherMode

POINTS = 2.0  # the average improvement that the paper reports
TESTS = len(VARIANTS) - 1  # of the best variant against the others; Holm asks the first for the level over so many
SIMULATED, ENOUGH = 20_000, 0.8
COLUMNS = (
    "protocol", "place", "pair", "metric", "cases", "groups", "seeds", "contrasts", "scatter", "cases_error", "points", "power",
    "tests", "power_adjusted", "detectable", "table", "paper_sd", "paper_power", "paper_power_adjusted", "paper_teachers_low",
    "paper_teachers_high",
)  # fmt: skip

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Design:
    """Size and scatter of an experiment, in percentage points.

    Args:
        seeds: of each variant.
        groups: independent groups of test cases.
        scatter: SD over seeds of a difference between two variants; NaN of one seed.
        cases_error: standard error of such a difference over test cases, the networks fixed.
    """

    seeds: int
    groups: int
    scatter: float
    cases_error: float

    def power(self, points: float, level: float) -> float:
        """How often a difference is found, in its direction; of one seed over test cases alone.

        Args:
            points: the real difference, not negative.
            level: of the test.
        """
        return float(self._found(points, level).mean())

    def detectable(self, level: float) -> float:
        """The smallest difference that is found 4 times in 5, to a tenth of a point; infinite if none below 100 points is."""
        low, high = 0, 1000
        if self._found(high / 10, level).mean() < ENOUGH:
            return math.inf
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._found(middle / 10, level).mean() >= ENOUGH else (middle, high)
        return high / 10

    def _found(self, points: float, level: float) -> np.ndarray:
        """Which of many simulated experiments find it, the same ones for every difference."""
        generator = np.random.default_rng(0)
        common = points + self.cases_error * generator.standard_normal((SIMULATED, 1))
        if self.seeds == 1:
            return _significant(common[:, 0], self.cases_error, self.groups - 1, level)
        seen = common + self.scatter * generator.standard_normal((SIMULATED, self.seeds))
        mean, deviation = seen.mean(axis=1), seen.std(axis=1, ddof=1)
        drawn = deviation * math.sqrt((self.seeds - 1) / self.seeds / self.seeds)  # what a bootstrap of few seeds sees
        over_both = _significant(mean, np.hypot(drawn, self.cases_error), self.groups - 1, level)
        return over_both & _significant(mean, deviation / math.sqrt(self.seeds), self.seeds - 1, level)


def _significant(found: np.ndarray, error: float | np.ndarray, freedom: int, level: float) -> np.ndarray:
    return found > float(stats.t.ppf(1 - level / 2, max(freedom, 1))) * error


def of_contrasts(rows: Sequence[Row], metric: str) -> tuple[Design, int, int] | None:
    """Design of a place as its contrasts show it.

    Args:
        rows: of contrasts.csv.
        metric: the task's primary one.

    Returns:
        The design, from the root mean square over pairs of variants; test cases; pairs. None where no two variants were run.
    """
    pairs = {
        (row["left"], row["right"]): row
        for row in rows
        if (row["network"], row["truth"], row["metric"]) == (ENSEMBLE, "label", metric) and row["cases_error"]
        and {*runs_in(row["left"]), *runs_in(row["right"])} <= VARIANTS.keys() and len(runs_in(row["right"])) == 1
    }  # fmt: skip
    seeds = max((int(row["seeds"]) for row in pairs.values()), default=0)
    found = [row for row in pairs.values() if int(row["seeds"]) == seeds and not math.isnan(float(row["cases_error"]))]
    if not found:
        return None
    spread = [np.var([float(value) for value in row["by_seed"].split()], ddof=1) for row in found] if seeds > 1 else []
    error = math.sqrt(np.mean([float(row["cases_error"]) ** 2 for row in found]))
    scatter = math.sqrt(np.mean(spread)) if spread else math.nan
    first = found[0]
    return Design(seeds, int(first["groups"]), scatter, error), int(first["cases"]), len(found)


def described(rows: Sequence[Row], metric: str, level: float) -> dict[str, Any]:
    """Columns of design.csv that tell what was run at a place, and what that can detect; nothing where no two variants were.

    Args:
        rows: of contrasts.csv.
        metric: the task's primary one.
        level: of the tests.
    """
    found = of_contrasts(rows, metric)
    if found is None:
        return {}
    design, cases, pairs = found
    return {
        "cases": cases,
        "groups": design.groups,
        "seeds": design.seeds,
        "contrasts": pairs,
        "scatter": design.scatter,
        "cases_error": design.cases_error,
        "points": POINTS,
        "power": design.power(POINTS, level),
        "tests": TESTS,
        "power_adjusted": design.power(POINTS, level / TESTS),
        "detectable": design.detectable(level),
    }


def of_paper(task: str, student: str, metric: str, level: float) -> dict[str, Any]:
    """Columns of design.csv that tell the same of the paper's table, and how far its online teachers are apart; else nothing.

    Args:
        task: key of the task.
        student: the paper's architecture.
        metric: the task's primary one.
        level: of the tests.
    """
    table = numbers.TABLES.get((task, student))
    if table is None:
        return {}
    values = numbers.variants(table)
    deviations = [sd for (*_, network, of), (_, sd) in values.items() if (network, of) == (ENSEMBLE, metric)]
    teachers = [
        mean
        for (technique, _, network, of), (mean, _) in values.items()
        if (network, of) == (TEACHER, metric) and TECHNIQUES[technique].teacher is TeacherMode.ONLINE
    ]
    deviation = math.sqrt(np.mean(np.square(deviations)))
    return {
        "table": table,
        "points": POINTS,
        "tests": TESTS,
        "paper_sd": deviation,
        "paper_power": _of_two_means(deviation, level),
        "paper_power_adjusted": _of_two_means(deviation, level / TESTS),
        "paper_teachers_low": min(teachers),
        "paper_teachers_high": max(teachers),
    }


def _of_two_means(deviation: float, level: float) -> float:
    """Power of Student's t between two means of the paper's runs, which are not paired."""
    freedom, shift = 2 * (numbers.RUNS - 1), POINTS / (deviation * math.sqrt(2 / numbers.RUNS))
    return float(stats.nct.sf(stats.t.ppf(1 - level / 2, freedom), freedom, shift))


def not_run(rows: Sequence[Row], primary: Mapping[str, str], level: float) -> Iterator[dict[str, Any]]:
    """Rows for the paper's places that are not among these.

    Args:
        rows: of design.csv.
        primary: metric by kind of task.
        level: of the tests.
    """
    known = {row["place"] for row in rows}
    for task, student in numbers.TABLES:
        if f"{task}/{student}" not in known:
            metric = primary[numbers.kind_of(task)]
            yield {"place": f"{task}/{student}", "metric": metric} | of_paper(task, student, metric, level)
