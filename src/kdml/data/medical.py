"""Pictures of DICOM files and slices of NIfTI volumes; needs the extra `medical`.

A DICOM file is as many pictures as it has frames, a NIfTI volume as it has slices along an axis; slice 17 of `scan.nii.gz` is
called `scan.nii.gz[17]`, and of several frames of `film.dcm` the first `film.dcm[0]`. Volumes are brought to the orientation RAS
first, so that axes 0, 1 and 2 are sagittal, coronal and axial whatever order a scanner wrote them in; slices are turned so that
what is in front or above is above.

What a file says of the size of its pixels is kept: `PixelSpacing` of DICOM, which is at the patient (`ImagerPixelSpacing` is at
the detector and does not count), and the voxel sizes of NIfTI. A volume without a unit is in millimetres, as ITK reads it, if it
has an orientation; without both nothing is known of it.
"""

import gzip
import hashlib
import io
import math
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from PIL import Image

from kdml.common.errors import UserError
from kdml.deploy.pictures import MOST_PIXELS

PLAIN, DICOM, NIFTI = "pictures", "dicom", "nifti"
SUFFIXES = {DICOM: (".dcm",), NIFTI: (".nii", ".nii.gz")}
SLICE = re.compile(r"(.+\.(?:nii(?:\.gz)?|dcm))\[(\d+)\]", re.IGNORECASE)
HEAD = 2**16  # bytes of a file that hold a volume's header, compressed or not
HEADER = 1024  # bytes of it, of both versions of the format
INVERTED, PATIENT, SPACING = "inverted", "patient", "spacing"  # what is known of a picture besides its pixels
MOST_VALUES = 2**29  # of a volume: 2 GiB
MILLIMETRES = {"mm": 1.0, "meter": 1000.0, "micron": 0.001}  # by the units of NIfTI
Spacing = tuple[float, float]
"""Millimetres from one pixel to the next, down and across."""
DIGITS = 12  # of what stands for a patient
NEUTRAL = "convert it to uncompressed DICOM, for example with `gdcmconv --raw` or `dcmdjpeg`"


def slice_name(volume: str, number: int) -> str:
    """Name of a slice of a volume, or of a frame of a film."""
    return f"{volume}[{number}]"


def file_of(name: str) -> tuple[str, int | None]:
    """File that a picture is in, and the number of its slice or frame; None where the file is one picture."""
    found = SLICE.fullmatch(name)
    return (name, None) if found is None else (found[1], int(found[2]))


def format_of(name: str) -> str:
    """Format of a file by its name: one of `SUFFIXES`, else that of plain pictures."""
    return next((kind for kind, suffixes in SUFFIXES.items() if name.lower().endswith(suffixes)), PLAIN)


def stem(name: str) -> str:
    """Name without its suffix, which of compressed volumes has two parts."""
    shorter = name.removesuffix(".gz") if name.lower().endswith(".nii.gz") else name
    return shorter[: shorter.rindex(".")] if "." in shorter.rpartition("/")[2] else shorter


# NIfTI


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a volume lie, once it is in the orientation RAS.

    Args:
        shape: voxels along x, y and z.
        affine: (4, 4), from the place of a voxel to millimetres.
        stored: its orientation in the file, such as LPS.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray
    stored: str

    def apart(self, other: "Grid") -> float:
        """Voxels of this grid by which the same voxel of another one lies elsewhere: most in a corner, so all are compared.

        Args:
            other: a grid of the same shape.
        """
        corners = np.array([[*corner, 1] for corner in product(*((0, size - 1) for size in self.shape))]).T
        there = np.linalg.solve(self.affine, other.affine @ corners)
        return float(np.abs(there - corners).max())


def grid_of(head: bytes, where: str) -> Grid:
    """Read where the voxels of a volume lie, by its header.

    Args:
        head: the first `HEAD` bytes of its file.
        where: the file, for messages.

    Raises:
        UserError: it is no volume of three dimensions.
    """
    import nibabel

    try:
        plain = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, HEADER) if head[:2] == b"\x1f\x8b" else head
        kind = nibabel.Nifti2Header if _length(plain) == 540 else nibabel.Nifti1Header
        header = kind.from_fileobj(io.BytesIO(plain))
        shape, affine = header.get_data_shape(), header.get_best_affine()
        _check_shape(shape, where)
        turns = nibabel.io_orientation(affine)
        places = [turns[:, 0].tolist().index(axis) for axis in range(3)]
        turned = affine @ nibabel.orientations.inv_ornt_aff(turns, shape[:3])
        np.linalg.inv(turned)
    except UserError:
        raise
    except Exception as error:  # nibabel raises almost anything on damaged bytes
        raise _unreadable(where, error) from None
    scale = MILLIMETRES.get(header.get_xyzt_units()[0], 1.0)
    first, second, third = (int(shape[place]) for place in places)
    stored = "".join(nibabel.aff2axcodes(affine))
    return Grid((first, second, third), np.diag([scale, scale, scale, 1.0]) @ turned, stored)


