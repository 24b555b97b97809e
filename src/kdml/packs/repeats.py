"""Whether two packs are of one experiment, and what else is known of how they differ."""

import io
from collections.abc import Mapping
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import csv_rows
from kdml.packs.publishing import ENVIRONMENT
from kdml.packs.reading import AGAIN, Pack
from kdml.runs.settings import settings_in

OF_A_RUN = ("protocol", "task", "pair", "run")  # settings that name the folder of a run
FREE = ("seed",)  # of a run's settings, what two repeats may differ in


def metrics_of(pack: Pack) -> list[dict[str, str]]:
    """Rows of a pack's metrics.csv.

    Raises:
        UserError: the pack lacks it, or it is no such table.
    """
    name = f"results/{pack.experiment}/metrics.csv"
    text = io.StringIO(pack.read(name).decode(), newline="")
    columns = ("protocol", "task", "pair", "run", "seed", "network", "truth", "metric", "value")
    return [row for _, row in csv_rows(text, f"{pack.path}: {name}", AGAIN, columns)]


def known_of(pack: Pack) -> dict[str, Any]:
    """Configuration, and what the runs were trained with, for a list of what differs."""
    environment = pack.record(ENVIRONMENT)
    trained = {key: environment.get(key) for key in ("training_code", "trained_with")}
    return {"configuration": pack.about["configuration"], **trained}


def check_one_experiment(first: Pack, second: Pack) -> None:
    """Refuse packs whose runs were trained with other settings than the seed, or on images of another size or number.

    Args:
        first: a pack.
        second: the one that it is compared with.

    Raises:
        UserError: a run differs in a setting, there is none in common, or a pack is mixed.
    """
    both = [_settings(pack) for pack in (first, second)]
    common = [key for key in both[0] if key in both[1]]
    for key in common:
        if different := _first_difference(both[0][key], both[1][key]):
            raise UserError(
                f"{first.path} and {second.path} are of different experiments: {'/'.join(key)} was trained with another"
                f" `{different}`.",
                "compare packs of one configuration; seeds alone may differ",
            )
    if not common:
        raise UserError(
            f"{first.path} and {second.path} have no run in common.",
            "compare packs of one configuration; seeds alone may differ",
        )


def _settings(pack: Pack) -> dict[tuple[str, ...], Mapping[str, Any]]:
    """Settings of a seed of every run, and what its images are.

    Raises:
        UserError: a record lies where another run's should.
    """
    found = {}
    for name in pack.members:
        if name.startswith(f"results/{pack.experiment}/") and name.endswith("/run.json"):
            *run, seed = name.split("/")[-6:-1]
            trained = trained_with(pack, name)
            if [trained[key] for key in OF_A_RUN] != run or f"seed-{trained['seed']}" != seed:
                raise UserError(f"{pack.path} is mixed: {name} is of another run.", AGAIN)
            found[tuple(run)] = trained | {"images": _images(pack, name)}
    return found


def _images(pack: Pack, name: str) -> dict[str, Any]:
    """Size and number of a run's images; how many of them are trained on may follow from the seed of the split."""
    recorded = pack.record(name).get("images")
    return {key: recorded.get(key) for key in ("size", "total")} if isinstance(recorded, dict) else {}


def trained_with(pack: Pack, name: str) -> dict[str, Any]:
    """Settings that a run was trained with; those that its version of the program did not have are what they are if not given.

    Args:
        pack: that holds it.
        name: of its run.json.

    Raises:
        UserError: it holds none that this version of the program knows.
    """
    return settings_in(pack.record(name).get("settings"), f"{pack.path}: {name}", AGAIN).model_dump(mode="json")


def _first_difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """Key of a setting in which two runs differ; empty if in none but the seed, and where a user's own method lies."""
    for key in dict.fromkeys([*first, *second]):
        one, other = (
            {**(side.get(key) or {}), "name": ""} if key == "method" else side.get(key) for side in (first, second)
        )
        if key not in FREE and one != other:
            return key
    return ""
