"""The page that a reader opens first: tables and figures by chapter, provenance, and a row for every run."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

from kdml.analysis.metrics import PRIMARY
from kdml.common.errors import UserError
from kdml.common.files import MAKE_AGAIN, read_csv
from kdml.reporting import labels
from kdml.reporting.cells import number, text
from kdml.reporting.first_screen import duration
from kdml.reporting.table_model import Cell, Row, Table, plain
from kdml.runs.records import read_record
from kdml.runs.run_table import EVALUATED

METRIC_COLUMNS = ("protocol", "task", "pair", "run", "seed", "network", "truth", "metric", "value", "folder")
FILES = ("run.json", "history.csv", "weights.safetensors", "predictions.npz", "validation.npz")
LARGEST = 20_000  # characters of a table that stands on the page; larger ones are linked
CLAIMS = "Claims"  # the category of the first chapter
CHAPTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {  # title -> (anchor, categories of tables and figures)
    "Scores": ("scores", ("Results", "Comparison", "Fidelity", "Detection")),
    "In a clinic": ("clinic", ("Clinic",)),
    "Pictures": ("pictures", ("Predictions", "Representations", "Method")),
    "Costs": ("costs", ("Compression",)),
    "Runs and provenance": ("provenance", ("Learning curves",)),
}
RUN_COLUMNS = ("Split", "Task", "Pair", "Run", "Seed", "Score (%)", "Epochs", "Seconds", "Images/s", "Files")


def content_of(path: Path) -> str:
    """Content between the marks of a rendered page without its title, its headings two levels lower.

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
    untitled = re.sub(r"<h1\b.*?</h1>", "", found[1], flags=re.DOTALL)
    return re.sub(r"<(/?)h2\b", r"<\1h4", untitled)


def link(path: Path | str, page: Path) -> str:
    """Address of a file as seen from a page."""
    return quote(Path(os.path.relpath(path, page.parent)).as_posix())


def shown(items: Iterable[Mapping[str, Any]], page: Path) -> list[dict[str, Any]]:
    """Tables and figures with paths as seen from the page, small tables with their content, figures with their size in pixels.

    Args:
        items: entries of contents.json: name, category, title, caption, files by suffix.
        page: that they are shown on.

    Raises:
        UserError: the page of a table is missing or none of this workflow.
    """
    return [
        {**item, "links": {name: link(path, page) for name, path in item["files"].items()}} | _of(item)
        for item in items
    ]


def _of(item: Mapping[str, Any]) -> dict[str, Any]:
    if "png" in item["files"]:
        with Image.open(item["files"]["png"]) as picture:
            return {"size": picture.size, "content": ""}
    content = content_of(Path(item["files"]["html"]))
    return {"size": None, "content": content if len(content) <= LARGEST else ""}


def lead_of(items: Sequence[Mapping[str, Any]], no_claim: bool) -> Mapping[str, Any]:
    """The figure that the page begins with: of the claims, or of the first scores that are drawn where no claim has numbers.

    Args:
        items: what `shown` gives.
        no_claim: whether none has.
    """
    _, of_scores = CHAPTERS["Scores"]
    categories = (*of_scores, CLAIMS) if no_claim else (CLAIMS,)
    drawn = [item for item in items if item["size"] and item["category"] in categories]
    return min(drawn, key=lambda item: categories.index(item["category"]))


def chapters(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Chapters of the page after the claims, each with its tables and figures by category.

    Args:
        items: what `shown` gives.
    """
    return [
        {"title": title, "anchor": anchor, "sections": [*_sections(items, categories)]}
        for title, (anchor, categories) in CHAPTERS.items()
    ]


def _sections(items: Sequence[Mapping[str, Any]], categories: Iterable[str]) -> Iterator[dict[str, Any]]:
    for category in categories:
        if mine := [item for item in items if item["category"] == category]:
            yield {"title": category, "items": mine}


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


def runs_table(
    runs: Mapping[str, Sequence[Row]], records: Mapping[str, Mapping[str, Any]], results: Path, page: Path
) -> Table:
    """A row for every training, with its main scores and its files.

    Args:
        runs: rows of metrics.csv by folder.
        records: contents of run.json by folder.
        results: folder of the experiment, which holds the values of places.
        page: that the table is shown on.
    """
    values = _values_files(results, {_place(rows[0]) for rows in runs.values()})
    lines = []
    for folder, rows in runs.items():
        record, first = records[folder], rows[0]
        files = [(name, Path(folder) / name) for name in FILES]
        files += [("values.csv", values[key]) for key in [(_place(first), first["run"])] if key in values]
        split = labels.PROTOCOLS.get(first["protocol"], first["protocol"])
        lines.append((
            *map(text, (split, first["task"], first["pair"], labels.run(first["run"]))), number(first["seed"], ".0f"),
            text(_scores(rows)), number(record["epochs"], ".0f"), number(record["seconds"], ".0f"),
            number(record["images_per_second"], ".1f"),
            Cell("", "", links=tuple((name, link(path, page)) for name, path in files)),
        ))  # fmt: skip
    return plain(RUN_COLUMNS, lines)


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
        "Training time": duration(sum(record["seconds"] for record in records)),
    }


def _different(records: Sequence[Mapping[str, Any]], name: str) -> str:
    return ", ".join(dict.fromkeys(str(record[name]) for record in records))
