"""How faithfully a student repeats its teacher, on the test set. A student can be more accurate than its teacher and less
faithful.

Reference:
    Stanton, Izmailov, Kirichenko, Alemi, Wilson: Does Knowledge Distillation Really Work? NeurIPS 2021. Tables 11 and 12 of
    the paper show agreement alone: accuracy, or IoU and F-score, with the teacher's predictions as the truth.
"""

from collections.abc import Iterator, Mapping
from itertools import permutations

import numpy as np
from jaxtyping import Bool, Float

from kdml.analysis import class_pixels, metrics
from kdml.analysis.reliability import DECIMALS
from kdml.runs.predictions import Predictions, classes_of, dequantise, marked

TINY = 1e-12
TEACHER_COLUMNS = ("first_seed", "second_seed", "metric", "value")
EXTRAS = ("predictive_kl", "agreement_where_right", "agreement_where_wrong")  # beyond what the paper's tables show


def predictive_kl(
    teacher: Float[np.ndarray, "*cases classes"], student: Float[np.ndarray, "*cases classes"]
) -> Float[np.ndarray, "*cases"]:
    """KL(teacher || student) of every case (image or pixel) in nats, at temperature 1.

    Args:
        teacher: class probabilities.
        student: of the same cases; rows that do not add up to 1, like an ensemble's, are normalised.
    """
    p, q = (np.clip(np.asarray(x, dtype=np.float64), TINY, None) for x in (teacher, student))
    p, q = p / p.sum(axis=-1, keepdims=True), q / q.sum(axis=-1, keepdims=True)
    return (p * (np.log(p) - np.log(q))).sum(axis=-1)


def binary(probability: Float[np.ndarray, "*pixels"]) -> Float[np.ndarray, "*pixels 2"]:
    """Foreground probabilities as probabilities of two classes."""
    return np.stack([1 - probability, probability], axis=-1)


def of_cases(teacher: np.ndarray, student: np.ndarray, truth: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Measure a student against its teacher on every test case.

    Copying a teacher where it is right needs no distillation, the labels say the same; copying its mistakes does. So agreement
    is counted apart where the teacher is right and where it is wrong.

    Args:
        teacher: class probabilities (n, K), or quantised ones of the foreground (n, h, w) or of several classes (n, K, h, w).
        student: of the same images, in the same form.
        truth: labels (n,) or masks (n, h, w); without it agreement is not told apart.

    Returns:
        Columns (n,): `target` and `predicted` classes, or pixels `tp`, `fp`, `fn`, `tn`, of several classes also by taught and said
        class; `kl`, the mean divergence within the case in nats; and with a truth `right`, `right_same`, `wrong`, `wrong_same`:
        images or pixels where the teacher is right or wrong, and where the student agrees with it.
    """
    if teacher.ndim == 2:
        taught, said = teacher.argmax(axis=1), student.argmax(axis=1)
        columns = {"target": taught, "predicted": said, "kl": predictive_kl(teacher, student)}
    elif teacher.ndim == 4:
        taught, said = classes_of(teacher), classes_of(student)
        columns = class_pixels.counts(taught, said, teacher.shape[1])
        columns["kl"] = np.array(
            [
                predictive_kl(*(np.moveaxis(dequantise(one), 0, -1) for one in pair)).mean()
                for pair in zip(teacher, student, strict=True)
            ]
        )
    else:
        taught, said = marked(teacher), marked(student)
        truth = None if truth is None else truth > 0
        columns = dict(zip(metrics.PIXELS, metrics.pixel_counts(taught, said).T, strict=True))
        columns["kl"] = np.array(
            [
                predictive_kl(*(binary(dequantise(one)) for one in pair)).mean()
                for pair in zip(teacher, student, strict=True)
            ]
        )
    columns["kl"] = columns["kl"].round(DECIMALS) + 0.0  # decimal numbers have no -0
    return columns if truth is None else columns | _agreement(taught, said, truth)


def _agreement(teacher: np.ndarray, student: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    same, right = teacher == student, teacher == truth
    found = {"right": right, "right_same": right & same, "wrong": ~right, "wrong_same": ~right & same}
    return {name: _per_case(hits) for name, hits in found.items()}


def _per_case(hits: Bool[np.ndarray, "*cases"]) -> np.ndarray:
    return hits.reshape(len(hits), -1).sum(axis=1)


def between_teachers(stored: Mapping[int, Predictions]) -> Iterator[dict[str, int | str | float]]:
    """How far independently seeded teachers agree: a row per ordered pair that was tested on the same images, and metric.

    Args:
        stored: predictions of teachers by seed, each with the output of one network.

    Returns:
        Rows of `TEACHER_COLUMNS`; values in percent, the divergence in nats.
    """
    for first, second in permutations(sorted(stored), 2):
        if np.array_equal(stored[first].rows, stored[second].rows):
            (teacher,), (student,) = (stored[seed].outputs.values() for seed in (first, second))
            columns, classes = of_cases(teacher, student), teacher.shape[1] if teacher.ndim == 2 else 0
            for metric in metrics.of_truth("classification" if classes else "segmentation", "teacher"):
                if metric.columns <= columns.keys():
                    value = metric.scale * float(metric.of_counts(metric.of_cases(columns, classes).sum(axis=0)))
                    yield dict(zip(TEACHER_COLUMNS, (first, second, metric.name, round(value, 4)), strict=True))
