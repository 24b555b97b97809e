"""Methods in a training: every one trains, stops and resumes to the same bits, and leaves a student without its adaptors."""

import itertools
from dataclasses import replace

import pytest
import torch
from small import cohort_of, engine_of, method_settings
from torch import nn

from kdml.analysis import methods
from kdml.common.errors import UserError
from kdml.learning.engine import Interrupted, Surroundings
from kdml.learning.methods.base import Layers, Setting
from kdml.learning.methods.loading import load
from kdml.learning.networks import load_network, save_networks
from kdml.learning.validation import validate
from kdml.runs.methods import METHODS
from kdml.runs.own_method import fingerprint
from kdml.runs.run_table import RunRow

CASES = [(name, kind) for name, method in METHODS.items() for kind in method.classes]


def settings_for(method, kind, options=None, **training):
    return method_settings(method, kind, {"options": options} if options else {}, **training)


def trained(method, kind, **training):
    engine = engine_of(settings_for(method, kind, **training))
    engine.run()
    return engine


@pytest.mark.parametrize(("method", "kind"), CASES)
def test_every_method_trains_and_resumes_to_the_same_bits(tmp_path, method, kind):
    whole = trained(method, kind)
    start = cohort_of(settings_for(method, kind)).networks["teacher"].state_dict()
    steps = itertools.count(1)
    surroundings = Surroundings(checkpoint=tmp_path / "c.pt", fingerprint="x", should_leave=lambda: next(steps) == 6)
    with pytest.raises(Interrupted):
        engine_of(settings_for(method, kind), surroundings).run()
    again = engine_of(settings_for(method, kind), replace(surroundings, should_leave=lambda: False))
    again.run()
    one, two = whole.cohort.state_dict(), again.cohort.state_dict()
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    if whole.cohort.adversary is not None:
        pairs = zip(whole.cohort.adversary.parameters(), again.cohort.adversary.parameters(), strict=True)
        assert all(torch.equal(*pair) for pair in pairs)
    teacher = whole.cohort.networks["teacher"].state_dict()
    assert all(torch.equal(tensor, teacher[key]) for key, tensor in start.items())


@pytest.mark.parametrize(("method", "kind"), CASES)
def test_every_parameter_that_is_trained_moves(method, kind):
    """Adaptors, the variances of VID and the discriminator of SKD are in an optimiser."""
    engine = engine_of(settings_for(method, kind, batch_size=8))  # SemCKD embeds a batch of 4 in one dimension
    cohort = engine.cohort
    moving = {f"method.{name}": p for name, p in cohort.method.named_parameters()}
    moving |= {f"s1.{name}": p for name, p in cohort.networks["s1"].named_parameters() if p.requires_grad}
    if cohort.adversary is not None:
        moving |= {f"adversary.{name}": p for name, p in cohort.adversary.named_parameters()}
    before = {name: p.detach().clone() for name, p in moving.items()}
    engine._train_epoch()
    engine._finish_epoch()
    engine._train_epoch()  # residual branches and attention start at zero: what they multiply moves in the second step
    still = {name for name, p in moving.items() if torch.equal(p, before[name])}
    # What softmax over the keys, and the difference of two scores, do not depend on.
    without_effect = {f"adversary.layers.{layer}.bias" for layer in ("7.key", "10.key", "11")}
    assert still <= without_effect


