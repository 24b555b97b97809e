"""Data sets of the user's own in the configuration: what they hold, how they are split, and what contradicts itself."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from experiments import contents_of, inputs_of, places_of, plan_of
from snakemake.iocontainers import Wildcards

from kdml.common.errors import UserError
from kdml.data.layouts import HAM10000_CLASSES
from kdml.data.own import own_of
from kdml.experiment import archives
from kdml.experiment.datasets import DATASETS, Dataset
from kdml.experiment.export import ExportFunctions
from kdml.experiment.forecast import pictures_of
from kdml.experiment.grid_search import Search
from kdml.experiment.paths import Paths
from kdml.experiment.rule_functions import RuleFunctions

TABLE = {"source": "my/polyps", "table": "list.csv", "image": "file", "label": "class", "mask": "outline", "group": "patient",
         "classes": ["benign", "malignant"], "image_size": 64}  # fmt: skip
FOLDERS = {"source": "my/moles", "classes": [0, 1, "two"], "image_size": 64}
MASKS = {"source": "my/cells.zip", "image_size": 64}
TASKS = {
    "polyps": {"title": "Polyps", "dataset": "polyps", "kind": "classification", "classes": ["benign", "malignant"]},
    "outlines": {"title": "Outlines", "dataset": "polyps", "kind": "segmentation", "classes": ["polyp"]},
    "moles": {"title": "Moles", "dataset": "moles", "kind": "classification", "classes": ["none", "one", "two"]},
    "cells": {"title": "Cells", "dataset": "cells", "kind": "segmentation", "classes": ["cell"]},
}


def sections(**changed):
    """Sections of a configuration with three data sets, and tasks over them."""
    given = {"polyps": TABLE, "moles": FOLDERS, "cells": MASKS} | changed.pop("datasets", {})
    return {"datasets": given, "tasks": TASKS | changed.pop("tasks", {}), "hyperparameters": "even", **changed}


RUN = {"tasks": ["hcd", *TASKS], "pairs": ["resnet50-resnet18"], "methods": [], "seeds": [0]}


def test_what_they_hold_follows_from_what_is_said():
    experiment = plan_of(RUN, **sections()).experiment
    held = {key: experiment.content(key)[:2] for key in ("polyps", "moles", "cells", "hcd")}
    assert held == {"polyps": (2, True), "moles": (3, False), "cells": (2, True), "hcd": (2, False)}
    assert experiment.with_masks == {"polyps", "cells", "lgg", "ham10000"}
    assert experiment.datasets["moles"].classes == ["0", "1", "two"]
    no_masks = plan_of(
        RUN | {"tasks": ["polyps"]},
        **sections(datasets={"polyps": {**TABLE, "mask": None}}, tasks={"outlines": TASKS["polyps"]}),
    )
    assert not no_masks.experiment.content("polyps").has_masks


def test_a_column_of_groups_makes_the_split_grouped():
    plan = plan_of(RUN, **sections())
    protocols = {task: {run.protocol for run in plan.runs if run.task == task} for task in RUN["tasks"]}
    assert protocols == {
        "hcd": {"paper"},
        "polyps": {"grouped"},
        "outlines": {"grouped"},
        "moles": {"paper"},
        "cells": {"paper"},
    }
    places = [place.folder for place in places_of(RUN, **sections()).all]
    pair = "resnet50-resnet18"
    assert places == [
        *(f"paper/{task}/{pair}" for task in ("hcd", "moles", "cells")),
        *(f"grouped/{task}/{pair}" for task in ("polyps", "outlines")),
    ]
    assert plan.experiment.protocols == ["paper", "grouped"] and plan.experiment.claimed_protocols() == ["paper"]


SCANS = {"source": "my/scans", "format": "nifti", "axis": 0, "window": {"limits": [-100, 300]}, "image_size": 64}
FILES = {"source": "my/films", "format": "dicom", "classes": ["a", "b"], "image_size": 64}


def test_medical_formats_make_the_split_grouped_and_say_how_they_are_read():
    """Files say which patient they show, and slices of a volume belong together."""
    tasks = {"cells": {**TASKS["cells"], "dataset": "scans"}, "polyps": {**TASKS["polyps"], "dataset": "films"}}
    experiment = plan_of(RUN, **sections(datasets={"scans": SCANS, "films": FILES}, tasks=tasks)).experiment
    assert [experiment.protocols_of(task) for task in ("cells", "polyps", "moles")] == [
        ["grouped"],
        ["grouped"],
        ["paper"],
    ]
    own = own_of(archives.described(experiment.datasets["scans"], None, "scans"), None)
    assert (own.format, own.axis, own.mask_above, own.suffixes) == ("nifti", 0, 0, (".nii", ".nii.gz"))
    own = own_of(archives.described(experiment.datasets["films"], None, "films"), None)
    assert (own.format, own.mask_above) == ("dicom", 127) and {".dcm", ".png"} < set(own.suffixes)
    assert not {"format", "axis", "slice"} & archives.described(experiment.datasets["moles"], None, "moles").keys()


def test_a_threshold_that_is_said_is_told_apart_from_the_usual_one():
    """Whoever says that what is above 127 is marked knows of the other values of masks."""
    told = {
        above: archives.described(Dataset(**MASKS, **({} if above is None else {"mask_above": above})), None, "cells")
        for above in (None, 127, 0)
    }
    assert [one.get("any_values") for one in told.values()] == [None, True, None]
    assert [own_of(one, None).decoding().mask_above for one in told.values()] == [127, 127, 0]


def test_classes_of_a_table_are_those_of_its_tasks_where_it_names_none():
    unnamed = {key: value for key, value in TABLE.items() if key != "classes"}
    experiment = plan_of(RUN, **sections(datasets={"polyps": unnamed})).experiment
    assert experiment.datasets["polyps"].classes == ["benign", "malignant"]
    assert experiment.content("polyps") == plan_of(RUN, **sections()).experiment.content("polyps")
    told = archives.described(experiment.datasets["polyps"], None, "polyps")
    assert told == archives.described(Dataset(**TABLE), None, "polyps")
    with pytest.raises(UserError, match="here or as `classes` of all tasks on it"):  # which do not agree
        other = {**TASKS["polyps"], "classes": ["malignant", "benign"]}
        plan_of(RUN, **sections(datasets={"polyps": unnamed}, tasks={"other": other}))


def test_classes_of_a_task_may_be_numbers_and_spelled_as_macos_does():
    """As those of its data set."""
    spelled = unicodedata.normalize("NFD", "bösartig")
    datasets = {
        "moles": {**FOLDERS, "classes": [0, 1, spelled]},
        "polyps": {**TABLE, "group": unicodedata.normalize("NFD", "Fälle")},
    }
    tasks = {"moles": {**TASKS["moles"], "classes": [0, 1, spelled]}}
    experiment = plan_of(RUN, **sections(datasets=datasets, tasks=tasks)).experiment
    assert experiment.tasks["moles"].classes == experiment.datasets["moles"].classes == ["0", "1", "bösartig"]
    assert experiment.datasets["polyps"].group == "Fälle"


def test_labels_of_the_papers_data_are_named_as_they_are_listed():
    assert DATASETS["ham10000"].classes == HAM10000_CLASSES
    assert all(len(one.classes) == one.labels for one in DATASETS.values())


def test_spacing_is_a_number_two_or_a_column():
    def own(**said):
        experiment = plan_of(RUN, **sections(datasets={"polyps": {**TABLE, **said}})).experiment
        return own_of(archives.described(experiment.datasets["polyps"], None, "polyps"), None)

    assert own(spacing=0.5).spacing == (0.5, 0.5) and own(spacing=[0.5, 2]).spacing == (0.5, 2)
    of_table = own(spacing="mm")
    assert (of_table.spacing, of_table.spacing_column) == (None, "mm") and "mm" in of_table.columns()
    experiment = plan_of(RUN, **sections()).experiment
    told = archives.described(experiment.datasets["polyps"], None, "polyps")
    assert not {"spacing", "spacing_column"} & told.keys()  # what is told of others is what it was


def test_a_task_may_say_otherwise():
    said = {
        "polyps": {**TASKS["polyps"], "protocols": ["paper", "grouped"]},
        "hcd": {**hcd(), "protocols": ["grouped"]},
    }
    plan = plan_of(RUN, **sections(tasks=said))
    assert plan.experiment.protocols_of("polyps") == ["paper", "grouped"] and plan.experiment.claimed_protocols() == [
        "grouped"
    ]
    assert {run.protocol for run in plan.runs if run.task == "polyps"} == {"paper", "grouped"}
    assert {run.protocol for run in plan.runs if run.task == "hcd"} == {"grouped"}
    own_alone = plan_of(RUN | {"tasks": ["outlines"]}, **sections())
    assert own_alone.experiment.claimed_protocols() == own_alone.experiment.protocols == ["grouped"]


@pytest.mark.bad_input
def test_a_split_by_groups_that_are_not_known_is_refused():
    """Else it would be by picture under the name of the other; the paper's data say so themselves."""
    asked, by_run = {**TASKS["moles"], "protocols": ["grouped"]}, {**RUN, "protocols": ["paper", "grouped"]}
    words = (
        "grouped would split the task 'moles' by image: .* the column `group` .* `tasks: moles: protocols: \\[paper\\]`"
    )
    with pytest.raises(UserError, match=rf"tasks\.moles\.protocols: {words}"):
        plan_of(RUN, **sections(tasks={"moles": asked}))
    with pytest.raises(UserError, match=rf"run\.protocols: {words}"):
        plan_of(by_run, **sections())
    by_picture = {key: {**TASKS[key], "protocols": ["paper"]} for key in ("moles", "cells")}
    plan = plan_of(by_run, **sections(tasks=by_picture))
    assert {run.protocol for run in plan.runs if run.task == "hcd"} == {"paper", "grouped"}
    assert {run.protocol for run in plan.runs if run.task == "moles"} == {"paper"}
    plan_of({**by_run, "tasks": ["hcd", "polyps"]}, **sections(tasks={"moles": asked}))  # it is not run


