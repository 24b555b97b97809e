"""What tells the seven classes of demo skin lesions apart, written down as data.

Shapes, borders, tints and details follow the words in which dermatoscopy describes these lesions (Tschandl, Rosendahl, Kittler,
"The HAM10000 dataset", Scientific Data 2018), much simplified, and with overlap between the classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kdml.data.demo.drawing import Plane, Waves, blot, ramp

Tint = tuple[float, float, float]

PLACES = ("back", "lower extremity", "trunk", "upper extremity", "abdomen", "face", "chest", "foot", "neck", "scalp")
SUNLIT_PLACES = ("face", "face", "back", "scalp", "neck", "upper extremity", "ear", "hand")


@dataclass(frozen=True)
class Dots:
    """Round spots within the lesion; `radius` and `spread` are in units of the lesion's radius."""

    tint: Tint
    count: tuple[int, int]
    radius: tuple[float, float]
    spread: float = 0.45

    def share(self, u: Plane, v: Plane, rng: np.random.Generator) -> Plane:
        """How much of the tint lies at each point."""
        count = rng.integers(*self.count)
        centre_u, centre_v = self.spread * rng.standard_normal((2, count), dtype=np.float32)
        radius = rng.uniform(*self.radius, count).astype(np.float32)
        strength = rng.uniform(0.3, 1) * rng.uniform(0.5, 1, count).astype(np.float32)
        found = np.zeros_like(u)
        for dot in range(count):
            distance = np.hypot(u - centre_u[dot], v - centre_v[dot]) / radius[dot]
            found = np.maximum(found, strength[dot] * ramp(distance, 1.5, 0.3))
        return found


@dataclass(frozen=True)
class Lines:
    """A net of curved lines: vessels, or the pigment network."""

    tint: Tint
    wavelength: float
    width: float
    strength: tuple[float, float]

    def share(self, u: Plane, v: Plane, rng: np.random.Generator) -> Plane:
        """How much of the tint lies at each point."""
        return rng.uniform(*self.strength) * ramp(abs(Waves.drawn(rng, self.wavelength)(u, v)), self.width, 0)


@dataclass(frozen=True)
class Patches:
    """Large vague areas of another tint that cover about the share `cover` of the lesion."""

    tint: Tint
    cover: float
    wavelength: float = 1.3

    def share(self, u: Plane, v: Plane, rng: np.random.Generator) -> Plane:
        """How much of the tint lies at each point."""
        threshold = 1 - 2 * self.cover + 0.4 * rng.standard_normal()
        field = Waves.drawn(rng, self.wavelength)(u, v) + 0.35 * Waves.drawn(rng, self.wavelength / 4)(u, v)
        return rng.uniform(0.5, 1) * ramp(field, threshold - 0.9, threshold + 0.9)


@dataclass(frozen=True)
class Centre:
    """One area in the middle of the lesion."""

    tint: Tint
    radius: float
    softness: float = 0.35

    def share(self, u: Plane, v: Plane, rng: np.random.Generator) -> Plane:
        """How much of the tint lies at each point."""
        distance = np.hypot(u, v) / blot(rng, np.arctan2(v, u), wobble=0.15)
        radius = self.radius * rng.uniform(0.7, 1.2)
        return rng.uniform(0.5, 1) * ramp(distance, radius * (1 + self.softness), radius * (1 - self.softness))


@dataclass(frozen=True)
class Look:
    """How lesions of one class look, how frequent they are, and whom and where they strike.

    Tints multiply the colour of the skin. `radius` is a share of half the picture; `wobble` the unevenness of the outline;
    `border` the width over which the lesion fades, in units of its radius.
    """

    lesions: int
    tint: Tint
    details: Sequence[Dots | Lines | Patches | Centre]
    radius: tuple[float, float]
    border: tuple[float, float]
    wobble: float
    age: int
    dx_types: tuple[str, ...]
    places: tuple[str, ...] = PLACES


