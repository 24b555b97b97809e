"""The ready example of a third student: from its file to the table that shows it beside the two that teach it."""

import csv
import json

import pytest
import yaml
from miniature import MINIATURE
from snakemake_runs import ROOT, snakemake

from kdml.runs.settings import RunSettings
from kdml.runs.third_student import ThirdStudent, third_student

EXAMPLE = ROOT / "docs/examples/third_student.yaml"
TABLE = "results/tables/clinic_teacher.csv"
# What else shows every network that was measured, the ensemble of the sources among them.
FIGURES = ("results/figures/compression_lgg_small.png", "results/figures/detection_lgg_small.png")
TABLES = (TABLE, "results/tables/table_04.csv", "results/tables/detection.csv", "results/tables/compression.csv")
# Of the task of masks alone, whose ensemble cannot be made of what is stored of single cases.
NARROWED = {
    "tasks": ["lgg"],
    "pairs": ["small"],
    "techniques": [],
    "methods": [],
    "baselines": False,
    "variants_for": {},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("third")
    experiment = yaml.safe_load(MINIATURE) | {"variants": {}}
    experiment["run"] |= NARROWED
    (folder / "experiment.yaml").write_text(yaml.safe_dump(experiment))
    done = snakemake(folder, "--cores", "2", *TABLES, *FIGURES, "--configfile", folder / "experiment.yaml", EXAMPLE)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_shows_the_third_student_beside_both_with_costs(folder):
    mine = [row for row in rows(folder / TABLE) if row["About"] == "A third student"]
    single, ensemble, third = mine
    assert {row["Variant"] for row in mine} == {"third_student"}
    assert single["Network"] in ("S1", "S2")
    assert (ensemble["Network"], third["Network"]) == ("Ensemble of its sources", "S3 (third)")
    assert float(third["Minus best student"]) == pytest.approx(float(third["Score"]) - float(single["Score"]), abs=0.2)
    assert float(third["Minus ensemble"]) == pytest.approx(float(third["Score"]) - float(ensemble["Score"]), abs=0.2)
    for cost in ("Parameters (M)", "MACs (G)"):
        assert float(third[cost]) == float(single[cost]) and float(ensemble[cost]) == pytest.approx(
            2 * float(single[cost])
        )


def test_the_ensemble_is_that_of_the_two_that_teach(folder):
    place = folder / "results/miniature/paper/lgg/small"
    values = {(row["network"], row["metric"]): row for row in rows(place / "variants/values.csv")}
    assert {"sources", "ensemble", "s3", "teacher"} <= {network for network, _ in values}
    (second,) = rows(place / "second_student.csv")
    assert (second["ensemble"], second["students"], second["third"]) == ("sources", "2", "s3")
    assert float(second["ensemble_mean"]) == pytest.approx(float(values["sources", "iou"]["mean"]))
    (costs,) = [row for row in rows(place / "compression.csv") if row["network"] == "sources"]
    assert (costs["of"], costs["students"], costs["chosen"]) == ("ensemble", "2", "0")


def test_other_tables_and_figures_have_it_too(folder):
    shown = {row["network"] for row in rows(folder / TABLES[1])}
    assert {"teacher", "s1", "s2", "s3", "ensemble", "sources"} <= shown
    assert "Ensemble of its sources" in (folder / TABLES[2]).read_text()
    assert all((folder / name).stat().st_size > 3000 for name in FIGURES)


def test_s3_learns_from_both_and_teaches_nobody(folder):
    record = json.loads((folder / "results/miniature/paper/lgg/small/third_student/seed-0/run.json").read_text())
    graph = RunSettings.model_validate(record["settings"]).graph
    assert third_student(graph) == ThirdStudent("s3", ("s1", "s2"))