def hcd():
    return {"title": "Patches", "dataset": "hcd", "kind": "classification", "classes": ["normal", "metastasis"]}


def test_tables_figures_and_the_search_are_of_the_protocol_of_the_task():
    contents = contents_of(RUN, **sections())
    assert {
        "results_polyps_resnet50-resnet18",
        "baselines_outlines",
        "fidelity_cells_resnet50-resnet18",
    } <= contents.tables.keys()
    assert {
        "compression_polyps_resnet50-resnet18",
        "detection_outlines_resnet50-resnet18",
        "beside_baselines_moles",
    } <= contents.figures.keys()
    searched = Search(contents.plan)
    assert {place[:2] for place in searched.places} == {
        ("paper", "hcd"),
        ("paper", "moles"),
        ("paper", "cells"),
        ("grouped", "polyps"),
        ("grouped", "outlines"),
    }
    assert searched.splits == ("paper 0", "grouped 0") and searched.other_splits == ()


WRONG = {
    "no source": ("polyps", {**TABLE, "source": None}, "datasets.polyps.source: name the folder or zip"),
    "misspelt name of the paper's": ("hdc", {"image_size": 64}, "datasets.hdc.source: .*did you mean 'hcd'"),
    "the paper's with a source": ("lgg", {"image_size": 64, "source": "my"}, "datasets.lgg.source: 'lgg' is the paper's"),
    "a spacing without a table": ("scans", {**SCANS, "spacing": "mm"}, "datasets.scans.spacing: names a column, but there is no `table`"),
    "a spacing of nothing": ("scans", {**SCANS, "spacing": 0}, "datasets.scans.spacing"),
    "three spacings": ("scans", {**SCANS, "spacing": [1, 2, 3]}, "datasets.scans.spacing"),
    "an axis of pictures": ("moles", {**FOLDERS, "axis": 1}, "datasets.moles.axis: is for volumes, `format: nifti`"),
    "volumes without a window": ("scans", {**SCANS, "window": None}, "datasets.scans.window: say which values of the volumes"),
    "a slice without a table": ("scans", {**SCANS, "slice": "z"}, "datasets.scans.slice: names a column, but there is no `table`"),
    "column without table": ("moles", {**FOLDERS, "group": "patient"}, "datasets.moles.group: names a column, but there is no `table`"),
    "no column of pictures": ("polyps", {**TABLE, "image": None}, "datasets.polyps.image: name the column"),
    "neither label nor mask": ("polyps", {**TABLE, "label": None, "mask": None, "classes": []}, "datasets.polyps.table: name its column `label`, `mask`"),
    "one column twice": ("polyps", {**TABLE, "group": "file"}, "datasets.polyps.image and .*must be different columns"),
    "label without classes": ("unasked", {**TABLE, "classes": []}, "datasets.unasked.classes: the column `label` needs"),
    "classes without label": ("polyps", {**TABLE, "label": None}, "datasets.polyps.classes: the column `label` needs"),
    "one class": ("moles", {**FOLDERS, "classes": ["a"]}, "datasets.moles.classes: 'a' is the only one"),
    "a class twice": ("moles", {**FOLDERS, "classes": ["1", 1]}, "datasets.moles.classes: '1' is listed twice"),
    "classes that YAML reads as truth": ("moles", {**FOLDERS, "classes": [True, False]}, "datasets.moles.classes: .*quote them"),
    "a subset": ("moles", {**FOLDERS, "subset": 9}, "datasets.moles.subset: is for hcd"),
    "drawn images": ("moles", {**FOLDERS, "demo_images": 400}, "datasets.moles.demo_images: is for the paper's data sets"),
    "slides": ("moles", {**FOLDERS, "slides": "a.csv"}, "datasets.moles.slides: is for hcd"),
    "a seed of no draw": ("moles", {**FOLDERS, "subset_seed": 1}, "datasets.moles.subset_seed: all images are kept, .* set `limit`"),
    "a threshold of no masks": ("moles", {**FOLDERS, "mask_above": 0}, "datasets.moles.mask_above: there are no masks"),
    "window of nothing": ("moles", {**FOLDERS, "window": {}}, "datasets.moles.window: give either `limits` or `percentiles`"),
    "window twice": ("moles", {**FOLDERS, "window": {"limits": [0, 1], "percentiles": [0, 1]}}, "datasets.moles.window: give either"),
    "window turned round": ("moles", {**FOLDERS, "window": {"limits": [9, 1]}}, "datasets.moles.window: .*9 is not below 1"),
    "no percentiles": ("moles", {**FOLDERS, "window": {"percentiles": [1, 101]}}, "datasets.moles.window.percentiles"),
    "no threshold": ("cells", {**MASKS, "mask_above": 255}, "datasets.cells.mask_above"),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("name", "dataset", "words"), WRONG.values(), ids=WRONG)
