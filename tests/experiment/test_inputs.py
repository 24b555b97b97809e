"""What tables, figures and analyses are made from."""

import copy

import pytest
import yaml

from kdml.experiment.analyses import OF_METHODS, TAUGHT, Analyses
from kdml.experiment.config import validated
from kdml.experiment.contents import Catalogue
from kdml.experiment.inputs import CATEGORIES, MADE_FROM, data_of, everything_to_show, files_to_show
from kdml.experiment.paths import Paths
from kdml.experiment.plan import Plan, Run


@pytest.fixture(scope="module")
def analyses(root):
    config = yaml.safe_load((root / "config.yaml").read_text())
    captions = yaml.safe_load((root / "workflow/report/captions.yaml").read_text())
    return Analyses(Catalogue(Plan(validated(copy.deepcopy(config))), captions), Paths("full"))


@pytest.fixture(scope="module")
def items(analyses):
    c = analyses.catalogue
    return {**c.results, **c.grids, **c.grids_on_request, **c.figures, **c.on_request}


def test_every_kind_of_item_has_its_ingredients_and_no_kind_is_left_over(items):
    assert {item.kind for item in items.values()} == set(MADE_FROM)


def test_only_what_needs_no_runs_is_made_from_nothing(analyses, items):
    bare = {name for name, item in items.items() if not data_of(item, analyses)}
    assert bare == {"table_01", "table_05", "figure_01", "figure_02", "figure_03", "figure_08"}


def test_labels_and_files_are_arguments_without_spaces(analyses, items):
    for item in items.values():
        for label, path in data_of(item, analyses):
            assert label and " " not in label + path and "=" not in label and path.startswith("results/full/")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("figure_06", [("layers", "paper/hcd/resnet50-resnet18/similarity/kd_ml/seed-0/layers.csv"), ("upper", "paper/hcd/resnet50-resnet18/similarity/kd_ml/seed-0/upper.csv")]),
        ("curves_table_08", [("bands", "curves/table_08-bands.csv")]),
        ("runs_table_08", [("runs", "curves/table_08.csv")]),
        ("figure_04", [("images", "slices/figure_04.npz"), ("slices", "slices/figure_04.csv")]),
        ("beside_table_10", [("comparison", f"paper/{task}/resnet50-resnet18/comparison_methods.csv") for task in ("hcd", "lgg")]),
        ("table_06", [("layers", "networks/hcd/resnet50-resnet18/layers.csv")]),
        ("table_11", [
            ("summaries", "paper/hcd/resnet50-resnet18/metrics_taught_summary.csv"),
            ("teachers:paper/hcd/resnet50-resnet18", "paper/hcd/resnet50-resnet18/teachers_summary.csv"),
        ]),
        ("table_04", [("summaries", "paper/lgg/resnet50-resnet18/metrics_summary.csv")]),
        ("compression_lgg_resnet50-resnet18", [("scores", "paper/lgg/resnet50-resnet18/compression.csv")]),
        ("beside_table_11", [("comparison", "paper/hcd/resnet50-resnet18/comparison_taught.csv")]),
        ("grid_search_lgg_resnet50-resnet18", [("settings", "grid_search/paper/lgg/resnet50-resnet18/settings.csv")]),
    ],
)  # fmt: skip
def test_files_of_an_item(analyses, items, name, data):
    assert data_of(items[name], analyses) == [(label, f"results/full/{path}") for label, path in data]


def test_table_10_tells_its_places_apart(analyses, items):
    labels = [label for label, _ in data_of(items["table_10"], analyses)]
    assert labels == [
        f"{what}:paper/{task}/resnet50-resnet18"
        for task in ("hcd", "lgg")
        for what in ("values", "contrasts", "methods", "comparison")
    ]


