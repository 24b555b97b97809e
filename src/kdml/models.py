"""Classifiers and U-Nets with their feature taps, built from settings; their weights on disk."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from kdml.config import Sharing
from kdml.errors import UserError
from kdml.files import written_whole
from kdml.settings import Backbone, NetworkSettings
from kdml.weights import IMAGENET_MEAN, IMAGENET_STD, StartWeights, fit_to, move_stride, read_tensors

HEAD = (1024, 512)


class Output(NamedTuple):
    """What a network gives for a batch.

    Args:
        logits: (b, K), or (b, 1, h, w) for segmentation.
        features: the tap, (b, c, h', w').
    """

    logits: Tensor
    features: Tensor


class Network(nn.Module):
    """A body that normalises its own input, because teacher and student may have been trained with different statistics.

    Args:
        body: classifier or segmenter.
        mean: of the images its start weights were trained with, per channel, in 0..1.
        std: likewise.
    """

    def __init__(self, body: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        self.body = body
        as_map = [torch.tensor(values, dtype=torch.float32).reshape(1, 3, 1, 1) for values in (mean, std)]
        self.register_buffer("scale", 1 / (255 * as_map[1]))
        self.register_buffer("shift", -as_map[0] / as_map[1])

    @property
    def tap_channels(self) -> int:
        """Channels of the feature tap."""
        return self.body.tap_channels

    def forward(self, images: Tensor) -> Output:
        """Outputs for images (b, 3, h, w) with values 0..255."""
        return self.body(images.float() * self.scale + self.shift)


class Tap:
    """Keeps the output of one module of a network until the forward that made it picks it up."""

    def __init__(self, module: nn.Module):
        self.value: Tensor | None = None
        module.register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, inputs: tuple, output: Tensor) -> None:
        self.value = output

    def take(self) -> Tensor:
        """The output, once."""
        value, self.value = self.value, None
        return value


class Classifier(nn.Module):
    """Backbone, optionally the teacher's extra block, global average pool, head (table 6 of the paper).

    Args:
        backbone: ends in a feature map.
        channels: of that map.
        block_width: channels of the extra 1x1 convolution with BatchNorm and ReLU; None for no block.
        head: the paper's three layers, or one.
        outputs: classes.
        tap: `stage` for the map that is pooled, `raw_convolution` for the last convolution before BatchNorm and ReLU.
    """

    def __init__(
        self,
        backbone: nn.Module,
        channels: int,
        block_width: int | None,
        head: Literal["paper", "linear"],
        outputs: int,
        tap: Literal["stage", "raw_convolution"],
    ):
        super().__init__()
        self.backbone = backbone
        self.block = nn.Identity() if block_width is None else _extra_block(channels, block_width)
        self.tap_channels = block_width or channels
        widths = (self.tap_channels, *(HEAD if head == "paper" else ()), outputs)
        self.head = _dense(widths)
        last = _last_convolution(backbone) if block_width is None else self.block[0]
        self._tap = Tap(last if tap == "raw_convolution" else self.block)

    def forward(self, images: Tensor) -> Output:
        """Class logits and the tap."""
        pooled = self.block(self.backbone(images)).mean(dim=(2, 3))
        return Output(self.head(pooled), self._tap.take())


def _extra_block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, kernel_size=1), nn.BatchNorm2d(width), nn.ReLU())


def _dense(widths: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inside, outside in pairwise(widths):
        layers += [nn.Linear(inside, outside), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _last_convolution(backbone: nn.Module) -> nn.Conv2d:
    """The last convolution on the main path; a block's shortcut is registered after it."""
    main = [m for name, m in backbone.named_modules() if isinstance(m, nn.Conv2d) and "downsample" not in name]
    return main[-1]


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

    def forward(self, images: Tensor) -> Output:
        """Foreground logit of every pixel and the tap.

        Raises:
            UserError: the image size is not a multiple of 32.
        """
        if images.shape[-1] % 32 or images.shape[-2] % 32:
            size = "x".join(map(str, images.shape[-2:]))
            raise UserError(f"A U-Net cannot take images of {size} pixels.", "set `image_size` to a multiple of 32")
        return Output(self.unet(images), self._tap.take())


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
        start: weights of the backbone; None for a random start.
        seed: of all that starts at random; the global random state is left as it was.

    Raises:
        UserError: timm does not know the backbone or its options, or the start weights do not fit it.
    """
    options = dict(settings.backbone.options) | dict(start.options if start else {})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = _BUILDERS[kind](settings, options, outputs, sharing)
    if start is not None:
        backbone = body.backbone if kind == "classification" else body.unet.encoder.model
        move_stride(backbone, start.stride_on, settings.backbone.timm)
        backbone.load_state_dict(fit_to(backbone, start))
    mean, std = (IMAGENET_MEAN, IMAGENET_STD) if start is None else (start.mean, start.std)
    if settings.normalisation == "unit":
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return Network(body, mean, std)


def _classifier(settings: NetworkSettings, options: dict, outputs: int, sharing: Sharing) -> Classifier:
    backbone = make_backbone(Backbone(timm=settings.backbone.timm, options=options))
    width = None
    if settings.block_like is not None:
        with torch.device("meta"):
            width = make_backbone(settings.block_like).num_features
    return Classifier(backbone, backbone.num_features, width, settings.head, outputs, sharing.classification_tap)


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
    except (RuntimeError, TypeError, KeyError, ValueError) as error:
        raise _cannot_build(settings.backbone.timm, error) from None
    return Segmenter(unet, sharing.segmentation_tap)


_BUILDERS = {"classification": _classifier, "segmentation": _segmenter}


def make_backbone(backbone: Backbone) -> nn.Module:
    """A timm backbone without head that ends in its feature map, (b, c, h / 32, w / 32).

    Raises:
        UserError: timm does not know it or its options.
    """
    try:
        return timm.create_model(backbone.timm, pretrained=False, num_classes=0, global_pool="", **backbone.options)
    except (RuntimeError, TypeError, ValueError) as error:
        raise _cannot_build(backbone.timm, error) from None


def _cannot_build(name: str, error: Exception) -> UserError:
    close = ", ".join(timm.list_models(f"{name[:6]}*")[:5])
    remedy = f"mend `networks: timm:` or its `options`; timm has for example {close or 'resnet18'}"
    return UserError(f"The backbone '{name}' cannot be built: {error}.", remedy)


def parameter_count(network: nn.Module) -> int:
    """Parameters and BatchNorm statistics, as Keras counts and the paper quotes them."""
    statistics = [buffer for name, buffer in network.named_buffers() if name.endswith(("running_mean", "running_var"))]
    return sum(tensor.numel() for tensor in (*network.parameters(), *statistics))


def save_networks(path: Path, networks: Mapping[str, Network]) -> None:
    """Write the weights of several networks to one safetensors file, under `<network>.<parameter>`."""
    tensors = {
        f"{name}.{key}": tensor.detach().cpu().contiguous()
        for name, network in networks.items()
        for key, tensor in network.state_dict().items()
    }
    with written_whole(path) as temporary:
        save_file(tensors, temporary)


def load_network(path: Path, network: Network, name: str | None = None) -> None:
    """Load one network out of a run's weights file.

    Args:
        path: what `save_networks` wrote.
        network: to load into.
        name: of the network in the file; None takes the only one, whatever it is called there.

    Raises:
        UserError: the file is missing or damaged, holds no such network, or another architecture's.
    """
    tensors = read_tensors(path, "train its run first, or check the path")
    names = sorted({key.partition(".")[0] for key in tensors})
    if name is None and len(names) != 1:
        raise UserError(
            f"{path} holds the networks {', '.join(names)}; one was expected.", "name the run of a single network"
        )
    name = name or names[0]
    if name not in names:
        raise UserError(f"{path} holds the networks {', '.join(names)}, not '{name}'.", "name one of these")
    mine = {key.partition(".")[2]: tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}
    try:
        network.load_state_dict(mine)
    except RuntimeError as error:
        first = str(error).strip().splitlines()[1].strip()
        raise UserError(
            f"{path} does not fit the network '{name}': {first}", "train that run again with these settings"
        ) from None
