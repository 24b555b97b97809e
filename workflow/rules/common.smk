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

import yaml
from kdml.catalogue import Catalogue
from kdml.config import validated
from kdml.data.archives import ARCHIVES_OF, missing_from, way_to
from kdml.data.kaggle_download import token_present
from kdml.errors import UserError
from kdml.plan import Plan, Run
from kdml.search import Search
from kdml.sharing import TEACHER
from kdml.tables import FORMATS


def planned():
    """The runs of the validated configuration; a mistake ends the workflow with its message alone."""
    try:
        return Plan(validated(config))
    except UserError as error:
        raise WorkflowError(str(error)) from None


PLAN = planned()
EXPERIMENT = PLAN.experiment
CAPTIONS = yaml.safe_load(
    (ROOT / "workflow/report/captions.yaml").read_text(encoding="utf-8")
)
CATALOGUE = Catalogue(PLAN, CAPTIONS)
SEARCH = Search(PLAN)
RESULT_TABLES = CATALOGUE.results
GRIDS = {**CATALOGUE.grids, **CATALOGUE.grids_on_request}
FIGURES = {**CATALOGUE.figures, **CATALOGUE.on_request}
STYLE = (ROOT / "workflow/report/style.mplstyle").read_text(encoding="utf-8")
CLAIMS = os.path.relpath(ROOT / "workflow/resources/paper/claims.yaml")
RESULTS = f"results/{EXPERIMENT.experiment}"
RESOURCES = f"resources/{EXPERIMENT.experiment}"
LOGS = f"logs/{EXPERIMENT.experiment}"
TRIAL = f"{RESULTS}/grid_search/{{protocol}}/{{task}}/{{pair}}/{{run}}/{{trial}}/seed-{{seed}}"
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
    pair_of_task=either({place.pair for place in CATALOGUE.places}),
    of="|_rivals",
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


def split_of_run(run):
    """The split that a run is trained and tested on."""
    return f"{RESULTS}/{run.protocol}/{run.task}/split-{PLAN.split_seed(run)}.csv"


def split_of(wildcards):
    """The split of the run that wildcards name."""
    return split_of_run(run_of(wildcards))


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


# Grid search


def trial_settings(wildcards):
    """Settings of a trial as JSON."""
    run = run_of(wildcards)
    trial = next(
        trial
        for trial in SEARCH.trials
        if (trial.run, trial.name) == (run, wildcards.trial)
    )
    return SEARCH.settings(trial).to_json()


def trial_folder(trial):
    """Where a trial's files lie."""
    run = trial.run
    return f"{RESULTS}/grid_search/{run.protocol}/{run.task}/{run.pair}/{run.run}/{trial.name}/seed-{run.seed}"


def trials_at(wildcards):
    """Trials of one protocol, task and pair."""
    return SEARCH.at(wildcards.protocol, wildcards.task, wildcards.pair)


def trial_records(wildcards):
    """What was recorded of these trials."""
    return [f"{trial_folder(trial)}/run.json" for trial in trials_at(wildcards)]


def trials_described(wildcards):
    """The same trials as JSON: folder, and their columns in the table of scores."""
    return json.dumps(
        [
            {"folder": trial_folder(trial), **SEARCH.describe(trial)}
            for trial in trials_at(wildcards)
        ]
    )


def search_scores():
    """Scores of all places that are searched."""
    return [
        f"{RESULTS}/grid_search/{'/'.join(place)}/scores.csv" for place in SEARCH.places
    ]


def search_outputs():
    """All that a grid search makes; nothing where no variant of the paper is run."""
    if not SEARCH.places:
        return []
    tables = [
        f"results/tables/{item.name}.{suffix}"
        for item in CATALOGUE.grids_on_request.values()
        for suffix in FORMATS
    ]
    figures = [
        f"results/figures/{item.name}.{suffix}"
        for item in CATALOGUE.search_figures
        for suffix in ("pdf", "png")
    ]
    return [f"{RESULTS}/grid_search/hyperparameters.csv", *tables, *figures]


# Analyses


def place_of(wildcards):
    """The place that wildcards name."""
    return next(
        place
        for place in CATALOGUE.places
        if (place.protocol, place.task, place.pair)
        == (wildcards.protocol, wildcards.task, wildcards.pair)
    )


def of(run):
    """Files that a run's numbers are collected in: rivals have their own, so that a table of variants does not wait for them."""
    return "_rivals" if PLAN.is_rival(run) else ""