# The counts are the numbers of lesions in HAM10000.
LOOKS = {
    "akiec": Look(
        lesions=228,
        tint=(0.93, 0.70, 0.66),
        details=(
            Patches((0.80, 0.58, 0.50), 0.4, wavelength=0.7),
            Lines((0.90, 0.55, 0.55), 0.35, 0.5, (0.3, 0.8)),
            Dots((1.18, 1.22, 1.15), (6, 22), (0.05, 0.13)),
        ),
        radius=(0.4, 0.75),
        border=(0.35, 0.8),
        wobble=0.14,
        age=70,
        dx_types=("histo",),
        places=SUNLIT_PLACES,
    ),
    "bcc": Look(
        lesions=327,
        tint=(0.97, 0.80, 0.82),
        details=(
            Patches((1.08, 1.06, 1.06), 0.3),
            Lines((0.88, 0.42, 0.46), 1.1, 0.16, (0.6, 1.0)),
            Dots((0.50, 0.50, 0.62), (1, 7), (0.07, 0.24)),
            Dots((0.55, 0.30, 0.26), (0, 3), (0.08, 0.2)),
        ),
        radius=(0.3, 0.6),
        border=(0.2, 0.5),
        wobble=0.11,
        age=67,
        dx_types=("histo",),
        places=SUNLIT_PLACES,
    ),
    "bkl": Look(
        lesions=727,
        tint=(0.80, 0.66, 0.54),
        details=(
            Patches((0.66, 0.52, 0.44), 0.4, wavelength=0.5),
            Dots((1.12, 1.12, 0.98), (4, 16), (0.04, 0.09)),
            Dots((0.45, 0.33, 0.26), (2, 14), (0.04, 0.09)),
        ),
        radius=(0.35, 0.7),
        border=(0.06, 0.3),
        wobble=0.13,
        age=64,
        dx_types=("histo", "histo", "consensus"),
    ),
    "df": Look(
        lesions=73,
        tint=(0.84, 0.66, 0.58),
        details=(
            Lines((0.70, 0.52, 0.44), 0.3, 0.6, (0.2, 0.6)),
            Centre((1.12, 1.12, 1.10), 0.42),
        ),
        radius=(0.3, 0.5),
        border=(0.4, 0.8),
        wobble=0.05,
        age=52,
        dx_types=("histo", "consensus"),
        places=("lower extremity", "lower extremity", "upper extremity", "back"),
    ),
    "mel": Look(
        lesions=614,
        tint=(0.56, 0.42, 0.38),
        details=(
            Patches((0.27, 0.20, 0.20), 0.45),
            Patches((0.46, 0.46, 0.53), 0.2, wavelength=1.0),
            Patches((0.66, 0.38, 0.36), 0.15, wavelength=0.9),
            Lines((0.35, 0.25, 0.22), 0.3, 0.5, (0.2, 0.7)),
            Dots((0.22, 0.17, 0.17), (2, 14), (0.04, 0.1), spread=0.6),
        ),
        radius=(0.4, 0.8),
        border=(0.08, 0.4),
        wobble=0.15,
        age=61,
        dx_types=("histo",),
    ),
    "nv": Look(
        lesions=5403,
        tint=(0.70, 0.52, 0.43),
        details=(
            Patches((0.54, 0.38, 0.30), 0.35),
            Lines((0.50, 0.34, 0.27), 0.28, 0.6, (0.1, 0.7)),
            Dots((0.45, 0.30, 0.24), (0, 8), (0.04, 0.09)),
        ),
        radius=(0.25, 0.65),
        border=(0.12, 0.5),
        wobble=0.08,
        age=45,
        dx_types=("follow_up", "follow_up", "histo", "consensus"),
    ),
    "vasc": Look(
        lesions=98,
        tint=(0.86, 0.42, 0.52),
        details=(
            Dots((0.62, 0.16, 0.30), (5, 14), (0.14, 0.32)),
            Dots((0.40, 0.20, 0.38), (0, 6), (0.12, 0.3)),
            Lines((1.10, 1.0, 1.05), 0.5, 0.2, (0.0, 0.5)),
        ),
        radius=(0.22, 0.5),
        border=(0.08, 0.35),
        wobble=0.08,
        age=51,
        dx_types=("histo", "consensus"),
    ),
}
