"""Packs whose files do not belong together: refused before anything is planned."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import csv_rows
from kdml.packs.reading import AGAIN, Pack
from kdml.packs.repeats import trained_with
from kdml.runs.settings import RunSettings

CASES = "cases.parquet"  # what was measured on test images, a row for each image and network
OF_CASES = (CASES, "regions.parquet")  # of regions several rows, or none
KEYS = ("run", "seed", "network", "id")  # columns that say what a row is of


def check_runs(pack: Pack, records: Mapping[str, RunSettings]) -> None:
    """Refuse a pack whose runs were not trained as its configuration says.

    Args:
        pack: to check.
        records: settings of every run by the configuration, by the name of its run.json.

    Raises:
        UserError: a run is missing, or has other settings.
    """
    for name, settings in records.items():
        if name not in pack.members:
            raise UserError(f"{pack.path} lacks {name}, a run of its configuration.", AGAIN)
        if _comparable(trained_with(pack, name)) != _comparable(settings.model_dump(mode="json")):
            raise _mixed(pack, f"{name} was trained with other settings than its configuration says")


def check_splits(pack: Pack, splits: Mapping[str, str]) -> None:
    """Refuse a pack whose runs were trained on other splits than it holds, or whose measured images are of other test sets.

    Args:
        pack: to check.
        splits: name of the split that every run was trained on, by the name of its run.json.

    Raises:
        UserError: a split is missing or another one, or a table of cases has other images than were tested on.
    """
    tested: dict[tuple[str, str], str] = {}
    for name, split in splits.items():
        inputs = pack.record(name).get("inputs")
        if not isinstance(inputs, dict) or inputs.get("split") != pack.members.get(split):
            raise _mixed(pack, f"{name} was trained on another split than {split}")
        tested[_task(name), _seed(name)] = split
    images = {split: _test_images(pack, split) for split in set(tested.values())}
    for name in pack.members:
        if name.endswith(OF_CASES):
            here = {seed: images[split] for (task, seed), split in tested.items() if task == _task(name)}
            _check_measured(pack, name, here)


def _check_measured(pack: Pack, name: str, tested_on: Mapping[str, set[str]]) -> None:
    """Refuse a table of cases that has other images than were tested on, or not each once for every network.

    Args:
        pack: that holds it.
        name: of the table.
        tested_on: test images of every seed.

    Raises:
        UserError: names the first such seed.
    """
    table = _measured(pack, name)
    ids: dict[str, set[str]] = {}
    for row in table.group_by(["seed", "id"]).aggregate([]).to_pylist():
        ids.setdefault(row["seed"], set()).add(row["id"])
    for seed, found in ids.items():
        if not found <= tested_on.get(seed, set()):
            raise _mixed(pack, f"{name} names images that seed {seed} was not tested on")
    if name.endswith(CASES):
        of_networks = table.group_by(["run", "seed", "network"])
        for row in of_networks.aggregate([("id", "count"), ("id", "count_distinct")]).to_pylist():
            if {row["id_count"], row["id_count_distinct"]} != {len(tested_on[row["seed"]])}:
                network = f"{row['network']} of {row['run']}"
                raise _mixed(pack, f"{name} has not every test image of seed {row['seed']} once for {network}")


def _comparable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without where a user's own method lies: its checksum says what it is."""
    method = settings.get("method")
    return {**settings, "method": method and {**method, "name": method["name"].rpartition(":")[2]}}


def _mixed(pack: Pack, problem: str) -> UserError:
    return UserError(f"{pack.path} is mixed: {problem}.", AGAIN)


def _task(name: str) -> str:
    """Folder of the protocol and task that a file of a pack is of: results/experiment/protocol/task."""
    return "/".join(name.split("/")[:4])


def _seed(name: str) -> str:
    """Seed that a run.json is of."""
    return name.split("/")[-2].removeprefix("seed-")


def _test_images(pack: Pack, split: str) -> set[str]:
    text = io.StringIO(pack.read(split).decode(), newline="")
    rows: Iterable[Any] = csv_rows(text, f"{pack.path}: {split}", AGAIN, ("id", "part"))
    return {row["id"] for _, row in rows if row["part"] == "test"}


def _measured(pack: Pack, name: str) -> Any:
    """Runs, seeds, networks and images in a table of cases, as an Arrow table."""
    import pyarrow  # costs half a second, and whoever reads no pack does without
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(pack.read(name)), columns=list(KEYS))
        return table.select(KEYS).cast(pyarrow.schema(dict.fromkeys(KEYS, pyarrow.string())))
    except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are of these kinds
        raise UserError(f"{pack.path}: {name} is no table of cases ({error}).", AGAIN) from None
