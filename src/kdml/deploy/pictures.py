"""Pictures of a folder, found and read."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from kdml.deploy.problems import Problem, printable, reason

TABLE, MASKS, OVERLAYS = "predictions.csv", "masks", "overlays"  # what predictions are written to
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")  # by content, of training and prediction
MEDICAL = (".dcm", ".nii", ".nii.gz")  # ends of files that pictures can be made of
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
MOST_PIXELS = 64 * 2**20
# Of classes of masks in turn: colours that are told apart with any kind of sight (Okabe and Ito), the first as bright as a lamp.
OUTLINES = ((255, 212, 0), (86, 180, 233), (213, 94, 0), (0, 158, 115), (204, 121, 167), (0, 114, 178))
SIXTEEN_BITS = "I;16"
# Modes with 8 bits a channel, which become RGB without a choice that somebody would have to make.
MODES = ("RGB", "L", "LA", "P", "PA", "RGBA", "RGBX", "CMYK", "YCbCr", "1")
TAKE_OUT = "replace it, or take it out of the folder"


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


def is_transparent(image: Image.Image) -> bool:
    """Whether any pixel is transparent, if only a little: its colour is what lies behind it, which nobody knows."""
    return image.has_transparency_data and image.convert("RGBA").getextrema()[3][0] < 255


def mode_of(mode: str) -> str:
    """Name of a mode without the order of its bytes, which says nothing about a picture."""
    return SIXTEEN_BITS if mode.startswith(SIXTEEN_BITS) else mode


@dataclass(frozen=True)
class Opened:
    """A picture as it was read.

    Args:
        pixels: (h, w, 3) uint8, the right way up.
        mode: of its file, by `mode_of`.
        frames: in its file, of which the first was read.
    """

    pixels: np.ndarray
    mode: str
    frames: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width, _ = self.pixels.shape
        return height, width


@dataclass
class Found:
    """What lies in a folder of pictures.

    Args:
        names: of pictures, by their ends, below the folder and sorted; whatever kind of file they are.
        others: how many other files there are.
        closed: folders that were not entered: links, hidden ones, and what earlier predictions wrote.
    """

    names: list[str] = field(default_factory=list)
    others: int = 0
    closed: list[str] = field(default_factory=list)


def found(place: Path, out: Path, made_by: str = "") -> Found:
    """Find the pictures of a folder and of the folders in it.

    Args:
        place: the folder, or a single picture.
        out: folder that is written to, whose content does not count.
        made_by: rule by which DICOM files or volumes of the training became pictures; empty where it had none.

    Raises:
        Problem: there is no such folder, or no picture in it, or it is a DICOM file or a volume, or a folder in it cannot be read.
    """
    if place.is_file():
        if _is_medical(place.name):
            raise Problem(f"{printable(place)} is a DICOM file or a volume, no picture.", _to_make(made_by))
        return Found([place.name])
    if not place.is_dir():
        what = "is neither a folder nor a picture" if place.exists() else "does not exist"
        raise Problem(f"{printable(place)} {what}.", "name a folder of pictures, or a picture")
    all_found, paths = Found(), []
    for folder, folders, files in os.walk(place, onerror=_unreadable):
        here, written = Path(folder), (MASKS, OVERLAYS) if TABLE in files else ()
        closed = [name for name in folders if name in written or name.startswith(".") or (here / name).is_symlink()]
        folders[:] = [name for name in folders if name not in closed and (here / name).resolve() != out.resolve()]
        all_found.closed += [(here / name).relative_to(place).as_posix() for name in sorted(closed)]
        paths += [here / name for name in files if not name.startswith(".")]
    pictures = sorted(path for path in paths if path.suffix.lower() in SUFFIXES)
    if not pictures and (medical := sum(_is_medical(path.name) for path in paths)):
        what = f"holds no pictures; {medical} of its files are DICOM files or volumes, which are not read"
        raise Problem(f"{printable(place)} {what}.", _to_make(made_by))
    if not pictures:
        ends = ", ".join(SUFFIXES)
        raise Problem(f"{printable(place)} holds no pictures.", f"name a folder with files that end in {ends}")
    all_found.names, all_found.others = (
        [path.relative_to(place).as_posix() for path in pictures],
        len(paths) - len(pictures),
    )
    return all_found


def _is_medical(name: str) -> bool:
    return name.lower().endswith(MEDICAL)


def _to_make(made_by: str) -> str:
    how = f"as those of the training were: {made_by}" if made_by else "with the grey values of the training pictures"
    where = "; README.md has the lines for it" if made_by else ""
    return f"make pictures of them, PNG with 8 bits, {how}{where}"


def _unreadable(error: OSError) -> None:
    raise Problem(
        f"{printable(error.filename)} cannot be read ({error.strerror}).", "make it readable, or take it away"
    )


def read(path: Path, window: Window | None = None) -> Opened:
    """Read a picture.

    Args:
        path: of its file.
        window: of grey pictures of 16 bits, by which they become such of 8.

    Raises:
        Problem: it is damaged or none, too large, transparent, or has more than 8 bits a channel and no window is for it.
        MemoryError: it needs more than there is.
    """
    where = printable(path)
    if not path.is_file():  # to open a pipe would wait for ever
        raise Problem(f"{where} is no file, or a link to none.", TAKE_OUT)
    try:
        with warnings.catch_warnings(), open(path, "rb") as file:
            warnings.simplefilter("ignore")  # of large pictures, which are refused below
            head = file.read(32)
            image = Image.open(file, formats=FORMATS)
            mode, frames = mode_of(image.mode), getattr(image, "n_frames", 1)
            _check(where, image, head, window)
            ImageOps.exif_transpose(image, in_place=True)
            return Opened(_in_colour(where, image, window), mode, frames)
    except UnidentifiedImageError:
        formats = ", ".join(FORMATS)
        raise Problem(f"{where} holds none of the formats that are read ({formats}).", TAKE_OUT) from None
    except (Problem, MemoryError):
        raise
    except Exception as error:  # Pillow raises almost anything on damaged bytes
        raise Problem(f"{where} cannot be read ({reason(error)}).", TAKE_OUT) from None


def _in_colour(where: str, image: Image.Image, window: Window | None) -> np.ndarray:
    """Values (h, w, 3) uint8 of a picture."""
    if mode_of(image.mode) == SIXTEEN_BITS and window is not None:
        image = Image.fromarray(window.applied(np.asarray(image)))
    if is_transparent(image):
        raise Problem(f"{where} has transparent pixels, whose colour is unknown.", "flatten it")
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _check(where: str, image: Image.Image, head: bytes, window: Window | None) -> None:
    """Refuse by its header what cannot be taken, before memory is taken for it."""
    if image.width * image.height > MOST_PIXELS:
        size = f"{image.width} x {image.height}"
        raise Problem(f"{where} has {size} pixels; more than 64 million are not read.", "cut it into pieces")
    if mode_of(image.mode) == SIXTEEN_BITS and window is not None:
        return
    if bits_of(image, head) > 8:
        remedy = "convert it to 8 bits, with the limits of grey values that were used for the training pictures"
        remedy = remedy if window is None else "save it as grey with 16 bits, as the training pictures were"
        raise Problem(f"{where} is of mode {image.mode} and has more than 8 bits a channel.", remedy)
    if image.mode not in MODES:
        raise Problem(f"{where} is of mode {image.mode}, which is not read.", "save it as grey or RGB with 8 bits")


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
        shown[marked] = (3 * shown[marked].astype(np.uint16) + np.array(colour, np.uint16)) // 4
        shown[marked & ~inside] = colour
    return shown
