"""Makes methods.csv of one task and pair: how every method was trained, and what it adds to the student."""

import argparse
import re
from pathlib import Path
from typing import Any

from kdml.common.command_line import runs_argument
from kdml.common.errors import UserError, run_script
from kdml.common.files import write_csv
from kdml.runs.records import RETRAIN, refuse_mixture

TAP = re.compile(r"_[a-z]\d$")  # terms of one name at several taps share their weight
COLUMNS = (
    "run",
    "title",
    "method",
    "seeds",
    "weights",
    "options",
    "stages",
    "departures",
    "student_parameters",
    "adaptor_parameters",
    "adversary_parameters",
)


def weights_of(sharing: dict[str, Any]) -> str:
    """Weights of all terms of the loss in words, those of the method last; by stage, where there are several."""
    stages = [listed(stage_weights(stage, sharing["weights"])) for stage in sharing["schedule"]]
    numbered = [f"stage {number}: {weights}" for number, weights in enumerate(stages, start=1)]
    return "; ".join(numbered) if len(stages) > 1 else stages[0]


def stage_weights(stage: dict[str, Any], terms: dict[str, float]) -> dict[str, str]:
    """What a student learns from in a stage: the weight of each loss that has one."""
    weights = {}
    if stage["scored"] and stage["supervised"]:
        weights["supervised"] = f"{stage['supervised']:g}"
    if stage["kd"]:
        end = "" if stage["kd_end"] is None else f" to {stage['kd_end']:g}"
        weights["kd"] = f"{stage['kd']:g}{end} at temperature {stage['kd_temperature']:g}"
    if stage["terms"]:
        weights |= {TAP.sub("", name): f"{weight:g}" for name, weight in terms.items() if weight}
    return weights


def listed(values: dict[str, Any]) -> str:
    """As `name value, name value`."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


def options_of(record: dict[str, Any]) -> dict[str, Any]:
    """Options that the configuration gives, without the number of stages, which has a column."""
    options, stages = record["settings"]["method"]["options"], record["sharing"]["stages"]
    return {name: value for name, value in options.items() if (name, value) != ("stages", stages) or stages == 1}


def row_of(runs: list[dict[str, Any]], record: dict[str, Any]) -> dict[str, Any]:
    """What is the same for all seeds of a method.

    Raises:
        UserError: the run was trained by code that did not record it.
    """
    sharing, folder = record["sharing"], runs[0]["folder"]
    if missing := {"schedule", "departures"} - sharing.keys():
        raise UserError(f"{folder}/run.json does not say `{min(missing)}`: older code wrote it.", RETRAIN)
    return {
        "run": runs[0]["run"],
        "title": runs[0]["title"],
        "method": record["settings"]["method"]["name"],
        "seeds": len(runs),
        "weights": weights_of(sharing),
        "options": listed(options_of(record)),
        "stages": sharing["stages"],
        "departures": "; ".join(sharing["departures"]),
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
    records = refuse_mixture(runs, ("run",), allow_mixed_code=True)  # the files of values and contrasts see to the code
    by_name: dict[str, list] = {}
    for run in runs:
        by_name.setdefault(run["run"], []).append(run)
    write_csv(arguments.out, [row_of(seeds, records[str(seeds[0]["folder"])]) for seeds in by_name.values()], COLUMNS)


if __name__ == "__main__":
    run_script(main)
