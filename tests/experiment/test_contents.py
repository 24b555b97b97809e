"""Which tables and figures an experiment can show, and by which names."""

import pytest
from experiments import KINDS_OF_EXPERIMENT, OWN_STUDENT, OWN_TASK, TWO_PAIRS, contents_of, names

from kdml.experiment.items import CATEGORIES


@pytest.fixture(scope="module")
def full():
    return contents_of()


def test_all_tables_and_figures_of_the_paper(full):
    assert {f"table_{number:02d}" for number in range(1, 16)} <= names(full.tables)
    assert {f"figure_{number:02d}" for number in range(1, 12)} <= names(full.figures)


def test_every_result_table_has_its_comparison_and_curves(full):
    for name, item in full.tables.items():
        has_results = item.kind in ("results", "baselines", "methods")
        assert (f"beside_{name}" in full.figures) == (has_results or item.kind == "fidelity")
        assert (f"curves_{name}" in full.figures) == (f"runs_{name}" in full.figures) == has_results
        for prefix in ("beside", "curves", "runs"):
            if figure := full.figures.get(f"{prefix}_{name}"):
                assert figure.places == item.places
                assert figure.other_name == (f"{prefix}_{item.other_name}" if item.other_name else "")


def test_figures_stand_at_the_papers_place_slices_of_one_seed(full):
    """Beside maps of similarity stand the means of all seeds."""
    for number, task, seeds in ((4, "lgg", {0}), (6, "hcd", {0, 1, 2}), (11, "hcd", {0, 1, 2})):
        item = full.figures[f"figure_{number:02d}"]
        assert (item.place.task, item.place.student) == (task, "resnet18")
        assert {run.seed for run in item.runs} == seeds and {run.pair for run in item.runs} == {"resnet50-resnet18"}


@pytest.mark.parametrize(
    ("number", "runs"),
    [
        (4, 12), (5, ["ml_v3", "kd_off_v3", "kd_on_v3", "kd_ml_v3"]), (9, ["kd_ml_v1", "kd_ml_v2", "kd_ml_v3"]), (11, 12),
        (6, ["kd_ml_v1", "kd_ml_v2", "kd_ml_v3"]), (10, 9), (7, ["ml_v3", "kd_off_v3", "kd_on_v3", "kd_ml_v3"]),
    ],
)  # fmt: skip
def test_a_figure_shows_its_variants(full, number, runs):
    shown = {run.run for run in full.figures[f"figure_{number:02d}"].runs}
    assert sorted(shown) == sorted(runs) if isinstance(runs, list) else len(shown) == runs


def test_other_places_on_request(full):
    asked = full.figures.keys() - names(full.figures)
    assert "figure_04_ham10000_segmentation_resnet50-resnet18" in asked
    assert "figure_06_hcd_resnet50-mobilenet" in asked and "grid_search_hcd_resnet50-mobilenet" in asked
    assert not any(name.startswith("figure_04_hcd") for name in full.figures)
    # That of the paper's place can be asked for by the place, too.
    assert full.figures["figure_04_lgg_resnet50-resnet18"].runs == full.figures["figure_04"].runs


def test_what_has_no_runs_is_not_offered():
    few = contents_of({"tasks": ["hcd"], "pairs": ["resnet50-resnet18"], "techniques": ["ml"]})
    assert "figure_06" not in few.figures and "figure_04" not in few.figures and "table_11" not in few.tables
    assert "detection" not in few.tables and "table_07" not in few.tables and "figure_01" in few.figures


def test_methods_of_a_student_that_the_paper_does_not_have_are_shown_alike():
    """Beside a table stand all its figures; what the paper does not have is drawn without it."""
    place = {"pairs": ["resnet50-mobilenet"], "methods": ["sp"], "methods_at": ["hcd/resnet50-mobilenet"]}
    mobile = contents_of({"tasks": ["hcd"], **place})
    assert "table_10" in mobile.tables and {"runs_table_10", "beside_table_10", "beside_table_08"} <= names(
        mobile.figures
    )
    assert "beside_table_02" in mobile.figures


def test_methods_or_baselines_alone_are_compared_with_the_paper():
    methods = {"tasks": ["hcd"], "techniques": [], "methods": ["sp"], "methods_at": ["hcd/resnet50-resnet18"]}
    assert "comparison" in contents_of(methods).tables
    assert "comparison" in contents_of({"tasks": ["hcd"], "techniques": [], "methods": []}).tables