def runs_in(wildcards):
    """Runs of one protocol, task and pair: rivals, or all others."""
    place = (wildcards.protocol, wildcards.task, wildcards.pair)
    here = [run for run in PLAN.runs if (run.protocol, run.task, run.pair) == place]
    return [run for run in here if of(run) == wildcards.of]


def metrics_in(wildcards):
    """Metrics of the runs of one protocol, task and pair."""
    return [f"{folder(run)}/metrics.json" for run in runs_in(wildcards)]


def descriptions_in(wildcards):
    """What the tidy table says of each of these runs, as JSON."""
    return json.dumps(
        [{"folder": folder(run), **PLAN.describe(run)} for run in runs_in(wildcards)]
    )


def measured_at(place):
    """(name, run) of all that is compared at a place: variants, and teacher and student trained alone."""
    variants = [(run.run, run) for run in CATALOGUE.runs_at(place)]
    alone = CATALOGUE.baselines_at(place)
    return variants + [(name, run) for name, runs in alone.items() for run in runs]


def contrasted_at(wildcards):
    """(name, run) of what is compared in one file: rivals with what the paper proposes, or all others."""
    place = place_of(wildcards)
    if wildcards.of:
        return [(run.run, run) for run in CATALOGUE.compared_at(place)]
    return measured_at(place)


def contrasts_options(wildcards):
    """Arguments of src/contrasts.py that not every call has."""
    return " ".join(filter(None, ["--rivals" if wildcards.of else "", mixed_code()]))


def cases_at(wildcards):
    """What was measured on every test case at a place."""
    runs = [run for _, run in contrasted_at(wildcards)]
    return [
        f"{folder(run)}/{name}.csv" for run in runs for name in ("cases", "regions")
    ]


def measured_json(wildcards):
    """The same runs as JSON: folder, run, seed."""
    runs = contrasted_at(wildcards)
    return json.dumps(
        [{"folder": folder(run), "run": name, "seed": run.seed} for name, run in runs]
    )


def valued_in(wildcards):
    """Runs of one protocol, task and pair whose values are shown: all but a pair's own teacher; with rivals what the paper proposes."""
    if wildcards.of:
        return list(CATALOGUE.compared_at(place_of(wildcards)))
    return [run for run in runs_in(wildcards) if run.run != TEACHER]


def cases_in(wildcards):
    """What was measured on every test case in these runs."""
    return [
        f"{folder(run)}/{name}.csv"
        for run in valued_in(wildcards)
        for name in ("cases", "regions")
    ]


def valued_json(wildcards):
    """The same runs as JSON: folder, run, seed."""
    return json.dumps(
        [
            {"folder": folder(run), "run": run.run, "seed": run.seed}
            for run in valued_in(wildcards)
        ]
    )


def compared_architecture(wildcards):
    """Arguments of src/compare.py: which of the paper's architectures to compare with."""
    if wildcards.pair in EXPERIMENT.pairs:
        student = EXPERIMENT.pairs[wildcards.pair].student
        kind = "rivals" if wildcards.of else "variants"
        return f"--architecture {PLAN.stands_for(student)} --of {kind}"
    return f"--architecture {PLAN.stands_for(wildcards.pair)} --of baselines"


def comparison_files(runs):
    """Comparisons with the paper that hold these runs."""
    return list(
        dict.fromkeys(
            f"{RESULTS}/{run.protocol}/{run.task}/{run.pair}/comparison{of(run)}.csv"
            for run in runs
            if run.run != TEACHER
        )
    )


def values_of(place):
    """(label, file) of the values at a place, and of teacher and student trained alone."""
    pair = EXPERIMENT.pairs[place.pair]
    networks = {"teacher": pair.teacher, "student": pair.student}
    alone = CATALOGUE.baselines_at(place)
    return [("values", at(place, "values.csv"))] + [
        (
            f"values-{role}",
            f"{RESULTS}/{place.protocol}/{place.task}/{network}/values.csv",
        )
        for role, network in networks.items()
        if alone[f"baseline_{role}"]
    ]


def classes_of(wildcards):
    """Number of classes of a task; 0 for segmentation."""
    task = EXPERIMENT.tasks[wildcards.task]
    return len(task.classes) if task.kind == "classification" else 0


def grouped_runs(wildcards):
    """Runs whose CKA one job computes: a technique's, of one seed."""
    here = CATALOGUE.runs_at(place_of(wildcards))
    wanted = (wildcards.group, int(wildcards.seed))
    return [run for run in here if (CATALOGUE.group_of(run), run.seed) == wanted]


