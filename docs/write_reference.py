"""Writes the reference pages that are made from the code: keys of the configuration, and metrics.

uv run python docs/write_reference.py; a test compares the pages with what the code says today.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from kdml.analysis import meanings
from kdml.analysis.metrics import METRICS, TITLES
from kdml.common.project import ROOT
from kdml.experiment.config import Experiment

PAGES = ROOT / "docs/reference"
MADE = "<!-- Made from the code by docs/write_reference.py (`make schema`): edit the code, not this page. -->"

# Keys whose models have no description of their own: of the whole configuration, and of all that decides a training, whose text
# belongs to the hash of the training code.
MEANINGS: Mapping[str, str] = {
    "experiment": "name of the folder `results/<experiment>/`; another name keeps another experiment's runs beside it",
    "description": "a line for the page and for the reports of Snakemake",
    "loader_workers": "processes that load images; results do not depend on it",
    "checkpoint_minutes": "time between two checkpoints of a training",
    "trainings_per_gpu": "trainings side by side on each GPU of this machine; results do not depend on it",
    "allow_mixed_code": "let tables mix runs of different versions of the training code; they are refused otherwise",
    "sharing.temperature": "of the softened predictions that are shared",
    "sharing.kl_direction": "`learner_first` is KL(learner, source), as the paper prints it; `source_first` is the usual form",
    "sharing.scale_by_t2": "multiply the loss of predictions by the squared temperature",
    "sharing.swap_students": "exchange S1 and S2: the paper's table 1 names them the other way round than its Eqs. 6 and 7",
    "sharing.classification_tap": "features of a classifier: output of the last stage or extra block, or its convolution before"
    " BatchNorm and ReLU",
    "sharing.segmentation_tap": "the features of a U-Net: first convolution of the decoder, or output of its first block",
    "sharing.teacher_block": "extra 1x1 convolution that brings a teacher to the student's width: `inside` the classifier; or"
    " `none`, with adaptors outside the networks",
    "training.epochs": "at most",
    "training.patience": "epochs without a better validation score of the students, after which training stops",
    "training.batch_size": "images per step",
    "training.learning_rate": "of Adam, at the start",
    "training.segmentation_loss": "`paper`: focal and Dice loss of Eq. 8, with a squared denominator; `stock`: as a common library"
    " has them",
    "training.focal_exponent": "tau in Eq. 8",
    "training.focal_reduction": "over pixels: Eq. 8 sums, which would drown the Dice term",
    "training.precision": "of the forward pass",
    "training.device": "`auto` takes a GPU if there is one",
    "training.deterministic": "the same bits at every repetition; on a GPU as far as CUDA can",
    "training.threads": "of a training on a CPU; changes rounding, so it is a setting",
    "training.schedule.factor": "of the learning rate, when the validation score stops rising; 1 keeps it constant",
    "training.schedule.patience": "epochs without a better score before that",
    "training.schedule.floor": "lowest learning rate",
    "training.augmentation.horizontal_flip": "probability",
    "training.augmentation.vertical_flip": "probability",
    "training.augmentation.transpose": "probability",
    "variants.edges.source": "network that sends: `teacher`, or one of the students",
    "variants.edges.learner": "student that learns from it",
    "variants.edges.knowledge": "what passes",
    "variants.edges.weight": "in the learner's loss",
}
NAMES = {"variants": "variant", "methods": "method", "datasets": "dataset", "tasks": "task", "networks": "network",
         "weights": "weights", "pairs": "pair"}  # fmt: skip


def cells(*texts: str) -> str:
    """A row of a Markdown table."""
    escaped = (text.replace("|", "\\|") for text in texts)
    return f"| {' | '.join(escaped)} |"


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return [cells(*head), f"|{'---|' * len(head)}", *(cells(*row) for row in rows), ""]


# Configuration


class Keys:
    """The page on the configuration, walked from its schema.

    Args:
        schema: JSON schema of the configuration.
        written: content of `config.yaml`.
    """

    def __init__(self, schema: Mapping[str, Any], written: Mapping[str, Any]):
        self.schema = schema
        self.written = written
        self.used: set[str] = set()  # of MEANINGS

    def page(self) -> str:
        """Text of the page.

        Raises:
            ValueError: a key has no meaning, or `MEANINGS` has one that nobody asks for.
        """
        lines = ["# Every key of the configuration", "", MADE, ""]
        lines += [
            "A file of your own is laid over `config.yaml` with `--configfile config.yaml mine.yaml`: mappings merge, lists are",
            "replaced as a whole. Unknown keys are refused. *Default* is what `config.yaml` says; in the entries of a section,",
            "what holds where the key is left out. A dash: the key must be given.",
            "",
        ]
        top = self.schema["properties"]
        plain = {key: one for key, one in top.items() if not self._models(one)}
        lines += ["## At the top", "", *self._table("", plain, self.written)]
        for key, one in top.items():
            if key not in plain:
                lines += self._section(key, one)
        if unused := MEANINGS.keys() - self.used:
            raise ValueError(f"no key of the configuration needs the meaning of {min(unused)}")
        return "\n".join(lines).rstrip() + "\n"

    def _model(self, one: Mapping[str, Any]) -> dict[str, Any] | None:
        """The model that a property refers to."""
        name = one.get("$ref", "").rpartition("/")[2]
        found = self.schema["$defs"].get(name)
        return found if found and "properties" in found else None

    def _models(self, one: Mapping[str, Any]) -> dict[str, Any] | None:
        """The model of a property, or of its entries."""
        entries = one.get("additionalProperties") or one.get("items")
        patterns = list(one.get("patternProperties", {}).values())
        inside = patterns[0] if patterns else entries
        return self._model(one) or (self._model(inside) if isinstance(inside, Mapping) else None)

    def _section(self, path: str, one: Mapping[str, Any], level: int = 2) -> Iterator[str]:
        """Heading, sentence and keys of a model, then those of the models in it."""
        model = self._models(one) or {}
        of_entries = self._model(one) is None
        title = ": ".join(path.split(".")) + ":"
        entry = f" an entry for each {NAMES[path]}" if of_entries and path in NAMES else " a list" if of_entries else ""
        yield from (f"{'#' * level} `{title}`{entry}", "")
        said = " ".join(model.get("description", "").split())
        if said:
            yield from (said, "")
        written = self.written
        for part in path.split("."):
            written = {} if of_entries else written.get(part, {})
        yield from self._table(path, model["properties"], written, model.get("required", ()))
        for key, inner in model["properties"].items():
            if self._models(inner):
                yield from self._section(f"{path}.{key}", inner, level + 1)

    def _table(
        self, path: str, properties: Mapping[str, Any], written: Mapping[str, Any], required: Sequence[str] = ()
    ) -> list[str]:
        rows = []
        for key, one in properties.items():
            if self._models(one) and path:
                kind = "section" if self._model(one) else self._type(one)
                rows.append((f"`{key}`", kind, "", self._meaning(path, key, one, "below")))
                continue
            default = written[key] if key in written else one.get("default", ...)
            shown = "-" if default is ... or key in required else _value(default)
            rows.append((f"`{key}`", self._type(one), shown, self._meaning(path, key, one)))
        return grid(("key", "type", "default", "meaning"), rows)

    def _meaning(self, path: str, key: str, one: Mapping[str, Any], otherwise: str = "") -> str:
        full = f"{path}.{key}" if path else key
        own = one.get("description", "")
        if own and full in MEANINGS:
            raise ValueError(f"{full} has a description of its own")
        if full in MEANINGS:
            self.used.add(full)
        meaning = own or MEANINGS.get(full, otherwise)
        if not meaning:
            raise ValueError(f"{full} has no meaning: describe it in its model, or here in MEANINGS")
        return meaning

    def _type(self, one: Mapping[str, Any]) -> str:
        """What a value may be, in words."""
        if "$ref" in one:
            found = self.schema["$defs"][one["$ref"].rpartition("/")[2]]
            return "mapping" if "properties" in found else self._type(found)
        if "anyOf" in one:
            return " or ".join("empty" if part.get("type") == "null" else self._type(part) for part in one["anyOf"])
        if "enum" in one or "const" in one:
            return ", ".join(f"`{value}`" for value in one.get("enum", [one.get("const")]))
        if one.get("type") == "array":
            return self._list(one)
        if one.get("type") in ("integer", "number"):
            return one["type"] + _bounds(one)
        if one.get("type") == "object":
            return self._mapping(one)
        return {"boolean": "true, false", "string": "path" if one.get("format") == "path" else "text"}[one["type"]]

    def _list(self, one: Mapping[str, Any]) -> str:
        if "prefixItems" in one:
            return f"{len(one['prefixItems'])} times {self._type(one['prefixItems'][0])}"
        return f"list of {self._type(one['items'])}"

    def _mapping(self, one: Mapping[str, Any]) -> str:
        inside = next(iter(one.get("patternProperties", {}).values()), one.get("additionalProperties"))
        return f"name: {self._type(inside)}" if isinstance(inside, Mapping) else "mapping"


def _bounds(one: Mapping[str, Any]) -> str:
    if {"minimum", "maximum"} <= one.keys():
        return f" from {one['minimum']:g} to {one['maximum']:g}"
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    said = [f"{word} {one[bound]:g}" for bound, word in words.items() if bound in one]
    return f" {' and '.join(said)}" if said else ""


def _value(value: Any) -> str:
    if value is None or value == "":
        return "empty"
    return f"`{json.dumps(value, ensure_ascii=False)}`" if not isinstance(value, str) else f"`{value}`"


def configuration() -> str:
    """The page on the configuration."""
    return Keys(Experiment.model_json_schema(), config_yaml()).page()


def config_yaml() -> dict[str, Any]:
    """Content of the project's configuration."""
    return yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


