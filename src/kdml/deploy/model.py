"""A graph of an exported folder in ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from kdml.deploy.folder import AGAIN, Folder
from kdml.deploy.pictures import Window
from kdml.deploy.problems import Problem, reason


class Model:
    """A graph of an exported folder.

    Args:
        folder: that `snakemake export` made.
        which: `student` or `ensemble`; the ensemble if there is one, where it is not given.
        threads: that compute; all if not given.
        int8: take the graph in 8-bit integers.

    Raises:
        Problem: the folder is none, has no such graph, or the graph is not the one that it speaks of, by its checksum, by what it
            says of itself or by its outputs.
    """

    def __init__(self, folder: Path, which: str | None = None, threads: int = 0, int8: bool = False):
        whole = Folder(folder, which, int8)
        self.facts, self.title = whole.facts, whole.title
        self.kind, self.classes, self.size = (self.facts[name] for name in ("kind", "classes", "size"))
        try:
            self.session = opened(whole.graph, threads)
        except Exception as error:  # ONNX Runtime raises almost anything on damaged graphs
            raise Problem(f"{folder}: the {self.title} cannot be opened ({reason(error)}).", AGAIN) from None
        found = {one.name: one.shape[1:] for one in self.session.get_outputs()}
        if (expected := self._outputs(whole.students)) != {name: found.get(name) for name in expected}:
            raise Problem(f"{folder}: the {self.title} gives {_named(found)}, not {_named(expected)}.", AGAIN)

    def _outputs(self, students: int) -> dict[str, list]:
        """Names and shapes of what the graph must give for a picture, by what the folder says of it."""
        square = [self.size, self.size]
        if self.kind == "classification":
            answer = {"probabilities": [len(self.classes)]}
        else:
            answer = {"probability": [len(self.classes) + 1, *square] if self.of_several else square}
        (one,) = answer.values()
        each = {"students": [students, *one]} if students > 1 else {}
        mask = {"mask": ["height", "width"]} if self.kind == "segmentation" else {}
        return {"prepared": [3, *square], **answer, **each, **mask}

    @property
    def window(self) -> Window | None:
        """Which values of grey pictures of 16 bits become black and white; None for networks that were trained on others."""
        return None if (said := self.facts.get("window")) is None else Window(**said)

    @property
    def made_by(self) -> str:
        """Rule by which DICOM files or volumes of the training became pictures; empty where it had none."""
        return self.facts.get("made_by", "")

    @property
    def of_several(self) -> bool:
        """Whether its masks have several classes, one at each pixel."""
        return self.kind == "segmentation" and len(self.classes) > 1

    def values_of(self, mask: np.ndarray) -> np.ndarray:
        """A mask (h, w) as it is saved: 255 where it marks, or of several classes with the values that the training's masks had."""
        if not self.of_several:
            return mask * np.uint8(255)
        values = np.array(self.facts["mask_values"])
        return values.astype(np.uint8 if values.max() < 256 else np.uint16)[mask]

    def __call__(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs for one picture (h, w, 3) uint8, by name."""
        names = [one.name for one in self.session.get_outputs()]
        return {
            name: one[0]
            for name, one in zip(names, self.session.run(None, {"images": picture[np.newaxis]}), strict=True)
        }


def _named(outputs: Mapping[str, list]) -> str:
    return ", ".join(f"{name} ({' x '.join(map(str, shape))})" for name, shape in outputs.items())


def opened(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    """Open a graph on the CPU.

    Args:
        content: of its file.
        threads: that compute; 0 for all.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4  # errors are raised, too
    options.enable_cpu_mem_arena = False  # it grows to twice what the largest picture needs, and keeps that
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
