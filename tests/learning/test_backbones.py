"""Families of timm as teacher and as student, on a grid where they end in tokens; maps of other shapes are matched."""

import itertools

import pytest
import timm
import torch
import torch.nn.functional as F
from small import STUDENT, TEACHER, arrays_of, engine_of, interrupted, settings_of, variant_graph

from kdml.common.errors import UserError
from kdml.learning import build as builders
from kdml.learning.backbones import OnGrid, make_backbone, make_model
from kdml.learning.cohort import Cohort
from kdml.learning.losses import resized
from kdml.learning.method_cohort import MethodCohort
from kdml.learning.networks import build
from kdml.learning.start_weights import StartWeights, fit_to, misfit, without_head
from kdml.runs.settings import Backbone, MethodSettings, NetworkSettings, Sharing

FEW = {"depth": 4, "embed_dim": 48, "num_heads": 2}
FEW_STAGES = {"embed_dim": 16, "depths": [1, 1, 2, 1], "num_heads": [1, 2, 2, 4]}
# family: name, options that make it small, side of its images, taps besides f4
FAMILIES = {
    "ViT": ("test_vit", {"img_size": 32}, 32, "f1 f2 f3"),
    "DeiT": ("deit_tiny_patch16_224", FEW | {"img_size": 32}, 32, "f1 f2 f3"),
    "DINOv2 with registers": ("vit_small_patch14_reg4_dinov2", FEW | {"img_size": 56}, 56, "f1 f2 f3"),
    "BEiT": ("beit_base_patch16_224", FEW | {"img_size": 32}, 32, "f1 f2 f3"),
    "EVA": ("eva02_tiny_patch14_224", FEW | {"img_size": 28}, 28, "f1 f2 f3"),
    "XCiT": ("xcit_nano_12_p16_224", FEW | {"img_size": 32}, 32, "f1 f2 f3"),
    "MLP": ("gmlp_ti16_224", {"img_size": 32}, 32, "f1 f2 f3"),
    "CrossViT": ("crossvit_tiny_240", {"depth": [[1, 1, 0], [1, 1, 0]]}, 240, ""),
    "Swin": ("swin_tiny_patch4_window7_224", FEW_STAGES | {"img_size": 32}, 32, "f1 f2 f3"),
    "Swin V2": ("swinv2_tiny_window8_256", FEW_STAGES | {"img_size": 64}, 64, "f1 f2 f3"),
    "LeViT": ("levit_128s", {"img_size": 64}, 64, "f3"),
    "CoaT": ("coat_tiny", {"img_size": 32, "serial_depths": [1, 1, 1, 1], "parallel_depth": 1}, 32, "f1 f2 f3"),
    "MambaOut": ("test_mambaout", {}, 32, "f1 f2 f3"),
    "PVT": ("pvt_v2_b0", {"depths": [1, 1, 1, 1]}, 32, "f1 f2 f3"),
    "CoAtNet": ("test_coatnet", {"img_size": 64}, 64, "f1 f2 f3"),
    "ConvNeXt": ("test_convnext", {}, 32, "f1 f2 f3"),
    "EfficientNet": ("test_efficientnet", {}, 32, "f1 f2 f3"),
    "NFNet": ("test_nfnet", {}, 32, "f1 f2 f3"),
    "RegNet": ("regnety_002", {}, 32, "f1 f2 f3"),
}
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def backbone_of(family):
    name, options, *_ = FAMILIES[family]
    return Backbone(timm=name, options=options)


def settings_with(variant, teacher, student, kind="classification", **training):
    """Settings of a run with other backbones; the teacher has the extra block of a classifier."""
    settings = settings_of(variant_graph(variant), kind, **training)
    networks = {
        name: one.model_copy(
            update={
                "backbone": teacher if name == "teacher" else student,
                "block_like": student if one.block_like is not None else None,
            }
        )
        for name, one in settings.networks.items()
    }
    return settings.model_copy(update={"networks": networks})


def cohort_with(settings):
    return Cohort(settings, {name: builders._network(settings, name, {}) for name in settings.networks})


