"""Every published method as it runs unless told otherwise: weights, taps, temperatures and options, at the paper's shapes."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from kdml.experiment.sections import MethodChoice
from kdml.learning.methods.base import Layers, Setting, Stage
from kdml.learning.methods.loading import load
from kdml.learning.methods.skd import SKD, Discriminator, SelfAttention
from kdml.runs.methods import METHODS
from kdml.runs.settings import MethodSettings

CLASSIFIERS = {
    "student": {"f1": (64, 56, 56), "f2": (128, 28, 28), "f3": (256, 14, 14), "f4": (512, 7, 7)},
    "teacher": {"f1": (256, 56, 56), "f2": (512, 28, 28), "f3": (1024, 14, 14), "f4": (2048, 7, 7)},
}
DECODER = {"d0": (256, 16, 16), "d1": (128, 32, 32), "d2": (64, 64, 64), "d3": (32, 128, 128), "d4": (16, 256, 256)}
U_NETS = {
    "student": {"e1": (64, 128, 128), "e2": (64, 64, 64), "e3": (128, 32, 32)} | DECODER,
    "teacher": {"e1": (64, 128, 128), "e2": (256, 64, 64), "e3": (512, 32, 32)} | DECODER,
}
SHAPES = {"classification": CLASSIFIERS, "segmentation": U_NETS}
STAGES = ("f1", "f2", "f3", "f4")
BLOCKS = ("d0", "d1", "d2", "d3")

# (method, kind) -> weights of its terms, taps, options, weights of the task's loss and of plain distillation.
DEFAULTS = {
    ("fitnet", "classification"): ({"hint": 100}, ("f2",), {"tap": "f2", "stages": 1}, (1, 0)),
    ("at", "classification"): ({f"attention_{tap}": 1000 for tap in STAGES}, STAGES, {"form": "code"}, (1, 0)),
    ("sp", "classification"): ({"similarity": 3000 * 8 / 64}, ("f4",), {"weighting": "batch_scaled"}, (1, 0)),
    ("srrl", "classification"): ({"features": 1, "regression": 1}, ("f4",), {"pooling": "after"}, (1, 0)),
    ("vid", "classification"): ({"information": 1}, STAGES, {}, (1, 0)),
    ("simkd", "classification"): ({"projection": 1}, ("f4",), {"reduction": 2}, (0, 0)),
    ("semckd", "classification"): (
        {"calibration": 400}, STAGES,
        {"middle": 256, "normalise_similarities": True, "attention_temperature": 1}, (1, 1),
    ),
    ("fitnet", "segmentation"): ({"hint": 10}, ("d0",), {"tap": "d0", "stages": 1}, (1, 0)),
    ("at", "segmentation"): ({f"attention_{tap}": 10000 for tap in BLOCKS}, BLOCKS, {"form": "code"}, (1, 0)),
    ("skd", "segmentation"): (
        {"pixel": 10, "pair": 0.5, "adversarial": 0.1}, ("d2",),
        {"tap": "d2", "grid": 2, "discriminator_scale": 0.1, "gradient_penalty": 10, "clip": 10}, (1, 0),
    ),
    ("ifvd", "segmentation"): ({"variation": 200}, ("d2",), {"tap": "d2"}, (1, 0)),
    ("cwd", "segmentation"): ({"channelwise": 3}, (), {"variant": "logits", "tap": "d2", "temperature": 4}, (1, 0)),
    ("dsd", "segmentation"): (
        {"pixel": 1000, "category": 10}, ("d1", "d2", "d3"), {"taps": ("d1", "d2", "d3"), "temperature": 4}, (1, 0),
    ),
    ("emkd", "segmentation"): (
        {"prediction": 0.1, "importance": 0.9, "region": 0.9}, ("e1", "e3"),
        {"taps": ("e1", "e3"), "temperature": 4, "exponent": 4}, (1, 0),
    ),
}  # fmt: skip


def built(method, kind, **options):
    with torch.device("meta"):
        setting = Setting(**SHAPES[kind], batch_size=8, classifier=nn.Linear(2048, 2), options=options)
        return load(method, kind)(setting)


def test_every_use_in_table_10_is_listed():
    of_paper = {name: method for name, method in METHODS.items() if method.place_in_table_10}
    assert set(DEFAULTS) == {(name, kind) for name, method in of_paper.items() for kind in method.classes}


@pytest.mark.parametrize(("use", "expected"), DEFAULTS.items(), ids=map("-".join, DEFAULTS))
def test_defaults(use, expected):
    weights, taps, options, beside = expected
    module, method = built(*use), METHODS[use[0]]
    assert module.weights == weights and tuple(module.taps) == taps
    assert type(module).defaults == options
    assert (method.supervised, method.kd) == beside
    for name in {"temperature", "exponent", "grid", "clip", "form"} & options.keys():
        assert getattr(module, name) == options[name]
    stages = module.stages(Stage())
    assert stages == (Stage(supervised=1, kd=0, kd_end=None, kd_temperature=4, terms=True, scored=True),)


def test_plain_distillation_is_at_temperature_4():
    assert MethodChoice().kd_temperature == MethodSettings(name="sp").kd_temperature == 4


@pytest.mark.parametrize("kind", ["classification", "segmentation"])
def test_fitnet_in_two_stages(kind):
    hints, rest = built("fitnet", kind, stages=2).stages(Stage())
    assert hints == Stage(supervised=0, kd=0, terms=True, scored=False)
    assert rest == Stage(supervised=1, kd=4, kd_end=1, kd_temperature=3, terms=False, scored=True)


def test_cwd_of_features_has_weight_50_at_temperature_4():
    module = built("cwd", "segmentation", variant="features")
    assert (module.weights, module.taps, module.temperature) == ({"channelwise": 50}, ("d2",), 4)


def test_semckd_as_it_is_by_default():
    module = built("semckd", "classification")
    assert module.normalise_similarities is True and module.temperature == 1 and module.whole_batches
    widths = {projection[0].out_channels for projection in module.projections.values()}
    assert widths == {256}  # twice the teacher's channels would be 512 and more


# SKD's discriminator


def convolutions(discriminator):
    return [layer for layer in discriminator.layers if isinstance(layer, nn.Conv2d)]


def test_discriminator_is_built_of_its_parts():
    layers = list(Discriminator().layers)
    block = [nn.Conv2d, nn.LeakyReLU]
    kinds = [nn.BatchNorm2d, *block, *block, *block, SelfAttention, *block, SelfAttention, nn.Conv2d]
    assert len(layers) == len(kinds) and all(map(isinstance, layers, kinds))
    assert [layer.negative_slope for layer in layers if isinstance(layer, nn.LeakyReLU)] == [0.1] * 4
    *blocks, last = convolutions(Discriminator())
    assert [conv.out_channels for conv in blocks] == [64, 128, 256, 512]
    assert {(conv.kernel_size, conv.stride, conv.padding) for conv in blocks} == {((4, 4), (2, 2), (1, 1))}
    assert (last.kernel_size, last.stride, last.padding, last.out_channels) == ((4, 4), (1, 1), (0, 0), 1)
    attention = layers[7]
    assert [attention.query.out_channels, attention.key.out_channels, attention.value.out_channels] == [32, 32, 256]


def test_discriminators_blocks_have_slope_1_at_most():
    """Spectral norm: the largest singular value of each block's kernel is 1, whatever is learnt; the last layer is free."""
    torch.manual_seed(0)
    discriminator = Discriminator()
    *blocks, last = convolutions(discriminator)
    assert not parametrize.is_parametrized(last)
    with torch.no_grad():
        for conv in blocks:
            conv.parametrizations.weight.original.mul_(30.0)
        for _ in range(100):  # steps of the power iteration
            weights = [conv.weight for conv in blocks]
    for weight in weights:
        assert torch.linalg.matrix_norm(weight.detach().flatten(1), ord=2).item() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("step", ["student's", "discriminator's"])
def test_discriminator_sees_zero_and_the_logit(step):
    """Not [-z, z], which would double what it sees of the student, in either step."""
    module = SKD(Setting({"d2": (4, 16, 16)}, {"d2": (4, 16, 16)}, batch_size=2))
    seen = []
    module.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    torch.manual_seed(0)
    student, teacher = (Layers({"d2": torch.rand(2, 4, 16, 16)}, torch.randn(2, 1, 64, 64)) for _ in range(2))
    if step == "student's":
        module(student, teacher, torch.zeros(2, 1, 64, 64, dtype=torch.uint8))
        expected = [student.logits]
    else:
        module.adversary_step(student, teacher, seed=0)
        share = torch.rand(2, 1, 1, 1, generator=torch.Generator().manual_seed(0))
        expected = [student.logits, teacher.logits, torch.lerp(teacher.logits, student.logits, share)]
    assert len(seen) == len(expected)
    for maps, logits in zip(seen, expected, strict=True):
        assert torch.equal(maps[:, :1], torch.zeros_like(logits))
        torch.testing.assert_close(maps[:, 1:], logits)
