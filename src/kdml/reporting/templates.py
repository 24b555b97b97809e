"""Templates of tables and pages, filled."""

from typing import Any

from kdml.common.project import ROOT

FOLDER = ROOT / "workflow" / "report" / "templates"
# What LaTeX would read as a command, and letters that its default fonts lack.
TEX = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"$<$",
        ">": r"$>$",
        "±": r"$\pm$",
        "×": r"$\times$",
        "→": r"$\to$",
        "–": "--",
        "−": "$-$",
        "α": r"$\alpha$",
        "β": r"$\beta$",
        "γ": r"$\gamma$",
        "′": r"$'$",
    }
)


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
        # LaTeX is full of braces.
        **({"variable_start_string": "<<", "variable_end_string": ">>"} if kind == "tex" else {}),
    )
    environment.filters["tex"] = lambda value: str(value).translate(TEX)
    environment.filters["pipe"] = lambda value: str(value).replace("|", "\\|")
    return environment.get_template(template).render(**content)