def images_of(size, count=2):
    return torch.randint(0, 256, (count, 3, size, size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@pytest.mark.parametrize("role", ["teacher", "student"])
@pytest.mark.parametrize("family", FAMILIES)
def test_families_teach_and_learn(family, role):
    """A step of v3 with an online teacher: every network is trained, and nobody's gradient is lost on the way to its taps."""
    teacher, student = (backbone_of(family), STUDENT) if role == "teacher" else (TEACHER, backbone_of(family))
    cohort = cohort_with(settings_with("kd_on_v3", teacher, student)).train()
    losses = cohort.losses(cohort(images_of(FAMILIES[family][2])), torch.tensor([0, 1]))
    losses.total.backward()
    assert torch.isfinite(losses.total)
    for network in cohort.networks.values():
        got = [parameter.grad is not None for parameter in network.parameters()]
        assert sum(got) > 0.7 * len(got)  # CrossViT's last fusion, say, leads to class tokens alone
        assert all(parameter.grad is not None for parameter in network.body.head.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_taps_of_families(family):
    size, taps = FAMILIES[family][2:]
    settings = NetworkSettings(architecture="x", backbone=backbone_of(family), head="linear")
    network = build(settings, "classification", 2, Sharing(), None, 0).eval()
    with torch.inference_mode():
        output = network(images_of(size))
    assert list(network.stages) == [*taps.split(), "f4"]
    assert output.features.shape[:2] == (2, network.tap_channels) and output.logits.shape == (2, 2)
    assert output.features.shape[2] == output.features.shape[3]


def test_tokens_lie_on_the_grid_in_their_order():
    """Against timm's own tokens: class token and registers are left out, rows and columns are not exchanged."""
    for family, prefix, side in (("ViT", None, 2), ("DINOv2 with registers", 5, 4), ("EVA", 1, 2)):
        backbone, ending = make_backbone(backbone_of(family))
        images = torch.randn(2, 3, FAMILIES[family][2], FAMILIES[family][2])
        with torch.inference_mode():
            map_, tokens = backbone.eval()(images), backbone.model.forward_features(images)
        prefix = backbone.model.num_prefix_tokens if prefix is None else prefix
        assert tokens.shape[1] == prefix + side * side and map_.shape == (2, ending.channels, side, side)
        for row, column in itertools.product(range(side), repeat=2):
            assert torch.equal(map_[:, :, row, column], tokens[:, prefix + row * side + column])


def test_channels_last_maps_are_turned():
    backbone, _ = make_backbone(backbone_of("Swin V2"))
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        map_, features = backbone.eval()(images), backbone.model.forward_features(images)
    assert features.shape == (2, 2, 2, 128) and torch.equal(map_, features.permute(0, 3, 1, 2))


def test_blocks_at_quarters_stand_for_stages():
    backbone, _ = make_backbone(Backbone(timm="deit_tiny_patch16_224", options=FEW | {"img_size": 32, "depth": 8}))
    seen = []
    for place in (1, 3, 5):
        backbone.model.blocks[place].register_forward_hook(lambda _, __, output: seen.append(output[:, 1:]))
    taken = {}
    for tap, source in backbone.stages.items():
        source.module.register_forward_hook(
            lambda _, __, levels, tap=tap, i=source.index: taken.update({tap: levels[i]})
        )
    with torch.inference_mode():
        backbone.eval()(torch.randn(1, 3, 32, 32))
    assert list(taken) == ["f1", "f2", "f3"]
    for map_, tokens in zip(taken.values(), seen, strict=True):
        assert torch.equal(map_.flatten(2).mT, tokens)


def test_looking_at_shapes_leaves_nothing_behind():
    """Some networks keep what they computed for a size; a look without values must not reach them."""
    backbone, _ = make_backbone(backbone_of("LeViT"))
    assert isinstance(backbone, OnGrid) and backbone.training
    with torch.inference_mode():
        assert backbone.eval()(torch.randn(1, 3, 64, 64)).device.type == "cpu"


BAD = {
    "size that patches do not divide": ("test_vit", {"img_size": 40}, "40 pixels do not divide into patches of 16"),
    "no windows for the size": ("halonet_h1", {}, "cannot be built"),
    "unknown option": ("test_vit", {"colour": 1}, "colour"),
}


@pytest.mark.parametrize("case", BAD)
def test_backbones_that_end_in_no_map(case):
    name, options, words = BAD[case]
    with pytest.raises(UserError, match=words) as caught:
        make_backbone(Backbone(timm=name, options=options))
    assert f"The backbone '{name}' cannot be built" in caught.value.problem


def test_a_network_of_tokens_has_no_last_convolution():
    settings = NetworkSettings(architecture="x", backbone=backbone_of("ViT"))
    with pytest.raises(UserError, match="no last convolution"):
        build(settings, "classification", 2, Sharing(classification_tap="raw_convolution"), None, 0)


@pytest.mark.parametrize(("size", "mode"), [((14, 10), "bilinear"), ((3, 2), "area"), ((7, 5), None)])
def test_resizing_is_that_of_torch(size, mode):
    map_ = torch.randn(2, 3, 7, 5, generator=torch.Generator().manual_seed(1), requires_grad=True)
    found = resized(map_, size)
    assert torch.allclose(found, F.interpolate(map_, size=size, mode=mode) if mode else map_, atol=1e-6)
    found.sum().backward()
    assert map_.grad.shape == map_.shape


def test_maps_of_other_shapes_are_matched_and_the_record_says_so():
    settings = settings_with("kd_off_v2", backbone_of("DINOv2 with registers"), STUDENT)
    plain = settings.networks["teacher"].model_copy(update={"block_like": None})
    cohort = cohort_with(settings.model_copy(update={"networks": settings.networks | {"teacher": plain}})).train()
    assert cohort.adaptors["s1_from_teacher"].weight.shape == (48, 16, 1, 1)
    outputs = cohort(images_of(56))
    assert outputs["teacher"].features.shape == (2, 48, 4, 4) and outputs["s1"].features.shape == (2, 16, 2, 2)
    term = cohort.losses(outputs, torch.tensor([0, 1])).terms["s1.features_from_teacher"]
    mine = F.interpolate(cohort.adaptors["s1_from_teacher"](outputs["s1"].features), size=(4, 4), mode="bilinear")
    assert mine.shape == (2, 48, 4, 4)
    assert term.item() == pytest.approx(F.mse_loss(mine, outputs["teacher"].features).item(), rel=1e-4)
    assert cohort.describe()["departures"][0] == (
        "features of s1 compared with those of teacher by a 1x1 convolution from 16 to 48 channels and resizing from 2x2 to 4x4"
    )


def test_maps_of_one_shape_are_no_departure():
    cohort = cohort_with(settings_of(variant_graph("kd_off_v2")))
    cohort(images_of(32))
    assert cohort.describe() == {"adaptor_parameters": 0, "departures": []}


@pytest.mark.parametrize("family", ["ViT", "DINOv2 with registers", "Swin", "MambaOut"])
@pytest.mark.parametrize("method", ["at", "fitnet", "sp", "vid"])
def test_published_methods_find_their_taps(family, method):
    settings = settings_with("kd_off_v1", backbone_of(family), STUDENT, batch_size=4)
    networks = {name: one.model_copy(update={"block_like": None}) for name, one in settings.networks.items()}
    chosen = {"method": MethodSettings(name=method), "networks": networks, "edges": (), "supervised": {"s1": 1.0}}
    settings, size = settings.model_copy(update=chosen), FAMILIES[family][2]
    built = {name: builders._network(settings, name, {}) for name in ("teacher", "s1")}
    cohort = MethodCohort(settings, built, size).train()
    total = cohort.losses(cohort(images_of(size, 4)), torch.tensor([0, 1, 0, 1])).total
    total.backward()
    assert torch.isfinite(total)


SMALL_VIT = Backbone(timm="test_vit", options={"img_size": 32})
SMALL_SWIN = Backbone(timm="swin_tiny_patch4_window7_224", options=FEW_STAGES | {"img_size": 32})


@pytest.mark.parametrize(
    ("teacher", "student"), [(SMALL_VIT, STUDENT), (TEACHER, SMALL_SWIN)], ids=["vit-cnn", "cnn-swin"]
)
def test_small_trainings_resume_to_the_same_bits(tmp_path, teacher, student):
    settings = settings_with("kd_on_v3", teacher, student, epochs=3, learning_rate=1e-3)
    whole = engine_of(settings)
    progress = whole.run()
    resumed = interrupted(settings, tmp_path / "c.pt")
    states = [engine.cohort.state_dict() for engine in (whole, resumed)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(one, other) for one, other in zip(*(state.values() for state in states), strict=True))
    assert progress.history[-1]["train.s1.supervised"] < progress.history[0]["train.s1.supervised"]
    assert "train.s1.features_from_teacher" in progress.history[0]


def start_of(name):
    """Weights of a backbone as timm has them, those of its classifier among them, and what is made of them."""
    torch.manual_seed(0)
    spec = Backbone(timm=name)
    tensors = timm.create_model(name).state_dict()
    return tensors, StartWeights(without_head(tensors, make_model(spec), spec), *IMAGENET, "3x3", {}, "a test", None)


@pytest.mark.parametrize("kind", ["classification", "segmentation"])
def test_positions_of_start_weights_follow_the_size_of_the_images(kind):
    """Everything else is what the weights have: also in a U-Net, where stages have other names."""
    name, options = ("test_vit", {"img_size": 96}) if kind == "classification" else ("test_coatnet", {"img_size": 96})
    tensors, start = start_of(name)
    settings = NetworkSettings(architecture="x", backbone=Backbone(timm=name, options=options))
    network = build(settings, kind, 1, Sharing(), start, 0)
    inner = network.body.backbone.model if kind == "classification" else network.body.unet.encoder.model
    state = inner.state_dict()
    moved = [key for key in state if key.replace("stages_", "stages.") in tensors]
    assert len(moved) == len(state)
    changed = [key for key in state if state[key].shape != tensors[key.replace("stages_", "stages.")].shape]
    assert changed and all("pos" in key for key in changed)
    same = [key for key in state if key not in changed]
    assert all(torch.equal(state[key], tensors[key.replace("stages_", "stages.")]) for key in same)


def test_a_norm_after_pooling_starts_the_one_before_it():
    spec = Backbone(timm="beit_base_patch16_224", options=FEW)
    torch.manual_seed(0)
    tensors = timm.create_model(spec.timm, **FEW).state_dict()
    tensors["fc_norm.weight"] = torch.rand(48)
    probe = make_model(spec)
    body = without_head(tensors, probe, spec)
    assert misfit(probe.state_dict(), body) is None
    assert torch.equal(body["norm.weight"], tensors["fc_norm.weight"])


def test_weights_whose_positions_cannot_be_moved_are_refused():
    _, start = start_of("levit_128s")
    spec = Backbone(timm="levit_128s", options={"img_size": 64})
    with pytest.raises(UserError, match="attention_biases has the shape") as caught:
        fit_to(make_model(spec), start, spec)
    assert "images of the size that they were trained on" in caught.value.remedy


UNETS = {
    "Swin": ("swin_tiny_patch4_window7_224", FEW_STAGES | {"img_size": 64}),
    "PVT": ("pvt_v2_b0", {"depths": [1, 1, 1, 1]}),
    "CoaT": ("coat_tiny", {"img_size": 64, "serial_depths": [1, 1, 1, 1], "parallel_depth": 1}),
    "ConvNeXt": ("test_convnext", {}),
    "MambaOut": ("test_mambaout", {}),
    "CoAtNet": ("test_coatnet", {"img_size": 64}),
    "RegNet": ("regnety_002", {}),
}


@pytest.mark.parametrize("role", ["teacher", "student"])
@pytest.mark.parametrize("family", UNETS)
def test_encoders_of_a_unet(family, role):
    name, options = UNETS[family]
    mine = Backbone(timm=name, options=options)
    teacher, student = (mine, STUDENT) if role == "teacher" else (TEACHER, mine)
    cohort = cohort_with(settings_with("kd_on_v3", teacher, student, "segmentation")).train()
    masks = torch.from_numpy(arrays_of("segmentation").masks[10:12]).unsqueeze(1).repeat(1, 1, 2, 2)
    outputs = cohort(images_of(64))
    cohort.losses(outputs, masks).total.backward()
    assert all(output.logits.shape == (2, 1, 64, 64) for output in outputs.values())
    stages = cohort.networks[role if role == "teacher" else "s1"].stages
    assert ("e1" in stages) == (family in ("CoAtNet", "RegNet"))  # the others have no map of 1/2
    for network in cohort.networks.values():
        assert sum(parameter.grad is not None for parameter in network.parameters()) > 0.9 * len(
            list(network.parameters())
        )


def test_a_unet_of_one_resolution_is_refused_by_name():
    settings = NetworkSettings(architecture="x", backbone=SMALL_VIT)
    with pytest.raises(UserError, match="'test_vit' cannot be built: Unsupported model downsampling"):
        build(settings, "segmentation", 1, Sharing(), None, 0)