@pytest.mark.parametrize(("method", "kind"), CASES)
def test_student_is_exported_without_adaptors(tmp_path, method, kind):
    engine = trained(method, kind, epochs=1)
    student = engine.cohort.networks["s1"]
    save_networks(tmp_path / "w.safetensors", {"s1": student})
    again = cohort_of(settings_for(method, kind)).networks["s1"]
    load_network(tmp_path / "w.safetensors", again)
    images = torch.randint(0, 255, (4, 3, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        predicted = [network.eval()(images).logits for network in (student, again)]
    torch.testing.assert_close(*predicted)  # the trained one has its weights in another order in memory
    adaptors = {id(parameter) for parameter in engine.cohort.method.parameters()}
    assert not adaptors & {id(parameter) for parameter in student.parameters()}


def test_simkd_student_keeps_projector_and_teachers_classifier():
    cohort = cohort_of(method_settings("simkd"))
    teacher, student = cohort.networks["teacher"].body, cohort.networks["s1"].body
    assert student.head is teacher.head and not any(p.requires_grad for p in student.head.parameters())
    with torch.no_grad():
        for parameter in teacher.head.parameters():
            parameter.mul_(2.0)
    student.block = nn.Identity()  # with a perfect projector the student predicts what the teacher does
    student.backbone = teacher.backbone
    images = torch.rand(2, 3, 32, 32)
    cohort.eval()
    torch.testing.assert_close(student(images).logits, teacher(images).logits)
    assert cohort.describe()["adaptor_parameters"] == 0


def test_simkd_learns_from_the_last_map_alone():
    cohort = cohort_of(method_settings("simkd"))
    images = torch.randint(0, 255, (4, 3, 32, 32), dtype=torch.uint8)
    outputs = cohort(images)
    found = cohort.losses(outputs, torch.tensor([0, 1, 0, 1]))
    outputs = cohort(images)
    other = cohort.losses(outputs, torch.tensor([1, 0, 1, 0]))
    assert found.total == other.total == found.terms["s1.projection"]


def test_kd_beside_a_method_is_hintons():
    cohort = cohort_of(method_settings("sp", choice={"kd": 0.5, "supervised": 0.25}))
    images, labels = torch.randint(0, 255, (4, 3, 32, 32), dtype=torch.uint8), torch.tensor([0, 1, 0, 1])
    outputs = cohort(images)
    student, teacher = outputs["s1"].logits, outputs["teacher"].logits
    terms = cohort.losses(outputs, labels)
    soft = (teacher / 4).softmax(dim=1)
    expected = 16 * (soft * (soft.log() - (student / 4).log_softmax(dim=1))).sum(dim=1).mean()
    torch.testing.assert_close(terms.terms["s1.kd"], expected.detach())
    weight = cohort.method.weights["similarity"]
    whole = 0.25 * terms.terms["s1.supervised"] + 0.5 * terms.terms["s1.kd"] + weight * terms.terms["s1.similarity"]
    torch.testing.assert_close(terms.total.detach(), whole)


def test_semckd_gets_whole_batches_only():
    engine = engine_of(method_settings("semckd"))
    assert len(engine.batches) == 3 and engine.batches.images == 12  # of 14 pictures in batches of 4
    assert all(len(batch.images) == 4 for batch in engine.batches.epoch(0))
    plain = engine_of(method_settings("sp"))
    assert len(plain.batches) == 4 and plain.batches.images == 14


def test_too_few_images_for_a_whole_batch_are_refused():
    with pytest.raises(UserError, match="14 training images make no batch of 16"):
        engine_of(method_settings("semckd", batch_size=16))


class TestFitNetInTwoStages:
    @pytest.fixture(scope="class")
    def engine(self):
        engine = engine_of(settings_for("fitnet", "classification", {"stages": 2}, epochs=3))
        engine.run()
        return engine

    def test_first_hints_alone_then_labels_and_the_teacher(self, engine):
        history = engine.progress.history
        assert len(history) == 6
        for row in history[:3]:
            assert "train.s1.hint" in row and "train.s1.supervised" not in row and "train.s1.kd" not in row
        for row in history[3:]:
            assert "train.s1.hint" not in row and {"train.s1.supervised", "train.s1.kd"} <= row.keys()

    def test_weight_of_the_teacher_falls_from_4_to_1(self, engine):
        rows = engine.progress.history[3:]
        found = [(row["train.s1.total"] - row["train.s1.supervised"]) / row["train.s1.kd"] for row in rows]
        assert found == pytest.approx([4.0, 2.5, 1.0], rel=1e-4)

    def test_hints_do_not_touch_what_lies_above_the_guided_layer(self):
        engine = engine_of(settings_for("fitnet", "classification", {"stages": 2}, epochs=1))
        student = engine.cohort.networks["s1"].body
        before = [p.detach().clone() for p in (*student.backbone.layer3.parameters(), *student.head.parameters())]
        engine._train_epoch()
        after = [*student.backbone.layer3.parameters(), *student.head.parameters()]
        assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))

    def test_first_stage_is_judged_by_its_loss(self, monkeypatch):
        engine = engine_of(settings_for("fitnet", "classification", {"stages": 2}, epochs=2))
        losses = iter([0.5, 0.9])
        monkeypatch.setattr("kdml.learning.engine.validate_loss", lambda *_: next(losses))
        engine._train_stage()
        assert engine.progress.best["s1"].epoch == 0 and engine.progress.best["s1"].score == -0.5

    @pytest.mark.parametrize("stop_after", [3, 8, 12, 14])
    def test_resumed_in_any_stage_to_the_same_bits(self, tmp_path, engine, stop_after):
        settings = settings_for("fitnet", "classification", {"stages": 2}, epochs=3)
        steps = itertools.count(1)
        surroundings = Surroundings(
            checkpoint=tmp_path / "c.pt", fingerprint="x", should_leave=lambda: next(steps) == stop_after
        )
        with pytest.raises(Interrupted):
            engine_of(settings, surroundings).run()
        again = engine_of(settings, replace(surroundings, should_leave=lambda: False))
        again.run()
        one, two = engine.cohort.state_dict(), again.cohort.state_dict()
        assert all(torch.equal(one[name], two[name]) for name in one)

    def test_weight_of_the_labels_is_the_configured_one(self):
        settings = method_settings("fitnet", choice={"options": {"stages": 2}, "supervised": 0.5})
        assert [stage.supervised for stage in cohort_of(settings)._stages] == [0.0, 0.5]

    @pytest.mark.parametrize("choice", [{"kd": 2.0}, {"kd_temperature": 1.0}])
    def test_plain_distillation_of_ones_own_is_refused(self, choice):
        """The second stage has its own, so that the configured one would be ignored."""
        with pytest.raises(UserError, match=r"methods\.test: FitNet: with `stages: 2`"):
            cohort_of(method_settings("fitnet", choice={"options": {"stages": 2}, **choice}))
        cohort_of(method_settings("fitnet", choice=choice))


