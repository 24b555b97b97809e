"""Grey values of masks that mark one class: whether what is neither black nor white is an edge, or something else.

Smooth edges and what JPEG leaves are lines of many values. What fills areas was drawn on purpose: a second class, what somebody
was not sure of, the border that Pascal VOC leaves out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import UInt8

BLACK, WHITE = 0, 255
NEAR = 32  # grey values from black or white: what JPEG makes of them
FEW = 8  # values of all masks; where there are no more, none comes from JPEG or from a change of size
LEAST = 0.001  # of all that fills areas and is not black; less are specks
MOST = 32  # values that fill areas; of more a mask is a map of probabilities, of which the threshold is a reading


def greys_of(values: UInt8[np.ndarray, "h w"]) -> dict[int, int]:
    """Grey values of a mask, and how many of its pixels lie amid an area of theirs, 3 x 3 pixels or more.

    Of a mask in black and white all pixels are counted.
    """
    all_counts = np.bincount(values.ravel(), minlength=256)
    seen = np.flatnonzero(all_counts).tolist()
    if not set(seen) - {BLACK, WHITE}:  # nobody has to know more of it
        return {value: int(all_counts[value]) for value in seen}
    height, width = values.shape
    inner = values[1:-1, 1:-1]
    places = [(down, across) for down in range(3) for across in range(3)]
    amid = np.all([values[a : height - 2 + a, b : width - 2 + b] == inner for a, b in places], axis=0)
    within = np.bincount(inner[amid], minlength=256)
    return {value: int(within[value]) for value in seen}


def areas(masks: Iterable[Mapping[int, int]]) -> list[int]:
    """Grey values that fill areas in the masks of a data set, and black and white where they are there at all.

    What is nearly white counts as white, and nearly black as black.

    Args:
        masks: of `greys_of`.
    """
    total: Counter[int] = Counter()
    for greys in masks:
        total.update(greys)
    kinds: Counter[int] = Counter()
    for value, count in total.items():
        kinds[_nearly(value, len(total) <= FEW)] += count
    least = max(1, LEAST * (kinds.total() - kinds[BLACK]))
    return sorted(value for value in kinds if value in (BLACK, WHITE) or kinds[value] >= least)


def has_other_things(found: Iterable[int]) -> bool:
    """Whether such values are more than a background and what is marked.

    Args:
        found: of `areas`.
    """
    return 2 < len(list(found)) <= MOST


def _nearly(value: int, is_exact: bool) -> int:
    if value >= WHITE - NEAR:
        return WHITE
    return BLACK if value <= NEAR and not is_exact else value
