"""Pictures and masks as they lie in archives to pixels: decoded, brought to eight bits a channel, resized, hashed."""

import hashlib
import io
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from kdml.common.errors import MachineError, UserError, fault_of
from kdml.common.zip_files import UNREADABLE, TooLarge
from kdml.data import medical
from kdml.data.archives import Source, source_of
from kdml.data.layouts import Member, Picture
from kdml.data.mask_classes import MaskClasses
from kdml.data.mask_greys import greys_of
from kdml.deploy.pictures import FORMATS, SIXTEEN_BITS, Window, bits_of, is_transparent

MOST_PIXELS = 64 * 2**20  # of a picture; the data sets' largest have 0.3 million
SIDEWAYS = range(5, 9)  # orientations by EXIF whose rows are columns of the picture that is seen
ON_ITS_SIDE = "on its side"  # what is known of a picture besides its pixels: whether its file has such an orientation
THRESHOLD = 127  # grey values above it are marked
GREY_MODES = ("1", "L", "I", "F")  # and I;16 in its kinds, which PIL does not turn into RGB
EIGHT_BITS = ("1", "L", "P", "RGB", "LA", "PA", "RGBA")  # modes that have them, or fewer
COLOUR = 32  # by which the channels of a pixel may differ: what JPEG makes of grey
LEAVE_OUT = "replace it in the archive, or leave it out there and in its table"
FETCH_AGAIN = "delete the archive and fetch it again"
BLACK_AND_WHITE = "draw the masks in black and white: 0 for the background, 255 for what is marked"


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


@dataclass(frozen=True)
class Decoding:
    """How files of pictures and masks become pixels.

    Args:
        modes: of pictures, as PIL names them, that are read as they are; None for grey, colour, palettes and 16 bits alike, the
            right way up.
        window: of pictures with 16 bits (`kdml.deploy.pictures.Window`); without one they are refused.
        mask_above: grey values of masks above it are marked.
        again: what to do about damaged files.
        any_values: whether masks may have areas of other values than black and white, because somebody said what is marked.
        classes: of masks that have several; where there are none, grey values above `mask_above` are the only one.
        axis: of volumes, whose slices are pictures.
        spacing: millimetres from one pixel to the next, down and across, of all pictures; None if their files say it.
        is_listed: whether a table says the spacing of each picture, or that it is unknown, whatever its file says.
    """

    modes: tuple[str, ...] | None = ("RGB",)
    window: Window | None = None
    mask_above: int = THRESHOLD
    again: str = FETCH_AGAIN
    classes: MaskClasses | None = None
    axis: int = 2
    spacing: medical.Spacing | None = None
    is_listed: bool = False
    any_values: bool = False


@dataclass(frozen=True)
class Pixels:
    """A picture as it was read.

    Args:
        sha256: of the resized image and mask: equal for pictures of equal content.
        image_sha256: of the resized image alone: equal where masks differ, too.
        dhash: 64-bit difference hash of the image, 16 hex digits: near for pictures that look alike.
        has_lesion: whether the mask marks anything, at the arrays' size.
        is_full: whether it marks everything.
        is_odd: whether its file is coloured, or has grey values none of which counts as marked.
        image: format, mode and bits a channel of the image's file.
        mask: likewise of the mask's; empty if there is none.
        size: width and height of the image's file in pixels.
        greys: of the mask's file, with how many pixels lie amid areas of theirs (`greys_of`); empty where it has several classes.
        by_class: pixels of the background and each class of the mask, at the arrays' size; empty where it has no classes.
        patient: that the image's file says it shows, as a digest; else of a frame its file, of other pictures empty.
        spacing: millimetres from one pixel to the next, down and across, at the arrays' size; None if unknown.
    """

    sha256: str
    image_sha256: str
    dhash: str
    has_lesion: bool
    is_full: bool
    is_odd: bool
    image: str
    mask: str
    size: tuple[int, int]
    greys: Mapping[int, int] = field(default_factory=dict)
    by_class: tuple[int, ...] = ()
    patient: str = ""
    spacing: medical.Spacing | None = None


