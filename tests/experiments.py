"""Experiments for tests: the full configuration with changes, and what is known of them before anything runs."""

import copy
from pathlib import Path
from typing import Any

import yaml

from kdml.experiment.config import validated
from kdml.experiment.contents import Contents
from kdml.experiment.figures import FIGURES
from kdml.experiment.inputs import Inputs
from kdml.experiment.paths import Paths
from kdml.experiment.places import Places
from kdml.experiment.plan import Plan
from kdml.experiment.tables import TABLES

ROOT = Path(__file__).resolve().parents[1]
CIRCLE = {  # three students of a user's own
    "teacher": "none",
    "supervised": dict.fromkeys(("s1", "s2", "s3"), 0.5),
    "edges": [
        {"source": "s1", "learner": "s2", "knowledge": "features", "weight": 0.5},
        {"source": "s2", "learner": "s3", "knowledge": "predictions", "weight": 0.5},
        {"source": "s3", "learner": "s1", "knowledge": "predictions", "weight": 0.5},
    ],
}


def plan_of(run: dict[str, Any] | None = None, **sections: Any) -> Plan:
    """Plan of the full configuration under another choice of runs; of sections that are mappings keys are added."""
    config = copy.deepcopy(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
    config["run"] |= run or {}
    for name, value in sections.items():
        config[name] = config[name] | value if isinstance(value, dict) else value
    return Plan(validated(config))


def places_of(run: dict[str, Any] | None = None, **sections: Any) -> Places:
    """Places of such an experiment."""
    return Places(plan_of(run, **sections))


def contents_of(run: dict[str, Any] | None = None, **sections: Any) -> Contents:
    """Tables and figures of such an experiment."""
    captions = yaml.safe_load((ROOT / "workflow/report/captions.yaml").read_text(encoding="utf-8"))
    return Contents(plan_of(run, **sections), captions, (TABLES, FIGURES))


def inputs_of(run: dict[str, Any] | None = None, **sections: Any) -> Inputs:
    """What such an experiment's analyses are made from; its name is `full`."""
    return Inputs(contents_of(run, **sections), Paths("full"))


def names(items: dict) -> set[str]:
    """Names of what is made when everything is."""
    return {name for name, item in items.items() if not item.on_request}


OWN_TASK = {
    "tasks": {"moles": {"title": "Moles: is it = one {or} not?", "dataset": "hcd", "kind": "classification", "classes": ["no", "yes"]}},
    "hyperparameters": "even",
}  # fmt: skip
OWN_STUDENT = {
    "networks": {"tiny": {"timm": "resnet10t", "title": "Tiny"}},
    "pairs": {"own": {"teacher": "resnet50", "student": "tiny"}},
    "hyperparameters": "even",
}
TWO_PAIRS = {  # that stand for one table of the paper
    "networks": {
        "first18": {"timm": "resnet18", "title": "First", "stands_for": "resnet18"},
        "second18": {"timm": "resnet18", "title": "Second", "stands_for": "resnet18"},
    },
    "pairs": {
        "second": {"teacher": "resnet50", "student": "second18"},
        "first": {"teacher": "resnet50", "student": "first18"},
    },
}
KINDS_OF_EXPERIMENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the paper's": ({}, {}),
    "own task": ({"tasks": ["hcd", "moles"], "methods": [], "seeds": [0]}, OWN_TASK),
    "own student": ({"tasks": ["lgg"], "pairs": ["own"], "methods": [], "seeds": [0]}, OWN_STUDENT),
    "two pairs": ({"tasks": ["hcd"], "pairs": ["first", "second"], "methods": [], "seeds": [0]}, TWO_PAIRS),
    "several protocols": ({"tasks": ["hcd", "lgg"], "protocols": ["grouped", "paper"], "seeds": [0]}, {}),
    "own variant": ({"tasks": ["lgg"], "own_variants": ["circle"], "seeds": [0, 1]}, {"variants": {"circle": CIRCLE}}),
    "own variant alone": (
        {"tasks": ["lgg"], "techniques": [], "own_variants": ["circle"], "methods": [], "baselines": False, "seeds": [0]},
        {"variants": {"circle": CIRCLE}},
    ),
    "methods only": ({"tasks": ["hcd", "lgg"], "techniques": [], "baselines": False, "seeds": [0]}, {}),
    "baselines only": ({"tasks": ["hcd"], "techniques": [], "methods": [], "seeds": [0, 1]}, {}),
    "own teacher": ({"tasks": ["hcd"], "techniques": ["kd_off"], "methods": [], "baselines": False}, {}),
}  # fmt: skip
