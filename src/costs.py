"""Makes one CSV of what the networks of a pair cost: parameters, multiply-accumulates, bytes on disk, latency on this CPU.

Counts depend on the architecture alone, so nothing has to be trained for them.
"""

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import torch

from kdml import costs
from kdml.config import Sharing
from kdml.errors import run_script
from kdml.files import write_csv
from kdml.models import Network, build, parameter_count, trainable_count
from kdml.settings import NetworkSettings
from kdml.sharing import TEACHER
from kdml.weights import load_start


def networks_of(arguments: argparse.Namespace) -> dict[str, Network]:
    """Teacher and student; start weights matter for how a backbone is built."""
    starts = {name: load_start(Path(file)) for name, _, file in (entry.partition("=") for entry in arguments.weights)}
    described = json.loads(arguments.networks)
    settings = {name: NetworkSettings.model_validate(one) for name, one in described.items()}
    return {
        name: build(one, arguments.kind, arguments.outputs, Sharing(), starts.get(one.weights_name), seed=0)
        for name, one in settings.items()
    }


def row_of(name: str, networks: list[Network], size: int) -> dict[str, Any]:
    """Costs of one network, or of several that run one after the other."""
    return {
        "network": name,
        "parameters": sum(parameter_count(network) for network in networks),
        "trainable": sum(trainable_count(network) for network in networks),
        "macs": sum(costs.multiply_accumulates(network, size) for network in networks),
        "bytes": sum(costs.bytes_on_disk(network) for network in networks),
        "latency_ms": round(costs.latency(networks, size), 3),
        "threads": torch.get_num_threads(),
        "size": size,
        "machine": f"{platform.system()} {platform.machine()}",
    }


def main() -> None:
    """Build, count, time, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", required=True, help="JSON: settings of the networks `teacher` and `student`")
    parser.add_argument("--kind", choices=["classification", "segmentation"], required=True)
    parser.add_argument("--outputs", type=int, required=True, help="classes, or 1 for segmentation")
    parser.add_argument("--size", type=int, required=True, help="pixels of a side")
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE", help="start weights")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    networks = networks_of(arguments)
    # The ensemble is two students of one architecture.
    groups = {TEACHER: [networks[TEACHER]], "student": [networks["student"]], "ensemble": [networks["student"]] * 2}
    write_csv(arguments.out, [row_of(name, group, arguments.size) for name, group in groups.items()])


if __name__ == "__main__":
    run_script(main)
