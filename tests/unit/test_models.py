"""Parameter counts of the paper, taps, start weights with their rules, seeds, and weights on disk."""

import json

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from kdml.config import Sharing, Weights
from kdml.errors import UserError
from kdml.models import build, load_network, parameter_count, save_networks
from kdml.settings import Backbone, NetworkSettings
from kdml.weights import fetch, load_start

RESNET50, RESNET18, MOBILENET = (Backbone(timm=name) for name in ("resnet50", "resnet18", "mobilenetv1_100"))
TINY = Backbone(timm="resnet18", options={"channels": [8, 8, 8, 16], "layers": [1, 1, 1, 1]})


def built(backbone, kind="classification", outputs=2, start=None, seed=0, sharing=None, **settings):
    spec = NetworkSettings(architecture="x", backbone=backbone, **settings)
    return build(spec, kind, outputs, sharing or Sharing(), start, seed).eval()


def test_parameter_counts_of_the_paper():
    assert parameter_count(built(MOBILENET)) == 4_804_290
    assert parameter_count(built(RESNET50, block_like=RESNET18)) == pytest.approx(25.7e6, rel=2e-3)
    assert parameter_count(built(RESNET50, block_like=MOBILENET)) > parameter_count(
        built(RESNET50, block_like=RESNET18)
    )


@pytest.mark.parametrize(("backbone", "millions"), [(RESNET50, 32.52), (RESNET18, 14.33), (MOBILENET, 8.31)])
def test_unet_parameters_and_tap(backbone, millions):
    network = built(backbone, "segmentation", 1)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(millions * 1e6, rel=1e-3)
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


def start_of(tmp_path, name, backbone, **entry):
    path = tmp_path / f"{name}.safetensors"
    fetch(Weights(**entry), name, backbone, path)
    return load_start(path)


IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def entries(folder):
    return {
        "resnet50": {"path": folder / "resnet50_keras_in1k.safetensors", "stride_on": "1x1", **IMAGENET},
        "resnet18": {"path": folder / "resnet18_backbone_approx.safetensors", **IMAGENET},
        "mobilenetv1_100": {
            "path": folder / "mobilenetv1_100_tf_in1k.safetensors",
            "options": {"pad_type": "same", "bn_eps": 1e-3},
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
        },
    }


def plain_features(name, entry, images):
    """The same feature map from timm alone, strides and padding set by hand."""
    model = timm.create_model(name, num_classes=0, global_pool="", **entry.get("options", {})).eval()
    for stage in (2, 3, 4) if name == "resnet50" else ():
        block = getattr(model, f"layer{stage}")[0]
        block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)
    tensors = {key: tensor.float() for key, tensor in load_file(entry["path"]).items()}
    backbone = {key: tensor for key, tensor in tensors.items() if not key.startswith(("fc.", "classifier."))}
    model.load_state_dict(backbone, strict=False)
    mean, std = (torch.tensor(entry[key]).reshape(1, 3, 1, 1) for key in ("mean", "std"))
    with torch.inference_mode():
        return model((images / 255 - mean) / std)


