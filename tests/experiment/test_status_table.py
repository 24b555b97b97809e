"""What people see of standings: a line and a table of counts, and all that is known of what needs a look."""

from dataclasses import replace

import pytest
from experiments import plan_of
from rich.console import Console, Group

from kdml.common.errors import UserError
from kdml.common.locks import Holder
from kdml.experiment import status_table
from kdml.experiment.forecast import Forecast, Pictures
from kdml.experiment.paths import Paths
from kdml.experiment.states import Standing, State, trainings_of
from kdml.runs.progress import Position
from kdml.runs.step_times import StepTime, cost_class

PLAN = plan_of({"tasks": ["hcd"], "pairs": ["resnet50-resnet18"], "techniques": ["ml"], "methods": [], "seeds": [0, 1]})
WAITING = {one.name: Standing(one, State.WAITING) for one in trainings_of(PLAN, Paths("mine"))}
PLACE = "paper/hcd/resnet50-resnet18"
HOLDER = Holder("node7", "12 of SLURM job 4711", "yesterday", True)
STANDINGS = WAITING | {
    f"{PLACE}/ml_v1/seed-0": replace(
        WAITING[f"{PLACE}/ml_v1/seed-0"], state=State.RUNNING, holder=HOLDER, silent_for=10.0,
        position=Position(3, 200, {"s1": 0.5, "s2": 0.25}, 0, 0, 7210.0),
    ),
    f"{PLACE}/ml_v1/seed-1": replace(WAITING[f"{PLACE}/ml_v1/seed-1"], state=State.RUNNING, holder=HOLDER, silent_for=600.0),
    f"{PLACE}/ml_v2/seed-0": replace(WAITING[f"{PLACE}/ml_v2/seed-0"], state=State.FAILED, reason="a [bold]b[/bold] is empty.", remedy="mend it"),
    f"{PLACE}/ml_v2/seed-1": replace(WAITING[f"{PLACE}/ml_v2/seed-1"], state=State.STALE, reason="trained with other settings"),
    f"{PLACE}/ml_v3/seed-0": replace(
        WAITING[f"{PLACE}/ml_v3/seed-0"], state=State.DONE,
        record={"best": {"s1": {"score": 0.875}}, "epochs": 60, "seconds": 4980.0, "device": "a GPU", "images": {"train": 75}, "parameters": {"s1": 1, "s2": 1}},
    ),
    f"{PLACE}/ml_v3/seed-1": replace(WAITING[f"{PLACE}/ml_v3/seed-1"], state=State.INTERRUPTED, reason="was killed", position=Position(0, 0, {}, 25, 900)),
}  # fmt: skip
ALL = list(STANDINGS.values())


def text_of(*parts, width=200):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(Group(*parts))
    return console.export_text()


def test_overview_counts_every_state():
    text = text_of(status_table.overview("mine", ALL))
    assert text.strip() == "mine: 10 trainings   1 done   2 running   4 waiting   1 interrupted   1 failed   1 stale"


def test_every_place_has_a_row():
    lines = [line.split() for line in text_of(status_table.by_place(ALL)).splitlines() if line.strip()]
    assert lines[0] == ["place", "done", "running", "waiting", "interrupted", "failed", "stale", "of"]
    assert lines[1:] == [
        ["paper/hcd/resnet18", "·", "·", "2", "·", "·", "·", "2"],
        ["paper/hcd/resnet50", "·", "·", "2", "·", "·", "·", "2"],
        [PLACE, "1", "2", "·", "1", "1", "1", "6"],
    ]


def test_trials_have_rows_of_their_own():
    trial = replace(ALL[-1], training=replace(ALL[-1].training, trial="alpha-0.1-0.2"))
    assert f"grid search {PLACE}" in text_of(status_table.by_place([trial]))
    assert "ml_v3/alpha-0.1-0.2/seed-1" in text_of(
        *status_table.details([replace(trial, state=State.FAILED)], [State.FAILED])
    )


def test_details_say_all_that_is_known():
    lines = text_of(*status_table.details(ALL, tuple(State))).splitlines()
    found = {line.strip().split("   ")[0]: line.strip().split("   ")[1:] for line in lines}
    who = "process 12 of SLURM job 4711 on node7, since yesterday"
    assert found[f"{PLACE}/ml_v1/seed-0"] == ["epoch 3/200", "s1 50.00 %  s2 25.00 %", "at most 2 h 00 min left", who]
    assert found[f"{PLACE}/ml_v1/seed-1"] == ["in its first epoch", who, "(no sign for 10 min)"]
    assert found[f"{PLACE}/ml_v3/seed-0"] == ["60 epochs", "s1 87.50 %", "1 h 23 min"]
    assert found[f"{PLACE}/ml_v3/seed-1"] == ["step 25/900"]
    assert {
        "a [bold]b[/bold] is empty.",
        "What to do: mend it",
        "trained with other settings",
        "was killed",
    } <= found.keys()
    assert f"logs/mine/train/{PLACE}/ml_v2/seed-0.log" in found


