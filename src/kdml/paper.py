"""The paper's own numbers, read from `workflow/resources/paper/`, and which table shows which task."""

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

from kdml.config import KINDS, Sharing, Training
from kdml.errors import UserError
from kdml.project import ROOT
from kdml.sharing import VARIANTS, LossWeights, paper_graph

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
NETWORKS: Mapping[str, str] = {"t": "teacher"}  # the CSV's names, where they differ from ours
SEARCH = "to search for weights: `snakemake grid_search --config hyperparameters=even`"
WEIGHTS = ("alpha", "alpha_prime", "beta", "beta_prime", "gamma", "gamma_prime")

RUNS = 3  # behind each mean and standard deviation

Value = tuple[float, float]
"""Mean and standard deviation in percent."""

# What the paper trained with; where it is silent, what config.yaml takes in its place. dataset -> (images, pixels of a side).
IMAGES: Mapping[str, tuple[int, int]] = {"hcd": (20000, 224), "lgg": (3929, 256), "ham10000": (10015, 224)}
EPOCHS, BATCH_SIZE, LEARNING_RATE = 200, 8, 1e-4
MACHINE = ("device", "deterministic", "threads")  # settings that change rounding alone
RIVALS_TABLE, RIVALS_STUDENT = 10, "resnet18"
BACKBONES = ("resnet50", "resnet18", "mobilenetv1_100")


def kind_of(task: str) -> str:
    """Classification or segmentation, told from the metrics that the paper shows of a task."""
    return "segmentation" if "iou" in METRICS[task] else "classification"


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
    table = TABLES.get((task, student))
    for row in _rows("hyperparameters"):
        if (row["table"], row["technique"], row["strategy"]) == (str(table), technique, strategy):
            return {name: float(row[name]) for name in WEIGHTS}
    raise UserError(
        f"The paper has no weights alpha, beta, gamma for the student '{student}' on the task '{task}'.",
        _instead_of_the_papers(task, student),
    )


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
        for row in _rows("variants")
        if row["table"] == str(table)
    }


def baselines(table: int) -> dict[tuple[str, str, str], Value]:
    """(task, architecture, metric) -> mean and SD of one of the tables of baselines."""
    return {
        (task_of(row), row["network"], row["metric"]): (float(row["mean"]), float(row["std"]))
        for row in _rows("baselines")
        if row["table"] == str(table)
    }


def rivals() -> dict[tuple[str, str, str], Value]:
    """(task, method, metric) -> mean and SD of table 10, all with ResNet18 as student."""
    return {
        (task_of(row), row["method"], row["metric"]): (float(row["mean"]), float(row["std"]))
        for row in _rows("comparisons")
    }


def departures(record: Mapping[str, Any]) -> list[str]:
    """How a run differs from the paper's setting, in words, read from its `run.json`.

    Args:
        record: of the run.
    """
    settings, images = record["settings"], record["images"]
    training = settings["training"]
    dataset = settings["task"].partition("_")[0]
    count, size = IMAGES.get(dataset, (images["total"], images["size"]))
    said = [
        (images["total"], count, f"{images['total']:,} of {count:,} images"),
        (images["size"], size, f"{images['size']} px (paper {size})"),
        (training["epochs"], EPOCHS, f"at most {training['epochs']} epochs ({EPOCHS})"),
        (training["batch_size"], BATCH_SIZE, f"batch {training['batch_size']} ({BATCH_SIZE})"),
        (training["learning_rate"], LEARNING_RATE, f"learning rate {training['learning_rate']:g} ({LEARNING_RATE:g})"),
    ]
    words = [text for ours, theirs, text in said if ours != theirs]
    words += _changed(training, Training(), ("epochs", "batch_size", "learning_rate", *MACHINE))
    words += _changed(settings.get("sharing", {}), Sharing(), ())
    for network in settings["networks"].values():
        name, weights = network["architecture"], network["weights"]
        if network["backbone"]["options"] or network["backbone"]["timm"] not in BACKBONES:
            words.append(f"network {name}")
        words += [f"{name} from a random start"] if weights is None else []
        words += [f"{name}: {weights['note']}"] if weights and weights["note"] else []
    words += [] if _has_papers_weights(settings) else ["weights alpha, beta, gamma of its own"]
    return list(dict.fromkeys(words))


def _changed(ours: Mapping[str, Any], default: Training | Sharing, left_out: Sequence[str]) -> list[str]:
    """Settings that are not those of `config.yaml`, which are the paper's or fill its gaps."""
    theirs = default.model_dump(mode="json")
    names = [name for name in theirs if name in ours and name not in left_out]
    return [
        f"{name.replace('_', ' ')} {_shown(ours[name], theirs[name])}" for name in names if ours[name] != theirs[name]
    ]


def _shown(ours: Any, theirs: Any) -> str:
    if not isinstance(ours, Mapping):
        return f"{ours} ({theirs})"
    return ", ".join(f"{key} {value} ({theirs.get(key)})" for key, value in ours.items() if value != theirs.get(key))


def _has_papers_weights(settings: Mapping[str, Any]) -> bool:
    """Whether a variant of the paper has the weights of the paper's table for its task and student; True for all other runs.

    Of a student that the paper does not have, any table of the task will do.
    """
    if (key := VARIANTS.get(settings["run"])) is None:
        return True
    student = settings["networks"].get("s1", {}).get("architecture")
    own = TABLES.get((settings["task"], student))
    tables = [str(own)] if own else [str(number) for (task, _), number in TABLES.items() if task == settings["task"]]
    mine = _weights(settings["supervised"], settings["edges"])
    swap = settings.get("sharing", {}).get("swap_students", False)
    rows = [
        row for row in _rows("hyperparameters") if row["table"] in tables and (row["technique"], row["strategy"]) == key
    ]
    graphs = [paper_graph(*key, weights_in(row), swap) for row in rows]
    return not rows or any(mine == _weights(graph.supervised, map(asdict, graph.edges)) for graph in graphs)


def weights_in(row: Mapping[str, Any]) -> tuple[LossWeights, LossWeights]:
    """Alpha, beta and gamma of both students, of a row with the columns `WEIGHTS`."""
    first, second = (
        LossWeights(*(float(row[name + prime]) for name in ("alpha", "beta", "gamma"))) for prime in ("", "_prime")
    )
    return first, second


def _weights(supervised: Mapping[str, float], edges: Iterable[Mapping[str, Any]]) -> dict[tuple[str, ...], float]:
    """Every weight that is not 0 of a sharing graph."""
    found = {(learner,): weight for learner, weight in supervised.items()}
    found |= {(edge["source"], edge["learner"], str(edge["knowledge"])): edge["weight"] for edge in edges}
    return {key: weight for key, weight in found.items() if weight}


def task_of(row: Mapping[str, str]) -> str:
    """The task that a CSV's row is of: its column `task`; where that names a kind, the paper's task of the kind on the dataset."""
    if row["task"] not in KINDS:
        return row["task"]
    return f"{row['dataset']}_{row['task']}" if row["dataset"] == "ham10000" else row["dataset"]


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    path = FOLDER / f"{name}.csv"
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return tuple(csv.DictReader(file))
    except FileNotFoundError:
        relative = os.path.relpath(path)
        raise UserError(
            f"{relative} does not exist.", "check the project out again: the paper's numbers belong to it"
        ) from None
