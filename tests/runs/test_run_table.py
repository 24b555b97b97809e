"""The table of runs is read as it was written, and what it lacks is named."""

from pathlib import Path

import pytest

from kdml.common.errors import UserError
from kdml.common.files import write_csv
from kdml.runs.run_table import COLUMNS, RunTable, described

FACTS = {"protocol": "paper", "task": "hcd", "kind": "classification", "classes": "a;b;c", "student_network": "tiny"}


@pytest.fixture
def write(tmp_path):
    def make(*rows, **facts):
        write_csv(tmp_path / "runs.csv", [FACTS | facts | row for row in rows], COLUMNS)
        return RunTable(tmp_path / "runs.csv")

    return make


def row(sheet, run, seed=0, **more):
    return {"sheet": sheet, "run": run, "seed": seed, "folder": f"f/{run}/{seed}", "split": "s.csv", "taught": 0} | more


def test_a_row_is_one_training(write):
    table = write(row("variants", "kd_off_v1", 3, taught=1, reference="f/teacher/3"), row("variants", "ml_v1"))
    first, second = table.rows
    assert (first.run, first.seed, first.folder, first.split) == ("kd_off_v1", 3, Path("f/kd_off_v1/3"), Path("s.csv"))
    assert first.reference == Path("f/teacher/3") and first.is_taught
    assert second.reference is None and not second.is_taught
    assert described([first]) == [{"folder": "f/kd_off_v1/3", "run": "kd_off_v1", "seed": 3}]


def test_facts_of_the_place(write):
    table = write(row("variants", "ml_v1"))
    assert (table.kind, table.classes, table.name) == ("classification", 3, "hcd/tiny")
    assert write(row("variants", "ml_v1"), student_stands_for="resnet18").name == "hcd/resnet18"
    assert write(row("variants", "ml_v1"), kind="segmentation", classes="lesion").classes == 0


def test_sheets(write):
    table = write(
        row("variants", "kd_ml_v3", taught=1), row("variants", "ml_v1"), row("methods", "kd_ml_v3", taught=1),
        row("methods", "sp"), row("alone", "baseline_student"),
    )  # fmt: skip
    names = {sheet: [one.run for one in table.sheet(sheet)] for sheet in ("variants", "methods", "alone", "fidelity")}
    assert names == {
        "variants": ["kd_ml_v3", "ml_v1"], "methods": ["kd_ml_v3", "sp"], "alone": ["baseline_student"], "fidelity": ["kd_ml_v3"],
    }  # fmt: skip
    with pytest.raises(UserError, match="lists no runs of the sheet 'alone'"):
        write(row("variants", "ml_v1")).sheet("alone")


def test_teachers_are_the_pairs_own_else_the_baseline(write):
    both = [row("alone", name, seed) for name in ("baseline_teacher", "baseline_student") for seed in (0, 1)]
    assert [(one.run, one.seed) for one in write(*both).teachers()] == [
        ("baseline_teacher", 0),
        ("baseline_teacher", 1),
    ]
    assert [one.run for one in write(*both, row("teacher", "teacher")).teachers()] == ["teacher"]
    assert write(row("variants", "teacherless")).teachers() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "does not exist"),
        ("", "is empty"),
        (",".join(COLUMNS) + "\n", "lists no runs"),
        (",".join(COLUMNS[1:]) + "\n", "lacks the column 'protocol'"),
    ],
)
def test_what_is_no_table_of_runs_is_named(tmp_path, text, said):
    if text is not None:
        (tmp_path / "runs.csv").write_text(text)
    with pytest.raises(UserError, match=said):
        RunTable(tmp_path / "runs.csv")