def _length(head: bytes) -> int:
    """Length that a header says it has, in either order of bytes."""
    first = head[:4]
    return 540 if 540 in (int.from_bytes(first, "little"), int.from_bytes(first, "big")) else 348


def _check_shape(shape: tuple[int, ...], where: str) -> None:
    if len(shape) < 3 or any(size > 1 for size in shape[3:]):
        sizes = " x ".join(map(str, shape))
        raise UserError(
            f"{where} has {sizes} values, not those of one volume.", "save every volume as a file of its own"
        )
    if math.prod(shape) > MOST_VALUES:  # before memory is taken for them
        count = f"{math.prod(shape) / 1e6:.0f} million values"
        raise UserError(f"{where} has {count}; more than 537 million are not read.", "cut it into pieces")


@dataclass(frozen=True)
class Volume:
    """A volume as it was read.

    Args:
        values: (x, y, z) float32 in the orientation RAS, slope and intercept applied.
        bits: of a stored value.
        spacing: millimetres from one voxel to the next along x, y and z; None if unknown.
    """

    values: np.ndarray
    bits: int
    spacing: tuple[float, float, float] | None

    def plane(self, axis: int, number: int) -> Image.Image:
        """Slice as a picture of mode F, whose `info` has its spacing (`SPACING`).

        Args:
            axis, number: of the slice.

        Raises:
            IndexError: there is no such slice.
        """
        image = Image.fromarray(np.ascontiguousarray(np.rot90(np.take(self.values, number, axis=axis))))
        if self.spacing is not None:
            across, down = (size for one, size in enumerate(self.spacing) if one != axis)
            image.info[SPACING] = (down, across)
        return image


def volume_of(content: bytes, where: str) -> Volume:
    """Read a volume.

    Args:
        content: of its file.
        where: the file, for messages.

    Raises:
        UserError: it is damaged, or no volume of three dimensions.
    """
    import nibabel
    from nibabel.affines import voxel_sizes

    try:
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        kind = nibabel.Nifti2Image if _length(plain) == 540 else nibabel.Nifti1Image
        volume = kind.from_bytes(plain)
        bits = 8 * volume.get_data_dtype().itemsize
        _check_shape(volume.shape, where)
        turned = nibabel.as_closest_canonical(volume)
        # Not the header's own sizes, which programs leave as they were where the affine is what counts.
        values, spacing = turned.get_fdata(dtype=np.float32), _spacing_of(volume.header, voxel_sizes(turned.affine))
    except UserError:
        raise
    except Exception as error:
        raise _unreadable(where, error) from None
    if not np.isfinite(values).all():
        raise UserError(f"{where} has values that are no numbers.", "replace them, or leave the volume out")
    return Volume(values.reshape(values.shape[:3]), bits, spacing)


def _spacing_of(header: Any, sizes: Sequence[float]) -> tuple[float, float, float] | None:
    """Millimetres between voxels along the first three axes, of these sizes; None where a header has no unit for them."""
    unit, has_place = header.get_xyzt_units()[0], bool(header["sform_code"]) or bool(header["qform_code"])
    if unit not in MILLIMETRES and not has_place:
        return None
    first, second, third = (float(size) * MILLIMETRES.get(unit, 1.0) for size in sizes[:3])
    return (first, second, third) if min(first, second, third) > 0 else None


# DICOM


def frames_of(content: bytes) -> int | None:
    """Count the frames of a DICOM file by its header; None where its beginning does not say, or is none.

    Args:
        content: of the file, or its beginning.
    """
    import pydicom

    try:
        # Rows come after the number of frames: without them the header goes on beyond what was given.
        wanted = ["NumberOfFrames", "Rows"]
        data = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True, specific_tags=wanted)
        return int(data.get("NumberOfFrames") or 1) if "Rows" in data else None
    except Exception:  # what is wrong with it is told when it is read
        return None


def film_of(content: bytes, where: str) -> Any:
    """Read a DICOM file, whose pixels are still stored.

    Args:
        content: of the file.
        where: the file, for messages.

    Returns:
        The data set of pydicom.

    Raises:
        UserError: it is damaged or no DICOM file, holds no picture, or one that is too large or of colours that are not read.
    """
    import pydicom

    try:
        data = pydicom.dcmread(io.BytesIO(content))
        kind = str(data.get("PhotometricInterpretation", ""))
        pixels = int(data.Rows) * int(data.Columns) if "PixelData" in data else 0
        int(data.BitsStored) if pixels else None
    except Exception as error:  # pydicom raises almost anything on damaged bytes
        raise _unreadable(where, error) from None
    if "PixelData" not in data:
        raise UserError(f"{where} holds no picture.", "leave it out")
    if pixels > MOST_PIXELS:
        raise UserError(f"{where} has {pixels / 1e6:.0f} million pixels; more than 67 are not read.", "leave it out")
    if kind not in ("MONOCHROME1", "MONOCHROME2", "RGB") and not kind.startswith("YBR"):
        raise UserError(
            f"{where} is of photometric interpretation {kind or 'unknown'}, which is not read.",
            "save it as grey or RGB",
        )
    return data