def test_figure_10_needs_a_teacher():
    alone = {"tasks": ["hcd"], "pairs": ["resnet50-resnet18"], "techniques": ["ml"], "methods": []}
    without = contents_of({**alone, "baselines": False}).figures
    assert "figure_10" not in without and "figure_11" in without
    assert "figure_10" in contents_of(alone).figures


def test_result_tables_have_headings_of_their_own(full):
    assert full.tables["table_08"].title == "Table 8: Metastasis classification (HCD), pair “resnet50-mobilenet”"
    assert full.tables["table_13"].title.startswith("Table 13: networks trained alone, Skin-lesion classification")
    assert "fidelity" in full.tables["table_11"].title
    assert full.figures["curves_table_03"].title == "Table 3: learning curves"
    shares, lesions = (full.figures[f"{name}_lgg_resnet50-resnet18"] for name in ("detection_by_size", "detection"))
    assert shares.on_request and not lesions.on_request  # the supplement, and what everybody gets


def test_curves_of_a_clinic_are_dealt_out_to_pages_evenly(full):
    """The paper's six places with variants are too many for one."""
    table, *pages = full.tables["clinic"], full.figures["clinic_referral"], full.figures["clinic_referral_2"]
    assert [len(page.places) for page in pages] == [3, 3]
    assert tuple(place for page in pages for place in page.places) == table.places
    assert [page.title[-8:] for page in pages] == ["(1 of 2)", "(2 of 2)"]
    flips = [full.figures[name] for name in ("clinic_flips", "clinic_flips_2", "clinic_flips_3")]
    assert [len(page.places) for page in flips] == [2, 2, 2] and full.tables["clinic_teacher"].places == table.places
    few = contents_of({"tasks": ["hcd"], "pairs": ["resnet50-resnet18"]})
    assert " of " not in few.figures["clinic_referral"].title and "clinic_referral_2" not in few.figures
    alone = contents_of({"tasks": ["hcd"], "pairs": ["resnet50-resnet18"], "techniques": [], "methods": []})
    assert "clinic" not in alone.tables and "clinic_referral" not in alone.figures


def test_another_task_of_the_kind_stands_in():
    skin = contents_of({"tasks": ["ham10000_segmentation"], "pairs": ["resnet50-resnet18"]})
    assert skin.figures["figure_05"].place.task == "ham10000_segmentation"


@pytest.mark.parametrize(("run", "sections"), KINDS_OF_EXPERIMENT.values(), ids=KINDS_OF_EXPERIMENT)
def test_captions_are_filled_and_categories_known(run, sections):
    contents = contents_of(run, **sections)
    for item in (*contents.figures.values(), *contents.tables.values()):
        title = item.title.replace("{or}", "")
        assert title and item.caption and "{" not in title + item.caption, item.name
        assert contents.kinds[item.kind].category in (*CATEGORIES, "Grid search")
        assert item.on_request or contents.kinds[item.kind].category in CATEGORIES
    assert not contents.tables.keys() & contents.figures.keys()


def test_names_are_told_apart():
    """No two items, by whatever name, are the same file."""
    for run, sections in KINDS_OF_EXPERIMENT.values():
        contents = contents_of(run, **sections)
        for items in (contents.tables, contents.figures):
            others = [item.other_name for item in items.values() if item.other_name]
            assert len(set(others)) == len(others) and not set(others) & items.keys()
            assert all(item.name == name for name, item in items.items())


def test_a_task_of_ones_own_has_every_table():
    contents = contents_of({"tasks": ["hcd", "moles"], "methods": [], "seeds": [0]}, **OWN_TASK)
    own = {f"{kind}_moles_resnet50-resnet18" for kind in ("results", "fidelity")}
    assert names(contents.tables) >= {"baselines_moles", "table_02", "table_03", *own}
    assert not any("moles_resnet50-mobilenet" in name for name in contents.tables)  # the pair is for other tasks
    results = contents.tables["results_moles_resnet50-resnet18"]
    assert results.title == "Results: Moles: is it = one {or} not?, pair “resnet50-resnet18”" and not results.other_name
    assert {"beside_results_moles_resnet50-resnet18", "curves_baselines_moles"} <= names(contents.figures)
    assert contents.tables["baselines_moles"].title.startswith("Results: networks trained alone")
    assert {place.task for place in contents.tables["baselines_moles"].places} == {"moles"}
    assert {place.task for place in contents.tables["table_02"].places} == {"hcd"}
    alone = contents_of({"tasks": ["moles"], "methods": [], "seeds": [0]}, **OWN_TASK)
    assert alone.figures["figure_06"].place.task == "moles" and "table_06" in alone.tables


