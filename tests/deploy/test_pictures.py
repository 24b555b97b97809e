"""Pictures of a folder: which there are, which are read, and that training reads the same."""

import io
import os
import signal
import zipfile

import numpy as np
import pytest
from own_files import colour_of_sixteen_bits
from PIL import Image

from kdml.common.errors import UserError
from kdml.data.layouts import Member
from kdml.data.reader import Decoding, Reader
from kdml.deploy.pictures import OUTLINES, Window, found, outlined, read
from kdml.deploy.problems import Problem, printable

COLOURS = np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)
IMAGE = Image.fromarray(COLOURS)


def with_alpha(values, mode="RGB"):
    image = IMAGE.convert(mode)
    image.putalpha(Image.fromarray(np.full((12, 10), 255, np.uint8) if values is None else values))
    return image


FAINT = np.full((12, 10), 255, np.uint8)
FAINT[3, 4] = 254
PALETTE = IMAGE.quantize(8)
# What is transparent is refused, what only has a channel for it is not: (picture, format, options, whether it is taken).
ALPHA = {
    "all clear": (with_alpha(FAINT * 0), "PNG", {}, False),
    "one pixel, a little": (with_alpha(FAINT), "PNG", {}, False),
    "grey": (with_alpha(FAINT, "L"), "PNG", {}, False),
    "a colour of a palette": (PALETTE, "PNG", {"transparency": 0}, False),
    "colours of a palette": (PALETTE, "PNG", {"transparency": bytes([255, 9])}, False),
    "one colour": (IMAGE, "PNG", {"transparency": tuple(COLOURS[2, 2].tolist())}, False),
    "one grey value": (IMAGE.convert("L"), "PNG", {"transparency": IMAGE.convert("L").getpixel((2, 2))}, False),
    "WebP": (with_alpha(FAINT), "WEBP", {"lossless": True}, False),
    "TIFF": (with_alpha(FAINT), "TIFF", {}, False),
    "opaque": (with_alpha(None), "PNG", {}, True),
    "opaque grey": (with_alpha(None, "L"), "PNG", {}, True),
    "opaque palette": (PALETTE, "PNG", {"transparency": bytes([255] * 8)}, True),
    "a colour that is nowhere": (Image.new("RGB", (12, 10), (9, 9, 9)), "PNG", {"transparency": (1, 2, 3)}, True),
}


def in_training(tmp_path, content):
    """A picture as training reads it from an archive of the user's own."""
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as packed:
        packed.writestr("a.png", content)
    reader = Reader({"mine": tmp_path / "mine.zip"}, 8, Decoding(modes=None))
    return reader.original(Member(0, "a.png"))


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.bad_input
@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
@pytest.mark.parametrize(("image", "kind", "options", "taken"), ALPHA.values(), ids=ALPHA)
def test_transparent_pixels_are_refused_as_in_training(image, kind, options, taken, tmp_path):
    content = saved(image, kind, **options)
    (tmp_path / "a.png").write_bytes(content)
    if taken:
        assert np.array_equal(read(tmp_path / "a.png").pixels, in_training(tmp_path, content))
        assert np.array_equal(read(tmp_path / "a.png").pixels, np.asarray(image.convert("RGB")))
        return
    message = "has transparent pixels, whose colour is unknown"
    with pytest.raises(Problem, match=message) as refused:
        read(tmp_path / "a.png")
    assert refused.value.remedy == "flatten it"
    with pytest.raises(UserError, match=message):
        in_training(tmp_path, content)


@pytest.mark.bad_input
def test_the_content_decides_and_not_the_name(tmp_path):
    for kind, taken in (("PNG", True), ("BMP", True), ("GIF", False), ("ICNS", False)):
        content = saved(IMAGE.resize((16, 16)), kind)
        (tmp_path / "a.png").write_bytes(content)
        if taken:
            assert read(tmp_path / "a.png").size == (16, 16)
            continue
        with pytest.raises(Problem, match=r"a.png holds none of the formats that are read \(PNG, JPEG"):
            read(tmp_path / "a.png")
        with pytest.raises(UserError, match="cannot be read"):
            in_training(tmp_path, content)


