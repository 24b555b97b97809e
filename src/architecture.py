"""Makes one CSV of the layers of a pair's teacher and student, aligned by part and output size: tables 6 and 7."""

import argparse
import json
from pathlib import Path

from kdml.architecture import describe
from kdml.config import Sharing
from kdml.errors import run_script
from kdml.files import write_csv
from kdml.models import build, parameter_count
from kdml.settings import NetworkSettings


def main() -> None:
    """Build without start weights, describe, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", required=True, help="JSON: settings of the networks `teacher` and `student`")
    parser.add_argument("--titles", required=True, help="JSON: how the two are called")
    parser.add_argument("--kind", choices=["classification", "segmentation"], required=True)
    parser.add_argument("--outputs", type=int, required=True, help="classes, or 1 for segmentation")
    parser.add_argument("--size", type=int, required=True, help="pixels of a side")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    titles = json.loads(arguments.titles)
    columns, counts = {}, {}
    networks = json.loads(arguments.networks)
    for name in ("teacher", "student"):
        settings = NetworkSettings.model_validate(networks[name])
        network = build(settings, arguments.kind, arguments.outputs, Sharing(), None, seed=0)
        columns[titles[name]] = describe(network, arguments.size)
        counts[titles[name]] = f"{parameter_count(network):,}"
    order = ["stem", "encoder", "extra block", "decoder", "head"]
    keys = sorted(set().union(*columns.values()), key=lambda key: (order.index(key[0]), _place(*key)))
    rows = [
        {"part": part, "output": f"{side}×{side}"}
        | {title: layers.get((part, side), "–") for title, layers in columns.items()}
        for part, side in keys
    ]
    write_csv(arguments.out, [*rows, {"part": "parameters", "output": ""} | counts])


def _place(part: str, side: str) -> int:
    """Encoders shrink, decoders grow."""
    return int(side) if part == "decoder" else -int(side)


if __name__ == "__main__":
    run_script(main)
