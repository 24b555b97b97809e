"""Makes the CKA of every layer of every two networks of some runs on their test images (layers.csv), and its mean over the
higher layers (upper.csv).

A run without a teacher is compared with a reference: the network of another run, trained alone.
"""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kdml.common.command_line import labelled_files, positive
from kdml.common.errors import UserError, run_script
from kdml.common.files import write_csv
from kdml.common.gpus import one_of
from kdml.data.arrays import Arrays
from kdml.inspection import cka
from kdml.learning import build
from kdml.learning.faults import faults_of_torch_told
from kdml.learning.networks import Network, load_networks
from kdml.runs.graph import TEACHER, TeacherMode
from kdml.runs.records import read_record
from kdml.runs.run_table import VARIANTS_SHEET, RunRow, RunTable
from kdml.runs.settings import RunSettings

log = logging.getLogger(__name__)
KEYS = ("run", "seed", "first", "second")
LAYER_COLUMNS = (*KEYS, "row", "column", "first_layer", "first_upper", "second_layer", "second_upper", "cka")
UPPER_COLUMNS = (*KEYS, "upper_mean", "images", "batch", "code_hash")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="runs.csv of the place")
    parser.add_argument("--group", required=True, help="whose CKA is computed: a value of its column `group`")
    parser.add_argument("--data", type=Path, required=True, help="folder of prepared arrays")
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE", help="start weights")
    parser.add_argument("--batch", type=int, default=256, help="images per batch; all test images where they are fewer")
    parser.add_argument("--passes", type=int, default=1, help="over the test images, each in another order")
    parser.add_argument("--per-gpu", type=positive, default=1, help="trainings that may share a GPU of this machine")
    parser.add_argument("--layers", type=Path, required=True, help="CSV to write")
    parser.add_argument("--upper", type=Path, required=True, help="CSV to write")
    return parser.parse_args()


def networks_of(run: RunRow, starts: dict[str, Path], size: int, device: str) -> dict[str, Network]:
    """Trained networks of a run, its teacher or reference first."""
    folder, teacher = run.folder, run.reference
    settings = RunSettings.from_argument(str(folder / "run.json"))
    frozen = settings.teacher is TeacherMode.FROZEN
    trained = teacher / "weights.safetensors" if teacher and frozen else None
    cohort = build.build_cohort(settings, starts, trained, size)
    load_networks(folder / "weights.safetensors", {name: cohort.networks[name] for name in cohort.graph.learners})
    networks = dict(cohort.networks.items())
    if teacher and TEACHER not in networks:
        networks = {TEACHER: _alone(teacher, starts, size)} | networks
    teacher_first = sorted(networks, key=lambda name: (name != TEACHER, name))
    return {name: networks[name].eval().to(device) for name in teacher_first}


def _alone(folder: Path, starts: dict[str, Path], size: int) -> Network:
    """The only network of a run."""
    cohort = build.build_cohort(RunSettings.from_argument(str(folder / "run.json")), starts, None, size)
    load_networks(folder / "weights.safetensors", dict(cohort.networks.items()))
    return next(iter(cohort.networks.values()))


def batches(arrays: Arrays, rows: np.ndarray, size: int, passes: int, device: str) -> Iterator[torch.Tensor]:
    """Images in batches of `size`, drawn without replacement in a fixed order per pass; a shorter rest is left out."""
    size = min(size, len(rows))
    for number in range(passes):
        order = np.random.default_rng(number).permutation(rows)
        for start in range(0, len(rows) - size + 1, size):
            chosen = np.sort(order[start : start + size])
            yield torch.from_numpy(arrays.images[chosen]).permute(0, 3, 1, 2).to(device)


def rows_of(run: RunRow, pair: cka.Pair, found: cka.Comparison) -> Iterator[dict[str, Any]]:
    """One row per pair of layers."""
    keys = {"run": run.run, "seed": run.seed, "first": pair[0], "second": pair[1]}
    for row, first in enumerate(found.first):
        for column, second in enumerate(found.second):
            value = round(float(found.values[row, column]), 6)
            layers = {"first_layer": first.name, "first_upper": int(first.upper), "second_layer": second.name}
            yield keys | {"row": row, "column": column} | layers | {"second_upper": int(second.upper), "cka": value}


@faults_of_torch_told()
def main() -> None:
    """Take a GPU where there is one; load, compare, write."""
    arguments = parse_arguments()
    listed = RunTable(arguments.runs).sheet(VARIANTS_SHEET)
    runs = [run for run in listed if run.values["group"] == arguments.group]
    if not runs:
        raise UserError(
            f"{arguments.runs} has no runs of the group {arguments.group}.", "choose a group that stands in it"
        )
    settings = [RunSettings.from_argument(str(run.folder / "run.json")) for run in runs]
    starts = dict(labelled_files(arguments.weights, "--weights"))
    layers, upper = [], []
    with one_of(build.gpus_for(settings[0]), arguments.per_gpu):
        for run, its_settings in zip(runs, settings, strict=True):
            for of_layers, of_upper in compared(arguments, run, its_settings, starts):
                layers += of_layers
                upper.append(of_upper)
    write_csv(arguments.layers, layers, LAYER_COLUMNS)
    write_csv(arguments.upper, upper, UPPER_COLUMNS)


def compared(
    arguments: argparse.Namespace, run: RunRow, settings: RunSettings, starts: dict[str, Path]
) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any]]]:
    """Rows of layers.csv and the row of upper.csv of every two networks of a run."""
    code = read_record(run.folder)["code_hash"]
    device = build.choose_device(settings)
    data = build.open_data(settings, arguments.data, run.split)
    rows = data.parts["test"].rows
    if len(rows) < cka.SMALLEST_BATCH:
        raise UserError(f"{run.split} has {len(rows)} test images; CKA needs 4.", "use more images")
    networks = networks_of(run, starts, int(data.arrays.images.shape[1]), device)
    size = min(arguments.batch, len(rows))
    used = arguments.passes * (len(rows) // size) * size
    shown = batches(data.arrays, rows, arguments.batch, arguments.passes, device)
    for pair, found in cka.compare(networks, shown).items():
        keys = {"run": run.run, "seed": run.seed, "first": pair[0], "second": pair[1]}
        mean = {"upper_mean": round(found.upper_mean, 6), "images": used, "batch": size, "code_hash": code}
        log.info("%s, seed %s, %s and %s: %.3f", run.run, run.seed, *pair, found.upper_mean)
        yield list(rows_of(run, pair, found)), keys | mean


if __name__ == "__main__":
    run_script(main)
