"""Same run, same bits; killed at any step, nothing lost; weights, schedule and stop follow the validation score."""

import errno
import itertools
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import arrays_of, engine_of, method_settings, settings_of, variant_graph

from kdml.common.errors import MachineError, UserError
from kdml.learning import checkpoint
from kdml.learning.engine import Interrupted, Surroundings
from kdml.learning.validation import Validation
from kdml.runs.graph import Edge, Knowledge, SharingGraph, TeacherMode, single

SETTINGS = settings_of(variant_graph("kd_ml_v3"))
STEPS = 4  # of an epoch


def state_of(engine):
    return {name: tensor.clone() for name, tensor in engine.cohort.state_dict().items()}


def without_time(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


def assert_same_run(engine, other):
    one, two = state_of(engine), state_of(other)
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    assert without_time(engine.progress.history) == without_time(other.progress.history)


@pytest.fixture(scope="module")
def whole_run():
    engine = engine_of(SETTINGS)
    engine.run()
    return engine


def test_two_runs_are_bitwise_equal(whole_run):
    again = engine_of(SETTINGS)
    torch.rand(7)  # a run does not depend on random numbers drawn before it
    again.run()
    assert_same_run(whole_run, again)


def test_loader_workers_change_nothing(whole_run):
    with_workers = engine_of(SETTINGS, Surroundings(workers=2))
    with_workers.run()
    assert_same_run(whole_run, with_workers)


def test_who_looks_on_is_told_of_every_step_and_epoch(whole_run):
    steps, epochs = [], []
    surroundings = Surroundings(
        on_step=lambda *told: steps.append(told), on_epoch=lambda done, of, scores, left: epochs.append((done, of, scores, left))
    )  # fmt: skip
    engine = engine_of(SETTINGS, surroundings)
    engine.run()
    assert_same_run(whole_run, engine)
    assert steps == [(done, 2 * STEPS) for done in range(1, 2 * STEPS + 1)]
    assert [told[:2] for told in epochs] == [(1, 2), (2, 2)] and epochs[0][3] > 0 and epochs[1][3] == 0
    for row, (_, _, scores, _) in zip(engine.progress.history, epochs, strict=True):
        assert scores == {name: row[f"validation.{name}.score"] for name in ("teacher", "s1", "s2")}


def test_a_loss_is_told_as_no_score():
    """The first stage of FitNet trains a part of the student: its outputs are of no use yet."""
    scores = []
    surroundings = Surroundings(on_epoch=lambda done, of, told, left: scores.append((of, set(told))))
    engine_of(method_settings("fitnet", choice={"options": {"stages": 2}}, epochs=1), surroundings).run()
    assert scores == [(2, set()), (2, {"s1"})]


@pytest.mark.parametrize("kind", ["classification", "segmentation"])
@pytest.mark.parametrize("stop_after", [1, STEPS, STEPS + 2], ids=["first step", "epoch boundary", "mid-epoch"])
def test_resumed_run_is_bitwise_equal(tmp_path, stop_after, kind):
    settings = settings_of(variant_graph("kd_ml_v3"), kind)
    whole = engine_of(settings)
    whole.run()
    steps = itertools.count(1)
    surroundings = Surroundings(
        checkpoint=tmp_path / "checkpoint.pt", fingerprint="mine", should_leave=lambda: next(steps) == stop_after
    )
    with pytest.raises(Interrupted):
        engine_of(settings, surroundings).run()
    resumed = engine_of(settings, replace(surroundings, should_leave=lambda: False))
    resumed.run()
    assert_same_run(whole, resumed)
    assert resumed.progress.images == whole.progress.images


@pytest.mark.slow
def test_killed_at_every_step(tmp_path, whole_run):
    """One step at a time, all the way."""
    surroundings = Surroundings(checkpoint=tmp_path / "checkpoint.pt", fingerprint="mine", should_leave=lambda: True)
    parts = 0
    while True:
        engine = engine_of(SETTINGS, surroundings)
        try:
            engine.run()
            break
        except Interrupted:
            parts += 1
    assert parts == 2 * STEPS
    assert_same_run(whole_run, engine)


def test_regular_checkpoints_are_enough(tmp_path, whole_run):
    """A run that is killed without warning continues from the last regular checkpoint."""
    steps = itertools.count(1)

    def killed():
        if next(steps) == 6:
            raise KeyboardInterrupt
        return False

    surroundings = Surroundings(
        checkpoint=tmp_path / "c.pt", fingerprint="mine", checkpoint_seconds=0, should_leave=killed
    )
    with pytest.raises(KeyboardInterrupt):
        engine_of(SETTINGS, surroundings).run()
    resumed = engine_of(SETTINGS, replace(surroundings, should_leave=lambda: False))
    resumed.run()
    assert_same_run(whole_run, resumed)


def test_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"epoch": 1}, "mine")
    assert checkpoint.load(path, "mine") == {"epoch": 1}
    with pytest.raises(UserError, match=r"other settings, data or code") as caught:
        checkpoint.load(path, "yours")
    assert str(path) in caught.value.remedy and path.exists()


