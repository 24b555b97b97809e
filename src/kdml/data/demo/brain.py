"""Demo brain scans with low-grade glioma: stacks of axial slices of several patients, with masks.

Each patient is a small volume in which the tissues are laid out as shares per voxel (scalp, skull, fluid, grey and white matter,
ventricles), and the lesion is a noisy ellipsoid, so that neighbouring slices resemble each other as real ones do. Three sequences
then give each tissue its brightness: before contrast agent, FLAIR, and after contrast agent, as red, green and blue.

What makes it less than trivial: uneven coil sensitivity, caps around the ventricles and small spots that are bright in FLAIR but
not lesion, bright scalp, lesions of weak contrast or with a dark cavity, and patients whose contrast sequences are
missing and replaced by FLAIR, as in the real collection.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from scipy import ndimage

from kdml.data.demo.drawing import as_bytes, encoded, noise, pixel_centres, ramp, table

Volume = Float[np.ndarray, "slices height width"]

FOLDER = "kaggle_3m"
DOUBLED_FOLDER = "lgg-mri-segmentation/kaggle_3m"
DOUBLED_PATIENTS = 2
SLICES_PER_PATIENT = 20
FEWEST_PATIENTS = 8
FEWEST_SLICES = 4
HOSPITALS = ("CS", "DU", "EZ", "FG", "HT")
# Small pictures are drawn larger and shrunk, for smooth edges.
SMOOTH_SIDE = 128
LOWEST, HIGHEST = -0.5, 0.93
SKULL_DEPTH = 0.115
TABLE_HEADER = (
    "Patient,RNASeqCluster,MethylationCluster,miRNACluster,CNCluster,RPPACluster,OncosignCluster,COCCluster,"
    "histological_type,neoplasm_histologic_grade,tumor_tissue_site,laterality,tumor_location,gender,"
    "age_at_initial_pathologic,race,ethnicity,death01"
)
# Brightness before contrast agent, in FLAIR, and after contrast agent.
BRIGHTNESS = {
    "scalp": (0.80, 0.68, 0.82),
    "skull": (0.05, 0.05, 0.06),
    "fluid": (0.13, 0.07, 0.13),
    "ventricle": (0.12, 0.05, 0.12),
    "grey": (0.36, 0.44, 0.39),
    "white": (0.50, 0.34, 0.52),
    "sinus": (0.30, 0.25, 1.00),
}
LESION_SHIFT = (-0.13, 0.27, -0.11)


@dataclass(frozen=True)
class Space:
    """Coordinates of a volume's voxels: x to the right, y to the back, height from the base (-1) to the crown (1) of the head."""

    x: Volume
    y: Volume
    height: Volume

    @classmethod
    def drawn(cls, slices: int, side: int, rng: np.random.Generator) -> "Space":
        """Draw a head's place in the scanner: slightly turned, shifted and scaled."""
        axis = pixel_centres(side)
        levels = np.linspace(LOWEST, HIGHEST, slices, dtype=np.float32)
        height, y, x = np.meshgrid(levels, axis, axis, indexing="ij")
        turn, scale = rng.normal(0, 0.07), rng.uniform(0.93, 1.1)
        x, y = (x - rng.normal(0, 0.03)) / scale, (y - rng.normal(0, 0.03)) / scale
        return cls(x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn), height)


