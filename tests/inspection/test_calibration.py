"""Step times are measured with the real engine and networks, on images that nobody needs."""

import pytest
from small import SIZE, method_settings, settings_of, variant_graph

from kdml.inspection import calibration
from kdml.inspection.calibration import step_time
from kdml.runs.graph import single

NETWORKS = {"teacher", "s1", "s2"}


@pytest.mark.parametrize(("variant", "kind"), [("kd_ml_v3", "classification"), ("kd_off_v3", "segmentation")])
def test_a_variant_is_measured(variant, kind):
    found = step_time(settings_of(variant_graph(variant), kind, epochs=50), SIZE, "auto", "name")
    assert 0 < found.step < 10 and 0 < found.validation < 1 and found.stages == 1
    assert found.parameters.keys() == NETWORKS and all(count > 1000 for count in found.parameters.values())
    assert found.device.startswith("cpu") and found.example == "name" and not found.problem


def test_stages_of_a_method_are_counted():
    settings = method_settings("fitnet", choice={"options": {"stages": 2}})
    assert step_time(settings, SIZE, 0, "").stages == 2


def test_more_work_takes_longer():
    """Four times the pixels and three networks for one: whatever else the machine does."""
    small = step_time(settings_of(single("baseline"), epochs=1), SIZE, 0, "")
    large = step_time(settings_of(variant_graph("kd_ml_v3"), epochs=1), 4 * SIZE, 0, "")
    assert large.step > small.step and large.validation > small.validation


def test_what_cannot_be_trained_here_is_told():
    found = step_time(settings_of(single("baseline"), device="cuda"), SIZE, 0, "name")
    assert "torch sees no GPU" in found.problem and found.example == "name"


def test_only_later_steps_count(monkeypatch):
    times = iter([0, 50, 51, 52, 60, 0, 3, 6, 9, 11])
    monkeypatch.setattr(calibration.time, "perf_counter", lambda: next(times))
    clock = calibration._Clock("cpu")
    for _ in range(2):
        for _ in range(4):
            clock.step()
        clock.epoch()
    assert clock.validations == [8, 2] and clock.mean_step() == (1 + 1 + 3 + 3) / 4