def test_srrl_pooled_before_its_connector_gets_no_single_image():
    """13 training images in batches of 4 leave one over, of which BatchNorm has no variance."""
    settings = method_settings("srrl", choice={"options": {"pooling": "before"}}, epochs=1)
    engine = engine_of(settings)
    assert engine.cohort.whole_batches and not cohort_of(method_settings("srrl")).whole_batches
    assert {len(batch.images) for batch in engine.batches.epoch(0)} == {4}
    with pytest.raises(UserError, match=r"methods\.test: SRRL cannot normalise batches of 1"):
        cohort_of(method_settings("srrl", choice={"options": {"pooling": "before"}}, batch_size=1))


DEPARTURES = {  # method, kind, what the configuration says -> the first words of each departure
    "fitnet": ("fitnet", "classification", {}, ["hints and labels in one stage"]),
    "fitnet as published": ("fitnet", "classification", {"options": {"stages": 2}}, []),
    "fitnet on masks": ("fitnet", "segmentation", {}, ["hints and labels in one stage", "hints at d0", "weight of plain distillation 0, not 1"]),
    "at": ("at", "classification", {}, ["mean of squares"]),
    "at, norm": ("at", "classification", {"options": {"form": "norm", "weight_attention": 1}}, []),
    "at on masks, kd": ("at", "segmentation", {"kd": 1.0}, ["mean of squares", "attention at d0 to d3"]),
    "sp": ("sp", "classification", {}, ["weight 187.5 at batch 4, not 3000 at 64"]),
    "sp as published": ("sp", "classification", {"options": {"weighting": "published"}}, []),
    "srrl": ("srrl", "classification", {}, []),
    "srrl, before": ("srrl", "classification", {"options": {"pooling": "before"}}, ["pooled before"]),
    "vid": ("vid", "classification", {}, []),
    "simkd": ("simkd", "classification", {}, []),
    "semckd": ("semckd", "classification", {}, ["projections at most 256 wide", "similarities within a batch"]),
    "semckd as published": ("semckd", "classification", {"options": {"middle": "full", "normalise_similarities": False}}, []),
    "semckd without kd": ("semckd", "classification", {"kd": 0.0}, ["projections", "similarities", "weight of plain distillation 0, not 1"]),
    "skd": ("skd", "segmentation", {}, ["pixel term averaged", "pairs of d2", "gradients of norm 10", "gradient penalty", "its optimiser Adam"]),
    "skd, no critic": ("skd", "segmentation", {"options": {"weight_adversarial": 0, "tap": "d4"}}, ["pixel term", "gradients of norm 10", "no adversarial"]),
    "ifvd": ("ifvd", "segmentation", {}, ["no adversarial term", "similarities at d2", "weight of plain distillation 0, not 1"]),
    "ifvd, kd": ("ifvd", "segmentation", {"kd": 1.0, "options": {"tap": "d4"}}, ["no adversarial term"]),
    "cwd": ("cwd", "segmentation", {}, ["one channel"]),
    "cwd, features": ("cwd", "segmentation", {"options": {"variant": "features", "tap": "d1"}}, ["channels of d1"]),
    "dsd": ("dsd", "segmentation", {}, ["decoder maps"]),
    "emkd": ("emkd", "segmentation", {}, ["the task's own loss"]),
}  # fmt: skip


