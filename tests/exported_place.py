"""A place with networks on disk, for tests of export: drawn pictures of another size than the arrays, nothing trained."""

import json
import os
import re
from pathlib import Path
from typing import Any

import torch
from fabricated import SEGMENTATION, FabricatedPlace, call
from small import settings_of, variant_graph

from kdml.common.files import write_json
from kdml.data.archives import archives_of, in_folder, record_of
from kdml.data.demo import DEMO_ARCHIVES, draw_archive
from kdml.data.layouts import Choice
from kdml.data.own import Own
from kdml.data.prepare import prepare
from kdml.learning import build
from kdml.learning.cohort import Cohort
from kdml.learning.networks import save_networks
from kdml.learning.prediction import predict
from kdml.runs.graph import single
from kdml.runs.run_table import SEPARATOR

SIZE, DRAWN = 32, 48  # pixels of a side: of the arrays, and of the pictures in the archive
PARTS = ("train", "train", "validation", "test")


class ExportedPlace:
    """A place whose runs have random networks, what these predict, and a record.

    Args:
        folder: of everything.
        kind: of the task.
        own: how a data set of the user's own lies; a drawn one of the paper's if not given.
        source: folder or zip of the user's own.
    """

    def __init__(self, folder: Path, kind: str, own: Own | None = None, source: Path | None = None):
        self.folder, self.kind, self.own = folder, kind, own
        self.dataset = {"classification": "hcd", "segmentation": "lgg"}[kind] if own is None else own.name
        (self.archive,) = archives_of(self.dataset)
        self.archives = source or folder / "archives"
        if own is None:
            packed = self.archives / f"{self.archive}.zip"
            draw_archive(self.archive, packed, DEMO_ARCHIVES[self.archive].fewest, DRAWN, seed=0)
        record = record_of(self.archive, in_folder(self.archives, self.archive), "here")
        write_json(folder / "record.json", record)
        self.data = folder / "data"
        prepare(self.dataset, [record], SIZE, Choice(), self.data, own=own)
        facts = (SEGMENTATION if kind == "segmentation" else {}) | {"dataset": self.dataset}
        if self.mask_classes:
            facts["classes"] = SEPARATOR.join(self.mask_classes)
        self.place = FabricatedPlace(folder, self._split(), **facts)
        write_json(folder / "leakage.json", _report(self.place.facts["task"]))

    @property
    def mask_classes(self) -> tuple[str, ...]:
        """Names of the classes of masks that have several."""
        return () if self.own is None else tuple(name for name, _ in self.own.mask_values[1:])

    def _split(self) -> list[tuple]:
        """Lines of a split, every fourth picture for the test."""
        import pandas as pd

        index = pd.read_parquet(self.data / "index.parquet")
        rows = index.itertuples()
        return [(one.row, one.id, one.label, one.group, PARTS[place % 4]) for place, one in enumerate(rows)]

    def add(self, run: str, scores: dict[str, float], sheet: str = "variants", seed: int = 0) -> Path:
        """Add a run.

        Args:
            run: a variant of the paper, or a network trained alone.
            scores: of validation, by network that was trained.
            sheet: that it stands in.
            seed: of its random networks.
        """
        graph = variant_graph(run) if sheet == "variants" else single(next(iter(scores)))
        # What is trained alone has a run and a pair of its own in its settings, as real ones do.
        of_run = {"run": run} if sheet == "variants" else {"run": next(iter(scores)), "pair": "network"}
        settings = settings_of(graph, self.kind).model_copy(update=of_run | {"seed": seed})
        several = {"classes": self.mask_classes} if self.mask_classes else {}
        settings = settings.model_copy(update={"task": self.place.facts["task"], **several})
        networks = {name: build._network(settings, name, {}) for name in settings.networks}
        for network in networks.values():
            _spread(network)
        cohort = Cohort(settings, networks)
        data = build.open_data(settings, self.data, self.folder / "split.csv")
        test = data.parts["test"]
        found = predict(cohort, data.arrays, test, settings.training, "cpu")
        folder = self.place.add(run, dict(found), seed=seed, sheet=sheet)
        save_networks(folder / "weights.safetensors", {name: networks[name] for name in graph.learners})
        record = json.loads((folder / "run.json").read_text())
        best = {name: {"epoch": 0, "score": score} for name, score in scores.items()}
        content = settings.model_dump(mode="json")
        images = {"size": SIZE, "total": len(data.arrays.images), "test": len(test)}
        record |= {"settings": content, "settings_hash": settings.digest(), "best": best, "images": images}
        write_json(folder / "run.json", record)
        return folder

    def export(self, *more: object, archives: bool = True) -> tuple[int, str]:
        """Call src/export.py; exit code and what it said."""
        where = ["--archives", self.archives] if archives else []
        return call(
            "export", "--runs", self.place.runs, "--data", self.data, "--record", self.folder / "record.json", *where,
            "--leakage", f"{self.folder / 'split.csv'}={self.folder / 'leakage.json'}", "--threads", 1, *(["--drawn"] if self.own is None else []),
            "--out", self.out, "--zip", self.folder / "taken.zip", *more,
        )  # fmt: skip

    @property
    def out(self) -> Path:
        """The folder to take home."""
        return self.folder / "taken"


def answer_of_card(folder: Path, work: Path) -> dict[str, Any]:
    """Run the lines of Python on a card as whoever copies them would; their variables.

    Args:
        folder: that was exported.
        work: folder with the picture that they open.
    """
    (lines,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    lines = lines.replace('"student.onnx"', repr(str(folder / "student.onnx")))
    variables: dict[str, Any] = {}
    here = Path.cwd()
    os.chdir(work)
    try:
        exec(compile(lines, "README.md", "exec"), variables)
    finally:
        os.chdir(here)
    return variables


def _spread(network: torch.nn.Module) -> None:
    """Give random networks answers that differ from picture to picture."""
    last = [module for module in network.modules() if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)][-1]
    with torch.no_grad():
        last.weight.mul_(20)


def _report(task: str) -> dict:
    nothing = {"images": 0, "share": 0.0}
    shared = {"train": nothing, "validation": nothing}
    part = {"images": 3, "share": 0.5, "groups": 1, "classes": {}}
    return {
        "task": task, "protocol": "paper", "seed": 0, "unit": "image", "warnings": [], "images": 6,
        "parts": dict.fromkeys(("train", "validation", "test"), part),
        "groups": {"images_of_unknown_group": 0, "test_images_with_group_in": shared},
        "exact_duplicates": {"contents_in_several_parts": 0, "test_images_with_copy_in": shared},
        "near_duplicates": {
            "max_distance": 4, "flat_images_not_judged": 0, "examples": [],
            "test_images_with_near_duplicate_in_train": dict.fromkeys(("same_group", "other_group", "any"), nothing),
        },
    }  # fmt: skip
