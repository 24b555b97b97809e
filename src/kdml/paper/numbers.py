"""The paper's own numbers, read from `workflow/resources/paper/`, and which table shows which task."""

import csv
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from kdml.common.errors import UserError
from kdml.common.project import ROOT
from kdml.runs.graph import LossWeights
from kdml.runs.settings import KINDS

FOLDER = ROOT / "workflow" / "resources" / "paper"

# (task, student architecture) -> number of the table with its twelve variants.
TABLES: Mapping[tuple[str, str], int] = {
    ("hcd", "resnet18"): 3,
    ("lgg", "resnet18"): 4,
    ("hcd", "mobilenet"): 8,
    ("lgg", "mobilenet"): 9,
    ("ham10000_classification", "resnet18"): 14,
    ("ham10000_segmentation", "resnet18"): 15,
}
# Likewise the tables of fidelity.
FIDELITY_TABLES: Mapping[tuple[str, str], int] = {("hcd", "resnet18"): 11, ("lgg", "resnet18"): 12}
# task -> number of the table with its baselines.
BASELINE_TABLES: Mapping[str, int] = {
    "hcd": 2,
    "lgg": 2,
    "ham10000_classification": 13,
    "ham10000_segmentation": 13,
}
# Metrics that the paper's tables show, in its order.
METRICS: Mapping[str, tuple[str, ...]] = {
    "hcd": ("accuracy",),
    "lgg": ("iou", "f_score"),
    "ham10000_classification": ("precision", "recall", "accuracy"),
    "ham10000_segmentation": ("iou", "f_score"),
}
USUAL_METRICS: Mapping[str, tuple[str, ...]] = {  # of tasks that the paper does not have
    "classification": ("accuracy", "precision", "recall"),
    "segmentation": ("iou", "f_score"),
}
ARCHITECTURES = ("resnet50", "resnet18", "mobilenet")
# timm's names of them.
BACKBONES: Mapping[str, str] = {"resnet50": "resnet50", "resnet18": "resnet18", "mobilenet": "mobilenetv1_100"}
NETWORKS: Mapping[str, str] = {"t": "teacher"}  # the CSV's names, where they differ from ours
SEARCH = "to search for weights: `snakemake grid_search --config hyperparameters=even`"
WEIGHTS = ("alpha", "alpha_prime", "beta", "beta_prime", "gamma", "gamma_prime")

RUNS = 3  # behind each mean and standard deviation

Value = tuple[float, float]
"""Mean and standard deviation in percent."""

METHODS_TABLE, METHODS_STUDENT = 10, "resnet18"


def kind_of(task: str) -> str:
    """Classification or segmentation, told from the metrics that the paper shows of a task."""
    return "segmentation" if "iou" in METRICS[task] else "classification"


def metrics_of(task: str, kind: str) -> tuple[str, ...]:
    """Metrics that a task's tables show: those of the paper, else the usual ones of its kind, the primary one first.

    Args:
        task: key of the task.
        kind: classification or segmentation.
    """
    return METRICS.get(task) or USUAL_METRICS[kind]


def hyperparameters(task: str, student: str, technique: str, strategy: str) -> dict[str, float]:
    """alpha, beta, gamma of both students (keys of `WEIGHTS`) as the paper's result table of the task prints them.

    Args:
        task: key of the task.
        student: one of the paper's architectures.
        technique: key of `TECHNIQUES`.
        strategy: key of `STRATEGIES`.

    Raises:
        UserError: the paper has no such table, for example because the student is not one of its architectures.
    """
    row = _hyperparameters().get((str(TABLES.get((task, student))), technique, strategy))
    if row is not None:
        return {name: float(row[name]) for name in WEIGHTS}
    raise UserError(
        f"The paper has no weights alpha, beta, gamma for the student '{student}' on the task '{task}'.",
        _instead_of_the_papers(task, student),
    )