REFUSED = {
    "LAB": (saved(IMAGE.convert("LAB"), "TIFF"), None, "is of mode LAB, which is not read", "save it as grey or RGB"),
    "32 bits": (
        saved(IMAGE.convert("I"), "TIFF"),
        None,
        "mode I and has more than 8 bits a channel",
        "convert it to 8",
    ),
    "float": (saved(IMAGE.convert("F"), "TIFF"), None, "mode F and has more than 8 bits a channel", "convert it to 8"),
    "of the wrong depth": (saved(IMAGE.convert("I"), "TIFF"), Window(0, 9), "more than 8 bits", "grey with 16 bits"),
    "16 bits of colour": (colour_of_sixteen_bits(), None, "more than 8 bits a channel", "convert it to 8 bits"),
    "nothing": (b"", None, "holds none of the formats", "take it out"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("content", "window", "message", "remedy"), REFUSED.values(), ids=REFUSED)
def test_the_reason_is_the_true_one(content, window, message, remedy, tmp_path):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(Problem, match=f"a.tif .*{message}") as refused:
        read(tmp_path / "a.tif", window)
    assert remedy in refused.value.remedy


@pytest.mark.bad_input
def test_what_is_no_file_is_listed_and_told_without_waiting(tmp_path):
    IMAGE.save(tmp_path / "a.png")
    (tmp_path / "again.png").symlink_to("a.png")
    (tmp_path / "b.png").symlink_to("nothing")
    (tmp_path / "c.png").symlink_to("c.png")
    os.mkfifo(tmp_path / "pipe.png")
    names = found(tmp_path, tmp_path / "out").names
    assert names == ["a.png", "again.png", "b.png", "c.png", "pipe.png"]
    assert read(tmp_path / "again.png").size == (12, 10)
    signal.alarm(30)  # ends a test that waits for ever
    for name in names[2:]:
        with pytest.raises(Problem, match=f"{name} is no file, or a link to none"):
            read(tmp_path / name)
    with pytest.raises(Problem, match=r"pipe\.png is neither a folder nor a picture"):
        found(tmp_path / "pipe.png", tmp_path / "out")
    signal.alarm(0)


def test_folders_that_are_not_entered_are_named(tmp_path):
    for name in (
        "a.png",
        "sub.png/b.png",
        "old/masks/a.png",
        "old/overlays/a.png",
        "masks/c.png",
        ".hidden/a.png",
        "out/d.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        IMAGE.save(tmp_path / name)
    (tmp_path / "old/predictions.csv").touch()
    (tmp_path / ".a.png").touch()
    (tmp_path / "sub.png/loop").symlink_to("..")
    seen = found(tmp_path, tmp_path / "out")
    assert seen.names == ["a.png", "masks/c.png", "sub.png/b.png"] and seen.others == 1
    assert sorted(seen.closed) == [".hidden", "old/masks", "old/overlays", "sub.png/loop"]


@pytest.mark.bad_input
def test_a_folder_that_cannot_be_read_is_refused(tmp_path, monkeypatch):
    IMAGE.save(tmp_path / "a.png")
    (tmp_path / "shut").mkdir()
    whole = os.scandir

    def shut(path):
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path)

    monkeypatch.setattr(os, "scandir", shut)  # root may read everything
    with pytest.raises(Problem, match=r"shut cannot be read \(Permission denied\)"):
        found(tmp_path, tmp_path / "out")


def test_inside_a_mask_a_quarter_is_colour():
    """In whole numbers: floats of a large picture take gigabytes."""
    mask = np.ones((12, 10), np.uint8)
    shown = outlined(COLOURS, mask)[1:-1, 1:-1]
    assert np.array_equal(shown, (0.75 * COLOURS[1:-1, 1:-1] + 0.25 * np.array(OUTLINES[0])).astype(np.uint8))


def test_names_stay_in_one_line():
    assert printable("a\nb\x1b[31m\udcff é.png") == r"a\nb\x1b[31m\udcff é.png"


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("made_by", "told"),
    [
        ("", "with the grey values of the training pictures"),
        ("cut along axis 1", "as those of the training were: cut along axis 1; README.md has the lines"),
    ],
)
def test_files_that_pictures_can_be_made_of_are_refused_with_the_rule(tmp_path, made_by, told):
    for name in ("scan.NII.gz", "film.dcm", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    film = tmp_path / "film.dcm"
    for place, what in ((tmp_path, "2 of its files are DICOM files or volumes"), (film, "film.dcm is a DICOM file")):
        with pytest.raises(Problem) as caught:
            found(place, tmp_path / "out", made_by)
        assert what in caught.value.problem and told in caught.value.remedy
    (tmp_path / "a.png").write_bytes(b"x")
    assert found(tmp_path, tmp_path / "out").names == ["a.png"]
