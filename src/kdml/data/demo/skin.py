"""Demo dermatoscope pictures of seven kinds of skin lesion, with masks of the lesions.

A lesion is drawn in coordinates of its own, from random numbers of its own, and a picture shows it under some rotation, scale,
light and hair: so several pictures can show one lesion, as in HAM10000, and a split by picture leaks.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw
from scipy import ndimage

from kdml.data.demo.drawing import Plane, Waves, as_bytes, blot, encoded, grid, mix, ramp, table
from kdml.data.demo.lesion_looks import LOOKS, Look

Picture = Float[np.ndarray, "height width 3"]

IMAGE_FOLDERS = ("HAM10000_images_part_1", "HAM10000_images_part_2")
DOUBLED_FOLDER = "ham10000_images_part_1"
DOUBLED_IMAGES = 3
MASK_FOLDER = "HAM10000_segmentations_lesion_tschandl"
METADATA_HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization"
IMAGES_PER_LESION = 1.34
FEWEST_LESIONS = 12
# The real numbers of both collections are far lower.
FIRST_IMAGE, FIRST_LESION = 9_000_000, 9_000_000
BEYOND_THE_CORNERS = 3.0


@dataclass(frozen=True)
class View:
    """One picture to draw: which lesion, of which class, and the numbers that random choices start from."""

    image_id: str
    lesion_id: str
    dx: str
    lesion_seed: tuple[int, ...]
    view_seed: tuple[int, ...]


def draw_image_files(images: int, size: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the files of Kaggle's archive of pictures; a few lie there twice, as all do on Kaggle.

    Args:
        images: number of pictures, about four for every three lesions.
        size: side of a picture in pixels.
        seed: chooses everything.
    """
    views = draw_views(images, seed)
    yield "HAM10000_metadata.csv", draw_metadata(views)
    for index, view in enumerate(sorted(views, key=lambda view: view.image_id)):
        picture = encoded(draw_picture(view, size), "JPEG")
        folders = [IMAGE_FOLDERS[2 * index // images]] + [DOUBLED_FOLDER] * (index < DOUBLED_IMAGES)
        yield from ((f"{folder}/{view.image_id}.jpg", picture) for folder in folders)


def draw_mask_files(images: int, size: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the files of Kaggle's archive of masks; arguments as for the pictures that they belong to."""
    for view in draw_views(images, seed):
        yield f"{MASK_FOLDER}/{view.image_id}_segmentation.png", encoded(draw_mask(view, size), "PNG")


def draw_views(images: int, seed: int) -> list[View]:
    """Draw which picture shows which lesion of which class, ordered by class and lesion as the real metadata are."""
    rng = np.random.default_rng(seed)
    lesions = count_lesions(round(images / IMAGES_PER_LESION))
    classes = [dx for dx, count in lesions.items() for _ in range(count)]
    # Real lesions that were pictured again are about every fourth, some of them up to six times.
    again = rng.permutation(len(classes))[: max(1, len(classes) * 3 // 10)]
    shown = np.sort(np.concatenate([np.arange(len(classes)), rng.choice(again, images - len(classes))]))
    numbers = FIRST_IMAGE + rng.permutation(images)
    return [
        View(f"ISIC_{number}", f"HAM_{FIRST_LESION + lesion}", classes[lesion], (seed, 1, lesion), (seed, 2, number))
        for number, lesion in zip(numbers.tolist(), shown.tolist(), strict=True)
    ]


def count_lesions(total: int) -> dict[str, int]:
    """Lesions per class: in the real proportions, but never too few to split; the moles (nv) are what is left."""
    real = sum(look.lesions for look in LOOKS.values())
    counts = {dx: max(FEWEST_LESIONS, round(total * look.lesions / real)) for dx, look in LOOKS.items()}
    return counts | {"nv": total - sum(count for dx, count in counts.items() if dx != "nv")}


def draw_metadata(views: Sequence[View]) -> bytes:
    """The table of the archive, with one patient's age, sex and place of the lesion for all pictures of a lesion."""
    rows = []
    for view in views:
        look, rng = LOOKS[view.dx], np.random.default_rng([*view.lesion_seed, 3])
        age = float(np.clip(5 * round(rng.normal(look.age, 13) / 5), 5, 85))
        sex, place, dx_type = (rng.choice(options) for options in (("male", "female"), look.places, look.dx_types))
        rows.append([view.lesion_id, view.image_id, view.dx, dx_type, age, sex, place])
    return table(METADATA_HEADER, rows)


def draw_mask(view: View, size: int) -> UInt8[np.ndarray, "size size"]:
    """Draw the mask of the lesion as it lies in one picture: 255 inside, 0 outside."""
    u, v = lesion_coordinates(view, size)
    inside, _ = draw_outline(LOOKS[view.dx], u, v, np.random.default_rng(view.lesion_seed))
    return np.where(inside > 0.5, 255, 0).astype(np.uint8)


def draw_picture(view: View, size: int) -> UInt8[np.ndarray, "size size 3"]:
    """Draw one picture of one lesion."""
    rng = np.random.default_rng([*view.view_seed, 1])
    tone = np.random.default_rng([*view.lesion_seed, 1])
    skin = draw_skin(size, tone, rng)
    picture = skin * paint_lesion(view, size)
    picture = mix(picture, np.array([0.13, 0.09, 0.08]), draw_hairs(size, rng)[..., None])
    picture = under_lens(ndimage.gaussian_filter(picture, (size / 200, size / 200, 0)), rng)
    return as_bytes(picture + rng.normal(0, 0.01, picture.shape))


def lesion_coordinates(view: View, size: int) -> tuple[Plane, Plane]:
    """Coordinates (u, v) of every pixel in the lesion's own frame, where its outline has radius 1 on average."""
    rng = np.random.default_rng(view.view_seed)
    x, y = grid(size)
    turn, zoom = rng.uniform(0, 2 * np.pi), rng.uniform(0.85, 1.15)
    shift_x, shift_y = rng.normal(0, 0.09), rng.normal(0, 0.09)
    flip = 1 if rng.random() < 0.5 else -1
    x, y = flip * (x - shift_x) / zoom, (y - shift_y) / zoom
    radius = np.random.default_rng([*view.lesion_seed, 2]).uniform(*LOOKS[view.dx].radius)
    return (x * math.cos(turn) + y * math.sin(turn)) / radius, (y * math.cos(turn) - x * math.sin(turn)) / radius


def draw_outline(look: Look, u: Plane, v: Plane, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """How much each point belongs to the lesion, 0 to 1, and its distance from the middle in units of the outline."""
    stretch = math.sqrt(rng.uniform(1, 1.6))
    u, v = u / stretch, v * stretch
    distance = np.hypot(u, v) / blot(rng, np.arctan2(v, u), look.wobble)
    distance = distance + 0.3 * look.wobble * Waves.drawn(rng, 0.6)(u, v)
    border = rng.uniform(*look.border)
    return ramp(distance, 1 + border / 2, 1 - border / 2), distance


def paint_lesion(view: View, size: int) -> Picture:
    """Tint by which the lesion multiplies the colour of the skin: 1 outside."""
    look, rng = LOOKS[view.dx], np.random.default_rng(view.lesion_seed)
    u, v = lesion_coordinates(view, size)
    inside, distance = draw_outline(look, u, v, rng)
    depth = rng.uniform(0.6, 1.15)
    tint = np.broadcast_to(np.array(look.tint) + rng.normal(0, 0.03, 3), (*u.shape, 3))
    for detail in look.details:
        tint = mix(tint, np.array(detail.tint), detail.share(u, v, rng)[..., None])
    tint = tint * (1 + 0.05 * Waves.drawn(rng, 0.2)(u, v) + 0.04 * Waves.drawn(rng, 0.6)(u, v))[..., None]
    # Pigment thins out towards the border.
    share = inside * mix(1, 0.75, ramp(distance, 0.2, 1.0)) * depth
    return np.maximum(mix(1, tint, share[..., None]), 0.05)


def draw_skin(size: int, tone: np.random.Generator, rng: np.random.Generator) -> Picture:
    """Draw bare skin: the patient's tone, the picture's light, and fine texture."""
    x, y = grid(size)
    pallor = tone.uniform(0, 1)
    colour = mix(np.array([0.84, 0.60, 0.52]), np.array([0.90, 0.78, 0.72]), pallor)
    light = np.array([1.0, 1.0, 1.0]) * rng.uniform(0.82, 1.08) + rng.normal(0, 1, 3) * np.array([0.03, 0.03, 0.06])
    clouds = 0.03 * Waves.drawn(rng, 0.9)(x, y)
    creases = 0.011 * Waves.drawn(rng, 0.11, waves=32)(x, y)
    redness = 0.03 * ramp(Waves.drawn(rng, 0.4)(x, y), 0.3, 2)
    shade = 1 + clouds + creases
    return shade[..., None] * colour * light - redness[..., None] * np.array([0.2, 1, 0.9])


def draw_hairs(size: int, rng: np.random.Generator) -> Plane:
    """How much hair covers each pixel: none in most pictures, in others thin curved lines of about one direction."""
    scale = 4
    canvas = Image.new("L", (size * scale, size * scale))
    pen = ImageDraw.Draw(canvas)
    count = int(rng.integers(2, 14)) if rng.random() < 0.3 else 0
    direction = rng.uniform(0, np.pi)
    steps = np.linspace(-1, 1, 12)
    for _ in range(count):
        angle, reach, bend = direction + rng.normal(0, 0.5), rng.uniform(0.2, 0.9), rng.normal(0, 0.18)
        x, y = reach * steps, bend * steps**2
        centre = rng.uniform(-1, 1, 2)
        points = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], -1) + centre
        width = max(1, round(scale * size / 64 * rng.uniform(0.2, 0.5)))
        pen.line(((points + 1) / 2 * size * scale).ravel().tolist(), fill=int(rng.uniform(90, 210)), width=width)
    return np.asarray(canvas.resize((size, size), Image.Resampling.BOX), np.float32) / 255


def under_lens(picture: Picture, rng: np.random.Generator) -> Picture:
    """Darken towards the corners, in some pictures to the black rim of the lens."""
    x, y = grid(len(picture))
    distance = np.hypot(x - rng.normal(0, 0.04), y - rng.normal(0, 0.04))
    picture = picture * (1 - rng.uniform(0.02, 0.14) * distance**2)[..., None]
    rim = rng.uniform(1.0, 1.2) if rng.random() < 0.12 else BEYOND_THE_CORNERS
    return picture * ramp(distance, rim + 0.04, rim - 0.04)[..., None]
