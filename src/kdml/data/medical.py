"""Pictures of DICOM files and slices of NIfTI volumes; needs the extra `medical`.

A DICOM file is one picture. A NIfTI volume is as many as it has slices along an axis; slice 17 of `scan.nii.gz` is called
`scan.nii.gz[17]`. Volumes are brought to the orientation RAS first, so that axes 0, 1 and 2 are sagittal, coronal and axial
whatever order a scanner wrote them in; slices are turned so that what is in front or above is above.
"""

import gzip
import hashlib
import io
import math
import re
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from kdml.common.errors import UserError
from kdml.deploy.pictures import MOST_PIXELS

PLAIN, DICOM, NIFTI = "pictures", "dicom", "nifti"
SUFFIXES = {DICOM: (".dcm",), NIFTI: (".nii", ".nii.gz")}
SLICE = re.compile(r"(.+\.nii(?:\.gz)?)\[(\d+)\]", re.IGNORECASE)
HEAD = 2**16  # bytes of a file that hold a volume's header, compressed or not
HEADER = 1024  # bytes of it, of both versions of the format
INVERTED, PATIENT = "inverted", "patient"  # what is known of a picture besides its pixels
MOST_VALUES = 2**29  # of a volume: 2 GiB
DIGITS = 12  # of what stands for a patient
NEUTRAL = "convert it to uncompressed DICOM, for example with `gdcmconv --raw` or `dcmdjpeg`"


def slice_name(volume: str, number: int) -> str:
    """Name of a slice of a volume."""
    return f"{volume}[{number}]"


def file_of(name: str) -> tuple[str, int | None]:
    """File that a picture is in, and the number of its slice; None where the file is one picture."""
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


def slices_of(head: bytes, axis: int, where: str) -> int:
    """Count the slices of a volume, by its header.

    Args:
        head: the first `HEAD` bytes of its file.
        axis: 0 sagittal, 1 coronal, 2 axial.
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
        place = nibabel.io_orientation(affine)[:, 0].tolist().index(axis)
    except Exception as error:  # nibabel raises almost anything on damaged bytes
        raise _unreadable(where, error) from None
    _check_shape(shape, where)
    return int(shape[place])


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


def volume_of(content: bytes, where: str) -> tuple[np.ndarray, int]:
    """Read a volume.

    Args:
        content: of its file.
        where: the file, for messages.

    Returns:
        Values (x, y, z) float32 in the orientation RAS, slope and intercept applied; bits of a stored value.

    Raises:
        UserError: it is damaged, or no volume of three dimensions.
    """
    import nibabel

    try:
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        kind = nibabel.Nifti2Image if _length(plain) == 540 else nibabel.Nifti1Image
        volume = kind.from_bytes(plain)
        bits = 8 * volume.get_data_dtype().itemsize
        _check_shape(volume.shape, where)
        values = nibabel.as_closest_canonical(volume).get_fdata(dtype=np.float32)
    except UserError:
        raise
    except Exception as error:
        raise _unreadable(where, error) from None
    if not np.isfinite(values).all():
        raise UserError(f"{where} has values that are no numbers.", "replace them, or leave the volume out")
    return values.reshape(values.shape[:3]), bits


def plane(values: np.ndarray, axis: int, number: int) -> Image.Image:
    """Slice of a volume as a picture of mode F.

    Args:
        values: (x, y, z) float32.
        axis, number: of the slice.

    Raises:
        IndexError: there is no such slice.
    """
    return Image.fromarray(np.ascontiguousarray(np.rot90(np.take(values, number, axis=axis))))


# DICOM


def dicom(content: bytes, where: str) -> tuple[Image.Image, int, str]:
    """Read a DICOM file.

    Args:
        content: of the file.
        where: the file, for messages.

    Returns:
        The picture: in colour, of mode L where grey values are bytes, else of mode F with slope and intercept applied; its `info`
        says whether low values are white (`INVERTED`) and which patient it shows (`PATIENT`), as a digest. Its bits a channel; what
        kind of file it is.

    Raises:
        UserError: it is damaged or no DICOM file, has several frames, or is compressed in a way that cannot be undone here.
    """
    import pydicom

    try:
        data = pydicom.dcmread(io.BytesIO(content))
        frames, kind = int(data.get("NumberOfFrames") or 1), str(data.get("PhotometricInterpretation", ""))
        pixels, bits = (int(data.Rows) * int(data.Columns), int(data.BitsStored)) if "PixelData" in data else (0, 0)
    except Exception as error:  # pydicom raises almost anything on damaged bytes
        raise _unreadable(where, error) from None
    if "PixelData" not in data:
        raise UserError(f"{where} holds no picture.", "leave it out")
    if frames > 1:
        raise UserError(f"{where} has {frames} frames.", "give every frame a file of its own")
    if pixels > MOST_PIXELS:
        raise UserError(f"{where} has {pixels / 1e6:.0f} million pixels; more than 67 are not read.", "leave it out")
    if kind not in ("MONOCHROME1", "MONOCHROME2", "RGB") and not kind.startswith("YBR"):
        raise UserError(
            f"{where} is of photometric interpretation {kind or 'unknown'}, which is not read.",
            "save it as grey or RGB",
        )
    values = _pixels(data, where)
    image = (
        _in_colour(values, where) if values.ndim == 3 else _in_grey(values, data, bits, inverted=kind == "MONOCHROME1")
    )
    image.info[PATIENT] = _digest(str(data.get("PatientID") or "").strip())
    return image, bits, f"DICOM, mode {'RGB' if values.ndim == 3 else 'L'}, {bits} bits"


def _pixels(data: Any, where: str) -> np.ndarray:
    """Stored values; those in colour as RGB."""
    try:
        return np.asarray(data.pixel_array)
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


def _in_grey(values: np.ndarray, data: Any, bits: int, inverted: bool) -> Image.Image:
    from pydicom.pixels import apply_modality_lut

    scaled = np.asarray(apply_modality_lut(values, data))
    if bits <= 8 and values.dtype == np.uint8 and np.array_equal(scaled, values):
        return Image.fromarray(255 - values if inverted else values)
    image = Image.fromarray(scaled.astype(np.float32))
    image.info[INVERTED] = inverted
    return image


def _digest(patient: str) -> str:
    """Pseudonym of a patient in tables; empty where none is named. Whoever tries all numbers finds a short one."""
    return f"patient {hashlib.sha256(patient.encode()).hexdigest()[:DIGITS]}" if patient else ""


def windowed(image: Image.Image, window: Callable[[np.ndarray], np.ndarray]) -> Image.Image:
    """Bring a picture of mode F to eight bits.

    Args:
        image: of `dicom` or `plane`.
        window: from values to 0..255.
    """
    grey = window(np.asarray(image))
    return Image.fromarray(255 - grey if image.info.get(INVERTED) else grey)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _unreadable(where: str, error: Exception) -> UserError:
    return UserError(f"{where} cannot be read ({_first_line(error)}).", "export it again, or leave it out")
