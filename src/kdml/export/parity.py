"""Whether an ONNX graph says of the test set what its networks said after training: from the original picture to the decision."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from onnx import ModelProto

from kdml.analysis.ensemble import with_ensemble
from kdml.common.errors import UserError
from kdml.deploy.model import opened
from kdml.export.graphs import PROBABILITIES, PROBABILITY, Kind
from kdml.export.preparation import IMAGES, PREPARED
from kdml.runs.graph import ENSEMBLE
from kdml.runs.predictions import marked


class Bar(NamedTuple):
    """What may differ at most.

    Args:
        probability: difference of a probability.
        decisions: share of decisions that change: classes of pictures, or marked pixels.
    """

    probability: float
    decisions: float


# By the precision of the training, with which the stored predictions were computed, too.
BARS: Mapping[str, Bar] = {"float32": Bar(1e-3, 1e-4), "tf32": Bar(1e-2, 1e-3), "bfloat16": Bar(5e-2, 1e-2)}


@dataclass
class Parity:
    """What was compared on a test set, and how far it differs.

    Args:
        pictures: that were compared.
        decisions: classes of pictures, or pixels that are marked or not, or of which class they are.
        changed: decisions that differ. Of the classes of a pixel the stored probabilities may be a step apart where those of an
            ensemble were equal: a class differs if it is further from the largest.
        difference: of a probability, the largest. A stored probability of a pixel is one of 256 steps: what counts is how far
            outside its step the graph's is; of several classes outside the next one, too (`kdml.runs.predictions`).
        pixels: values of the prepared images that were compared.
        pixels_otherwise: of these, how many the graph prepares differently.
    """

    pictures: int = 0
    decisions: int = 0
    changed: int = 0
    difference: float = 0.0
    pixels: int = 0
    pixels_otherwise: int = 0


def stored_of(outputs: Mapping[str, np.ndarray], networks: Sequence[str], kind: Kind) -> np.ndarray:
    """Stored outputs of some networks together, as a graph gives them.

    Args:
        outputs: of a run by network.
        networks: one, or those of an ensemble.
        kind: of the task.
    """
    if len(networks) == 1:
        return outputs[networks[0]]
    largest = with_ensemble({name: outputs[name] for name in networks})[ENSEMBLE]
    return largest / largest.sum(axis=1, keepdims=True) if kind == "classification" else largest


def compared(
    model: ModelProto,
    preparation: ModelProto,
    pictures: Iterable[np.ndarray],
    prepared: Iterable[np.ndarray],
    stored: np.ndarray,
    threads: int,
) -> Parity:
    """Run a graph over the test set and compare it with what is stored.

    Args:
        model: the graph.
        preparation: the graph of resizing alone.
        pictures: of the test set, (h, w, 3) uint8 each.
        prepared: the same as the networks were trained on, (size, size, 3) uint8 each.
        stored: probabilities (n, K) float32, or quantised ones (n, size, size) or (n, K, size, size) uint8.
        threads: that compute.
    """
    whole, resize = (opened(one.SerializeToString(), threads) for one in (model, preparation))
    of_classes = stored.ndim == 2
    found = Parity()
    for picture, expected, before in zip(pictures, prepared, stored, strict=True):
        images = {IMAGES: picture[np.newaxis]}
        resized = resize.run([PREPARED], images)[0][0].transpose(1, 2, 0)
        found.pixels += resized.size
        found.pixels_otherwise += int((resized != expected).sum())
        now = whole.run([PROBABILITIES if of_classes else PROBABILITY], images)[0][0]
        found.pictures += 1
        found.difference = max(found.difference, _difference(now, before))
        found.decisions += 1 if of_classes else before[0].size if before.ndim == 3 else before.size
        found.changed += _changed(now, before)
    return found


def _changed(now: np.ndarray, before: np.ndarray) -> int:
    """How many decisions on a picture differ: its class, pixels that are marked or not, or the classes of pixels."""
    if before.ndim == 1:
        return int(now.argmax() != before.argmax())
    if before.ndim == 2:
        return int(((now >= 0.5) != marked(before)).sum())
    chosen = np.take_along_axis(before, now.argmax(axis=0)[None], axis=0)[0]
    return int((before.max(axis=0) - chosen > 1).sum())


def _difference(now: np.ndarray, before: np.ndarray) -> float:
    """Largest difference of two probabilities, or how far one lies outside the step of a quantised one."""
    if before.dtype != np.uint8:
        return float(np.abs(now - before).max())
    low, steps = before.astype(np.float64) / 256, 2 if before.ndim == 3 else 1
    return float(np.maximum(low - now, now - low - steps / 256).clip(0).max())


def check(found: Parity, precision: str, name: str) -> None:
    """Refuse a graph that differs by more than the bar.

    Args:
        found: what was compared.
        precision: that its run was trained with.
        name: of the graph, for the message.

    Raises:
        UserError: it does; says by how much.
    """
    bar = BARS[precision]
    if found.difference <= bar.probability and found.changed <= bar.decisions * found.decisions:
        return
    raise UserError(
        f"The graph of the {name} does not say what its run said of {found.pictures} test pictures: probabilities differ by up to "
        f"{found.difference:.2g} (at most {bar.probability:g}), and {found.changed} of {found.decisions} decisions change (at most "
        f"{bar.decisions:g} of them); {found.pixels_otherwise} of {found.pixels} pixel values are prepared differently.",
        "let the workflow train its run again with the packages that are installed now: `snakemake --forcerun train`",
    )
