"""What the three kinds of demo image share: noise, soft thresholds, wavy outlines, and files as bytes."""

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image
from scipy import fft

Plane = Float[np.ndarray, "height width"]
Field = Float[np.ndarray, "*shape"]


def pixel_centres(size: int) -> Float[np.ndarray, " size"]:
    """Centres of a row of pixels, from -1 to 1."""
    return ((np.arange(size) + 0.5) * 2 / size - 1).astype(np.float32)


def grid(size: int) -> tuple[Plane, Plane]:
    """Pixel centres of a square picture as (x, y), from -1 (left, top) to 1 (right, bottom)."""
    axis = pixel_centres(size)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    return x, y


def ramp(field: Field, low: float, high: float) -> Field:
    """Rise smoothly from 0 where `field` is `low` to 1 where it is `high`; falls instead where `low > high`."""
    t = np.clip((field - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(first: Field, second: Field, share: Field) -> Field:
    """`first` where `share` is 0, `second` where it is 1."""
    return first + (second - first) * share


def noise(rng: np.random.Generator, shape: Sequence[int], scale: float | Sequence[float]) -> Field:
    """Smooth Gaussian noise of mean 0 and variance 1; `scale` is the blur in pixels, per axis or for all.

    It is made in the Fourier domain, where a wide blur costs no more than a narrow one; so it repeats at the edges.
    """
    field = fft.rfftn(rng.standard_normal(shape, dtype=np.float32))
    scales = np.broadcast_to(scale, len(shape))
    frequencies = [fft.fftfreq(length) for length in shape[:-1]] + [fft.rfftfreq(shape[-1])]
    for axis, (frequency, blur) in enumerate(zip(frequencies, scales, strict=True)):
        decay = np.exp(-2 * (np.pi * blur * frequency) ** 2).astype(np.float32)
        field *= decay.reshape([-1 if other == axis else 1 for other in range(len(shape))])
    smooth = fft.irfftn(field, shape)
    return (smooth - smooth.mean()) / smooth.std()


def blot(rng: np.random.Generator, angles: Field, wobble: float, harmonics: int = 5) -> Field:
    """Radius of a closed wavy outline of mean 1 at the given angles; `wobble` is 0 for a circle."""
    order = np.arange(2, 2 + harmonics, dtype=np.float32)
    size = wobble * rng.standard_normal(harmonics, dtype=np.float32) / order**0.7
    phase = rng.uniform(0, 2 * np.pi, harmonics).astype(np.float32)
    radius = 1 + sum(s * np.cos(angles * o + p) for s, o, p in zip(size, order, phase, strict=True))
    return np.maximum(radius, 0.3)


@dataclass(frozen=True)
class Waves:
    """Smooth random field known at every point of the plane, so that it turns and moves with what it is painted on.

    It is a sum of plane waves of random direction and phase, which for many waves is Gaussian noise of variance 1.
    """

    frequency: Float[np.ndarray, "2 waves"]
    phase: Float[np.ndarray, " waves"]

    @classmethod
    def drawn(cls, rng: np.random.Generator, wavelength: float, waves: int = 16) -> "Waves":
        """Draw a field whose features are about `wavelength` across."""
        angle = rng.uniform(0, 2 * np.pi, waves)
        number = 2 * np.pi / wavelength * rng.uniform(0.6, 1.4, waves)
        frequency = np.stack([np.cos(angle), np.sin(angle)]) * number
        return cls(frequency.astype(np.float32), rng.uniform(0, 2 * np.pi, waves).astype(np.float32))

    def __call__(self, x: Plane, y: Plane) -> Plane:
        """Value of the field at the points (x, y)."""
        angles = np.multiply.outer(self.frequency[0], x) + np.multiply.outer(self.frequency[1], y)
        return np.cos(angles + self.phase[:, None, None]).sum(0) * math.sqrt(2 / self.phase.size)


def as_bytes(picture: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
    """Intensities 0 to 1 as 8-bit values."""
    return np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)


def encoded(picture: UInt8[np.ndarray, "..."], kind: str) -> bytes:
    """A picture as the bytes of a file: TIFF and PNG keep every value, JPEG nearly."""
    buffer = io.BytesIO()
    options = {"JPEG": {"quality": 92}}.get(kind, {})
    Image.fromarray(picture).save(buffer, kind, **options)
    return buffer.getvalue()


def table(header: str, rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file as bytes. No value here holds a comma."""
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    return ("\n".join(lines) + "\n").encode()
