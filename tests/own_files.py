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


SHAPES = {"disc": 1, "ring": 2, "bar": 7}  # classes of masks, and their values in files
MILLIMETRES = ("0.5 2", "0.25")  # cells of a table: of every second picture


def shapes(pictures, size, seed=0):
    """Pictures with a disc, a ring and a bar, not all of them in each, and masks in grey or with a palette: files, and a table with the
    patient of each and the millimetres between its pixels, down and across."""
    draws = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    files, lines = {}, ["file,mask,patient,side,mm"]
    for number in range(pictures):
        mask = np.zeros((size, size), np.uint8)
        for which in draws.permutation(3)[: draws.integers(0, 4)]:
            row, column = draws.uniform(0.25, 0.75, 2)
            apart = np.hypot(y - row, x - column)
            where = (apart < 0.16, (apart > 0.15) & (apart < 0.24), (abs(y - row) < 0.3) & (abs(x - column) < 0.06))[
                which
            ]
            mask[where] = [*SHAPES.values()][which]
        colours = np.zeros((256, 3))
        colours[[0, *SHAPES.values()]] = [(60, 60, 70), (190, 80, 70), (80, 180, 90), (90, 110, 220)]
        pixels = (colours[mask] + draws.normal(0, 18, (size, size, 3))).clip(0, 255).astype(np.uint8)
        drawn = Image.fromarray(mask)
        if number % 2:
            drawn.putpalette(colours.astype(np.uint8).ravel().tolist())
        files |= {f"pictures/{number}.png": png(Image.fromarray(pixels)), f"masks/{number}.png": png(drawn)}
        lines.append(
            f"pictures/{number}.png,masks/{number}.png,p{number // 2},{'lr'[number % 4 // 2]},{MILLIMETRES[number % 2]}"
        )
    return files | {"list.csv": "\n".join(lines) + "\n"}


def png(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def colour_of_sixteen_bits():
    """A PNG with 16 bits in each of three channels, which Pillow reads but does not write."""
    import cv2

    return cv2.imencode(".png", np.arange(0, 60_000, 1250, dtype=np.uint16).reshape(4, 4, 3))[1].tobytes()
