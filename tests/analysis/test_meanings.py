"""What metrics are, in words: every metric has a sentence, of the kinds of tasks that have it."""

import pytest

from kdml.analysis.meanings import MEANINGS, meaning
from kdml.analysis.metrics import METRICS, TITLES
from kdml.analysis.regions import SIZES, SMALLEST


def test_every_metric_has_a_meaning_in_its_kind_of_task_and_nothing_else_has_one():
    assert all(one.name in MEANINGS[one.kind] for one in METRICS)
    assert {name for known in MEANINGS.values() for name in known} == TITLES.keys()
    measured = {(one.kind, one.name) for one in METRICS}
    names = {one.name for one in METRICS}
    assert all((kind, name) in measured for kind, known in MEANINGS.items() for name in known if name in names)


@pytest.mark.parametrize("name", ["found", *(f"found_{size}" for size in SIZES), "false_regions", "region_ece"])
def test_what_is_counted_in_regions_says_which_are_left_out(name):
    assert f"regions of fewer than {SMALLEST} pixels are left out" in meaning(name, "segmentation")


def test_a_class_of_masks_has_the_meaning_of_all():
    assert meaning("iou_of_class_2", "segmentation") == meaning("iou", "segmentation")
