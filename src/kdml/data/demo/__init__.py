"""Look-alike archives, drawn by code alone: no download, no real picture, and still the layout of the Kaggle archives.

They let the whole workflow run and be tested in minutes. Networks can learn from them, though not perfectly, but nothing
medical follows from the results.
"""

import difflib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kdml.common.errors import UserError
from kdml.common.files import written_whole
from kdml.data.demo import brain, histology, skin

SMALLEST_SIZE = 32
# Zip files know no earlier date; a fixed one makes the bytes depend on the content alone.
TIMESTAMP = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class DemoArchive:
    """How one archive is drawn.

    `draw_files(images, size, seed)` yields names and bytes; fewer than `fewest` images cannot be split into
    three parts that all hold every class.
    """

    draw_files: Callable[[int, int, int], Iterator[tuple[str, bytes]]]
    fewest: int


DEMO_ARCHIVES = {
    "histopathologic-cancer-detection": DemoArchive(histology.draw_files, fewest=20),
    "lgg-mri-segmentation": DemoArchive(brain.draw_files, fewest=60),
    "skin-cancer-mnist-ham10000": DemoArchive(skin.draw_image_files, fewest=120),
    "ham10000-lesion-segmentations": DemoArchive(skin.draw_mask_files, fewest=120),
}


def draw_archive(name: str, out: Path, images: int, size: int, seed: int) -> None:
    """Draw one look-alike archive; the same arguments give the same bytes.

    The two archives of skin lesions belong together if they are drawn with the same arguments.

    Args:
        name: one of `DEMO_ARCHIVES`, named like Kaggle's zip file.
        out: the zip file to write.
        images: number of labelled images (for lgg-mri-segmentation slices over all patients).
        size: side of the square images in pixels.
        seed: chooses everything, 0 or more.

    Raises:
        UserError: no such archive, or a number out of range.
    """
    check_request(name, images, size, seed)
    with written_whole(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for path, content in sorted(DEMO_ARCHIVES[name].draw_files(images, size, seed)):
            archive.writestr(zipfile.ZipInfo(path, TIMESTAMP), content, zipfile.ZIP_DEFLATED)


def check_request(name: str, images: int, size: int, seed: int) -> None:
    """Raise a `UserError` if such an archive cannot be drawn."""
    if name not in DEMO_ARCHIVES:
        nearest = difflib.get_close_matches(name, DEMO_ARCHIVES, n=1, cutoff=0)[0]
        raise UserError(
            f"There is no demo archive '{name}'.",
            f"did you mean '{nearest}'? the demo archives are {', '.join(DEMO_ARCHIVES)}",
        )
    fewest = DEMO_ARCHIVES[name].fewest
    if images < fewest:
        raise UserError(
            f"{images} images are too few for the demo archive '{name}': its classes could not be split in three.",
            f"ask for {fewest} images or more",
        )
    if size < SMALLEST_SIZE:
        raise UserError(
            f"Demo images of {size} pixels are too small to show anything.",
            f"ask for a size of {SMALLEST_SIZE} pixels or more",
        )
    if seed < 0:
        raise UserError(f"The seed {seed} is negative.", "give a whole number, 0 or more")