@pytest.mark.parametrize("name", ["resnet50", "resnet18", "mobilenetv1_100"])
def test_imagenet_weights_with_their_strides_padding_and_statistics(tmp_path, imagenet_weights, name):
    entry = entries(imagenet_weights)[name]
    start = start_of(tmp_path, name, name, **entry)
    images = torch.randint(0, 256, (2, 3, 96, 96), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    expected = plain_features(name, entry, images)
    with torch.inference_mode():
        features = built(Backbone(timm=name), start=start)(images).features
    assert torch.allclose(features, expected, rtol=1e-3, atol=1e-4)
    unet = built(Backbone(timm=name), "segmentation", 1, start=start)
    with torch.inference_mode():
        deepest = unet.body.unet.encoder(images.float() * unet.scale + unet.shift)[-1]
    assert torch.allclose(deepest, expected, rtol=1e-3, atol=1e-4)


def test_unit_normalisation_only_divides():
    network = built(TINY, normalisation="unit")
    images = torch.full((1, 3, 32, 32), 255.0)
    assert torch.allclose(images * network.scale + network.shift, torch.ones(1))


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
    with pytest.raises(UserError, match="does not fit the network 's1'"):
        load_network(path, built(TINY, outputs=7), "s1")


@pytest.fixture
def weights_file(tmp_path):
    """A good file of backbone weights."""
    path = tmp_path / "tiny.safetensors"
    save_file(timm.create_model("resnet18", num_classes=0).state_dict(), path)
    return path


def spoil(path, how):
    whole = {key: tensor.clone() for key, tensor in load_file(path).items()}  # the file itself is mapped into memory
    changes = {
        "missing": path.unlink,
        "empty": lambda: path.write_bytes(b""),
        "truncated": lambda: path.write_bytes(path.read_bytes()[:5000]),
        "pickle": lambda: torch.save(whole, path),
        "no tensors": lambda: save_file({}, path),
        "lacks a tensor": lambda: save_file({k: v for k, v in whole.items() if k != "layer4.1.conv2.weight"}, path),
        "wrong shape": lambda: save_file(whole | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, path),
    }
    changes[how]()


BROKEN_WEIGHTS = {
    "missing": ["does not exist", "weights.mine.path"],
    "empty": ["damaged or no safetensors file"],
    "truncated": ["damaged or no safetensors file"],
    "pickle": ["damaged or no safetensors file"],
    "no tensors": ["holds no tensors"],
    "lacks a tensor": ["lack 1 tensors", "layer4.1.conv2.weight", "belong to this network"],
    "wrong shape": ["conv1.weight has the shape (64, 1, 7, 7), not (64, 3, 7, 7)"],
}


@pytest.mark.parametrize(("how", "words"), BROKEN_WEIGHTS.items(), ids=BROKEN_WEIGHTS)
def test_broken_weights_are_named(tmp_path, weights_file, how, words):
    spoil(weights_file, how)
    out = tmp_path / "out.safetensors"
    with pytest.raises(UserError) as caught:
        fetch(Weights(path=weights_file, **IMAGENET), "mine", "resnet18", out)
    assert all(word in str(caught.value) for word in [str(weights_file), *words])
    assert not out.exists() and sorted(p.name for p in tmp_path.iterdir()) in (["tiny.safetensors"], [])


def test_other_mistakes_with_weights_and_backbones(tmp_path, weights_file):
    with pytest.raises(UserError, match="`stride_on: 1x1` does not suit the backbone 'resnet18'"):
        fetch(Weights(path=weights_file, stride_on="1x1", **IMAGENET), "mine", "resnet18", tmp_path / "out.safetensors")
    with pytest.raises(UserError, match="does not say what its weights were trained with"):
        load_start(weights_file)
    with pytest.raises(UserError, match="The backbone 'resnet19' cannot be built") as caught:
        built(Backbone(timm="resnet19"))
    assert "resnet18" in caught.value.remedy
    with pytest.raises(UserError, match="cannot be built"):
        built(Backbone(timm="resnet18", options={"colour": 1}))
    with pytest.raises(UserError, match="cannot be built"):
        built(Backbone(timm="resnet18", options={"colour": 1}), "segmentation", 1)
    with pytest.raises(UserError, match="50x64 pixels") as caught:
        built(TINY, "segmentation", 1)(torch.zeros(1, 3, 50, 64))
    assert "multiple of 32" in caught.value.remedy


def test_download_failure_names_three_ways_on(tmp_path, monkeypatch):
    """Without a network the real client fails; the message must help."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def refuse(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", refuse)
    with pytest.raises(UserError, match=r"'mine' \(resnet18.tv_in1k\) could not be downloaded") as caught:
        fetch(Weights(timm="resnet18.tv_in1k"), "mine", "resnet18", tmp_path / "out.safetensors")
    assert all(way in caught.value.remedy for way in ("login node", "weights.mine.path", "weights: none"))


def test_downloaded_weights_keep_their_statistics(tmp_path, monkeypatch):
    """timm's own loading with the transfer alone replaced: head dropped, mean and SD from timm's record of these weights."""
    state = timm.create_model("mobilenetv1_100").state_dict()
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", lambda *_, **__: dict(state))
    start = start_of(tmp_path, "mobilenet", "mobilenetv1_100", timm="mobilenetv1_100.ra4_e3600_r224_in1k")
    record = timm.create_model("mobilenetv1_100.ra4_e3600_r224_in1k").pretrained_cfg
    assert (start.mean, start.std) == (tuple(record["mean"]), tuple(record["std"]))
    assert not any(key.startswith("classifier") for key in start.tensors)
    assert torch.equal(start.tensors["conv_stem.weight"], state["conv_stem.weight"])
    assert json.dumps(dict(start.options)) == "{}"
