"""Masks of one class with other values than black and white: edges are read, second classes are refused, and all are reported."""

import io

import numpy as np
import pytest
from own_files import png, written
from PIL import Image, ImageDraw

from kdml.common.errors import UserError
from kdml.data.archives import record_of
from kdml.data.layouts import Choice
from kdml.data.mask_greys import areas, greys_of, has_other_things
from kdml.data.own import Own
from kdml.data.prepare import prepare

SIZE = 64


def disc(number, values=(255,), smooth=1):
    """A disc for each value, each smaller than the one before it and within it, with smooth edges where asked for."""
    image = Image.new("L", (SIZE * smooth, SIZE * smooth))
    drawn = ImageDraw.Draw(image)
    for place, value in enumerate(values):
        side = smooth * (12 + number % 9 - 5 * place)
        middle = smooth * (26 + number % 5)
        drawn.ellipse((middle - side, middle - side, middle + side, middle + side), fill=value)
    return image.resize((SIZE, SIZE), Image.Resampling.BOX) if smooth > 1 else image


def as_jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def in_alpha(number, colour=0):
    values = np.full((SIZE, SIZE, 4), colour, np.uint8)
    values[..., 3] = np.asarray(disc(number))
    return png(Image.fromarray(values))


def grown(image):
    return image.resize((3 * SIZE, 3 * SIZE), Image.Resampling.BICUBIC).resize((SIZE, SIZE), Image.Resampling.NEAREST)


def prepared(folder, draw, suffix="png", **options):
    files = {}
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
        files |= {f"images/{number}.png": png(Image.fromarray(pixels)), f"masks/{number}.{suffix}": draw(number)}
    source = written(folder / "mine", files)
    record = record_of("own_mine", source, "x")
    report = prepare("mine", [record], SIZE, Choice(), folder / "out", folder=source, own=Own("mine", **options))
    return report, np.load(folder / "out/masks.npy")


EDGES = {
    "black and white": (lambda number: png(disc(number)), "png"),
    "twice as fine": (lambda number: png(disc(number, smooth=2)), "png"),
    "four times as fine": (lambda number: png(disc(number, smooth=4)), "png"),
    "resized": (lambda number: png(grown(disc(number))), "png"),
    "JPEG of 95": (lambda number: as_jpeg(disc(number), 95), "jpg"),
    "JPEG of 20": (lambda number: as_jpeg(disc(number), 20), "jpg"),
    "JPEG saved as PNG": (lambda number: png(Image.open(io.BytesIO(as_jpeg(disc(number), 60)))), "png"),
}


@pytest.mark.parametrize(("draw", "suffix"), EDGES.values(), ids=EDGES)
def test_smooth_edges_and_jpeg_are_read(draw, suffix, tmp_path):
    _, masks = prepared(tmp_path, draw, suffix)
    for number, found in enumerate(masks):
        expected = np.asarray(disc(number)) > 127
        assert (found != expected).mean() < 0.03 and found.any()


OTHERS = {
    "Pascal VOC": ((255, 1), "0, 1, 255"),
    "two classes in grey": ((85, 170), "0, 85, 170"),
    "two classes, one of them white": ((255, 128), "0, 128, 255"),
    "three classes": ((60, 120, 180), "0, 60, 120, 180"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("values", "words"), OTHERS.values(), ids=OTHERS)
def test_areas_of_other_values_are_refused_unless_somebody_says_what_is_marked(values, words, tmp_path):
    with pytest.raises(UserError, match=rf"have \d grey values that are more than edges \({words}\).* masks/\d+\.png \(mode L\)") as caught:  # fmt: skip
        prepared(tmp_path, lambda number: png(disc(number, values)))
    assert "`mask_values`" in caught.value.remedy and "`mask_above: 0`" in caught.value.remedy
    for options, above in (({"mask_above": 0}, 0), ({"any_values": True}, 127)):
        report, masks = prepared(tmp_path / str(above), lambda number: png(disc(number, values)), **options)
        assert (masks[3] == (np.asarray(disc(3, values)) > above)).all()
    listed = report["files"]["mask_values"]
    assert listed == {str(value): 12 for value in sorted({0, *values})}
    assert report["files"]["different_mask_values"] == len(listed)


def test_a_thin_border_is_no_reason_to_lose_what_it_surrounds(tmp_path):
    """As in Pascal VOC: things are 1, their outlines of 2 pixels 255."""

    def draw(number):
        values = np.zeros((SIZE, SIZE), np.uint8)
        values[8:40, 8 : 20 + number] = 255
        values[10:38, 10 : 18 + number] = 1
        return png(Image.fromarray(values))

    with pytest.raises(UserError, match=r"3 grey values that are more than edges \(0, 1, 255\)"):
        prepared(tmp_path, draw)


def test_classes_with_smooth_edges_are_seen_too(tmp_path):
    with pytest.raises(UserError, match=r"3 grey values that are more than edges \(0, 128, 255\)"):
        prepared(tmp_path, lambda number: png(disc(number, (255, 128), smooth=4)))


def test_a_map_of_probabilities_is_read_by_its_threshold():
    rows = np.repeat(np.repeat(np.arange(0, 256, 4, dtype=np.uint8), 4)[:, None], 64, axis=1)
    assert not has_other_things(areas([greys_of(rows)]))


@pytest.mark.bad_input
@pytest.mark.parametrize("colour", [0, 255])
def test_a_mask_in_the_alpha_channel_is_refused(colour, tmp_path):
    def draw(number):
        return in_alpha(number, colour) if number == 4 else png(disc(number))

    with pytest.raises(UserError, match=r"masks/4\.png has transparent pixels, which say something else") as caught:
        prepared(tmp_path, draw)
    assert "without transparency" in caught.value.remedy


def test_alpha_that_says_what_grey_values_say_is_read(tmp_path):
    def draw(number):
        marks = np.asarray(disc(number))
        return png(Image.fromarray(np.stack([marks] * 4, axis=-1)))

    assert (prepared(tmp_path, draw)[1][2] == (np.asarray(disc(2)) > 127)).all()
