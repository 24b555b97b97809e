"""Which tables and figures an experiment can show, and what each needs."""

import pytest
import yaml

from kdml.experiment.config import validated
from kdml.experiment.contents import Catalogue
from kdml.experiment.plan import Plan


@pytest.fixture(scope="module")
def catalogue(root):
    def make(**run):
        config = yaml.safe_load((root / "config.yaml").read_text())
        config["run"] |= run
        captions = yaml.safe_load((root / "workflow/report/captions.yaml").read_text())
        return Catalogue(Plan(validated(config)), captions)

    return make


@pytest.fixture(scope="module")
def full(catalogue):
    return catalogue()


def test_all_tables_and_figures_of_the_paper(full):
    tables = {*full.results, *full.grids}
    assert {f"table_{number:02d}" for number in range(1, 16)} <= tables
    assert {f"figure_{number:02d}" for number in range(1, 12)} <= set(full.figures)


def test_every_result_table_has_its_comparison_and_curves(full):
    for name, item in full.results.items():
        assert f"beside_{name}" in full.figures
        assert (f"curves_{name}" in full.figures) == (f"runs_{name}" in full.figures) == (item.category == "Results")


def test_figures_stand_at_the_papers_place_and_show_one_seed(full):
    for number, task in ((4, "lgg"), (6, "hcd"), (11, "hcd")):
        item = full.figures[f"figure_{number:02d}"]
        assert (item.place.task, item.place.student) == (task, "resnet18")
        assert {run.seed for run in item.runs} == {0} and {run.pair for run in item.runs} == {"resnet50-resnet18"}


@pytest.mark.parametrize(
    ("number", "runs"),
    [
        (4, 12), (5, ["ml_v3", "kd_off_v3", "kd_on_v3", "kd_ml_v3"]), (9, ["kd_ml_v1", "kd_ml_v2", "kd_ml_v3"]), (11, 12),
        (6, ["kd_ml_v1", "kd_ml_v2", "kd_ml_v3"]), (10, 9), (7, ["ml_v3", "kd_off_v3", "kd_on_v3", "kd_ml_v3"]),
    ],
)  # fmt: skip
def test_a_figure_shows_its_variants(full, number, runs):
    shown = [run.run for run in full.figures[f"figure_{number:02d}"].runs]
    assert sorted(shown) == sorted(runs) if isinstance(runs, list) else len(shown) == runs


def test_other_places_on_request(full):
    assert "figure_04_ham10000_segmentation_resnet50-resnet18" in full.on_request
    assert "figure_06_hcd_resnet50-mobilenet" in full.on_request
    assert not any(name.startswith("figure_04_hcd") for name in full.on_request)


def test_what_has_no_runs_is_not_offered(catalogue):
    few = catalogue(tasks=["hcd"], pairs=["resnet50-resnet18"], techniques=["ml"])
    assert "figure_06" not in few.figures and "figure_04" not in few.figures and "table_11" not in few.results
    assert "detection" not in few.grids and "table_07" not in few.grids and "figure_01" in few.figures


def test_a_figure_beside_the_paper_needs_numbers_of_the_paper(catalogue):
    methods = {
        "tasks": ["hcd"],
        "pairs": ["resnet50-mobilenet"],
        "methods": ["sp"],
        "methods_at": ["hcd/resnet50-mobilenet"],
    }
    mobile = catalogue(**methods)
    assert "table_10" in mobile.grids and "runs_table_10" in mobile.figures and "beside_table_10" not in mobile.figures
    assert "beside_table_08" in mobile.figures and "beside_table_02" in mobile.figures


def test_methods_or_baselines_alone_are_compared_with_the_paper(catalogue):
    methods = {"tasks": ["hcd"], "techniques": [], "methods": ["sp"], "methods_at": ["hcd/resnet50-resnet18"]}
    assert (
        "comparison" in catalogue(**methods).grids
        and "comparison" in catalogue(tasks=["hcd"], techniques=[], methods=[]).grids
    )


def test_figure_10_needs_a_teacher(catalogue):
    alone = {"tasks": ["hcd"], "pairs": ["resnet50-resnet18"], "techniques": ["ml"], "methods": []}
    assert "figure_10" not in catalogue(**alone, baselines=False).figures
    assert "figure_10" in catalogue(**alone).figures and "figure_11" in catalogue(**alone, baselines=False).figures


def test_result_tables_have_headings_of_their_own(full):
    assert full.results["table_08"].title == "Table 8: Metastasis classification (HCD), resnet50-mobilenet"
    assert full.results["table_13"].title.startswith("Table 13: networks trained alone, Skin-lesion classification")
    assert (
        "fidelity" in full.results["table_11"].title
        and full.figures["curves_table_03"].title == "Table 3: learning curves"
    )


def test_another_task_of_the_kind_stands_in(catalogue):
    skin = catalogue(tasks=["ham10000_segmentation"], pairs=["resnet50-resnet18"])
    assert skin.figures["figure_05"].place.task == "ham10000_segmentation"


def test_a_run_without_a_teacher_is_compared_with_one_trained_alone(full):
    runs = {run.run: run for run in full.runs_at(full.places[0]) if run.seed == 1}
    assert full.reference_of(runs["ml_v1"]).run == "teacher" and full.reference_of(runs["ml_v1"]).seed == 1
    assert full.reference_of(runs["kd_off_v1"]) == full.plan.teacher_of(runs["kd_off_v1"])
    assert full.reference_of(runs["kd_ml_v1"]) is None


def test_captions_are_filled(full):
    for item in (*full.figures.values(), *full.results.values(), *full.grids.values(), *full.on_request.values()):
        assert item.title and item.caption and "{" not in item.title + item.caption, item.name
