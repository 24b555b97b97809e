"""Arrays on disk, read checked: a file that was cut off, edited or is of another kind is named, and nothing in it is executed."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kdml.common.errors import UserError


def open_bytes(path: Path, dimensions: int, remedy: str) -> np.ndarray:
    """An array of bytes in a .npy file, mapped into memory.

    Args:
        path: of the file.
        dimensions: that it must have.
        remedy: what to do if it is not as it should be.

    Raises:
        UserError: it is missing, damaged or cut off, of another type, or of other dimensions.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", remedy) from None
    except Exception as error:  # numpy raises almost anything on a damaged header
        raise UserError(f"{path} is damaged or not an array ({error}).", remedy) from None
    if not isinstance(array, np.ndarray):
        raise UserError(f"{path} holds several arrays, not one.", remedy)
    if array.dtype != np.uint8 or array.ndim != dimensions:
        found = f"{array.dtype} with {array.ndim} dimensions"
        raise UserError(f"{path} holds {found}; expected uint8 with {dimensions}.", remedy)
    return array


def read_arrays(path: Path, remedy: str) -> Mapping[str, np.ndarray]:
    """Arrays of a .npz file by name, none of which promises more bytes than its member has.

    Args:
        path: of the file.
        remedy: what to do if it is not as it should be.

    Raises:
        UserError: it is missing, damaged, holds no arrays, or objects in place of numbers.
    """
    try:
        with zipfile.ZipFile(path) as file:
            members = file.infolist()
            if len({member.filename for member in members}) < len(members):
                raise UserError(f"{path} holds two arrays of one name.", remedy)
            return {member.filename.removesuffix(".npy"): _member(file, member) for member in members}
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", remedy) from None
    except UserError:
        raise
    except Exception as error:  # so do zipfile and what it unpacks with
        raise UserError(f"{path} is damaged ({error}).", remedy) from None


def _member(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """An array of an .npz file; its header is compared with the member's size before any memory is taken for it."""
    with file.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
        if dtype.hasobject:
            raise ValueError(f"{member.filename} holds objects, not numbers")
        promised = dtype.itemsize * int(np.prod(shape, dtype=object))
        if min(shape, default=0) < 0 or promised != member.file_size - stream.tell():
            raise ValueError(f"{member.filename} is said to have the shape {shape}, which does not fit its size")
    with file.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)