def test_a_student_of_ones_own_has_every_table():
    contents = contents_of({"tasks": ["lgg"], "pairs": ["own"], "methods": [], "seeds": [0]}, **OWN_STUDENT)
    assert names(contents.tables) >= {"results_lgg_own", "fidelity_lgg_own", "table_02", "compression", "detection"}
    assert not {"table_04", "table_12"} & contents.tables.keys()
    assert contents.tables["results_lgg_own"].place.student == "tiny"
    assert {"figure_04", "beside_results_lgg_own", "compression_lgg_own"} <= names(contents.figures)


def test_the_first_of_two_pairs_has_the_papers_name():
    """The other keeps its own, and the first can be asked for by its own, too."""
    run = {"tasks": ["hcd"], "pairs": ["first", "second"], "methods": [], "seeds": [0]}
    contents = contents_of(run, **TWO_PAIRS)
    assert (
        contents.tables["table_03"].place.pair == "first"
        and contents.tables["results_hcd_second"].place.pair == "second"
    )
    asked = contents.named(contents.tables)
    assert asked["results_hcd_first"] is asked["table_03"] and asked["fidelity_hcd_first"] is asked["table_11"]
    assert "fidelity_hcd_second" in asked and contents.tables["results_hcd_second"].title.startswith("Results: ")
    figures = contents.named(contents.figures)
    assert figures["beside_results_hcd_first"] is figures["beside_table_03"] and "curves_results_hcd_second" in figures
    turned = contents_of(run | {"pairs": ["second", "first"]}, **TWO_PAIRS)
    assert turned.tables["table_03"].place.pair == "second"


def test_protocols_are_sections_of_one_table():
    contents = contents_of({"tasks": ["hcd", "lgg"], "protocols": ["grouped", "paper"], "seeds": [0]})
    assert [place.protocol for place in contents.tables["table_03"].places] == ["grouped", "paper"]
    assert not any(name.startswith("results_") for name in contents.tables)
    figures = names(contents.figures)
    assert {"compression_hcd_resnet50-resnet18", "compression_hcd_resnet50-resnet18_paper"} <= figures
    assert contents.figures["figure_06"].place.protocol == "grouped"  # the first one
    assert "figure_06_hcd_resnet50-resnet18_paper" in contents.figures
    assert [name for name in contents.figures if name.startswith("grid_search_lgg_resnet50-resnet18")] == [
        "grid_search_lgg_resnet50-resnet18"
    ]


def test_methods_alone_have_their_table():
    contents = contents_of({"tasks": ["hcd", "lgg"], "techniques": [], "baselines": False, "seeds": [0]})
    assert names(contents.tables) == {"table_01", "table_05", "table_06", "table_07", "table_10", "comparison"}
    assert {"beside_table_10", "curves_table_10", "runs_table_10"} <= names(contents.figures)


def test_baselines_alone_have_their_table():
    contents = contents_of({"tasks": ["hcd"], "techniques": [], "methods": [], "seeds": [0, 1]})
    assert names(contents.tables) == {"table_01", "table_02", "table_05", "table_06", "comparison"}
    assert {"beside_table_02", "curves_table_02", "runs_table_02"} <= names(contents.figures)


def test_own_variants_alone_have_results_and_no_fidelity():
    run, sections = KINDS_OF_EXPERIMENT["own variant alone"]
    contents = contents_of(run, **sections)
    assert {"table_04", "contrasts", "similarity", "compression", "detection"} <= names(contents.tables)
    assert not {"table_12", "table_02", "grid_search"} & contents.tables.keys()
    assert not {"figure_04", "figure_11"} & contents.figures.keys()  # which show the paper's variants


def test_everything_is_shown_by_category(full):
    shown = full.shown()
    order = [CATEGORIES.index(item["category"]) for item in shown]
    assert order == sorted(order) and {item["name"] for item in shown} >= {"table_03", "figure_06", "contrasts"}
    assert {item["name"] for item in shown} == names(full.tables) | names(full.figures)
    files = full.files(("html", "png"))
    assert len(files) == len(shown) and {path.rpartition(".")[2] for path in files} == {"html", "png"}
    assert {tuple(item["files"]) for item in shown} == {("html", "md", "tex", "csv"), ("png", "pdf")}


def test_files_of_kinds_include_what_is_made_on_request(full):
    files = full.files_of(["search", "table_01"])
    assert "results/figures/grid_search_lgg_resnet50-resnet18.pdf" in files and "results/tables/table_01.md" in files
    assert len(files) == 6 * 2 + 4


def test_tables_stand_in_the_papers_order(full):
    papers = [name for name in full.tables if name.startswith("table_")]
    assert papers == sorted(papers) == list(full.tables)[: len(papers)]
