"""Start weights: strides, padding and statistics of real ones, downloads with the hub's real client, broken files."""

import hashlib
import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import timm
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save, save_file

from kdml.common.errors import UserError
from kdml.learning.networks import build
from kdml.learning.start_weights import fetch, load_start
from kdml.runs.settings import Backbone, NetworkSettings, Sharing, StartWeightsSettings

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
THREE_WAYS = ["login node", "weights.tiny.path", "weights: none"]
TAG = "test_resnet.r160_in1k"  # timm's own small network for tests


def start_of(tmp_path, backbone, **entry):
    path = tmp_path / "start.safetensors"
    make(path, backbone, **entry)
    return load_start(path)


def make(out, backbone, path=None, **entry):
    """The file of start weights from a local file, or from timm's hub."""
    fetch(StartWeightsSettings(source="file" if path else "timm", **entry), path, "mine", backbone, out)


def network_of(name, start, kind):
    spec = NetworkSettings(architecture="x", backbone=Backbone(timm=name))
    return build(spec, kind, 1, Sharing(), start, seed=0).eval()


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
    start = start_of(tmp_path, name, **entry)
    images = torch.randint(0, 256, (2, 3, 96, 96), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    expected = plain_features(name, entry, images)
    unet = network_of(name, start, "segmentation")
    with torch.inference_mode():
        features = network_of(name, start, "classification")(images).features
        deepest = unet.body.unet.encoder(images.float() * unet.scale + unet.shift)[-1]
    assert torch.allclose(features, expected, rtol=1e-3, atol=1e-4)
    assert torch.allclose(deepest, expected, rtol=1e-3, atol=1e-4)
    assert not any(key.startswith(("fc.", "classifier.")) for key in start.tensors)
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in start.tensors.values())


