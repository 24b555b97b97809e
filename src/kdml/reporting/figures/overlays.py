"""Pixels of a picture under what is drawn over it: probabilities, classes of masks, hits and misses."""

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib import colormaps
from matplotlib.colors import to_rgb

from kdml.reporting.figures.common import MAPS, PIXELS

SHOWN = 0.1  # probabilities below are not drawn
OPACITY = 0.7  # of what is drawn over a picture
DIMMED = 0.5  # brightness of a picture under the pixels of a mask


def blended(grey: Float[np.ndarray, "h w"], chance: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 3"]:
    """Colours of probabilities over a picture: of equal opacity, but none for small ones.

    Args:
        grey: brightness of the picture, 0..1.
        chance: probabilities.
    """
    over = colormaps[MAPS["probability"]](chance)[..., :3]
    below = np.repeat(grey[..., None], 3, axis=-1)
    return np.where(chance[..., None] < SHOWN, below, OPACITY * over + (1 - OPACITY) * below)


def coloured(
    grey: Float[np.ndarray, "h w"], named: UInt8[np.ndarray, "h w"], classes: int
) -> Float[np.ndarray, "h w 3"]:
    """Colours of the classes over a picture.

    Args:
        grey: brightness of the picture, 0..1.
        named: class of each pixel, 0 for the background.
        classes: their number, without the background.
    """
    seen = np.repeat(grey[..., None], 3, axis=-1)
    for number, colour in enumerate(class_colours(classes), 1):
        where = named == number
        seen[where] = OPACITY * np.array(to_rgb(colour)) + (1 - OPACITY) * seen[where]
    return seen


def class_colours(classes: int) -> list[tuple[float, ...]]:
    """Colours of the classes of masks; they differ in brightness, too, so that they can be told apart in grey."""
    return [colormaps[MAPS["classes"]](place) for place in np.linspace(0.25, 0.95, classes)]


def judged(grey: Float[np.ndarray, "h w"], truth: np.ndarray, named: np.ndarray) -> Float[np.ndarray, "h w 3"]:
    """Hits, false and missed pixels in their colours over a dimmed picture; a pixel that is named another class is a false one."""
    seen = np.repeat(DIMMED * grey[..., None], 3, axis=-1)
    hit = (truth > 0) & (truth == named)
    for what, where in (("hit", hit), ("false", (named > 0) & ~hit), ("missed", (truth > 0) & (named == 0))):
        seen[where] = to_rgb(PIXELS[what])
    return seen
