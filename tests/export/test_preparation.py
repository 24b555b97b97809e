"""Pictures are resized inside the graph to the same bits as by Pillow, whatever their size."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kdml.deploy.model import opened
from kdml.export.preparation import IMAGES, PREPARED, resizing

SIZES = [(450, 600), (64, 64), (96, 96), (256, 256), (1, 1), (3, 700), (700, 3), (97, 131), (63, 65)]


@pytest.fixture(scope="module")
def to_64():
    model = resizing(64)
    onnx.checker.check_model(model, full_check=True)
    return opened(model.SerializeToString(), 1)


def resized(graph, pictures):
    return graph.run([PREPARED], {IMAGES: pictures})[0].transpose(0, 2, 3, 1)


def by_pillow(picture, size=64):
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_bits_are_pillows(to_64, size):
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert np.array_equal(resized(to_64, picture[np.newaxis])[0], by_pillow(picture))


@settings(max_examples=25)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 2**32 - 1), st.booleans())
def test_bits_are_pillows_for_any_picture(to_64, height, width, seed, of_extremes):
    """Black and white beside each other overshoot, so that the filter's result is cut off at 0 and 255."""
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = np.where(picture > 127, 255, 0).astype(np.uint8) if of_extremes else picture
    assert np.array_equal(resized(to_64, picture[np.newaxis])[0], by_pillow(picture))


def test_a_picture_that_has_the_size_stays_as_it_is(to_64):
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert np.array_equal(resized(to_64, picture[np.newaxis])[0], picture)


def test_a_batch_is_its_pictures(to_64):
    pictures = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)
    alone = [resized(to_64, picture[np.newaxis])[0] for picture in pictures]
    assert np.array_equal(resized(to_64, pictures), alone)


def test_resize_of_onnx_has_other_bits():
    """The reason why the graph has a resizing of its own."""
    from onnx import TensorProto, helper

    sizes = helper.make_node("Constant", [], ["sizes"], value_ints=[1, 3, 64, 64])
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="cubic", antialias=1, cubic_coeff_a=-0.5, exclude_outside=1)  # fmt: skip
    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
        for name, shape in (("x", [1, 3, 450, 600]), ("y", [1, 3, 64, 64]))
    )
    graph = helper.make_graph([sizes, node], "resize", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    picture = np.random.default_rng(0).integers(0, 256, (450, 600, 3), dtype=np.uint8)
    found = opened(model.SerializeToString(), 1).run(
        None, {"x": picture.transpose(2, 0, 1)[np.newaxis].astype(np.float32)}
    )[0][0]
    found = found.round().clip(0, 255).transpose(1, 2, 0)
    share = (found != by_pillow(picture)).mean()
    assert share > 0.01