def dicom(data: Any, where: str, frame: int | None = None) -> tuple[Image.Image, int, str]:
    """Take a picture out of a DICOM file.

    Args:
        data: of `film_of`.
        where: the file, for messages.
        frame: its number; None where there is one.

    Returns:
        The picture: in colour, of mode L where grey values are bytes, else of mode F with slope and intercept applied; its `info`
        says whether low values are white (`INVERTED`), which patient it shows (`PATIENT`), as a digest, and how large its pixels
        are (`SPACING`). Its bits a channel; what kind of file it is.

    Raises:
        UserError: its pixels are damaged, compressed in a way that cannot be undone, or several, and none is named.
    """
    frames, bits = int(data.get("NumberOfFrames") or 1), int(data.BitsStored)
    if frames > 1 and frame is None:
        raise UserError(f"{where} has {frames} frames, and one is wanted.", "give every frame a file of its own")
    values = _pixels(data, where, frame)
    if values.ndim == 3:
        image = _in_colour(values, where)
    else:
        scale = _of_frame(data, frame, "PixelValueTransformationSequence")
        image = _in_grey(values, scale, bits, where, inverted=data.PhotometricInterpretation == "MONOCHROME1")
    image.info[PATIENT] = _digest(str(data.get("PatientID") or "").strip())
    if (spacing := _said(_of_frame(data, frame, "PixelMeasuresSequence").get("PixelSpacing"))) is not None:
        image.info[SPACING] = spacing
    return image, bits, f"DICOM, mode {'RGB' if values.ndim == 3 else 'L'}, {bits} bits"


def _said(values: Any) -> Spacing | None:
    """Spacing that a tag says; None unless its values are exactly two finite numbers above 0."""
    try:
        down, across = map(float, values)
    except (TypeError, ValueError):
        return None
    return (down, across) if 0 < down < math.inf and 0 < across < math.inf else None


def _of_frame(data: Any, frame: int | None, name: str) -> Any:
    """Where it is said of a frame what a sequence holds: for it alone, for all frames, or for the whole file."""
    places = (("PerFrameFunctionalGroupsSequence", frame or 0), ("SharedFunctionalGroupsSequence", 0))
    for groups, place in ((data.get(group) or (), place) for group, place in places):
        if place < len(groups) and groups[place].get(name):
            return groups[place][name].value[0]
    return data


def _pixels(data: Any, where: str, frame: int | None) -> np.ndarray:
    """Stored values of a frame; those in colour as RGB."""
    from pydicom.pixels import pixel_array

    try:
        return np.asarray(pixel_array(data, index=frame))
    except Exception as error:
        syntax = getattr(getattr(data, "file_meta", None), "TransferSyntaxUID", None)
        if syntax is not None and syntax.is_compressed:
            reason = f"is compressed as {syntax.name}, which cannot be undone here"
            raise UserError(f"{where} {reason} ({_first_line(error)}).", NEUTRAL) from None
        raise _unreadable(where, error) from None


def _in_colour(values: np.ndarray, where: str) -> Image.Image:
    if values.dtype != np.uint8:
        raise UserError(f"{where} is in colour and has more than 8 bits a channel.", "save it with 8 bits")
    return Image.fromarray(values)


def _in_grey(values: np.ndarray, scale: Any, bits: int, where: str, inverted: bool) -> Image.Image:
    from pydicom.pixels import apply_modality_lut

    scaled = np.asarray(apply_modality_lut(values, scale))
    if bits <= 8 and values.dtype == np.uint8 and np.array_equal(scaled, values):
        return Image.fromarray(255 - values if inverted else values)
    with np.errstate(over="ignore"):
        scaled = scaled.astype(np.float32)
    if not np.isfinite(scaled).all():
        raise UserError(
            f"{where} has values that are no finite numbers, once slope and intercept are applied.",
            "mend RescaleSlope and RescaleIntercept, or leave it out",
        )
    image = Image.fromarray(scaled)
    image.info[INVERTED] = inverted
    return image


def _digest(patient: str) -> str:
    """Pseudonym of a patient in tables; empty where none is named. Whoever tries all numbers finds a short one."""
    return f"patient {hashlib.sha256(patient.encode()).hexdigest()[:DIGITS]}" if patient else ""


def windowed(image: Image.Image, window: Callable[[np.ndarray], np.ndarray]) -> Image.Image:
    """Bring a picture of mode F to eight bits.

    Args:
        image: of `dicom` or `Volume.plane`.
        window: from values to 0..255.
    """
    grey = window(np.asarray(image))
    return Image.fromarray(255 - grey if image.info.get(INVERTED) else grey)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _unreadable(where: str, error: Exception) -> UserError:
    return UserError(f"{where} cannot be read ({_first_line(error)}).", "export it again, or leave it out")
