"""What a network costs to keep and to run: parameters, multiply-accumulates, bytes on disk, latency."""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from kdml.learning.networks import Network, save_networks

WARM_UP, REPEATS = 5, 30


@torch.inference_mode()
def multiply_accumulates(network: Network, size: int) -> int:
    """Multiply-accumulates of convolutions and linear layers for one image of `size` pixels a side."""
    counter = FlopCounterMode(display=False)
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
def latency(networks: Sequence[Network], size: int, repeats: int = REPEATS) -> float:
    """Median milliseconds for one image through all networks, one after the other, on the CPU threads that torch has now."""
    image = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    seconds = []
    for _ in range(WARM_UP + repeats):
        started = time.perf_counter()
        for network in networks:
            network.eval()(image)
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds[WARM_UP:])