def test_a_training_that_diverged_does_not_block_its_mended_successor(tmp_path, caplog):
    """Its checkpoint, made before or after the numbers left the finite, is kept under another name."""
    path = tmp_path / "checkpoint.pt"
    surroundings = Surroundings(checkpoint=path, fingerprint="too fast", checkpoint_seconds=0)
    with pytest.raises(UserError, match=r"the loss \S+ is not a finite number(.|\n)*learning_rate"):
        engine_of(settings_of(variant_graph("ml_v1"), learning_rate=1e30), surroundings).run()
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint.diverged.pt"]
    assert "kept as checkpoint.diverged.pt" in caplog.text
    mended = engine_of(settings_of(variant_graph("ml_v1")), replace(surroundings, fingerprint="mended"))
    assert len(mended.run().history) == 2


def test_a_diverged_checkpoint_of_a_killed_training_does_not_block_either(tmp_path):
    path = tmp_path / "checkpoint.pt"
    state = {
        "cohort": {"a": torch.zeros(3), "b": torch.tensor([1.0, float("nan")])},
        "progress": {"best": [torch.ones(1)]},
    }
    checkpoint.save(path, state, "too fast")
    assert checkpoint.load(path, "mended") is None
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint.diverged.pt"]
    checkpoint.save(path, state, "too fast")
    assert checkpoint.load(path, "too fast").keys() == state.keys()  # its own run may look at it


def test_a_frozen_teacher_without_finite_outputs_is_to_blame():
    engine = engine_of(settings_of(variant_graph("kd_off_v1")))
    with torch.no_grad():
        for parameter in engine.cohort.networks["teacher"].body.head.parameters():
            parameter.mul_(1e30)
    with pytest.raises(
        UserError, match=r"because the outputs of the frozen teacher are none(.|\n)*train the teacher again"
    ):
        engine.run()


@given(stop=st.integers(1, 2 * STEPS - 1), again=st.integers(1, 2 * STEPS - 1))
@settings(max_examples=5)
@pytest.mark.slow
def test_interrupted_anywhere_and_again_it_ends_in_the_same_bits(tmp_path_factory, whole_run, stop, again):
    path = tmp_path_factory.mktemp("run") / "checkpoint.pt"
    for after in (stop, again):
        steps = itertools.count(1)
        surroundings = Surroundings(
            checkpoint=path,
            fingerprint="mine",
            should_leave=lambda steps=steps, after=after: next(steps) == after,
        )
        engine = engine_of(SETTINGS, surroundings)
        try:
            engine.run()
            break
        except Interrupted:
            engine = engine_of(SETTINGS, replace(surroundings, should_leave=lambda: False))
    else:
        engine.run()
    assert_same_run(whole_run, engine)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None], ids=["empty", "garbage", "truncated"])
def test_damaged_checkpoint_is_named(tmp_path, content):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"weights": torch.zeros(1000)}, "mine")
    path.write_bytes(path.read_bytes()[:700] if content is None else content)
    with pytest.raises(UserError, match="cannot be read") as caught:
        checkpoint.load(path, "mine")
    assert str(path) in str(caught.value)


def test_failed_save_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"epoch": 1}, "mine")
    monkeypatch.setattr(torch, "save", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "disk full")))
    with pytest.raises(MachineError, match=r"checkpoint\.pt: No space left on device"):
        checkpoint.save(path, {"epoch": 2}, "mine")
    assert checkpoint.load(path, "mine") == {"epoch": 1}


def scripted(engine, scores):
    """Replace validation by given scores per epoch."""
    per_epoch = iter(scores)

    def validate(row):
        return dict(zip(engine.learners, next(per_epoch), strict=True))

    engine._validate = validate
    return engine


def test_each_network_keeps_the_weights_of_its_own_best_epoch():
    engine = engine_of(settings_of(variant_graph("ml_v1"), epochs=3))
    seen = {name: [] for name in engine.learners}
    scripted(engine, [(0.5, 0.9), (0.7, 0.4), (0.7, 0.8)])
    keep = engine._keep_best

    def spy(scores):
        for name in seen:
            seen[name].append({key: value.clone() for key, value in engine.cohort.networks[name].state_dict().items()})
        keep(scores)

    engine._keep_best = spy
    engine.run()
    assert {name: best.epoch for name, best in engine.progress.best.items()} == {"s1": 1, "s2": 0}
    for name, epoch in (("s1", 1), ("s2", 0)):
        state = engine.cohort.networks[name].state_dict()
        assert all(torch.equal(state[key], seen[name][epoch][key]) for key in state)


def test_early_stop_counts_epochs_without_a_better_student():
    engine = engine_of(settings_of(variant_graph("kd_on_v1"), epochs=9, patience=2))
    # The teacher improves all the time; the students' mean is best in the second epoch.
    scripted(engine, [(0.1, 0.5, 0.5), (0.2, 0.5, 0.7), (0.3, 0.7, 0.5), (0.4, 0.6, 0.6), (0.5, 0.9, 0.9)])
    assert engine.run().epoch == 4


