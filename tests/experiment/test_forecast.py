"""What an experiment will cost: sums that can be done by hand, from a calibration or from finished trainings."""

import json
from dataclasses import replace

import pytest
from experiments import plan_of

from kdml.experiment.forecast import Forecast, Pictures, pictures_of
from kdml.experiment.paths import Paths
from kdml.experiment.states import Standing, State, trainings_of
from kdml.runs.progress import Position
from kdml.runs.step_times import StepTime, cost_class

PATHS = Paths("mine")
RUN = {"tasks": ["hcd"], "pairs": ["resnet50-resnet18"], "techniques": ["ml", "kd_off"], "strategies": ["v1", "v3"], "methods": ["at"], "seeds": [0, 1]}  # fmt: skip
PLAN = plan_of(RUN)  # 200 epochs in batches of 8
TRAININGS = trainings_of(PLAN, PATHS)
PICTURES = {"hcd": Pictures(224, 1000, 750, 100, 150, True)}
STEPS = 94  # of 750 images
WAITING = [Standing(training, State.WAITING) for training in TRAININGS]


def calibrated(seconds=0.1, validation=0.01, **changed):
    """The same step time for every class of cost."""
    keys = {cost_class(one.settings, 224) for one in TRAININGS}
    one = StepTime(seconds, validation, 1, {"s1": 100, "s2": 100, "teacher": 1000, "baseline": 500}, "a GPU", "x")
    return dict.fromkeys(keys, replace(one, **changed))


def finished(standing, epochs, seconds, images=750):
    record = {
        "epochs": epochs, "seconds": seconds, "images": {"train": images}, "parameters": {"s1": 7, "s2": 7, "baseline": 7, "teacher": 9},
        "device": "another GPU",
    }  # fmt: skip
    return replace(standing, state=State.DONE, record=record)


def of(forecast, name):
    return next(cost for cost in forecast.costs if name in cost.standing.training.name)


def test_nothing_is_guessed_where_nothing_was_measured():
    found = Forecast(PLAN, WAITING, PICTURES, {})
    assert len(found.costs) == len(found.unknown) == len(TRAININGS) == 2 * (4 + 1 + 2 + 1)
    assert {cost.seconds for cost in found.costs} == {None} and found.share_of_epochs is None and found.devices == []
    assert {(cost.steps, cost.epochs, cost.left) for cost in found.costs} == {(STEPS, 200, 200)}
    assert found.disk()["weights"] is None and found.disk()["data"] == 0


def test_steps_and_validation_make_an_epoch():
    found = Forecast(PLAN, WAITING, PICTURES, calibrated())
    epoch = STEPS * 0.1 + 100 * 0.01
    assert {round(cost.epoch_seconds, 6) for cost in found.costs} == {epoch}
    assert found.seconds == pytest.approx(200 * epoch * len(TRAININGS))
    assert {cost.basis for cost in found.costs} == {"calibration"} and found.devices == ["a GPU"]


def test_stages_have_all_their_epochs():
    assert {cost.epochs for cost in Forecast(PLAN, WAITING, PICTURES, calibrated(stages=2)).costs} == {400}
    two = plan_of(RUN | {"methods": ["twice"]}, methods={"twice": {"method": "fitnet", "options": {"stages": 2}}})
    trainings = [one for one in trainings_of(two, PATHS) if one.run.run == "twice"]
    found = Forecast(two, [Standing(one, State.WAITING) for one in trainings], PICTURES, {})
    assert {cost.epochs for cost in found.costs} == {400}


def test_what_could_not_be_measured_is_not_known():
    found = Forecast(PLAN, WAITING, PICTURES, calibrated(problem="no memory", stages=5, parameters={}))
    assert len(found.unknown) == len(TRAININGS) and found.disk()["weights"] is None
    assert {cost.epochs for cost in found.costs} == {200}


def test_finished_trainings_are_the_better_measure():
    """A second for an epoch; of V3 too, because its networks are those of V1."""
    standings = [finished(one, 50, 50.0) if "ml_v1/seed-0" in one.training.name else one for one in WAITING]
    found = Forecast(PLAN, standings, PICTURES, calibrated())
    cost = of(found, "ml_v3/seed-1")
    assert (cost.basis, cost.epoch_seconds, cost.seconds) == ("finished", pytest.approx(1.0), pytest.approx(200.0))
    assert of(found, "kd_off_v1").basis == "calibration" and len(found.costs) == len(TRAININGS) - 1
    assert found.share_of_epochs == 0.25 and found.devices == ["a GPU", "another GPU"]


def test_twice_the_images_take_twice_the_time():
    standings = [finished(one, 50, 50.0, images=375) if "ml_v1/seed-0" in one.training.name else one for one in WAITING]
    assert of(Forecast(PLAN, standings, PICTURES, {}), "ml_v3").epoch_seconds == pytest.approx(2.0)