def test_only_what_is_asked_for_is_listed():
    text = text_of(*status_table.details(ALL, [State.FAILED]))
    assert "ml_v2/seed-0" in text and "ml_v1" not in text


def test_long_lists_are_cut_but_for_what_runs():
    failed = [replace(one, state=State.FAILED, reason="x") for one in ALL]
    text = text_of(*status_table.details(failed, [State.FAILED], 3))
    assert text.count("seed-0.log") + text.count("seed-1.log") == 3 and "... and 7 more: `--all` lists them" in text
    assert "more" not in text_of(*status_table.details(failed, [State.FAILED], 10))
    running = [replace(one, state=State.RUNNING) for one in ALL]
    assert text_of(*status_table.details(running, [State.RUNNING], 3)).count("seed-") == len(ALL)


def test_finished_trainings_of_two_programs_are_told():
    done = STANDINGS[f"{PLACE}/ml_v3/seed-0"]
    both = [
        replace(done, training=ALL[number].training, record={"code_hash": code}) for number, code in enumerate("aab")
    ]
    assert "Runs of 2 versions of the training code would be mixed: 1 of 3 differ" in text_of(
        *status_table.mixture(both)
    )
    assert list(status_table.mixture(both[:2])) == []


def test_other_steps_that_failed_are_listed_with_their_log():
    text = text_of(*status_table.failures([("logs/mine/prepare/hcd.log", UserError("no archive", "fetch it"))]))
    assert "Other steps that failed" in text and "What to do: fetch it" in text and "prepare/hcd.log" in text
    assert list(status_table.failures([])) == []


PICTURES = {"hcd": Pictures(224, 1000, 750, 100, 150, False)}


def forecast_of(step=None, problem="", standings=ALL):
    keys = {cost_class(one.training.settings, 224) for one in standings}
    one = StepTime(step or 0.0, 0.0, 1, {"s1": 10**6, "s2": 10**6, "baseline": 10**6}, "a GPU", "x", problem)
    found = Forecast(PLAN, standings, PICTURES, {} if step is None else dict.fromkeys(keys, one))
    return text_of(status_table.forecast(found, 5 * 10**9))


def test_a_forecast_says_what_is_not_known():
    text = forecast_of(standings=list(WAITING.values()))
    assert "Left to train: 10 trainings, time not known yet" in text and "--calibrate" in text
    assert "images assumed, because their data are not prepared: hcd 1,000" in text
    assert "weights not known before a calibration" in text and "data 150.5 MB" in text and "free are 5.0 GB" in text


def test_a_forecast_says_what_it_was_measured_on():
    """An epoch of 94 steps takes 94 s, 200 epochs 5.2 h."""
    text = forecast_of(step=1.0, standings=list(WAITING.values()))
    assert "Left to train: 10 trainings, at most 52.2 h of a GPU" in text
    assert "10 measured by a calibration" in text and "some" not in text
    assert ["hcd", "networks", "alone", "4", "94", "200", "2", "min", "20.9", "h"] in [
        line.split() for line in text.splitlines()
    ]
    assert ["seeds", "without", "1", "5", "26.1", "h"] in [line.split() for line in text.splitlines()]


def test_a_forecast_follows_what_is_finished():
    text = forecast_of(step=1.0)
    assert "measured on finished trainings" in text and "running: from what they say of themselves" in text
    assert "if they stop as early as the finished ones" in text


def test_a_calibration_that_failed_is_told():
    assert "a calibration failed: no memory" in forecast_of(
        step=1.0, problem="no memory", standings=list(WAITING.values())
    )


def test_a_forecast_of_nothing():
    done = [replace(one, state=State.DONE, record=STANDINGS[f"{PLACE}/ml_v3/seed-0"].record) for one in ALL]
    text = forecast_of(standings=done)
    assert text.split("\n") == ["", "Trained so far: 10 trainings in 13.8 h", "", "Left to train: 0 trainings", ""]


@pytest.mark.parametrize("width", [80, 100])
def test_narrow_terminals_lose_nothing(width):
    text = text_of(status_table.by_place(ALL), width=width)
    assert "waiting" in text and sum(line.rstrip().endswith((" 2", " 6")) for line in text.splitlines()) == 3