def test_everything_is_shown_by_category(analyses):
    shown = everything_to_show(analyses.catalogue)
    order = [CATEGORIES.index(item["category"]) for item in shown]
    assert order == sorted(order) and {item["name"] for item in shown} >= {"table_03", "figure_06", "contrasts"}
    files = files_to_show(analyses.catalogue, ["html", "png"])
    assert len(files) == len(shown) and {path.rpartition(".")[2] for path in files} == {"html", "png"}


def test_variants_and_methods_are_collected_apart(analyses):
    place = next(
        place for place in analyses.catalogue.places if (place.task, place.pair) == ("lgg", "resnet50-resnet18")
    )
    variants, methods = (analyses.runs_in(place, of) for of in ("", OF_METHODS))
    assert len(variants) == 12 * 3 and len(methods) == 7 * 3 and not set(variants) & set(methods)
    assert {name for name, _ in analyses.contrasted(place, "")} == {
        *(run.run for run in variants), "baseline_teacher", "baseline_student",
    }  # fmt: skip
    proposed = {"kd_ml_v3"}
    assert {name for name, _ in analyses.contrasted(place, OF_METHODS)} == proposed | {run.run for run in methods}
    assert analyses.valued(place, OF_METHODS) == analyses.contrasted(place, OF_METHODS)


def test_fidelity_is_of_variants_with_a_teacher_alone(analyses):
    place = next(place for place in analyses.catalogue.places if place.task == "lgg")
    taught = analyses.runs_in(place, TAUGHT)
    assert {run.run.rpartition("_")[0] for run in taught} == {"kd_off", "kd_on", "kd_ml"} and len(taught) == 9 * 3
    assert [run for _, run in analyses.valued(place, TAUGHT)] == taught
    files = analyses.comparisons_of_fidelity(analyses.plan.runs)
    assert files == [f"results/full/paper/{task}/resnet50-resnet18/comparison_taught.csv" for task in ("hcd", "lgg")]


def test_slices_of_every_size_need_no_judges(analyses, items):
    assert {run.run for run in analyses.judges(items["figure_05"])} == {"baseline"}
    assert analyses.judges(items["figure_07"]) == list(items["figure_07"].runs)


def test_ensembles_have_the_papers_two_students_and_those_of_own_variants(root):
    config = yaml.safe_load((root / "config.yaml").read_text())
    edges = [{"source": "s1", "learner": "s2", "knowledge": "features", "weight": 0.5}]
    own = {"teacher": "none", "supervised": dict.fromkeys(("s1", "s2", "s3"), 0.5), "edges": edges}
    config["variants"] = {"three": own}
    config["run"] |= {"own_variants": ["three"], "tasks": ["lgg"]}
    captions = yaml.safe_load((root / "workflow/report/captions.yaml").read_text())
    analyses = Analyses(Catalogue(Plan(validated(config)), captions), Paths("full"))
    assert analyses.numbers_of_students("lgg", "resnet50-resnet18") == [2, 3]


def test_a_pairs_own_teacher_has_no_values(analyses):
    place = next(place for place in analyses.catalogue.places if place.task == "hcd")
    assert "teacher" in {run.run for run in analyses.runs_in(place, "")}
    assert "teacher" not in {name for name, _ in analyses.valued(place, "")}


def test_an_analysis_of_networks_takes_a_techniques_runs_of_a_seed(analyses):
    place = next(place for place in analyses.catalogue.places if place.task == "lgg")
    runs = analyses.grouped(place, "kd_ml", 1)
    assert [run.run for run in runs] == ["kd_ml_v1", "kd_ml_v2", "kd_ml_v3"] and {run.seed for run in runs} == {1}
    described = list(analyses.similarity_described(runs))
    assert {one["split"] for one in described} == {f"results/full/{place.protocol}/lgg/split-0.csv"}
    run = Run(place.protocol, "lgg", place.pair, "kd_off_v1", 1)
    (taught,) = analyses.similarity_described([run])
    assert taught["teacher"] == analyses.paths.run(analyses.plan.teacher_of(run))
