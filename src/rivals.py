"""Makes rivals.csv of one task and pair: how every rival was trained, and what it adds to the student."""

import argparse
import re
from pathlib import Path
from typing import Any

from kdml.arguments import runs_argument
from kdml.collect import RETRAIN, refuse_mixed_settings
from kdml.errors import run_script
from kdml.files import read_json, write_csv

TAP = re.compile(r"_[a-z]\d$")  # terms of one name at several taps share their weight
COLUMNS = (
    "run",
    "title",
    "method",
    "seeds",
    "weights",
    "options",
    "stages",
    "student_parameters",
    "adaptor_parameters",
)
COLUMNS += ("adversary_parameters",)


def weights_of(record: dict[str, Any]) -> dict[str, float]:
    """Weights of all terms of the loss, those of the method last; a method in two stages has its own schedule of the first two."""
    rival = record["settings"]["rival"]
    usual = {"supervised": rival["supervised"], "kd": rival["kd"]} if record["sharing"]["stages"] == 1 else {}
    weights = {name: weight for name, weight in (usual | record["sharing"]["weights"]).items() if weight}
    return {TAP.sub("", name): weight for name, weight in weights.items()}


def listed(values: dict[str, Any]) -> str:
    """As `name value, name value`."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


def row_of(runs: list[dict[str, Any]], record: dict[str, Any]) -> dict[str, Any]:
    """What is the same for all seeds of a rival."""
    rival, sharing = record["settings"]["rival"], record["sharing"]
    return {
        "run": runs[0]["run"],
        "title": runs[0]["title"],
        "method": rival["method"],
        "seeds": len(runs),
        "weights": listed({name: f"{weight:g}" for name, weight in weights_of(record).items()}),
        "options": listed(rival["options"]),
        "stages": sharing["stages"],
        "student_parameters": record["parameters"]["s1"],
        "adaptor_parameters": sharing["adaptor_parameters"],
        "adversary_parameters": sharing["adversary_parameters"],
    }


def main() -> None:
    """Read, describe, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", required=True, help="JSON list of runs: run, title, seed, folder")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    runs = runs_argument(arguments.runs, ("run", "title", "seed", "folder"))
    records = {run["folder"]: read_json(Path(run["folder"]) / "run.json", RETRAIN) for run in runs}
    refuse_mixed_settings((run["run"], run["folder"], records[run["folder"]]) for run in runs)
    by_name: dict[str, list] = {}
    for run in runs:
        by_name.setdefault(run["run"], []).append(run)
    write_csv(arguments.out, [row_of(seeds, records[seeds[0]["folder"]]) for seeds in by_name.values()], COLUMNS)


if __name__ == "__main__":
    run_script(main)
