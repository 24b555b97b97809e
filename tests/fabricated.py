"""A place for tests: its table of runs and what each run would have left, with outputs that the test chooses. Nothing is trained."""

import csv
import io
import json
import runpy
import sys
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np
import pandas as pd

from kdml.common.files import write_csv, write_json
from kdml.runs import predictions
from kdml.runs.graph import VARIANTS, TeacherMode, is_student
from kdml.runs.run_table import COLUMNS
from kdml.runs.settings import Backbone, NetworkSettings, RunSettings, Training, digest_of

ROOT = Path(__file__).resolve().parents[1]
CLAIMS = ROOT / "workflow/resources/paper/claims.yaml"
LABELS = [0, 1, 1, 0, 0, 1]  # of the images of the place that most tests take
SPLIT = [(row, f"i{row}", label, f"g{row // 2}", "test") for row, label in enumerate(LABELS)]
SPLIT += [(6, "x", 0, "h", "train"), (7, "y", 1, "h", "validation")]
TINY = Backbone(timm="resnet18", options={"layers": [1, 1, 1, 1]})
FACTS = {
    "protocol": "paper",
    "task": "hcd",
    "task_title": "Mine",
    "dataset": "hcd",
    "kind": "classification",
    "classes": "healthy;ill",
    "metrics": "accuracy",
    "pair": "small",
    "teacher_network": "big",
    "teacher_title": "Big",
    "teacher_stands_for": "resnet50",
    "student_network": "tiny",
    "student_title": "Tiny",
    "student_stands_for": "resnet18",
}
SEGMENTATION = {"task": "lgg", "dataset": "lgg", "kind": "segmentation", "classes": "lesion", "metrics": "iou;f_score"}


class FabricatedPlace:
    """A place of small runs below a folder.

    Args:
        folder: of everything.
        split: lines of the split, (row, id, label, group, part).
        metadata: columns of the index, a value per line of the split.
        facts: of the table of runs, where they are not those of `FACTS`.
    """

    def __init__(self, folder: Path, split: list[tuple], metadata: dict[str, list] | None = None, **facts: str):
        self.folder, self.facts, self.rows = folder, FACTS | facts, []
        self.test_rows = np.array([line[0] for line in split if line[-1] == "test"])
        if not any(line[-1] == "validation" for line in split):
            split = [*split, (max(line[0] for line in split) + 1, "of validation", 0, "of validation", "validation")]
        self.validation_rows = np.array([line[0] for line in split if line[-1] == "validation"])
        write_csv(
            folder / "split.csv",
            [dict(zip(("row", "id", "label", "group", "part"), line, strict=True)) for line in split],
        )
        index = {"row": [line[0] for line in split], "id": [line[1] for line in split]}
        index |= {f"metadata_{name}": values for name, values in (metadata or {}).items()}
        pd.DataFrame(index).to_parquet(folder / "index.parquet")

    @property
    def runs(self) -> Path:
        """The table of runs."""
        return self.folder / "runs.csv"

    def folder_of(self, run: str, seed: int = 0) -> Path:
        """Folder of a run; networks trained alone lie under the network's name."""
        role = run.removeprefix("baseline_")
        pair = self.facts["pair"] if role == run else self.facts[f"{role}_network"]
        name = "baseline" if role != run else run
        return self.folder / self.facts["protocol"] / self.facts["task"] / pair / name / f"seed-{seed}"

    def add(
        self,
        run: str,
        outputs: dict,
        seed: int = 0,
        sheet: str = "variants",
        code: str = "abc",
        edges: tuple = (),
        **row,
    ) -> Path:
        """Write a run and list it; one that was written before is listed in another sheet."""
        folder = self.folder_of(run, seed)
        technique, strategy = VARIANTS.get(run, ("", ""))
        taught = int("teacher" in outputs and run in VARIANTS)
        keys = {"sheet": sheet, "run": run, "technique": technique, "strategy": strategy, "taught": taught}
        keys |= {"seed": seed, "folder": folder, "split": self.folder / "split.csv", "group": technique or run}
        self.rows.append(self.facts | keys | row)
        write_csv(self.runs, self.rows, COLUMNS)
        if not folder.exists():
            predictions.save(folder / "predictions.npz", self.test_rows, outputs)
            count = len(self.validation_rows)
            before = {name: output[np.arange(count) % len(output)] for name, output in outputs.items()}
            predictions.save(folder / "validation.npz", self.validation_rows, before)
            write_json(folder / "run.json", self._record(run, seed, tuple(outputs), code, edges))
            lines = {f"train.{name}.total": 0.5 + seed for name in outputs}
            write_csv(folder / "history.csv", [{"epoch": 1, "learning_rate": 0.1} | lines])
        return folder

    def _record(self, run: str, seed: int, networks: tuple[str, ...], code: str, edges: tuple = ()) -> dict:
        students = [name for name in networks if is_student(name)]
        taught = bool(students) and "teacher" in networks
        settings = RunSettings(
            **{name: self.facts[name] for name in ("protocol", "task", "kind", "pair")},
            classes=tuple(self.facts["classes"].split(";")),
            run=run,
            seed=seed,
            teacher=TeacherMode.ONLINE if taught else TeacherMode.NONE,
            supervised=dict.fromkeys(networks, 1.0),
            edges=edges,
            networks={name: NetworkSettings(architecture=name, backbone=TINY) for name in networks},
            training=Training(epochs=1),
        )
        return record_of(settings) | {"code_hash": code, "images": {"total": 20, "size": 4, "test": 3}}


