"""An exported folder: what it says of itself, and its graph."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from kdml.deploy.pictures import Window
from kdml.deploy.problems import Problem

FACTS = "export.json"
NEEDED = ("name", "kind", "classes", "size", "models", "files", "training_pictures")
AGAIN = "unpack the zip again, or make the folder anew with `snakemake export`"


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
        self.facts = _facts(folder)
        models: Mapping[str, Any] = self.facts["models"]
        self.which = which or ("ensemble" if "ensemble" in models else "student")
        if self.which not in models:
            raise Problem(f"{folder} has no {self.which}, only {', '.join(models)}.", "choose one of these")
        said = models[self.which]
        if int8 and "int8" not in said:
            raise Problem(f"{folder} has no {self.which} in 8-bit integers.", f"{AGAIN}; or leave out --int8")
        said = said["int8"] if int8 else said
        path = folder / said["file"]
        if not path.is_file():
            raise Problem(f"{path} does not exist.", AGAIN)
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != said["sha256"]:
            raise Problem(f"{path} is not the graph whose checksum {FACTS} has.", AGAIN)
        self.session = opened(content, threads)
        self.title = self.which + (" in 8-bit integers" if int8 else "")
        self.kind, self.classes, self.size = (self.facts[name] for name in ("kind", "classes", "size"))

    @property
    def window(self) -> Window | None:
        """Which values of grey pictures of 16 bits become black and white; None for networks that were trained on others."""
        return None if (said := self.facts.get("window")) is None else Window(**said)

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


def _facts(folder: Path) -> dict[str, Any]:
    """What the folder says of itself."""
    path = folder / FACTS
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Problem(f"{folder} is no folder of exported students: it has no {FACTS}.", AGAIN) from None
    except (OSError, ValueError) as error:
        raise Problem(f"{path} cannot be read ({error}).", AGAIN) from None
    missing = [name for name in NEEDED if not isinstance(facts, dict) or name not in facts]
    if missing:
        raise Problem(f"{path} does not say '{missing[0]}'.", AGAIN)
    return facts
