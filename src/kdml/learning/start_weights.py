"""Backbones and their start weights: fetched once into one file each, which says what the weights were trained with.

Compute nodes have no network, so a rule of its own fetches; a training only reads the file.
"""

import json
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import timm
import torch
from huggingface_hub import try_to_load_from_cache
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from timm.models.resnet import Bottleneck
from torch import Tensor, nn

from kdml.common.errors import UserError
from kdml.common.files import sha256_of, written_whole
from kdml.common.json_text import parse_json
from kdml.learning.backbones import BUILD_ERRORS, make_model
from kdml.runs.settings import Backbone, BuilderOptions, Deviation, Mean, Model, StartWeightsSettings, StrideOn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
COUNTER = "num_batches_tracked"
FACTS = "start_weights"  # one entry of the file's metadata: safetensors writes several in an order that changes


@dataclass(frozen=True)
class StartWeights:
    """Weights of a backbone and what they need.

    Args:
        tensors: by timm's parameter names, float32, without the ImageNet head.
        mean: of the images they were trained with, in 0..1.
        std: standard deviation of these images.
        stride_on: `1x1` for ResNet v1, whose stride sits on each stage's first 1x1 convolution.
        options: of the timm builder that they need, such as pad_type.
        source: timm tag, or name of the file.
        sha256: of the file that they came in; None where timm loads from other places than its hub.
    """

    tensors: Mapping[str, Tensor]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    stride_on: str
    options: Mapping[str, Any]
    source: str
    sha256: str | None


class Facts(Model):
    """What a file of start weights says of them, in its metadata; see `StartWeights`."""

    name: str
    source: str
    sha256: str | None
    mean: Mean
    std: Deviation
    stride_on: StrideOn
    options: BuilderOptions
    note: str


def fetch(wanted: StartWeightsSettings, file: Path | None, name: str, backbone: str, path: Path) -> None:
    """Make the file of start weights that trainings read.

    Args:
        wanted: what the weights are.
        file: that they are in; None for those that timm downloads.
        name: of their entry in the configuration.
        backbone: timm name of the network they are for.
        path: to write.

    Raises:
        UserError: the download failed, the file is missing, damaged or not of this backbone.
    """
    source, sha256, tensors, mean, std = _from_hub(wanted, name) if file is None else _from_file(wanted, file, name)
    spec = Backbone(timm=backbone, options=wanted.options)
    probe = make_model(spec)
    move_stride(probe, wanted.stride_on, backbone)
    body = without_head(tensors, probe, spec)
    problem = misfit(probe.state_dict(), _counters(probe) | body)
    if problem:
        remedy = f"give `weights.{name}` the weights of {backbone} by timm's parameter names, or mend `networks: timm:`"
        raise UserError(f"The weights of {file or source} do not fit the backbone '{backbone}': {problem}.", remedy)
    facts = Facts(
        name=name,
        source=source,
        sha256=sha256,
        mean=mean,
        std=std,
        stride_on=wanted.stride_on,
        options=wanted.options,
        note=wanted.note,
    )
    with written_whole(path) as temporary:
        save_file(body, temporary, metadata={FACTS: json.dumps(facts.model_dump(mode="json"), sort_keys=True)})


def _from_file(wanted: StartWeightsSettings, file: Path, name: str) -> tuple:
    """Source, checksum, tensors, mean and SD of a local file; its folder is no part of what it is."""
    tensors = read_tensors(file, f"mend `weights.{name}.path`")
    return file.name, sha256_of(file), tensors, wanted.mean, wanted.std


def _from_hub(wanted: StartWeightsSettings, name: str) -> tuple:
    """Source, checksum, tensors, mean and SD of weights that timm downloads; mean and SD are of its record unless given."""
    model = _downloaded(wanted.timm, name)
    record = model.pretrained_cfg
    cached = try_to_load_from_cache(record["hf_hub_id"], "model.safetensors") if record.get("hf_hub_id") else None
    sha256 = sha256_of(cached) if isinstance(cached, str) else None
    mean, std = wanted.mean or record["mean"], wanted.std or record["std"]
    return f"timm: {wanted.timm}", sha256, model.state_dict(), mean, std


