"""What the rules of training and of the grid search ask for."""

from kdml.reporting.result_tables import FORMATS

SETTINGS = "add its settings to `grid_search:` in the configuration"


def settings_of(wildcards):
    """Settings of a run as JSON: what training depends on, so that other changes of the configuration retrain nothing."""
    return PLAN.settings(run_of(wildcards)).to_json()


def train_inputs(wildcards):
    """Data, split, start weights, and the trained teacher of an offline distillation."""
    run = run_of(wildcards)
    inputs = {
        "data": PATHS.data_report(dataset_of(run.task)),
        "split": ANALYSES.split(run),
        "weights": ANALYSES.start_weights([run]),
    }
    if (teacher := PLAN.teacher_of(run)) is not None:
        inputs["teacher"] = PATHS.weights(teacher)
    return inputs


def weights_options(wildcards, input):
    """Start weights as arguments of a script."""
    return " ".join(
        f"--weights {Path(path).stem}={path}" for path in input.get("weights", [])
    )


def train_options(wildcards, input):
    """Arguments of src/train.py that not every run has."""
    teacher = f"--teacher {input.teacher}" if "teacher" in input.keys() else ""
    return f"{weights_options(wildcards, input)} {teacher}".strip()


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
    trials = {
        trial.name: trial for trial in SEARCH.trials if trial.run == run_of(wildcards)
    }
    trial = asked_for(wildcards.trial, trials, "trial", SETTINGS)
    return SEARCH.settings(trial).to_json()


def trials_at(wildcards):
    """Trials of one protocol, task and pair."""
    return SEARCH.at(wildcards.protocol, wildcards.task, wildcards.pair)


def trial_records(wildcards):
    """What was recorded of these trials."""
    return [PATHS.trial_record(trial.run, trial.name) for trial in trials_at(wildcards)]


def trials_described(wildcards):
    """The same trials as JSON: folder, and their columns in the table of scores."""
    return json.dumps(
        [
            {"folder": PATHS.trial(trial.run, trial.name), **SEARCH.describe(trial)}
            for trial in trials_at(wildcards)
        ]
    )


def searched_settings():
    """Ranked settings of all places that are searched."""
    return list(dict.fromkeys(map(PATHS.ranked_settings, SEARCH.variants)))


def search_outputs():
    """All that a grid search makes; nothing where no variant of the paper is run."""
    if not SEARCH.places:
        return []
    tables = [
        paths.table(item.name, suffix)
        for item in CATALOGUE.grids_on_request.values()
        for suffix in FORMATS
    ]
    figures = [
        paths.figure(item.name, suffix)
        for item in CATALOGUE.search_figures
        for suffix in ("pdf", "png")
    ]
    return [PATHS.hyperparameters(), *tables, *figures]