class Reader:
    """Reads pictures out of archives from several threads; each thread has its own handles, because zip files are no sharers.

    Args:
        archives: paths by name, in the order that members number them.
        size: side of the arrays' images in pixels.
        decoding: how files become pixels.
    """

    def __init__(self, archives: Mapping[str, Path], size: int, decoding: Decoding):
        self.names, self.archives, self.size = [*archives], [*archives.values()], size
        self.decoding = decoding
        self._local = threading.local()

    def _sources(self) -> list[Source]:
        if not hasattr(self._local, "sources"):
            self._local.sources = list(map(source_of, self.names, self.archives))
        return self._local.sources

    def _where(self, member: Member) -> str:
        return f"{self.archives[member.archive].name}: {member.name}"

    def _open(self, member: Member) -> tuple[Image.Image, int, str]:
        """A file as a picture, the right way up where modes are free; its bits a channel; and what kind of file it is."""
        where, (name, number) = self._where(member), medical.file_of(member.name)
        if (kind := medical.format_of(name)) == medical.NIFTI:
            volume = self._kept(member, name, medical.volume_of)
            return volume.plane(self.decoding.axis, number or 0), volume.bits, f"NIfTI, mode L, {volume.bits} bits"
        if kind == medical.DICOM:
            return medical.dicom(self._kept(member, name, medical.film_of), where, number)
        content = self._content(member, member.name)
        try:
            image = Image.open(io.BytesIO(content), formats=FORMATS)
            if image.width * image.height > MOST_PIXELS:  # known from its header, before memory is taken for it
                size = f"{image.width} x {image.height}"
                raise UserError(
                    f"{where} has {size} pixels; more than {MOST_PIXELS / 1e6:.0f} million are not read.", LEAVE_OUT
                )
            pages = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            image.load()
            for name in (medical.INVERTED, medical.PATIENT, medical.SPACING):
                image.info.pop(name, None)  # words in a PNG may be called so
            bits = bits_of(image, content)
            kind = f"{image.format}, mode {image.mode}, {bits} bits"
        except UserError:
            raise
        except UnidentifiedImageError:
            raise UserError(
                f"{where} cannot be read (by its content it is none of {', '.join(FORMATS)}).",
                f"{self.decoding.again}, or {LEAVE_OUT}",
            ) from None
        except Exception as error:  # PIL raises almost anything on damaged bytes
            raise UserError(
                f"{where} cannot be read ({_reason(error)}).", f"{self.decoding.again}, or {LEAVE_OUT}"
            ) from None
        if self.decoding.modes is not None:
            return image, bits, kind
        if pages > 1:
            raise UserError(f"{where} has {pages} pages.", "give every page a file of its own")
        turned = ImageOps.exif_transpose(image)
        turned.info[ON_ITS_SIDE] = image.getexif().get(ExifTags.Base.Orientation) in SIDEWAYS
        return turned, bits, kind

    def _content(self, member: Member, name: str) -> bytes:
        """Bytes of a file."""
        path, where = self.archives[member.archive], self._where(member)
        try:
            return self._sources()[member.archive].read(name)
        except TooLarge as error:
            raise UserError(f"{where} is no picture of this data set: {error}.", LEAVE_OUT) from None
        except (*UNREADABLE, KeyError) as error:
            if isinstance(fault := fault_of(error, path), MachineError):
                raise fault from None
            raise UserError(
                f"{where} cannot be read ({_reason(error)}).", f"{self.decoding.again}, or {LEAVE_OUT}"
            ) from None

    def _kept(self, member: Member, name: str, read: Callable[[bytes, str], Any]) -> Any:
        """A volume or film; the last two that a thread read, of image and mask, wait to be asked for more slices or frames."""
        if not hasattr(self._local, "files"):
            self._local.files = {}
        files, key = self._local.files, (member.archive, name)
        if key not in files:
            for old in [*files][:-1]:
                del files[old]
            files[key] = read(self._content(member, name), self._where(Member(member.archive, name)))
        return files[key]

    def read(self, picture: Picture, image: np.ndarray, mask: np.ndarray | None) -> Pixels:
        """Fill one row of the arrays.

        Args:
            picture: to read.
            image: (size, size, 3) uint8 to fill, bicubic where the size differs.
            mask: (size, size) uint8 to fill with the class of each pixel, 0 and 1 where there is one class; nearest.

        Raises:
            UserError: a file is damaged, of a mode or depth that is not read, or image and mask differ in size.
        """
        opened, bits, kind = self._open(picture.image)
        image[:] = self._resized(self._in_colour(opened, bits, picture.image), Image.Resampling.BICUBIC)
        digest = hashlib.sha256(image.tobytes())
        of_image = digest.hexdigest()
        is_odd, of_mask, greys, classes = False, "", {}, self.decoding.classes
        if mask is not None:
            drawn, is_odd, of_mask = self._mask(picture.mask)
            greys = {} if classes is not None else greys_of(np.asarray(drawn))
            if drawn.size != opened.size:
                sizes = f"{opened.size[0]}x{opened.size[1]} and {drawn.size[0]}x{drawn.size[1]}"
                raise UserError(f"{picture.image.name} and its mask differ in size ({sizes}).", self.decoding.again)
            values = self._resized(drawn, Image.Resampling.NEAREST)
            mask[:] = values > self.decoding.mask_above if classes is None else values
            digest.update(mask.tobytes())
        marked = (False, False) if mask is None else (bool(mask.any()), bool(mask.all()))
        by_class = () if mask is None or classes is None else classes.counts(mask)
        return Pixels(
            digest.hexdigest(),
            of_image,
            difference_hash(image),
            *marked,
            is_odd,
            kind,
            of_mask,
            opened.size,
            greys,
            by_class,
            opened.info.get(medical.PATIENT) or _film(picture.image),
            self._spacing(picture, opened),
        )

    def _spacing(self, picture: Picture, opened: Image.Image) -> medical.Spacing | None:
        """Millimetres between pixels of the arrays: both axes were scaled, each by a factor of its own.

        What table and configuration say is of the picture as it lies in its file, before it was turned the right way up.
        """
        known = picture.spacing if self.decoding.is_listed else self.decoding.spacing
        if known is not None and opened.info.get(ON_ITS_SIDE):
            known = (known[1], known[0])
        elif known is None and not self.decoding.is_listed:
            known = opened.info.get(medical.SPACING)
        return known and (known[0] * opened.height / self.size, known[1] * opened.width / self.size)

    def original(self, member: Member) -> np.ndarray:
        """A picture at its own size, (h, w, 3) uint8.

        Raises:
            UserError: its file is damaged, or of a mode or depth that is not read.
        """
        opened, bits, _ = self._open(member)
        return np.asarray(self._in_colour(opened, bits, member))

    def _in_colour(self, opened: Image.Image, bits: int, member: Member) -> Image.Image:
        """A picture as RGB with eight bits a channel."""
        modes, window = self.decoding.modes, self.decoding.window
        if modes is not None:
            if opened.mode not in modes:
                raise UserError(
                    f"{self._where(member)} is not an RGB image but of mode {opened.mode}.",
                    "convert it, or leave it out",
                )
            return opened
        if opened.mode.startswith(SIXTEEN_BITS) or (opened.mode == "F" and self._is_medical(member)):
            if window is None:
                values = np.asarray(opened)
                raise UserError(
                    f"{self._where(member)} has {bits} bits, with values from {values.min():g} to {values.max():g}.",
                    "say with `window` which values, or which percentiles, become black and white",
                )
            return medical.windowed(opened, window.applied).convert("RGB")
        if window is not None and bits <= 8 and opened.mode in EIGHT_BITS:
            raise UserError(
                f"{self._where(member)} has no 16 bits of grey (mode {opened.mode}), but `window` is for these.",
                "keep pictures of 8 and of 16 bits in data sets of their own",
            )
        return self._of_eight_bits(opened, bits, member)

    def _is_medical(self, member: Member) -> bool:
        return medical.format_of(medical.file_of(member.name)[0]) != medical.PLAIN

    def _of_eight_bits(self, opened: Image.Image, bits: int, member: Member) -> Image.Image:
        if bits > 8 or opened.mode not in EIGHT_BITS:
            raise UserError(
                f"{self._where(member)} is of mode {opened.mode} with {bits} bits, which is not read.",
                "save it as 8-bit grey or RGB, or as 16-bit grey without a sign",
            )
        if is_transparent(opened):
            raise UserError(f"{self._where(member)} has transparent pixels, whose colour is unknown.", "flatten it")
        return opened.convert("RGB")

    def _mask(self, member: Member) -> tuple[Image.Image, bool, str]:
        """A mask in grey, or with the number of each pixel's class; whether it is not black and white, but coloured or with nothing
        marked; its kind of file."""
        opened, _, kind = self._open(member)
        if self.decoding.classes is not None:
            return self._numbered(opened, self.decoding.classes, member), False, kind
        drawn = self._grey(opened, member)
        values = np.asarray(drawn)
        marked = values > self.decoding.mask_above
        if self.decoding.modes is None and opened.has_transparency_data:
            self._check_transparency(opened, marked, member)
        is_faint = bool(values.any()) and not bool(marked.any())
        return drawn, is_faint or (not opened.mode.startswith(GREY_MODES) and _is_coloured(opened)), kind

    def _check_transparency(self, opened: Image.Image, marked: np.ndarray, member: Member) -> None:
        """Refuse a mask whose transparency does not say the same as its grey values: nobody knows which of the two is the mask."""
        opaque = np.asarray(opened.convert("RGBA"))[..., 3]
        if opaque.min() < 255 and not np.array_equal(opaque > THRESHOLD, marked):
            raise UserError(
                f"{self._where(member)} has transparent pixels, which say something else than its grey values.",
                f"{BLACK_AND_WHITE}, without transparency",
            )

    def _numbered(self, opened: Image.Image, classes: MaskClasses, member: Member) -> Image.Image:
        """Numbers of the classes of a mask that has one value at each pixel: grey, or a place in a palette."""
        values = np.asarray(opened)
        if opened.mode == "F" and np.array_equal(values, values.round()):  # how slices of volumes are read
            values = values.astype(np.int32)
        elif opened.mode not in ("1", "L", "P", "I") and not opened.mode.startswith(SIXTEEN_BITS):
            raise UserError(
                f"{self._where(member)} is of mode {opened.mode}; a mask of several classes has one value at each pixel.",
                "save it as a grey or a palette picture, whose values `mask_values` names",
            )
        return Image.fromarray(classes.numbers(values, self._where(member)))

    def _grey(self, opened: Image.Image, member: Member) -> Image.Image:
        try:
            return opened.convert("L")
        except ValueError:
            raise UserError(
                f"{self._where(member)} is of mode {opened.mode}, which masks are not.", BLACK_AND_WHITE
            ) from None

    def described(self, member: Member) -> str:
        """What a mask's file holds, in words: its mode, and the grey values as masks are read."""
        drawn, *_ = self._open(member)
        values = np.unique(np.asarray(self._grey(drawn, member))).tolist()
        listed = ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")
        return f"(mode {drawn.mode}) has the grey values {listed}; above {self.decoding.mask_above} is marked"

    def _resized(self, image: Image.Image, how: Image.Resampling) -> np.ndarray:
        side = (self.size, self.size)
        return np.asarray(image if image.size == side else image.resize(side, how))


def _film(member: Member) -> str:
    """File that a frame is in; empty for other pictures."""
    name, number = medical.file_of(member.name)
    return "" if number is None else name


def _is_coloured(image: Image.Image) -> bool:
    return int(np.ptp(np.asarray(image.convert("RGB"), dtype=np.int16), axis=2).max()) > COLOUR


def difference_hash(image: np.ndarray) -> str:
    """64 bits: is each of 8 x 9 grey cells brighter than the one to its left? As 16 hex digits."""
    cells = np.asarray(Image.fromarray(image).convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    return np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes().hex()
