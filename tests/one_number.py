"""What the tables of a finished run say of every network: one and the same network has one number, wherever it appears."""

import csv
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from kdml.analysis.metrics import PRIMARY, TITLES
from kdml.paper import numbers
from kdml.reporting import labels
from kdml.runs.graph import BASELINE, ENSEMBLE, TEACHER

LOOSE = 0.0001  # result tables store four decimals
BY_LABEL = {labels.network(name): name for name in ("teacher", "s1", "s2", "s3", "ensemble", "baseline", "both")}
FIDELITY = [str(number) for number in numbers.FIDELITY_TABLES.values()]
BY_TITLE = {title: name for name, title in TITLES.items()}

Said = tuple[str, str, str, str, str, tuple[float, ...]]
"""(protocol, task, run, network, metric, value and its interval) of a cell."""


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _numbers(row: dict[str, str], name: str, *ends: str) -> tuple[float, ...]:
    return tuple(float(row.get(word) or "nan") for word in (name, *(ends or (f"{name} low", f"{name} high"))))


def networks(folder: Path) -> dict[tuple[str, str, str, str], str]:
    """(protocol, task, run, network) -> what identifies the network: the hash of its outputs on the test images.

    Args:
        folder: of the experiment's results.
    """
    found = {}
    for path in folder.glob("*/*/*/*/values.csv"):
        protocol, task, *_ = path.relative_to(folder).parts
        for row in _rows(path):
            if row["truth"] == "label" and row["outputs"]:
                found[protocol, task, row["run"], row["network"]] = row["outputs"]
    return found


def said_by_tables(tables: Path, folder: Path) -> Iterator[tuple[str, Said]]:
    """(file, what it says) for every score in the CSVs of tables; fidelity is none.

    Args:
        tables: folder with them.
        folder: of the experiment's results, with contents.json.
    """
    described = [row for path in folder.glob("*/*/*/runs.csv") for row in _rows(path)]
    titles = {item["name"]: item["title"] for item in json.loads((folder / "contents.json").read_text())}
    for path in sorted(tables.glob("*.csv")):
        title = titles.get(path.stem, "")
        task = next((row["task"] for row in described if row["task_title"] in title), "")
        for row in _rows(path):
            if "block" in row:
                said = [] if "fidelity" in title.lower() else _of_results(row, task)
            else:
                said = _of_places(path.stem, row, described)
            yield from ((path.name, one) for one in said)


def _of_results(row: dict[str, str], task: str) -> Iterator[Said]:
    shown = _numbers(row, "mean", "low", "high")
    if row["block"] == "baselines":
        yield row["protocol"], row["column"], row["network"], BASELINE, row["metric"], shown
    elif row["mean"]:
        run = row["column"] if row["block"] == "own" else f"{row['block']}_{row['column']}"
        yield row["protocol"], task, run, row["network"], row["metric"], shown


def _of_places(table: str, row: dict[str, str], described: list[dict[str, str]]) -> Iterator[Said]:
    runs = {labels.run(run["run"], {run["run"]: run["title"]}): run for run in described}
    run = runs.get(row.get("Variant") or row.get("Run") or "")
    if run is None or not row.get("Protocol"):
        return
    who = row["Protocol"], row["Task"], run["run"]
    if table == "detection":
        for metric in ("found_small", "found_medium", "found_large"):
            yield *who, BY_LABEL[row["Network"]], metric, _numbers(row, TITLES[metric])
    elif table == "comparison" and row["Table"] not in FIDELITY:
        yield *who, BY_LABEL[row["Network"]], BY_TITLE[row["Metric"]], _numbers(row, "Ours")
    elif table == "compression":
        kind = next(one["kind"] for one in described if one["task"] == row["Task"])
        network = {"Teacher": TEACHER, "One student": "s1"}.get(row["Network"], ENSEMBLE)
        yield *who, BASELINE if run["run"] in labels.ALONE else network, PRIMARY[kind], _numbers(row, "Score")


def contradictions(results: Path, experiment: str) -> tuple[int, list[str]]:
    """How many networks and metrics stand in several cells, and where their numbers are not the same.

    Args:
        results: folder with `tables/` and the experiment's folder.
        experiment: name of that folder.
    """
    folder = results / experiment
    known, alone = networks(folder), _trained_alone(folder)
    cells: dict[tuple[str, ...], list[tuple[str, tuple[float, ...]]]] = defaultdict(list)
    for name, (protocol, task, run, network, metric, found) in said_by_tables(results / "tables", folder):
        run = alone.get((protocol, task, run), run)
        identity = known.get((protocol, task, run, network))
        if identity and not math.isnan(found[0]):
            cells[protocol, task, identity, metric].append((f"{name}: {run} {network}", found))
    several = {key: of for key, of in cells.items() if len(of) > 1}
    wrong = [f"{key}: {of}" for key, of in several.items() if not all(_same(one, of[0][1]) for _, one in of)]
    return len(several), wrong


def _trained_alone(folder: Path) -> dict[tuple[str, str, str], str]:
    """(protocol, task, network) -> run: result tables name a network trained alone by its key."""
    rows = [row for path in folder.glob("*/*/*/runs.csv") for row in _rows(path) if row["run"] in labels.ALONE]
    return {
        (row["protocol"], row["task"], row[f"{row['run'].removeprefix('baseline_')}_network"]): row["run"]
        for row in rows
    }


def _same(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(
        a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) < LOOSE for a, b in zip(one, other, strict=True)
    )
