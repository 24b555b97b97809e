"""What tables, figures and analyses are made from."""

import pytest
from experiments import KINDS_OF_EXPERIMENT, OWN_STUDENT, TWO_PAIRS, inputs_of

from kdml.common.errors import UserError
from kdml.experiment.inputs import OF_METHODS
from kdml.experiment.items import CATEGORIES
from kdml.runs.graph import is_student
from kdml.runs.run_table import ALONE_SHEET, FIDELITY_SHEET, METHODS_SHEET, SHEETS, TEACHER_SHEET, VARIANTS_SHEET


@pytest.fixture(scope="module")
def inputs():
    return inputs_of()


@pytest.fixture(scope="module", params=list(KINDS_OF_EXPERIMENT))
def any_inputs(request):
    run, sections = KINDS_OF_EXPERIMENT[request.param]
    return inputs_of(run, **sections)


def items_of(inputs):
    return {**inputs.contents.tables, **inputs.contents.figures}


def place_of(inputs, task="hcd", pair="resnet50-resnet18"):
    return inputs.places.by_folder[f"paper/{task}/{pair}"]


def of_place(folder, *files):
    """Labelled files below a place, from (label, file) pairs."""
    return [(f"{label}:{folder}", f"{folder}/{file}") for label, file in files]


def sheet_of(folder, sheet, *more):
    """What a result table is made from, and the figures beside it."""
    values = [("runs", "runs.csv"), ("values", f"{sheet}/values.csv"), ("comparison", f"{sheet}/comparison.csv")]
    return of_place(folder, *values, *more)


ALONE = ("alone", "alone/values.csv")  # has the student, which a line is drawn for


def curves_of(sheet):
    return ("curves", f"{sheet}/curves.csv"), ("bands", f"{sheet}/bands.csv")


def scored_at(folder, *kinds):
    """Files on variants and networks trained alone at a place, below its runs."""
    sheets = [(kind, f"{folder}/{sheet}/{kind}.csv") for kind in kinds for sheet in ("variants", "alone")]
    return [("runs", f"{folder}/runs.csv"), *sheets]


def test_every_kind_of_item_is_there(inputs):
    under_both = inputs_of({"protocols": ["paper", "grouped"]})
    found = {item.kind for one in (inputs, under_both) for item in items_of(one).values()}
    assert found == set(inputs.contents.kinds)


def test_protocols_are_compared_only_where_they_differ(inputs):
    with pytest.raises(UserError, match="lgg/resnet50-resnet18 is not run under two protocols that differ"):
        inputs.both_protocols(place_of(inputs, "lgg"))


def test_everything_is_made_from_files_of_the_experiment(any_inputs):
    """Labels and files are arguments of commands without quotes; verdicts are of the last experiment that was run."""
    for item in items_of(any_inputs).values():
        data = any_inputs.of_item(item)
        assert data, item.name
        for label, path in data:
            assert label and not {" ", "="} & set(label) and " " not in path
            assert path.startswith("results/full/") or path == "results/claims.csv"
        assert len(set(data)) == len(data), item.name


def test_files_of_a_place_name_it(any_inputs):
    """Of what is shown of several places, each file is labelled with its own."""
    for item in items_of(any_inputs).values():
        for label, path in any_inputs.of_item(item):
            kind, _, folder = label.partition(":")
            if folder:
                place = any_inputs.places.by_folder[folder]
                assert place in item.places and (f"/{folder}/" in path or kind == "costs"), (item.name, label, path)


def test_only_places_with_runs_of_a_sheet_are_taken(any_inputs):
    """A table asks for no file of a sheet that has no runs, which nothing could make."""
    for item in items_of(any_inputs).values():
        for label, path in any_inputs.of_item(item):
            if label.startswith(("values:", "alone:", "comparison:", "curves:", "bands:")):
                place = any_inputs.places.by_folder[label.partition(":")[2]]
                assert path.split("/")[-2] in any_inputs.sheets(place), (item.name, path)


