"""Classifiers and U-Nets with their feature taps, built from settings; their weights on disk."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from kdml.common.errors import UserError
from kdml.common.files import written_whole
from kdml.learning.backbones import BUILD_ERRORS, Ending, cannot_build, make_backbone, stages_of, timm_part
from kdml.learning.feature_maps import Source, Tap
from kdml.learning.start_weights import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    StartWeights,
    fit_to,
    misfit,
    move_stride,
    read_tensors,
)
from kdml.runs.settings import Backbone, NetworkSettings, Sharing

HEAD = (1024, 512)
TRAIN_FIRST = "train its run first, or again with a lower `training.learning_rate`; or check the path"


class Output(NamedTuple):
    """What a network gives for a batch.

    Args:
        logits: (b, K); for segmentation (b, 1, h, w), or (b, K, h, w) of several classes and the background.
        features: the tap, (b, c, h', w').
    """

    logits: Tensor
    features: Tensor


class Network(nn.Module):
    """A body that normalises its own input, because teacher and student may have been trained with different statistics.

    Args:
        body: classifier or segmenter.
        mean: of the images its start weights were trained with, per channel, in 0..1.
        std: standard deviation of these images.
        trained: `head` for a backbone that keeps its start weights, in evaluation mode; `all` else.
    """

    def __init__(
        self,
        body: nn.Module,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        trained: Literal["all", "head"] = "all",
    ):
        super().__init__()
        self.body = body
        self.head_alone = trained == "head"
        if self.head_alone:
            body.backbone.requires_grad_(False)
        as_map = [torch.tensor(values, dtype=torch.float32).reshape(1, 3, 1, 1) for values in (mean, std)]
        self.register_buffer("scale", 1 / (255 * as_map[1]))
        self.register_buffer("shift", -as_map[0] / as_map[1])

    @property
    def tap_channels(self) -> int:
        """Channels of the feature tap."""
        return self.body.tap_channels

    @property
    def stages(self) -> dict[str, Source]:
        """Places where the maps appear: f1..f4 of a classifier, e1..e5 and d0..d4 of a U-Net."""
        return self.body.stages

    def train(self, mode: bool = True) -> "Network":
        """Set the mode; a backbone that keeps its weights stays in evaluation mode, whatever is asked."""
        super().train(mode)
        if self.head_alone:
            self.body.backbone.eval()
        return self

    def forward(self, images: Tensor) -> Output:
        """Outputs for images (b, 3, h, w) with values 0..255, uint8 or floating; their memory format is kept."""
        return self.body(self._normalised(images))

    def _normalised(self, images: Tensor) -> Tensor:
        return torch.addcmul(self.shift, images.float(), self.scale)

    def from_backbone(self, images: Tensor) -> tuple[Tensor, ...]:
        """What the backbone gives for images: all that `finish` needs."""
        maps = self.body.backbone(self._normalised(images))
        return (maps,) if isinstance(maps, Tensor) else tuple(maps)

    def finish(self, maps: tuple[Tensor, ...]) -> Output:
        """Outputs from what `from_backbone` gave."""
        return self.body.finish(*maps)


class Classifier(nn.Module):
    """Backbone, optionally the teacher's extra block, global average pool, head (table 6 of the paper).

    Args:
        backbone: ends in a feature map.
        ending: of the backbone.
        block_width: channels of the extra 1x1 convolution with BatchNorm and ReLU; None for no block.
        head: the paper's three layers, or one.
        outputs: classes.
        tap: `stage` for the map that is pooled, `raw_convolution` for the last convolution before BatchNorm and ReLU.
    """

    def __init__(
        self,
        backbone: nn.Module,
        ending: Ending,
        block_width: int | None,
        head: Literal["paper", "linear"],
        outputs: int,
        tap: Literal["stage", "raw_convolution"],
    ):
        super().__init__()
        self.backbone = backbone
        self.block = nn.Identity() if block_width is None else _extra_block(ending.channels, block_width)
        pooled = block_width or ending.channels
        self.head = _dense((pooled, *(HEAD if head == "paper" else ()), outputs))
        raw = tap == "raw_convolution"
        last = self.block[0] if block_width is not None else _last_convolution(backbone, ending) if raw else None
        self.tap_channels = last.out_channels if raw else pooled
        self._tap = Tap(last if raw else self.block)

    def replace_end(self, block: nn.Module, head: nn.Module) -> None:
        """Put other layers behind the backbone: `block` makes the map that is pooled, `head` classifies the pooled vector."""
        if self._tap.source.module is self.block:
            self._tap.remove()
            self._tap = Tap(block)
        self.block, self.head = block, head

    @property
    def stages(self) -> dict[str, Source]:
        """f1..f3: the last maps at 1/4, 1/8 and 1/16 of the image; f4: the map that is pooled."""
        return {**stages_of(self.backbone), "f4": Source(self.block)}

    def forward(self, images: Tensor) -> Output:
        """Class logits and the tap."""
        return self.finish(self.backbone(images))

    @property
    def taps_backbone(self) -> bool:
        """Whether the tap lies within the backbone."""
        return self._tap.source.module is not self.block and isinstance(self.block, nn.Identity)

    def finish(self, map_: Tensor) -> Output:
        """Class logits and the tap, from the backbone's map."""
        pooled = self.block(map_).mean(dim=(2, 3))
        return Output(self.head(pooled), self._tap.take())


