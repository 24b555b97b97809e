"""The experiment's configuration, validated: frozen models of `config.yaml`, and one message per mistake.

The JSON schema in `workflow/schemas/` is generated from these models (`python -m kdml.experiment.config`), so that editors complete
and check the file by the same rules.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator

from kdml.common.errors import UserError
from kdml.runs.graph import (
    BASELINE,
    STRATEGIES,
    STUDENT_NAME,
    TEACHER,
    TECHNIQUES,
    VARIANTS,
    Edge,
    SharingGraph,
    TeacherMode,
)
from kdml.runs.methods import METHODS
from kdml.runs.own_method import is_own
from kdml.runs.settings import (
    KINDS,
    Count,
    Fraction,
    Kind,
    Model,
    Once,
    OwnEdge,
    Positive,
    Sharing,
    Training,
    Weights,
)

Name = Annotated[str, Field(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$")]
SHOWN = ("tables", "figures", "claims", "index", "benchmarks")  # in results/, beside the folders of experiments


class RunChoice(Model):
    """What runs, chosen by lists: a configuration file that is merged over another one replaces a list as a whole."""

    tasks: Once[str] = Field(min_length=1)
    pairs: Once[str] = Field(min_length=1)
    techniques: Once[Literal[tuple(TECHNIQUES)]] = list(TECHNIQUES)
    strategies: Once[Literal[tuple(STRATEGIES)]] = list(STRATEGIES)
    own_variants: Once[str] = []
    variants_for: dict[str, Once[str]] = Field(
        {},
        description="variants of one task (`lgg`) or task and pair (`lgg/resnet50-resnet18`), in place of techniques x strategies",
    )
    baselines: bool = True
    methods: Once[str] = Field(
        [], description="published methods, or names from `methods`: each is run at the places below"
    )
    methods_at: Once[Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")]] = Field(
        [],
        description="task/pair at which methods are run, those of its kind of task; left out where task or pair is not run",
    )
    protocols: Once[Literal["paper", "grouped"]] = Field(["paper"], min_length=1)
    seeds: Once[Annotated[int, Field(ge=0)]] = Field([0, 1, 2], min_length=1)


class Dataset(Model):
    """How a dataset is prepared."""

    image_size: Count
    subset: Count | None = Field(
        None, description="size of the balanced random subset (HCD), drawn once with `subset_seed`"
    )
    subset_seed: int = 0
    limit: Count | None = Field(None, description="keep about so many images, for small trial runs")
    slides: Path | None = Field(
        None, description="CSV with the columns id and wsi: the slide of each patch, for the grouped protocol"
    )
    demo_images: Count = Field(400, description="how many look-alike images to draw when `archives: demo`")


class Similarity(Model):
    """How CKA is measured on the test images; memory grows with the batch, precision too."""

    batch: Annotated[int, Field(ge=4)] = Field(
        256, description="images per batch; all test images where they are fewer"
    )
    passes: Count = Field(1, description="over the test images, each in another order")


class Task(Model):
    """A dataset with a kind of target."""

    dataset: Literal["hcd", "lgg", "ham10000"]
    kind: Kind
    classes: Once[str] = Field(min_length=1)
    title: str
    balance: Literal["none", "resample", "class_weights"] = "none"
    head: Literal["paper", "linear"] = "paper"
    training: dict[str, Any] = Field({}, description="keys of `training` that differ for this task")

    @property
    def outputs(self) -> int:
        """Number of output channels: one per class, or a single foreground logit."""
        return len(self.classes) if self.kind == "classification" else 1


class Network(Model):
    """An architecture: a timm backbone, with a classification head or as the encoder of a U-Net."""

    timm: str
    title: str
    weights: str = Field("none", description="key of `weights`, or none for a random start")
    options: dict[str, Any] = Field({}, description="options of the timm builder")
    decoder_channels: tuple[Count, Count, Count, Count, Count] = (256, 128, 64, 32, 16)
    normalisation: Literal["weights", "unit"] = Field("weights", description="unit: divide by 255 only")
    stands_for: Literal["resnet50", "resnet18", "mobilenet"] | None = None


class Pair(Model):
    """Teacher and student architecture, and the tasks that they are run on."""

    teacher: str
    student: str
    tasks: Once[str] | None = Field(None, description="only these tasks; all if not given")


class OwnVariant(Model):
    """A user's own sharing graph."""

    teacher: TeacherMode
    supervised: dict[Annotated[str, Field(pattern=f"^{STUDENT_NAME}$")], Annotated[float, Field(ge=0)]] = Field(
        min_length=1
    )
    edges: list[OwnEdge] = []

    def graph(self) -> SharingGraph:
        """As a sharing graph; an online teacher learns from the labels with weight 1."""
        teacher = {"teacher": 1.0} if self.teacher is TeacherMode.ONLINE else {}
        edges = tuple(Edge(edge.source, edge.learner, edge.knowledge, edge.weight) for edge in self.edges)
        return SharingGraph(self.teacher, teacher | self.supervised, edges)

    @model_validator(mode="after")
    def _is_a_graph(self) -> "OwnVariant":
        self.graph()
        return self


class MethodChoice(Model):
    """How a method is run: a method of the package under its own or another name, or a user's own."""

    method: str | None = Field(
        None,
        description="a method of the package, or file.py:Class relative to the project; the entry's own name if not given",
    )
    title: str = Field("", description="in tables; the method's own if not given")
    tasks: Once[str] | None = Field(None, description="only these tasks; all of its kind if not given")
    options: dict[str, Any] = Field({}, description="of the method, its loss weights as weight_<term> among them")
    supervised: Annotated[float, Field(ge=0)] | None = Field(None, description="weight of the task's loss")
    kd: Annotated[float, Field(ge=0)] | None = Field(None, description="weight of plain distillation beside the method")
    kd_temperature: Positive = 4.0


