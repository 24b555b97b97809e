"""The table of runs, what wildcards may be, and what all rules share; functions for single stages stand in `helpers/`."""

import json
import os
import re
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

ROOT = Path(workflow.basedir)
sys.path.insert(
    0, str(ROOT / "src")
)  # also without an installed package, as in a conda environment

import yaml
from kdml.experiment import code_of_rules, inputs, paths
from kdml.experiment.analyses import OF_METHODS, TAUGHT, Analyses
from kdml.experiment.contents import Catalogue
from kdml.experiment.config import validated
from kdml.data.archives import ARCHIVES
from kdml.common.errors import UserError
from kdml.common.untracked import Untracked
from kdml.experiment.paths import ANY_RUN, Paths
from kdml.experiment.plan import Plan, Run
from kdml.experiment.grid_search import Search


def or_message(make, *arguments):
    """What a function of the package returns; a user's mistake ends the workflow with its message alone."""
    try:
        return make(*arguments)
    except UserError as error:
        raise WorkflowError(str(error)) from None


def code_of(script):
    """Hash of a script and all that it imports: a rule with it as a parameter runs again after an edit."""
    return or_message(code_of_rules.code_of, script)


PLAN = or_message(lambda: Plan(validated(config)))
EXPERIMENT = PLAN.experiment
PATHS = Paths(EXPERIMENT.experiment)
LOGS = PATHS.logs
CAPTIONS = yaml.safe_load(
    (ROOT / "workflow/report/captions.yaml").read_text(encoding="utf-8")
)
CATALOGUE = Catalogue(PLAN, CAPTIONS)
ANALYSES = Analyses(CATALOGUE, PATHS)
SEARCH = Search(PLAN)
# Tidy tables that are summarised over seeds, or over pairs of teachers: name -> arguments of src/summary.py.
SUMMARISED = {
    **{f"metrics{of}": "" for of in ("", OF_METHODS, TAUGHT)},
    "similarity": "--value upper_mean --over seed",
    "teachers": "--over first_seed second_seed",
}
TABLES = {**CATALOGUE.results, **CATALOGUE.grids, **CATALOGUE.grids_on_request}
FIGURES = {**CATALOGUE.figures, **CATALOGUE.on_request}
CLAIMS = os.path.relpath(ROOT / "workflow/resources/paper/claims.yaml")
SRC = shlex.quote(os.path.relpath(ROOT / "src"))
# The Python that runs Snakemake, but where Snakemake makes environments: there it is the one of the environment.
IN_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
PYTHON = "python" if IN_CONDA else shlex.quote(sys.executable)
ENVIRONMENT = ROOT / "envs/kdml.yaml"


def either(names):
    """Regular expression for one of these names."""
    return "|".join(sorted(map(re.escape, map(str, names)))) or "none"


def program(script):
    """A script with its Python, quoted; where both lie is no reason to run it again.

    It is a parameter, not a text in the command: that is one of the rule's own triggers, and knows no names of a workflow that another
    one uses as a module.
    """
    return Untracked(f"{PYTHON} {SRC}/{script}")


wildcard_constraints:
    protocol=either({run.protocol for run in PLAN.runs}),
    task=either({run.task for run in PLAN.runs}),
    pair=either({run.pair for run in PLAN.runs}),
    run=either({run.run for run in PLAN.runs}),
    seed=r"\d+",
    dataset=either(EXPERIMENT.datasets),
    archive=either(ARCHIVES),
    weights=either(EXPERIMENT.weights),
    pair_of_task=either({place.pair for place in CATALOGUE.places}),
    of=f"|{OF_METHODS}|{TAUGHT}",
    tidy=either(SUMMARISED),
    trial=r"alpha-[\d.e-]+",
    group=either({CATALOGUE.group_of(run) for run in PLAN.runs}),
    table=r"[a-z]\w*",
    figure=r"[a-z][\w-]*",


def run_of(wildcards):
    """The run that wildcards name."""
    return Run(
        wildcards.protocol,
        wildcards.task,
        wildcards.pair,
        wildcards.run,
        int(wildcards.seed),
    )


UNDER_RUN = "add its task, pair and variants under `run:` in the configuration"


def asked_for(name, known, what, remedy=UNDER_RUN):
    """What a target names, such as a table; one that nothing fills is named."""
    if name not in known:
        filled = ", ".join(known) or "none"
        raise WorkflowError(
            f"The {what} '{name}' cannot be made by the experiment '{EXPERIMENT.experiment}' (it can make: {filled}).\n"
            f"  What to do: {remedy}."
        )
    return known[name]


def place_of(wildcards):
    """The place that wildcards name."""
    name = f"{wildcards.protocol}/{wildcards.task}/{wildcards.pair}"
    return asked_for(name, {place.folder: place for place in CATALOGUE.places}, "place")


def item_of(wildcards):
    """The table or figure that wildcards name."""
    if "table" in wildcards.keys():
        return asked_for(wildcards.table, TABLES, "table")
    return asked_for(wildcards.figure, FIGURES, "figure")


def dataset_of(task):
    """Key of a task's dataset."""
    return EXPERIMENT.tasks[task].dataset


def from_project(path):
    """A path of the configuration, which is relative to the project's root, from the working directory."""
    return os.path.relpath(ROOT / Path(path).expanduser())


def mixed_code():
    """Whether tables may mix versions of the training code."""
    return "--allow-mixed-code" if EXPERIMENT.allow_mixed_code else ""
