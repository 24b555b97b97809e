"""Loss weights alpha, beta, gamma of every variant: the paper's, or those of a CSV of the same form."""

import csv
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

from kdml import paper
from kdml.errors import UserError
from kdml.project import ROOT
from kdml.sharing import LossWeights

COLUMNS = ("table", "dataset", "task", "student", "pair", "technique", "strategy", *paper.WEIGHTS)
Weights = tuple[LossWeights, LossWeights]  # of S1 and S2


def weights_of(
    source: Literal["paper"] | Path, task: str, pair: str, student: str, variant: tuple[str, str]
) -> Weights:
    """Weights of both students.

    Args:
        source: `paper`, or a CSV of that form, relative to the project's root.
        task: key of the task.
        pair: key of the pair; where the CSV names pairs, its rows are for that pair alone.
        student: the paper's architecture that the student is or stands for; its own name if none.
        variant: technique and strategy.

    Raises:
        UserError: there are no weights for the variant, or the CSV cannot be used.
    """
    if source == "paper":
        return paper.weights_in(paper.hyperparameters(task, student, *variant))
    for row in _rows(ROOT / Path(source).expanduser()):
        if (row["pair"] or pair) == pair and (row["of"], row["student"], row["technique"], row["strategy"]) == (
            task,
            student,
            *variant,
        ):
            return paper.weights_in(row)
    raise UserError(
        f"hyperparameters: {source} has no weights for {'_'.join(variant)} of the student '{student}' on the task '{task}'.",
        "search for them: `snakemake grid_search`, or add the row by hand",
    )


def as_row(weights: Weights) -> dict[str, float]:
    """The weights of S1 and S2 as a row's six numbers."""
    return {
        f"{name}{prime}": getattr(one, name)
        for name in ("alpha", "beta", "gamma")
        for one, prime in zip(weights, ("", "_prime"), strict=True)
    }


@cache
def _rows(path: Path) -> tuple[dict[str, Any], ...]:
    return tuple(_read(path))


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """Rows with their weights as numbers, and the task that they are of."""
    remedy = "give `paper`, or a CSV as `snakemake grid_search` writes it, its path relative to the project's root"
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"hyperparameters: {path} cannot be read ({error}).", remedy) from None
    missing = [column for column in COLUMNS if column not in ("table", "pair") and (not rows or column not in rows[0])]
    if missing:
        raise UserError(f"hyperparameters: {path} has no column '{missing[0]}', or no row.", remedy)
    for number, row in enumerate(rows, start=2):
        weights = {name: _weight(row[name], f"{path}, line {number}, {name}") for name in paper.WEIGHTS}
        yield {**row, **weights, "pair": row.get("pair") or "", "of": paper.task_of(row)}


def _weight(text: str, where: str) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise UserError(f"hyperparameters: {where}: '{text}' is no weight.", "write a number of 0 or more")
    return value
