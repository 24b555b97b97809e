"""Configurations that are committed are valid; mistakes are named by their key, with the nearest known one."""

import contextlib
import copy

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kdml.common.errors import UserError
from kdml.common.project import ROOT
from kdml.data.layouts import HAM10000_CLASSES, LAYOUTS
from kdml.experiment.config import schema_text, validated
from kdml.experiment.datasets import DATASETS
from kdml.experiment.plan import Plan

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def paper_config():
    return copy.deepcopy(CONFIG)


def test_paper_configuration_states_the_defaults(paper_config):
    """What config.yaml spells out and what the models default to cannot drift apart."""
    experiment = validated(paper_config)
    bare = copy.deepcopy(paper_config)
    for key in (
        "split",
        "sharing",
        "training",
        "loader_workers",
        "checkpoint_minutes",
        "allow_mixed_code",
        "hyperparameters",
    ):
        del bare[key]
    assert validated(bare) == experiment
    for key in ("techniques", "strategies", "own_variants", "variants_for", "baselines", "protocols", "seeds"):
        del bare["run"][key]
    assert validated(bare).run == experiment.run


def test_paper_configuration_spells_out_every_setting(paper_config):
    experiment = validated(paper_config)
    for section in ("split", "sharing", "training", "run"):
        assert set(paper_config[section]) == set(type(getattr(experiment, section)).model_fields)


def test_committed_schema_is_the_models(root):
    assert (root / "workflow/schemas/config.schema.json").read_text() == schema_text()


def test_task_lays_its_training_over_the_common_one(paper_config):
    paper_config["tasks"]["lgg"]["training"] = {"epochs": 3, "schedule": {"factor": 1}}
    experiment = validated(paper_config)
    assert experiment.training_of("lgg").epochs == 3
    assert experiment.training_of("lgg").schedule.factor == 1
    assert experiment.training_of("lgg").schedule.patience == 10
    assert experiment.training_of("hcd").epochs == 200


def put(config, path, value):
    *parents, last = path.split(".")
    for key in parents:
        config = config.setdefault(key, {})
    config[last] = value


def own_variant(teacher, source="teacher", knowledge="features"):
    edge = {"source": source, "learner": "s1", "knowledge": knowledge, "weight": 1}
    return {"teacher": teacher, "supervised": {"s1": 1}, "edges": [edge]}


