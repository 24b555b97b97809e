"""Supervised and knowledge losses: pure functions on tensors.

Shapes: `b` images, `K` classes, `c` channels, `h`, `w` pixels. Segmentation of one class, as in the paper, has one foreground
logit per pixel, `(b, 1, h, w)`; where a loss needs two classes it uses `[0, z]`, whose softmax is `[1 - sigmoid(z), sigmoid(z)]` at
every temperature. Segmentation of several exclusive classes has a logit per class, `(b, K, h, w)`, the background the first. Its
losses are those of one class, extended: with `K = 2` they have the same value as of `z = z1 - z0`, and the gradients to `z1` and
`z0` are that to `z` and its negative.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

KLDirection = Literal["learner_first", "source_first"]


def cross_entropy(
    logits: Float[Tensor, "b K"], target: Int[Tensor, " b"], class_weights: Float[Tensor, " K"] | None = None
) -> Float[Tensor, ""]:
    """Mean cross-entropy with the labels, optionally weighted per class (Eq. 2 of the paper)."""
    return F.cross_entropy(logits, target, weight=class_weights)


def focal_dice(
    logits: Float[Tensor, "b 1 h w"],
    mask: UInt8[Tensor, "b 1 h w"],
    exponent: float = 2.0,
    reduction: Literal["mean", "sum"] = "mean",
) -> Float[Tensor, ""]:
    """Focal loss plus Dice loss with squared denominator over the whole batch (Eq. 8 of the paper).

    Args:
        logits: of the foreground.
        mask: 1 where the lesion is.
        exponent: of the focal loss; 0 makes it the cross-entropy.
        reduction: of the focal loss over pixels.
    """
    truth = mask.to(logits.dtype)
    focal = _reduced(_focal(logits, truth, exponent), reduction)
    probability = logits.sigmoid()
    return focal + _dice(probability, truth, probability.square().sum() + truth.square().sum())


def focal_dice_of_classes(
    logits: Float[Tensor, "b K h w"],
    mask: UInt8[Tensor, "b 1 h w"],
    exponent: float = 2.0,
    reduction: Literal["mean", "sum"] = "mean",
) -> Float[Tensor, ""]:
    """`focal_dice` of several exclusive classes: the focal loss of the true class, and the mean over classes of their Dice losses.

    The background, class 0, has no Dice loss of its own, as in Eq. 8 of the paper.

    Args:
        logits: of the background and the classes.
        mask: class of each pixel.
        exponent: of the focal loss; 0 makes it the cross-entropy.
        reduction: of the focal loss over pixels.
    """
    truth = _one_hot(logits, mask)
    probability = logits.softmax(dim=1)
    focal = _reduced(_focal_of_classes(logits, truth, exponent), reduction)
    return focal + _mean_dice(probability, truth, probability.square() + truth.square())


def focal_dice_stock(
    logits: Float[Tensor, "b 1 h w"], mask: UInt8[Tensor, "b 1 h w"], exponent: float = 2.0, alpha: float = 0.25
) -> Float[Tensor, ""]:
    """Focal plus Dice as the Keras library segmentation_models ships it.

    The foreground is weighted `alpha`, the background 1 - `alpha`; the Dice term has a linear denominator.

    Args:
        logits: of the foreground.
        mask: 1 where the lesion is.
        exponent: of the focal loss; 0 makes it the cross-entropy.
        alpha: weight of the foreground.
    """
    truth = mask.to(logits.dtype)
    balance = torch.where(truth > 0, alpha, 1 - alpha)
    probability = logits.sigmoid()
    return (balance * _focal(logits, truth, exponent)).mean() + _dice(
        probability, truth, probability.sum() + truth.sum()
    )


def focal_dice_stock_of_classes(
    logits: Float[Tensor, "b K h w"], mask: UInt8[Tensor, "b 1 h w"], exponent: float = 2.0, alpha: float = 0.25
) -> Float[Tensor, ""]:
    """`focal_dice_stock` of several exclusive classes: each is weighted `alpha`, and the Dice losses are averaged over them.

    Args:
        logits: of the background and the classes.
        mask: class of each pixel, 0 the background.
        exponent: of the focal loss; 0 makes it the cross-entropy.
        alpha: weight of every class but the background.
    """
    balance = torch.where(mask.squeeze(1) > 0, alpha, 1 - alpha)
    truth = _one_hot(logits, mask)
    probability = logits.softmax(dim=1)
    focal = (balance * _focal_of_classes(logits, truth, exponent)).mean()
    return focal + _mean_dice(probability, truth, probability + truth)


def _reduced(per_pixel: Tensor, reduction: Literal["mean", "sum"]) -> Tensor:
    return per_pixel.mean() if reduction == "mean" else per_pixel.sum()


def _one_hot(logits: Tensor, mask: Tensor) -> Tensor:
    """Truth of every class, (b, K, h, w)."""
    classes = torch.arange(logits.shape[1], device=logits.device).view(1, -1, 1, 1)
    return (mask == classes).to(logits.dtype)


def _mean_dice(probability: Tensor, truth: Tensor, denominators: Tensor, smoothing: float = 1e-5) -> Tensor:
    """Dice loss of every class but the background over the whole batch, mean over these classes."""
    shared, either = (of_pixels[:, 1:].sum(dim=(0, 2, 3)) for of_pixels in (probability * truth, denominators))
    return (1 - (2 * shared + smoothing) / (either + smoothing)).mean()


def _focal_of_classes(logits: Tensor, truth: Tensor, exponent: float) -> Tensor:
    """-(1 - p)^exponent log p per pixel, p the probability of the true class."""
    # A sum, not F.cross_entropy, whose kernel for maps is not deterministic on a GPU.
    entropy = -(logits.log_softmax(dim=1) * truth).sum(dim=1)
    return (1 - torch.exp(-entropy)).pow(exponent) * entropy


def _focal(logits: Tensor, truth: Tensor, exponent: float) -> Tensor:
    """-(1 - p)^exponent log p per pixel, p the probability of the true class (Lin et al. 2017)."""
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (1 - torch.exp(-entropy)).pow(exponent) * entropy


def _dice(probability: Tensor, truth: Tensor, denominator: Tensor, smoothing: float = 1e-5) -> Tensor:
    return 1 - (2 * (probability * truth).sum() + smoothing) / (denominator + smoothing)


def predictions_divergence(
    learner: Float[Tensor, "b K"] | Float[Tensor, "b K h w"],
    source: Float[Tensor, "b K"] | Float[Tensor, "b K h w"],
    temperature: float = 2.0,
    direction: KLDirection = "learner_first",
    scale_by_t2: bool = False,
) -> Float[Tensor, ""]:
    """KL divergence between softened outputs, over the classes; mean over images (classification) or pixels (segmentation).

    Args:
        learner: logits of the network that learns; of maps with a single logit it stands for two classes.
        source: logits of the network that teaches; detach them before.
        temperature: T of Eq. 1.
        direction: `learner_first` is KL(learner, source) as Eqs. 3 and 5 print it; `source_first` the usual form of distillation.
        scale_by_t2: multiply by T^2, which keeps the gradient's size over temperatures (Hinton et al. 2015).
    """
    log_learner, log_source = (_log_probabilities(logits / temperature) for logits in (learner, source))
    first, second = (log_learner, log_source) if direction == "learner_first" else (log_source, log_learner)
    divergence = (first.exp() * (first - second)).sum(dim=1).mean()
    return divergence * temperature**2 if scale_by_t2 else divergence


def _log_probabilities(logits: Tensor) -> Tensor:
    if logits.ndim == 4 and logits.shape[1] == 1:
        return torch.cat([F.logsigmoid(-logits), F.logsigmoid(logits)], dim=1)
    return F.log_softmax(logits, dim=1)


def features_distance(learner: Float[Tensor, "b c h w"], source: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Mean squared error over all elements of two feature maps of one shape (section 3.2 of the paper)."""
    return F.mse_loss(learner, source)


def resized(map_: Float[Tensor, "b c h w"], size: tuple[int, int]) -> Float[Tensor, "b c h2 w2"]:
    """A map on another grid: averaged where that is coarser, interpolated linearly where it is finer.

    As products of matrices, because torch's own resizing has a backward that is not deterministic on a GPU.

    Args:
        map_: of features.
        size: height and width of the other grid.
    """
    for axis, (have, want) in enumerate(zip(map_.shape[2:], size, strict=True)):
        if have != want:
            weights = F.interpolate(torch.eye(have)[None], size=want, mode="area" if want < have else "linear")[0]
            weights = weights.to(map_)
            map_ = map_ @ weights if axis else (map_.mT @ weights).mT
    return map_
