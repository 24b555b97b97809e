"""Predictions for a folder of pictures: a table, masks, overlays; a message for each picture that cannot be read."""

import csv
import errno
import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from PIL import Image

from kdml.deploy.likeness import unlike
from kdml.deploy.model import Model
from kdml.deploy.pictures import MASKS, OVERLAYS, TABLE, Found, Opened, found, outlined, read
from kdml.deploy.problems import Problem, printable, reason

WIDTH = 30  # signs of the bar
# Faults of one picture's name, as too long with what is added or with signs that the disk does not know; others are of the disk.
OF_NAMES = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ, errno.EINVAL)


@dataclass
class Outcome:
    """What came of a folder of pictures.

    Args:
        found: what lies in the folder.
        rows: of the table, one per picture.
        problems: how many pictures could not be predicted.
        unlike: pictures that are unlike those of the training.
    """

    found: Found
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: int = 0
    unlike: int = 0


def predict(model: Model, pictures: Path, out: Path, overlays: bool = True, told: TextIO = sys.stderr) -> Outcome:
    """Predict every picture of a folder.

    Args:
        model: the graph.
        pictures: a folder, or one picture.
        out: folder to write: predictions.csv, and for segmentation masks/ and overlays/.
        overlays: write these, too.
        told: what problems and the bar are written to.

    Raises:
        Problem: there are no pictures, or `out` is not empty or cannot be written; then nothing is left in it.
    """
    outcome = Outcome(found(pictures, out, model.made_by))
    names = outcome.found.names
    with _all_or_nothing(out), _bar(len(names), told) as show:
        for done, name in enumerate(names):
            show(done, name)
            try:
                row = _predicted(model, pictures if pictures.is_file() else pictures / name, out, name, overlays)
            except Problem as problem:  # not kept: memory hangs on errors
                show(None)
                print(f"Error: {problem}", file=told, flush=True)
                outcome.problems += 1
                row = {"problem": problem.problem}
            outcome.unlike += bool(row.get("unlike_training"))
            outcome.rows.append({"file": name, **row})
        _write(out / TABLE, outcome.rows)
    return outcome


@contextmanager
def _all_or_nothing(out: Path) -> Iterator[None]:
    """Make the folder; take away what was written to it unless all of it was."""
    is_new = not os.path.lexists(out)
    try:
        if not is_new and (not out.is_dir() or any(out.iterdir())):
            raise Problem(f"{printable(out)} is not empty.", "choose another folder with --out, or empty it")
        out.mkdir(parents=True, exist_ok=True)
        (out / _partial(TABLE)).touch()  # to learn at once whether it can be written
    except OSError as error:
        raise _unwritable(out, error) from None
    try:
        yield
    except BaseException as error:
        for name in (MASKS, OVERLAYS):
            shutil.rmtree(out / name, ignore_errors=True)
        with suppress(OSError):  # of a disk that is gone, or where somebody put more; what is told is the first error
            (out / _partial(TABLE)).unlink(missing_ok=True)
            (out / TABLE).unlink(missing_ok=True)
            if is_new:
                out.rmdir()
        if isinstance(error, OSError):
            raise _unwritable(out, error) from None
        raise


def _unwritable(out: Path, error: OSError) -> Problem:
    remedy = "make room or get the right to write there, or choose another folder with --out"
    return Problem(f"{printable(out)} cannot be written ({reason(error)}); nothing is left in it.", remedy)


def _predicted(model: Model, path: Path, out: Path, name: str, overlays: bool) -> dict[str, Any]:
    """Table's row of one picture; its mask and overlay are written, both or none.

    Raises:
        Problem: what is wrong with this picture.
        OSError: the folder cannot be written.
    """
    try:
        opened = read(path, model.window)
        answer = _answer(model, path, opened)
        warned = _warnings(model, opened, answer["prepared"])
        row = {**_row(model, opened, answer), "unlike_training": "; ".join(warned)}
        if "mask" in answer:
            saved = {MASKS: model.values_of(answer["mask"])}
            saved |= {OVERLAYS: outlined(opened.pixels, answer["mask"])} if overlays else {}
            _save({out / folder / f"{name}.png": values for folder, values in saved.items()}, path)
        return row
    except MemoryError:
        remedy = "cut it into pieces, close other programs, or take a computer with more memory"
        raise Problem(f"{printable(path)} needs more memory than there is.", remedy) from None