MISTAKES = {
    "unknown key, top level": ("trainning", {}, ["trainning: unknown key", "did you mean 'training'"]),
    "unknown key, nested": ("training.lerning_rate", 1, ["training.lerning_rate", "did you mean 'learning_rate'"]),
    "unknown key in a mapping of names": ("tasks.hcd.datset", "hcd", ["tasks.hcd.datset", "did you mean 'dataset'"]),
    "unknown key far away": ("sharing.qqqq", 1, ["sharing.qqqq: unknown key", "known are: temperature"]),
    "wrong type": ("training.epochs", "many", ["training.epochs", "integer", "'many'"]),
    "zero epochs": ("training.epochs", 0, ["training.epochs", "greater than or equal to 1"]),
    "negative rate": ("training.learning_rate", -1, ["training.learning_rate", "greater than 0"]),
    "empty list of tasks": ("run.tasks", [], ["run.tasks", "at least 1"]),
    "unknown task": ("run.tasks", ["hdc"], ["run.tasks", "'hdc' is not defined", "did you mean 'hcd'"]),
    "unknown pair": ("run.pairs", ["resnet50-resnet19"], ["run.pairs", "did you mean 'resnet50-resnet18'"]),
    "unknown technique": ("run.techniques", ["kd"], ["run.techniques", "'kd'"]),
    "unknown protocol": ("run.protocols", ["slide"], ["run.protocols", "'slide'"]),
    "unknown variant": ("run.variants_for", {"lgg": ["kd_ml_v4"]}, ["run.variants_for.lgg", "did you mean 'kd_ml_v3'"]),
    "unknown network in a pair": ("pairs.resnet50-resnet18.student", "resnet8", ["pairs.resnet50-resnet18.student", "'resnet8'"]),
    "unknown weights": ("networks.resnet50.weights", "in21k", ["networks.resnet50.weights", "'in21k' is not defined"]),
    "weights without source": ("weights.resnet50", {"note": "x"}, ["weights.resnet50", "either `timm`", "or `path`"]),
    "weights by path without mean": ("weights.resnet50", {"path": "a.safetensors"}, ["weights.resnet50", "`mean` and `std`"]),
    "fractions": ("split.fractions", [0.8, 0.1, 0.2], ["split", "add up to 1"]),
    "task override misspelt": ("tasks.lgg.training", {"epoch": 1}, ["tasks.lgg.training", "epoch: unknown key", "'epochs'"]),
    "segmentation with class weights": ("tasks.lgg.balance", "class_weights", ["tasks.lgg.balance", "take resample"]),
    "variant takes a paper name": (
        "variants.kd_ml_v3",
        {"teacher": "none", "supervised": {"s1": 1}},
        ["variants.kd_ml_v3", "taken"],
    ),
    "variant with a broken graph": (
        "variants.mine",
        own_variant("none", source="teacher"),
        ["variants.mine", "starts at the teacher"],
    ),
    "variant with unknown knowledge": (
        "variants.mine",
        own_variant("online", knowledge="logits"),
        ["variants.mine.edges.0.knowledge", "'predictions' or 'features'"],
    ),
    "variant with unknown network": (
        "variants.mine",
        own_variant("online", source="s2"),
        ["variants.mine", "'s2'", "not one of teacher, s1"],
    ),
    "place of variants without its pair": ("run.variants_for", {"hcd/": ["ml_v1"]}, ["run.variants_for.hcd/", "'' is not defined"]),
    "place of variants that the pair is not for": (
        "run.variants_for",
        {"ham10000_segmentation/resnet50-mobilenet": ["ml_v1"]},
        ["run.variants_for.ham10000_segmentation/resnet50-mobilenet", "run on hcd, lgg alone"],
    ),
    "pair named like a network": (
        "pairs.resnet18",
        {"teacher": "resnet50", "student": "resnet18"},
        ["pairs.resnet18: a network has this name", "choose another one"],
    ),
    "task named like a kind": (
        "tasks.segmentation",
        {"dataset": "lgg", "kind": "segmentation", "classes": ["lesion"], "title": "Mine"},
        ["tasks.segmentation: this is a kind of task"],
    ),
    "two tasks with one title": (
        "tasks.lgg.title",
        CONFIG["tasks"]["hcd"]["title"],
        ["tasks.lgg.title", "is that of the task 'hcd'", "choose another one"],
    ),
    "experiment named like a folder of results": ("experiment", "tables", ["experiment: 'tables' is taken", "choose another name"]),
    "experiment named like a page of results": ("experiment", "claims", ["experiment: 'claims' is taken"]),
    "task twice": ("run.tasks", ["hcd", "lgg", "hcd"], ["run.tasks: 'hcd' is listed twice"]),
    "seed twice": ("run.seeds", [0, 1, 0], ["run.seeds: 0 is listed twice"]),
    "method twice": ("run.methods", ["sp", "sp"], ["run.methods: 'sp' is listed twice"]),
    "variant twice": ("run.variants_for", {"lgg": ["ml_v1", "ml_v1"]}, ["run.variants_for.lgg: 'ml_v1' is listed twice"]),
    "alpha twice": ("grid_search.alpha", [0.2, 0.20], ["grid_search.alpha: 0.2 is listed twice"]),
    "seed of the search twice": ("grid_search.seeds", [0, 0], ["grid_search.seeds: 0 is listed twice"]),
    "task of a method twice": ("methods.mine", {"method": "sp", "tasks": ["hcd", "hcd"]}, ["methods.mine.tasks: 'hcd' is listed twice"]),
    "class twice": ("tasks.hcd.classes", ["a", "a"], ["tasks.hcd.classes: 'a' is listed twice"]),
    "unknown method": ("methods.mine", {"method": "spp"}, ["methods.mine: 'spp' is not a method", "did you mean 'sp'", "file.py:Class"]),
    "file without its class": ("methods.mine", {"method": "mine.py"}, ["methods.mine: `method: mine.py` names a file", "mine.py:Class"]),
    "experiment's name is no folder name": ("experiment", "../mine", ["experiment"]),
    "experiment's name fills a file name": ("experiment", "a" * 65, ["experiment: string should have at most 64 characters"]),
    "variant's name fills a file name": ("variants." + "a" * 65, own_variant("online"), ["variants.aaa", "at most 64 characters"]),
    "classes fewer than labels": ("tasks.ham10000_classification.classes", ["a", "b"], ["tasks.ham10000_classification.classes: 2 are named, but 'ham10000' has 7 labels"]),
    "classes more than labels": ("tasks.hcd.classes", ["a", "b", "c"], ["tasks.hcd.classes: 3 are named, but 'hcd' has 2 labels"]),
    "mask with two classes": ("tasks.lgg.classes", ["a", "b"], ["tasks.lgg.classes: 2 are named, but a mask marks one"]),
    "segmentation without masks": ("tasks.hcd", {"title": "t", "dataset": "hcd", "kind": "segmentation", "classes": ["a"]}, ["tasks.hcd.kind: 'hcd' has no masks"]),
    "size that a U-Net cannot take": ("datasets.lgg.image_size", 100, ["datasets.lgg.image_size: 100", "the task 'lgg' take multiples of 32"]),
    "size of another data set of masks": ("datasets.ham10000.image_size", 225, ["datasets.ham10000.image_size: 225", "'ham10000_segmentation'"]),
    "batches of a single pixel": ("tasks.hcd", {"title": "t", "dataset": "hcd", "kind": "classification", "classes": ["a", "b"], "training": {"batch_size": 1}}, ["training.batch_size: 1", "image_size: 32", "BatchNorm"]),
    "backbone of a hub": ("networks.resnet50.timm", "hf-hub:someone/model", ["networks.resnet50.timm: 'hf-hub:someone/model' is no name of timm's own"]),
    "backbone of a hub, old way": ("networks.resnet50.timm", "hf_hub:someone/model", ["networks.resnet50.timm: 'hf_hub:someone/model'"]),
    "backbone of a folder": ("networks.resnet50.timm", "local-dir:/tmp/model", ["networks.resnet50.timm: 'local-dir:/tmp/model'"]),
    "backbone by path": ("networks.resnet50.timm", "models/resnet50", ["networks.resnet50.timm: 'models/resnet50'", "folders"]),
    "backbone without a name": ("networks.resnet50.timm", "", ["networks.resnet50.timm: ''"]),
    "start weights of a hub": ("weights.resnet50.timm", "hf-hub:someone/model", ["weights.resnet50.timm: 'hf-hub:someone/model'"]),
    "backbone with a checkpoint": ("networks.resnet50.options", {"checkpoint_path": "a.pt"}, ["networks.resnet50.options: `checkpoint_path`", "under `weights`"]),
    "backbone already trained": ("networks.resnet50.options", {"pretrained": True}, ["networks.resnet50.options: `pretrained`"]),
    "weights with a checkpoint": ("weights.resnet50.options", {"checkpoint_path": "a.pt"}, ["weights.resnet50.options: `checkpoint_path`"]),
    "spread of zero": ("weights.resnet50", {"path": "a", "mean": [0.5] * 3, "std": [0.5, 0, 0.5]}, ["weights.resnet50.std.1", "greater than 0"]),
    "negative spread": ("weights.resnet50", {"path": "a", "mean": [0.5] * 3, "std": [-0.5, 1, 1]}, ["weights.resnet50.std.0", "greater than 0"]),
    "spread of 0..255": ("weights.resnet50", {"path": "a", "mean": [0.5] * 3, "std": [58.4, 57.1, 57.4]}, ["weights.resnet50.std.0", "less than or equal to 1"]),
    "mean of 0..255": ("weights.resnet50", {"path": "a", "mean": [123, 116, 103], "std": [0.5] * 3}, ["weights.resnet50.mean.0", "less than or equal to 1"]),
    "mean of two channels": ("weights.resnet50", {"path": "a", "mean": [0.5] * 2, "std": [0.5] * 3}, ["weights.resnet50.mean"]),
    "negative seed": ("run.seeds", [-1], ["run.seeds.0", "greater than or equal to 0"]),
    "seed that torch cannot take": ("run.seeds", [2**64], ["run.seeds.0", "less than 4294967296"]),
    "negative seed of the subset": ("datasets.hcd.subset_seed", -1, ["datasets.hcd.subset_seed", "greater than or equal to 0"]),
    "subset of data that are taken whole": ("datasets.lgg.subset", 300, ["datasets.lgg.subset: is for hcd; use `limit`"]),
    "subset of other data that are taken whole": ("datasets.ham10000.subset", 300, ["datasets.ham10000.subset: is for hcd; use `limit`"]),
    "slides of data with groups": ("datasets.lgg.slides", "slides.csv", ["datasets.lgg.slides: is for hcd", "in their archive"]),
    "seed of no draw": ("datasets.lgg.subset_seed", 1, ["datasets.lgg.subset_seed: all images are kept", "set `limit`"]),
    "head of a U-Net": ("tasks.lgg.head", "linear", ["tasks.lgg.head: linear is for classifiers"]),
    "loss of masks for labels": ("tasks.hcd.training", {"focal_exponent": 1}, ["tasks.hcd.training.focal_exponent: is of the loss of segmentation"]),
    "sum that the loss does not have": ("tasks.lgg.training", {"segmentation_loss": "stock", "focal_reduction": "sum"}, ["tasks.lgg.training.focal_reduction: is not of `segmentation_loss: stock`"]),
    "negative seed of the split": ("split.seed", -1, ["split.seed", "greater than or equal to 0"]),
    "negative seed of the search": ("grid_search.seeds", [-1], ["grid_search.seeds.0", "greater than or equal to 0"]),
    "broken seed": ("run.seeds", [0.5], ["run.seeds.0", "integer"]),
    "option of a method without end": ("methods.mine", {"method": "sp", "options": {"weight_sp": float("inf")}}, ["methods.mine.options.weight_sp: inf is not a finite number"]),
    "option of a method that is no number": ("methods.mine", {"method": "sp", "options": {"weight_sp": float("nan")}}, ["methods.mine.options.weight_sp: nan is not a finite number"]),
    "option of a backbone without end": ("networks.resnet50.options", {"drop_rate": [float("-inf")]}, ["networks.resnet50.options.drop_rate.0: -inf is not"]),
    "override of a task without end": ("tasks.hcd.training", {"learning_rate": float("inf")}, ["tasks.hcd.training: learning_rate: input should be a finite number"]),
    "override of a task that is a switch": ("tasks.hcd.training", {"epochs": True}, ["tasks.hcd.training: epochs: input should be a number, not True"]),
    "weight of a student that is a switch": ("variants.mine", {"teacher": "none", "supervised": {"s1": True}}, ["variants.mine.supervised.s1: input should be a number, not True"]),
    "weight of an edge that is a switch": ("variants.mine", own_variant("online") | {"edges": [{"source": "teacher", "learner": "s1", "knowledge": "features", "weight": True}]}, ["variants.mine.edges.0.weight: input should be a number, not True"]),
    "number of a loading process that is a switch": ("loader_workers", True, ["loader_workers: input should be a number, not True"]),
    "weight of a method that is a switch": ("methods.mine", {"method": "sp", "kd": True}, ["methods.mine.kd: input should be a number, not True"]),
    "section that is a list": ("training", [1, 2], ["training: "]),
    "section that is empty": ("run", None, ["run: "]),
    "task that is empty": ("tasks.hcd", None, ["tasks.hcd: "]),
    "list that is a word": ("run.tasks", "hcd", ["run.tasks: ", "list"]),
    "class that YAML takes for false": ("tasks.hcd.classes", [False, True], ["tasks.hcd.classes: ", "quote them"]),
    "title that is a number": ("tasks.hcd.title", 3, ["tasks.hcd.title: ", "string, not 3"]),
}  # fmt: skip


