"""Configurations that are committed are valid; mistakes are named by their key, with the nearest known one."""

import copy

import pytest
import yaml

from kdml.common.errors import UserError
from kdml.experiment.config import schema_text, validated
from kdml.experiment.plan import Plan


@pytest.fixture
def paper_config(root):
    return yaml.safe_load((root / "config.yaml").read_text())


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
    "segmentation balanced": ("tasks.lgg.balance", "resample", ["tasks.lgg.balance", "only classification"]),
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
}  # fmt: skip


@pytest.mark.parametrize(("path", "value", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_named(paper_config, path, value, words):
    put(paper_config, path, value)
    with pytest.raises(UserError) as caught:
        validated(paper_config)
    for word in words:
        assert word in str(caught.value)


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
