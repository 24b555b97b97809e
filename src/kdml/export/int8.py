"""Static quantisation of an exported graph to 8-bit integers: weights, and what passes between the layers of the networks.

Preparation, the last softmax or sigmoid and all that follows stay as they are. The form is QDQ (pairs of QuantizeLinear and
DequantizeLinear), weights by channel. They have 7 bits of the 8: without special instructions (VNNI) CPUs add pairs of products
in 16 bits, which would overflow, and the same file would say other things on other computers.

Reference:
    Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, CVPR 2018.
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from kdml.deploy.model import opened
from kdml.export.graphs import PROBABILITIES, PROBABILITY, Kind
from kdml.export.preparation import IMAGES
from kdml.runs.predictions import quantise, quantise_classes

CALIBRATION = 128  # pictures, at most
# What layers are made of; others, such as softmax and normalisation within transformers, stay in float.
OPERATIONS = (
    "Add",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Gemm",
    "GlobalAveragePool",
    "MatMul",
    "MaxPool",
    "Relu",
    "Resize",
)
ENDS = ("Sigmoid", "Softmax")


class _Pictures(CalibrationDataReader):
    """Pictures in the form in which ONNX Runtime asks for them.

    Args:
        pictures: (h, w, 3) uint8 each.
    """

    def __init__(self, pictures: Iterable[np.ndarray]):
        self.pictures = iter(pictures)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Input of the next picture; None after the last."""
        picture = next(self.pictures, None)
        return None if picture is None else {IMAGES: picture[np.newaxis]}


def calibration_rows(rows: np.ndarray) -> np.ndarray:
    """Rows of training pictures to calibrate with, evenly spread over all.

    Args:
        rows: of the training part, (n,).
    """
    places = np.linspace(0, len(rows) - 1, min(len(rows), CALIBRATION)).round().astype(int)
    return rows[places]


def write_int8(source: Path, path: Path, pictures: Iterable[np.ndarray]) -> None:
    """Write an exported graph with its networks in 8-bit integers.

    Args:
        source: graph in float32.
        path: to write.
        pictures: to find the ranges of the layers with, (h, w, 3) uint8 each; smallest and largest value count.
    """
    with tempfile.TemporaryDirectory() as beside:
        ready, made = Path(beside) / "ready.onnx", Path(beside) / "made.onnx"
        quant_pre_process(source, ready, skip_symbolic_shape=True, skip_optimization=True)
        quantize_static(
            ready,
            made,
            _Pictures(pictures),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATIONS),
            per_channel=True,
            reduce_range=True,
            nodes_to_exclude=sorted(_kept_in_float(onnx.load(ready).graph)),
        )
        model = onnx.load(made)
    properties = {one.key: one.value for one in onnx.load(source).metadata_props}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, properties | {"quantised": "static, int8, QDQ"})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _kept_in_float(graph: GraphProto) -> set[str]:
    """Names of nodes before and after the networks: preparation, and from the last softmax or sigmoid on."""
    made_by = {output: node for node in graph.node for output in node.output}
    kept = {node.name for node in graph.node if node.name.startswith("prepare/")}
    waiting = [output.name for output in graph.output]
    while waiting:
        node = made_by.get(waiting.pop())
        if node is not None and node.name not in kept:
            kept.add(node.name)
            waiting += [] if node.op_type in ENDS else node.input
    return kept


def answers(graphs: Iterable[Path], pictures: Iterable[np.ndarray], kind: Kind, threads: int) -> list[np.ndarray]:
    """Outputs of graphs for pictures, each as predictions are stored.

    Args:
        graphs: files.
        pictures: (h, w, 3) uint8 each.
        kind: of the task.
        threads: that compute.

    Returns:
        By graph: probabilities (n, K) float32, or quantised ones (n, size, size) or (n, K, size, size) uint8.
    """
    sessions = [opened(path.read_bytes(), threads) for path in graphs]
    found = list(zip(*_each(sessions, pictures, kind), strict=True))
    return [np.stack(one) for one in found]


def _each(sessions: list, pictures: Iterable[np.ndarray], kind: Kind) -> Iterator[list[np.ndarray]]:
    """Answers of all graphs for one picture after the other, so that each is read once."""
    for picture in pictures:
        images = {IMAGES: picture[np.newaxis]}
        if kind == "classification":
            yield [session.run([PROBABILITIES], images)[0][0] for session in sessions]
        else:
            yield [_quantised(session.run([PROBABILITY], images)[0][0]) for session in sessions]


def _quantised(probability: np.ndarray) -> np.ndarray:
    """Probabilities of a picture's pixels, or of each of their classes, as they are stored."""
    return quantise(probability) if probability.ndim == 2 else quantise_classes(probability[np.newaxis])[0]
