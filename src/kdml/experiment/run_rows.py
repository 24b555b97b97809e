"""Rows of a place's runs.csv: what analyses, tables and figures have to know of the runs, so that no command line carries it."""

from collections.abc import Iterator
from typing import Any

from kdml.experiment.paths import Paths
from kdml.experiment.places import Place, Places
from kdml.experiment.plan import Plan, Run
from kdml.paper import numbers
from kdml.runs.graph import BASELINE, TEACHER, VARIANTS
from kdml.runs.run_table import ALONE_SHEET, COLUMNS, METHODS_SHEET, SEPARATOR, TEACHER_SHEET, VARIANTS_SHEET


def run_rows(place: Place, places: Places, paths: Paths) -> list[dict[str, Any]]:
    """Rows of runs.csv (`kdml.runs.run_table.COLUMNS`).

    Args:
        place: whose runs are listed.
        places: of the experiment.
        paths: of its files.

    Raises:
        UserError: there are no alpha, beta, gamma for a variant.
    """
    facts = _facts(place, places.plan)
    return [dict.fromkeys(COLUMNS, "") | facts | row for row in _rows(place, places, paths)]


def _facts(place: Place, plan: Plan) -> dict[str, Any]:
    """What is the same for all runs of a place."""
    experiment = plan.experiment
    task, pair = experiment.tasks[place.task], experiment.pairs[place.pair]
    facts = {
        "protocol": place.protocol,
        "task": place.task,
        "task_title": task.title,
        "dataset": task.dataset,
        "kind": task.kind,
        "classes": SEPARATOR.join(task.classes),
        "metrics": SEPARATOR.join(numbers.metrics_of(place.task, task.kind)),
        "pair": place.pair,
    }
    for role, network in (("teacher", pair.teacher), ("student", pair.student)):
        stands_for = plan.papers_architecture(network) or ""
        title = experiment.networks[network].title
        facts |= {f"{role}_network": network, f"{role}_title": title, f"{role}_stands_for": stands_for}
    return facts


def _rows(place: Place, places: Places, paths: Paths) -> Iterator[dict[str, Any]]:
    titles = places.plan.method_titles()
    for run in places.variants_at(place):
        yield {"sheet": VARIANTS_SHEET, "run": run.run} | _of_variant(run, places, paths)
    for run in places.compared_at(place):
        named = {"sheet": METHODS_SHEET, "run": run.run, "title": titles.get(run.run, "")}
        yield named | (_of_variant(run, places, paths) if run.run in VARIANTS else _of_any(run, places, paths))
    for name, run in places.alone_at(place):
        yield {"sheet": ALONE_SHEET, "run": name} | _of_any(run, places, paths)
    for run in places.own_teachers_at(place):
        yield {"sheet": TEACHER_SHEET, "run": run.run} | _of_any(run, places, paths)


def _of_any(run: Run, places: Places, paths: Paths) -> dict[str, Any]:
    """What every run has."""
    single = run.run in (BASELINE, TEACHER)
    return {
        "teacher": "none" if single else str(places.plan.teacher_mode(run)),
        "taught": int(places.is_taught(run)),
        "seed": run.seed,
        "folder": paths.run(run),
        "split": paths.split(run.protocol, run.task, places.plan.split_seed(run)),
    }


def _of_variant(run: Run, places: Places, paths: Paths) -> dict[str, Any]:
    """What a variant has beyond that: technique and strategy, loss weights, the group and the reference of its CKA."""
    technique, strategy = VARIANTS.get(run.run, ("", ""))
    reference = places.reference_of(run)
    row = _of_any(run, places, paths) | {
        "title": "" if technique else run.run,
        "technique": technique,
        "strategy": strategy,
        "group": places.group_of(run),
        "reference": "" if reference is None else paths.run(reference),
    }
    if technique:
        for weights, prime in zip(places.plan.loss_weights(run), ("", "_prime"), strict=True):
            row |= {f"{name}{prime}": getattr(weights, name) for name in ("alpha", "beta", "gamma")}
    return row
