"""Temperature scaling: one number for every network, fitted on the validation part, so that its probabilities mean what they say.

Probabilities p become softmax(log(p) / T); T above 1 makes them less sure. No decision changes. Stored probabilities are all that
is needed, because their logarithms differ from the logits by a constant only. The validation part also chose the weights that are
kept, so that T is a little too small where a network fits it too well.

Reference:
    Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy import optimize, special

from kdml.analysis import reliability
from kdml.analysis.ensemble import with_ensemble
from kdml.runs.predictions import dequantise

LIMITS = (0.05, 20.0)  # of T, where all validation cases are right, or nothing is known
CLOSE = 1.01  # factor from a limit of T to what is taken for it
LEVELS = dequantise(np.arange(256)).astype(float)
MOST_PIXELS = 2_000_000  # that a temperature of several classes is fitted on


def of_networks(outputs: Mapping[str, np.ndarray], truth: np.ndarray, sources: Sequence[str] = ()) -> dict[str, float]:
    """Temperatures of the networks of a run and of the ensemble of its students.

    Args:
        outputs: on the validation part, probabilities (n, K), or quantised ones of the foreground (n, h, w) or of classes
            (n, K, h, w).
        truth: its labels (n,), or the class of every pixel of its masks (n, h, w), 0 the background.
        sources: of a third student, as `with_ensemble` takes them.
    """
    nll = {2: _nll_of_classes, 3: _nll_of_pixels, 4: _nll_of_class_pixels}
    return {name: fitted(nll[output.ndim](output, truth)) for name, output in with_ensemble(outputs, sources).items()}


def fitted(nll: Callable[[float], float]) -> float:
    """The temperature with the smallest negative log-likelihood, within `LIMITS`.

    Args:
        nll: of a temperature; it has one minimum, because it is convex in 1 / T.
    """
    found = optimize.minimize_scalar(lambda log: nll(math.exp(log)), bounds=np.log(LIMITS), method="bounded")
    return math.exp(float(found.x))


def at_limit(temperature: float) -> bool:
    """Whether a fitted temperature is one of `LIMITS`, which the search comes close to: validation had nothing to fit.

    Args:
        temperature: of a network, or the mean of several.
    """
    return temperature < LIMITS[0] * CLOSE or temperature > LIMITS[1] / CLOSE


def _nll_of_classes(probabilities: np.ndarray, labels: np.ndarray) -> Callable[[float], float]:
    logs = reliability.logarithms(probabilities)
    cases = np.arange(len(labels))
    return lambda temperature: -float(special.log_softmax(logs / temperature, axis=1)[cases, labels].mean())


def _nll_of_pixels(quantised: np.ndarray, masks: np.ndarray) -> Callable[[float], float]:
    outside, inside = reliability.pixel_histogram(quantised, masks > 0).sum(axis=0)
    logits = special.logit(LEVELS)
    return lambda temperature: (
        float(
            (outside * -special.log_expit(-logits / temperature)).sum()
            + (inside * -special.log_expit(logits / temperature)).sum()
        )
        / max(float((outside + inside).sum()), 1.0)
    )


def _nll_of_class_pixels(quantised: np.ndarray, masks: np.ndarray) -> Callable[[float], float]:
    """Negative log-likelihood of the pixels of masks of several classes, or of evenly spread ones where they are very many."""
    every = math.ceil(masks.size / MOST_PIXELS)
    each = np.moveaxis(quantised, 1, -1).reshape(-1, quantised.shape[1])[::every]
    return _nll_of_classes(dequantise(each), masks.reshape(-1)[::every].astype(int))


def scaled_levels(temperature: float) -> Float[np.ndarray, " 256"]:
    """Probabilities that the levels of quantised ones stand for, with a temperature."""
    return special.expit(special.logit(LEVELS) / temperature)
