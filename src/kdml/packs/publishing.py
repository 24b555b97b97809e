"""What a pack of an experiment holds: numbers, what is shown of them, and what a reader has to know of both."""

import hashlib
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import read_json
from kdml.common.project import ROOT
from kdml.packs import crate

ENVIRONMENT = "environment.json"
LICENCES = "licences.json"
TWICE = ".png"  # figures are packed as PDF; of their larger form the checksum is enough to compare with
CODE = "The code is under the MIT licence. The numbers come from images with terms of their own, see licences.json."


def publish(path: Path, listed: Mapping[str, Any]) -> int:
    """Write the pack of an experiment.

    Args:
        path: of the zip.
        listed: content of the list of files, see `kdml.packs.of_experiment.listed`.

    Returns:
        Number of its files.

    Raises:
        UserError: a file is missing, or the experiment has no runs.
    """
    files = crate.read_files([*listed["given"], *listed["again"]])
    drawn = {name: hashlib.sha256(files.pop(name)).hexdigest() for name in listed["again"] if name.endswith(TWICE)}
    files |= {member: Path(source).read_bytes() for member, source in listed["files"].items()}
    records = [read_json(Path(name), "let the workflow train it") for name in listed["records"]]
    if not records:
        raise UserError("The experiment has no runs to publish.", "name some under `run:` in the configuration")
    files[ENVIRONMENT] = crate.as_json(environment(records))
    files[LICENCES] = crate.as_json(listed["licences"])
    about = {key: listed[key] for key in ("experiment", "configuration", "given", "again", "left_out", "description")}
    about |= {
        "drawn": drawn,
        "title": f"Results of the experiment '{listed['experiment']}'",
        "published": max(map(_finished, records)).isoformat(),
        "licence": CODE,
    }
    if listed["renewed_from"]:
        about["renewed_from"] = listed["renewed_from"]
    crate.write(path, about, files)
    return len(files)


def _finished(record: Mapping[str, Any]) -> datetime:
    """When a run was finished: a pack has no later date, so that equal results give an equal file."""
    return datetime.strptime(record["finished"], "%Y-%m-%dT%H:%M:%S%z")


def environment(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What runs were trained with, and what the pack was written with.

    Args:
        records: run.json of every run.
    """
    trained = [
        {key: record.get(key) for key in ("python", "platform", "device", "packages")} | {"gpu": _card(record)}
        for record in records
    ]
    return {
        "written_with": {
            "python": platform.python_version(),
            "system": platform.system(),
            "packages": {one.name: one.version for one in sorted(metadata.distributions(), key=lambda one: one.name)},
            "commit": commit(ROOT),
        },
        "training_code": sorted({record["code_hash"] for record in records}),
        "trained_with": [one for number, one in enumerate(trained) if one not in trained[:number]],
    }


def _card(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """GPU of a run without the memory that it took: that is the run's and not the card's."""
    card = record.get("gpu")
    return card and {key: value for key, value in card.items() if key != "peak_memory_mib"}


def commit(root: Path) -> str:
    """Commit of the project, followed by + if files differ from it; empty where there is no repository."""
    answers = []
    for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]):
        try:
            done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
        except OSError:  # no git here
            return ""
        if done.returncode:
            return ""
        answers.append(done.stdout.strip())
    return answers[0] + ("+" if answers[1] else "")
