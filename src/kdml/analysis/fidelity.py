"""How faithfully a student repeats its teacher, on the test set. A student can be more accurate than its teacher and less
faithful.

Reference:
    Stanton, Izmailov, Kirichenko, Alemi, Wilson: Does Knowledge Distillation Really Work? NeurIPS 2021. Tables 11 and 12 of
    the paper show agreement alone: accuracy, or IoU and F-score, with the teacher's predictions as the truth.
"""

from collections.abc import Iterator, Mapping
from itertools import permutations

import numpy as np
from jaxtyping import Bool, Float, Shaped

from kdml.analysis import metrics
from kdml.runs.predictions import Predictions, dequantise, marked

TINY = 1e-12
IN_NATS = "predictive_kl"
TEACHER_COLUMNS = ("first_seed", "second_seed", "metric", "value")
EXTRAS = (IN_NATS, "agreement_where_right", "agreement_where_wrong")


def predictive_kl(teacher: Float[np.ndarray, "*cases classes"], student: Float[np.ndarray, "*cases classes"]) -> float:
    """Mean over cases (images or pixels) of KL(teacher || student) in nats, at temperature 1.

    Args:
        teacher: class probabilities.
        student: likewise; rows that do not add up to 1, like an ensemble's, are normalised.
    """
    p, q = (np.clip(np.asarray(x, dtype=np.float64), TINY, None) for x in (teacher, student))
    p, q = p / p.sum(axis=-1, keepdims=True), q / q.sum(axis=-1, keepdims=True)
    return float((p * (np.log(p) - np.log(q))).sum(axis=-1).mean())


def binary(probability: Float[np.ndarray, "*pixels"]) -> Float[np.ndarray, "*pixels 2"]:
    """Foreground probabilities as probabilities of two classes."""
    return np.stack([1 - probability, probability], axis=-1)


def of_outputs(teacher: np.ndarray, student: np.ndarray) -> dict[str, float]:
    """A student's metrics with the teacher's predictions as the truth, and the divergence of the two.

    Args:
        teacher: class probabilities (n, K), or quantised foreground probabilities (n, h, w).
        student: likewise.

    Returns:
        Fractions by metric; the divergence in nats.
    """
    if teacher.ndim == 2:
        cells = metrics.confusions(teacher.argmax(axis=1), student.argmax(axis=1), teacher.shape[1])
        return metrics.classification(cells) | {IN_NATS: predictive_kl(teacher, student)}
    scores = metrics.segmentation(metrics.pixel_counts(marked(teacher), marked(student)))
    return scores | {IN_NATS: predictive_kl(*(binary(dequantise(output)) for output in (teacher, student)))}


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
            for metric, value in of_outputs(teacher, student).items():
                shown = value if metric == IN_NATS else 100 * value
                yield dict(zip(TEACHER_COLUMNS, (first, second, metric, round(shown, 4)), strict=True))


def agreement(
    teacher: Shaped[np.ndarray, "*cases"], student: Shaped[np.ndarray, "*cases"], truth: Shaped[np.ndarray, "*cases"]
) -> dict[str, float]:
    """How often the student predicts what the teacher does, where the teacher is right and where it is wrong.

    Copying a teacher where it is right needs no distillation, the labels say the same; copying its mistakes does.

    Returns:
        Fractions; NaN where the teacher is never right, or never wrong.
    """
    same, right = teacher == student, teacher == truth
    return {"agreement_where_right": _share(same, right), "agreement_where_wrong": _share(same, ~right)}


def _share(hits: Bool[np.ndarray, "*cases"], among: Bool[np.ndarray, "*cases"]) -> float:
    return float(hits[among].mean()) if among.any() else float("nan")