@pytest.mark.parametrize(("method", "kind", "choice", "words"), DEPARTURES.values(), ids=DEPARTURES)
def test_departures_from_the_publication_are_row_of(method, kind, choice, words):
    weights = {"supervised": METHODS[method].supervised, "kd": METHODS[method].kd}
    found = cohort_of(method_settings(method, kind, weights | choice)).describe()["departures"]
    assert len(found) == len(words) and all(map(str.startswith, found, words)), found


RUN = RunRow({"run": "test", "title": "Test", "folder": "f"})


@pytest.fixture
def row_of():
    """Row of a method as it would be trained with some configuration."""

    def row(method, kind="classification", **choice):
        settings = method_settings(method, kind, choice)
        record = {"settings": settings.model_dump(mode="json"), "sharing": cohort_of(settings).describe()}
        return methods.row_of([RUN], record | {"parameters": {"s1": 1}})

    return row


def test_row_of_a_method_says_what_ran(row_of):
    row = row_of("skd", "segmentation", kd=1.5, options={"weight_pair": 0, "grid": 2})
    assert row["weights"] == "supervised 1, kd 1.5 at temperature 4, pixel 10, adversarial 0.1"
    assert (row["options"], row["stages"]) == ("weight pair 0, grid 2", 1)
    assert row["departures"].startswith("pixel term averaged") and row["departures"].count("; ") == 4
    assert row_of("at")["weights"] == "supervised 1, attention 1000"
    assert row_of("simkd")["weights"] == "projection 1"


def test_row_of_a_method_in_two_stages_has_the_weights_of_both(row_of):
    row = row_of("fitnet", options={"stages": 2, "tap": "f3"})
    assert row["weights"] == "stage 1: hint 100; stage 2: supervised 1, kd 4 to 1 at temperature 3"
    assert (row["options"], row["stages"]) == ("tap f3", 2)
    assert row_of("fitnet", options={"stages": 1})["options"] == "stages 1"


def test_run_of_older_code_is_refused_by_its_folder():
    with pytest.raises(UserError, match=r"f/run\.json does not say `departures`"):
        methods.row_of([RUN], {"sharing": {"schedule": []}})


def test_gradients_are_clipped_where_the_method_says_so():
    engine = engine_of(settings_for("skd", "segmentation", {"clip": 1e-3}))
    batch = next(iter(engine.batches.epoch(0)))
    engine.cohort.train()
    engine._step(batch)
    norms = [p.grad.norm() for p in engine.cohort.networks["s1"].parameters() if p.grad is not None]
    assert torch.stack(norms).norm() <= 1e-3 * 1.001


def test_adversary_does_not_learn_from_the_students_step():
    """The student's loss leaves no gradient in the discriminator, and its own step uses detached maps."""
    engine = engine_of(settings_for("skd", "segmentation"))
    batch = next(iter(engine.batches.epoch(0)))
    engine.cohort.train()
    losses = engine.cohort.losses(engine.cohort(batch.images), batch.targets)
    losses.total.backward()
    assert all(p.grad is None for p in engine.cohort.adversary.parameters())
    student = [p.grad.clone() for p in engine.cohort.networks["s1"].parameters() if p.grad is not None]
    engine._train_adversary()
    after = [p.grad for p in engine.cohort.networks["s1"].parameters() if p.grad is not None]
    assert all(torch.equal(*pair) for pair in zip(student, after, strict=True))


