"""The ensemble of a run's students: what the paper's headline numbers are about (sections 3.2 and 3.3)."""

from collections.abc import Sequence

import numpy as np


def largest_probability(students: Sequence[np.ndarray]) -> np.ndarray:
    """Per class the largest probability over the students; arg-max of it is the ensemble's class.

    Args:
        students: two or more arrays (n, K).

    Returns:
        (n, K), not renormalised.
    """
    return np.maximum.reduce(list(students))


def union(students: Sequence[np.ndarray]) -> np.ndarray:
    """Pixels that any student marks.

    Args:
        students: two or more boolean arrays (n, h, w).
    """
    return np.logical_or.reduce(list(students))