@cache
def _hyperparameters() -> Mapping[tuple[str, str, str], Mapping[str, str]]:
    """Rows of hyperparameters.csv by table, technique and strategy: a plan looks them up for every run."""
    return {(row["table"], row["technique"], row["strategy"]): row for row in rows_of("hyperparameters")}


def _instead_of_the_papers(task: str, student: str) -> str:
    """What to do where the paper has no weights: it may lack the student, the task, or just the two together."""
    own = f"give a CSV of your own as `hyperparameters`; {SEARCH}"
    if task not in METRICS or student in {student for _, student in TABLES}:
        return own
    known = ", ".join(f"{student} on {task}" for task, student in TABLES)
    return f"say with `networks: stands_for:` which of the paper's architectures your student is like; it has {known}; or {own}"


def variants(table: int) -> dict[tuple[str, str, str, str], Value]:
    """(technique, strategy, network, metric) -> mean and SD of one of the tables of variants, of performance or of fidelity."""
    return {
        (row["technique"], row["strategy"], NETWORKS.get(row["network"], row["network"]), row["metric"]): (
            float(row["mean"]),
            float(row["std"]),
        )
        for row in rows_of("variants")
        if row["table"] == str(table)
    }


def baselines(table: int) -> dict[tuple[str, str, str], Value]:
    """(task, architecture, metric) -> mean and SD of one of the tables of baselines."""
    return {
        (task_of(row), row["network"], row["metric"]): (float(row["mean"]), float(row["std"]))
        for row in rows_of("baselines")
        if row["table"] == str(table)
    }


def methods() -> dict[tuple[str, str, str], Value]:
    """(task, method, metric) -> mean and SD of table 10, all with ResNet18 as student."""
    return {
        (task_of(row), row["method"], row["metric"]): (float(row["mean"]), float(row["std"]))
        for row in rows_of("comparisons")
    }


def impossible(values: Mapping[tuple[str, ...], Value]) -> set[tuple[str, ...]]:
    """Keys of printed F-scores below the IoU beside them: F is 2 IoU / (1 + IoU) of the same pixels, so one of the two is wrong.

    Args:
        values: of a table, by keys that end with the metric.
    """
    return {
        key
        for key, (mean, _) in values.items()
        if key[-1] == "f_score" and mean < values.get((*key[:-1], "iou"), (mean,))[0]
    }


def misprints(table: int) -> list[dict[str, str]]:
    """What is misprinted in a table, each with how its numbers here were read.

    Args:
        table: its number in the paper.

    Returns:
        Rows with `run`, `network` and `metric` (the latter two empty for loss weights), `column` of the CSV file, `printed`,
        `read_as`, `why`.
    """
    return [row for row in rows_of("misprints") if row["table"] == str(table)]


def weights_in(row: Mapping[str, Any]) -> tuple[LossWeights, LossWeights]:
    """Alpha, beta and gamma of both students, of a row with the columns `WEIGHTS`."""
    first, second = (
        LossWeights(*(float(row[name + prime]) for name in ("alpha", "beta", "gamma"))) for prime in ("", "_prime")
    )
    return first, second


def task_of(row: Mapping[str, str]) -> str:
    """The task that a CSV's row is of: its column `task`; where that names a kind, the paper's task of the kind on the dataset."""
    if row["task"] not in KINDS:
        return row["task"]
    return f"{row['dataset']}_{row['task']}" if row["dataset"] == "ham10000" else row["dataset"]


@cache
def rows_of(name: str) -> tuple[dict[str, str], ...]:
    """Rows of one of the CSV files, such as `variants`.

    Raises:
        UserError: it is not there.
    """
    path = FOLDER / f"{name}.csv"
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return tuple(csv.DictReader(file))
    except FileNotFoundError:
        relative = os.path.relpath(path)
        raise UserError(
            f"{relative} does not exist.", "check the project out again: the paper's numbers belong to it"
        ) from None
