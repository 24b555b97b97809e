"""Step times are kept by class of cost, and read with care."""

import pytest
from small import settings_of, variant_graph

from kdml.common.errors import UserError
from kdml.runs import step_times
from kdml.runs.graph import TeacherMode
from kdml.runs.step_times import StepTime, cost_class

ONE = StepTime(0.1, 0.01, 1, {"s1": 100}, "a GPU", "x")


@pytest.mark.parametrize(
    ("changed", "same"),
    [({"seed": 9}, True), ({"supervised": {"s1": 0.9, "s2": 0.9}}, True), ({"kind": "segmentation"}, False), ({"teacher": TeacherMode.FROZEN}, False)],
)  # fmt: skip
def test_what_a_step_costs_depends_on_networks_and_not_on_weights(changed, same):
    settings = settings_of(variant_graph("kd_on_v3"))
    assert (cost_class(settings.model_copy(update=changed), 224) == cost_class(settings, 224)) == same
    assert cost_class(settings, 225) != cost_class(settings, 224)


def test_step_times_are_kept(tmp_path):
    path = tmp_path / "calibration.json"
    assert step_times.read(path) == {}
    step_times.write(path, {"a": ONE})
    assert step_times.read(path) == {"a": ONE}


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {}}', '{"a": {"step": "x"}}', '{"a": {"step": -1, "validation": 0, "stages": 1, "parameters": {}, "device": "", "example": ""}}'])  # fmt: skip
def test_damaged_step_times_are_told(tmp_path, text):
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"calibration\.json"):
        step_times.read(path)
