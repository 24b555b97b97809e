"""What an experiment can detect: by known formulas where there are some, and from contrasts as they are written."""

import math

import numpy as np
import pytest
from scipy import stats

from kdml.analysis import power, statistics
from kdml.analysis.metrics import PRIMARY
from kdml.analysis.power import Design


def of_student(points, scatter, seeds, level):
    shift = points / (scatter / math.sqrt(seeds))
    return stats.nct.sf(stats.t.ppf(1 - level / 2, seeds - 1), seeds - 1, shift)


@pytest.mark.parametrize(("seeds", "scatter"), [(3, 1.0), (3, 2.0), (5, 1.5)])
@pytest.mark.parametrize("level", [0.05, 0.05 / 11])
def test_without_scatter_of_cases_it_is_the_power_of_students_t(seeds, scatter, level):
    found = Design(seeds, 3000, scatter, 0.0).power(2, level)
    assert found == pytest.approx(of_student(2, scatter, seeds, level), abs=0.012)


def test_of_one_seed_it_is_that_of_the_test_over_cases():
    found = Design(1, 3000, math.nan, 0.8).power(2, 0.05)
    assert found == pytest.approx(stats.norm.sf(stats.norm.ppf(0.975) - 2 / 0.8), abs=0.01)


def test_it_is_the_rule_that_decides_the_claims():
    """Experiments drawn one by one and judged by `statistics.wider`, with the bootstrap's normal form."""
    generator, design = np.random.default_rng(3), Design(3, 400, 0.6, 0.5)
    found = []
    for _ in range(1500):
        seen = 2 + 0.5 * generator.standard_normal() + 0.6 * generator.standard_normal(3)
        draws = seen[generator.integers(3, size=(400, 3))].mean(axis=1) + 0.5 * generator.standard_normal(400)
        over_both = statistics.percentile(float(seen.mean()), draws, 400)
        one = statistics.wider(over_both, statistics.paired_seeds(list(seen)))
        found.append(one.p < 0.05 and one.estimate > 0)
    assert design.power(2, 0.05) == pytest.approx(np.mean(found), abs=0.04)


def test_more_of_everything_detects_more():
    few = Design(3, 150, 2.0, 1.0)
    assert few.power(2, 0.05 / 11) < few.power(2, 0.05) < few.power(4, 0.05)
    assert few.power(2, 0.05) < Design(9, 150, 2.0, 1.0).power(2, 0.05)
    assert few.power(2, 0.05) < Design(3, 150, 2.0, 0.1).power(2, 0.05)
    smallest = few.detectable(0.05)
    assert few.power(smallest, 0.05) >= 0.8 > few.power(smallest - 0.1, 0.05)
    assert Design(3, 150, 500.0, 1.0).detectable(0.05) == math.inf


def row(right, by_seed, error="0.5", seeds="3", **changed):
    fixed = {"left": "kd_ml_v3", "right": right, "network": "ensemble", "truth": "label", "metric": "iou", "by_seed": by_seed,
             "cases_error": error, "seeds": seeds, "cases": "590", "groups": "17"}  # fmt: skip
    return fixed | changed


def test_the_design_of_a_place_is_read_from_its_pairs_of_variants():
    rows = [
        row("ml_v1", "1 2 3"),
        row("ml_v1", "1 2 3"),  # of two families
        row("ml_v2", "0 3 6", error="1.5"),
        row("baseline_student", "9 0 9"),
        row("ml_v1 ml_v2", "9 0 9"),
        row("ml_v3", "9 0 9", metric="f_score"),
        row("kd_on_v1", "9 0", seeds="2"),
        row("kd_on_v2", "", error=""),
    ]
    design, cases, pairs = power.of_contrasts(rows, "iou")
    assert (design.seeds, design.groups, cases, pairs) == (3, 17, 590, 2)
    assert design.scatter == pytest.approx(math.sqrt((1 + 9) / 2))
    assert design.cases_error == pytest.approx(math.sqrt((0.25 + 2.25) / 2))
    assert power.of_contrasts(rows[3:5], "iou") is None and power.described([], "iou", 0.05) == {}
    said = power.described(rows, "iou", 0.05)
    assert said["power_adjusted"] < said["power"] == design.power(2, 0.05)


def test_the_papers_teachers_and_runs_are_read_from_its_tables():
    found = power.of_paper("hcd", "resnet18", "accuracy", 0.05)
    assert found["table"] == 3 and found["paper_teachers_low"] < found["paper_teachers_high"]
    draws = np.random.default_rng(0).normal(0, found["paper_sd"], (4000, 2, 3)) + np.array([[2.0], [0.0]])
    tested = stats.ttest_ind(draws[:, 0], draws[:, 1], axis=1)
    assert found["paper_power"] == pytest.approx(np.mean((tested.pvalue < 0.05) & (tested.statistic > 0)), abs=0.02)
    assert power.of_paper("own", "resnet18", "accuracy", 0.05) == {}
    missing = list(power.not_run([{"place": "hcd/resnet18"}], PRIMARY, 0.05))
    assert [one["table"] for one in missing] == [4, 8, 9, 14, 15]