HCD, LGG = "paper/hcd/resnet50-resnet18", "paper/lgg/resnet50-resnet18"
MOBILE = "paper/hcd/resnet50-mobilenet"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("figure_06", [
            ("layers", f"{HCD}/similarity/kd_ml/layers.csv"),
            ("upper", f"{HCD}/similarity/kd_ml/upper.csv"),
        ]),
        ("figure_04", [("images", "slices/figure_04.npz"), ("slices", "slices/figure_04.csv")]),
        ("figure_01", [("graphs", "graphs.csv")]),
        ("table_01", [("graphs", "graphs.csv")]),
        ("table_06", [("layers", "networks/hcd/resnet50-resnet18/layers.csv")]),
        ("table_04", sheet_of(LGG, "variants", *curves_of("variants"), ALONE)),
        ("curves_table_08", sheet_of(MOBILE, "variants", *curves_of("variants"), ALONE)),
        ("runs_table_08", sheet_of(MOBILE, "variants", *curves_of("variants"), ALONE)),
        ("table_11", sheet_of(HCD, "fidelity", ("teachers", "fidelity/teachers_summary.csv"))),
        ("beside_table_11", sheet_of(HCD, "fidelity", ("teachers", "fidelity/teachers_summary.csv"))),
        ("beside_table_10", [
            file for folder in (HCD, LGG) for file in sheet_of(folder, "methods", *curves_of("methods"), ALONE, ("methods", "methods/methods.csv"), ("contrasts", "contrasts_methods.csv"))
        ]),
        ("compression_lgg_resnet50-resnet18", [("runs", f"{LGG}/runs.csv"), ("scores", f"{LGG}/compression.csv")]),
        ("detection_by_size_lgg_resnet50-resnet18", scored_at(LGG, "values")),
        ("detection_lgg_resnet50-resnet18", scored_at(LGG, "values", "found")),
        ("grid_search_lgg_resnet50-resnet18", [("settings", "grid_search/paper/lgg/resnet50-resnet18/settings.csv")]),
        ("grid_search", [("settings", "grid_search/hyperparameters.csv")]),
    ],
)  # fmt: skip
def test_files_of_an_item(inputs, name, data):
    assert inputs.of_item(items_of(inputs)[name]) == [(label, f"results/full/{path}") for label, path in data]


def test_the_comparison_knows_what_tasks_are_called(inputs):
    item = items_of(inputs)["comparison"]
    first, *others = inputs.of_item(item)
    assert first == ("comparison", "results/full/comparison.csv")
    assert others == [(f"runs:{place.folder}", f"results/full/{place.folder}/runs.csv") for place in item.places]


def test_a_table_of_places_tells_them_apart(inputs):
    labels = [label for label, _ in inputs.of_item(inputs.contents.tables["compression"])]
    assert labels == [
        f"{what}:{place.folder}" for place in inputs.places.all for what in ("runs", "costs", "scores")
    ]  # fmt: skip
    assert len(labels) == 6 * 3


def test_figures_beside_are_made_from_the_files_of_their_table(any_inputs):
    """So that one job makes them all."""
    contents = any_inputs.contents
    for table in contents.tables.values():
        for prefix in ("beside", "curves", "runs"):
            if figure := contents.figures.get(f"{prefix}_{table.name}"):
                assert any_inputs.of_item(figure) == any_inputs.of_item(table)


def test_sheets_are_of_their_runs_alone(inputs):
    place = place_of(inputs, "lgg")
    assert inputs.sheets(place) == [sheet for sheet in SHEETS if sheet != TEACHER_SHEET]  # it is the baseline there
    variants, methods = inputs.runs_of(place, VARIANTS_SHEET), inputs.runs_of(place, METHODS_SHEET)
    assert len(variants) == 12 * 3 and len(methods) == 8 * 3
    assert {run.run for run in set(variants) & set(methods)} == {"kd_ml_v3"}  # which methods are compared with
    alone = inputs.runs_of(place, ALONE_SHEET)
    assert {(run.pair, run.run) for run in alone} == {("resnet50", "baseline"), ("resnet18", "baseline")}
    taught = inputs.runs_of(place, FIDELITY_SHEET)
    assert {run.run.rpartition("_")[0] for run in taught} == {"kd_off", "kd_on", "kd_ml"} and len(taught) == 9 * 3
    assert inputs.sheets(place_of(inputs, pair="resnet50-mobilenet")) == [
        VARIANTS_SHEET,
        ALONE_SHEET,
        TEACHER_SHEET,
        FIDELITY_SHEET,
    ]