def test_what_contradicts_itself_is_refused_by_its_key(name, dataset, words):
    with pytest.raises(UserError, match=words):
        plan_of(RUN, **sections(datasets={name: dataset}))


TASKS_IN_VAIN = {
    "other classes": ({**TASKS["moles"], "classes": ["a", "b"]}, "tasks.moles.classes: 2 are named, but 'moles' has 3 labels"),
    "classes in another order": ({**TASKS["moles"], "classes": ["0", "two", "1"]}, "tasks.moles.classes: the labels of 'moles' are 0, 1, two; name these in this order, or give all others"),
    "one of them elsewhere": ({**TASKS["moles"], "classes": ["1", "one", "two"]}, "tasks.moles.classes: the labels of 'moles' are 0, 1, two"),
    "the paper's in another order": ({**TASKS["moles"], "dataset": "hcd", "classes": ["metastasis", "normal"]}, "tasks.moles.classes: the labels of 'hcd' are normal, metastasis"),
    "no masks": ({**TASKS["moles"], "kind": "segmentation", "classes": ["a"]}, "tasks.moles.kind: 'moles' has no masks"),
    "unknown data": ({**TASKS["moles"], "dataset": "mole"}, "tasks.moles.dataset: 'mole' is not defined; did you mean 'moles'"),
    "no protocol": ({**TASKS["moles"], "protocols": []}, "tasks.moles.protocols"),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("task", "words"), TASKS_IN_VAIN.values(), ids=TASKS_IN_VAIN)