def similarity_inputs(wildcards):
    """Weights of these runs and of the teachers that they are compared with, and the start weights that say how to build them."""
    runs = grouped_runs(wildcards)
    teachers = [
        teacher for run in runs if (teacher := CATALOGUE.reference_of(run)) is not None
    ]
    everything = dict.fromkeys([*runs, *teachers])
    starts = {name for run in everything for name in PLAN.start_weights(run)}
    return {
        "data": f"{data_of(wildcards)}/report.json",
        "split": sorted({split_of_run(run) for run in runs}),
        "trained": [f"{folder(run)}/weights.safetensors" for run in everything],
        "weights": start_files(starts),
    }


def similarity_runs(wildcards):
    """The same runs as JSON: run, seed, folder, split, teacher."""
    described = []
    for run in grouped_runs(wildcards):
        teacher = CATALOGUE.reference_of(run)
        described.append(
            {
                "run": run.run,
                "seed": run.seed,
                "folder": folder(run),
                "split": split_of_run(run),
                "teacher": None if teacher is None else folder(teacher),
            }
        )
    return json.dumps(described)


def start_files(names):
    """Files of start weights."""
    return [f"{RESOURCES}/weights/{name}.safetensors" for name in sorted(names)]


def weights_arguments(wildcards, input):
    """Start weights as arguments of a script."""
    return " ".join(
        f"--weights {Path(path).stem}={path}" for path in input.get("weights", [])
    )


def pair_networks(wildcards):
    """Settings of a pair's teacher and student as JSON."""
    networks = PLAN.architectures(wildcards.task, wildcards.pair_of_task)
    return json.dumps(
        {name: one.model_dump(mode="json") for name, one in networks.items()},
        sort_keys=True,
    )


def pair_titles(wildcards):
    """What a pair's networks are called, as JSON."""
    networks = PLAN.architectures(wildcards.task, wildcards.pair_of_task)
    titles = {
        name: EXPERIMENT.networks[one.architecture].title
        for name, one in networks.items()
    }
    return json.dumps(
        {"teacher": f"{titles['teacher']} (teacher)", "student": titles["student"]}
    )


def pair_weights(wildcards):
    """Start weights of a pair's networks: they say how a backbone is built."""
    networks = PLAN.architectures(wildcards.task, wildcards.pair_of_task).values()
    return start_files({one.weights_name for one in networks if one.weights_name})


def task_options(wildcards):
    """Kind, outputs and image size of a task, as arguments of a script."""
    task = EXPERIMENT.tasks[wildcards.task]
    size = EXPERIMENT.datasets[task.dataset].image_size
    return f"--kind {task.kind} --outputs {task.outputs} --size {size}"


def curves_runs(wildcards):
    """Runs of a result table as JSON: folder, where, run, seed."""
    runs = (RESULT_TABLES | GRIDS)[wildcards.table].runs
    several = len({run.protocol for run in runs}) > 1
    return json.dumps(
        [
            {
                "folder": folder(run),
                "where": f"{run.task} {run.pair}"
                + (f" {run.protocol}" if several else ""),
                "run": run.run,
                "seed": run.seed,
            }
            for run in runs
        ]
    )


def slices_judges(item):
    """Runs that say what is hard: the networks trained alone, or else the shown runs themselves."""
    alone = CATALOGUE.baselines_at(item.place).values()
    seed = item.runs[0].seed
    return [run for runs in alone for run in runs if run.seed == seed] or list(
        item.runs
    )


def slices_inputs(wildcards):
    """Predictions, cases and regions of the shown runs, and cases of the judges."""
    item = FIGURES[wildcards.figure]
    shown = [
        f"{folder(run)}/{name}"
        for run in item.runs
        for name in ("predictions.npz", "regions.csv")
    ]
    return shown + [f"{folder(run)}/cases.csv" for run in slices_judges(item)]


def slices_options(wildcards):
    """Arguments of src/slices.py."""
    item = FIGURES[wildcards.figure]
    number, rule, count = item.option.split(":")
    networks = ["ensemble"] if number == "7" else ["s1", "s2"]
    runs = [
        {"run": run.run, "folder": folder(run), "networks": networks}
        for run in item.runs
    ]
    judges = " ".join(folder(run) for run in slices_judges(item))
    data = f"{RESULTS}/data/{EXPERIMENT.tasks[item.place.task].dataset}"
    return f"--runs '{json.dumps(runs)}' --judges {judges} --data {data} --rule {rule} --count {count}"


def teachers_runs(wildcards):
    """Independently seeded teachers of a place as JSON: folder, seed."""
    runs = CATALOGUE.teachers_at(place_of(wildcards))
    return json.dumps([{"folder": folder(run), "seed": run.seed} for run in runs])


