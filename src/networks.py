"""Makes two CSV on the networks of a pair: their costs, and their layers aligned by part and output size (tables 6 and 7).

Both depend on the architecture alone, so nothing has to be trained for them. Costs: parameters, multiply-accumulates,
bytes on disk, latency on this CPU.
"""

import argparse
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from kdml.analysis.scores_by_cost import STUDENT, TEACHER_ALONE, saved
from kdml.common.command_line import labelled_files, mapping_argument
from kdml.common.errors import UserError, run_script
from kdml.common.files import write_csv
from kdml.inspection import costs
from kdml.inspection.layers import describe
from kdml.learning.networks import Network, build, parameter_count, trainable_count
from kdml.learning.start_weights import load_start
from kdml.runs.graph import ENSEMBLE, TEACHER
from kdml.runs.settings import NetworkSettings, Sharing

PARTS = ("stem", "encoder", "extra block", "decoder", "head")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", required=True, help="JSON: settings of the networks `teacher` and `student`")
    parser.add_argument("--titles", required=True, help="JSON: how the two are called")
    parser.add_argument("--kind", choices=["classification", "segmentation"], required=True)
    parser.add_argument("--outputs", type=int, required=True, help="classes, or 1 for segmentation")
    parser.add_argument("--size", type=int, required=True, help="pixels of a side")
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE", help="start weights")
    parser.add_argument("--students", type=int, nargs="+", default=[2], help="numbers of students in an ensemble")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--costs", type=Path, required=True, help="CSV to write")
    parser.add_argument("--layers", type=Path, required=True, help="CSV to write")
    return parser.parse_args()


def network_settings(argument: str) -> dict[str, NetworkSettings]:
    """Settings of teacher and student.

    Raises:
        UserError: there are none.
    """
    described = mapping_argument(argument, "--networks", (TEACHER, STUDENT))
    try:
        return {name: NetworkSettings.model_validate(described[name]) for name in (TEACHER, STUDENT)}
    except ValidationError as error:
        raise UserError(
            f"--networks are no settings of networks ({error}).", "pass what the plan says of a pair"
        ) from None


def networks_of(arguments: argparse.Namespace) -> dict[str, Network]:
    """Teacher, the same without its extra block as it is trained alone, and student; start weights say how a backbone is built."""
    starts = {name: load_start(path) for name, path in labelled_files(arguments.weights, "--weights")}
    settings = network_settings(arguments.networks)
    settings[TEACHER_ALONE] = settings[TEACHER].model_copy(update={"block_like": None})
    return {
        name: build(one, arguments.kind, arguments.outputs, Sharing(), starts.get(one.weights_name), seed=0)
        for name, one in settings.items()
    }


def cost_row(name: str, networks: list[Network], teacher: Network, size: int, latency: float) -> dict[str, Any]:
    """Costs of one network, or of several that run one after the other, and what they save of the teacher's parameters."""
    parameters = sum(parameter_count(network) for network in networks)
    return {
        "network": name,
        "students": 0 if name in (TEACHER, TEACHER_ALONE) else len(networks),
        "parameters": parameters,
        "saved": round(saved(parameters, parameter_count(teacher)), 3),
        "trainable": sum(trainable_count(network) for network in networks),
        "macs": sum(costs.multiply_accumulates(network, size) for network in networks),
        "bytes": sum(costs.bytes_on_disk(network) for network in networks),
        "latency_ms": round(latency, 3),
        "threads": torch.get_num_threads(),
        "size": size,
        "machine": f"{platform.system()} {platform.machine()}",
    }


def layer_rows(networks: Mapping[str, Network], titles: Mapping[str, str], size: int) -> list[dict[str, str]]:
    """A row per part and output size, a column per network; parameters last."""
    columns = {titles[name]: describe(network, size) for name, network in networks.items()}
    counts = {titles[name]: f"{parameter_count(network):,}" for name, network in networks.items()}
    keys = sorted(set().union(*columns.values()), key=_depth)
    rows = [
        {"part": part, "output": f"{side}×{side}"}
        | {title: layers.get((part, side), "–") for title, layers in columns.items()}
        for part, side in keys
    ]
    return [*rows, {"part": "parameters", "output": ""} | counts]


def _depth(key: tuple[str, str]) -> tuple[int, int]:
    """Encoders shrink, decoders grow."""
    part, side = key
    return PARTS.index(part), int(side) if part == "decoder" else -int(side)


def main() -> None:
    """Build, count, time, describe, write."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    titles = mapping_argument(arguments.titles, "--titles", (TEACHER, STUDENT))
    networks, size = networks_of(arguments), arguments.size
    teacher, student = networks[TEACHER], networks[STUDENT]
    groups = {(name, 1): [networks[name]] for name in (TEACHER, TEACHER_ALONE, STUDENT)}
    groups |= {(ENSEMBLE, count): [student] * count for count in sorted(set(arguments.students))}
    taken = costs.latencies(groups, size)
    write_csv(arguments.costs, [cost_row(key[0], group, teacher, size, taken[key]) for key, group in groups.items()])
    write_csv(arguments.layers, layer_rows({TEACHER: teacher, STUDENT: student}, titles, size))


if __name__ == "__main__":
    run_script(main)
