"""Data of a user's own as files: folders, zips, and pictures that need care."""

import io
import zipfile

import numpy as np
from PIL import Image


def written(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def rotated(values):
    """A JPEG whose head says that it has to be turned by a quarter."""
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "JPEG", exif=exif, quality=95)
    return buffer.getvalue()


def of_sixteen_bits(values):
    """A grey PNG with values up to 4080."""
    buffer = io.BytesIO()
    Image.fromarray(values.astype(np.uint16) * 16).save(buffer, "PNG")
    return buffer.getvalue()


def colour_of_sixteen_bits():
    """A PNG with 16 bits in each of three channels, which Pillow reads but does not write."""
    import cv2

    return cv2.imencode(".png", np.arange(0, 60_000, 1250, dtype=np.uint16).reshape(4, 4, 3))[1].tobytes()
