"""Start weights of backbones: fetched once into one file each, which says what the weights were trained with.

Compute nodes have no network, so a rule of its own fetches; a training only reads the file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from kdml.config import Weights
from kdml.errors import UserError
from kdml.files import sha256_of, written_whole

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# Layers that turn ImageNet features into 1000 classes; every network here has its own head.
HEADS = ("fc.", "classifier.", "head.fc.")


@dataclass(frozen=True)
class StartWeights:
    """Weights of a backbone and what they need.

    Args:
        tensors: by timm's parameter names, float32, without the ImageNet head.
        mean: of the images they were trained with, in 0..1.
        std: likewise.
        stride_on: `1x1` for ResNet v1, whose stride sits on each stage's first 1x1 convolution.
        options: of the timm builder that they need, such as pad_type.
        source: timm tag or file.
    """

    tensors: Mapping[str, Tensor]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    stride_on: str
    options: Mapping[str, Any]
    source: str


def fetch(entry: Weights, name: str, backbone: str, path: Path) -> None:
    """Make the file of start weights that trainings read.

    Args:
        entry: where the weights come from.
        name: of the entry in the configuration.
        backbone: timm name of the network they are for.
        path: to write.

    Raises:
        UserError: the download failed, the file is missing, damaged or not of this backbone.
    """
    if entry.timm is not None:
        tensors, mean, std = _downloaded(entry.timm, name)
        source, checksum = f"timm: {entry.timm}", ""
    else:
        tensors, checksum = read_tensors(entry.path, f"mend `weights.{name}.path`"), sha256_of(entry.path)
        mean, std, source = entry.mean, entry.std, str(entry.path)
    facts = {
        "name": name,
        "source": source,
        "sha256": checksum,
        "mean": entry.mean or mean,
        "std": entry.std or std,
        "stride_on": entry.stride_on,
        "options": entry.options,
        "note": entry.note,
    }
    start = StartWeights(_without_head(tensors), facts["mean"], facts["std"], entry.stride_on, entry.options, source)
    probe = timm.create_model(backbone, num_classes=0, **entry.options)
    move_stride(probe, entry.stride_on, backbone)
    fitting = fit_to(probe, start)
    with written_whole(path) as temporary:
        save_file(fitting, temporary, metadata={key: json.dumps(value) for key, value in facts.items()})


def _downloaded(tag: str, name: str) -> tuple[dict[str, Tensor], tuple, tuple]:
    """Weights from timm's hub with the statistics of their images."""
    try:
        model = timm.create_model(tag, pretrained=True)
    except Exception as error:  # the hub's client raises many kinds
        remedy = (
            "three ways on: run where the hub can be reached (a login node); give a local safetensors file as "
            f"`weights.{name}.path` with `mean` and `std`; or start from random weights (`weights: none` of the network)"
        )
        raise UserError(
            f"The weights '{name}' ({tag}) could not be downloaded ({type(error).__name__}).", remedy
        ) from None
    return model.state_dict(), tuple(model.pretrained_cfg["mean"]), tuple(model.pretrained_cfg["std"])


def _without_head(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in tensors.items() if not key.startswith(HEADS)}


def fit_to(backbone: nn.Module, start: StartWeights) -> dict[str, Tensor]:
    """The start weights as a state dict of a backbone, in its types.

    A feature extractor leaves out a backbone's last layers, so weights may be more than asked for, but never fewer.

    Raises:
        UserError: a tensor is missing or has another shape.
    """
    wanted = backbone.state_dict()
    counters = {key: tensor for key, tensor in wanted.items() if key.endswith("num_batches_tracked")}
    missing = [key for key in wanted if key not in start.tensors and key not in counters]
    remedy = "check that the weights belong to this network (`networks: timm:` and `weights: path:`)"
    if missing:
        raise UserError(
            f"The weights of {start.source} lack {len(missing)} tensors, the first is {missing[0]}.", remedy
        )
    for key, tensor in wanted.items():
        found = start.tensors.get(key, tensor).shape
        if found != tensor.shape:
            shapes = f"the shape {tuple(found)}, not {tuple(tensor.shape)}"
            raise UserError(f"The weights of {start.source} do not fit: {key} has {shapes}.", remedy)
    return {key: start.tensors.get(key, tensor).to(tensor.dtype) for key, tensor in wanted.items()}


def move_stride(backbone: nn.Module, stride_on: str, name: str) -> None:
    """Move the stride of a ResNet's stages onto their first 1x1 convolution, as in ResNet v1.

    Raises:
        UserError: the backbone has no bottleneck blocks.
    """
    if stride_on == "3x3":
        return
    for stage in ("layer2", "layer3", "layer4"):
        try:
            block = getattr(backbone, stage, None) if hasattr(backbone, stage) else backbone[stage]
            first, second = block[0].conv1, block[0].conv2
            assert first.kernel_size == (1, 1)
        except (AttributeError, KeyError, TypeError, AssertionError):
            raise UserError(
                f"`stride_on: 1x1` does not suit the backbone '{name}': it has no bottleneck blocks.",
                "remove `stride_on`",
            ) from None
        first.stride, second.stride = (2, 2), (1, 1)


def load_start(path: Path) -> StartWeights:
    """Read a file that `fetch` made.

    Raises:
        UserError: it is missing, damaged, or no such file.
    """
    tensors = read_tensors(path, "let the workflow's rule `weights` make it, or run src/fetch_weights.py")
    with safe_open(path, "pt") as file:
        facts = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
    if "mean" not in facts:
        remedy = "run src/fetch_weights.py on it; a training reads only what that script makes"
        raise UserError(f"{path} does not say what its weights were trained with.", remedy)
    return StartWeights(
        tensors, tuple(facts["mean"]), tuple(facts["std"]), facts["stride_on"], facts["options"], facts["source"]
    )


def read_tensors(path: Path, remedy: str) -> dict[str, Tensor]:
    """Tensors of a safetensors file, in float32 where they are floating."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise UserError(f"The weights file {path} does not exist.", remedy) from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged or no safetensors file ({error}).", remedy) from None
    if not tensors:
        raise UserError(f"{path} holds no tensors.", remedy)
    return {key: tensor.to(torch.float32) if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}
