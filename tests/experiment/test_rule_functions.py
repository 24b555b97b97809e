"""What rules are told: names that are refused, and arguments that say what the plan says."""

from types import SimpleNamespace

import pytest
from experiments import inputs_of

from kdml.common.errors import UserError
from kdml.common.project import ROOT
from kdml.experiment.rule_functions import RuleFunctions

PLACE = {"protocol": "paper", "task": "lgg", "pair": "resnet50-resnet18"}


@pytest.fixture(scope="module")
def ask(root):
    return RuleFunctions(inputs_of(), root)


def wildcards(**values):
    return SimpleNamespace(**values)


@pytest.mark.parametrize(
    ("function", "named", "words"),
    [
        ("table", {"table": "table_99"}, r"The table 'table_99' cannot be made .* \(it can make: .*table_03"),
        ("figure", {"figure": "figure_99"}, r"The figure 'figure_99' cannot be made .*figure_06"),
        ("slices_figure", {"figure": "figure_06"}, r"figure of slices 'figure_06' cannot be made .*figure_04"),
        ("place", {"protocol": "paper", "task": "lgg", "pair": "none"}, "place 'paper/lgg/none' cannot be made"),
    ],
)
def test_what_the_experiment_has_not_is_refused_with_what_it_has(ask, function, named, words):
    with pytest.raises(UserError, match=words):
        getattr(ask, function)(wildcards(**named))


def test_settings_are_those_of_the_plan(ask):
    run = next(run for run in ask.plan.runs if run.run == "kd_ml_v3")
    named = wildcards(**{key: getattr(run, key) for key in ("protocol", "task", "pair", "run")}, seed=str(run.seed))
    assert ask.run(named) == run and ask.settings(named) == ask.plan.settings(run).to_json()


def test_only_an_offline_teacher_is_given_to_a_training(ask):
    start = "resources/weights/resnet18.safetensors"
    assert ask.train_words(wildcards(), {"weights": [start]})[:3] == ["--weights", f"resnet18={start}", "--workers"]
    found = ask.networks_of_run(next(run for run in ask.plan.runs if run.run == "kd_off_v1"))
    assert found["teacher"].endswith("/weights.safetensors")
    assert "teacher" not in ask.networks_of_run(next(run for run in ask.plan.runs if run.run == "kd_on_v1"))


def test_how_a_training_uses_the_machine_is_no_reason_to_train_again(ask, root):
    machine = {"loader_workers": 7, "trainings_per_gpu": 3, "checkpoint_minutes": 99}
    other = RuleFunctions(inputs_of(**machine), root)
    words = other.train_words(wildcards(), {})
    assert repr(words) == repr(ask.train_words(wildcards(), {}))  # what Snakemake compares
    assert list(map(str, words)) == ["--workers", "7", "--per-gpu", "3", "--checkpoint-minutes", "99.0"]
    assert other.trial_words(wildcards(), {}) == [*words, "--validation-only"]


def test_a_figure_that_does_not_stand_beside_a_table_has_no_caption(ask):
    fidelity = next(name for name, item in ask.tables.items() if item.kind == "fidelity")
    assert ask.caption_beside("beside")(wildcards(table=fidelity)) and not ask.caption_beside("curves")(
        wildcards(table=fidelity)
    )


def test_files_of_a_table_are_its_labelled_files(ask):
    named = wildcards(table="table_04")
    words = ask.data_words(ask.table)(named)
    assert words == [f"{label}={path}" for label, path in ask.inputs.of_item(ask.table(named))] and len(words) > 3


def test_masks_are_asked_for_where_there_are_some(ask):
    assert ask.masks(wildcards(**PLACE)) == [ask.paths.masks("lgg")]
    assert ask.masks(wildcards(**PLACE | {"task": "hcd"})) == []


@pytest.mark.bad_input
def test_start_weights_that_are_nowhere_are_refused_at_planning(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry = {"resnet18": {"path": str(tmp_path / "mine.safetensors"), "mean": [0.5] * 3, "std": [0.5] * 3}}
    ask = RuleFunctions(inputs_of({"tasks": ["hcd"], "seeds": [0]}, weights=entry), ROOT)
    run = next(run for run in ask.plan.runs if run.pair == "resnet18")
    with pytest.raises(UserError, match=rf"`weights\.resnet18\.path: {tmp_path}/mine\.safetensors` is no file"):
        ask.networks_of_run(run)
    (tmp_path / "mine.safetensors").touch()
    assert ask.networks_of_run(run)["weights"] == [ask.paths.start_weights("resnet18")]
