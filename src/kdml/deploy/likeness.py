"""Whether a picture is like those that the networks were trained on: by its size, its mode, and its colours and contrast."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

FEATURES = ("mean of red", "mean of green", "mean of blue", "SD of red", "SD of green", "SD of blue")
KEPT_TO = 0.99  # share of validation pictures that the threshold lets pass
TIES = 1e-6  # added to the threshold: the picture that sets it keeps to it on every computer
ROUNDING = 1.0  # variance added to every feature, so that a training set of equal pictures has a distance, too


def features(image: np.ndarray) -> np.ndarray:
    """Mean and standard deviation of each channel.

    Args:
        image: (size, size, 3) uint8, as prepared for the networks.

    Returns:
        (6,) in the order of `FEATURES`, in grey values.
    """
    values = image.reshape(-1, 3).astype(np.float64)
    return np.concatenate([values.mean(axis=0), values.std(axis=0)])


def describe(
    training: Iterable[np.ndarray],
    validation: Iterable[np.ndarray],
    sizes: Iterable[tuple[int, int]],
    modes: Sequence[str],
) -> dict[str, Any]:
    """Describe training pictures for `unlike`.

    Args:
        training: prepared training pictures, (size, size, 3) uint8 each.
        validation: prepared validation pictures, which set the threshold.
        sizes: (height, width) of the originals; none where they are not known.
        modes: of the originals, as Pillow names them.

    Returns:
        What JSON can hold: mean and inverse covariance of the features, the distance that 99 % of the validation pictures keep to,
        the least and largest height and width, and the modes.
    """
    known = np.stack([features(image) for image in training])
    mean, spread = known.mean(axis=0), np.cov(known, rowvar=False, ddof=0) + ROUNDING * np.eye(len(FEATURES))
    inverse = np.linalg.inv(spread)
    others = sorted(_distance(features(image), mean, inverse) for image in validation)
    seen = np.array(list(sizes)).reshape(-1, 2)
    limits = (
        zip(("height", "width"), seen.min(axis=0).tolist(), seen.max(axis=0).tolist(), strict=True) if len(seen) else ()
    )
    return {
        "features": list(FEATURES),
        "mean": mean.tolist(),
        "inverse_covariance": inverse.tolist(),
        "threshold": float(np.quantile(others, KEPT_TO, method="higher")) + TIES,
        "validation_pictures": len(others),
        "training_pictures": len(known),
        "sizes": {name: [low, high] for name, low, high in limits},
        "modes": list(modes),
    }


def _distance(found: np.ndarray, mean: np.ndarray, inverse: np.ndarray) -> float:
    """Mahalanobis distance of features from those of the training pictures."""
    away = found - mean
    return float(np.sqrt(away @ inverse @ away))


def distance(image: np.ndarray, description: Mapping[str, Any]) -> float:
    """Distance of a picture from the training pictures, in standard deviations of these.

    Args:
        image: (size, size, 3) uint8, as prepared for the networks.
        description: of the training pictures, by `describe`.
    """
    return _distance(features(image), np.array(description["mean"]), np.array(description["inverse_covariance"]))


def unlike(image: np.ndarray, size: tuple[int, int], mode: str, description: Mapping[str, Any]) -> list[str]:
    """Say in what a picture is unlike the training pictures; nothing where it is like them.

    Args:
        image: (size, size, 3) uint8, as prepared for the networks.
        size: (height, width) of the original.
        mode: of its file, as Pillow names it.
        description: of the training pictures, by `describe`.
    """
    said = []
    for name, pixels in zip(("height", "width"), size, strict=True):
        low, high = description["sizes"].get(name, (pixels, pixels))
        if not low <= pixels <= high:
            said.append(f"{name} {pixels} (training: {low if low == high else f'{low} to {high}'})")
    if mode not in description["modes"]:
        said.append(f"mode {mode} (training: {', '.join(description['modes'])})")
    if (found := distance(image, description)) > description["threshold"]:
        said.append(
            f"colours or contrast (distance {found:.1f}; 99 % of validation within {description['threshold']:.1f})"
        )
    return said