def teachers_predictions(wildcards):
    """Their predictions."""
    return [
        f"{folder(run)}/predictions.npz"
        for run in CATALOGUE.teachers_at(place_of(wildcards))
    ]


def at(place, name):
    """A file of a place."""
    return f"{RESULTS}/{place.folder}/{name}"


def similarity_files(place, name, runs=None):
    """CKA tables of a place, of all its runs or of some."""
    jobs = dict.fromkeys(
        (CATALOGUE.group_of(run), run.seed)
        for run in (runs or CATALOGUE.runs_at(place))
    )
    return [
        at(place, f"similarity/{group}/seed-{seed}/{name}.csv") for group, seed in jobs
    ]


def costs_of(place):
    """Costs of the networks of a place."""
    return f"{RESULTS}/networks/{place.task}/{place.pair}/costs.csv"


def contrasts_files(place):
    """Contrasts of a place: of variants, and of rivals."""
    kinds = {
        "": CATALOGUE.runs_at(place),
        "_rivals": CATALOGUE.rivals_at(place),
    }
    return [at(place, f"contrasts{kind}.csv") for kind, runs in kinds.items() if runs]


def rivals_in(wildcards):
    """Runs of rivals of one protocol, task and pair."""
    return list(CATALOGUE.rivals_at(place_of(wildcards)))


def rivals_records(wildcards):
    """What was recorded of these runs."""
    return [f"{folder(run)}/run.json" for run in rivals_in(wildcards)]


def rivals_described(wildcards):
    """The same runs as JSON: run, title, seed, folder."""
    titles = PLAN.rival_titles()
    return json.dumps(
        [
            {
                "run": run.run,
                "title": titles[run.run],
                "seed": run.seed,
                "folder": folder(run),
            }
            for run in rivals_in(wildcards)
        ]
    )


def claims_places():
    """All places with the files that decide the claims, as JSON."""
    return json.dumps(
        [
            {
                "protocol": place.protocol,
                "task": place.task,
                "pair": place.pair,
                "place": place.name,
                "kind": place.kind,
                "contrasts": contrasts_files(place),
                "similarity": similarity_files(place, "upper"),
                "costs": costs_of(place),
            }
            for place in CATALOGUE.places
        ]
    )


def claims_inputs(wildcards):
    """The files that decide the claims."""
    return [
        path
        for place in CATALOGUE.places
        for path in (
            *contrasts_files(place),
            *similarity_files(place, "upper"),
            costs_of(place),
        )
    ]


# Tables and figures


def tidy_of(runs):
    """Tidy tables that hold these runs."""
    return sorted(
        {
            f"{RESULTS}/{run.protocol}/{run.task}/{run.pair}/metrics{of(run)}.csv"
            for run in runs
        }
    )


def asked_for(name, known, what):
    """A table or figure by name; one that nothing fills is named."""
    if name not in known:
        filled = ", ".join(known) or "none"
        raise WorkflowError(
            f"The {what} '{name}' cannot be made by the experiment '{EXPERIMENT.experiment}' (it can make: {filled}).\n"
            "  What to do: add its task, pair and variants under `run:` in the configuration."
        )
    return known[name]


def places_of(runs):
    """Places that these runs are at."""
    keys = {(run.protocol, run.task, run.pair) for run in runs}
    return [
        place
        for place in CATALOGUE.places
        if (place.protocol, place.task, place.pair) in keys
    ]


def table_inputs(wildcards):
    """Tidy tables of a result table; of one of fidelity also the agreement of teachers."""
    item = asked_for(wildcards.table, RESULT_TABLES | GRIDS, "table")
    teachers = [
        at(place, "teachers.csv")
        for place in places_of(item.runs)
        if item.category == "Fidelity" and CATALOGUE.teachers_at(place)
    ]
    return {"metrics": tidy_of(item.runs), "teachers": teachers}


def own_runs(item):
    """Runs that a table is about: of table 10 the rivals, beside which the proposed variant stands for comparison."""
    return [run for run in item.runs if PLAN.is_rival(run)] or item.runs