def test_scores_are_those_of_the_exported_student():
    """SimKD is scored and tested by projector and the teacher's classifier, not by the student's own untrained head."""
    engine = trained("simkd", "classification", epochs=2)
    arrays, part = engine.arrays, engine.validation
    from kdml.learning.batches import evaluation_batches

    found = validate(engine.cohort, evaluation_batches(arrays, part, 8), "cpu")["s1"].score
    student = engine.cohort.networks["s1"].eval()
    images = torch.from_numpy(arrays.images[part.rows]).permute(0, 3, 1, 2)
    with torch.inference_mode():
        right = student(images).logits.argmax(dim=1) == torch.from_numpy(part.labels)
    assert found == pytest.approx(right.float().mean().item())


def test_wrong_option_is_named_by_its_entry():
    with pytest.raises(UserError, match=r"methods\.test: SP has no option `strength`"):
        cohort_of(method_settings("sp", choice={"options": {"strength": 3}}))


@pytest.mark.parametrize(
    ("method", "kind", "said"),
    [
        ("cwd", "classification", "no method 'cwd' for classification"),
        ("nonsense", "segmentation", "no method 'nonsense'"),
        ("nowhere.py:Mine", "classification", "nowhere.py"),
    ],
)
def test_unknown_methods_are_refused(method, kind, said):
    with pytest.raises(UserError, match=said):
        cohort_of(method_settings(method, kind))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no class 'Mine'"),
        ("Mine = 3", "no class 'Mine'"),
        ("class Mine: pass", "Mine is not derived from kdml.learning.methods.base.Method"),
        ("import nonsense_package", "cannot be imported"),
        ("class Mine(:", "cannot be imported"),
    ],
)
def test_own_file_that_holds_no_method_is_refused(tmp_path, content, said):
    path = tmp_path / "mine.py"
    path.write_text(content)
    with pytest.raises(UserError, match=said) as error:
        cohort_of(method_settings(f"{path}:Mine"))
    assert str(path) in error.value.problem


def test_own_file_is_known_by_its_content(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("class Mine: pass")
    before = fingerprint(f"{path}:Mine")
    path.write_text("class Mine: ...")
    assert before != fingerprint(f"{path}:Mine") and len(before) == 64
    assert fingerprint("sp") is None
    with pytest.raises(UserError, match="cannot be read"):
        fingerprint(f"{tmp_path / 'other.py'}:Mine")


@pytest.mark.parametrize(("kind", "tap"), [("classification", "f3"), ("segmentation", "d1")])
def test_documented_example_trains(root, kind, tap):
    method = f"{root / 'docs/examples/rkd.py'}:RKD"
    engine = engine_of(method_settings(method, kind, {"options": {"tap": tap}, "supervised": 0.0}, epochs=8))
    engine.run()
    first, last = (engine.progress.history[place]["train.s1.distance"] for place in (0, -1))
    assert 0 < last < first


def test_documented_example_against_plain_loops(root):
    rkd = load(f"{root / 'docs/examples/rkd.py'}:RKD", "classification")
    setting = Setting({"f4": (6, 3, 3)}, {"f4": (9, 2, 2)}, 4)
    maps = [torch.randn(4, *shape, generator=torch.Generator().manual_seed(1)) for shape in ((6, 3, 3), (9, 2, 2))]
    found = rkd(setting)(*(Layers({"f4": map_}, torch.zeros(4, 2)) for map_ in maps), None)["distance"]
    relative = []
    for map_ in maps:
        pooled = map_.mean(dim=(2, 3))
        pairs = torch.stack([(pooled[i] - pooled[j]).norm() for i, j in itertools.combinations(range(4), 2)])
        relative.append(pairs / pairs.mean())
    gap = (relative[0] - relative[1]).abs()
    huber = torch.where(gap < 1, gap.square() / 2, gap - 0.5).mean()
    torch.testing.assert_close(found, huber)


def test_methods_of_the_paper_are_those_with_a_place_in_its_table():
    from kdml.paper import numbers

    of_paper = {method for _, method, _ in numbers.methods()} - {"kd_ml_v3"}
    places = {name: method.place_in_table_10 for name, method in METHODS.items() if method.place_in_table_10}
    assert of_paper == places.keys() and sorted(places.values()) == list(range(1, 13))
