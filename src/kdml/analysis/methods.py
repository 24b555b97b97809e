"""How published methods, and ones of the user's own, were trained: weights, options, what they add to the student, departures."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kdml.common.errors import UserError
from kdml.runs.records import RETRAIN
from kdml.runs.run_table import RunRow

TAP = re.compile(r"_[a-z]\d$")  # terms of one name at several taps share their weight
COLUMNS = (
    "run", "title", "method", "seeds", "weights", "options", "stages", "departures", "student_parameters", "adaptor_parameters",
    "adversary_parameters",
)  # fmt: skip


def row_of(runs: Sequence[RunRow], record: Mapping[str, Any]) -> dict[str, Any]:
    """Describe what is the same for all seeds of a method.

    Args:
        runs: its seeds.
        record: run.json of one of them.

    Raises:
        UserError: the run was trained by code that did not record it.
    """
    sharing = record["sharing"]
    if missing := {"schedule", "departures"} - sharing.keys():
        raise UserError(f"{runs[0].folder}/run.json does not say `{min(missing)}`: older code wrote it.", RETRAIN)
    return {
        "run": runs[0].run,
        "title": runs[0].values["title"],
        "method": record["settings"]["method"]["name"],
        "seeds": len(runs),
        "weights": _weights(sharing),
        "options": _listed(_options(record)),
        "stages": sharing["stages"],
        "departures": "; ".join(sharing["departures"]),
        "student_parameters": record["parameters"]["s1"],
        "adaptor_parameters": sharing["adaptor_parameters"],
        "adversary_parameters": sharing["adversary_parameters"],
    }


def _weights(sharing: Mapping[str, Any]) -> str:
    """Weights of all terms of the loss in words, those of the method last; by stage, where there are several."""
    stages = [_listed(_of_stage(stage, sharing["weights"])) for stage in sharing["schedule"]]
    numbered = [f"stage {number}: {weights}" for number, weights in enumerate(stages, start=1)]
    return "; ".join(numbered) if len(stages) > 1 else stages[0]


def _of_stage(stage: Mapping[str, Any], terms: Mapping[str, float]) -> dict[str, str]:
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


def _listed(values: Mapping[str, Any]) -> str:
    """Names and values as `name value, name value`."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


def _options(record: Mapping[str, Any]) -> dict[str, Any]:
    """Options that the configuration gives, without the number of stages, which has a column."""
    options, stages = record["settings"]["method"]["options"], record["sharing"]["stages"]
    return {name: value for name, value in options.items() if (name, value) != ("stages", stages) or stages == 1}
