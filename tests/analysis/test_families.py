"""Which contrasts are computed at a place, and within which families p is adjusted."""

import numpy as np
import pytest

from kdml.analysis import class_cells, families, metrics
from kdml.analysis.contrasts import Contrast, MeasuredRuns
from kdml.analysis.counts import Key, Measured, OfCounts
from kdml.analysis.statistics import holm

CLAIMED = [
    Contrast("ml_v3", "ml_v1", "ensemble", "label", "accuracy"),
    Contrast("kd_ml_v3", "sp", "ensemble", "label", "accuracy"),
]
VARIANTS = ("mine", "ml_v1", "kd_ml_v3", "kd_on_v2", "ml_v3", "kd_ml_v1")


def measured(name, wrong, networks=("s1", "s2", "ensemble")):
    """A run whose networks are wrong on so many of 60 cases; all metrics are of its classes."""
    right = np.arange(60) >= wrong
    cells = np.stack([right, ~right, np.zeros(60), np.zeros(60)], axis=1).astype(float)
    names = ("accuracy", "iou", "iou_per_group", "aurc_gain")
    functions = (class_cells.accuracy, metrics.iou, metrics.iou, class_cells.accuracy)
    measures = {
        Key(network, "label", metric): OfCounts(function, cells)
        for network in networks
        for metric, function in zip(names, functions, strict=True)
    }
    by_network = dict.fromkeys(networks, right)
    return Measured(name, 0, tuple(map(str, range(60))), 60, measures, by_network)


def rows(names, classes, of_methods=False, claimed=CLAIMED):
    runs = MeasuredRuns([measured(name, 2 * number + 1) for number, name in enumerate(names)])
    return list(families.rows(runs, claimed, classes, of_methods))


def asked(found, family):
    return [(row["right"], row["network"], row["metric"]) for row in found if row["family"] == family]


def test_the_proposed_variant_is_compared_with_every_other():
    """The paper's in its order, then the user's own; no network that was trained alone."""
    found = rows([*VARIANTS, "baseline_teacher", "baseline_student", "teacher"], 3)
    others = ["ml_v1", "ml_v3", "kd_on_v2", "kd_ml_v1", "mine"]
    assert asked(found, "reference") == [(other, "ensemble", "accuracy") for other in others]
    assert {row["left"] for row in found if row["family"] == "reference"} == {"kd_ml_v3"}
    assert asked(found, "alone") == [("baseline_student", network, "accuracy") for network in ("s1", "s2", "ensemble")]


@pytest.mark.parametrize(
    ("classes", "wanted"), [(2, ["accuracy", "auc"]), (7, ["accuracy"]), (0, ["iou", "iou_per_group"])]
)
def test_metrics_follow_the_task(classes, wanted):
    found = rows(["kd_ml_v3", "ml_v1", "baseline_student"], classes)
    assert asked(found, "reference") == [("ml_v1", "ensemble", metric) for metric in wanted]
    assert {metric for *_, metric in asked(found, "alone")} == {wanted[0]}


def test_claims_go_with_the_runs_that_they_are_about():
    assert asked(rows(VARIANTS, 3), "claims") == [("ml_v1", "ensemble", "accuracy")]
    found = rows(["kd_ml_v3", "sp", "own_method", "at"], 3, of_methods=True)
    assert asked(found, "claims") == [("sp", "ensemble", "accuracy")]
    assert asked(found, "methods") == [(name, "ensemble", "accuracy") for name in ("sp", "own_method", "at")]
    assert {row["family"] for row in found} == {"claims", "methods"}


def test_without_the_proposed_variant_there_are_the_claims_alone():
    found = rows(["ml_v1", "ml_v3", "baseline_student"], 3)
    assert {row["family"] for row in found} == {"claims", "referral"} and found[0]["estimate"] == pytest.approx(
        -100 * 2 / 60
    )
    assert "alone" not in {row["family"] for row in rows(["kd_ml_v3", "ml_v1"], 3)}


def test_diversified_knowledge_is_compared_with_its_own_technique_alone():
    """In what the disagreement of the students gains; not of methods, and not of what was not run."""
    names = ["ml_v1", "mine", "ml_v3", "kd_on_v3", "kd_ml_v3", "kd_ml_v2", "kd_ml_v1", "kd_off_v1"]
    found = [row for row in rows(names, 2) if row["family"] == "referral"]
    pairs = [("ml_v3", "ml_v1"), ("kd_ml_v3", "kd_ml_v1"), ("kd_ml_v3", "kd_ml_v2")]
    wanted = [(*pair, network) for pair in pairs for network in ("s1", "s2", "ensemble")]
    assert [(row["left"], row["right"], row["network"]) for row in found] == wanted
    assert {(row["truth"], row["metric"]) for row in found} == {("label", "aurc_gain")}
    # The stand-in of the gain falls by two cases in sixty from one run to the next.
    assert found[0]["estimate"] == pytest.approx(-100 * 2 * 2 / 60)
    assert [row["p_holm"] for row in found] == pytest.approx(holm([row["p"] for row in found]))
    assert not asked(rows(["kd_ml_v3", "kd_ml_v1", "sp"], 2, of_methods=True), "referral")


def test_p_is_adjusted_within_a_family_and_metric():
    """Those of claims are adjusted where they are judged."""
    found = rows(["kd_ml_v3", "ml_v1", "kd_on_v2", "baseline_student"], 0)
    for family, metric in (("reference", "iou"), ("alone", "iou")):
        mine = [row for row in found if (row["family"], row["metric"]) == (family, metric)]
        assert len(mine) > 1
        assert [row["p_holm"] for row in mine] == pytest.approx(holm([row["p"] for row in mine]), nan_ok=True)
        assert any(row["p_holm"] > row["p"] for row in mine)
    assert not any("p_holm" in row for row in found if row["family"] == "claims")
    assert all(set(row) <= set(families.COLUMNS) for row in found)