class GridSearch(Model):
    """Which loss weights `snakemake grid_search` tries for every variant: all alphas of S1 with all of S2.

    Beta and gamma share the rest as in the paper's weights for the variant; those are tried too where the grid lacks them.
    Where the paper has none, they share it as in the configured ones.
    """

    alpha: Once[Annotated[float, Field(gt=0, lt=1)]] = Field([0.1, 0.2, 0.4], min_length=1)
    seeds: Once[Annotated[int, Field(ge=0)]] = Field([0], min_length=1)


class Split(Model):
    """Shares of training, validation and test, and whether all seeds see one split."""

    fractions: tuple[Fraction, Fraction, Fraction] = (0.75, 0.10, 0.15)
    seed: Annotated[int, Field(ge=0)] = 0
    per_seed: bool = Field(False, description="a split of its own for every seed, in place of one for all")

    @model_validator(mode="after")
    def _sums_to_one(self) -> "Split":
        if abs(sum(self.fractions) - 1) > 1e-9 or min(self.fractions) <= 0:
            raise ValueError("the three fractions must be above 0 and add up to 1")
        return self


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
    hyperparameters: Literal["paper", "even"] | Path = Field(
        "paper",
        description="alpha, beta, gamma: the paper's; even: the same weight for every term of a student's loss; or a CSV of the"
        " paper's form, as `snakemake grid_search` writes it, whose column `task` names a task of one's own by its key",
    )
    grid_search: GridSearch = GridSearch()
    variants: dict[Name, OwnVariant] = {}
    methods: dict[Name, MethodChoice] = {}
    datasets: dict[Literal["hcd", "lgg", "ham10000"], Dataset]
    tasks: dict[Name, Task]
    networks: dict[Name, Network]
    weights: dict[Name, Weights] = {}
    pairs: dict[Name, Pair]
    loader_workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    checkpoint_minutes: Positive = 10
    allow_mixed_code: bool = False

    @model_validator(mode="after")
    def _names_exist(self) -> "Experiment":
        for where, name, known in self._references():
            if name not in known:
                raise ValueError(f"{where}: '{name}' is not defined{_nearest(name, known)}")
        self._check_names()
        self._check_places()
        self._check_methods()
        for key, task in self.tasks.items():
            self.training_of(key)
            if task.kind == "segmentation" and task.balance != "none":
                raise ValueError(f"tasks.{key}.balance: only classification tasks can be balanced")
        return self

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
                raise ValueError(f"methods.{name}: {_not_a_method(method)}")
        if self.run.methods and not self.run.methods_at:
            raise ValueError("run.methods_at: name the task/pair at which `run.methods` are to run")

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
        for key, task in self.tasks.items():
            yield f"tasks.{key}.dataset", task.dataset, self.datasets
        for key, pair in self.pairs.items():
            yield f"pairs.{key}.teacher", pair.teacher, self.networks
            yield f"pairs.{key}.student", pair.student, self.networks
            yield from ((f"pairs.{key}.tasks", name, self.tasks) for name in pair.tasks or [])
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
            raise ValueError(f"tasks.{task}.training: {_describe(error.errors()[0], Training)}") from None


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
        UserError: lists every mistake by its key; unknown keys come with the nearest known one.
    """
    try:
        return Experiment.model_validate(dict(config))
    except ValidationError as error:
        mistakes = "\n".join(f"  - {_describe(one, Experiment)}" for one in error.errors())
        raise UserError(
            f"The configuration is not valid:\n{mistakes}", "mend these keys in your configuration file"
        ) from None


def _describe(mistake: Mapping[str, Any], model: type[BaseModel]) -> str:
    """One of pydantic's errors in plain words."""
    location = [str(part) for part in mistake["loc"] if not str(part).startswith(("function-", "literal", "lax-or"))]
    where = ".".join(location)
    if mistake["type"] == "extra_forbidden":
        known = _keys_at(model, mistake["loc"][:-1])
        return f"{where}: unknown key{_nearest(location[-1], known)}"
    if mistake["type"] == "missing":
        return f"{where}: this key is required"
    if mistake["type"] == "value_error":
        reason = str(mistake["ctx"]["error"])
        return f"{where}: {reason}" if where else reason
    return f"{where}: {mistake['msg'].lower()}, not {mistake['input']!r}"


def _keys_at(model: type[BaseModel], location: tuple) -> list[str]:
    """Names of the keys allowed at a place of the configuration."""
    schema = model.model_json_schema()
    node = schema
    for part in location:
        node = _resolve(node, schema)
        named = node.get("properties", {}).get(part)
        any_name = next(iter(node.get("patternProperties", {}).values()), None) or node.get("additionalProperties")
        node = named or any_name or node.get("items") or {}
    return list(_resolve(node, schema).get("properties", {}))


def _resolve(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def _not_a_method(method: str) -> str:
    if "/" in method or method.endswith(".py"):
        return f"`method: {method}` names a file without its class; write it as {method}:Class"
    return f"'{method}' is not a method{_nearest(method, METHODS)}; one of your own is written as file.py:Class"


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, [str(one) for one in known], n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; known are: {', '.join(map(str, known))}"


def schema_text() -> str:
    """JSON schema of the configuration, as committed in `workflow/schemas/config.schema.json`."""
    return json.dumps(Experiment.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
