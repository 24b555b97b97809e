"""The ensemble of a run's students: what the paper's headline numbers are about (sections 3.2 and 3.3)."""

from collections.abc import Mapping, Sequence

import numpy as np

from kdml.analysis import class_pixels
from kdml.runs.graph import ENSEMBLE, is_student

SOURCES = "sources"  # the ensemble of the students that teach a third one


def largest_probability(students: Sequence[np.ndarray]) -> np.ndarray:
    """The largest probability over the students, element by element.

    Arg-max of class probabilities (n, K) is the ensemble's class. Foreground probabilities (n, h, w) pass a threshold where any
    student's does: the union of the masks. Masks of several classes hold that union (`kdml.analysis.class_pixels.of_ensemble`).

    Args:
        students: two or more arrays of one shape.

    Returns:
        Likewise, not renormalised.
    """
    return np.maximum.reduce(list(students))


def with_ensemble(outputs: Mapping[str, np.ndarray], sources: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Outputs of a run's networks and, where there are several students, of their ensemble.

    Args:
        outputs: by network, probabilities or quantised ones.
        sources: of a third student, whose ensemble is added as `SOURCES`; none if not given.
    """
    students = [output for name, output in outputs.items() if is_student(name)]
    if len(students) < 2:
        return dict(outputs)
    combined = class_pixels.of_ensemble if students[0].ndim == 4 else largest_probability
    of_sources = {SOURCES: combined([outputs[name] for name in sources])} if sources else {}
    return dict(outputs) | {ENSEMBLE: combined(students)} | of_sources
