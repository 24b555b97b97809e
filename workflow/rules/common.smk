"""The plan of the experiment, what wildcards may be, and what all rules share."""

import functools
import gc
import inspect
import os
import re
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

# Of this file, not of the workflow, which may be another one that uses this as a module.
ROOT = Path(str(workflow.current_basedir)).parents[1]
# The package is found without being installed, as in a conda environment.
sys.path.insert(0, str(ROOT / "src"))

# A plan is a million objects that stay: looking through them again and again for garbage takes a fifth of its time.
gc.set_threshold(100_000)

from kdml.common import yaml_files
from kdml.common.errors import UserError
from kdml.common.extras import need
from kdml.common.files import write_csv, write_json
from kdml.common.gpus import at_once, gpus_here
from kdml.common.slurm import refuse_beside_earlier_jobs
from kdml.common.untracked import Untracked
from kdml.data.archives import ARCHIVES
from kdml.experiment import code_of_rules, config_files, paths
from kdml.experiment.config import validated
from kdml.experiment.contents import Contents
from kdml.experiment.everything import every_file
from kdml.experiment.export import ExportFunctions
from kdml.experiment.figures import BESIDE_TABLES, FIGURES, PLACES_ON_A_PAGE
from kdml.experiment.inputs import OF_METHODS, Inputs
from kdml.experiment.items import FIGURE_SUFFIXES, TABLE_SUFFIXES
from kdml.experiment.network_functions import NetworkFunctions
from kdml.experiment.paths import ANY_RUN, Paths
from kdml.experiment.plan import Plan
from kdml.experiment.run_resources import RunResources
from kdml.experiment.rule_functions import RuleFunctions
from kdml.experiment.sections import BY_IMAGE
from kdml.experiment.tables import OF_GRAPHS, TABLES, WITH_CURVES
from kdml.packs import mixed, rebuilding
from kdml.runs.run_table import EVALUATED, FIDELITY_SHEET, TEACHER_SHEET
from kdml.runs.settings import digest_of


def or_message(make, *arguments):
    """What a function of the package returns; a user's mistake ends the workflow with its message alone."""
    try:
        return make(*arguments)
    except UserError as error:
        raise WorkflowError(str(error)) from None


def with_message(function):
    """The same function, and those that it gives; a user's mistake ends the workflow with its message alone."""

    @functools.wraps(function)
    def wrapped(*arguments, **named):
        found = or_message(functools.partial(function, **named), *arguments)
        return with_message(found) if callable(found) else found

    # Snakemake asks for it at every job.
    wrapped.__signature__ = inspect.signature(function)
    return wrapped


class Told:
    """What the package tells rules, a user's mistake as its message alone.

    Args:
        functions: an object whose methods rules take inputs and parameters from.
    """

    def __init__(self, functions):
        self.functions = functions

    def __getattr__(self, name):
        told = with_message(getattr(self.functions, name))
        setattr(self, name, told)  # for the next time: every job asks
        return told


# A pack that the call names is all that is there: its configuration, and a working directory of its own.
REBUILDING = or_message(rebuilding.asked_for, config, ROOT)


def configured():
    """The project's configuration with the user's laid over it; a workflow that uses this as a module brings its own alone."""
    if REBUILDING:
        os.chdir(REBUILDING.folder)
        return REBUILDING.config
    for path in workflow.configfiles:
        yaml_files.check_read(Path(path))
    return config_files.merged([ROOT / "config.yaml"], config)


CONFIGURED = or_message(configured)
PLAN = or_message(lambda: Plan(validated(CONFIGURED)))
EXPERIMENT = PLAN.experiment
PATHS = Paths(EXPERIMENT.experiment)
LOGS = PATHS.logs
CONTENTS = Contents(
    PLAN,
    yaml_files.read_yaml(ROOT / "workflow/report/captions.yaml"),
    (TABLES, FIGURES),
)
INPUTS = Inputs(CONTENTS, PATHS)
PLACES = CONTENTS.places
FUNCTIONS = RuleFunctions(INPUTS, ROOT)
ASK = Told(FUNCTIONS)
OF_NETWORKS, EXPORT = Told(NetworkFunctions(FUNCTIONS)), Told(
    ExportFunctions(FUNCTIONS)
)
OF_A_RUN = RunResources(PLAN)

# The Python that runs Snakemake, but where Snakemake makes environments: there it is the one of the environment.
CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
PYTHON = "python" if CONDA else shlex.quote(sys.executable)
SRC = shlex.quote(os.path.relpath(ROOT / "src"))
CLAIMS = os.path.relpath(ROOT / "workflow/resources/paper/claims.yaml")
ENVIRONMENT = ROOT / "envs/kdml.yaml"


@functools.cache
def deal_out():
    """Set limits that depend on who runs the jobs, which Snakemake knows only when it plans them."""
    if workflow.non_local_exec:
        # The cores of a login node are no limit to the threads of jobs that run elsewhere.
        workflow.register_resource("_cores", sys.maxsize)
    elif "gpu" not in workflow.global_resources:
        # Without a scheduler that deals GPUs out, Snakemake would start a training on every core.
        if places := at_once(gpus_here(), EXPERIMENT.trainings_per_gpu):
            workflow.register_resource("gpu", places)


def threads(count):
    """Threads of a job: a number, or a function that gives one for wildcards."""

    def dealt(wildcards):
        deal_out()
        return count(wildcards) if callable(count) else count

    return dealt


def all_cores(wildcards):
    """Threads of a job that has a machine for itself."""
    return workflow.cores if workflow.local_exec else 8


def memory(mib):
    """Resource: so much memory, and as much again at each of the next two attempts, for a job that was killed for want of it."""
    return lambda wildcards, attempt: mib * min(attempt, 3)


def code_of(script):
    """Hash of a script and all that it imports: a rule with it as a parameter runs again after an edit."""
    return or_message(code_of_rules.code_of, script)


def digest(function):
    """Parameter: hash of what a function of wildcards gives. Snakemake shows a changed parameter as it is, and a list of runs as lines without end."""
    return lambda wildcards: digest_of(function(wildcards))


def code_that_draws(script, find):
    """Parameter: the same hash, with what draws the table or figure."""
    draws = ASK.draws(find)
    return lambda wildcards: or_message(
        functools.partial(code_of_rules.code_of, script, draws=draws(wildcards))
    )


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
    pair=either({one.pair for one in (*PLAN.runs, *PLACES.all)}),  # a place of networks alone has no run of its name
    run=either({run.run for run in PLAN.runs}),
    seed=r"\d+",
    dataset=either(EXPERIMENT.datasets),
    weights=either(EXPERIMENT.weights),
    sheet=either(EVALUATED),
    of=f"|{OF_METHODS}",
    trial=r"alpha-[\d.e-]+(?:-share-[\d.e-]+)?",
    group=either({PLACES.group_of(run) for run in PLAN.runs}),