# Metrics


def metrics() -> str:
    """The page on metrics."""
    against = {"label": "truth", "teacher": "teacher"}
    lines = ["# Metrics", "", MADE, ""]
    lines += [
        "Every metric of a test set is a function of counts, summed over cases and divided once. Against the *truth* it is in the",
        "sheets `variants`, `methods`, `alone` and `teacher`, against the *teacher* of the same run in the sheet `fidelity`",
        "([files](../../results/README.md)). *Primary*: what a kind of task is judged by where only one number fits. The module",
        "`src/kdml/analysis/metrics.py` says what counts where a class or a lesion is absent.",
        "",
        "With two classes the *positive* one is the second. A *region* is a connected part of a mask, diagonal neighbours",
        f"included. {meanings.T}.",
        "",
        "Definitions of classes are scikit-learn's, which the tests compare with; outlines are compared by SciPy's exact",
        "distance transform, in millimetres (`_mm`) where [the spacing](../how-to/own_task.md#how-large-pixels-are) of every",
        "picture of a data set is known. Differences of the AUC of two classes have DeLong's interval over cases.",
        "",
        "Of [masks with several classes](../how-to/own_task.md#masks-of-several-classes) all are means over the classes but the",
        "background, each against the rest. With `_of_class_1` and so on, `iou`, `f_score` and `found` are of one of them.",
        "",
    ]
    for kind in dict.fromkeys(metric.kind for metric in METRICS):
        rows = [
            (
                f"`{one.name}`", one.title, " and ".join(against[truth] for truth in one.truths), one.unit,
                "higher" if one.higher_is_better else "lower", "yes" if one.is_primary else "", meanings.meaning(one.name, kind),
            )
            for one in METRICS if one.kind == kind
        ]  # fmt: skip
        lines += [f"## {kind.capitalize()}", ""]
        lines += grid(("name in files", "title", "against", "unit", "better", "primary", "what"), rows)
    measured = {one.name for one in METRICS}
    lines += ["## Measured otherwise", ""]
    kinds_of = {name: [kind for kind, known in meanings.MEANINGS.items() if name in known] for name in TITLES}
    rows = [
        (f"`{name}`", TITLES[name], " and ".join(kinds), "%", meanings.meaning(name, kinds[0]))
        for name, kinds in kinds_of.items()
        if name not in measured
    ]
    return "\n".join(lines + grid(("name in files", "title", "of", "unit", "what"), rows)).rstrip() + "\n"


WRITTEN: Mapping[str, Callable[[], str]] = {
    "configuration.md": configuration,
    "metrics.md": metrics,
}


def main() -> None:
    """Write all pages, into docs/reference unless told otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PAGES)
    out = parser.parse_args().out
    for name, text in WRITTEN.items():
        (out / name).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
