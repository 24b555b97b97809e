"""The experiment's configuration, validated: a frozen model of `config.yaml`, and one message per mistake.

The JSON schema in `workflow/schemas/` is generated from it (`python -m kdml.experiment.config`), so that editors complete and check
the file by the same rules.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from kdml.common.errors import UserError
from kdml.experiment import backbones
from kdml.experiment.backbones import U_NET_STEP
from kdml.experiment.datasets import DATASETS, HCD, Content, Dataset
from kdml.experiment.messages import describe, nearest, not_a_method, not_finite
from kdml.experiment.old_names import renamed
from kdml.experiment.sections import (
    BY_GROUP,
    BY_IMAGE,
    GridSearch,
    MethodChoice,
    NetworkEntry,
    NonInferiority,
    OwnVariant,
    Pair,
    RunChoice,
    Similarity,
    Split,
    Task,
    WeightsEntry,
)
from kdml.runs.graph import BASELINE, TEACHER, VARIANTS
from kdml.runs.methods import METHODS
from kdml.runs.own_method import is_own
from kdml.runs.settings import KINDS, Model, Positive, Sharing, Training

# Names become parts of file names, several of them in one, and file systems take 255 bytes.
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$", max_length=64)]
OF_SEGMENTATION = ("segmentation_loss", "focal_exponent", "focal_reduction")  # keys of `training`
NOT_OF_STOCK = ("focal_reduction",)
SHOWN = ("tables", "figures", "claims", "index", "benchmarks")  # in results/, beside the folders of experiments


class Experiment(Model):
    """The whole configuration."""

    experiment: Name
    description: str = ""
    archives: Path | Literal["demo"] | None = Field(
        None, description="folder of archives, or demo; empty: download from Kaggle"
    )
    run: RunChoice
    split: Split = Split()
    sharing: Sharing = Sharing()
    training: Training = Training()
    similarity: Similarity = Similarity()
    non_inferiority: NonInferiority = NonInferiority()
    hyperparameters: Literal["paper", "even"] | Path = Field(
        "paper",
        description="alpha, beta, gamma: the paper's; even: the same weight for every term of a student's loss; or a CSV of the"
        " paper's form, as `snakemake grid_search` writes it, whose column `task` names a task of one's own by its key",
    )
    grid_search: GridSearch = GridSearch()
    variants: dict[Name, OwnVariant] = {}
    methods: dict[Name, MethodChoice] = {}
    datasets: dict[Name, Dataset]
    tasks: dict[Name, Task]
    networks: dict[Name, NetworkEntry]
    weights: dict[Name, WeightsEntry] = {}
    pairs: dict[Name, Pair]
    loader_workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    checkpoint_minutes: Positive = 10
    trainings_per_gpu: Annotated[int, Field(ge=1)] = 1
    allow_mixed_code: bool = False

    @model_validator(mode="after")
    def _names_exist(self) -> "Experiment":
        for where, name, known in self._references():
            if name not in known:
                raise ValueError(f"{where}: '{name}' is not defined{nearest(name, known)}")
        self._check_names()
        self._take_classes()
        self._check_datasets()
        self._check_places()
        self._check_methods()
        for key, task in self.tasks.items():
            self._check_training(key, self.training_of(key))
            self._check_task(f"tasks.{key}", task)
        for key, network in self.networks.items():
            if problem := backbones.unknown(network.timm):
                raise ValueError(f"networks.{key}.{problem}")
            start = None if network.weights == "none" else self.weights[network.weights]
            tag = None if start is None or start.options else start.timm
            if tag is not None and (problem := backbones.of_another(network.timm, tag)):
                raise ValueError(f"networks.{key}.weights: {problem}")
        for key in self.run.tasks:
            self._check_groups(key)
            self._check_images(key)
            self._check_backbones(key)
        return self

    def content(self, dataset: str) -> Content:
        """What a dataset holds: one of the paper's, or of the user's own."""
        return DATASETS[dataset] if dataset in DATASETS else self.datasets[dataset].content()

    @property
    def own_datasets(self) -> dict[str, Dataset]:
        """Datasets of the user's own."""
        return {key: dataset for key, dataset in self.datasets.items() if key not in DATASETS}

    @property
    def with_masks(self) -> set[str]:
        """Datasets that hold masks."""
        return {key for key in self.datasets if self.content(key).has_masks}

    def _take_classes(self) -> None:
        """Give a table whose column of labels comes without a list of its values those that all classification tasks on it name."""
        for key, dataset in self.own_datasets.items():
            tasks = [one for one in self.tasks.values() if one.dataset == key and one.kind == "classification"]
            named = {tuple(one.classes) for one in tasks}
            if dataset.label is not None and not dataset.classes and len(named) == 1:
                self.datasets[key] = dataset.model_copy(update={"classes": [*named.pop()]})

    def _check_datasets(self) -> None:
        for key, dataset in self.datasets.items():
            if key in DATASETS and (given := dataset.own_keys()):
                raise ValueError(f"datasets.{key}.{given[0]}: '{key}' is the paper's; give your own another name")
            if key not in DATASETS and dataset.source is None:
                near = nearest(key, DATASETS)
                raise ValueError(f"datasets.{key}.source: name the folder or zip of your own dataset{near}")
            try:
                if key != HCD:
                    dataset.check_draw()
                if key not in DATASETS:
                    dataset.check_own()
            except ValueError as error:
                raise ValueError(f"datasets.{key}.{error}") from None

    def protocols_of(self, task: str) -> list[str]:
        """How the splits of a task are made: as it says, else by group where its dataset is the user's with groups, else as all."""
        chosen = self.tasks[task]
        if chosen.protocols is not None:
            return list(chosen.protocols)
        return ["grouped"] if self.datasets[chosen.dataset].has_groups else list(self.run.protocols)

    def knows_groups(self, task: str) -> bool:
        """Whether the images of a task can be split by group: for HCD somebody must say which slide each patch is of."""
        key = self.tasks[task].dataset
        chosen = self.datasets[key]
        if chosen.source is not None:
            return chosen.has_groups
        return key != HCD or chosen.slides is not None

    @property
    def protocols(self) -> list[str]:
        """Protocols of all tasks that are run, those of `run: protocols` first."""
        used = [name for task in self.run.tasks for name in self.protocols_of(task)]
        return list(dict.fromkeys([*(name for name in self.run.protocols if name in used), *used]))

    def claimed_protocols(self) -> list[str]:
        """Protocols that the paper's claims are judged under: those of tasks on its data, else the first of all."""
        tasks = [task for task in self.run.tasks if self.tasks[task].dataset in DATASETS]
        used = {name for task in tasks for name in self.protocols_of(task)}
        return [name for name in self.protocols if name in used] or self.protocols[:1]

    def _check_task(self, where: str, task: Task) -> None:
        """What its dataset cannot give."""
        labels, has_masks, _, of_masks, names = self.content(task.dataset)
        if task.kind == "classification" and len(task.classes) != labels:
            raise ValueError(
                f"{where}.classes: {len(task.classes)} are named, but '{task.dataset}' has {labels} labels"
            )
        if task.kind == "classification" and any(
            name in names and name != named for name, named in zip(task.classes, names, strict=True)
        ):
            raise ValueError(
                f"{where}.classes: the labels of '{task.dataset}' are {', '.join(names)}; name these in this order, or give"
                " all others"
            )
        if task.kind == "segmentation" and not has_masks:
            raise ValueError(f"{where}.kind: '{task.dataset}' has no masks to learn segmentation from")
        if task.kind == "segmentation" and of_masks and tuple(task.classes) != of_masks:
            raise ValueError(
                f"{where}.classes: masks of '{task.dataset}' have {', '.join(of_masks)}; name these, in this order"
            )
        if task.kind == "segmentation" and not of_masks and len(task.classes) != 1:
            raise ValueError(
                f"{where}.classes: {len(task.classes)} are named, but a mask marks one; for several, name their values in"
                f" `datasets: {task.dataset}: mask_values`"
            )
        if task.kind == "segmentation" and task.head == "linear":
            raise ValueError(
                f"{where}.head: linear is for classifiers; the head of a U-Net is its decoder; leave it out"
            )
        if task.kind == "segmentation" and task.balance == "class_weights":
            raise ValueError(
                f"{where}.balance: class_weights are of the cross-entropy; to balance segmentation take resample"
            )

    def _check_training(self, key: str, training: Training) -> None:
        """Keys that a task lays over `training` and that its loss does not have."""
        task = self.tasks[key]
        for name in OF_SEGMENTATION:
            where = f"tasks.{key}.training.{name}"
            if name in task.training and task.kind == "classification":
                raise ValueError(f"{where}: is of the loss of segmentation; leave it out")
            if name in task.training and name in NOT_OF_STOCK and training.segmentation_loss == "stock":
                raise ValueError(f"{where}: is not of `segmentation_loss: stock`; leave it out")

    def _check_groups(self, key: str) -> None:
        """Refuse to split data of the user's own by groups that they do not have; of HCD log, splits and page say it."""
        dataset = self.tasks[key].dataset
        if dataset in self.own_datasets and BY_GROUP in self.protocols_of(key) and not self.knows_groups(key):
            raise ValueError(
                f"{'run' if self.tasks[key].protocols is None else f'tasks.{key}'}.protocols: {BY_GROUP} would split the task"
                f" '{key}' by image: of '{dataset}' no groups are known; name the column `group` of its table, or set"
                f" `tasks: {key}: protocols: [{BY_IMAGE}]`"
            )

    def _check_images(self, key: str) -> None:
        """Sizes that the networks of a task that is run cannot take."""
        task, size = self.tasks[key], self.datasets[self.tasks[key].dataset].image_size
        where = f"datasets.{task.dataset}.image_size: {size}"
        if task.kind == "segmentation" and size % U_NET_STEP:
            raise ValueError(f"{where}: the U-Nets of the task '{key}' take multiples of {U_NET_STEP} only")
        if task.kind == "classification" and size <= U_NET_STEP and self.training_of(key).batch_size == 1:
            raise ValueError(
                f"training.batch_size: 1 with {where}: the last feature maps of the task '{key}' have one pixel, and of a single"
                " value BatchNorm finds no spread; take larger batches or images"
            )

    def _check_backbones(self, key: str) -> None:
        """Backbones that are no network for a task that is run."""
        task, raw = self.tasks[key], self.sharing.classification_tap == "raw_convolution"
        size = self.datasets[task.dataset].image_size
        pairs = [self.pairs[pair] for pair in self.run.pairs if self.is_run_on(pair, key)]
        for name in dict.fromkeys(name for pair in pairs for name in (pair.teacher, pair.student)):
            one = self.networks[name]
            if problem := backbones.misfit(one.timm, one.options, task.kind, task.dataset, size, raw):
                raise ValueError(f"networks.{name}.{problem}")

    def _check_names(self) -> None:
        """Names that become folders or columns, where one could be taken for another."""
        if self.experiment in SHOWN:
            raise ValueError(
                f"experiment: '{self.experiment}' is taken: results/{self.experiment} shows what was run last; choose another name"
            )
        taken = (
            ("variants", self.variants, (*VARIANTS, BASELINE, TEACHER), "this name is taken"),
            ("pairs", self.pairs, self.networks, "a network has this name, and its baselines a folder so called"),
            ("tasks", self.tasks, KINDS, "this is a kind of task"),
        )
        for section, names, others, why in taken:
            for name in names:
                if name in others:
                    raise ValueError(f"{section}.{name}: {why}; choose another one")
        titles: dict[str, str] = {}
        for name in self.run.tasks:  # tables and figures name them by these alone
            title = self.tasks[name].title
            if titles.setdefault(title, name) != name:
                raise ValueError(
                    f"tasks.{name}.title: '{title}' is that of the task '{titles[title]}'; choose another one"
                )

    def _check_places(self) -> None:
        for key in self.run.variants_for:
            task, _, pair = key.partition("/")
            if pair and not self.is_run_on(pair, task):
                only = ", ".join(self.pairs[pair].tasks or ())
                raise ValueError(f"run.variants_for.{key}: `pairs: {pair}: tasks` has this pair run on {only} alone")

    def is_run_on(self, pair: str, task: str) -> bool:
        """Whether a pair is for a task."""
        only = self.pairs[pair].tasks
        return only is None or task in only

    def suits(self, entry: str, task: str) -> bool:
        """Whether an entry of `run.methods` is for a task: its method for this kind, the entry not kept to others."""
        method, only = self.method_of(entry), self.methods.get(entry, MethodChoice()).tasks
        wanted = only is None or task in only
        return wanted and (is_own(method) or self.tasks[task].kind in METHODS[method].classes)

    def _check_methods(self) -> None:
        for name in dict.fromkeys([*self.methods, *self.run.methods]):
            if name in (*VARIANTS, *self.variants, "baseline", "teacher"):
                raise ValueError(f"methods.{name}: this name is taken by a variant; choose another one")
            method = self.method_of(name)
            if name in METHODS and method != name:
                raise ValueError(
                    f"methods.{name}: this is the name of a published method; choose another for '{method}'"
                )
            if not is_own(method) and method not in METHODS:
                raise ValueError(f"methods.{name}: {not_a_method(method)}")
        for place in self.run.methods_at:
            task = place.partition("/")[0]
            if task in self.run.tasks and self.content(self.tasks[task].dataset).mask_classes:
                self._check_for_several(task)
        if self.run.methods and not self.run.methods_at:
            raise ValueError("run.methods_at: name the task/pair at which `run.methods` are to run")

    def _check_for_several(self, task: str) -> None:
        """Refuse methods that are for masks of one class where they have several."""
        for name in self.run.methods:
            method = METHODS.get(self.method_of(name))
            if method is not None and method.one_class and self.suits(name, task):
                raise ValueError(
                    f"run.methods: '{name}' is for masks of one class, and those of the task '{task}' have several; leave it out,"
                    f" or keep it to other tasks with `methods: {name}: tasks`"
                )

    def method_of(self, entry: str) -> str:
        """The method that an entry of `run.methods` runs."""
        choice = self.methods.get(entry)
        return entry if choice is None or choice.method is None else choice.method

    def _references(self) -> Iterator[tuple[str, str, Any]]:
        """(where it is written, name, names that are defined) of every name that refers to another section."""
        variants = [*VARIANTS, *self.variants]
        yield from (("run.tasks", name, self.tasks) for name in self.run.tasks)
        yield from (("run.pairs", name, self.pairs) for name in self.run.pairs)
        yield from (("run.own_variants", name, self.variants) for name in self.run.own_variants)
        for key, names in self.run.variants_for.items():
            task, slash, pair = key.partition("/")
            yield f"run.variants_for.{key}", task, self.tasks
            if slash:
                yield f"run.variants_for.{key}", pair, self.pairs
            yield from ((f"run.variants_for.{key}", name, variants) for name in names)
        for key in self.run.methods_at:
            task, _, pair = key.partition("/")
            yield "run.methods_at", task, self.tasks
            yield "run.methods_at", pair, self.pairs
        for key, one in self.tasks.items():
            yield f"tasks.{key}.dataset", one.dataset, self.datasets
        for key, both in self.pairs.items():
            yield f"pairs.{key}.teacher", both.teacher, self.networks
            yield f"pairs.{key}.student", both.student, self.networks
            yield from ((f"pairs.{key}.tasks", name, self.tasks) for name in both.tasks or [])
        for key, choice in self.methods.items():
            yield from ((f"methods.{key}.tasks", name, self.tasks) for name in choice.tasks or [])
        for key, network in self.networks.items():
            if network.weights != "none":
                yield f"networks.{key}.weights", network.weights, self.weights

    def training_of(self, task: str) -> Training:
        """`training`, with the task's own keys laid over it.

        Raises:
            ValueError: the task overrides a key that `training` does not have, or with a value it refuses.
        """
        merged = _merge(self.training.model_dump(), self.tasks[task].training)
        try:
            return Training.model_validate(merged)
        except ValidationError as error:
            raise ValueError(f"tasks.{task}.training: {describe(error.errors()[0], Training)}") from None


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid on top, mappings merged deeply and everything else replaced."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def validated(config: Mapping[str, Any]) -> Experiment:
    """Check a configuration as read from YAML.

    Raises:
        UserError: lists every mistake by its key, unknown keys with the nearest known one; or a key has its old name and its new.
    """
    try:
        found = Experiment.model_validate(renamed(config))
        if endless := list(not_finite(config)):
            raise UserError(f"{endless[0]} is not a finite number.", "mend this key in your configuration file")
        return found
    except ValidationError as error:
        mistakes = "\n".join(f"  - {describe(one, Experiment)}" for one in error.errors())
        raise UserError(
            f"The configuration is not valid:\n{mistakes}", "mend these keys in your configuration file"
        ) from None


def schema_text() -> str:
    """JSON schema of the configuration, as committed in `workflow/schemas/config.schema.json`."""
    return json.dumps(Experiment.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