def test_moving_the_strides_matters(tmp_path, imagenet_weights):
    """The same file without its rule gives other features of the same shape: nothing but the rule would tell."""
    entry = entries(imagenet_weights)["resnet50"]
    images = torch.randint(0, 256, (1, 3, 96, 96), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    with torch.inference_mode():
        wrong = network_of("resnet50", start_of(tmp_path, "resnet50", **entry | {"stride_on": "3x3"}), "classification")
        features, expected = wrong(images).features, plain_features("resnet50", entry, images)
    assert features.shape == expected.shape and not torch.allclose(features, expected, rtol=0.1, atol=0.1)


def test_the_architecture_is_that_of_the_weights_also_without_them():
    """Strides and options are settings, so costs and layers are known before anything is downloaded."""
    weights = StartWeightsSettings(
        source="file", stride_on="1x1", options={"zero_init_last": False, "act_layer": "silu"}, **IMAGENET
    )
    settings = NetworkSettings(architecture="r", backbone=Backbone(timm="resnet50"), weights_name="r", weights=weights)
    for kind, backbone in (("classification", "backbone"), ("segmentation", "unet.encoder.model")):
        built = build(settings, kind, 1, Sharing(), None, seed=0).body.get_submodule(backbone)
        block = built.get_submodule("layer2.0")
        assert (block.conv1.stride, block.conv2.stride) == ((2, 2), (1, 1))
        assert isinstance(block.act1, torch.nn.SiLU)


@pytest.fixture
def weights_file(tmp_path):
    """A good file of backbone weights."""
    path = tmp_path / "tiny.safetensors"
    save_file(timm.create_model("resnet18", num_classes=0).state_dict(), path)
    return path


def test_the_file_says_all_that_a_training_must_know(tmp_path, weights_file):
    entry = {"path": weights_file, "mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6), "note": "ours"}
    out = tmp_path / "out.safetensors"
    with pytest.raises(UserError, match="bn_eps"):
        make(out, "resnet18", **entry, options={"bn_eps": 1e-3})  # an option of MobileNets
    make(out, "resnet18", **entry, options={"output_stride": 16})
    with safe_open(out, "pt") as file:
        facts = json.loads(file.metadata()["start_weights"])
    assert facts == {
        "name": "mine",
        "source": "tiny.safetensors",
        "sha256": hashlib.sha256(weights_file.read_bytes()).hexdigest(),
        "mean": [0.1, 0.2, 0.3],
        "std": [0.4, 0.5, 0.6],
        "stride_on": "3x3",
        "options": {"output_stride": 16},
        "note": "ours",
    }
    start = load_start(out)
    assert (start.mean, start.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)) and start.sha256 == facts["sha256"]


def test_a_moved_file_gives_the_same_start_weights(tmp_path, weights_file):
    moved = tmp_path / "elsewhere" / weights_file.name
    moved.parent.mkdir()
    moved.write_bytes(weights_file.read_bytes())
    made = [tmp_path / "one.safetensors", tmp_path / "two.safetensors"]
    for out, path in zip(made, (weights_file, moved), strict=True):
        make(out, "resnet18", path=path, **IMAGENET)
    assert made[0].read_bytes() == made[1].read_bytes()


def spoil(path, how):
    whole = {key: tensor.clone() for key, tensor in load_file(path).items()}  # the file itself is mapped into memory
    changes = {
        "missing": path.unlink,
        "empty": lambda: path.write_bytes(b""),
        "truncated": lambda: path.write_bytes(path.read_bytes()[:5000]),
        "pickle": lambda: torch.save(whole, path),
        "no tensors": lambda: save_file({}, path),
        "lacks a tensor": lambda: save_file({k: v for k, v in whole.items() if k != "layer4.1.conv2.weight"}, path),
        "deeper": lambda: save_file(whole | {"layer1.2.conv1.weight": torch.zeros(64, 64, 3, 3)}, path),
        "wrong shape": lambda: save_file(whole | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, path),
        "no number": lambda: save_file(whole | {"bn1.weight": whole["bn1.weight"] * float("nan")}, path),
        "without end": lambda: save_file(whole | {"fc_of_mine": torch.full((3,), float("inf"))}, path),
        "negative variance": lambda: save_file(whole | {"bn1.running_var": whole["bn1.running_var"] - 2}, path),
        "a folder": lambda: (path.unlink(), path.mkdir()),
        "a header of gigabytes": lambda: path.write_bytes((2**40).to_bytes(8, "little") + b"{}"),
        "a few other names": lambda: save_file(
            {key.replace("bn1.", "norm.") if key in ("bn1.weight", "bn1.bias") else key: whole[key] for key in whole},
            path,
        ),
        "whole numbers": lambda: save_file(whole | {"bn1.weight": whole["bn1.weight"].long()}, path),
        "other names": lambda: save_file({f"encoder.{key}": tensor for key, tensor in whole.items()}, path),
    }
    changes[how]()


UNREADABLE = {
    "missing": ["does not exist"],
    "empty": ["damaged or no safetensors file"],
    "truncated": ["damaged or no safetensors file"],
    "pickle": ["is a pickle of torch", "safetensors.torch.save_file"],
    "no tensors": ["holds no tensors"],
    "no number": ["bn1.weight holds values that are no finite numbers", "diverged"],
    "without end": ["fc_of_mine holds values that are no finite numbers"],
    "negative variance": ["bn1.running_var holds variances below 0"],
    "a folder": ["damaged or no safetensors file"],
    "a header of gigabytes": ["damaged or no safetensors file"],
}
UNFIT = {
    "lacks a tensor": [
        "1 tensors are missing",
        "layer4.1.conv2.weight",
        "probably the weights of another architecture",
    ],
    "deeper": ["1 tensors are too many", "layer1.2.conv1.weight", "probably the weights of a deeper architecture"],
    "wrong shape": ["conv1.weight has the shape (64, 1, 7, 7), not (64, 3, 7, 7)"],
    "other names": [
        "tensors has a name that the network has: encoder.",
        "here, conv1.weight, bn1.weight, bn1.bias there",
    ],
    "a few other names": ["2 tensors are missing", "bn1.weight, bn1.bias", "another library's names"],
    "whole numbers": ["bn1.weight is of torch.int64, not of torch.float32"],
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("how", "words"), (UNREADABLE | UNFIT).items(), ids=UNREADABLE | UNFIT)
def test_broken_weights_are_named(tmp_path, weights_file, how, words):
    spoil(weights_file, how)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UserError) as caught:
        make(tmp_path / "out.safetensors", "resnet18", path=weights_file, **IMAGENET)
    assert all(word in str(caught.value) for word in [str(weights_file), "weights.mine", *words])
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.bad_input
@pytest.mark.parametrize(("how", "words"), UNREADABLE.items(), ids=UNREADABLE)
def test_broken_start_files_are_named(weights_file, how, words):
    spoil(weights_file, how)
    with pytest.raises(UserError) as caught:
        load_start(weights_file)
    assert all(word in str(caught.value) for word in [str(weights_file), "weights.py", *words])


