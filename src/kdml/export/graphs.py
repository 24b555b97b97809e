"""One ONNX graph of one or several networks: pictures of any size in; probabilities, or a probability and a mask, out."""

import logging
import warnings
from collections.abc import Sequence
from typing import Literal

import onnx
import torch
from onnx import ModelProto, TensorProto, compose, helper
from onnxscript import FLOAT, UINT8, optimizer, script
from onnxscript import opset20 as op
from torch import Tensor, nn

from kdml.export.preparation import IR_VERSION, OPSET, PREPARED, resizing
from kdml.learning.networks import Network

for _name in ("onnxscript", "onnx_ir"):  # they tell of every node
    logging.getLogger(_name).setLevel(logging.WARNING)
PROBABILITIES, PROBABILITY, STUDENTS = "probabilities", "probability", "students"
Kind = Literal["classification", "segmentation"]


class Answers(nn.Module):
    """Probabilities of networks side by side, and of all of them together: the largest, as the project's ensembles have it.

    Args:
        networks: one or more, of one kind of task.
        kind: of their task.
    """

    def __init__(self, networks: Sequence[Network], kind: Kind):
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.kind = kind
        for module in self.modules():
            module._forward_hooks.clear()  # feature taps, which nothing takes here

    def forward(self, prepared: Tensor) -> tuple[Tensor, ...]:
        """Probabilities for images (b, 3, size, size) uint8.

        Returns:
            Class probabilities (b, K), those of several networks scaled to a sum of 1; or foreground probabilities (b, size, size),
            of masks with several classes those of the background and each class (b, K, size, size). With several networks also
            those of each, (b, networks, ...).
        """
        logits = [network(prepared).logits for network in self.networks]
        if self.kind == "segmentation" and logits[0].shape[1] > 1:
            each = torch.stack([one.softmax(dim=1) for one in logits], dim=1)
            # All that any network marks is marked, as in `kdml.analysis.class_pixels.of_ensemble`.
            largest = torch.cat([each[:, :, :1].amin(dim=1), each[:, :, 1:].amax(dim=1)], dim=1)
        elif self.kind == "segmentation":
            each = torch.stack([one.sigmoid().squeeze(1) for one in logits], dim=1)
            largest = each.amax(dim=1)
        else:
            each = torch.stack([one.softmax(dim=1) for one in logits], dim=1)
            largest = each.amax(dim=1)
            largest = largest / largest.sum(dim=1, keepdim=True)
        return (largest, each) if len(logits) > 1 else (largest,)


@script()
def _enlarged(
    probability: FLOAT["batch", "size", "size"], images: UINT8["batch", "height", "width", 3]
) -> UINT8["batch", "height", "width"]:
    """Masks of the pictures' own sizes: 1 where the probability, interpolated linearly, is 0.5 or more."""
    sizes = op.Concat(op.Shape(probability, start=0, end=1), [1], op.Shape(images, start=1, end=3), axis=0)
    large = op.Resize(op.Unsqueeze(probability, [1]), None, None, sizes, mode="linear")
    mask = op.Cast(op.Squeeze(large, [1]) >= 0.5, to=TensorProto.UINT8)
    return mask


@script()
def _enlarged_classes(
    probability: FLOAT["batch", "classes", "size", "size"], images: UINT8["batch", "height", "width", 3]
) -> UINT8["batch", "height", "width"]:
    """Masks of the pictures' own sizes: the class of the largest probability, each interpolated linearly."""
    sizes = op.Concat(op.Shape(probability, start=0, end=2), op.Shape(images, start=1, end=3), axis=0)
    large = op.Resize(probability, None, None, sizes, mode="linear")
    mask = op.Cast(op.ArgMax(large, axis=1, keepdims=0), to=TensorProto.UINT8)
    return mask


def graph_of(networks: Sequence[Network], kind: Kind, size: int, of_several: bool = False) -> ModelProto:
    """Graph of networks, from pictures of any size to what a user wants to know.

    Args:
        networks: one, or several whose ensemble is wanted; they lose their feature taps.
        kind: of their task.
        size: of the images that they were trained on, in pixels of a side.
        of_several: whether masks have several classes.

    Returns:
        Graph from `images` (b, h, w, 3) uint8 RGB to `prepared` (b, 3, size, size) uint8, as the networks see them, and to
        `probabilities` (b, K), or to `probability` (b, size, size) and `mask`
        (b, h, w) of 0 and 1; of masks with several classes to `probability` (b, K, size, size), the background first, and `mask` of
        0 to K - 1; for several networks with `students`, the probabilities of each.
    """
    parts = [compose.add_prefix(resizing(size), "prepare/", rename_inputs=False, rename_outputs=False)]
    parts += [_exported(Answers(networks, kind), size)]
    if kind == "segmentation":
        mask = (_enlarged_classes if of_several else _enlarged).to_model_proto(ir_version=IR_VERSION)
        parts += [compose.add_prefix(mask, "mask/", rename_inputs=False, rename_outputs=False)]
    graph = helper.make_graph(
        [node for part in parts for node in part.graph.node],
        "kdml",
        parts[0].graph.input,
        [output for part in parts for output in part.graph.output],
        [tensor for part in parts for tensor in part.graph.initializer],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = optimizer.optimize(
        helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="kdml")
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _exported(answers: Answers, size: int) -> ModelProto:
    """Graph of the networks alone, from `prepared` (b, 3, size, size) uint8."""
    first = PROBABILITIES if answers.kind == "classification" else PROBABILITY
    example = torch.zeros(2, 3, size, size, dtype=torch.uint8)  # two, because a batch of one is taken for a constant
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch's own parts, about each other
        program = torch.onnx.export(
            answers.eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[PREPARED],
            output_names=[first, STUDENTS] if len(answers.networks) > 1 else [first],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    return program.model_proto
