"""Predictions for a folder of pictures: a table, masks, overlays; a message for each picture that cannot be read."""

import csv
import itertools
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from PIL import Image

from kdml.deploy.likeness import unlike
from kdml.deploy.model import Model
from kdml.deploy.pictures import Opened, found, outlined, read
from kdml.deploy.problems import Problem

TABLE = "predictions.csv"
MASKS, OVERLAYS = "masks", "overlays"
WIDTH = 30  # signs of the bar


@dataclass
class Outcome:
    """What came of a folder of pictures.

    Args:
        rows: of the table, one per picture.
        problems: of pictures that could not be read.
        unlike: pictures that are unlike those of the training.
        passed_over: files that are no pictures by their names.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unlike: int = 0
    passed_over: int = 0


def predict(model: Model, pictures: Path, out: Path, overlays: bool = True, told: TextIO = sys.stderr) -> Outcome:
    """Predict every picture of a folder.

    Args:
        model: the graph.
        pictures: a folder, or one picture.
        out: folder to write: predictions.csv, and for segmentation masks/ and overlays/.
        overlays: write these, too.
        told: what problems and the bar are written to.

    Raises:
        Problem: there are no pictures, or `out` is not empty.
    """
    names, passed_over = found(pictures, out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Problem(f"{out} is not empty.", "choose another folder with --out, or empty it")
    out.mkdir(parents=True, exist_ok=True)
    outcome = Outcome(passed_over=passed_over)
    for number, name in enumerate(names):
        _bar(number, len(names), name, told)
        path = pictures if pictures.is_file() else pictures / name
        try:
            opened = read(path, model.window)
        except Problem as problem:
            _bar(None, len(names), "", told)
            print(f"Error: {problem}", file=told, flush=True)
            outcome.problems.append(problem)
            outcome.rows.append({"file": name, "problem": problem.problem})
            continue
        answer = model(opened.pixels())
        warned = _warnings(model, opened, answer["prepared"])
        outcome.unlike += bool(warned)
        outcome.rows.append(
            {"file": name, **_row(model, opened, answer, out, name, overlays), "unlike_training": "; ".join(warned)}
        )
    _bar(None, len(names), "", told)
    _write(out / TABLE, model, outcome.rows)
    return outcome


def _warnings(model: Model, opened: Opened, prepared: np.ndarray) -> list[str]:
    said = unlike(prepared.transpose(1, 2, 0), opened.size, opened.mode, model.facts["training_pictures"])
    return said + ([f"the first of {opened.frames} frames"] if opened.frames > 1 else [])


def _row(
    model: Model, opened: Opened, answer: Mapping[str, np.ndarray], out: Path, name: str, overlays: bool
) -> dict[str, Any]:
    """Table's row of one picture; its mask is written."""
    height, width = opened.size
    row: dict[str, Any] = {"width": width, "height": height}
    if model.kind == "classification":
        shown = answer["probabilities"]
        row |= {"class": model.classes[int(shown.argmax())]}
        row |= {f"probability_of_{one}": f"{value:.6f}" for one, value in zip(model.classes, shown, strict=True)}
        return row | (_agreement_of_classes(answer["students"]) if "students" in answer else {})
    mask = answer["mask"]
    _save(out / MASKS / f"{name}.png", model.values_of(mask))
    if overlays:
        _save(out / OVERLAYS / f"{name}.png", outlined(opened.pixels(), mask))
    row |= {"marked_pixels": int((mask > 0).sum()), "marked_share": f"{(mask > 0).mean():.6f}"}
    if model.of_several:
        row |= {f"pixels_of_{one}": int((mask == number).sum()) for number, one in enumerate(model.classes, 1)}
    chances = answer["probability"][1:] if model.of_several else answer["probability"]
    row |= {"largest_probability": f"{chances.max():.6f}"}
    return row | (_agreement_of_masks(answer["students"]) if "students" in answer else {})


def _agreement_of_classes(students: np.ndarray) -> dict[str, Any]:
    """Whether all students name one class, and the largest difference of a probability between two of them."""
    return {
        "students_agree": int(len(set(students.argmax(axis=1).tolist())) == 1),
        "largest_difference_of_students": f"{(students.max(axis=0) - students.min(axis=0)).max():.6f}",
    }


def _agreement_of_masks(students: np.ndarray) -> dict[str, Any]:
    """Dice of the students' masks at the networks' size, the least of any two; 1 where both mark nothing. Of several classes its
    mean over those that either names.

    Args:
        students: probabilities of each, (networks, size, size) or (networks, K, size, size).
    """
    if students.ndim == 3:
        marked = (students >= 0.5)[:, np.newaxis]
    else:
        marked = students.argmax(axis=1)[:, np.newaxis] == np.arange(1, students.shape[1])[:, np.newaxis, np.newaxis]
    dice = [_mean_dice(*pair) for pair in itertools.combinations(marked, 2)]
    return {"students_agree": int(min(dice) == 1), "dice_of_students": f"{min(dice):.6f}"}


def _mean_dice(first: np.ndarray, second: np.ndarray) -> float:
    """Mean over classes (classes, h, w) of the Dice of those that either marks; 1 where there are none."""
    both, either = ((first & second).sum(axis=(1, 2)), first.sum(axis=(1, 2)) + second.sum(axis=(1, 2)))
    return float((2 * both[either > 0] / either[either > 0]).mean()) if either.any() else 1.0


def _save(path: Path, values: np.ndarray) -> None:
    """Write a PNG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    Image.fromarray(values).save(partial, format="PNG")
    partial.replace(path)


def _write(path: Path, model: Model, rows: list[dict[str, Any]]) -> None:
    """Write the table, whole or not at all; its columns are those of all rows, `problem` last."""
    columns = dict.fromkeys(name for row in rows for name in row if name != "problem")
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*columns, "problem"], restval="")
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(path)


def _bar(done: int | None, of: int, name: str, told: TextIO) -> None:
    """Show how far it is, on a terminal; None wipes it away."""
    if not told.isatty():
        return
    filled = "#" * round(WIDTH * (done or 0) / of)
    shown = "" if done is None else f"[{filled:<{WIDTH}}] {done + 1}/{of} {name[-40:]}"
    print(f"\r\x1b[K{shown}", end="", file=told, flush=True)


def lines_on(outcome: Outcome, model: Model, out: Path) -> Iterator[str]:
    """Say in some lines what came of it.

    Args:
        outcome: of `predict`.
        model: the graph.
        out: folder that was written.
    """
    good = len(outcome.rows) - len(outcome.problems)
    yield f"{model.facts['name']}, {model.title}: {good} of {len(outcome.rows)} pictures predicted, in {out / TABLE}."
    if outcome.unlike:
        yield f"{outcome.unlike} pictures are unlike those of the training (column unlike_training): do not rely on them."
    if outcome.passed_over:
        yield f"{outcome.passed_over} files were passed over, which are no pictures by their names."
    if outcome.problems:
        yield f"{len(outcome.problems)} pictures could not be read; what is wrong with each stands above and in the column problem."