def test_learning_rate_halves_on_a_plateau_down_to_the_floor():
    schedule = {"factor": 0.5, "patience": 1, "floor": 4e-4}
    engine = scripted(engine_of(settings_of(single("baseline"), epochs=7, schedule=schedule)), [(0.5,)] * 7)
    rates = [row["learning_rate"] for row in engine.run().history]
    assert rates == [1e-3, 1e-3, 1e-3, 5e-4, 5e-4, 4e-4, 4e-4]


def test_a_loss_that_is_no_number_is_named():
    engine = engine_of(settings_of(single("baseline")))
    with torch.no_grad():
        next(engine.cohort.parameters()).fill_(float("nan"))
    with pytest.raises(UserError, match=r"Epoch 1: the loss baseline\.\w+ is not a finite number"):
        engine.run()


def test_history_has_every_term_and_score(whole_run):
    row = whole_run.progress.history[0]
    terms = {"supervised", "predictions_from_s2", "features_from_teacher", "total"}
    assert {f"train.s1.{term}" for term in terms} <= row.keys()
    assert {f"validation.{name}.{what}" for name in ("teacher", "s1", "s2") for what in ("score", "loss")} <= row.keys()


@pytest.mark.parametrize("kind", ["classification", "segmentation"])
def test_a_network_learns_an_easy_task(kind):
    engine = engine_of(settings_of(single("baseline"), kind, epochs=25, learning_rate=5e-3))
    progress = engine.run()
    assert progress.best["baseline"].score > (0.85 if kind == "classification" else 0.6)
    first, last = progress.history[0], progress.history[-1]
    assert last["train.baseline.supervised"] < 0.7 * first["train.baseline.supervised"]


def test_three_students_of_a_graph_of_ones_own():
    edges = (
        Edge("teacher", "s1", Knowledge.PREDICTIONS, 0.5),
        Edge("s1", "s2", Knowledge.FEATURES, 0.5),
        Edge("s2", "s3", Knowledge.PREDICTIONS, 0.5),
        Edge("s3", "s1", Knowledge.FEATURES, 0.5),
    )
    graph = SharingGraph(TeacherMode.ONLINE, {"teacher": 1.0, "s1": 0.5, "s2": 0.5, "s3": 0.5}, edges)
    progress = engine_of(settings_of(graph)).run()
    assert set(progress.best) == {"teacher", "s1", "s2", "s3"}
    assert "train.s3.predictions_from_s2" in progress.history[0]


def test_validation_scores_against_counts():
    """Accuracy and pooled IoU of the whole part, however it is batched."""
    engine = engine_of(settings_of(single("baseline"), "segmentation"), arrays=arrays_of("segmentation"))
    row = {}
    engine._validate(row)
    arrays, rows = engine.arrays, engine.validation.rows
    images = torch.from_numpy(arrays.images[rows]).permute(0, 3, 1, 2)
    with torch.inference_mode():
        predicted = engine.cohort.networks["baseline"](images).logits[:, 0].numpy() >= 0
    truth = arrays.masks[rows] == 1
    assert row["validation.baseline.score"] == pytest.approx((predicted & truth).sum() / (predicted | truth).sum())
    assert isinstance(Validation(0.5, 1.0).score, float)


def test_a_checkpoint_asks_for_no_other_gpu_than_the_runs_own(monkeypatch):
    """A machine that resumes may see fewer."""
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: pytest.fail("state of every GPU"))
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: torch.arange(3, dtype=torch.uint8))
    engine = engine_of(SETTINGS)
    assert engine._state()["random_cuda"] is None
    engine.surroundings = replace(engine.surroundings, device="cuda")
    assert engine._state()["random_cuda"].tolist() == [0, 1, 2]


def test_devices_of_a_run_that_moved_are_all_named(tmp_path, monkeypatch):
    surroundings = Surroundings(checkpoint=tmp_path / "c.pt", should_leave=lambda: True)
    with pytest.raises(Interrupted):
        engine_of(SETTINGS, surroundings).run()
    monkeypatch.setattr("kdml.learning.engine.device_name", lambda device: "another")
    progress = engine_of(SETTINGS, replace(surroundings, should_leave=lambda: False)).run()
    assert progress.devices[0].startswith("cpu") and progress.devices[1:] == ["another"]


def test_terms_that_come_in_some_steps_alone_are_added_up_too():
    engine = engine_of(SETTINGS)
    a, b = torch.tensor(2.0), torch.tensor(3.0)
    for terms in ({"a": a, "b": b}, {"a": a}, {"a": a, "b": b}):
        engine._count(terms, images=4)
    total = dict.fromkeys("ab", 0.0)
    for names, sums in engine.progress.sums.items():
        for name, value in zip(names, sums.tolist(), strict=True):
            total[name] += value
    assert total == {"a": 24.0, "b": 24.0} and engine.progress.images == 12