@pytest.mark.parametrize(
    "metadata",
    [None, {"format": "pt"}, {"start_weights": "0.5 0.5 0.5"}, {"start_weights": '{"mean": [NaN, 0.5, 0.5]}'}],
)
def test_a_file_that_fetch_did_not_make_is_refused(weights_file, metadata):
    save_file({"conv1.weight": torch.zeros(1)}, weights_file, metadata=metadata)
    with pytest.raises(UserError, match="does not say what its weights were trained with") as caught:
        load_start(weights_file)
    assert "weights.py" in caught.value.remedy


FACTS = {
    "name": "mine", "source": "a", "sha256": None, "mean": [0.5] * 3, "std": [0.5] * 3, "stride_on": "3x3", "options": {}, "note": "",
}  # fmt: skip
LIES = {
    "no mean": ({"mean": None}, "mean: "),
    "mean of two channels": ({"mean": [0.5, 0.5]}, "mean.2: Field required"),
    "spread of zero": ({"std": [0.5, 0, 0.5]}, "std.1: Input should be greater than 0"),
    "negative spread": ({"std": [-0.5, 0.5, 0.5]}, "std.0: Input should be greater than 0"),
    "spread that is true": ({"std": [True, 0.5, 0.5]}, "std.0: input should be a number"),
    "mean of 0..255": ({"mean": [123, 116, 103]}, "mean.0: Input should be less than or equal to 1"),
    "unknown stride": ({"stride_on": "5x5"}, "stride_on: "),
    "options as a list": ({"options": [1]}, "options: "),
    "options that load": ({"options": {"checkpoint_path": "a.pt"}}, "options: Value error, `checkpoint_path`"),
    "checksum that is a number": ({"sha256": 3}, "sha256: "),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("change", "words"), LIES.values(), ids=LIES)
def test_a_file_that_says_of_itself_what_cannot_be_is_refused(weights_file, change, words):
    metadata = {"start_weights": json.dumps(FACTS | change)}
    save_file({"conv1.weight": torch.zeros(1)}, weights_file, metadata=metadata)
    with pytest.raises(UserError) as caught:
        load_start(weights_file)
    assert f"{weights_file} says of its weights what cannot be ({words}" in caught.value.problem


def test_start_weights_of_another_network_are_refused(tmp_path, weights_file):
    start = start_of(tmp_path, "resnet18", path=weights_file, **IMAGENET)
    with pytest.raises(UserError, match=r"tiny.safetensors do not fit: .* are missing") as caught:
        network_of("resnet34", start, "classification")
    assert "`networks: timm:` and `weights: path:`" in caught.value.remedy


@pytest.mark.parametrize(
    ("backbone", "entry", "problem", "remedy"),
    [
        ("resnet18", {"stride_on": "1x1"}, "`stride_on: 1x1` does not suit the backbone 'resnet18'", "remove"),
        ("mobilenetv1_100", {"stride_on": "1x1"}, "does not suit the backbone 'mobilenetv1_100'", "remove"),
        ("resnet19", {}, "The backbone 'resnet19' cannot be built", "resnet18"),
        ("resnet18", {"options": {"colour": 1}}, "colour", "`options`"),
    ],
)
def test_rules_that_do_not_suit_the_backbone(tmp_path, weights_file, backbone, entry, problem, remedy):
    with pytest.raises(UserError, match=problem) as caught:
        make(tmp_path / "out.safetensors", backbone, path=weights_file, **IMAGENET, **entry)
    assert remedy in caught.value.remedy and not (tmp_path / "out.safetensors").exists()


