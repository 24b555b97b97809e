"""Demo patches of lymph node tissue, stained with haematoxylin and eosin, with and without metastasis.

A patch is built as light meets it: cells and fibres take up two dyes, each absorbs red, green and blue in its own
proportion, and the transmitted light falls off exponentially with the amount of dye (Beer-Lambert). The proportions are those of
Ruifrok and Johnston, "Quantification of histochemical staining by color deconvolution", 2001.

As in Kaggle's data a patch is positive if there is tumour in its centre third, whatever lies around. Tumour cells are
large, uneven in size, with dark nucleoli; lymphocytes are as packed but small, the blasts of germinal centres are as large
but even, and many negative patches have tumour at the border: neither colour nor the mere presence of large nuclei tells.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw
from scipy import ndimage

from kdml.data.demo.drawing import Plane, as_bytes, blot, encoded, grid, mix, noise, ramp, table

HAEMATOXYLIN = np.array([0.65, 0.70, 0.29])
EOSIN = np.array([0.07, 0.99, 0.11])
SLIDES = 12
UNLABELLED = 8
OVERSAMPLING = 2
CENTRE = 1 / 3
NUCLEUS_CORNERS = np.linspace(0, 2 * np.pi, 14, endpoint=False)


@dataclass(frozen=True)
class Stain:
    """How one laboratory's dyes came out: absorption per unit of dye, and the colour of the lamp."""

    haematoxylin: Float[np.ndarray, "3"]
    eosin: Float[np.ndarray, "3"]
    lamp: Float[np.ndarray, "3"]


@dataclass(frozen=True)
class Cell:
    """One kind of cell. Lengths are in pixels of a 64-pixel patch."""

    spacing: float
    radius: float
    spread: float
    elongation: float
    wobble: float
    density: tuple[float, float]
    nucleolus: bool = False


LYMPHOCYTE = Cell(spacing=5.4, radius=1.9, spread=0.12, elongation=1.1, wobble=0.06, density=(0.75, 1.0))
FIBROCYTE = Cell(spacing=12.0, radius=1.6, spread=0.2, elongation=3.2, wobble=0.08, density=(0.6, 0.95))
BLAST = Cell(spacing=6.6, radius=2.4, spread=0.08, elongation=1.1, wobble=0.05, density=(0.5, 0.8))
TUMOUR = Cell(spacing=7.6, radius=2.9, spread=0.26, elongation=1.3, wobble=0.1, density=(0.45, 0.9), nucleolus=True)


@dataclass(frozen=True)
class Tissue:
    """Where in a patch lies what: shares from 0 to 1 per pixel; how unlike its surroundings the tumour is; fibres."""

    tumour: Plane
    germinal: Plane
    lymphoid: Plane
    empty: Plane
    grade: float
    fibre_angle: float


