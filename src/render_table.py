"""Makes one result table in the paper's layout, as CSV, Markdown, LaTeX and HTML, from tidy tables of metrics."""

import argparse
from pathlib import Path

from kdml import tables
from kdml.errors import run_script
from kdml.files import write_csv, write_text

TEMPLATES = Path(__file__).resolve().parents[1] / "workflow" / "report" / "templates"
# What LaTeX would read as a command, and letters that its default fonts lack.
TEX = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
        "–": "--",
        "α": r"$\alpha$",
        "β": r"$\beta$",
        "γ": r"$\gamma$",
        "′": r"$'$",
    }
)


def render(table: tables.Table, suffix: str) -> str:
    """The table through its template for `md`, `tex` or `html`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=suffix == "html",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # LaTeX is full of braces.
        **({"variable_start_string": "<<", "variable_end_string": ">>"} if suffix == "tex" else {}),
    )
    environment.filters["tex"] = lambda text: str(text).translate(TEX)
    return environment.get_template(f"table.{suffix}.j2").render(table=table, metric_titles=tables.METRIC_TITLES)


def main() -> None:
    """Read, build, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=int, required=True, help="its number in the paper")
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="tidy tables")
    parser.add_argument("--title-note", default="", help="on the experiment, shown under the caption")
    parser.add_argument("--allow-mixed-code", action="store_true")
    for suffix in tables.FORMATS:
        parser.add_argument(f"--{suffix}", type=Path, required=True)
    arguments = parser.parse_args()
    rows = tables.read_tidy(arguments.metrics, arguments.allow_mixed_code)
    table = tables.build(arguments.table, rows, arguments.title_note)
    write_csv(arguments.csv, list(tables.as_rows(table)))
    for suffix in tables.FORMATS[1:]:
        write_text(getattr(arguments, suffix), render(table, suffix))


if __name__ == "__main__":
    run_script(main)
