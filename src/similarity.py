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

from kdml.common.command_line import positive
from kdml.common.errors import UserError, run_script
from kdml.common.files import write_csv
from kdml.common.gpus import one_of
from kdml.data.arrays import Arrays
from kdml.inspection import cka
from kdml.learning import build
from kdml.learning.faults import faults_of_torch_told
from kdml.learning.networks import Network
from kdml.learning.trained import networks_of
from kdml.runs.graph import TEACHER
from kdml.runs.records import read_record, trained_as
from kdml.runs.run_table import VARIANTS_SHEET, RunRow, RunTable

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
    parser.add_argument("--batch", type=int, default=256, help="images per batch; all test images where they are fewer")
    parser.add_argument("--passes", type=int, default=1, help="over the test images, each in another order")
    parser.add_argument("--per-gpu", type=positive, default=1, help="trainings that may share a GPU of this machine")
    parser.add_argument("--layers", type=Path, required=True, help="CSV to write")
    parser.add_argument("--upper", type=Path, required=True, help="CSV to write")
    return parser.parse_args()


def compared_networks(run: RunRow) -> dict[str, Network]:
    """Trained networks of a run, its teacher or reference first."""
    networks = networks_of(run.folder)
    if run.reference and TEACHER not in networks:
        (networks[TEACHER],) = networks_of(run.reference).values()
    return dict(sorted(networks.items(), key=lambda one: (one[0] != TEACHER, one[0])))


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
    records = [read_record(run.folder) for run in runs]
    layers, upper = [], []
    with one_of(build.gpus_for(trained_as(records[0], runs[0].folder)), arguments.per_gpu):
        for run, record in zip(runs, records, strict=True):
            for of_layers, of_upper in compared(arguments, run, record):
                layers += of_layers
                upper.append(of_upper)
    write_csv(arguments.layers, layers, LAYER_COLUMNS)
    write_csv(arguments.upper, upper, UPPER_COLUMNS)


def compared(
    arguments: argparse.Namespace, run: RunRow, record: dict[str, Any]
) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any]]]:
    """Rows of layers.csv and the row of upper.csv of every two networks of a run."""
    settings = trained_as(record, run.folder)
    device = build.choose_device(settings)
    data = build.open_data(settings, arguments.data, run.split)
    rows = data.parts["test"].rows
    if len(rows) < cka.SMALLEST_BATCH:
        raise UserError(f"{run.split} has {len(rows)} test images; CKA needs 4.", "use more images")
    networks = {name: network.to(device) for name, network in compared_networks(run).items()}
    size = min(arguments.batch, len(rows))
    shown = batches(data.arrays, rows, arguments.batch, arguments.passes, device)
    known = {"images": arguments.passes * (len(rows) // size) * size, "batch": size, "code_hash": record["code_hash"]}
    for pair, found in cka.compare(networks, shown).items():
        keys = {"run": run.run, "seed": run.seed, "first": pair[0], "second": pair[1]}
        log.info("%s, seed %s, %s and %s: %.3f", run.run, run.seed, *pair, found.upper_mean)
        yield list(rows_of(run, pair, found)), keys | {"upper_mean": round(found.upper_mean, 6)} | known


if __name__ == "__main__":
    run_script(main)
