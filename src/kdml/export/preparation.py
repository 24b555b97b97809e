"""Resizing of pictures inside an ONNX graph, to the same bits as Pillow's, which the data sets are prepared with.

ONNX has a cubic `Resize` with antialiasing, but its weights are floating and its result is rounded once; Pillow has a fixed point
of 22 bits and rounds after each of its two passes. So each pass is a matrix product here, with the weights of Pillow's
`precompute_coeffs` computed from the picture's size. All sums are whole numbers below 2**53, hence exact in float64.
"""

import numpy as np
from onnx import ModelProto, TensorProto, inliner, numpy_helper
from onnxscript import DOUBLE, INT64, UINT8, script
from onnxscript import opset20 as op

OPSET = 20
IR_VERSION = 10  # of the files: what runtimes read since 2024
IMAGES, PREPARED, SIZE = "images", "prepared", "size"
HALF, UNIT = 2.0**21, 2.0**22  # of Pillow's fixed point
REACH = 2.0  # of the cubic filter, in pixels to both sides, where nothing is made smaller


@script()
def _weights(n: INT64[1], size: INT64[1]) -> DOUBLE["rows", "columns"]:
    """Weights of `n` pixels in each of `size` new ones, as Pillow's bicubic filter (a = -0.5) has them."""
    pixels = op.Cast(n, to=TensorProto.DOUBLE)
    one = op.CastLike(1.0, pixels)
    nothing = op.CastLike(0.0, pixels)
    scale = pixels / op.Cast(size, to=TensorProto.DOUBLE)
    stretch = op.Max(scale, one)
    place = op.Unsqueeze(op.Cast(op.Range(0, op.Squeeze(size), 1), to=TensorProto.DOUBLE), [1])
    centre = (place + 0.5) * scale
    first = op.Floor(op.Max(centre - stretch * REACH + 0.5, nothing))
    end = op.Min(op.Floor(centre + stretch * REACH + 0.5), pixels)
    column = op.Unsqueeze(op.Cast(op.Range(0, op.Squeeze(n), 1), to=TensorProto.DOUBLE), [0])
    x = op.Abs((column - centre + 0.5) * (one / stretch))
    inner = (1.5 * x - 2.5) * x * x + 1.0
    outer = (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
    cubic = op.Where(x < 1.0, inner, op.Where(x < REACH, outer, nothing))
    within = op.And(column >= first, column < end)
    share = op.Where(within, cubic, nothing)
    fixed = share / op.ReduceSum(share, [1]) * UNIT
    return op.Cast(op.Cast(fixed + op.Sign(fixed) * 0.5, to=TensorProto.INT64), to=TensorProto.DOUBLE)


@script()
def _rounded(sums: DOUBLE[...]) -> DOUBLE[...]:
    """Pixel values 0..255 of sums in fixed point."""
    return op.Clip(op.Floor((sums + HALF) / UNIT), op.CastLike(0.0, sums), op.CastLike(255.0, sums))


@script()
def _prepared(images: UINT8["batch", "height", "width", 3], size: INT64[1]) -> UINT8["batch", 3, "side", "side"]:
    """Pictures with `size` pixels a side, first across and then down, as Pillow does it."""
    shape = op.Shape(images)
    planes = op.Cast(op.Transpose(images, perm=[0, 3, 1, 2]), to=TensorProto.DOUBLE)
    across = _weights(op.Gather(shape, [2]), size)
    down = _weights(op.Gather(shape, [1]), size)
    narrow = _rounded(op.MatMul(planes, op.Transpose(across, perm=[1, 0])))
    prepared = op.Cast(_rounded(op.MatMul(down, narrow)), to=TensorProto.UINT8)
    return prepared


def resizing(size: int) -> ModelProto:
    """Graph that takes `images` (b, h, w, 3) uint8 of any size and gives `prepared` (b, 3, size, size) uint8.

    Args:
        size: side in pixels, as the data set was prepared.
    """
    model = inliner.inline_local_functions(_prepared.to_model_proto(ir_version=IR_VERSION))
    del model.graph.input[1]
    model.graph.initializer.append(numpy_helper.from_array(np.array([size], dtype=np.int64), SIZE))
    return model
