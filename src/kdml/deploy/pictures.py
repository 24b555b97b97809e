"""Pictures of a folder, found and read."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from kdml.deploy.problems import Problem

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
MOST_PIXELS = 64 * 2**20
# Of classes of masks in turn: colours that are told apart with any kind of sight (Okabe and Ito), the first as bright as a lamp.
OUTLINES = ((255, 212, 0), (86, 180, 233), (213, 94, 0), (0, 158, 115), (204, 121, 167), (0, 114, 178))
SIXTEEN_BITS = "I;16"
# Modes with 8 bits a channel, which become RGB without a choice that somebody would have to make.
MODES = ("RGB", "L", "LA", "P", "PA", "RGBA", "RGBX", "CMYK", "YCbCr", "1")


@dataclass(frozen=True)
class Window:
    """Values of pictures with 16 bits that become 0 and 255; what lies beyond is cut.

    Args:
        low, high: the two values, or of each picture the two percentiles.
        of_percentiles: whether they are percentiles.
    """

    low: float
    high: float
    of_percentiles: bool = False

    def applied(self, values: np.ndarray) -> np.ndarray:
        """Grey values of eight bits, (h, w) uint8; all 0 where low and high are one value."""
        low, high = np.percentile(values, (self.low, self.high)) if self.of_percentiles else (self.low, self.high)
        if high <= low:
            return np.zeros(values.shape, np.uint8)
        return np.rint((np.clip(values, low, high) - low) * (255 / (high - low))).astype(np.uint8)


def bits_of(image: Image.Image, head: bytes) -> int:
    """Bits a channel of a picture's file: Pillow cuts those of colour to eight without a word.

    Args:
        image: opened from the file.
        head: the first 32 bytes of the file, or more.
    """
    if image.format == "PNG":
        return head[24]
    if image.format == "TIFF":
        return max(image.tag_v2.get(258, (1,)))  # BitsPerSample
    return 8


def mode_of(mode: str) -> str:
    """Name of a mode without the order of its bytes, which says nothing about a picture."""
    return SIXTEEN_BITS if mode.startswith(SIXTEEN_BITS) else mode


@dataclass(frozen=True)
class Opened:
    """A picture as it was read.

    Args:
        rgb: its pixels, the right way up.
        mode: of its file, by `mode_of`.
        frames: in its file, of which the first was read.
    """

    rgb: Image.Image
    mode: str
    frames: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.rgb.height, self.rgb.width

    def pixels(self) -> np.ndarray:
        """Values (h, w, 3) uint8."""
        return np.asarray(self.rgb)


def found(place: Path, out: Path) -> tuple[list[str], int]:
    """Find the pictures of a folder and of the folders in it.

    Args:
        place: the folder, or a single picture.
        out: folder that is written to, whose content does not count.

    Returns:
        Names below the folder, sorted, and how many other files there are.

    Raises:
        Problem: there is no such folder, or no picture in it.
    """
    if place.is_file():
        return [place.name], 0
    if not place.is_dir():
        raise Problem(f"{place} does not exist.", "name a folder of pictures, or a picture")
    files = [
        path
        for path in sorted(place.rglob("*"))
        if path.is_file() and out.resolve() not in path.resolve().parents and not path.name.startswith(".")
    ]
    names = [path.relative_to(place).as_posix() for path in files if path.suffix.lower() in SUFFIXES]
    if not names:
        raise Problem(f"{place} holds no pictures.", f"name a folder with files that end in {', '.join(SUFFIXES)}")
    return names, len(files) - len(names)


def read(path: Path, window: Window | None = None) -> Opened:
    """Read a picture.

    Args:
        path: of its file.
        window: of grey pictures of 16 bits, by which they become such of 8.

    Raises:
        Problem: it is damaged or none, too large, or has more than 8 bits a channel and no window is for it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures, which are refused below
            image = Image.open(path)
            mode, frames = mode_of(image.mode), getattr(image, "n_frames", 1)
            _check(path, image, window)
            image = ImageOps.exif_transpose(image)
            if mode == SIXTEEN_BITS and window is not None:
                image = Image.fromarray(window.applied(np.asarray(image)))
            return Opened(image.convert("RGB"), mode, frames)
    except Problem:
        raise
    except Exception as error:  # Pillow raises almost anything on damaged bytes
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise Problem(f"{path} cannot be read ({reason}).", "replace it, or take it out of the folder") from None


def _check(path: Path, image: Image.Image, window: Window | None) -> None:
    """Refuse by its header what cannot be taken, before memory is taken for it."""
    if image.width * image.height > MOST_PIXELS:
        size = f"{image.width} x {image.height}"
        raise Problem(f"{path} has {size} pixels; more than 64 million are not read.", "cut it into pieces")
    if mode_of(image.mode) == SIXTEEN_BITS and window is not None:
        return
    with open(path, "rb") as file:
        bits = bits_of(image, file.read(32))
    if mode_of(image.mode) not in MODES or bits > 8:
        remedy = "convert it to 8 bits, with the limits of grey values that were used for the training pictures"
        raise Problem(f"{path} is of mode {image.mode} and has more than 8 bits a channel.", remedy)


def outlined(picture: np.ndarray, mask: np.ndarray, colours: Sequence[Sequence[int]] = OUTLINES) -> np.ndarray:
    """Picture with the outline of what a mask marks.

    Args:
        picture: (h, w, 3) uint8.
        mask: (h, w) of 0 for the background and the numbers of classes.
        colours: of each class, of its outline and by a quarter of what lies inside; the first follows on the last.
    """
    shown = picture.copy()
    for number in range(1, int(mask.max()) + 1):
        marked, colour = mask == number, colours[(number - 1) % len(colours)]
        wide = np.pad(marked, 1)
        inside = wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]
        shown[marked] = (0.75 * shown[marked] + 0.25 * np.array(colour)).astype(np.uint8)
        shown[marked & ~inside] = colour
    return shown
