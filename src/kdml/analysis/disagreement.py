"""How far the students of a run disagree on a case, whatever the truth is: a signal to ask a person."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Float


def disagreement(students: Sequence[Float[np.ndarray, "n classes"]]) -> Float[np.ndarray, " n"]:
    """Mean over pairs of students of the total variation between their class probabilities, 0 to 1.

    Args:
        students: at least two.
    """
    pairs = [np.abs(one - other).sum(axis=1) / 2 for one, other in combinations(students, 2)]
    return np.stack(pairs).mean(axis=0, dtype=np.float64)


def pixel_disagreement(students: Sequence[np.ndarray]) -> Float[np.ndarray, " n"]:
    """Mean over pairs of students and over the pixels of an image of the distance of their probabilities, 0 to 1: of several
    classes the total variation.

    Args:
        students: quantised probabilities of at least two, of the foreground (n, h, w) or of classes (n, K, h, w).
    """
    apart = (np.abs(one.astype(np.int16) - other.astype(np.int16)) for one, other in combinations(students, 2))
    pairs = [one.mean(axis=(1, 2)) / 256 if one.ndim == 3 else one.sum(axis=1).mean(axis=(1, 2)) / 512 for one in apart]
    return np.stack(pairs).mean(axis=0)
