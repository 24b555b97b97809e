"""Parameter counts of the paper, taps, normalisation, seeds, and weights on disk."""

import pytest
import torch
from safetensors import safe_open

from kdml.common.errors import UserError
from kdml.learning.networks import build, load_network, load_networks, parameter_count, save_networks, trainable_count
from kdml.learning.start_weights import StartWeights
from kdml.runs.settings import Backbone, NetworkSettings, Sharing

RESNET50, RESNET18, MOBILENET = (Backbone(timm=name) for name in ("resnet50", "resnet18", "mobilenetv1_100"))
TINY = Backbone(timm="resnet18", options={"channels": [8, 8, 8, 16], "layers": [1, 1, 1, 1]})


def built(backbone, kind="classification", outputs=2, start=None, seed=0, sharing=None, **settings):
    spec = NetworkSettings(architecture="x", backbone=backbone, **settings)
    return build(spec, kind, outputs, sharing or Sharing(), start, seed).eval()


def test_parameter_counts_of_the_paper():
    """Expected counts by hand: torchvision's 23,508,032 parameters of the body, its BatchNorm statistics, block and head."""
    head = 512 * 1024 + 1024 + 1024 * 512 + 512 + 512 * 2 + 2
    block = 2048 * 512 + 512 + 2 * 512
    network = built(RESNET50, block_like=RESNET18)
    assert parameter_count(built(MOBILENET)) == 4_804_290
    assert trainable_count(network) == 23_508_032 + block + head
    assert parameter_count(network) == trainable_count(network) + 53_120 + 2 * 512
    assert trainable_count(network.requires_grad_(False)) == 23_508_032 + block + head


@pytest.mark.parametrize(("backbone", "millions"), [(RESNET50, 32.52), (RESNET18, 14.33), (MOBILENET, 8.31)])
def test_unet_parameters_and_tap(backbone, millions):
    network = built(backbone, "segmentation", 1)
    assert trainable_count(network) == pytest.approx(millions * 1e6, rel=1e-3)
    with torch.inference_mode():
        output = network(torch.zeros(1, 3, 256, 256, dtype=torch.uint8))
    assert output.logits.shape == (1, 1, 256, 256)
    assert output.features.shape == (1, 256, 16, 16) and network.tap_channels == 256


@pytest.mark.parametrize(
    ("backbone", "block", "channels"),
    [(RESNET18, None, 512), (MOBILENET, None, 1024), (RESNET50, RESNET18, 512), (RESNET50, MOBILENET, 1024)],
)
@pytest.mark.parametrize("tap", ["stage", "raw_convolution"])
def test_classification_taps_match(backbone, block, channels, tap):
    network = built(backbone, block_like=block, sharing=Sharing(classification_tap=tap))
    with torch.inference_mode():
        output = network(torch.randint(0, 256, (1, 3, 224, 224), dtype=torch.uint8))
    assert output.features.shape == (1, channels, 7, 7) and network.tap_channels == channels
    assert (output.features.min() >= 0) == (tap == "stage")  # after the ReLU, or before it


def test_raw_tap_is_the_last_convolution_and_nothing_overwrites_it():
    network = built(TINY, sharing=Sharing(classification_tap="raw_convolution"))
    seen = []
    network.body.backbone.layer4[0].conv2.register_forward_hook(lambda m, i, o: seen.append(o.clone()))
    with torch.inference_mode():
        output = network(torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8))
    assert torch.equal(output.features, seen[0])


@pytest.mark.parametrize(
    ("name", "tap", "channels"),
    [
        ("seresnet50", "raw_convolution", 2048),  # its last convolution sits in a gate of 1x1 pixel
        ("mobilenetv3_small_050", "stage", 1024),  # wider than timm's num_features says
        ("densenet121", "raw_convolution", 32),  # narrower than the map that it is a part of
    ],
)
def test_taps_of_other_backbones(name, tap, channels):
    network = built(Backbone(timm=name), sharing=Sharing(classification_tap=tap))
    with torch.inference_mode():
        output = network(torch.zeros(1, 3, 64, 64))
    assert output.features.shape == (1, channels, 2, 2) and network.tap_channels == channels


