"""The part of a model card on subgroups of the test pictures: the scores of each, the worst, and what is not known of them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kdml.analysis.subgroup_scores import TOO_FEW
from kdml.reporting import labels
from kdml.reporting.cells import digits_of, number, with_interval
from kdml.reporting.table_model import NOTHING

Row = Mapping[str, Any]


class OfMetric(NamedTuple):
    """A metric in subgroups, in words.

    Args:
        title: of the metric.
        together: number of subgroups whose intervals hold together.
        worst: of each model: its name, the subgroup, the score there with its interval, and its cases and groups.
        alike: models with the same score in all subgroups, and it.
        lines: subgroup, cases, groups, and the score of each model with its interval.
        left_out: subgroups with too few cases, with their number.
        remarks: what else is to be known.
    """

    title: str
    together: int
    worst: list[tuple[str, str, str, str]]
    alike: list[tuple[str, str]]
    lines: list[tuple[str, str, str, list[str]]]
    left_out: list[str]
    remarks: list[str]


def of_metrics(rows: Sequence[Row], models: Sequence[str]) -> Iterator[OfMetric]:
    """Parts of a card, one per metric.

    Args:
        rows: of subgroups.csv.
        models: names of the exported networks, in the order of the card's columns.
    """
    for metric in dict.fromkeys(row["metric"] for row in rows):
        mine = [row for row in rows if row["metric"] == metric]
        found = {(name, row["model"]): row for row in mine for name in [_name(row)]}
        names = dict.fromkeys(name for name, _ in found)
        of_names = {name: [found[name, model] for model in models if (name, model) in found] for name in names}
        shown = {name: of for name, of in of_names.items() if any(row["remark"] != TOO_FEW for row in of)}
        worst = [row for model in models for row in mine if (row["model"], row["worst"]) == (model, 1)]
        said = [row for of in shown.values() for row in of if row["remark"] and row["remark"] != TOO_FEW]
        yield OfMetric(
            labels.metric(metric),
            len(shown),
            [(row["model"], _name(row), _score(row), _size(row)) for row in worst],
            _alike(mine, [model for model in models if model not in {row["model"] for row in worst}]),
            [
                (
                    name,
                    _range(of, "cases"),
                    _range(of, "groups"),
                    [_score(found.get((name, model))) for model in models],
                )
                for name, of in shown.items()
            ],
            [f"{name} ({_range(of, 'cases')})" for name, of in of_names.items() if name not in shown],
            _remarks(said, len(models)),
        )


def _alike(rows: Sequence[Row], models: Sequence[str]) -> list[tuple[str, str]]:
    """Models without a worst subgroup that have several, and the score that all of them have."""
    known = {model: [row for row in rows if row["model"] == model and not math.isnan(row["value"])] for model in models}
    return [
        (model, number(of[0]["value"], f".{max(digits_of(row['cases']) for row in of)}f").text)
        for model, of in known.items()
        if of[1:]
    ]


def _size(row: Row) -> str:
    return f"{labels.counted(row['cases'], 'case')} of {labels.counted(row['groups'], 'group')}"


def _remarks(rows: Sequence[Row], models: int) -> list[str]:
    """What is said of subgroups, once for all models of which it holds."""
    of: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        of.setdefault((_name(row), row["remark"]), []).append(row["model"])
    return [
        f"{name}{'' if len(mine) == models else ', ' + ', '.join(mine)}: {remark}"
        for (name, remark), mine in of.items()
    ]


def _name(row: Row) -> str:
    return f"{row['attribute']}: {row['subgroup']}"


def _range(rows: Sequence[Row], what: str) -> str:
    """A number that is equal for all networks, or from the fewest to the most where they have test sets of their own."""
    counts = sorted({int(row[what]) for row in rows})
    return f"{counts[0]}–{counts[-1]}" if counts[1:] else str(counts[0])


def _score(row: Row | None) -> str:
    if row is None or math.isnan(row["value"]):
        return NOTHING
    return with_interval(row["value"], row["low"], row["high"], digits_of(row["cases"])).text