def record_of(settings: RunSettings) -> dict:
    """What a training with these settings writes into run.json."""
    return {
        "settings": settings.model_dump(mode="json"),
        "settings_hash": settings.digest(),
        "code_hash": "abc",
        "method_hash": "def",
        "sharing": {},
        "seed": settings.seed,
        "inputs": {},
        "images": {},
        "epochs": 1,
        "best": {name: {"epoch": 0, "score": 0.5} for name in settings.networks},
        "parameters": {},
        "seconds": 1.0,
        "images_per_second": 1.0,
        "peak_memory_mib": 1.0,
        "finished": "2026-01-01T00:00:00+0000",
        "packages": {},
        "device": "cpu",
        "python": "3.11",
    }


def call(script: str, *arguments: object) -> tuple[int, str]:
    """Call a script in the test's own process, because its imports take longer than its work.

    Args:
        script: its name without `.py`.
        arguments: of the command line.

    Returns:
        Exit code, and what it said on standard error; an exception that is no message to the user is one of the test.
    """
    before, said = sys.argv, io.StringIO()
    sys.argv = [script, *map(str, arguments)]
    try:
        with redirect_stderr(said):
            runpy.run_path(str(ROOT / "src" / f"{script}.py"), run_name="__main__")
    except SystemExit as exit:
        return int(exit.code or 0), said.getvalue()
    finally:
        sys.argv = before
    return 0, said.getvalue()


def spoil_record(folder: Path, **changes) -> None:
    """Change what a run recorded; other settings get the hash that they would have."""
    record = json.loads((folder / "run.json").read_text()) | changes
    write_json(folder / "run.json", record | {"settings_hash": digest_of(record["settings"])})


def probabilities(*of_second):
    """Float32 probabilities of two classes."""
    second = np.array(of_second, dtype=np.float32)
    return np.stack([1 - second, second], axis=1)


def right_at(*places):
    """Probabilities that are right at these of the six images, 0.8 sure everywhere."""
    return probabilities(*(0.8 if (label == 1) == (place in places) else 0.2 for place, label in enumerate(LABELS)))


def evaluate(place, sheet="variants", *more):
    """Call the script that makes the files of a sheet, into a folder of its name; what `call` returns."""
    arguments = ("--runs", place.runs, "--data", place.folder, "--out", place.folder / sheet, *more)
    return call("evaluate", "--sheet", sheet, *arguments) if sheet != "fidelity" else call("fidelity", *arguments)


def contrasts(place, *sheets, fidelity=(), more=()):
    """Call the script that contrasts the runs of sheets, into contrasts.csv; what `call` returns."""
    arguments = ["--runs", place.runs, "--sheets", *sheets, "--claims", CLAIMS, "--out", place.folder / "contrasts.csv"]
    arguments += ["--cases", *(place.folder / sheet / "cases.parquet" for sheet in sheets)]
    if place.facts["kind"] == "segmentation":
        arguments += ["--regions", *(place.folder / sheet / "regions.parquet" for sheet in sheets)]
    if fidelity:
        arguments += ["--fidelity", *fidelity]
    arguments += ["--against", place.folder, "--curves", *(place.folder / sheet / "curves.csv" for sheet in sheets)]
    return call("contrasts", *arguments, *more)


def read(path):
    """Rows of a CSV file."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def by_key(rows, *names):
    """Rows by the values of some columns."""
    return {tuple(row[name] for name in names): row for row in rows}
