"""Packs whose files do not belong together: refused before anything is planned."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import csv_rows
from kdml.packs.reading import AGAIN, Pack
from kdml.packs.repeats import trained_with
from kdml.runs.settings import RunSettings

OF_CASES = ("cases.parquet", "regions.parquet")  # what was measured on test images, a row for each or several


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
        UserError: a split is missing or another one, or a table of cases names images that were not tested on.
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
            for seed, ids in _measured(pack, name).items():
                if not ids <= images.get(tested.get((_task(name), seed), ""), set()):
                    raise _mixed(pack, f"{name} names images that seed {seed} was not tested on")


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


def _measured(pack: Pack, name: str) -> dict[str, set[str]]:
    """Images in a table of cases, by seed."""
    from pyarrow import parquet  # costs half a second, and whoever reads no pack does without

    try:
        table = parquet.read_table(io.BytesIO(pack.read(name)), columns=["seed", "id"])
    except (OSError, ValueError) as error:  # pyarrow's errors are of these kinds
        raise UserError(f"{pack.path}: {name} is no table of cases ({error}).", AGAIN) from None
    found: dict[str, set[str]] = {}
    for row in table.group_by(["seed", "id"]).aggregate([]).to_pylist():
        found.setdefault(str(row["seed"]), set()).add(row["id"])
    return found