@pytest.mark.bad_input
@pytest.mark.parametrize(("path", "value", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_named(paper_config, path, value, words):
    if "BatchNorm" in words:
        put(paper_config, "datasets.hcd.image_size", 32)
    put(paper_config, path, value)
    with pytest.raises(UserError) as caught:
        validated(paper_config)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("datasets.hcd.subset_seed", 1),  # of a balanced draw from all patches, too
        ("datasets.lgg", {"image_size": 256, "limit": 300, "subset_seed": 1}),
        ("tasks.lgg.training", {"focal_reduction": "sum"}),
        ("tasks.lgg.training", {"segmentation_loss": "stock", "focal_exponent": 1}),
        ("tasks.hcd.head", "linear"),
    ],
)
def test_what_has_an_effect_is_taken(paper_config, path, value):
    put(paper_config, path, value)
    validated(paper_config)


NUMBERS = [
    "split.seed",
    "sharing.temperature",
    "training.epochs",
    "training.patience",
    "training.batch_size",
    "training.learning_rate",
    "training.focal_exponent",
    "training.threads",
    "training.schedule.factor",
    "training.schedule.patience",
    "training.schedule.floor",
    "training.augmentation.affine",
    "training.augmentation.horizontal_flip",
    "training.augmentation.vertical_flip",
    "training.augmentation.transpose",
    "training.augmentation.rotation",
    "training.augmentation.shift",
    "training.augmentation.scale",
    "similarity.batch",
    "similarity.passes",
    "non_inferiority.margin",
    "checkpoint_minutes",
    "trainings_per_gpu",
    "datasets.hcd.image_size",
    "datasets.hcd.subset",
    "datasets.hcd.subset_seed",
    "datasets.hcd.limit",
    "datasets.hcd.demo_images",
]
NO_NUMBERS = {"true": True, "nan": float("nan"), "infinite": float("inf"), "a word": "many"}