def test_sheets_of_less_than_everything():
    found = {}
    for name, (run, sections) in KINDS_OF_EXPERIMENT.items():
        inputs = inputs_of(run, **sections)
        found[name] = {tuple(inputs.sheets(place)) for place in inputs.places.all}
    # Teachers of methods are trained alone, and stand at the places of the methods.
    assert found["methods only"] == {(METHODS_SHEET, ALONE_SHEET)}
    assert found["baselines only"] == {(ALONE_SHEET,)}
    assert found["own variant alone"] == {(VARIANTS_SHEET,)}
    assert found["own student"] == {(VARIANTS_SHEET, ALONE_SHEET, FIDELITY_SHEET)}  # its teacher is the baseline
    assert found["own teacher"] == {(VARIANTS_SHEET, TEACHER_SHEET, FIDELITY_SHEET)}


def test_a_pairs_own_teacher_has_a_sheet_of_its_own():
    """A table of networks trained alone does not show it, and must not train it."""
    run, sections = KINDS_OF_EXPERIMENT["own teacher"]
    inputs = inputs_of(run, **sections)
    place = place_of(inputs)
    assert {run.run for run in inputs.runs_of(place, TEACHER_SHEET)} == {"teacher"}
    assert inputs.runs_of(place, ALONE_SHEET) == []
    assert "teacher" not in {run.run for run in inputs.runs_of(place, VARIANTS_SHEET)}


def test_one_network_in_two_roles_is_evaluated_once():
    """Teacher and student may be of one architecture."""
    twins = {"pairs": {"twins": {"teacher": "resnet18", "student": "resnet18"}}}
    inputs = inputs_of({"tasks": ["lgg"], "pairs": ["twins"], "methods": [], "seeds": [0]}, **twins)
    (run,) = inputs.runs_of(inputs.places.all[0], ALONE_SHEET)
    assert (run.pair, run.run) == ("resnet18", "baseline")


def test_values_of_all_sheets_are_collected(inputs):
    files = inputs.by_seed()
    assert len(set(files)) == len(files) == sum(len(inputs.sheets(place)) for place in inputs.places.all)
    assert f"results/full/{LGG}/fidelity/by_seed.csv" in files
    comparisons = inputs.comparisons()
    assert {path.replace("by_seed", "comparison") for path in files} == set(comparisons)


def test_contrasts_are_of_variants_or_of_methods(inputs):
    place = place_of(inputs, "lgg")
    assert inputs.compared_sheets(place, "") == [VARIANTS_SHEET, ALONE_SHEET]
    assert inputs.compared_sheets(place, OF_METHODS) == [METHODS_SHEET]
    assert inputs.contrasts(place) == [f"results/full/{LGG}/contrasts.csv", f"results/full/{LGG}/contrasts_methods.csv"]
    assert inputs.scored(place, inputs.paths.values) == [
        f"results/full/{LGG}/{sheet}/values.csv" for sheet in ("variants", "alone")
    ]
    assert inputs.contrasts(place_of(inputs, pair="resnet50-mobilenet")) == [f"results/full/{MOBILE}/contrasts.csv"]


def test_claims_take_what_there_is_of_every_place(any_inputs):
    places = {}
    for argument, place, path in any_inputs.claims():
        assert path.startswith("results/full/")
        places.setdefault(place, []).append(argument)
    assert set(places) == set(any_inputs.places.all)
    assert all(arguments[0] == "runs" and arguments.count("runs") == 1 for arguments in places.values())
    for place, arguments in places.items():
        assert ("similarity" in arguments) == bool(any_inputs.places.variants_at(place))