def _last_convolution(backbone: nn.Module, ending: Ending) -> nn.Module:
    """The convolution before the last BatchNorm and ReLU.

    Raises:
        UserError: there is none.
    """
    if ending.convolution is None:
        raise UserError(
            "`sharing.classification_tap: raw_convolution`: a network of tokens has no last convolution.",
            "use `classification_tap: stage`",
        )
    return backbone.get_submodule(ending.convolution)


def _extra_block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, kernel_size=1), nn.BatchNorm2d(width), nn.ReLU())


def _dense(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inside, outside in pairwise(widths):
        layers += [nn.Linear(inside, outside), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Segmenter(nn.Module):
    """U-Net with a timm encoder (figure 8 of the paper).

    Args:
        unet: segmentation_models_pytorch's U-Net.
        tap: `first_convolution` of the decoder (with its BatchNorm and ReLU), or the output of its first `block`.
    """

    def __init__(self, unet: nn.Module, tap: Literal["first_convolution", "block"]):
        super().__init__()
        self.unet = unet
        first = unet.decoder.blocks[0]
        self.tap_channels = first.conv1[0].out_channels
        self._tap = Tap(first.conv1 if tap == "first_convolution" else first)

    @property
    def stages(self) -> dict[str, Source]:
        """e1..e5: the encoder's maps at 1/2 to 1/32 of the image; d0..d4: the decoder's blocks, deepest first."""
        channels = self.unet.encoder.out_channels  # 0 where a transformer has no map of 1/2
        encoder = {
            f"e{level}": Source(self.unet.encoder, level) for level in range(1, len(channels)) if channels[level]
        }
        return encoder | {f"d{number}": Source(block) for number, block in enumerate(self.unet.decoder.blocks)}

    def forward(self, images: Tensor) -> Output:
        """Logits of every pixel, of the foreground or of every class, and the tap.

        Raises:
            UserError: the image size is not a multiple of 32.
        """
        if images.shape[-1] % 32 or images.shape[-2] % 32:
            size = "x".join(map(str, images.shape[-2:]))
            raise UserError(f"A U-Net cannot take images of {size} pixels.", "set `image_size` to a multiple of 32")
        return Output(self.unet(images), self._tap.take())

    @property
    def backbone(self) -> nn.Module:
        """The encoder."""
        return self.unet.encoder

    taps_backbone = False

    def finish(self, *maps: Tensor) -> Output:
        """Foreground logit of every pixel and the tap, from the encoder's maps."""
        return Output(self.unet.segmentation_head(self.unet.decoder(list(maps))), self._tap.take())


def build(
    settings: NetworkSettings,
    kind: Literal["classification", "segmentation"],
    outputs: int,
    sharing: Sharing,
    start: StartWeights | None,
    seed: int,
) -> Network:
    """Build one network of a run.

    Args:
        settings: of the network.
        kind: of its task.
        outputs: classes, or 1 for a foreground logit.
        sharing: says where the feature taps are.
        start: weights of the backbone; None for a random start of the same architecture.
        seed: of all that starts at random; the global random state is left as it was.

    Raises:
        UserError: timm does not know the backbone or its options, or the start weights do not fit it.
    """
    needs = start or settings.weights
    options = dict(settings.backbone.options) | dict(needs.options if needs else {})
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)  # torch.manual_seed would seed the GPU's generators too
        body = _BUILDERS[kind](settings, options, outputs, sharing)
    backbone = timm_part(body.backbone if kind == "classification" else body.unet.encoder.model)
    if needs is not None:
        move_stride(backbone, needs.stride_on, settings.backbone.timm)
    if start is not None:
        backbone.load_state_dict(fit_to(backbone, start, Backbone(timm=settings.backbone.timm, options=options)))
    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if start is None else (start.mean, start.std)
    if settings.normalisation == "unit":
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return Network(body, mean, std, settings.trained)


def _classifier(settings: NetworkSettings, options: dict, outputs: int, sharing: Sharing) -> Classifier:
    backbone, ending = make_backbone(Backbone(timm=settings.backbone.timm, options=options))
    width = None if settings.block_like is None else _width(settings.block_like)
    return Classifier(backbone, ending, width, settings.head, outputs, sharing.classification_tap)


def _width(backbone: Backbone) -> int:
    """Channels of a backbone's feature map."""
    with torch.device("meta"):
        return make_backbone(backbone)[1].channels


def _segmenter(settings: NetworkSettings, options: dict, outputs: int, sharing: Sharing) -> Segmenter:
    import segmentation_models_pytorch as smp  # costs seconds, and classification does without

    try:
        unet = smp.Unet(
            f"tu-{settings.backbone.timm}",
            encoder_weights=None,
            decoder_channels=settings.decoder_channels,
            classes=outputs,
            **options,
        )
    except BUILD_ERRORS as error:
        raise cannot_build(settings.backbone.timm, error) from None
    return Segmenter(unet, sharing.segmentation_tap)


_BUILDERS = {"classification": _classifier, "segmentation": _segmenter}


def parameter_count(network: nn.Module) -> int:
    """Parameters and BatchNorm statistics, as Keras counts and the paper quotes them."""
    statistics = [buffer for name, buffer in network.named_buffers() if name.endswith(("running_mean", "running_var"))]
    return sum(tensor.numel() for tensor in (*network.parameters(), *statistics))


def trainable_count(network: nn.Module) -> int:
    """Parameters without BatchNorm statistics, as torch's users count; freezing a network does not change it."""
    return sum(parameter.numel() for parameter in network.parameters())


def save_networks(path: Path, networks: Mapping[str, Network], metadata: Mapping[str, str] | None = None) -> None:
    """Write the weights of several networks to one safetensors file, under `<network>.<parameter>`.

    Args:
        path: to write.
        networks: by name.
        metadata: text to write into the file's header.
    """
    tensors = {
        f"{name}.{key}": tensor.detach().cpu().contiguous()
        for name, network in networks.items()
        for key, tensor in network.state_dict().items()
    }
    with written_whole(path) as temporary:
        save_file(tensors, temporary, metadata=dict(metadata or {}))


def load_networks(path: Path, networks: Mapping[str, Network]) -> None:
    """Load all networks of a run's weights file.

    Args:
        path: what `save_networks` wrote.
        networks: to load into, by their names in the file.

    Raises:
        UserError: the file is missing or damaged, holds other networks, or another architecture's.
    """
    states = _read_states(path)
    if states.keys() != networks.keys():
        raise UserError(
            f"{path} holds the networks {_listed(states)}, not {_listed(networks)}.",
            "give the weights of a run with these networks",
        )
    for name, network in networks.items():
        _load_state(network, states[name], path, name)


def load_network(path: Path, network: Network, name: str | None = None) -> None:
    """Load one network out of a run's weights file.

    Args:
        path: what `save_networks` wrote.
        network: to load into.
        name: of the network in the file; None takes the only one, whatever it is called there.

    Raises:
        UserError: the file is missing or damaged, holds no such network, or another architecture's.
    """
    states = _read_states(path)
    if name is None and len(states) != 1:
        raise UserError(
            f"{path} holds the networks {_listed(states)}; one was expected.",
            "give the weights of a run of one network",
        )
    name = name or next(iter(states))
    if name not in states:
        raise UserError(f"{path} holds the networks {_listed(states)}, not '{name}'.", "name one of these")
    _load_state(network, states[name], path, name)


def _read_states(path: Path) -> dict[str, dict[str, Tensor]]:
    """State dicts by network."""
    states: dict[str, dict[str, Tensor]] = {}
    for key, tensor in read_tensors(
        path, "train its run first (again, if need be at a lower `training.learning_rate`), or check the path"
    ).items():
        name, _, parameter = key.partition(".")
        states.setdefault(name, {})[parameter] = tensor
    return states


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _load_state(network: Network, state: Mapping[str, Tensor], path: Path, name: str) -> None:
    problem = misfit(network.state_dict(), state)
    if problem:
        raise UserError(
            f"{path} does not fit the network '{name}': {problem}.", "train that run again with these settings"
        )
    network.load_state_dict(state)
