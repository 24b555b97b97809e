"""The card of exported students, in the form of Hugging Face's model cards: a head in YAML, and words."""

from collections.abc import Mapping, Sequence
from typing import Any

from kdml.analysis import meanings
from kdml.analysis.class_pixels import OF_CLASS
from kdml.analysis.metrics import TITLES, digits_scale_of
from kdml.analysis.subgroup_scores import TOO_FEW
from kdml.reporting import labels, leakage_table
from kdml.reporting.card_leakage import leaks
from kdml.reporting.card_subgroups import of_metrics
from kdml.reporting.cells import digits_of, number, with_interval
from kdml.reporting.one_answer import NO_BETTER, beside_one_answer
from kdml.reporting.templates import fill
from kdml.runs.graph import BASELINE

TASKS = {"classification": "image-classification", "segmentation": "image-segmentation"}
NO_ID = "none on the hub"  # where a data set's id is required: with spaces, so that it links to nobody's data
MEANS_OF_CLASSES = ("precision", "recall")  # which a reader would take for those of the positive class
ORDER = ("student", "student_int8", "ensemble", "ensemble_int8", "teacher")


def card(
    facts: Mapping[str, Any],
    scores: Sequence[Mapping[str, Any]],
    subgroups: Sequence[Mapping[str, Any]],
    latencies: Sequence[Mapping[str, Any]],
    leakage: Sequence[Mapping[str, Any]],
    price: Sequence[Mapping[str, Any]],
) -> str:
    """Write the card.

    Args:
        facts: what export.json says.
        scores: rows of scores.csv.
        subgroups: rows of subgroups.csv.
        latencies: rows of latency.csv.
        leakage: rows of the table of leakage, one per split of the exported networks.
        price: rows of int8.csv.
    """
    of_classes = (f"{name}{OF_CLASS}{number}" for number in range(1, 1 + len(facts["classes"])) for name in TITLES)
    metrics = [name for name in (*TITLES, *of_classes) if any(row["metric"] == name for row in scores)]
    models = [name for name in ORDER if any(row["model"] == name for row in scores)]
    return fill(
        "model_card.md.j2",
        head=_head(facts, scores),
        facts=facts,
        models=models,
        scores=[
            (_title(name, facts["classes"]), [_score(scores, model, name) for model in models]) for name in metrics
        ],
        subgroups=list(of_metrics(subgroups, models)),
        too_few=TOO_FEW,
        regions_left_out=meanings.LEFT_OUT,
        leaks=leaks(leakage),
        no_better=NO_BETTER,
        learned_nothing=_learned_nothing(scores),
        glossary=_glossary(facts, [*metrics, *(row["metric"] for row in price)]),
        meaning_of_t=meanings.T.removeprefix("T is "),
        latencies=sorted(latencies, key=lambda row: (row["threads"], ORDER.index(row["model"]))),
        integers=[
            (
                name,
                facts["models"][name]["int8"],
                *_prices([row for row in price if row["model"] == name], facts["classes"]),
            )
            for name in facts["models"]
        ],
        slower=_slower(latencies),
        certificates=[(labels.protocol(row["protocol"]), row["seed"], _said(row)) for row in leakage],
        title_of=labels.run,
        described=_described(facts["models"]),
    )


