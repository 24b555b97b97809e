"""Rows of runs.csv: one per run and seed of each sheet, with all that files and tables have to know."""

import pytest
from experiments import KINDS_OF_EXPERIMENT, OWN_STUDENT, OWN_TASK, places_of

from kdml.common.errors import UserError
from kdml.common.files import write_csv
from kdml.experiment.paths import Paths
from kdml.experiment.run_rows import run_rows
from kdml.runs.run_table import COLUMNS, RunTable

PATHS = Paths("x")


def rows_of(places, folder="paper/hcd/resnet50-resnet18"):
    return run_rows(places.by_folder[folder], places, PATHS)


@pytest.fixture(scope="module")
def full():
    return places_of()


@pytest.mark.parametrize(("run", "sections"), KINDS_OF_EXPERIMENT.values(), ids=KINDS_OF_EXPERIMENT)
def test_columns_are_the_tables_and_every_run_has_its_row(run, sections):
    places = places_of(run, **sections)
    for place in places.all:
        rows = run_rows(place, places, PATHS)
        assert rows and all(tuple(row) == COLUMNS for row in rows)
        keys = [(row["sheet"], row["run"], row["seed"]) for row in rows]
        assert len(set(keys)) == len(keys)
        expected = {("variants", one.run, one.seed) for one in places.variants_at(place)}
        expected |= {("methods", one.run, one.seed) for one in places.compared_at(place)}
        expected |= {("teacher", "teacher", one.seed) for one in places.own_teachers_at(place)}
        assert set(keys) == expected | {("alone", name, one.seed) for name, one in places.alone_at(place)}
        for column in COLUMNS[:14]:
            assert len({row[column] for row in rows}) == 1, column


def test_what_is_known_of_a_place(full):
    row = rows_of(full)[0]
    facts = {name: row[name] for name in COLUMNS[:14]}
    assert facts == {
        "protocol": "paper", "task": "hcd", "task_title": "Metastasis classification (HCD)", "dataset": "hcd",
        "kind": "classification", "classes": "normal;metastasis", "metrics": "accuracy", "pair": "resnet50-resnet18",
        "teacher_network": "resnet50", "teacher_title": "ResNet50", "teacher_stands_for": "resnet50",
        "student_network": "resnet18", "student_title": "ResNet18", "student_stands_for": "resnet18",
    }  # fmt: skip
    assert rows_of(full, "paper/lgg/resnet50-resnet18")[0]["metrics"] == "iou;f_score"


def test_variants_have_weights_groups_and_references(full):
    rows = {(row["run"], row["seed"]): row for row in rows_of(full) if row["sheet"] == "variants"}
    assert len(rows) == 36
    row = rows["kd_ml_v3", 0]
    weights = ("alpha", "alpha_prime", "beta", "beta_prime", "gamma", "gamma_prime")
    assert [row[name] for name in weights] == [0.2, 0.4, 0.4, 0.3, 0.4, 0.3]
    assert (row["technique"], row["strategy"], row["teacher"], row["taught"], row["title"]) == (
        "kd_ml",
        "v3",
        "online",
        1,
        "",
    )
    assert row["folder"] == "results/x/paper/hcd/resnet50-resnet18/kd_ml_v3/seed-0"
    assert row["split"] == "results/x/paper/hcd/split-0.csv" and row["group"] == "kd_ml" and row["reference"] == ""
    assert (rows["kd_ml_v3", 2]["group"], rows["ml_v1", 1]["group"]) == ("kd_ml", "ml")
    teacher = "results/x/paper/hcd/resnet50-resnet18/teacher/seed-{}"
    assert rows["ml_v1", 1]["reference"] == teacher.format(1) and rows["kd_off_v2", 2]["reference"] == teacher.format(2)
    assert (rows["ml_v1", 0]["taught"], rows["ml_v1", 0]["teacher"]) == (0, "none")
    assert rows["kd_off_v1", 0]["teacher"] == "frozen" and rows["ml_v1", 0]["group"] == "ml"


