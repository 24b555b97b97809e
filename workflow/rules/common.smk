"""The table of runs, and every helper function of the workflow."""

import json
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.basedir)
sys.path.insert(
    0, str(ROOT / "src")
)  # also without an installed package, as in a conda environment

from kdml.config import validated
from kdml.data.archives import ARCHIVES_OF, missing_from, way_to
from kdml.data.kaggle_download import token_present
from kdml.errors import UserError
from kdml.plan import Plan, Run
from kdml.tables import FORMATS


def planned():
    """The runs of the validated configuration; a mistake ends the workflow with its message alone."""
    try:
        return Plan(validated(config))
    except UserError as error:
        raise WorkflowError(str(error)) from None


PLAN = planned()
EXPERIMENT = PLAN.experiment
TABLES = PLAN.tables()
RESULTS = f"results/{EXPERIMENT.experiment}"
RESOURCES = f"resources/{EXPERIMENT.experiment}"
LOGS = f"logs/{EXPERIMENT.experiment}"
RUN = f"{RESULTS}/{{protocol}}/{{task}}/{{pair}}/{{run}}/seed-{{seed}}"
SRC = os.path.relpath(
    ROOT / "src"
)  # relative, so that a moved checkout is not another workflow
ENVIRONMENT = ROOT / "envs/kdml.yaml"


def either(names):
    """Regular expression for one of these names."""
    return "|".join(sorted(map(re.escape, map(str, names)))) or "none"


wildcard_constraints:
    protocol=either({run.protocol for run in PLAN.runs}),
    task=either({run.task for run in PLAN.runs}),
    pair=either({run.pair for run in PLAN.runs}),
    run=either({run.run for run in PLAN.runs}),
    seed=r"\d+",
    dataset=either(EXPERIMENT.datasets),
    archive=r"[a-z0-9-]+",
    weights=either(EXPERIMENT.weights),
    number=r"\d\d",


def run_of(wildcards):
    """The run that wildcards name."""
    return Run(
        wildcards.protocol,
        wildcards.task,
        wildcards.pair,
        wildcards.run,
        int(wildcards.seed),
    )


def settings_of(wildcards):
    """Settings of a run as JSON: what training depends on, so that other changes of the configuration retrain nothing."""
    return PLAN.settings(run_of(wildcards)).to_json()


def folder(run):
    """Where a run's files lie."""
    return f"{RESULTS}/{run.folder}"


# Archives and data


def from_project(path):
    """A path of the configuration, which is relative to the project's root, from the working directory."""
    return os.path.relpath(ROOT / Path(path).expanduser())


def archive_source(wildcards):
    """Arguments of src/fetch.py: a folder, or Kaggle."""
    if EXPERIMENT.archives == "demo":
        return f"--folder {RESOURCES}/archives"
    if EXPERIMENT.archives is not None:
        return f"--folder '{from_project(EXPERIMENT.archives)}'"
    return "--kaggle"


def archive_file(wildcards):
    """The archive where the workflow does not download it: drawn, or in the user's folder."""
    if EXPERIMENT.archives == "demo":
        return f"{RESOURCES}/archives/{wildcards.archive}.zip"
    if EXPERIMENT.archives is None or missing_from(
        Path(from_project(EXPERIMENT.archives)), [wildcards.archive]
    ):
        return []
    return f"{from_project(EXPERIMENT.archives)}/{wildcards.archive}.zip"


def dataset_of_archive(archive):
    """Key of the dataset that an archive belongs to."""
    return next(
        dataset for dataset, archives in ARCHIVES_OF.items() if archive in archives
    )


def demo_options(wildcards):
    """How many look-alike images to draw, and how large."""
    dataset = EXPERIMENT.datasets[dataset_of_archive(wildcards.archive)]
    return f"--images {dataset.demo_images} --size {dataset.image_size}"


def records_of(wildcards):
    """Records of the archives of a dataset."""
    return expand(
        f"{RESULTS}/archives/{{archive}}.json", archive=ARCHIVES_OF[wildcards.dataset]
    )


def prepare_options(wildcards):
    """Arguments of src/prepare.py."""
    dataset = EXPERIMENT.datasets[wildcards.dataset]
    options = {
        "--size": dataset.image_size,
        "--seed": dataset.subset_seed,
        "--subset": dataset.subset,
        "--limit": dataset.limit,
    }
    if dataset.slides is not None:
        options["--slides"] = f"'{from_project(dataset.slides)}'"
    return " ".join(
        f"{name} {value}" for name, value in options.items() if value is not None
    )


def check_archives_at_hand():
    """Before anything runs: is there a way to the images that are still to be fetched?"""
    datasets = {EXPERIMENT.tasks[run.task].dataset for run in PLAN.runs}
    wanted = [
        archive for dataset in sorted(datasets) for archive in ARCHIVES_OF[dataset]
    ]
    wanted = [
        archive
        for archive in wanted
        if not Path(f"{RESULTS}/archives/{archive}.json").exists()
    ]
    if EXPERIMENT.archives == "demo" or not wanted:
        return
    chosen = (
        None if EXPERIMENT.archives is None else Path(from_project(EXPERIMENT.archives))
    )
    if problem := way_to(chosen, wanted, token_present()):
        raise WorkflowError(problem)


