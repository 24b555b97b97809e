"""A graph of an exported folder in ONNX Runtime."""

from pathlib import Path

import numpy as np
import onnxruntime

from kdml.deploy.folder import Folder
from kdml.deploy.pictures import Window


class Model:
    """A graph of an exported folder.

    Args:
        folder: that `snakemake export` made.
        which: `student` or `ensemble`; the ensemble if there is one, where it is not given.
        threads: that compute; all if not given.
        int8: take the graph in 8-bit integers.

    Raises:
        Problem: the folder is none, has no such graph, or the graph is not the one that it speaks of.
    """

    def __init__(self, folder: Path, which: str | None = None, threads: int = 0, int8: bool = False):
        whole = Folder(folder, which, int8)
        self.facts, self.title = whole.facts, whole.title
        self.session = opened(whole.graph, threads)
        self.kind, self.classes, self.size = (self.facts[name] for name in ("kind", "classes", "size"))

    @property
    def window(self) -> Window | None:
        """Which values of grey pictures of 16 bits become black and white; None for networks that were trained on others."""
        return None if (said := self.facts.get("window")) is None else Window(**said)

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


def opened(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    """Open a graph on the CPU.

    Args:
        content: of its file.
        threads: that compute; 0 for all.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
