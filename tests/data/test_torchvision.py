"""What docs/why/design.md says of torchvision, which the project does without: where it gives the same, and where it does not."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import io as decoders
from torchvision.transforms import v2
from torchvision.utils import draw_segmentation_masks

from kdml.deploy.pictures import OUTLINES, outlined

EXACT, NEAREST = v2.InterpolationMode.BICUBIC, v2.InterpolationMode.NEAREST


def picture(height=60, width=90):
    y, x = np.mgrid[:height, :width]
    waves = 128 + 60 * np.sin(x / 17) + 50 * np.cos(y / 23)
    return (waves[..., None] + np.random.default_rng(0).normal(0, 25, (height, width, 3))).clip(0, 255).astype(np.uint8)


def encoded(kind, values, mode=None):
    buffer = io.BytesIO()
    image = Image.fromarray(values)
    (image.convert(mode) if mode else image).save(buffer, kind)
    return buffer.getvalue()


def decoded(content):
    return decoders.decode_image(torch.frombuffer(bytearray(content), dtype=torch.uint8)).permute(1, 2, 0).numpy()


SIXTEEN = picture()[..., 0].astype(np.uint16) * 256


@pytest.mark.parametrize(
    ("kind", "values", "mode"),
    [
        ("PNG", picture(), None),
        ("PNG", picture(), "P"),
        ("PNG", SIXTEEN, None),
        ("JPEG", picture(), None),
        ("WEBP", picture(), None),
    ],
)
def test_what_it_decodes_it_decodes_as_pillow_does(kind, values, mode):
    content = encoded(kind, values, mode)
    expected = np.asarray(Image.open(io.BytesIO(content)))
    assert np.array_equal(decoded(content), expected.reshape(*expected.shape[:2], -1))


@pytest.mark.parametrize(("kind", "values"), [("TIFF", picture()), ("TIFF", SIXTEEN), ("BMP", picture())])
def test_tiff_and_bmp_are_not_decoded(kind, values):
    with pytest.raises(RuntimeError, match="Unsupported image file"):
        decoded(encoded(kind, values))


@pytest.mark.parametrize(
    ("convert", "most"), [(torch.Tensor.byte, 0.02), (torch.Tensor.float, 0.5)], ids=["bytes", "floats"]
)
def test_its_resizing_is_near_pillow_s_and_not_the_same(convert, most):
    expected = np.asarray(Image.fromarray(picture()).resize((32, 32), Image.Resampling.BICUBIC)).astype(int)
    images = convert(torch.from_numpy(picture()).permute(2, 0, 1))
    found = v2.functional.resize(images, [32, 32], interpolation=EXACT, antialias=True).round().clamp(0, 255)
    apart = np.abs(found.permute(1, 2, 0).numpy().astype(int) - expected)
    assert 0 < (apart > 0).mean() < most and apart.max() <= 10


def test_its_nearest_pixel_is_another():
    mask = (np.random.default_rng(0).random((97, 61)) < 0.5).astype(np.uint8)
    expected = np.asarray(Image.fromarray(mask).resize((32, 32), Image.Resampling.NEAREST))
    found = v2.functional.resize(torch.from_numpy(mask)[None], [32, 32], interpolation=NEAREST)[0].numpy()
    assert (found != expected).mean() > 0.1


def test_it_draws_the_inside_of_masks_and_no_outline():
    mask = np.zeros((60, 90), np.uint8)
    mask[10:30, 20:60] = 1
    drawn = draw_segmentation_masks(
        torch.from_numpy(picture()).permute(2, 0, 1), torch.from_numpy(mask == 1), alpha=0.25, colors=[OUTLINES[0]]
    )
    found, expected = drawn.permute(1, 2, 0).numpy(), outlined(picture(), mask)
    assert np.array_equal(found[11:29, 21:59], expected[11:29, 21:59])
    assert (expected[10, 20:60] == OUTLINES[0]).all() and not (found[10, 20:60] == OUTLINES[0]).all()