def data_of(wildcards):
    """Prepared arrays of a task's dataset."""
    return f"{RESULTS}/data/{EXPERIMENT.tasks[wildcards.task].dataset}"


def index_of(wildcards):
    """Index of a task's prepared images."""
    return f"{data_of(wildcards)}/index.parquet"


def split_of(wildcards):
    """The split that a run is trained and tested on."""
    return f"{RESULTS}/{wildcards.protocol}/{wildcards.task}/split-{PLAN.split_seed(run_of(wildcards))}.csv"


def split_reports(wildcards):
    """Leakage reports of all splits in use."""
    splits = {(run.protocol, run.task, PLAN.split_seed(run)) for run in PLAN.runs}
    return [
        f"{RESULTS}/{protocol}/{task}/leakage-{seed}.json"
        for protocol, task, seed in sorted(splits)
    ]


# Training


def train_inputs(wildcards):
    """Data, split, start weights, and the trained teacher of an offline distillation."""
    run = run_of(wildcards)
    inputs = {"data": f"{data_of(wildcards)}/report.json", "split": split_of(wildcards)}
    inputs["weights"] = [
        f"{RESOURCES}/weights/{name}.safetensors" for name in PLAN.start_weights(run)
    ]
    teacher = PLAN.teacher_of(run)
    if teacher is not None:
        inputs["teacher"] = f"{folder(teacher)}/weights.safetensors"
    return inputs


def train_options(wildcards, input):
    """Arguments of src/train.py that not every run has."""
    weights = [
        f"--weights {Path(path).stem}={path}" for path in input.get("weights", [])
    ]
    teacher = [f"--teacher {input.teacher}"] if "teacher" in input.keys() else []
    return " ".join([*weights, *teacher])


def train_threads(wildcards):
    """Threads of a run: a setting, because it changes rounding."""
    return EXPERIMENT.training_of(wildcards.task).threads


def weights_entry(wildcards):
    """A weights entry of the configuration as JSON, its path as seen from the working directory."""
    entry = EXPERIMENT.weights[wildcards.weights].model_dump(mode="json")
    if entry["path"] is not None:
        entry["path"] = from_project(entry["path"])
    return json.dumps(entry, sort_keys=True)


def weights_file(wildcards):
    """The local file that start weights are taken from, if they are."""
    path = EXPERIMENT.weights[wildcards.weights].path
    exists = path is not None and Path(from_project(path)).exists()
    return from_project(path) if exists else []


def weights_backbone(wildcards):
    """The timm backbone that start weights are for."""
    return next(
        network.timm
        for network in EXPERIMENT.networks.values()
        if network.weights == wildcards.weights
    )


# Tables


def runs_in(wildcards):
    """Runs of one protocol, task and pair."""
    place = (wildcards.protocol, wildcards.task, wildcards.pair)
    return [run for run in PLAN.runs if (run.protocol, run.task, run.pair) == place]


def metrics_in(wildcards):
    """Metrics of the runs of one protocol, task and pair."""
    return [f"{folder(run)}/metrics.json" for run in runs_in(wildcards)]


def descriptions_in(wildcards):
    """What the tidy table says of each of these runs, as JSON."""
    return json.dumps(
        [{"folder": folder(run), **PLAN.describe(run)} for run in runs_in(wildcards)]
    )


def tidy_of(runs):
    """Tidy tables that hold these runs."""
    return sorted(
        {f"{RESULTS}/{run.protocol}/{run.task}/{run.pair}/metrics.csv" for run in runs}
    )


def tidy_of_table(wildcards):
    """Tidy tables that a result table is rendered from; a table that nothing fills is named."""
    number = int(wildcards.number)
    if number not in TABLES:
        filled = ", ".join(map(str, TABLES)) or "none"
        raise WorkflowError(
            f"Table {number} is not filled by the experiment '{EXPERIMENT.experiment}' (filled: {filled}).\n"
            "  What to do: add its task and pair to `run.tasks` and `run.pairs` in the configuration."
        )
    return tidy_of(TABLES[number])


def table_files():
    """Every file of every result table."""
    return [
        f"results/tables/table_{number:02d}.{suffix}"
        for number in TABLES
        for suffix in FORMATS
    ]


def title_note():
    """What a reader must know before comparing with the paper."""
    note = EXPERIMENT.description
    drawn = (
        "Drawn look-alike images, not patients: numbers say nothing about the paper. "
        if EXPERIMENT.archives == "demo"
        else ""
    )
    return f"{drawn}{note}"


def mixed_code():
    """Whether tables may mix versions of the training code."""
    return "--allow-mixed-code" if EXPERIMENT.allow_mixed_code else ""


def tell_what_was_made():
    """End by naming what to look at."""
    made = [
        path for path in table_files() if path.endswith(".html") and Path(path).exists()
    ]
    if made:
        print(f"Tables: {', '.join(made)}", file=sys.stderr)