def test_tasks_that_their_data_cannot_serve_are_refused(task, words):
    with pytest.raises(UserError, match=words):
        plan_of(RUN, **sections(tasks={"moles": task}))


# What the scripts are told


def test_what_reads_them_is_told_all_but_where_a_table_lies():
    dataset = Dataset(**TABLE, window={"percentiles": (1, 99)}, mask_above=0)
    for table in (None, "../elsewhere/list.csv"):
        own = own_of(archives.described(dataset, table, "polyps"), table)
        assert (own.name, own.classes, own.columns()) == (
            "polyps",
            ("benign", "malignant"),
            ["file", "class", "outline", "patient"],
        )
        assert own.table == (table or "list.csv") and own.mask_above == 0
        assert own.window == {"low": 1, "high": 99, "of_percentiles": True}
    here, there = (archives.prepare_options(dataset, table, "polyps") for table in ("a.csv", "b/a.csv"))
    assert repr(here) == repr(there) and str(there[-1]) == "b/a.csv" and "list.csv" not in str(here)
    assert json.loads(archives.prepare_options(dataset, None, "polyps")[-1])["table"] == "list.csv"
    assert "--own" not in archives.prepare_options(Dataset(image_size=64), None, "hcd")


def test_a_table_is_a_file_or_lies_within(tmp_path):
    experiment = plan_of(RUN, **sections()).experiment
    assert (
        archives.table_of(experiment, "polyps", tmp_path) is None
        and archives.table_of(experiment, "moles", tmp_path) is None
    )
    (tmp_path / "list.csv").write_text("file\n")
    assert Path(archives.table_of(experiment, "polyps", tmp_path)).resolve() == tmp_path / "list.csv"