def draw_files(images: int, size: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the files of Kaggle's competition archive.

    Args:
        images: number of labelled patches, half of them with tumour; a few unlabelled ones come on top.
        size: side of a patch in pixels.
        seed: chooses everything.
    """
    names = [hashlib.sha1(f"{seed} {index}".encode()).hexdigest() for index in range(images + UNLABELLED)]
    known = np.random.default_rng(seed).permutation(np.arange(images) % 2)
    labels = [*known.tolist(), *(index % 2 for index in range(UNLABELLED))]
    train, test = slice(images), slice(images, None)
    yield "train_labels.csv", table("id,label", sorted(zip(names[train], labels[train], strict=True)))
    yield "sample_submission.csv", table("id,label", sorted((name, 0) for name in names[test]))
    for index, (name, label) in enumerate(zip(names, labels, strict=True)):
        patch = draw_patch(bool(label), size, np.random.default_rng([seed, index]), seed)
        yield f"{'train' if index < images else 'test'}/{name}.tif", encoded(patch, "TIFF")


def draw_patch(tumour: bool, size: int, rng: np.random.Generator, seed: int) -> UInt8[np.ndarray, "size size 3"]:
    """Draw one patch with or without tumour in its centre third; its stain is that of one of the seed's slides."""
    stain = draw_stain(np.random.default_rng([seed, int(rng.integers(SLIDES)), SLIDES]))
    side = size * OVERSAMPLING
    tissue = draw_tissue(tumour, side, rng)
    nuclei = draw_nuclei(tissue, side, rng)
    haematoxylin, eosin = dye(tissue, nuclei, side, rng)
    absorption = np.multiply.outer(haematoxylin, stain.haematoxylin) + np.multiply.outer(eosin, stain.eosin)
    light = stain.lamp * np.exp(-absorption)
    blur = OVERSAMPLING * np.clip(rng.normal(0, 0.4), 0, 0.9)
    light = ndimage.gaussian_filter(light, (blur, blur, 0))
    light = light.reshape(size, OVERSAMPLING, size, OVERSAMPLING, 3).mean((1, 3))
    return as_bytes(light + 0.012 * rng.standard_normal(light.shape, dtype=np.float32))


def draw_stain(rng: np.random.Generator) -> Stain:
    """Draw one slide's stain: from blue-violet to red-brown, pale to strong."""
    blue_to_red = rng.uniform(-0.06, 0.2) * np.array([-1.0, 0.1, 0.9])
    return Stain(
        haematoxylin=((HAEMATOXYLIN + blue_to_red) * rng.uniform(1.35, 1.9)).astype(np.float32),
        eosin=((EOSIN + 0.6 * np.maximum(blue_to_red, -0.05)) * rng.uniform(0.5, 0.8)).astype(np.float32),
        lamp=(np.array([0.965, 0.955, 0.97]) + rng.normal(0, 0.008, 3)).astype(np.float32),
    )


def draw_tissue(tumour: bool, side: int, rng: np.random.Generator) -> Tissue:
    """Lay out one patch: lymphoid tissue or stroma, gaps and fat, and the tumour where the label wants it."""
    x, y = grid(side)
    lymphoid = ramp(noise(rng, (side, side), side / 7) + rng.normal(0, 1.3), -0.25, 0.25)
    gaps = ramp(noise(rng, (side, side), side / 28), 1.7, 2.2) * (rng.random() < 0.6)
    fat = draw_fat(x, y, rng) if rng.random() < 0.25 else np.zeros_like(x)
    placed = place_tumour(x, y, rng) if tumour else place_distractor(x, y, rng)
    germinal = place_germinal_centre(x, y, rng) * (1 - placed)
    empty = np.maximum(gaps, fat) * (1 - placed) * (1 - germinal)
    return Tissue(placed, germinal, lymphoid, empty, rng.random(), rng.uniform(0, np.pi))


def place_tumour(x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    """A nest of tumour over a good part of the centre third, often reaching far beyond it."""
    centre_x, centre_y = rng.uniform(-0.15, 0.15), rng.uniform(-0.15, 0.15)
    return nest(x - centre_x, y - centre_y, rng.uniform(0.3, 1.1), rng)


def place_germinal_centre(x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    """Nothing, or a nest of the large but even cells of a germinal centre, anywhere."""
    if rng.random() < 0.45:
        return np.zeros_like(x)
    centre_x, centre_y = rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6)
    return nest(x - centre_x, y - centre_y, rng.uniform(0.4, 0.9), rng)


def place_distractor(x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    """Nothing, or a nest of tumour in a corner or at a side that stays clear of the centre third."""
    if rng.random() < 0.5:
        return np.zeros_like(x)
    angle = rng.uniform(0, 2 * np.pi)
    found = nest(x - 1.05 * math.cos(angle), y - 1.05 * math.sin(angle), rng.uniform(0.4, 0.75), rng)
    return found * ramp(np.maximum(abs(x), abs(y)), CENTRE + 0.05, CENTRE + 0.12)


def nest(x: Plane, y: Plane, radius: float, rng: np.random.Generator) -> Plane:
    """Share of tumour in an uneven nest around the origin."""
    distance = np.hypot(x, y) / (radius * blot(rng, np.arctan2(y, x), wobble=0.16))
    return ramp(distance, 1.05, 0.95)


def draw_fat(x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    """Share of emptiness in a few round fat cells that lie side by side."""
    centre, radius = rng.uniform(-1.2, 1.2, (2, 4)), rng.uniform(0.35, 0.6, 4)
    distance = np.hypot(x[..., None] - centre[0], y[..., None] - centre[1]) / radius
    nearest = np.sort(distance, axis=-1)
    return ramp(nearest[..., 0], 1.0, 0.94) * ramp(nearest[..., 1] - nearest[..., 0], 0.03, 0.1)


def draw_nuclei(tissue: Tissue, side: int, rng: np.random.Generator) -> Plane:
    """Amount of haematoxylin in the nuclei, 0 to about 1."""
    canvas = Image.new("L", (side, side))
    pen = ImageDraw.Draw(canvas)
    solid = tissue.empty < 0.5
    benign = solid & (tissue.tumour < 0.5) & (tissue.germinal < 0.5)
    tumour = replace(TUMOUR, radius=mix(2.35, 3.1, tissue.grade), spread=mix(0.16, 0.28, tissue.grade))
    scatter(pen, FIBROCYTE, benign & (tissue.lymphoid < 0.5), tissue.fibre_angle, side, rng)
    scatter(pen, LYMPHOCYTE, benign & (tissue.lymphoid >= 0.5), None, side, rng)
    scatter(pen, LYMPHOCYTE, benign & (rng.random((side, side)) < 0.06), None, side, rng)
    scatter(pen, BLAST, tissue.germinal >= 0.5, None, side, rng)
    scatter(pen, tumour, tissue.tumour >= 0.5, None, side, rng)
    return ndimage.gaussian_filter(np.asarray(canvas, np.float32) / 255, 0.35 * OVERSAMPLING)


def scatter(
    pen: ImageDraw.ImageDraw,
    cell: Cell,
    where: Bool[np.ndarray, "side side"],
    angle: float | None,
    side: int,
    rng: np.random.Generator,
) -> None:
    """Draw the nuclei of one kind of cell, loosely packed, wherever `where` holds at their centre."""
    unit = side / 64
    centres = packed_points(cell.spacing * unit, side, rng)
    column, row = np.clip(centres.astype(int), 0, side - 1).T
    centres = centres[where[row, column]]
    count = len(centres)
    radius = cell.radius * unit * np.exp(rng.normal(0, cell.spread, count))
    stretch = np.sqrt(cell.elongation * np.exp(rng.normal(0, 0.12, count)))
    turn = rng.uniform(0, np.pi, count) if angle is None else rng.normal(angle, 0.25, count)
    density = rng.uniform(*cell.density, count)
    for centre, outline, dark in zip(centres, outlines(radius, stretch, turn, cell.wobble, rng), density, strict=True):
        draw_nucleus(pen, centre, outline, dark, cell.nucleolus, rng)


def packed_points(spacing: float, side: int, rng: np.random.Generator) -> Float[np.ndarray, "points 2"]:
    """Points (x, y) of a hexagonal lattice, each moved at random by about a fifth of the spacing."""
    rows = np.arange(-spacing, side + spacing, spacing * 0.87)
    columns = np.arange(-spacing, side + spacing, spacing)
    x = columns[None] + (np.arange(len(rows)) % 2)[:, None] * spacing / 2
    points = np.stack([x, np.broadcast_to(rows[:, None], x.shape)], -1).reshape(-1, 2)
    return points + rng.normal(0, 0.2 * spacing, points.shape) + rng.uniform(-spacing, spacing, 2) / 2


def outlines(
    radius: Float[np.ndarray, " nuclei"],
    stretch: Float[np.ndarray, " nuclei"],
    turn: Float[np.ndarray, " nuclei"],
    wobble: float,
    rng: np.random.Generator,
) -> Float[np.ndarray, "nuclei corners 2"]:
    """Outlines of nuclei around the origin: turned ellipses with a wobbly edge."""
    reach = radius[:, None] * (1 + wobble * rng.standard_normal((len(radius), len(NUCLEUS_CORNERS))))
    along = reach * stretch[:, None] * np.cos(NUCLEUS_CORNERS)
    across = reach / stretch[:, None] * np.sin(NUCLEUS_CORNERS)
    cosine, sine = np.cos(turn)[:, None], np.sin(turn)[:, None]
    return np.stack([along * cosine - across * sine, along * sine + across * cosine], -1)


def draw_nucleus(
    pen: ImageDraw.ImageDraw,
    centre: Float[np.ndarray, "2"],
    outline: Float[np.ndarray, "corners 2"],
    density: float,
    nucleolus: bool,
    rng: np.random.Generator,
) -> None:
    """Draw one nucleus: a dark disc, or a tumour's with a membrane, paler inside, and a dark nucleolus."""
    pen.polygon((centre + outline).ravel().tolist(), fill=int(255 * density))
    if not nucleolus:
        return
    pen.polygon((centre + 0.75 * outline).ravel().tolist(), fill=int(255 * density * 0.55))
    spot = centre + 0.3 * outline[rng.integers(len(outline))]
    pen.polygon((spot + 0.26 * outline).ravel().tolist(), fill=int(255 * min(1.0, density * 1.25)))


def dye(tissue: Tissue, nuclei: Plane, side: int, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Amounts of haematoxylin and eosin: fibres and cytoplasm around the nuclei, nothing in the gaps."""
    x, y = grid(side)
    along = x * math.cos(tissue.fibre_angle) + y * math.sin(tissue.fibre_angle)
    across = y * math.cos(tissue.fibre_angle) - x * math.sin(tissue.fibre_angle)
    bend = noise(rng, (side, side), side / 9)
    strands = np.sin(across * rng.uniform(20, 30) + 2.2 * bend + np.sin(3 * along))
    grain = noise(rng, (side, side), 0.9 * OVERSAMPLING)
    fibres = 0.42 + 0.26 * strands + 0.12 * grain
    cellular = np.maximum(tissue.lymphoid, tissue.germinal)
    pallor, depth = rng.uniform(-0.08, 0.1), 0.2 * tissue.grade
    plasma = 0.48 + pallor + 0.12 * grain
    body = mix(fibres, plasma, cellular)
    body = mix(body, plasma + depth, tissue.tumour)
    eosin = np.maximum(body, 0.04) * (1 - 0.55 * nuclei)
    ground = mix(0.05, 0.18 + pallor, np.maximum(cellular, tissue.tumour))
    haematoxylin = nuclei * (1 + 0.16 * grain) + ground * (1 + 0.3 * bend)
    solid = 1 - tissue.empty
    return np.maximum(haematoxylin, 0) * solid, eosin * solid