def _downloaded(tag: str, name: str) -> nn.Module:
    if not (timm.is_model(tag) and timm.models.is_model_pretrained(tag)):
        others = ", ".join(timm.list_pretrained(f"{tag.partition('.')[0]}.*")[:5])
        remedy = f"give a tag that timm knows, for example {others or 'resnet50.tv_in1k'}"
        raise UserError(f"`weights.{name}.timm`: timm has no weights called '{tag}'.", remedy)
    try:
        return timm.create_model(tag, pretrained=True)
    except Exception as error:  # the hub's client raises many kinds
        remedy = (
            "three ways on: run where the hub can be reached (a login node); give a local safetensors file as "
            f"`weights.{name}.path` with `mean` and `std`; or start from random weights (`weights: none` of the network)"
        )
        reason = shorten(f"{type(error).__name__}: {error}", 160, placeholder=" ...")
        raise UserError(f"The weights '{name}' ({tag}) could not be downloaded ({reason}).", remedy) from None


def without_head(tensors: Mapping[str, Tensor], backbone: nn.Module, spec: Backbone) -> dict[str, Tensor]:
    """Weights without those of the ImageNet head: what timm's whole network has and its bare backbone has not."""
    with torch.device("meta"):
        whole = timm.create_model(spec.timm, **spec.options).state_dict()
    wanted = backbone.state_dict().keys()
    head = whole.keys() - wanted
    found = {key: tensor for key, tensor in tensors.items() if key not in head}
    for part in ("weight", "bias"):  # some normalise after they have pooled, for which our maps come too early
        before, after = f"norm.{part}", f"fc_norm.{part}"
        if before in wanted and before not in found and after in tensors:
            found[before] = tensors[after]
    return found


def fit_to(backbone: nn.Module, start: StartWeights, spec: Backbone) -> dict[str, Tensor]:
    """The start weights as a state dict of a backbone, in its types.

    A U-Net's encoder leaves out a backbone's last layers, so weights may be more than asked for, but never fewer. Positions of
    tokens that were learned on images of another size are interpolated, as timm does it.

    Args:
        backbone: to start, whole or as the encoder of a U-Net.
        start: its weights.
        spec: what it was made from.

    Raises:
        UserError: a tensor is missing or has another shape.
    """
    wanted = backbone.state_dict()
    tensors = _named_as_in(wanted, start.tensors)
    if any(key in wanted and tensor.shape != wanted[key].shape for key, tensor in tensors.items()):
        tensors = _named_as_in(wanted, _for_its_size(start.tensors, spec))
    found = _counters(backbone) | {key: tensor for key, tensor in tensors.items() if key in wanted}
    problem = misfit(wanted, found)
    if problem:
        remedy = (
            "check that the weights belong to this network (`networks: timm:` and `weights: path:`), and, of a transformer, that it"
            " takes images of the size that they were trained on"
        )
        raise UserError(f"The weights of {start.source} do not fit: {problem}.", remedy)
    return {key: found[key].to(tensor.dtype) for key, tensor in wanted.items()}


