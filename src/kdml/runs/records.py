"""Records of runs (`run.json`), and which runs must not meet in one table."""

import json
import logging
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import read_json
from kdml.runs.settings import RunSettings, digest_of, settings_in

log = logging.getLogger(__name__)
FIELDS: Mapping[str, Any] = {  # that analyses, tables and pages read, with their types
    "settings": dict, "settings_hash": str, "code_hash": str, "method_hash": str, "sharing": dict, "seed": int, "inputs": dict,
    "images": dict, "epochs": int, "best": dict, "parameters": dict, "seconds": int | float, "images_per_second": int | float,
    "peak_memory_mib": int | float, "finished": str, "packages": dict, "device": str, "python": str,
}  # fmt: skip
RETRAIN = "let the workflow train it, or delete the folder to have it trained again"


def read_record(folder: Path) -> dict[str, Any]:
    """Read what a training has written down of itself, and check that nobody has edited it.

    Args:
        folder: of the run.

    Raises:
        UserError: run.json is missing or no record, or its settings are others than those that were trained.
    """
    path = Path(folder) / "run.json"
    record = read_json(path, RETRAIN)
    if not isinstance(record, dict):
        raise UserError(f"{path} is no record of a run.", RETRAIN)
    for key, kinds in FIELDS.items():
        if not isinstance(record.get(key), kinds) or isinstance(record[key], bool):
            raise UserError(f"{path} has no '{key}', or one of another type.", RETRAIN)
    for network, best in record["best"].items():
        if not isinstance(best, dict) or not all(isinstance(best.get(key), int | float) for key in ("epoch", "score")):
            raise UserError(f"{path} has no best epoch and score of '{network}'.", RETRAIN)
    if digest_of(record["settings"]) != record["settings_hash"] or record["settings"].get("seed") != record["seed"]:
        raise UserError(f"{path}: the settings are not those of which it has the hash: it was edited.", RETRAIN)
    return record


def trained_as(record: Mapping[str, Any], folder: Path) -> RunSettings:
    """Settings that a run was trained with.

    Args:
        record: its run.json.
        folder: of the run, for messages.

    Raises:
        UserError: this version of the program knows no such settings.
    """
    return settings_in(record["settings"], f"{folder}/run.json", RETRAIN)


def refuse_mixture(
    runs: Sequence[Mapping[str, Any]], same: Sequence[str], allow_mixed_code: bool = False
) -> dict[str, dict[str, Any]]:
    """Refuse runs that must not meet in one table; give what their run.json say, by folder.

    Args:
        runs: each with its `folder`.
        same: keys that make two of them seeds of one run.
        allow_mixed_code: accept runs of different versions of the training code.

    Raises:
        UserError: a run.json is missing, versions of the code are mixed, or seeds of one run differ in more than the seed.
    """
    records = {str(run["folder"]): read_record(Path(run["folder"])) for run in runs}
    if not allow_mixed_code:
        refuse_mixed_code({folder: record["code_hash"] for folder, record in records.items()})
    _warn_of_devices(records.values())
    folders = ((tuple(run[name] for name in same), str(run["folder"])) for run in runs)
    refuse_mixed_settings((key, folder, records[folder]) for key, folder in folders)
    return records


def _warn_of_devices(records: Iterable[Mapping[str, Any]]) -> None:
    """Say so where runs of one table were trained on different kinds of device: equal settings then differ by rounding."""
    devices = {device for record in records for device in record.get("devices", ())}
    if len(devices) > 1:
        log.warning(
            "these runs were trained on %d kinds of device, which round differently: %s",
            len(devices),
            ", ".join(sorted(devices)),
        )


def refuse_mixed_code(hashes: Mapping[str, str]) -> None:
    """Refuse runs of different versions of the training code: their numbers do not belong into one table.

    Args:
        hashes: run -> hash of the code that trained it.

    Raises:
        UserError: there is more than one; names a run of the rarest.
    """
    by_code: dict[str, list[str]] = defaultdict(list)
    for run, code in hashes.items():
        by_code[code].append(run)
    if len(by_code) > 1:
        few, *_ = sorted(by_code.values(), key=len)
        raise UserError(
            f"Runs of {len(by_code)} versions of the training code would be mixed: {len(few)} of {len(hashes)} differ, "
            f"for example {few[0]}.",
            "delete their run.json to have them trained again, or set `allow_mixed_code: true`",
        )


def refuse_mixed_settings(
    runs: Iterable[tuple[Hashable, str, Mapping[str, Any]]], free: Sequence[str] = ("seed",)
) -> None:
    """Refuse trainings of one run that differ in more than they may: in another setting, or in the code of their method.

    Args:
        runs: (what makes it the same run, its folder, its run.json).
        free: settings that they may differ in.

    Raises:
        UserError: two trainings of a run have different settings; names both.
    """
    seen: dict[Hashable, tuple[str, str]] = {}
    for key, folder, record in runs:
        settings = json.dumps([record["settings"] | dict.fromkeys(free), record.get("method_hash")], sort_keys=True)
        first, other = seen.setdefault(key, (settings, folder))
        if first != settings:
            raise UserError(
                f"{other} and {folder} are one run, but were trained with different settings or methods.",
                "let the workflow train them again: `snakemake --forcerun train`",
            )


def run_keys(folder: str) -> dict[str, str]:
    """Read a run's keys off the path of its folder, which ends in protocol/task/pair/run/seed-N.

    Args:
        folder: of the run; of a network trained alone the pair is the network's key.
    """
    protocol, task, pair, run, seed = Path(folder).parts[-5:]
    return {"protocol": protocol, "task": task, "pair": pair, "run": run, "seed": seed.removeprefix("seed-")}
