"""Layers, their sides and their costs where a backbone works on tokens or has its channels last."""

import pytest
import torch

from kdml.inspection.cka import GramTaker
from kdml.inspection.costs import multiply_accumulates
from kdml.inspection.layers import describe
from kdml.learning.networks import build
from kdml.runs.settings import Backbone, NetworkSettings, Sharing

VIT = Backbone(timm="deit_tiny_patch16_224", options={"img_size": 64, "depth": 8, "embed_dim": 48, "num_heads": 2})
SWIN = Backbone(
    timm="swin_tiny_patch4_window7_224",
    options={"img_size": 64, "embed_dim": 16, "depths": [1, 1, 2, 1], "num_heads": [1, 2, 2, 4]},
)
REGNET = Backbone(timm="regnety_002")


def built(backbone, kind="classification"):
    spec = NetworkSettings(architecture="x", backbone=backbone, head="linear", decoder_channels=(16, 8, 8, 8, 8))
    return build(spec, kind, 2 if kind == "classification" else 1, Sharing(), None, 0).eval()


def layers_of(network):
    taker = GramTaker(network)
    grams = taker(torch.randint(0, 256, (4, 3, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8))
    assert torch.isfinite(grams).all() and len(grams) == len(taker.layers)
    return {layer.name: layer.upper for layer in taker.layers}


def test_the_last_quarter_of_blocks_stands_for_the_last_stage():
    found = layers_of(built(VIT))
    assert list(found) == ["stem", *(f"blocks.{number}" for number in range(8)), "pooled", "logits"]
    assert [name for name, upper in found.items() if upper] == ["blocks.6", "blocks.7", "pooled", "logits"]


def test_blocks_within_stages_are_layers_by_their_grids():
    found = layers_of(built(SWIN))
    blocks = ["layers.0.blocks.0", "layers.1.blocks.0", "layers.2.blocks.0", "layers.2.blocks.1", "layers.3.blocks.0"]
    assert list(found) == ["stem", *blocks, "pooled", "logits"]
    assert [name for name, upper in found.items() if upper] == ["layers.3.blocks.0", "pooled", "logits"]


def test_parts_are_layers_where_there_are_no_blocks_in_a_row():
    assert {"s1", "s2", "s3", "s4"} < layers_of(built(REGNET)).keys()


@pytest.mark.parametrize("kind", ["classification", "segmentation"])
def test_layers_are_described_by_grid(kind):
    rows = describe(built(SWIN, kind), 64)
    assert rows["stem", "16"] == "4×4, 16"
    assert rows["encoder", "16"] == "[attention, 1 heads; dense 64; dense 16] × 1"
    assert rows["encoder", "4"] == "[attention, 2 heads; dense 256; dense 64] × 2"
    assert rows["encoder", "2"] == "[attention, 4 heads; dense 512; dense 128] × 1"


def test_attention_is_counted():
    """By hand: patches, eight blocks of dense layers and two products over 16 tokens and a class token, and the head."""
    width, tokens, patches = 48, 17, 16
    dense = tokens * (3 * width * width + width * width + 2 * 4 * width * width)
    products = 2 * tokens * tokens * width
    expected = patches * 3 * 16 * 16 * width + 8 * (dense + products) + width * 2
    assert multiply_accumulates(built(VIT), 64) == expected
