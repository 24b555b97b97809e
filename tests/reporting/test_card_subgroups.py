"""The part of a model card on subgroups: the worst first, every score with its interval, and what is not known in words."""

import math

import pytest

from kdml.analysis.meanings import LEFT_OUT
from kdml.analysis.subgroup_scores import TOO_FEW, UNDEFINED
from kdml.reporting.card_subgroups import of_metrics
from kdml.reporting.templates import fill

MODELS = ("student", "ensemble")
RECORDED = {"subgroups": ["site"], "codes": [], "none": ["note (87 values)"], "missing": ["age", "institution"]}


def row(model, subgroup, value, metric="accuracy", cases=40, worst=0, remark="", attribute="site"):
    ends = {"low": math.nan, "high": math.nan} if math.isnan(value) else {"low": value - 20, "high": value + 5}
    keys = {
        "model": model,
        "metric": metric,
        "attribute": attribute,
        "subgroup": subgroup,
        "cases": cases,
        "groups": 12,
    }
    return keys | {"value": value, **ends, "level": 0.99, "worst": worst, "remark": remark}


ROWS = [
    row("student", "back", 61.25, worst=1), row("student", "a|face", 90.0), row("student", "ear", math.nan, cases=9, remark=TOO_FEW),
    row("ensemble", "back", 75.0, cases=38), row("ensemble", "a|face", 70.5, worst=1), row("ensemble", "ear", math.nan, cases=8, remark=TOO_FEW),
]  # fmt: skip


def said(rows=ROWS, recorded=RECORDED, kind="classification"):
    facts = {"kind": kind, "recorded": recorded}
    parts = list(of_metrics(rows, MODELS))
    words = {"too_few": TOO_FEW, "regions_left_out": LEFT_OUT}
    return fill("card_subgroups.md.j2", facts=facts, models=MODELS, subgroups=parts, **words)


def test_the_worst_of_each_network_stands_first_and_all_have_intervals():
    text = said()
    assert "- Worst of the student, Accuracy: **site: back**, 61.2 [41, 66] (40 cases of 12 groups)." in text
    assert "- Worst of the ensemble, Accuracy: **site: a\\|face**, 70.5 [50, 76] (40 cases of 12 groups)." in text
    lines = text.splitlines()
    table = lines.index("| Accuracy of 2 subgroups | cases | groups | student | ensemble |")
    assert lines[table - 1] == "" and lines[table + 1] == "|---|--:|--:|--:|--:|"
    assert lines[table + 2] == "| site: back | 38–40 | 12 | 61.2 [41, 66] | 75.0 [55, 80] |"
    assert lines[table + 3] == "| site: a\\|face | 40 | 12 | 90.0 [70, 95] | 70.5 [50, 76] |" and lines[table + 4] == ""


def test_where_all_subgroups_are_equal_none_is_called_the_worst():
    equal = [row("student", name, 100.0) for name in ("back", "face")]
    text = said([*equal, row("student", "ear", math.nan, cases=9, remark=TOO_FEW), *ROWS[3:]])
    assert "- None is worst of the student, Accuracy: all subgroups have 100.0." in text
    assert "Worst of the student" not in text and "None is worst of the ensemble" not in text
    assert "None is worst" not in said() + said([row("student", "back", 61.25)])


def test_what_is_not_known_is_said():
    text = said()
    assert f"because they have {TOO_FEW}: site: ear (8–9). Of these nothing is known." in text
    assert "**Not recorded: age, institution.** Scores by these are unknown." in text
    assert "one value or too many to divide by: note (87 values)." in text
    nothing = said([], {"subgroups": [], "codes": [], "none": [], "missing": ["sex", "age"]})
    assert "**The test set has nothing that could be divided into subgroups.**" in nothing
    assert "**Nothing that divides them is recorded" in nothing and "Not recorded: sex, age." in nothing
    assert "Not recorded" not in said(recorded=RECORDED | {"missing": []})


def test_codes_without_a_key_are_called_so_and_regions_that_are_left_out_are_named():
    assert "codes of the archive" not in said() and LEFT_OUT not in said()
    text = said(recorded=RECORDED | {"codes": ["sex", "grade"]}, kind="segmentation")
    assert "Of sex, grade the values are the codes of the archive, which gives no key" in text and LEFT_OUT in text


@pytest.mark.parametrize(("metric", "title"), [("iou", "IoU"), ("found", "Regions found")])
def test_of_masks_every_metric_has_a_table(metric, title):
    undefined = row("student", "face", math.nan, metric, remark=UNDEFINED)
    text = said([*ROWS, row("student", "back", 50.0, metric), undefined], kind="segmentation")
    assert f"| {title} of 2 subgroups | cases | groups | student | ensemble |" in text
    assert "| site: face | 40 | 12 | – | – |" in text and f"- site: face, student: {UNDEFINED}." in text
    assert "regions of a subgroup that are found" in text