@pytest.mark.bad_input
@pytest.mark.parametrize("value", NO_NUMBERS.values(), ids=NO_NUMBERS)
@pytest.mark.parametrize("path", NUMBERS)
def test_what_is_no_number_is_refused_by_its_key(paper_config, path, value):
    put(paper_config, path, value)
    with pytest.raises(UserError, match=f"  - {path}: input should be "):
        validated(paper_config)


def test_all_numbers_of_the_configuration_are_tried(paper_config):
    """A key that is added without a place in the list above would not be."""

    def numbers(content, place):
        for key, value in content.items():
            if isinstance(value, dict):
                yield from numbers(value, f"{place}{key}.")
            elif isinstance(value, int | float) and not isinstance(value, bool):
                yield place + key

    assert set(numbers(paper_config, "")) - set(NUMBERS) <= {"datasets.lgg.image_size", "datasets.ham10000.image_size"}


def test_what_data_sets_hold_is_what_is_prepared():
    """The configuration is checked without the code that reads archives, which says it for itself."""
    assert DATASETS.keys() == LAYOUTS.keys()
    assert DATASETS["ham10000"].labels == len(HAM10000_CLASSES)


@given(st.data())
@settings(max_examples=200)
def test_whatever_stands_at_a_key_ends_in_a_message(data):
    """A value of any kind anywhere in the configuration is taken, or refused in words; no traceback."""
    config = copy.deepcopy(CONFIG)
    place = config
    while isinstance(place, dict) and place:
        key = data.draw(st.sampled_from([*place, "new"]))
        if key not in place or not isinstance(place[key], dict) or data.draw(st.booleans()):
            break
        place = place[key]
    values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    place[key] = data.draw(
        st.recursive(
            values,
            lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(max_size=3), more, max_size=3),
            max_leaves=4,
        )
    )
    with contextlib.suppress(UserError):
        Plan(validated(config))


def test_missing_keys_are_all_named():
    with pytest.raises(UserError) as caught:
        validated({"experiment": "mine"})
    for key in ("run", "datasets", "tasks", "networks", "pairs"):
        assert f"{key}: this key is required" in str(caught.value)


def test_where_a_file_of_weights_lies_is_no_setting(paper_config):
    """Else moving it would train everything anew; what the weights are, their checksum says in run.json."""

    def settings(path, **entry):
        paper_config["weights"]["resnet50"] = {"path": path, "mean": [0.5] * 3, "std": [0.5] * 3, **entry}
        plan = Plan(validated(paper_config))
        return plan.settings(next(run for run in plan.runs if run.pair == "resnet50")).to_json()

    assert '"source":"file"' in settings("here/a.safetensors")
    assert settings("here/a.safetensors") == settings("/elsewhere/b.safetensors")
    assert settings("here/a.safetensors") != settings("here/a.safetensors", stride_on="1x1")
