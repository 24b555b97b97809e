"""The table of runs of a place: which trainings an analysis takes, where they lie, and what tables say of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN, read_csv

EVALUATED = VARIANTS_SHEET, METHODS_SHEET, ALONE_SHEET, TEACHER_SHEET = ("variants", "methods", "alone", "teacher")
FIDELITY_SHEET = "fidelity"
SHEETS = (*EVALUATED, FIDELITY_SHEET)
COLUMNS = (
    "protocol", "task", "task_title", "dataset", "kind", "classes", "metrics", "pair",
    "teacher_network", "teacher_title", "teacher_stands_for", "student_network", "student_title", "student_stands_for",
    "sheet", "run", "title", "technique", "strategy", "teacher", "taught", "group", "seed", "folder", "split", "reference",
    "alpha", "alpha_prime", "beta", "beta_prime", "gamma", "gamma_prime",
)  # fmt: skip
SEPARATOR = ";"  # between classes, and between metrics
# Names of runs that networks trained alone are compared by.
BASELINE_RUNS = BASELINE_TEACHER, BASELINE_STUDENT = ("baseline_teacher", "baseline_student")


@dataclass(frozen=True)
class RunRow:
    """One training in the table of runs.

    Args:
        values: by column (`COLUMNS`).
    """

    values: Mapping[str, str]

    @property
    def run(self) -> str:
        """Name that it is compared by: a variant, a method, `baseline_teacher`, `baseline_student`, or `teacher`."""
        return self.values["run"]

    @property
    def seed(self) -> int:
        """Number of the repetition."""
        return int(self.values["seed"])

    @property
    def folder(self) -> Path:
        """Folder of the training."""
        return Path(self.values["folder"])

    @property
    def split(self) -> Path:
        """CSV of the split that it was trained and tested on."""
        return Path(self.values["split"])

    @property
    def reference(self) -> Path | None:
        """Folder of the network that CKA compares it with, where that is another training's."""
        return Path(self.values["reference"]) if self.values["reference"] else None

    @property
    def is_taught(self) -> bool:
        """Whether it is a variant of the paper whose students have a teacher."""
        return self.values["taught"] == "1"


class RunTable:
    """All trainings that concern a place.

    Args:
        path: of runs.csv.

    Raises:
        UserError: the file is missing, no such table, or empty.
    """

    def __init__(self, path: Path):
        rows = read_csv(path, MAKE_AGAIN, COLUMNS, counts=("seed",))
        if not rows:
            raise UserError(f"{path} lists no runs.", MAKE_AGAIN)
        self.path = path
        self.rows = tuple(map(RunRow, rows))
        self.facts: Mapping[str, str] = rows[0]

    @property
    def kind(self) -> str:
        """Kind of the task: classification or segmentation."""
        return self.facts["kind"]

    @property
    def name(self) -> str:
        """Name of the place in the claims: the task, and the paper's architecture that the student is or stands for."""
        return f"{self.facts['task']}/{self.facts['student_stands_for'] or self.facts['student_network']}"

    @property
    def of_paper(self) -> bool:
        """Whether teacher and students have the paper's architectures, and none that stands in for them."""
        return all(self.facts[f"{role}_network"] == self.facts[f"{role}_stands_for"] for role in ("teacher", "student"))

    @property
    def class_names(self) -> list[str]:
        """Classes of the task, or what its masks mark."""
        return self.facts["classes"].split(SEPARATOR)

    @cached_property
    def classes(self) -> int:
        """Number of classes of the task; 0 for segmentation."""
        return len(self.class_names) if self.kind == "classification" else 0

    def sheet(self, name: str) -> list[RunRow]:
        """Rows of one of `SHEETS`; for fidelity those of variants with a teacher.

        Raises:
            UserError: there are none.
        """
        wanted = [row for row in self.rows if row.values["sheet"] == name]
        if name == FIDELITY_SHEET:
            wanted = [row for row in self.rows if row.values["sheet"] == VARIANTS_SHEET and row.is_taught]
        if not wanted:
            raise UserError(
                f"{self.path} lists no runs of the sheet '{name}'.", f"use one of {', '.join(SHEETS)} that it has"
            )
        return wanted

    def teachers(self) -> list[RunRow]:
        """Rows of the teacher network trained on its own, if any: the pair's own offline teacher, else the baseline."""
        own = [row for row in self.rows if row.values["sheet"] == TEACHER_SHEET]
        return own or [row for row in self.rows if row.run == BASELINE_TEACHER]


def described(rows: Sequence[RunRow]) -> list[dict[str, object]]:
    """Folder, name and seed of runs, as `kdml.runs.records.refuse_mixture` takes them."""
    return [{"folder": str(row.folder), "run": row.run, "seed": row.seed} for row in rows]