@pytest.fixture(scope="module")
def hub():
    """A stand-in for the hub that serves one file of random weights: its address and the file's bytes."""
    content = save(timm.create_model("test_resnet").state_dict())

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self):
            known = self.path == f"/timm/{TAG}/resolve/main/model.safetensors"
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(content)) if known else "0")
            if known:
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("X-Repo-Commit", 40 * "0")
            self.end_headers()
            return known

        def do_GET(self):
            if self.do_HEAD():
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", content
    server.shutdown()
    server.server_close()


def run_script(root, tmp_path, entry, **environment):
    """Run src/weights.py with an empty cache; the client reads its settings when it is imported."""
    ours = {"HF_HOME": str(tmp_path / "hub"), "TORCH_HOME": str(tmp_path / "torch"), "OMP_NUM_THREADS": "1"}
    # A proxy of the surroundings would take the call to the stand-in.
    kept = {key: value for key, value in os.environ.items() if not key.upper().startswith(("HF_", "HTTP", "ALL_PROXY"))}
    command = [sys.executable, root / "src/weights.py", "--weights", entry, "--name", "tiny"]
    command += ["--timm", "test_resnet", "--out", tmp_path / "out.safetensors"]
    return subprocess.run(command, env=kept | ours | environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_download_with_the_real_client(root, tmp_path, hub):
    """Head dropped, mean and SD from timm's record of these weights, checksum of the file as served."""
    address, content = hub
    done = run_script(root, tmp_path, json.dumps({"timm": TAG}), HF_ENDPOINT=address)
    assert done.returncode == 0, done.stderr
    start = load_start(tmp_path / "out.safetensors")
    assert start.sha256 == hashlib.sha256(content).hexdigest() and start.source == f"timm: {TAG}"
    record = timm.models.get_pretrained_cfg(TAG)
    assert (start.mean, start.std, dict(start.options)) == (tuple(record.mean), tuple(record.std), {})
    served = timm.create_model("test_resnet", num_classes=0).state_dict().keys()
    assert start.tensors.keys() == served


@pytest.mark.slow
def test_download_without_a_network_names_three_ways_on(root, tmp_path):
    done = run_script(root, tmp_path, json.dumps({"timm": TAG}), HF_HUB_OFFLINE="1")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    message = done.stderr[done.stderr.index("Error: ") :]
    assert f"The weights 'tiny' ({TAG}) could not be downloaded" in message
    assert all(way in message for way in THREE_WAYS) and not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize("entry", ["{", '{"timm": "a", "path": "b"}', '{"path": "b"}', '{"tim": "a"}'])
def test_arguments_that_are_no_entry(root, tmp_path, entry):
    done = run_script(root, tmp_path, entry)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "--weights" in done.stderr and "pass one entry of `weights` as JSON" in done.stderr


def test_a_tag_that_timm_does_not_know_is_no_failed_download(tmp_path):
    with pytest.raises(
        UserError, match=r"`weights.mine.timm`: timm has no weights called 'resnet18.tv_in2k'"
    ) as caught:
        make(tmp_path / "out.safetensors", "resnet18", timm="resnet18.tv_in2k")
    assert "resnet18." in caught.value.remedy and not list(tmp_path.iterdir())


def test_statistics_of_the_entry_go_before_those_of_timm(tmp_path, monkeypatch):
    state = timm.create_model("test_resnet").state_dict()
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", lambda *_, **__: dict(state))
    start = start_of(tmp_path, "test_resnet", timm=TAG, mean=(0.1, 0.2, 0.3))
    assert start.mean == (0.1, 0.2, 0.3) and start.std == tuple(timm.models.get_pretrained_cfg(TAG).std)
    assert torch.equal(start.tensors["conv1.0.weight"], state["conv1.0.weight"])