def test_images_are_drawn_only_where_somebody_looks_at_them():
    assert archives.is_drawn(plan_of(RUN, **sections(archives="demo")).experiment)
    assert not archives.is_drawn(plan_of(RUN | {"tasks": ["moles"]}, **sections(archives="demo")).experiment)


def test_what_is_said_of_a_task_is_of_its_data_alone(root):
    """Where other tasks of the experiment have drawn images, and where a licence is stated."""
    given = sections(archives="demo", datasets={"moles": {**FOLDERS, "licence": "cc-by-4.0"}})
    ask = RuleFunctions(inputs_of(RUN, **given), root)
    export = ExportFunctions(ask)
    for task, drawn in (("moles", False), ("hcd", True)):
        named = Wildcards(fromdict={"task": task})
        assert ask.drawn(named) == (["--drawn"] if drawn else [])
        assert ask.note(named).startswith("Synthetic images") == drawn
        assert export.licence(named) == ("" if drawn else "cc-by-4.0")
    assert ask.drawn(Wildcards()) == ["--drawn"]


def test_forecast_counts_files_until_they_are_prepared(tmp_path):
    for number in range(20):
        (tmp_path / f"{number}.png").write_bytes(b"")
    given = {"cells": {**MASKS, "source": str(tmp_path)}, "moles": {**FOLDERS, "source": str(tmp_path), "limit": 15}}
    experiment = plan_of(RUN, **sections(datasets=given)).experiment
    totals = [pictures_of(experiment, Paths("x"), task, tmp_path).total for task in ("cells", "moles", "polyps")]
    assert totals == [10, 15, 0]


# Masks of several classes


VALUES = {"core": 85, "rim": 170}
SEVERAL = {"cells": {**MASKS, "mask_values": VALUES}}
CORE_AND_RIM = {"cells": {**TASKS["cells"], "classes": ["core", "rim"]}}