def _answer(model: Model, path: Path, opened: Opened) -> dict[str, np.ndarray]:
    try:
        return model(opened.pixels)
    except MemoryError:
        raise
    except Exception as error:  # ONNX Runtime raises almost anything
        if "bad_alloc" in str(error) or "Failed to allocate memory" in str(error):
            raise MemoryError from None
        size = f"{opened.size[1]} x {opened.size[0]} pixels"
        remedy = "cut it into pieces if it is large, else take it out of the folder"
        raise Problem(f"{printable(path)} ({size}) cannot be predicted ({reason(error)}).", remedy) from None


def _warnings(model: Model, opened: Opened, prepared: np.ndarray) -> list[str]:
    said = unlike(prepared.transpose(1, 2, 0), opened.size, opened.mode, model.facts["training_pictures"])
    return said + ([f"the first of {opened.frames} frames"] if opened.frames > 1 else [])


def _row(model: Model, opened: Opened, answer: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Size and answer of one picture, for the table."""
    height, width = opened.size
    row: dict[str, Any] = {"width": width, "height": height}
    if model.kind == "classification":
        shown = answer["probabilities"]
        row |= {"class": model.classes[int(shown.argmax())]}
        row |= {f"probability_of_{one}": f"{value:.6f}" for one, value in zip(model.classes, shown, strict=True)}
        return row | (_agreement_of_classes(answer["students"]) if "students" in answer else {})
    mask = answer["mask"]
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


def _partial(name: str) -> str:
    return f".{name}.partial"


def _save(pictures: Mapping[Path, np.ndarray], of: Path) -> None:
    """Write PNGs that belong together, whole and all of them, or none.

    Raises:
        Problem: the name of the picture that they are of cannot be theirs.
    """
    partial = {path: path.with_name(_partial("png")) for path in pictures}
    try:
        for path, values in pictures.items():
            if path.exists():
                raise FileExistsError(errno.EEXIST, "another picture has its name already")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(partial[path], format="PNG")
        for path, written in partial.items():
            written.replace(path)
    except BaseException as error:
        for written in partial.values():
            with suppress(OSError):
                written.unlink()
        if isinstance(error, OSError) and error.errno in OF_NAMES:
            raise Problem(f"{printable(of)}: its mask cannot be saved ({error.strerror}).", "rename it") from None
        raise


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the table, whole or not at all; its columns are those of all rows, `problem` last."""
    columns = dict.fromkeys(name for row in rows for name in row if name != "problem")
    partial = path.with_name(_partial(path.name))
    with open(partial, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:  # names need not be UTF-8
        writer = csv.DictWriter(file, [*columns, "problem"], restval="")
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(path)


@contextmanager
def _bar(of: int, told: TextIO) -> Iterator[Callable[..., None]]:
    """Show on a terminal how far it is, in its last line; full at the end, and wiped away where it comes to none.

    Yields:
        Function of how many are done, None for wiping, and the name of the next.
    """

    def show(done: int | None, name: str = "") -> None:
        if not told.isatty():
            return
        shown = "" if done is None else f"[{'#' * (WIDTH * done // of):<{WIDTH}}] {done}/{of} {printable(name)}"
        room = (os.get_terminal_size(told.fileno()).columns or 80) - 1  # what is longer would leave lines behind
        print(f"\r\x1b[K{shown[:room]}", end="\n" if done == of else "", file=told, flush=True)

    try:
        yield show
    except BaseException:
        show(None)
        raise
    show(of)


def lines_on(outcome: Outcome, model: Model, out: Path) -> Iterator[str]:
    """Say in some lines what came of it.

    Args:
        outcome: of `predict`.
        model: the graph.
        out: folder that was written.
    """
    good = len(outcome.rows) - outcome.problems
    said, table = f"{model.facts['name']}, {model.title}: {good} of {len(outcome.rows)}", printable(out / TABLE)
    yield f"{said} pictures predicted, in {table}."
    if outcome.unlike:
        said = "1 picture is" if outcome.unlike == 1 else f"{outcome.unlike} pictures are"
        yield f"{said} unlike those of the training (column unlike_training): rely on no such prediction."
    if outcome.found.others:
        is_one = outcome.found.others == 1
        said = (
            "1 file was passed over, which is no picture by its name"
            if is_one
            else f"{outcome.found.others} files were passed over, which are no pictures by their names"
        )
        yield f"{said}."
    if closed := ", ".join(map(printable, outcome.found.closed)):
        yield f"These folders were passed over, which are hidden, links, or hold earlier masks: {closed}."
    if outcome.problems:
        yield f"{outcome.problems} pictures have no prediction; what is wrong with each stands above and in the column problem."