def data_of_item(item):
    """(label, file) of all that a plain table or a figure is drawn from."""
    places = [item.place] if item.place else places_of(item.runs)

    def placed(files):
        """Files of all places, each under its label and place."""
        return [
            (f"{label}:{place.folder}", path)
            for place in places
            for label, path in files(place)
        ]

    if item.kind == "architecture":
        return [
            (
                "layers",
                f"{RESULTS}/networks/{item.place.task}/{item.place.pair}/layers.csv",
            )
        ]
    by_kind = {
        "contrasts": [
            (place.folder, at(place, "contrasts.csv"))
            for place in places
            if CATALOGUE.runs_at(place)
        ],
        "rivals": placed(
            lambda place: [
                (name, at(place, file))
                for name, file in (
                    ("values", "values_rivals.csv"),
                    ("contrasts", "contrasts_rivals.csv"),
                    ("methods", "rivals.csv"),
                )
            ]
        ),
        "detection": placed(values_of),
        "comparison": [("comparison", f"{RESULTS}/comparison.csv")],
        "grid_search": [
            ("settings", f"{RESULTS}/grid_search/hyperparameters.csv"),
        ],
        "search": [
            ("scores", f"{RESULTS}/grid_search/{place.folder}/scores.csv")
            for place in places
        ],
        "beside": [("comparison", path) for path in comparison_files(own_runs(item))],
        "curves": [("bands", f"{RESULTS}/curves/{item.option}-bands.csv")],
        "runs": [("runs", f"{RESULTS}/curves/{item.option}.csv")],
        "slices": [
            ("images", f"{RESULTS}/slices/{item.name}.npz"),
            ("slices", f"{RESULTS}/slices/{item.name}.csv"),
        ],
        "detection_by_size": [pair for place in places for pair in values_of(place)],
        "compression": placed(
            lambda place: [("costs", costs_of(place)), *values_of(place)]
        ),
        "pareto": [
            pair
            for place in places
            for pair in (("costs", costs_of(place)), *values_of(place))
        ],
    }
    if item.kind == "similarity" and item.place is None:
        return [
            (place.folder, path)
            for place in places
            for path in similarity_files(place, "upper")
        ]
    if item.kind == "similarity":
        return [
            (name, path)
            for name in ("layers", "upper")
            for path in similarity_files(item.place, name, item.runs)
        ]
    return by_kind.get(item.kind, [])


def grid_files(wildcards):
    """Files of a plain table."""
    item = asked_for(wildcards.table, RESULT_TABLES | GRIDS, "table")
    return [path for _, path in data_of_item(item)]


def figure_files(wildcards):
    """Files of a figure."""
    item = asked_for(wildcards.figure, FIGURES, "figure")
    return [path for _, path in data_of_item(item)]


def labelled(item):
    """LABEL=FILE arguments of a table or a figure."""
    return " ".join(f"{label}={path}" for label, path in data_of_item(item))


def graphs():
    """Edges of every variant as JSON."""
    return json.dumps(PLAN.graphs())


def figure_extra(wildcards):
    """What a figure needs of the configuration: the graphs, if it is a scheme."""
    scheme = FIGURES[wildcards.figure].kind == "scheme"
    return json.dumps({"graphs": PLAN.graphs()} if scheme else {})


def in_report(path, known, wildcard):
    """An output that `snakemake --report` shows under the category and title of the catalogue."""
    return report(
        path,
        caption="../report/item.rst",
        category=lambda wildcards: known[getattr(wildcards, wildcard)].category,
        labels=lambda wildcards: {
            "what": known[getattr(wildcards, wildcard)].title,
            "format": path.rpartition(".")[2],
        },
    )


def everything_to_show():
    """Tables and figures that are made when everything is, with their files, for the static page."""
    tables = [
        {
            "name": item.name,
            "category": item.category,
            "title": item.title,
            "caption": item.caption,
            "files": {
                suffix: f"results/tables/{item.name}.{suffix}"
                for suffix in ("html", "md", "tex", "csv")
            },
        }
        for item in (*RESULT_TABLES.values(), *CATALOGUE.grids.values())
    ]
    figures = [
        {
            "name": item.name,
            "category": item.category,
            "title": item.title,
            "caption": item.caption,
            "files": {
                suffix: f"results/figures/{item.name}.{suffix}"
                for suffix in ("png", "pdf")
            },
        }
        for item in CATALOGUE.figures.values()
    ]
    order = [
        "Claims",
        "Results",
        "Comparison",
        "Fidelity",
        "Representations",
        "Predictions",
        "Detection",
        "Compression",
        "Learning curves",
        "Method",
    ]
    return sorted(tables + figures, key=lambda item: order.index(item["category"]))


def files_of(suffixes):
    """Files with these suffixes of everything to show."""
    return [
        path
        for item in everything_to_show()
        for suffix, path in item["files"].items()
        if suffix in suffixes
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
    """End by naming the file to open."""
    page = Path("results/index.html")
    if page.exists():
        print(f"Open {page} in a browser.", file=sys.stderr)