def test_building_leaves_the_network_ready_to_train():
    """The look at a backbone's shapes leaves neither evaluation mode, nor statistics, nor gradients behind."""
    spec = NetworkSettings(architecture="x", backbone=TINY)
    network = build(spec, "classification", 2, Sharing(), None, 0)
    assert network.training and all(module.training for module in network.modules())
    assert all(int(b) == 0 for name, b in network.named_buffers() if name.endswith("num_batches_tracked"))
    network(torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)).logits.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("tap", ["first_convolution", "block"])
def test_segmentation_taps(tap):
    network = built(TINY, "segmentation", 1, sharing=Sharing(segmentation_tap=tap), decoder_channels=(16, 8, 8, 8, 8))
    block, seen = network.body.unet.decoder.blocks[0], []
    (block.conv1 if tap == "first_convolution" else block).register_forward_hook(lambda m, i, o: seen.append(o))
    with torch.inference_mode():
        output = network(torch.zeros(1, 3, 64, 64))
    assert torch.equal(output.features, seen[0]) and output.features.shape == (1, 16, 4, 4)


def test_head_of_the_paper_and_linear():
    head = [layer.weight.shape for layer in built(TINY, outputs=7).body.head if hasattr(layer, "weight")]
    assert head == [(1024, 16), (512, 1024), (7, 512)]
    linear = [layer.weight.shape for layer in built(TINY, outputs=7, head="linear").body.head]
    assert linear == [(7, 16)]