def draw_files(images: int, size: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the files of Kaggle's archive; the first patients lie there twice, as all do on Kaggle.

    Args:
        images: number of slices over all patients.
        size: side of a slice in pixels.
        seed: chooses everything.
    """
    rng = np.random.default_rng(seed)
    patients = max(FEWEST_PATIENTS, round(images / SLICES_PER_PATIENT))
    names = draw_names(patients, rng)
    yield f"{FOLDER}/data.csv", table(TABLE_HEADER, (draw_clinical_row(name, rng) for name in names))
    for index, (name, slices) in enumerate(zip(names, share_out(images, patients, rng), strict=True)):
        scan, masks = draw_patient(slices, size, np.random.default_rng([seed, index]))
        for number, (picture, mask) in enumerate(zip(scan, masks, strict=True), start=1):
            for folder in (FOLDER, DOUBLED_FOLDER)[: 2 if index < DOUBLED_PATIENTS else 1]:
                stem = f"{folder}/{name}/{name}_{number}"
                yield f"{stem}.tif", encoded(picture, "TIFF")
                yield f"{stem}_mask.tif", encoded(mask, "TIFF")


def draw_names(patients: int, rng: np.random.Generator) -> list[str]:
    """Names after the pattern TCGA_hospital_case_date, with case numbers that the real collection does not have."""
    hospitals = sorted(rng.choice(HOSPITALS, patients))
    dates = [f"{rng.integers(1990, 2010)}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}" for _ in hospitals]
    return [
        f"TCGA_{hospital}_{9000 + i}_{date}" for i, (hospital, date) in enumerate(zip(hospitals, dates, strict=True))
    ]


def draw_clinical_row(name: str, rng: np.random.Generator) -> list[object]:
    """One patient's row of the clinical table: numbers without meaning, in the real columns."""
    row: list[object] = [name.rsplit("_", 1)[0], *rng.integers(1, 4, TABLE_HEADER.count(","))]
    row[TABLE_HEADER.split(",").index("age_at_initial_pathologic")] = int(rng.integers(20, 76))
    return row


def share_out(images: int, patients: int, rng: np.random.Generator) -> list[int]:
    """Number of slices of each patient: uneven, and `images` in all."""
    fewest = max(FEWEST_SLICES, images // patients // 2)
    rest = rng.multinomial(images - fewest * patients, np.full(patients, 1 / patients))
    return [fewest + int(extra) for extra in rest]


def draw_patient(
    slices: int, size: int, rng: np.random.Generator
) -> tuple[UInt8[np.ndarray, "slices size size 3"], UInt8[np.ndarray, "slices size size"]]:
    """Draw one patient's slices from the base of the head upwards, and the lesion's masks (0 or 255)."""
    side = size * max(1, SMOOTH_SIDE // size)
    space = Space.drawn(slices, side, rng)
    tissues, depth = draw_tissues(space, rng)
    lesion = draw_lesion(space, tissues, depth, rng)
    sequences = draw_sequences(space, tissues, lesion, rng)
    pictures = shrink(sequences, size)
    grain = 0.012 * rng.standard_normal((*pictures.shape, 2))
    pictures = np.hypot(pictures + grain[..., 0], grain[..., 1])
    masks = shrink((lesion > 0.5).astype(float), size) > 0.5
    return as_bytes(np.moveaxis(pictures, 0, -1)), masks.astype(np.uint8) * 255


def shrink(volume: Float[np.ndarray, "*any side side"], size: int) -> Float[np.ndarray, "*any size size"]:
    """Average the pixels of each slice that come to lie in one."""
    times = volume.shape[-1] // size
    return volume.reshape(*volume.shape[:-2], size, times, size, times).mean((-3, -1))


def draw_tissues(space: Space, rng: np.random.Generator) -> tuple[dict[str, Volume], Volume]:
    """Shares of each tissue per voxel, summing to at most 1, and the depth below the brain's surface."""
    shape = space.x.shape
    side = shape[-1]
    extent = np.sqrt(1 - np.clip(space.height, 0, None) ** 2 * 0.95)
    width, length = rng.uniform(0.66, 0.74), rng.uniform(0.84, 0.9)
    egg = np.hypot(space.x / (width * (1 + 0.09 * space.y)), space.y / length)
    depth = (extent - egg * (1 + 0.012 * noise(rng, shape, (3, side / 10, side / 10)))) * width
    inside = ramp(depth, SKULL_DEPTH - 0.015, SKULL_DEPTH)
    shares = {
        "scalp": ramp(depth, 0, 0.012) * ramp(depth, 0.065, 0.045) * rng.uniform(0.7, 1),
        "skull": ramp(depth, 0.045, 0.065) * (1 - inside),
    }
    shares |= {name: share * inside for name, share in draw_brain(space, depth - SKULL_DEPTH, rng).items()}
    return with_face(shares, space, depth, rng), depth - SKULL_DEPTH


def draw_brain(space: Space, depth: Volume, rng: np.random.Generator) -> dict[str, Volume]:
    """Shares of fluid, grey and white matter, and the venous sinus, within the skull."""
    shape, side = space.x.shape, space.x.shape[-1]
    folds = noise(rng, shape, (0.9, side * 0.021, side * 0.021))
    reach = 0.17 + 0.05 * noise(rng, shape, (2, side / 12, side / 12))
    folded = ramp(depth, reach + 0.03, reach - 0.03)
    sulci = ramp(abs(folds), 0.32, 0.12) * folded
    midline = ramp(abs(space.x), 0.022, 0.008) * ramp(depth, 0.3, 0.2)
    ventricle = draw_ventricles(space, rng)
    fluid = np.maximum.reduce([sulci * 0.8, midline * 0.8, ramp(depth, 0.015, 0)]) * (1 - ventricle)
    cortex = np.maximum(ramp(abs(folds), 0.95, 0.7) * folded, ramp(depth, 0.06, 0.03))
    grey = np.maximum.reduce([cortex, draw_deep_nuclei(space), draw_cerebellum(space)])
    solid = 1 - fluid - ventricle
    sinus = ramp(np.hypot(space.x, depth - 0.02), 0.04, 0.025) * (space.y > 0.3)
    shares = {"fluid": fluid, "ventricle": ventricle, "grey": solid * grey, "white": solid * (1 - grey)}
    return {name: share * (1 - sinus) for name, share in shares.items()} | {"sinus": sinus}


def draw_ventricles(space: Space, rng: np.random.Generator) -> Volume:
    """Share of ventricle: two bent horns beside the midline in the middle slices."""
    size = rng.uniform(0.8, 1.35)
    level = 1 - ((space.height - 0.28) / 0.27) ** 2
    bend = 0.055 + 0.55 * (space.y - 0.02) ** 2 + 0.2 * np.maximum(space.y - 0.1, 0)
    breadth = size * (0.042 + 0.05 * abs(space.y - 0.03))
    horns = level - ((abs(space.x) - bend) / breadth) ** 2 - ((space.y - 0.03) / (0.36 * size**0.3)) ** 2
    third = 1 - (space.x / 0.022) ** 2 - ((space.y - 0.08) / 0.13) ** 2 - ((space.height - 0.02) / 0.16) ** 2
    return np.maximum(ramp(horns, -0.1, 0.25), ramp(third, -0.1, 0.4))


def draw_deep_nuclei(space: Space) -> Volume:
    """Share of grey matter deep in the brain: striatum and thalamus on both sides."""
    aside = abs(space.x)
    level = ((space.height - 0.12) / 0.22) ** 2
    striatum = level + ((aside - 0.22 - 0.1 * space.y) / 0.07) ** 2 + ((space.y + 0.06) / 0.2) ** 2
    thalamus = level + ((aside - 0.1) / 0.075) ** 2 + ((space.y - 0.15) / 0.11) ** 2
    return np.maximum(ramp(striatum, 1.1, 0.8), ramp(thalamus, 1.1, 0.8))


def draw_cerebellum(space: Space) -> Volume:
    """Share of grey matter in the cerebellum, whose leaves show as fine stripes low at the back."""
    place = (space.x / 0.42) ** 2 + ((space.y - 0.42) / 0.27) ** 2 + ((space.height + 0.5) / 0.33) ** 2
    leaves = 0.5 + 0.5 * np.cos(75 * np.hypot(0.6 * space.x, space.y + 0.1))
    return ramp(place, 1.05, 0.95) * (0.3 + 0.7 * leaves)


def with_face(shares: dict[str, Volume], space: Space, depth: Volume, rng: np.random.Generator) -> dict[str, Volume]:
    """Put the face in front of the brain in the lowest slices: eyes, fat and air-filled cavities."""
    back = 0.55 * (space.height + 0.2) - 0.12 - 0.9 * space.x**2
    front = ramp(space.y - back, 0.02, -0.04) * ramp(space.height, -0.08, -0.14)
    eyes = ((abs(space.x) - 0.26) / 0.15) ** 2 + ((space.y + 0.55) / 0.16) ** 2 + ((space.height + 0.42) / 0.16) ** 2
    mottle = noise(rng, space.x.shape, (1, 3, 3))
    face = {
        "scalp": ramp(mottle, 0.2, 1.2) * ramp(eyes, 0.9, 1.3),
        "grey": 0.6 * ramp(mottle, 1.0, 0.2) * ramp(mottle, -1.2, -0.6) * ramp(eyes, 0.9, 1.1),
        "fluid": ramp(eyes, 1.0, 0.8),
    }
    front = front * (depth > 0.05)
    kept = {name: share * (1 - front * (depth > 0.05)) for name, share in shares.items()}
    return {name: share + face.get(name, 0) * front for name, share in kept.items()}


def draw_lesion(space: Space, tissues: dict[str, Volume], depth: Volume, rng: np.random.Generator) -> Volume:
    """Share of lesion: an ellipsoid with a noisy surface, seated in the white matter and spanning about half of the slices."""
    shape, side = space.x.shape, space.x.shape[-1]
    # On the lowest slices the seat may lie in the face, hence the limit on the height as well as on the tissue.
    seats = np.argwhere(
        (tissues["white"] > 0.6) & (depth > 0.08) & (space.height > 0) & (space.height < 0.6) & (abs(space.x) > 0.1)
    )
    seat = tuple(seats[rng.integers(len(seats))])
    span = (HIGHEST - LOWEST) * rng.uniform(0.22, 0.31)
    across, along = rng.uniform(0.17, 0.34, 2)
    turn = rng.uniform(0, np.pi)
    dx, dy = space.x - space.x[seat], space.y - space.y[seat]
    distance = np.sqrt(
        ((dx * math.cos(turn) + dy * math.sin(turn)) / across) ** 2
        + ((dy * math.cos(turn) - dx * math.sin(turn)) / along) ** 2
        + ((space.height - space.height[seat]) / span) ** 2
    )
    surface = 0.16 * noise(rng, shape, (1.2, side / 16, side / 16)) + 0.07 * noise(
        rng, shape, (1, side / 40, side / 40)
    )
    # Skull, ventricles, and mostly the falx between the hemispheres hold the lesion back.
    other_side = ramp(space.x * np.sign(space.x[seat]), 0.02, -0.12)
    solid = ramp(depth, 0.0, 0.03) * (1 - ramp(tissues["ventricle"], 0.6, 0.9)) * (1 - other_side)
    return ndimage.gaussian_filter(ramp(distance + surface, 1.08, 0.92) * solid, (0, 0.6, 0.6))


def draw_sequences(
    space: Space, tissues: dict[str, Volume], lesion: Volume, rng: np.random.Generator
) -> Float[np.ndarray, "3 slices height width"]:
    """Brightness in the three sequences, 0 to about 1."""
    shape, side = space.x.shape, space.x.shape[-1]
    texture = 1 + 0.05 * noise(rng, shape, (0.8, side / 50, side / 50))
    matter = sum(np.multiply.outer(BRIGHTNESS[name], share) for name, share in tissues.items()) * texture
    matter[1] += 0.16 * draw_bright_spots(space, tissues, rng)
    contrast = rng.uniform(0.4, 1.2) * (1 + 0.18 * noise(rng, shape, (1, side / 20, side / 20)))
    matter += np.multiply.outer(LESION_SHIFT, lesion * contrast)
    matter += add_core(space, lesion, rng)
    coil = noise(rng, shape, (6, side / 5, side / 5))
    gain = rng.uniform(0.75, 1.2, 3).astype(np.float32)[:, None, None, None]
    matter = ndimage.gaussian_filter(matter * (1 + 0.1 * coil) * gain, (0, 0, 0.7, 0.7))
    if rng.random() < 0.15:
        matter[[0, 2]] = matter[1]
    return np.maximum(matter, 0)


def draw_bright_spots(space: Space, tissues: dict[str, Volume], rng: np.random.Generator) -> Volume:
    """What is bright in FLAIR though no lesion: caps around the ventricles and small spots in the white matter."""
    side = space.x.shape[-1]
    caps = ndimage.gaussian_filter(tissues["ventricle"], (0, side / 40, side / 40)) * tissues["white"]
    spots = np.zeros_like(caps)
    seats = np.argwhere((tissues["white"] > 0.6) & (space.height > 0))
    chosen = seats[rng.integers(len(seats), size=rng.integers(4, 14))]
    spots[tuple(chosen.T)] = rng.uniform(0.4, 1.6, len(chosen))
    blur = side / 70
    return rng.uniform(0.3, 1.3) * caps + 2 * np.pi * blur**2 * ndimage.gaussian_filter(spots, (0, blur, blur)) * 1.2


def add_core(space: Space, lesion: Volume, rng: np.random.Generator) -> Float[np.ndarray, "3 slices height width"]:
    """Change of brightness inside the lesion: in some patients a dark cavity, in some a rim that takes up contrast agent."""
    depth = ndimage.gaussian_filter(lesion, (0.5, space.x.shape[-1] / 30, space.x.shape[-1] / 30))
    cavity = ramp(depth, 0.8, 0.95) * (rng.random() < 0.3)
    rim = ramp(depth, 0.45, 0.65) * ramp(depth, 0.95, 0.8) * lesion * (rng.random() < 0.35)
    return np.stack([-0.2 * cavity, -0.45 * cavity, 0.35 * rim - 0.2 * cavity])
