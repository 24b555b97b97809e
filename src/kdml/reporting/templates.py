"""Templates of tables and pages, filled, and texts made safe for what they are put into."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kdml.common.errors import UserError
from kdml.common.files import write_csv, write_text
from kdml.common.project import ROOT
from kdml.reporting.latex import printed
from kdml.reporting.latex_text import one_line
from kdml.reporting.table_layout import ON_PAGE, ON_SCREEN, shown
from kdml.reporting.table_model import Table

FOLDER = ROOT / "workflow" / "report" / "templates"
FORMATS = ("csv", "md", "tex", "html")
MARKDOWN = re.compile(r"[\\`*_{}<>|~$&]")
# What would open a heading, a list, a quotation or a definition at a line's start, and what would make a link of brackets.
MARKDOWN_START = re.compile(r"^(?=(?:\d+[.)]|[-+])(?:\s|$)|#|\[|[-=\s]+$)(\d*)(.)")


def markdown(value: Any) -> str:
    """A text that Markdown shows as it is, in a paragraph or in a cell of a table."""
    escaped = MARKDOWN.sub(r"\\\g<0>", one_line(value)).replace("](", "]\\(")
    return MARKDOWN_START.sub(r"\1\\\2", escaped)


def fill(template: str, **content: Any) -> str:
    """A template of `workflow/report/templates/`, filled; HTML is escaped, a missing value is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    kind = template.split(".")[-2]
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=kind == "html",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = markdown
    return environment.get_template(template).render(**content)


def by_suffix(paths: Iterable[Path], known: Sequence[str]) -> dict[str, Path]:
    """Files to write by the form that their names end with.

    Args:
        paths: of the files.
        known: endings without their dot.

    Raises:
        UserError: a name ends otherwise.
    """
    found = {path.suffix.removeprefix("."): path for path in paths}
    if strange := [path for suffix, path in found.items() if suffix not in known]:
        raise UserError(f"{strange[0]} has no known form.", f"let its name end with one of {', '.join(known)}")
    return found


def write_table(table: Table, title: str, caption: str, note: str, paths: Iterable[Path]) -> None:
    """Write a table in the forms that the files' names end with: csv, md, tex, html.

    Args:
        table: to write.
        title: above it.
        caption: what it shows.
        note: on the experiment.
        paths: of the files.

    Raises:
        UserError: a file's name has another ending.
    """
    files = by_suffix(paths, FORMATS)
    texts = {
        suffix: _text(suffix, table, title, caption, note, path) for suffix, path in files.items() if suffix != "csv"
    }
    if "csv" in files:
        columns, rows = table.stored()
        write_csv(files["csv"], rows, columns)
    for suffix, content in texts.items():
        write_text(files[suffix], content)


def _text(suffix: str, table: Table, title: str, caption: str, note: str, path: Path) -> str:
    """A table in one of the forms that people read."""
    table = shown(table, ON_SCREEN if suffix == "html" else ON_PAGE)
    notes = [text for text in (caption, *table.notes, note) if text]
    if suffix == "tex":
        return printed(table, title, notes, path.stem)
    return fill(f"table.{suffix}.j2", title=title, notes=notes, table=table)
