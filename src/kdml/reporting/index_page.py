"""The page that a reader opens first: verdicts, tables, figures, provenance, and a row for every run."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kdml.analysis.metrics import PRIMARY
from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN, read_csv
from kdml.reporting import labels
from kdml.reporting.cells import number, text
from kdml.reporting.table_model import Block, Cell, Row, plain_block
from kdml.runs.records import read_record
from kdml.runs.run_table import EVALUATED

METRIC_COLUMNS = ("protocol", "task", "pair", "run", "seed", "network", "truth", "metric", "value", "folder")
FILES = ("run.json", "history.csv", "weights.safetensors", "predictions.npz")
RUN_COLUMNS = ("Protocol", "Task", "Pair", "Run", "Seed", "Score (%)", "Epochs", "Seconds", "Images/s", "Files")


def content_of(path: Path) -> str:
    """Content between the marks of a rendered page, its headings two levels lower.

    Args:
        path: of the page.

    Raises:
        UserError: the file is missing or no such page.
    """
    try:
        page = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.", "let the workflow make it") from None
    found = re.search(r"<!-- content -->(.*)<!-- /content -->", page, flags=re.DOTALL)
    if found is None:
        raise UserError(f"{path} is no page of this workflow.", MAKE_AGAIN)
    return re.sub(r"<(/?)h([12])\b", lambda tag: f"<{tag[1]}h{int(tag[2]) + 2}", found[1])


def link(path: Path | str, page: Path) -> str:
    """Address of a file as seen from a page."""
    return quote(Path(os.path.relpath(path, page.parent)).as_posix())


def sections(items: Iterable[Mapping[str, Any]], page: Path) -> Iterator[dict[str, Any]]:
    """Tables and figures by category, with paths as seen from the page.

    Args:
        items: entries of contents.json: name, category, title, caption, files by suffix.
        page: that they are shown on.

    Raises:
        UserError: the page of a table is missing or none of this workflow.
    """
    items = list(items)
    for category in dict.fromkeys(item["category"] for item in items):
        shown = [_shown(item, page) for item in items if item["category"] == category]
        yield {"title": category, "anchor": re.sub(r"\W+", "-", category.lower()), "items": shown}


def _shown(item: Mapping[str, Any], page: Path) -> dict[str, Any]:
    links = {suffix: link(path, page) for suffix, path in item["files"].items()}
    content = {"content": content_of(Path(item["files"]["html"]))} if "html" in item["files"] else {}
    return {**item, "links": links, **content}


def runs_by_folder(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Values of each training, by its folder: a network trained alone stands at several places, and a run in several sheets.

    Args:
        rows: of metrics.csv.

    Returns:
        folder -> rows of the first place that has it.
    """
    found: dict[str, list[Row]] = {}
    for row in rows:
        mine = found.setdefault(row["folder"], [])
        if not mine or all(row[name] == mine[0][name] for name in ("protocol", "task", "pair", "run")):
            mine.append(row)
    return found


def records_of(folders: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Contents of run.json by folder.

    Raises:
        UserError: one is missing.
    """
    return {folder: read_record(Path(folder)) for folder in folders}


def runs_block(
    runs: Mapping[str, Sequence[Row]], records: Mapping[str, Mapping[str, Any]], results: Path, page: Path
) -> Block:
    """A row for every training, with its main scores and its files.

    Args:
        runs: rows of metrics.csv by folder.
        records: contents of run.json by folder.
        results: folder of the experiment, which holds the values of places.
        page: that the block is shown on.
    """
    values = _values_files(results, {_place(rows[0]) for rows in runs.values()})
    lines = []
    for folder, rows in runs.items():
        record, first = records[folder], rows[0]
        files = [(name, Path(folder) / name) for name in FILES]
        files += [("values.csv", values[key]) for key in [(_place(first), first["run"])] if key in values]
        lines.append((
            *map(text, (first["protocol"], first["task"], first["pair"], labels.run(first["run"]))), number(first["seed"], ".0f"),
            text(_scores(rows)), number(record["epochs"], ".0f"), number(record["seconds"], ".0f"),
            number(record["images_per_second"], ".1f"),
            Cell("", "", links=tuple((name, link(path, page)) for name, path in files)),
        ))  # fmt: skip
    return plain_block(RUN_COLUMNS, lines)


def _place(row: Row) -> str:
    return f"{row['protocol']}/{row['task']}/{row['pair']}"


def _values_files(results: Path, places: Iterable[str]) -> dict[tuple[str, str], Path]:
    """(place, run) -> the file that holds its values over seeds."""
    found: dict[tuple[str, str], Path] = {}
    for place in places:
        for path in (results / place / sheet / "values.csv" for sheet in EVALUATED):
            for row in read_csv(path, MAKE_AGAIN, ("run",)) if path.exists() else ():
                found.setdefault((place, row["run"]), path)
    return found


def _scores(rows: Sequence[Row]) -> str:
    """The main metric of each network of a run."""
    measured = [row for row in rows if row["truth"] == "label"]
    metric = next(name for name in PRIMARY.values() if any(row["metric"] == name for row in measured))
    scores = {row["network"]: float(row["value"] or "nan") for row in measured if row["metric"] == metric}
    networks = sorted(scores, key=labels.network_order)
    return f"{labels.metric(metric)}: " + " ".join(f"{labels.network(name)} {scores[name]:.1f}" for name in networks)


def provenance(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Code, machine and package versions of the runs; whatever is not the same in all of them is listed.

    Args:
        records: contents of run.json.
    """
    packages = dict.fromkeys(f"{name} {version}" for record in records for name, version in record["packages"].items())
    finished = [record["finished"] for record in records]
    return {
        "Runs": str(len(records)),
        "Training code (hash)": _different(records, "code_hash"),
        "Devices": _different(records, "device"),
        "Deterministic": _different(records, "deterministic"),
        "Python": _different(records, "python"),
        "Packages": ", ".join(packages),
        "Finished": f"{min(finished)} to {max(finished)}",
        "Training time": f"{sum(record['seconds'] for record in records) / 60:.1f} minutes in all",
    }


def _different(records: Sequence[Mapping[str, Any]], name: str) -> str:
    return ", ".join(dict.fromkeys(str(record[name]) for record in records))
