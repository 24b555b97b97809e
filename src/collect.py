"""Makes one tidy CSV of the metrics of several runs: run keys, network, metric, value in percent."""

import argparse
import json
from pathlib import Path
from typing import Any

from kdml.collect import tidy
from kdml.errors import UserError, run_script
from kdml.files import read_json, write_csv


def descriptions(argument: str) -> list[dict[str, Any]]:
    """The runs, from JSON text or a file that holds it."""
    remedy = "pass a JSON list of runs, each with its `folder`"
    try:
        runs = json.loads(argument) if argument.lstrip().startswith("[") else read_json(Path(argument), remedy)
    except json.JSONDecodeError as error:
        raise UserError(f"--runs is not valid JSON ({error}).", remedy) from None
    if not runs or not all("folder" in run for run in runs):
        raise UserError("--runs names no runs.", remedy)
    return runs


def main() -> None:
    """Read, check, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="JSON list of runs with their folder and keys, or a file of it")
    parser.add_argument("--allow-mixed-code", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    write_csv(arguments.out, tidy(descriptions(arguments.runs), arguments.allow_mixed_code))


if __name__ == "__main__":
    run_script(main)