def test_judges_are_the_networks_alone_of_the_seed(inputs):
    """Slices of every size need none, and without networks alone the shown runs judge."""
    figure = inputs.contents.figures["figure_05"]
    assert [(name, run.run, run.seed) for name, run in inputs.judges(figure, "telling")] == [
        ("baseline_teacher", "baseline", 0), ("baseline_student", "baseline", 0),
    ]  # fmt: skip
    assert [run for _, run in inputs.judges(figure, "spread")] == list(figure.runs)
    alone = inputs_of({"tasks": ["lgg"], "techniques": ["ml"], "methods": [], "baselines": False, "seeds": [0]})
    figure = alone.contents.figures["figure_05"]
    assert alone.judges(figure, "telling") == [("ml_v3", run) for run in figure.runs]


def test_ensembles_have_the_papers_two_students_and_those_of_own_variants(inputs):
    run, sections = KINDS_OF_EXPERIMENT["own variant"]
    assert inputs_of(run, **sections).numbers_of_students("lgg", "resnet50-resnet18") == [2, 3]
    assert inputs.numbers_of_students("lgg", "resnet50-resnet18") == [2]
    single = {"teacher": "none", "supervised": {"s1": 1.0}, "edges": []}
    one = inputs_of({"tasks": ["lgg"], "own_variants": ["single"]}, variants={"single": single})
    assert one.numbers_of_students("lgg", "resnet50-resnet18") == [2] and is_student("s1")  # one student is no ensemble


def test_cka_is_computed_by_technique(inputs):
    place = place_of(inputs)
    files = inputs.cka(place, inputs.places.variants_at(place), "upper")
    groups = ("kd_ml", "kd_off", "kd_on", "ml")
    folder = f"results/full/{HCD}/similarity"
    assert sorted(files) == [f"{folder}/{group}/upper.csv" for group in groups]


def test_data_of_runs(inputs):
    place = place_of(inputs)
    runs = inputs.places.variants_at(place)
    assert inputs.splits_of(runs) == ["results/full/paper/hcd/split-0.csv"]
    assert inputs.start_weights(runs) == [
        f"resources/full/weights/{name}.safetensors" for name in ("resnet18", "resnet50")
    ]
    assert (
        len(inputs.split_reports()) == 4
        and inputs.costs(place) == "results/full/networks/hcd/resnet50-resnet18/costs.csv"
    )
    own = inputs_of({"tasks": ["lgg"], "pairs": ["own"], "methods": [], "baselines": False}, **OWN_STUDENT)
    assert own.start_weights(own.plan.runs) == ["resources/full/weights/resnet50.safetensors"]
    seeds = inputs_of({"tasks": ["hcd"]}, split={"per_seed": True})
    assert seeds.splits_of(seeds.places.variants_at(seeds.places.all[0])) == [
        f"results/full/paper/hcd/split-{seed}.csv" for seed in range(3)
    ]


def test_two_pairs_of_one_table_have_files_of_their_own():
    run = {"tasks": ["hcd"], "pairs": ["first", "second"], "methods": [], "seeds": [0]}
    inputs = inputs_of(run, **TWO_PAIRS)
    files = {name: {path for _, path in inputs.of_item(inputs.contents.tables[name])} for name in ("table_03", "results_hcd_second")}  # fmt: skip
    assert not files["table_03"] & files["results_hcd_second"] and all("/first/" in path for path in files["table_03"])


def test_categories_of_the_page_are_all_in_use(inputs):
    kinds = inputs.contents.kinds.values()
    assert {kind.category for kind in kinds} == {*CATEGORIES, "Grid search"}


def test_costs_are_known_of_the_ensemble_that_teaches_a_third_student():
    """Three teach a fourth: ensembles of two, as the paper's, of three and of all."""
    edges = [{"source": f"s{n}", "learner": "s4", "knowledge": "predictions", "weight": 0.2} for n in (1, 2, 3)]
    fourth = {"teacher": "none", "supervised": {f"s{n}": 0.4 for n in (1, 2, 3, 4)}, "edges": edges}
    inputs = inputs_of({"tasks": ["lgg"], "own_variants": ["fourth"]}, variants={"fourth": fourth})
    assert inputs.numbers_of_students("lgg", "resnet50-resnet18") == [2, 3, 4]
