"""Inputs and arguments that the rules of training, search, analysis and report ask for, as functions of a job's wildcards.

Arguments are lists of words, which the rules quote one by one; nothing of the configuration becomes part of a command unquoted.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import sha256_of
from kdml.common.untracked import Untracked
from kdml.experiment.archives import is_drawn, is_drawn_dataset, located
from kdml.experiment.config import Experiment
from kdml.experiment.figures import ENSEMBLES, SLICES
from kdml.experiment.grid_search import Search, Trial
from kdml.experiment.inputs import FIDELITY_SHEET, OF_METHODS, Inputs
from kdml.experiment.items import Item
from kdml.experiment.places import Place
from kdml.experiment.plan import Run
from kdml.experiment.run_rows import run_rows
from kdml.runs.graph import ENSEMBLE, STUDENTS
from kdml.runs.run_table import VARIANTS_SHEET

UNDER_RUN = "add its task, pair and variants under `run:` (a result pack makes what it was published with)"
UNDER_SEARCH = "add its settings to `grid_search:` in the configuration"

Wildcards = Any  # of a job, as Snakemake makes them
Words = list[Any]
"""Arguments of a script."""


class RuleFunctions:
    """Functions that rules take inputs and parameters from.

    Args:
        inputs: runs and files of the experiment's analyses.
        root: of the project, which paths in the configuration are relative to.
    """

    def __init__(self, inputs: Inputs, root: Path):
        self.inputs = inputs
        self.root = root
        self.contents = inputs.contents
        self.places = inputs.places
        self.plan = inputs.plan
        self.paths = inputs.paths
        self.experiment = inputs.plan.experiment
        self.search = Search(inputs.plan)
        self.tables = self.contents.named(self.contents.tables)
        self.figures = self.contents.named(self.contents.figures)
        self._of_machine = _of_machine(self.experiment)

    # What wildcards name

    def asked_for(self, name: str, known: Mapping[str, Any], what: str, remedy: str = UNDER_RUN) -> Any:
        """Give what a target names, such as a table.

        Raises:
            UserError: nothing of the experiment is called so; says what there is.
        """
        if name not in known:
            filled = ", ".join(known) or "none"
            experiment = self.experiment.experiment
            raise UserError(
                f"The {what} '{name}' cannot be made by the experiment '{experiment}' (it can make: {filled}).", remedy
            )
        return known[name]

    def run(self, wildcards: Wildcards) -> Run:
        """Give the run that wildcards name."""
        return Run(wildcards.protocol, wildcards.task, wildcards.pair, wildcards.run, int(wildcards.seed))

    def place(self, wildcards: Wildcards) -> Place:
        """Give the place that wildcards name."""
        name = f"{wildcards.protocol}/{wildcards.task}/{wildcards.pair}"
        return self.asked_for(name, self.places.by_folder, "place")

    def table(self, wildcards: Wildcards) -> Item:
        """Give the table that wildcards name."""
        return self.asked_for(wildcards.table, self.tables, "table")

    def figure(self, wildcards: Wildcards) -> Item:
        """Give the figure that wildcards name."""
        return self.asked_for(wildcards.figure, self.figures, "figure")

    def slices_figure(self, wildcards: Wildcards) -> Item:
        """Give the figure of slices that wildcards name."""
        known = {name: item for name, item in self.figures.items() if item.kind == "slices"}
        return self.asked_for(wildcards.figure, known, "figure of slices")

    def dataset(self, task: str) -> str:
        """Give the key of a task's data set."""
        return self.experiment.tasks[task].dataset

    def has_masks(self, task: str) -> bool:
        """Say whether a task is one of segmentation."""
        return self.experiment.tasks[task].kind == "segmentation"

    def data(self, wildcards: Wildcards) -> str:
        """Folder of the prepared arrays of a task's data set."""
        return self.paths.data(self.dataset(wildcards.task))

    def mixed_code(self, wildcards: Wildcards) -> Words:
        """Argument of a script that says whether it may mix versions of the training code."""
        return ["--allow-mixed-code"] if self.experiment.allow_mixed_code else []

    # Start weights and training

    def weights_entry(self, wildcards: Wildcards) -> str:
        """A weights entry of the configuration as JSON, without the place of its file, which is no part of what it is."""
        return self.experiment.weights[wildcards.weights].model_dump_json(exclude={"path"}, exclude_none=True)

    def _weights_path(self, name: str) -> str | None:
        path = self.experiment.weights[name].path
        return None if path is None else located(path, self.root, f"weights.{name}.path")

    def _check_weights_file(self, name: str) -> None:
        """Refuse a local file of start weights that is not there, unless they were made from it before."""
        path = self._weights_path(name)
        if path is not None and not Path(path).is_file() and not Path(self.paths.start_weights(name)).exists():
            raise UserError(
                f"`weights.{name}.path: {Path(path).resolve()}` is no file.",
                "name a safetensors file, relative to the project's root",
            )

    def weights_file(self, wildcards: Wildcards) -> Words:
        """The local file that start weights are taken from, if they are, as an argument of a script."""
        path = self._weights_path(wildcards.weights)
        return [] if path is None else ["--file", Untracked(path)]

    def weights_content(self, wildcards: Wildcards) -> str:
        """Checksum of that file: another content makes the start weights again, another place does not."""
        path = self._weights_path(wildcards.weights)
        return sha256_of(Path(path)) if path is not None and Path(path).is_file() else ""

    def weights_backbone(self, wildcards: Wildcards) -> str:
        """The timm backbone that start weights are for."""
        networks = self.experiment.networks.values()
        return next(network.timm for network in networks if network.weights == wildcards.weights)

    def train_words(self, wildcards: Wildcards, input: Any) -> Words:
        """Arguments of src/train.py: networks to start from, and how to use the machine, which is no reason to train again."""
        teacher = ["--teacher", input.teacher] if "teacher" in input.keys() else []  # noqa: SIM118
        starts = [word for path in input.get("weights", []) for word in ("--weights", f"{Path(path).stem}={path}")]
        return [*starts, *teacher, *self._of_machine]

    def networks_of_run(self, run: Run) -> dict[str, Any]:
        """Files of networks that a training starts from: start weights, and the trained teacher of an offline distillation."""
        for name in self.plan.start_weights(run):
            self._check_weights_file(name)
        found: dict[str, Any] = {"weights": self.inputs.start_weights([run])}
        if (teacher := self.plan.teacher_of(run)) is not None:
            found["teacher"] = self.paths.weights(teacher)
        return found

    def settings(self, wildcards: Wildcards) -> str:
        """Settings of a run as JSON: what its training depends on, so that other changes of the configuration retrain nothing."""
        return self.plan.settings(self.run(wildcards)).to_json()

    # Grid search

    def trial_words(self, wildcards: Wildcards, input: Any) -> Words:
        """Arguments of src/train.py for a trial, which never sees the test set."""
        return [*self.train_words(wildcards, input), "--validation-only"]

    def trial_settings(self, wildcards: Wildcards) -> str:
        """Settings of a trial as JSON."""
        trials = self.search.of_run(self.run(wildcards))
        return self.search.settings(self.asked_for(wildcards.trial, trials, "trial", UNDER_SEARCH)).to_json()

    def _trials(self, wildcards: Wildcards) -> Iterable[Trial]:
        return self.search.at(wildcards.protocol, wildcards.task, wildcards.pair)

    def trial_rows(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """Rows of trials.csv: folder of every trial of a place, and its columns in the table of scores."""
        trials = self._trials(wildcards)
        return [{"folder": self.paths.trial(one.run, one.name), **self.search.describe(one)} for one in trials]

    def trial_records(self, wildcards: Wildcards) -> list[str]:
        """What was recorded of the trials of a place."""
        return [self.paths.trial_record(one.run, one.name) for one in self._trials(wildcards)]

    def ranked_settings(self) -> list[str]:
        """Ranked settings of all places that are searched."""
        return list(dict.fromkeys(map(self.paths.ranked_settings, self.search.variants)))

    def searched(self) -> list[str]:
        """All that a grid search makes; nothing where no variant of the paper is run."""
        if not self.search.places:
            return []
        return [self.paths.hyperparameters(), *self.contents.files_of(["grid_search", "search"])]

    # Sheets

    def run_rows(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """Rows of runs.csv of a place."""
        return run_rows(self.place(wildcards), self.places, self.paths)

    def _runs_of_sheet(self, wildcards: Wildcards) -> list[Run]:
        place, sheet = self.place(wildcards), wildcards.get("sheet", FIDELITY_SHEET)
        if not (runs := self.inputs.runs_of(place, sheet)):
            self.asked_for(sheet, dict.fromkeys(self.inputs.sheets(place)), "sheet")
        return runs

    def of_runs(self, path: Callable[[Run], str]) -> Callable[[Wildcards], list[str]]:
        """Input function: a file of every run of the sheet that wildcards name; of fidelity where they name none."""
        return lambda wildcards: list(map(path, self._runs_of_sheet(wildcards)))

    def values_words(self, wildcards: Wildcards, input: Any) -> Words:
        """Arguments of src/values.py: a sheet and its tables; fidelity has none of regions."""
        regions = ["--regions", input.regions] if "regions" in input.keys() else []  # noqa: SIM118
        return ["--sheet", Path(input.cases).parent.name, "--cases", input.cases, *regions]

    def splits_of_sheet(self, wildcards: Wildcards) -> list[str]:
        """Splits that the runs of a sheet were tested on."""
        return self.inputs.splits_of(self._runs_of_sheet(wildcards))

    def teachers(self, wildcards: Wildcards) -> list[str]:
        """Predictions of independently seeded teachers, which fidelity is compared with."""
        return [self.paths.predictions(run) for run in self.places.teachers_at(self.place(wildcards))]

    def masks(self, wildcards: Wildcards) -> list[str]:
        """True masks, which segmentation is measured against."""
        return [self.paths.masks(self.dataset(wildcards.task))] if self.has_masks(wildcards.task) else []

    def index(self, wildcards: Wildcards) -> list[str]:
        """What is known of the pictures, which subgroups are formed by."""
        return [self.paths.index(self.dataset(wildcards.task))]

    def methods_records(self, wildcards: Wildcards) -> list[str]:
        """What was recorded of the methods of a place."""
        return [self.paths.record(run) for run in self.places.methods_at(self.place(wildcards))]

    # Contrasts

    def compared_sheets(self, wildcards: Wildcards) -> list[str]:
        """Sheets whose runs are contrasted."""
        return self.inputs.compared_sheets(self.place(wildcards), wildcards.of)

    def compared(self, path: Callable[[Any, str], str]) -> Callable[[Wildcards], list[str]]:
        """Input function: a file of every sheet whose runs are contrasted."""
        return lambda wildcards: [path(wildcards, sheet) for sheet in self.compared_sheets(wildcards)]

    def compared_fidelity(self, wildcards: Wildcards) -> list[str]:
        """Cases against the teachers, which claims on fidelity are about; published methods have none."""
        taught = wildcards.of != OF_METHODS and self.places.taught_at(self.place(wildcards))
        return [self.paths.cases(wildcards, FIDELITY_SHEET)] if taught else []

    def compared_curves(self, wildcards: Wildcards) -> list[str]:
        """Learning curves of the same sheets, whose validation scores choose among students; published methods have one."""
        return [] if wildcards.of == OF_METHODS else self.compared(self.paths.curves)(wildcards)

    def against_words(self, wildcards: Wildcards, input: Any) -> Words:
        """Arguments of src/contrasts.py for what a clinic asks of students beside the teacher; not of published methods."""
        if wildcards.of == OF_METHODS:
            return []
        margin = self.experiment.non_inferiority.margin
        return ["--against", self.paths.place(wildcards), "--margin", margin, "--curves", *input.curves]

    def scored(self, file_of: Callable[[Any, str], str]) -> Callable[[Wildcards], list[str]]:
        """Input function: a file of the sheet of variants at a place, and that of its networks trained alone."""
        return lambda wildcards: self.inputs.scored(self.place(wildcards), file_of)

    def runs_under_both(self, wildcards: Wildcards) -> list[str]:
        """Tables of runs under both protocols."""
        return list(map(self.paths.runs, self.inputs.both_protocols(self.place(wildcards))))

    def scored_under_both(self, file_of: Callable[[Any, str], str]) -> Callable[[Wildcards], list[str]]:
        """Input function: what `scored` gives, under both protocols."""
        return lambda wildcards: [
            path
            for place in self.inputs.both_protocols(self.place(wildcards))
            for path in self.inputs.scored(place, file_of)
        ]

    def scored_sheets(self, wildcards: Wildcards) -> list[str]:
        """Sheets that `scored` gives files of."""
        return self.inputs.compared_sheets(self.place(wildcards), "")

    def claims_words(self, wildcards: Wildcards) -> Words:
        """Files that decide the claims, as arguments of src/claims.py."""
        found: dict[str, list[str]] = {}
        for name, place, path in self.inputs.claims():
            found.setdefault(name, []).append(f"{place.folder}={path}")
        return [word for name, files in found.items() for word in (f"--{name}", *files)]

    # Slices

    def _slices_rule(self, item: Item) -> str:
        """Rule by which slices are chosen."""
        return SLICES[int(item.options["number"])]

    def slices_runs(self, wildcards: Wildcards) -> list[Run]:
        """Runs that a figure of slices shows, and those that say how hard a slice is."""
        item = self.slices_figure(wildcards)
        judges = self.inputs.judges(item, self._slices_rule(item))
        return list(dict.fromkeys([*item.runs, *(run for _, run in judges)]))

    def slices_words(self, wildcards: Wildcards) -> Words:
        """Arguments of src/slices.py."""
        item = self.slices_figure(wildcards)
        rule, grey = self._slices_rule(item), self.experiment.content(self.dataset(item.place.task)).grey
        networks = [ENSEMBLE] if int(item.options["number"]) == ENSEMBLES else STUDENTS
        judges = [name for name, _ in self.inputs.judges(item, rule)]
        shown = ["--seed", item.runs[0].seed, "--show", *(run.run for run in item.runs), "--networks", *networks]
        return [*shown, "--judges", *judges, "--rule", rule, *(() if grey is None else ("--grey", grey))]

    # Tables, figures, page

    def _is_drawn(self, wildcards: Wildcards) -> bool:
        """Whether images are drawn: those of the task that wildcards name, or some of the experiment's."""
        if (task := wildcards.get("task")) is not None:
            return is_drawn_dataset(self.experiment, self.dataset(task))
        return is_drawn(self.experiment)

    def note(self, wildcards: Wildcards) -> str:
        """What a reader must know before comparing with the paper."""
        drawn = "Synthetic images, not patients: the numbers say nothing about the paper. "
        said = f"{drawn if self._is_drawn(wildcards) else ''}{self.experiment.description}".rstrip()
        return re.sub(r"(?<=[^.!?])$", ".", said)

    def page_title(self, wildcards: Wildcards) -> str:
        """Title of the page."""
        return f"Results of the experiment '{self.experiment.experiment}'"

    def drawn(self, wildcards: Wildcards) -> Words:
        """Argument of a script that says whether the images are drawn."""
        return ["--drawn"] if self._is_drawn(wildcards) else []

    def leakage_words(self, wildcards: Wildcards) -> Words:
        """Title, caption and titles of tasks as arguments of src/leakage.py."""
        said, tasks = self.contents.captions["leakage"], self.experiment.tasks
        titles = [f"{name}={tasks[name].title}" for name in self.experiment.run.tasks]
        return [f"--title={said['title']}", f"--caption={said['caption']}", "--tasks", *titles]

    def tables_of_runs(self, wildcards: Wildcards) -> list[str]:
        """Tables of runs of all places."""
        return list(map(self.paths.runs, self.places.all))

    def values_of_variants(self, wildcards: Wildcards) -> list[str]:
        """Values of the variants of all places that have some."""
        return [self.paths.values(place, VARIANTS_SHEET) for place in self.places.all if self.places.variants_at(place)]

    def files_of(self, find: Callable[[Wildcards], Item]) -> Callable[[Wildcards], list[str]]:
        """Input function: all files that a table or figure is made from, each once."""
        return lambda wildcards: list(dict.fromkeys(path for _, path in self.inputs.of_item(find(wildcards))))

    def data_words(self, find: Callable[[Wildcards], Item]) -> Callable[[Wildcards], Words]:
        """Parameter: the same files as LABEL=FILE arguments."""
        return lambda wildcards: [f"{label}={path}" for label, path in self.inputs.of_item(find(wildcards))]

    def part_of(self, find: Callable[[Wildcards], Item], part: str) -> Callable[[Wildcards], str]:
        """Parameter: a field of a table or figure, such as its title."""
        return lambda wildcards: getattr(find(wildcards), part)

    def draws(self, find: Callable[[Wildcards], Item]) -> Callable[[Wildcards], str]:
        """Parameter: what draws a table or figure."""
        return lambda wildcards: self.contents.kinds[find(wildcards).kind].draws

    def option_words(self, find: Callable[[Wildcards], Item]) -> Callable[[Wildcards], Words]:
        """Parameter: choices within the kind of a figure, as arguments of the script."""
        return lambda wildcards: [
            word for name, value in find(wildcards).options.items() for word in (f"--{name}", value)
        ]

    def caption_beside(self, kind: str) -> Callable[[Wildcards], str]:
        """Parameter: caption of the figure of a kind that stands beside the table, if one does."""
        return lambda wildcards: figure.caption if (figure := self.figures.get(f"{kind}_{wildcards.table}")) else ""

    def texts(self, names: Iterable[str], part: str) -> Callable[[Wildcards], Words]:
        """Parameter: titles or captions of several tables and figures, as NAME=TEXT."""
        items = {**self.tables, **self.figures}
        return lambda wildcards: [f"{name}={getattr(items[name], part)}" for name in names]

    def category(self, find: Callable[[Wildcards], str]) -> Callable[[Wildcards], str]:
        """Parameter of a report: the category of the table or figure of this name."""
        items = {**self.tables, **self.figures}
        return lambda wildcards: self.contents.kinds[items[find(wildcards)].kind].category

    def labels(self, find: Callable[[Wildcards], str], form: str) -> Callable[[Wildcards], dict[str, str]]:
        """Parameter of a report: title and form of the table or figure of this name.

        Snakemake takes a word in braces for a wildcard; with an invisible sign before it, it does not.
        """
        items = {**self.tables, **self.figures}
        return lambda wildcards: {"what": items[find(wildcards)].title.replace("{", "{\N{WORD JOINER}"), "format": form}


def _of_machine(experiment: Experiment) -> Words:
    values = {
        "--workers": experiment.loader_workers,
        "--per-gpu": experiment.trainings_per_gpu,
        "--checkpoint-minutes": experiment.checkpoint_minutes,
    }
    return [word for name, value in values.items() for word in (name, Untracked(value))]
