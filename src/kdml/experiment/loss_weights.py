"""Loss weights alpha, beta, gamma of every variant: the paper's, even ones, or those of a CSV of the paper's form."""

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from kdml.common.errors import UserError
from kdml.common.files import csv_rows
from kdml.common.project import ROOT
from kdml.paper import numbers
from kdml.runs.graph import STRATEGIES, TECHNIQUES, VARIANTS, LossWeights, TeacherMode

COLUMNS = ("table", "dataset", "task", "student", "pair", "technique", "strategy", *numbers.WEIGHTS)
WeightsOfBoth = tuple[LossWeights, LossWeights]  # of S1 and S2
Key = tuple[str, str, str, str, str]  # task, pair or nothing, student, technique, strategy
ROUNDING = 2e-6  # of a sum whose terms have six digits, as the grid search writes them
REMEDY = "give `paper`, `even`, or a CSV as `snakemake grid_search` writes it, its path relative to the project's root"


def weights_of(
    source: Literal["paper", "even"] | Path, task: str, pair: str, student: str, variant: tuple[str, str]
) -> WeightsOfBoth:
    """Weights of both students.

    Args:
        source: `paper`, `even`, or a CSV of the paper's form, relative to the project's root.
        task: key of the task.
        pair: key of the pair; a row of the CSV that names it comes before one that names none.
        student: the paper's architecture that the student is or stands for; its own name if none.
        variant: technique and strategy.

    Raises:
        UserError: there are no weights for the variant, or the CSV cannot be used.
    """
    if source == "paper":
        return numbers.weights_in(numbers.hyperparameters(task, student, *variant))
    if source == "even":
        return even_weights(variant[0])
    rows = _rows(ROOT / Path(source).expanduser())
    for of in (pair, ""):
        if (found := rows.get((task, of, student, *variant))) is not None:
            return found
    there = ", ".join(dict.fromkeys(f"{student} on {task}" for task, _, student, *_ in rows))
    raise UserError(
        f"hyperparameters: {source} has no weights for {'_'.join(variant)} of the student '{student}' on the task '{task}';"
        f" it has some for {there}.",
        f"add the row by hand, its column `task` naming the task's key; {numbers.SEARCH}",
    )


def even_weights(technique: str) -> WeightsOfBoth:
    """Equal weights for every term of a student's loss: labels, teacher, other student, as far as the technique has them.

    Args:
        technique: key of `TECHNIQUES`.
    """
    taught, mutual = _shares(technique)
    share = 1 / (1 + taught + mutual)
    one = LossWeights(share, share * taught, share * mutual)
    return one, one


def _shares(technique: str) -> tuple[bool, bool]:
    """Whether students learn from a teacher, and from each other."""
    return TECHNIQUES[technique].teacher is not TeacherMode.NONE, TECHNIQUES[technique].mutual


def as_row(weights: WeightsOfBoth) -> dict[str, float]:
    """The weights of S1 and S2 as a row's six numbers."""
    return {
        f"{name}{prime}": getattr(one, name)
        for name in ("alpha", "beta", "gamma")
        for one, prime in zip(weights, ("", "_prime"), strict=True)
    }


@cache
def _rows(path: Path) -> dict[Key, WeightsOfBoth]:
    """Weights of a CSV by what they are for."""
    found: dict[Key, WeightsOfBoth] = {}
    for number, row in _read(path):
        where = f"hyperparameters: {path}, line {number}"
        weights = _weights(row, where)
        key = (numbers.task_of(row), row.get("pair") or "", row["student"], row["technique"], row["strategy"])
        if found.setdefault(key, weights) != weights:
            raise UserError(
                f"{where}: {row['technique']}_{row['strategy']} of '{row['student']}' on '{key[0]}' stands there"
                " a second time, with other weights.",
                "keep one of the two rows, or name a pair in each",
            )
    return found


def _read(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Rows with the line where they end."""
    remedy = f"{REMEDY}; {numbers.SEARCH}"
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:  # spreadsheets put a mark of the encoding first
            needed = [name for name in COLUMNS if name not in ("table", "pair")]
            rows = csv_rows(file, f"hyperparameters: {path}", remedy, needed)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"hyperparameters: {path} cannot be read ({error}).", remedy) from None
    if not rows:
        raise UserError(f"hyperparameters: {path} has a first line and no other.", remedy)
    return rows


def _weights(row: Mapping[str, Any], where: str) -> WeightsOfBoth:
    """A row's weights, which must be such that the variant can use them."""
    technique, strategy = row["technique"], row["strategy"]
    if (technique, strategy) not in VARIANTS.values():
        raise UserError(
            f"{where}: technique '{technique}' with strategy '{strategy}' is no variant of the paper.",
            f"write one of {', '.join(TECHNIQUES)} with one of {', '.join(STRATEGIES)}",
        )
    weights = numbers.weights_in({name: _weight(row[name], f"{where}, {name}") for name in numbers.WEIGHTS})
    for student, one in zip(("S1", "S2"), weights, strict=True):
        _check(one, technique, f"of {student}", where)
    return weights


def _check(weights: LossWeights, technique: str, student: str, where: str) -> None:
    """Refuse weights of terms that the student's loss does not have, and others that do not sum to 1."""
    taught, mutual = _shares(technique)
    terms = (("beta", weights.beta, taught, "a teacher"), ("gamma", weights.gamma, mutual, "each other"))
    for name, value, used, source in terms:
        if value and not used:
            raise UserError(
                f"{where}: {name} {student} is {value:g}, but in {technique} students do not learn from {source}.",
                "write 0, and let the other weights sum to 1",
            )
    total = math.fsum((weights.alpha, weights.beta, weights.gamma))
    if abs(total - 1) > ROUNDING:
        raise UserError(
            f"{where}: alpha + beta + gamma {student} is {total:.6g}.", "write weights that sum to 1, to six digits"
        )


def _weight(text: str, where: str) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise UserError(f"{where}: '{text}' is no weight.", "write a number of 0 or more")
    return value
