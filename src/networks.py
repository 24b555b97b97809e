"""Makes two CSV for every task and pair: costs of its networks, and their layers aligned by part and output size (tables 6 and 7).

Beside them heads.csv: parameters of the paper's own networks by how these end. All depend on the architecture alone, so nothing is
trained or downloaded for them. Costs: parameters, multiply-accumulates, bytes on disk, latency on this CPU.
"""

import argparse
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from kdml.analysis.scores_by_cost import STUDENT, TEACHER_ALONE, saved
from kdml.common.command_line import mapping_argument
from kdml.common.errors import UserError, run_script
from kdml.common.files import write_csv
from kdml.inspection import costs, heads
from kdml.inspection.layers import describe
from kdml.learning.networks import Network, build, parameter_count, trainable_count
from kdml.paper.numbers import ARCHITECTURES, BACKBONES, TABLES
from kdml.runs.graph import ENSEMBLE, TEACHER
from kdml.runs.settings import NetworkSettings, Sharing

SIZED, CLASSES = "hcd", 2  # the task whose networks the paper counts
PARTS = ("stem", "encoder", "extra block", "decoder", "head")


class PairAtTask(BaseModel):
    """A teacher and a student as the runs of one task build them.

    Args:
        kind: of the task.
        outputs: classes, or 1 for segmentation.
        size: of the images, in pixels of a side.
        threads: that latency is measured with.
        students: numbers of students in ensembles.
        teacher: its settings, and
        student: those of the student.
        titles: what the two are called.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["classification", "segmentation"]
    outputs: PositiveInt
    size: PositiveInt
    threads: PositiveInt = 1
    students: list[PositiveInt] = [2]
    teacher: NetworkSettings
    student: NetworkSettings
    titles: dict[Literal["teacher", "student"], str]

    def networks(self) -> dict[str, Network]:
        """Teacher, the same without its extra block as it is trained alone, and student, with random weights."""
        alone = self.teacher.model_copy(update={"block_like": None})
        settings = {TEACHER: self.teacher, STUDENT: self.student, TEACHER_ALONE: alone}
        return {name: build(one, self.kind, self.outputs, Sharing(), None, seed=0) for name, one in settings.items()}


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pairs", required=True, help="JSON, or a file of it: by TASK/PAIR what the plan says of the pair"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder; heads.csv, TASK/PAIR/costs.csv and layers.csv are written"
    )
    return parser.parse_args()


def read_pairs(argument: str) -> dict[str, PairAtTask]:
    """Pairs by task and name.

    Raises:
        UserError: a description is not one of a pair.
    """
    described = mapping_argument(argument, "--pairs")
    try:
        return {name: PairAtTask.model_validate(one) for name, one in described.items()}
    except ValidationError as error:
        raise UserError(f"--pairs describe no pairs ({error}).", "pass what the plan says of them") from None


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
    for name, pair in read_pairs(arguments.pairs).items():
        torch.set_num_threads(pair.threads)
        networks = pair.networks()
        teacher, student = networks[TEACHER], networks[STUDENT]
        groups = {(one, 1): [networks[one]] for one in (TEACHER, TEACHER_ALONE, STUDENT)}
        groups |= {(ENSEMBLE, count): [student] * count for count in sorted(set(pair.students))}
        taken = costs.latencies(groups, pair.size)
        rows = [cost_row(key[0], group, teacher, pair.size, taken[key]) for key, group in groups.items()]
        layers = layer_rows({TEACHER: teacher, STUDENT: student}, pair.titles, pair.size)
        write_csv(arguments.out / name / "costs.csv", rows)
        write_csv(arguments.out / name / "layers.csv", layers)
    students = {f"{task}/{student}": BACKBONES[student] for task, student in TABLES if task == SIZED}
    counts = list(heads.counted(BACKBONES[ARCHITECTURES[0]], students, CLASSES))
    write_csv(arguments.out / "heads.csv", counts, heads.COLUMNS)


if __name__ == "__main__":
    run_script(main)