def test_same_seed_same_network_and_the_global_state_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one = built(TINY, seed=1)
    assert torch.equal(torch.rand(3), expected)
    other, different = built(TINY, seed=1), built(TINY, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert not torch.equal(one.body.head[0].weight, different.body.head[0].weight)


def start_of_tiny(mean, std):
    """A start that is made of a random TINY's own backbone."""
    tensors = built(TINY, seed=3).body.backbone.state_dict()
    return StartWeights(tensors, mean, std, "3x3", {}, "a test", None)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize(
    ("start", "normalisation", "mean", "std"),
    [
        (None, "weights", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        (((0.5, 0.4, 0.3), (0.1, 0.2, 0.3)), "weights", (0.5, 0.4, 0.3), (0.1, 0.2, 0.3)),
        (((0.5, 0.4, 0.3), (0.1, 0.2, 0.3)), "unit", (0, 0, 0), (1, 1, 1)),
    ],
)
def test_images_are_normalised_by_the_weights_statistics(start, normalisation, mean, std, dtype):
    network = built(TINY, start=start and start_of_tiny(*start), normalisation=normalisation)
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    mean, std = (torch.tensor(values, dtype=torch.float64).reshape(1, 3, 1, 1) for values in (mean, std))
    normalised = ((images.double() / 255 - mean) / std).float()
    with torch.inference_mode():
        assert torch.allclose(network(images.to(dtype)).logits, network.body(normalised).logits, atol=1e-5)
    assert {"scale", "shift"} <= network.state_dict().keys() and "scale" not in dict(network.named_parameters())


@pytest.mark.parametrize("kind", ["classification", "segmentation"])
def test_memory_format_and_bfloat16(kind):
    """Images in channels_last stay so to the end, under autocast too, and the input's statistics keep full precision."""
    network = built(TINY, kind, 1).to(memory_format=torch.channels_last)
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8).to(memory_format=torch.channels_last)
    seen = []
    network.body.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        plain = network(images)
        with torch.autocast("cpu", torch.bfloat16):
            half = network(images)
    for tensor in (*seen, plain.features, half.features):
        assert tensor.is_contiguous(memory_format=torch.channels_last)
    assert [tensor.dtype for tensor in seen] == [torch.float32] * 2 and half.logits.dtype == torch.bfloat16
    assert torch.allclose(half.logits.float(), plain.logits, atol=0.05 * float(plain.logits.abs().max()) + 0.02)


def test_weights_on_disk_and_back(tmp_path):
    path = tmp_path / "weights.safetensors"
    networks = {"s1": built(TINY, seed=1).to(memory_format=torch.channels_last), "s2": built(TINY, seed=2)}
    save_networks(path, networks)
    for name, network in networks.items():
        fresh = built(TINY, seed=9)
        load_network(path, fresh, name)
        assert all(
            torch.equal(a, b) for a, b in zip(fresh.state_dict().values(), network.state_dict().values(), strict=True)
        )
    with pytest.raises(UserError, match="holds the networks s1, s2; one was expected"):
        load_network(path, built(TINY))
    with pytest.raises(UserError, match="not 'teacher'"):
        load_network(path, built(TINY), "teacher")
    with pytest.raises(UserError, match=r"does not fit the network 's1': body.head.4.weight has the shape \(2, 512\)"):
        load_network(path, built(TINY, outputs=7), "s1")


def test_all_networks_of_a_file_and_its_metadata(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_networks(path, {"s1": built(TINY, seed=1), "s2": built(TINY, seed=2)}, {"run": "kd_ml_v3"})
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"run": "kd_ml_v3"}
    fresh = {"s2": built(TINY, seed=8), "s1": built(TINY, seed=9)}
    load_networks(path, fresh)
    assert torch.equal(fresh["s1"].body.head[0].weight, built(TINY, seed=1).body.head[0].weight)
    assert torch.equal(fresh["s2"].body.head[0].weight, built(TINY, seed=2).body.head[0].weight)
    with pytest.raises(UserError, match=r"holds the networks s1, s2, not s1\."):
        load_networks(path, {"s1": fresh["s1"]})


def test_the_only_network_is_taken_whatever_its_name(tmp_path):
    """An offline teacher is the `baseline` of another run."""
    path, teacher = tmp_path / "weights.safetensors", built(TINY, seed=9)
    save_networks(path, {"baseline": built(TINY, seed=1)})
    load_network(path, teacher)
    assert torch.equal(teacher.body.head[0].weight, built(TINY, seed=1).body.head[0].weight)


@pytest.mark.parametrize(
    ("content", "words"), [(None, "does not exist"), (b"", "is damaged"), (b"\x10\0\0\0\0\0\0\0{", "is damaged")]
)
def test_files_that_hold_no_networks(tmp_path, content, words):
    path = tmp_path / "weights.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
        load_network(path, built(TINY))
    assert str(path) in caught.value.problem and "train its run first" in caught.value.remedy


def test_a_teacher_that_diverged_is_to_blame_before_its_student_is_trained(tmp_path):
    path, teacher = tmp_path / "weights.safetensors", built(TINY)
    with torch.no_grad():
        teacher.body.head[0].bias[0] = float("nan")
    save_networks(path, {"teacher": teacher})
    with pytest.raises(
        UserError, match=r"weights\.safetensors: teacher\.body\.head\.0\.bias holds values that are no finite numbers"
    ):
        load_network(path, built(TINY))


def test_a_failed_write_keeps_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    save_networks(path, {"s1": built(TINY, seed=1)})
    before = path.read_bytes()

    def half_written(tensors, target, metadata):
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("kdml.learning.networks.save_file", half_written)
    with pytest.raises(OSError, match="disk full"):
        save_networks(path, {"s1": built(TINY, seed=2)})
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


BAD_BACKBONES = [
    ("resnet19", {}, "classification", "Unknown model", "resnet18"),
    ("resnet18", {"colour": 1}, "classification", "colour", "`options`"),
    ("resnet18", {"colour": 1}, "segmentation", "colour", "`options`"),
    ("vit_tiny_patch16_224", {"img_size": 100}, "classification", "patches of 16", "networks: timm:"),
    ("vit_tiny_patch16_224", {}, "segmentation", "cannot be built", "networks: timm:"),
]


@pytest.mark.parametrize(("name", "options", "kind", "words", "remedy"), BAD_BACKBONES)
def test_backbones_that_cannot_be_built(name, options, kind, words, remedy):
    with pytest.raises(UserError, match=words) as caught:
        built(Backbone(timm=name, options=options), kind, 1)
    assert f"The backbone '{name}' cannot be built" in caught.value.problem and remedy in caught.value.remedy


def test_a_unet_names_the_image_size_that_it_cannot_take():
    with pytest.raises(UserError, match="50x64 pixels") as caught:
        built(TINY, "segmentation", 1)(torch.zeros(1, 3, 50, 64))
    assert "`image_size` to a multiple of 32" in caught.value.remedy