def _named_as_in(wanted: Collection[str], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by the names of a backbone, whose stages are called `stages_0` in place of `stages.0` within a U-Net."""
    flat = {key: re.sub(r"^(\w+)\.(\d+)\.", r"\1_\2.", key) for key in tensors}
    return {flat[key] if flat[key] in wanted else key: tensor for key, tensor in tensors.items()}


def _for_its_size(tensors: Mapping[str, Tensor], spec: Backbone) -> Mapping[str, Tensor]:
    """Weights with what depends on the image's size brought to that of a backbone, by the function that timm's loading uses."""
    with torch.device("meta"):
        model = make_model(spec)
    fitting = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    try:
        return tensors if fitting is None else fitting(dict(tensors), model)
    except BUILD_ERRORS:  # weights of another architecture, which is told of by their names and shapes
        return tensors


def _counters(backbone: nn.Module) -> dict[str, Tensor]:
    """Batches that BatchNorm has seen; many files of weights leave them out, and nothing here depends on them."""
    return {key: tensor for key, tensor in backbone.state_dict().items() if key.endswith(COUNTER)}


def misfit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str | None:
    """What is wrong with tensors as a state dict, in words.

    Args:
        wanted: state dict of the network that they are for.
        found: the tensors.

    Returns:
        The first mistakes and their likely cause, or None where names and shapes agree.
    """
    missing = [key for key in wanted if key not in found]
    surplus = [key for key in found if key not in wanted]
    if surplus and not [key for key in wanted if key in found and not key.endswith(COUNTER)]:
        return f"none of its {len(surplus)} tensors has a name that the network has: {_few(surplus)} here, {_few(missing)} there"
    if missing:
        cause = "another architecture, or another library's names"
        return f"{len(missing)} tensors are missing, the first are {_few(missing)}; probably the weights of {cause}"
    if surplus:
        return f"{len(surplus)} tensors are too many, the first are {_few(surplus)}; probably the weights of a deeper architecture"
    reshaped = [key for key in wanted if found[key].shape != wanted[key].shape]
    if reshaped:
        key = reshaped[0]
        return f"{key} has the shape {tuple(found[key].shape)}, not {tuple(wanted[key].shape)}"
    other = [key for key in wanted if found[key].is_floating_point() != wanted[key].is_floating_point()]
    return f"{other[0]} is of {found[other[0]].dtype}, not of {wanted[other[0]].dtype}" if other else None


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3])


def move_stride(backbone: nn.Module, stride_on: str, name: str) -> None:
    """Move the stride of a ResNet's stages onto their first 1x1 convolution, as in ResNet v1.

    Args:
        backbone: a timm ResNet, whole or as a feature extractor.
        stride_on: `3x3` leaves it as it is.
        name: of the backbone.

    Raises:
        UserError: the backbone has no bottleneck blocks.
    """
    if stride_on == "3x3":
        return
    stages = dict(backbone.named_children())
    blocks = [stages[stage][0] for stage in ("layer2", "layer3", "layer4") if stage in stages]
    if len(blocks) != 3 or not all(isinstance(block, Bottleneck) for block in blocks):
        raise UserError(
            f"`stride_on: 1x1` does not suit the backbone '{name}': it has no bottleneck blocks.", "remove `stride_on`"
        )
    for block in blocks:
        block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)


def load_start(path: Path) -> StartWeights:
    """Read a file that `fetch` made.

    Raises:
        UserError: it is missing, damaged, or no such file.
    """
    tensors = read_tensors(path, "let the workflow's rule `weights` make it, or run src/weights.py")
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
    remedy = "run src/weights.py on it; a training reads only what that script makes"
    try:
        facts = Facts.model_validate(parse_json(metadata[FACTS]))
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise UserError(f"{path} says of its weights what cannot be ({problem}).", remedy) from None
    except (KeyError, ValueError):
        raise UserError(f"{path} does not say what its weights were trained with.", remedy) from None
    return StartWeights(tensors, **facts.model_dump(exclude={"name", "note"}))


def read_tensors(path: Path, remedy: str) -> dict[str, Tensor]:
    """Tensors of a safetensors file, in float32 where they are floating.

    Args:
        path: of the file.
        remedy: what to do where it is no such file.

    Raises:
        UserError: it is missing, damaged, empty, of another kind, or holds values that are no finite numbers.
    """
    try:
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise UserError(f"The weights file {path} does not exist.", remedy) from None
    except (SafetensorError, OSError) as error:
        if _is_pickle(Path(path)):
            remedy = f"write its tensors anew with safetensors.torch.save_file, and {remedy}"
            raise UserError(f"{path} is a pickle of torch (.pt, .pth), no safetensors file.", remedy) from None
        raise UserError(f"{path} is damaged or no safetensors file ({error}).", remedy) from None
    if not tensors:
        raise UserError(f"{path} holds no tensors.", remedy)
    _check_values(tensors, path, remedy)
    return {key: tensor.to(torch.float32) if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}


def _check_values(tensors: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    """Refuse weights that make every output no number: a training with them would be blamed for it."""
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            problem = f"{path}: {key} holds values that are no finite numbers"
            raise UserError(f"{problem}: whatever trained these weights diverged.", remedy)
        if key.endswith("running_var") and (tensor < 0).any():
            raise UserError(f"{path}: {key} holds variances below 0.", remedy)


def _is_pickle(path: Path) -> bool:
    """Whether torch wrote the file, by its first bytes: those of a zip archive, or of a bare pickle as before."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(2) in (b"PK", b"\x80\x02")
