"""docs/reference/published_methods.md says of every published method what the code does."""

import re

import pytest
import torch
import yaml
from torch import nn

from kdml.experiment.config import validated
from kdml.experiment.plan import Plan
from kdml.learning.methods.base import Setting
from kdml.learning.methods.loading import load
from kdml.runs.methods import METHODS

USES = [
    (name, kind) for kind in ("classification", "segmentation") for name in METHODS if kind in METHODS[name].classes
]
SIDES = {"f1": 56, "f2": 28, "f3": 14, "f4": 7, "e1": 128, "e3": 32, "d0": 16, "d1": 32, "d2": 64, "d3": 128}
DECODER = {"d0": 256, "d1": 128, "d2": 64, "d3": 32}
RESNET18 = {"f1": 64, "f2": 128, "f3": 256, "f4": 512, "e1": 64, "e3": 128} | DECODER
RESNET50 = {"f1": 256, "f2": 512, "f3": 1024, "f4": 2048, "e1": 64, "e3": 512} | DECODER
SETTING = re.compile(r"`(\w+: [^`]+)`((?: or `[^`]+`)*)")


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs/reference/published_methods.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(page):
    """(method, kind) -> cells of its row."""
    found = {}
    for kind in ("classification", "segmentation"):
        table = page.partition(f"\n{kind.capitalize()}:\n\n")[2].partition("\n\n")[0]
        for line in table.splitlines()[2:]:
            name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            found[name.strip("`"), kind] = cells
    return found


def settings_in(cell):
    """Values of the settings in a cell, and the choices of those that have some."""
    values, choices = {}, {}
    for setting, others in SETTING.findall(cell):
        ((name, value),) = yaml.safe_load(setting).items()
        values[name] = value
        if others:
            choices[name] = {value, *map(yaml.safe_load, re.findall(r"`([^`]+)`", others))}
    return values, choices


def as_written(options):
    return {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}


def added_by(method):
    """Million parameters that are trained beside the student, for the paper's ResNets."""
    shapes = [{tap: (c, SIDES[tap], SIDES[tap]) for tap, c in of.items()} for of in (RESNET18, RESNET50)]
    with torch.device("meta"):
        method = method(Setting(*shapes, 8, nn.Linear(RESNET50["f4"], 2)))
    modules = [method, *([] if method.adversary is None else [method.adversary])]
    return sum(parameter.numel() for module in modules for parameter in module.parameters()) / 1e6


def test_every_use_has_its_row_and_every_method_its_publication(page, rows):
    assert list(rows) == USES
    assert re.findall(r"^\*\*(\w+)\*\* \(", page, re.M) == [method.title for method in METHODS.values()]


@pytest.mark.parametrize(("name", "kind"), USES)
def test_a_row_says_what_the_class_says(rows, name, kind):
    taps, weights, options, beside, added = rows[name, kind]
    method = load(name, kind)
    assert taps == (", ".join(method.taps) or "none")
    assert settings_in(weights) == ({f"weight_{term}": weight for term, weight in method.weights.items()}, {})
    choices = {option: set(values) for option, values in method.choices.items()}
    assert settings_in(options) == (as_written(method.defaults), choices)
    assert [float(weight) for weight in beside.split(",")] == [METHODS[name].supervised, METHODS[name].kd]
    assert float(added) == round(added_by(method), 2)


def test_example_is_a_valid_configuration(page, root):
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", page, re.S)[1])
    config["run"] |= example["run"]
    plan = Plan(validated(config | {"methods": example["methods"]}))
    chosen = {run.run: plan.settings(run).method for run in plan.runs if plan.is_method(run)}
    assert chosen.keys() == set(example["run"]["methods"])
    for name, method in chosen.items():
        kind = "segmentation" if name == "skd" else "classification"
        shapes = {tap: (8, side, side) for tap, side in (SIDES | {"d4": 256}).items()}
        with torch.device("meta"):
            load(method.name, kind)(Setting(shapes, shapes, 8, options=method.options))