def _described(models: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Which networks of which run each model is, and how they were trained, in words; `of_one_run` where it is the same run."""
    said = {}
    for name, model in models.items():
        networks = " and ".join(labels.network(one) for one in model["networks"] if one != BASELINE)
        run = f"{labels.run(model['run'])} (seed {model['seed']})"
        said[name] = f"{networks} of {run}, {model['training']}" if networks else f"{run}, {model['training']}"
    runs = {(model["run"], model["seed"]) for model in models.values()}
    return said | {"of_one_run": len(runs) == 1}


def _title(metric: str, classes: Sequence[str]) -> str:
    """Title of a metric; of one class of masks with its name."""
    name, _, number = metric.partition(OF_CLASS)
    title = f"{TITLES[name]}, mean of classes" if name in MEANS_OF_CLASSES else TITLES[name]
    return f"{title}, {classes[int(number) - 1]}" if number else title


def _glossary(facts: Mapping[str, Any], metrics: Sequence[str]) -> list[tuple[str, str]]:
    """Title and meaning of every metric that the card shows, of classes of masks once."""
    names = sorted({name.partition(OF_CLASS)[0] for name in metrics}, key=labels.metric_order)
    return [(_title(name, facts["classes"]), meanings.meaning(name, facts["kind"])) for name in names]


def _learned_nothing(scores: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which models are no better than one answer for every image, in words."""
    return [
        f"{one.row['model']}: {TITLES[one.row['metric']]} {one.score:.1f} %, with one answer {one.of_one_answer:.1f} %"
        for one in beside_one_answer(scores, "value")
        if one.is_no_better
    ]


def _said(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is known of one split, in words."""
    (section,) = leakage_table.table([row], {}).sections
    return [(line.title, line.cells[0].text) for block in section.blocks for line in block.lines]


def _score(scores: Sequence[Mapping[str, Any]], model: str, metric: str) -> str:
    for row in scores:
        if (row["model"], row["metric"]) == (model, metric):
            return with_interval(
                row["value"], row["low"], row["high"], digits_of(row["cases"], digits_scale_of(metric))
            ).text
    return ""


def _prices(rows: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> tuple[list[tuple], list[tuple]]:
    """Price of one graph in integers, as cells: both values and their difference by metric; how far it says the same."""
    differences, same = [], []
    for row in sorted(rows, key=lambda row: labels.metric_order(row["metric"].partition(OF_CLASS)[0])):
        digits, title = digits_of(row["cases"], digits_scale_of(row["metric"])), _title(row["metric"], classes)
        if row["against"] == "label":
            values = [number(row[name], f".{digits}f").text for name in ("float32", "int8")]
            difference = with_interval(row["difference"], row["low"], row["high"], digits + 1).text
            differences.append((title, *values, difference, bool(row["worse"]), row["remark"]))
        else:
            same.append((title, with_interval(row["int8"], row["low"], row["high"], digits + 1).text))
    return differences, same


def _slower(latencies: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where integers take longer, in words."""
    median = {(row["model"], row["threads"]): row["median_ms"] for row in latencies}
    return [
        f"{name} with {labels.counted(threads, 'thread')}: {taken:.1f} ms in integers, {median[name, threads]:.1f} in float32"
        for (model, threads), taken in sorted(median.items())
        for name in [model.removesuffix("_int8")]
        if model != name and taken > median[name, threads]
    ]


def _head(facts: Mapping[str, Any], scores: Sequence[Mapping[str, Any]]) -> str:
    """YAML head; of the results those metrics that the task is judged by."""
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type=TASKS[facts["kind"]],
            dataset_type=f"{NO_ID} ({facts['dataset']})",
            dataset_name=facts["title"],
            dataset_config=facts["protocol"],
            dataset_split="test",
            metric_type=row["metric"],
            metric_name=f"{_title(row['metric'], facts['classes'])} (%), {row['model']}",
            metric_value=round(row["value"], 2),
        )
        for row in scores
        if row["metric"] in facts["metrics"] and row["model"] in facts["models"] and row["value"] == row["value"]
    ]
    licence = {"license": facts["licence"]}
    if facts["licence"] == "other":
        licence |= {"license_name": "terms-of-the-training-data"}
    data = ModelCardData(
        model_name=facts["name"],
        library_name="onnx",
        pipeline_tag=TASKS[facts["kind"]],
        tags=["knowledge-distillation", "biomedical", "onnx", facts["kind"]],
        metrics=list(facts["metrics"]),
        eval_results=results or None,
        ignore_metadata_errors=True,
        **licence,
    )
    return data.to_yaml()