def test_one_at_work_knows_best():
    position = Position(50, 200, {}, 0, 0, 70.0)
    running = replace(WAITING[-1], state=State.RUNNING, position=position, silent_for=10.0)
    cost = Forecast(PLAN, [running], PICTURES, calibrated()).costs[0]
    assert (cost.seconds, cost.basis, cost.left) == (60.0, "itself", 150)
    interrupted = replace(running, state=State.INTERRUPTED)
    cost = Forecast(PLAN, [interrupted], PICTURES, calibrated()).costs[0]
    assert (cost.seconds, cost.basis) == (pytest.approx(150 * 10.4), "calibration")
    stale = replace(running, state=State.STALE)
    assert Forecast(PLAN, [stale], PICTURES, calibrated()).costs[0].left == 200


def test_disk():
    found = Forecast(PLAN, WAITING, {"hcd": replace(PICTURES["hcd"], counted=False)}, calibrated())
    kinds = {"baseline": (500, 1), "teacher": (1000, 1), "at": (100, 2), "ml_v1": (200, 2), "ml_v3": (200, 2), "kd_off_v1": (200, 3), "kd_off_v3": (200, 3)}  # fmt: skip
    trained = sum(kinds[one.run.run][0] for one in TRAININGS)
    outputs = sum(kinds[one.run.run][1] for one in TRAININGS) * (100 + 150) * 2
    assert found.disk() == {
        "data": 1000 * 224 * 224 * 3, "weights": 4 * trained, "predictions": 4 * outputs, "checkpoint of each training under way": 4 * 4 * 1000,
    }  # fmt: skip


def test_trials_of_a_search_keep_no_weights_and_no_predictions():
    trials = [replace(one, training=replace(one.training, trial="alpha-0.1-0.2")) for one in WAITING]
    found = Forecast(PLAN, trials, PICTURES, calibrated())
    assert (
        (found.disk()["weights"], found.disk()["predictions"]) == (0, 0)
        and found.seconds > 0
        and not list(found.savings())
    )


def test_savings():
    found = Forecast(PLAN, WAITING, PICTURES, calibrated())
    each = 200 * 10.4
    saved = {change: (trainings, seconds) for change, trainings, seconds in found.savings()}
    expected = {
        "baselines: false": 2,  # the teacher's stays: AT distils from it
        "seeds without 1": 8,
        "methods: []": 2,
        "techniques without ml": 4,
        "techniques without kd_off": 6,  # and its teachers
        "strategies without v1": 4,
        "strategies without v3": 4,
    }
    assert {change: trainings for change, (trainings, _) in saved.items()} == expected
    assert all(seconds == pytest.approx(trainings * each) for trainings, seconds in saved.values())


def test_what_is_finished_saves_nothing():
    standings = [finished(one, 200, 1.0) if one.training.run.seed == 1 else one for one in WAITING]
    assert "seeds without 1" not in {change for change, _, _ in Forecast(PLAN, standings, PICTURES, {}).savings()}


def test_classes_to_calibrate_are_few_and_not_finished():
    found = Forecast(PLAN, WAITING, PICTURES, {})
    names = {one.training.run.run for one in found.classes().values()}
    assert (
        names == {"baseline", "teacher", "at", "ml_v3", "kd_off_v3"} and len(found.classes()) == 6
    )  # two of them baselines
    standings = [finished(one, 1, 1.0) if one.training.run.run == "at" else one for one in WAITING]
    assert len(Forecast(PLAN, standings, PICTURES, {}).classes()) == 5


@pytest.mark.parametrize(
    ("report", "total", "counted"), [(None, 20_000, False), ('{"kept": 300}', 300, True), ("{", 20_000, False)]
)
def test_images_are_counted_or_taken_as_published(tmp_path, report, total, counted):
    if report is not None:
        (tmp_path / "results/mine/data/hcd").mkdir(parents=True)
        (tmp_path / "results/mine/data/hcd/report.json").write_text(report)
    found = pictures_of(PLAN.experiment, PATHS, "hcd", tmp_path)
    parts = (round(0.75 * total), round(0.10 * total), round(0.15 * total))
    assert found == Pictures(224, total, *parts, counted)


def test_drawn_images_are_as_many_as_configured(tmp_path):
    plan = plan_of(RUN, archives="demo", datasets={"hcd": {"image_size": 64, "demo_images": 400, "subset": 300}})
    assert pictures_of(plan.experiment, PATHS, "hcd", tmp_path).total == 300


def test_a_forecast_is_json():
    found = Forecast(PLAN, WAITING, PICTURES, calibrated()).as_rows()
    assert json.loads(json.dumps(found)) == found and found["trainings"] == len(found["costs"]) == len(TRAININGS)