def test_methods_stand_after_the_proposed_variant(full):
    rows = [row for row in rows_of(full) if row["sheet"] == "methods"]
    assert [row["run"] for row in rows[:4]] == ["kd_ml_v3"] * 3 + ["fitnet"] and len(rows) == 8 * 3
    titles = {row["run"]: row["title"] for row in rows}
    assert titles["simkd"] == "SimKD" and titles["kd_ml_v3"] == ""
    variants = {(row["run"], row["seed"]): row for row in rows_of(full) if row["sheet"] == "variants"}
    for row in rows[:3]:
        assert row | {"sheet": "variants"} == variants[row["run"], row["seed"]]
    method = rows[3]
    assert (method["teacher"], method["taught"], method["alpha"], method["group"]) == ("frozen", 0, "", "")


def test_networks_alone_lie_where_they_were_trained(full):
    rows = {(row["run"], row["seed"]): row for row in rows_of(full) if row["sheet"] in ("alone", "teacher")}
    assert len(rows) == 9
    assert rows["baseline_student", 1]["folder"] == "results/x/paper/hcd/resnet18/baseline/seed-1"
    assert rows["teacher", 2]["folder"] == "results/x/paper/hcd/resnet50-resnet18/teacher/seed-2"
    assert {(row["teacher"], row["taught"], row["technique"], row["alpha"]) for row in rows.values()} == {
        ("none", 0, "", "")
    }


def test_a_split_for_each_seed():
    places = places_of({"tasks": ["hcd"]}, split={"per_seed": True})
    assert {(row["seed"], row["split"]) for row in rows_of(places)} == {
        (seed, f"results/x/paper/hcd/split-{seed}.csv") for seed in range(3)
    }


def test_own_variants_have_their_names_and_no_weights():
    run, sections = KINDS_OF_EXPERIMENT["own variant"]
    rows = {
        row["run"]: row
        for row in rows_of(places_of(run, **sections), "paper/lgg/resnet50-resnet18")
        if row["seed"] == 0
    }
    circle = rows["circle"]
    assert (circle["title"], circle["technique"], circle["strategy"], circle["alpha"]) == ("circle", "", "", "")
    assert (circle["group"], circle["taught"], circle["teacher"]) == ("circle", 0, "none")
    assert circle["reference"] == "results/x/paper/lgg/resnet50/baseline/seed-0"


def test_tasks_and_students_of_ones_own():
    """Any title, and nothing of the paper where it has nothing."""
    task = places_of({"tasks": ["moles"], "methods": [], "seeds": [0]}, **OWN_TASK)
    row = rows_of(task, "paper/moles/resnet50-resnet18")[0]
    assert row["task_title"] == "Moles: is it = one {or} not?" and row["metrics"] == "accuracy;precision;recall"
    student = places_of({"tasks": ["lgg"], "pairs": ["own"], "methods": [], "seeds": [0]}, **OWN_STUDENT)
    row = rows_of(student, "paper/lgg/own")[0]
    assert (row["student_network"], row["student_title"], row["student_stands_for"]) == ("tiny", "Tiny", "")


def test_rows_come_back_from_a_file(full, tmp_path):
    rows = rows_of(full)
    write_csv(tmp_path / "runs.csv", rows, COLUMNS)
    table = RunTable(tmp_path / "runs.csv")
    assert [dict(row.values) for row in table.rows] == [
        {name: str(value) for name, value in row.items()} for row in rows
    ]
    assert len(table.sheet("fidelity")) == 27 and {row.run for row in table.teachers()} == {"teacher"}


def test_weights_that_are_missing_are_named():
    sections = {name: value for name, value in OWN_STUDENT.items() if name != "hyperparameters"}
    with pytest.raises(UserError, match="no weights alpha, beta, gamma for the student 'tiny'"):
        places = places_of({"tasks": ["lgg"], "pairs": ["own"], "methods": [], "seeds": [0]}, **sections)
        rows_of(places, "paper/lgg/own")