def several(run=None, **changed):
    given = {"datasets": SEVERAL, "tasks": CORE_AND_RIM} | changed
    return plan_of({**RUN, "tasks": ["cells"], **(run or {})}, **sections(**given))


def test_masks_of_several_classes_have_an_output_for_each_and_the_background():
    plan = several()
    assert {plan.settings(run).outputs for run in plan.runs} == {3} and plan.experiment.content(
        "cells"
    ).mask_classes == (
        "core",
        "rim",
    )
    of_one = plan_of({**RUN, "tasks": ["cells"]}, **sections())
    assert {of_one.settings(run).outputs for run in of_one.runs} == {1}
    words = archives.prepare_options(plan.experiment.datasets["cells"], None, "cells")
    own = own_of(json.loads(words[words.index("--own") + 1]), None)
    assert own.mask_values == (("background", 0), ("core", 85), ("rim", 170))
    light = several(datasets={"cells": {**MASKS, "mask_values": {"core": 0, "rim": 1, "background": 255}}})
    told = archives.described(light.experiment.datasets["cells"], None, "cells")["mask_values"]
    assert told == [("background", 255), ("core", 0), ("rim", 1)]
    assert "mask_values" not in archives.described(
        plan_of(RUN, **sections()).experiment.datasets["cells"], None, "cells"
    )


OF_SEVERAL = {
    "other names": ({"tasks": {"cells": {**TASKS["cells"], "classes": ["rim", "core"]}}}, "tasks.cells.classes: masks of 'cells' have core, rim; name these, in this order"),
    "one of them": ({"tasks": {"cells": TASKS["cells"]}}, "tasks.cells.classes: masks of 'cells' have core, rim"),
    "no values": ({"datasets": {}}, "tasks.cells.classes: 2 are named, but a mask marks one; for several, name their values in `datasets: cells: mask_values`"),
    "one value": ({"datasets": {"cells": {**MASKS, "mask_values": {"core": 1}}}}, "datasets.cells.mask_values: name two classes or more beside the background"),
    "one value twice": ({"datasets": {"cells": {**MASKS, "mask_values": {"core": 1, "rim": 1}}}}, "core and rim have the same value, 1"),
    "a value of the background": ({"datasets": {"cells": {**MASKS, "mask_values": {"core": 0, "rim": 1}}}}, "background and core have the same value, 0"),
    "both keys": ({"datasets": {"cells": {**MASKS, "mask_values": VALUES, "mask_above": 0}}}, "mask_values and mask_above: a mask has several classes or one"),
    "no masks": ({"datasets": {"moles": {**FOLDERS, "mask_values": VALUES}}}, "datasets.moles.mask_values: there are no masks"),
    "of the paper": ({"datasets": {"lgg": {"image_size": 256, "mask_values": VALUES}}}, "datasets.lgg.mask_values: 'lgg' is the paper's"),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("changed", "words"), OF_SEVERAL.values(), ids=OF_SEVERAL)
def test_what_masks_of_several_classes_must_not_be(changed, words):
    datasets = SEVERAL | changed["datasets"] if changed.get("datasets") else changed.get("datasets", SEVERAL)
    with pytest.raises(UserError, match=re.escape(words)):
        several(**(changed | {"datasets": datasets}))


@pytest.mark.bad_input
def test_a_method_for_masks_of_one_class_is_refused_by_name():
    at = {"methods": ["ifvd", "skd"], "methods_at": ["cells/resnet50-resnet18"]}
    with pytest.raises(
        UserError, match=r"run\.methods: 'skd' is for masks of one class, and those of the task 'cells' have several"
    ):
        several(at)
    kept = several(at | {"tasks": ["cells", "lgg"]}, methods={"skd": {"tasks": ["lgg"]}})
    assert {run.run for run in kept.runs if run.task == "cells" and kept.settings(run).method} == {"ifvd"}
    plan_of({**RUN, "tasks": ["cells"], **at}, **sections())  # masks of one class
