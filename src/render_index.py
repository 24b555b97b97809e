"""Makes index.html, the page that a reader opens first: verdicts, tables, figures, provenance, and a link to every run."""

import argparse
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kdml.analysis.metrics import primary
from kdml.common.command_line import runs_argument
from kdml.common.errors import UserError, run_script
from kdml.common.files import MAKE_AGAIN, read_csv, read_json, write_text
from kdml.reporting import labels
from kdml.reporting.plain_tables import Grid, number, text
from kdml.reporting.templates import fill


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--title", required=True)
    parser.add_argument("--note", default="", help="on the experiment")
    parser.add_argument("--items", required=True, help="JSON: tables and figures with category, title, caption, files")
    parser.add_argument("--claims", type=Path, required=True, help="claims.html")
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of all runs")
    parser.add_argument("--results", type=Path, required=True, help="folder of the experiment's runs")
    parser.add_argument("--leakage", type=Path, required=True, help="leakage.md")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def content_of(path: Path) -> str:
    """What stands between the marks of a rendered page, its heading one level lower.

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


def runs_grid(rows: list[dict[str, str]], results: Path, page: Path) -> tuple[Grid, list[list[tuple[str, str]]]]:
    """A row per run with its main scores, and its links."""
    runs: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows:
        runs.setdefault(tuple(row[name] for name in ("protocol", "task", "pair", "run", "seed")), []).append(row)
    shown, links = [], []
    for key, mine in runs.items():
        folder = results / key[0] / key[1] / key[2] / key[3] / f"seed-{key[4]}"
        record = read_json(folder / "run.json", "let the workflow train the run")
        metric = primary(mine)
        scores = {row["network"]: row["value"] for row in mine if (row["truth"], row["metric"]) == ("label", metric)}
        best = " ".join(f"{labels.network(name)} {float(value):.1f}" for name, value in scores.items())
        cells = (
            *map(text, (key[0], key[1], key[2], labels.run(key[3]))),
            number(key[4], ".0f"),
            text(f"{labels.METRICS[metric]}: {best}"),
            number(record["epochs"], ".0f"),
            number(record["seconds"], ".0f"),
            number(record["images_per_second"], ".1f"),
        )
        shown.append(cells)
        names = ("run.json", "history.csv", "metrics.json", "cases.csv", "weights.safetensors")
        links.append([(name, os.path.relpath(folder / name, page.parent)) for name in names])
    columns = ("Protocol", "Task", "Pair", "Run", "Seed", "Score (%)", "Epochs", "Seconds", "Images/s")
    return Grid(columns, tuple(shown)), links


def provenance(rows: list[dict[str, str]], results: Path) -> Mapping[str, Any]:
    """Code, machine and package versions of the runs; whatever is not the same in all of them is listed."""
    folders = dict.fromkeys(
        f"{row['protocol']}/{row['task']}/{row['pair']}/{row['run']}/seed-{row['seed']}" for row in rows
    )
    records = [read_json(results / folder / "run.json", "let the workflow train the run") for folder in folders]
    packages = dict.fromkeys(f"{name} {version}" for record in records for name, version in record["packages"].items())
    return {
        "Runs": str(len(records)),
        "Training code (hash)": ", ".join(dict.fromkeys(record["code_hash"] for record in records)),
        "Devices": ", ".join(dict.fromkeys(record["device"] for record in records)),
        "Deterministic": ", ".join(dict.fromkeys(str(record["deterministic"]) for record in records)),
        "Python": ", ".join(dict.fromkeys(record["python"] for record in records)),
        "Packages": ", ".join(packages),
        "Finished": f"{min(record['finished'] for record in records)} to {max(record['finished'] for record in records)}",
        "Training time": f"{sum(record['seconds'] for record in records) / 60:.1f} minutes in all",
    }


def sections(items: list[dict[str, Any]], page: Path) -> Iterator[dict[str, Any]]:
    """Tables and figures by category, with paths as seen from the page."""
    for category in dict.fromkeys(item["category"] for item in items):
        mine = [item for item in items if item["category"] == category]
        for item in mine:
            item["links"] = {name: os.path.relpath(path, page.parent) for name, path in item["files"].items()}
            if "html" in item["files"]:
                item["content"] = content_of(Path(item["files"]["html"]))
        yield {"title": category, "anchor": category.lower().replace(" ", "-"), "items": mine}


def main() -> None:
    """Read, lay out, write."""
    arguments = parse_arguments()
    items = runs_argument(arguments.items, ("category", "title", "caption", "files"), "--items")
    rows = read_csv(arguments.metrics, MAKE_AGAIN, ("protocol", "run", "truth", "value"))
    grid, links = runs_grid(rows, arguments.results, arguments.out)
    page = fill(
        "index.html.j2",
        title=arguments.title,
        note=arguments.note,
        claims=content_of(arguments.claims),
        sections=list(sections(items, arguments.out)),
        provenance=provenance(rows, arguments.results),
        runs=grid,
        links=links,
        leakage=os.path.relpath(arguments.leakage, arguments.out.parent),
    )
    write_text(arguments.out, page)


if __name__ == "__main__":
    run_script(main)
