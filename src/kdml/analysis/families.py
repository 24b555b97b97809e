"""Contrasts that are computed at a place, in families within which p is adjusted: of the claims, of the proposed variant, and of
what diversified knowledge makes of the students' disagreement."""

from collections.abc import Iterator, Sequence
from typing import Any

from kdml.analysis.contrasts import Contrast, MeasuredRuns, runs_in
from kdml.analysis.metrics import AUC, AURC_GAIN, PRIMARY
from kdml.analysis.statistics import holm
from kdml.runs.graph import ENSEMBLE, PROPOSED, STRATEGIES, STUDENTS, TEACHER, TECHNIQUES, VARIANTS
from kdml.runs.methods import METHODS
from kdml.runs.run_table import BASELINE_RUNS, BASELINE_STUDENT

CLAIMS = "claims"  # adjusted where they are judged, over all contrasts of a claim
REFERRAL = "referral"
DIVERSIFIED = "v3"  # the strategy with different knowledge for each student
COLUMNS = (
    "family", "left", "right", "network", "truth", "metric", "estimate", "low", "high", "p", "p_holm", "seeds", "cases", "groups",
    "by_seed", "both_low", "both_high", "p_both", "seeds_low", "seeds_high", "p_seeds", "seeds_ahead", "cases_error", "test",
    "p_cases", "remark",
)  # fmt: skip


def rows(runs: MeasuredRuns, claimed: Sequence[Contrast], classes: int, of_methods: bool) -> Iterator[dict[str, Any]]:
    """Rows of contrasts.csv, p adjusted within each family and metric.

    Args:
        runs: of the place.
        claimed: contrasts that the claims ask for there.
        classes: of the task; 0 for segmentation.
        of_methods: the runs are published methods, and beside them the proposed variant; else variants and networks trained alone.
    """
    for family, wanted in _families(list(runs.runs), claimed, classes, of_methods).items():
        mine = [{"family": family} | runs.contrast(contrast) for contrast in wanted]
        for metric in dict.fromkeys(row["metric"] for row in mine if family != CLAIMS):
            tests = [row for row in mine if row["metric"] == metric]
            for row, p in zip(tests, holm([row["p"] for row in tests]), strict=True):
                row["p_holm"] = p
        yield from mine


def _families(
    names: list[str], claimed: Sequence[Contrast], classes: int, of_methods: bool
) -> dict[str, list[Contrast]]:
    found = {CLAIMS: [one for one in claimed if METHODS.keys().isdisjoint(runs_in(one.right)) != of_methods]}
    if not of_methods:
        found[REFERRAL] = _of_disagreement(names)
    if PROPOSED not in names:
        return found
    if of_methods:
        return found | {"methods": _against_others(names, classes)}
    metric = PRIMARY["classification" if classes else "segmentation"]
    return found | {"reference": _against_others(names, classes), "alone": _against_student_alone(names, metric)}


def _of_disagreement(names: list[str]) -> list[Contrast]:
    """V3 against the other strategies of the same technique: does the students' disagreement gain more over a network's own
    uncertainty, as a signal of when to ask a person? An ensemble's own uncertainty holds much of the disagreement already, that
    of a student nothing, so both are asked."""
    return [
        Contrast(left, right, network, "label", AURC_GAIN)
        for technique in TECHNIQUES
        for left in [f"{technique}_{DIVERSIFIED}"]
        for right in (f"{technique}_{strategy}" for strategy in STRATEGIES)
        if left != right and {left, right} <= set(names)
        for network in (*STUDENTS, ENSEMBLE)
    ]


def _against_others(names: list[str], classes: int) -> list[Contrast]:
    """The proposed variant against every other run with students."""
    metrics = ["iou", "iou_per_group"] if classes == 0 else ["accuracy", AUC] if classes == 2 else ["accuracy"]
    others = [name for name in names if name not in (PROPOSED, TEACHER, *BASELINE_RUNS)]
    order = list(VARIANTS)
    others.sort(key=lambda name: order.index(name) if name in order else len(order))  # others stay as they come
    return [Contrast(PROPOSED, other, ENSEMBLE, "label", metric) for metric in metrics for other in others]


def _against_student_alone(names: list[str], metric: str) -> list[Contrast]:
    """Every network of the proposed variant against the student trained alone: does distillation help at all?"""
    if BASELINE_STUDENT not in names:
        return []
    return [Contrast(PROPOSED, BASELINE_STUDENT, network, "label", metric) for network in (*STUDENTS, ENSEMBLE)]
