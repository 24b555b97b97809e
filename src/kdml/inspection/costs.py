"""What a network costs to keep and to run: parameters, multiply-accumulates, bytes on disk, latency."""

import statistics
import tempfile
import time
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from kdml.learning.networks import Network, save_networks

ATTENTION_ON_CPU = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
WARM_UP, REPEATS = 5, 30
Key = TypeVar("Key", bound=Hashable)


def _of_attention(query: torch.Size, key: torch.Size, value: torch.Size, *_, out_shape: object = None, **__) -> int:
    """Floating-point operations of attention's two products, which torch does not count for its kernel on the CPU."""
    return sdpa_flop_count(query, key, value)


@torch.inference_mode()
def multiply_accumulates(network: Network, size: int) -> int:
    """Multiply-accumulates of convolutions, linear layers and attention for one image of `size` pixels a side."""
    counter = FlopCounterMode(display=False, custom_mapping={ATTENTION_ON_CPU: _of_attention})
    with counter:
        network.eval()(torch.zeros(1, 3, size, size))
    return counter.get_total_flops() // 2


def bytes_on_disk(network: Network) -> int:
    """Size of the network's safetensors file, in float32."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.safetensors"
        save_networks(path, {"network": network})
        return path.stat().st_size


@torch.inference_mode()
def latencies(groups: Mapping[Key, Sequence[Network]], size: int, repeats: int = REPEATS) -> dict[Key, float]:
    """Median milliseconds for one image through the networks of each group, one network after the other.

    Groups take turns, so that a machine that slows down for a while slows all of them. It runs on the CPU threads that torch has
    now; nothing else should run at the same time.

    Args:
        groups: networks by what their group is called; a network may be in several.
        size: of the image, in pixels of a side.
        repeats: turns of every group that count, after `WARM_UP` that do not.
    """
    image = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    seconds: dict[Key, list[float]] = {name: [] for name in groups}
    for _ in range(WARM_UP + repeats):
        for name, networks in groups.items():
            started = time.perf_counter()
            for network in networks:
                network.eval()(image)
            seconds[name].append(time.perf_counter() - started)
    return {name: 1000 * statistics.median(taken[WARM_UP:]) for name, taken in seconds.items()}
