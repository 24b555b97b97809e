"""Makes one figure as PDF and PNG from tidy data."""

import argparse
import importlib
import logging
from pathlib import Path

import matplotlib

from kdml.common.command_line import labelled_files, mapping_argument
from kdml.common.errors import run_script
from kdml.common.files import written_whole
from kdml.reporting.figures.common import STYLE, Data

# kind -> module and function; only the module of the wanted figure is imported, because seaborn costs a second and a half.
KINDS = {
    "scheme": "schemes:draw",
    "slices": "slices:draw",
    "similarity": "similarity:draw",
    "beside": "beside:draw",
    "search": "search:draw",
    "curves": "curves:draw_bands",
    "runs": "curves:draw_runs",
    "pareto": "compression:draw",
    "detection_by_size": "detection:draw",
}


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=list(KINDS), required=True)
    parser.add_argument("--option", default="", help="a choice within the kind, such as the figure's number")
    parser.add_argument("--title", required=True)
    parser.add_argument("--note", default="", help="on the experiment, written into the file's metadata")
    parser.add_argument("--data", nargs="*", default=[], metavar="LABEL=FILE")
    parser.add_argument("--extra", default="{}", help="JSON: what the configuration says, such as graphs")
    parser.add_argument("--pdf", type=Path, required=True)
    parser.add_argument("--png", type=Path, required=True)
    arguments = parser.parse_args()
    files: dict[str, list[Path]] = {}
    for label, path in labelled_files(arguments.data, "--data"):
        files.setdefault(label, []).append(path)
    extra = mapping_argument(arguments.extra, "--extra")
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of every table of every font
    with matplotlib.rc_context(STYLE["rc"]):
        module, _, function = KINDS[arguments.kind].partition(":")
        draw = getattr(importlib.import_module(f"kdml.reporting.figures.{module}"), function)
        figure = draw(Data(files, arguments.option, extra))
        save(figure, arguments)


def save(figure, arguments: argparse.Namespace) -> None:
    """Write the figure cut to what is drawn; the cut is measured once, because laying out many panels costs seconds."""
    drawn = figure.get_tightbbox().padded(matplotlib.rcParams["savefig.pad_inches"])
    files = (
        # Without a date equal data give equal files.
        (arguments.pdf, {"CreationDate": None, "Title": arguments.title, "Subject": arguments.note}),
        (arguments.png, {"Title": arguments.title, "Description": arguments.note}),
    )
    for path, metadata in files:
        with written_whole(path) as temporary:
            figure.savefig(temporary, metadata=metadata, bbox_inches=drawn)


if __name__ == "__main__":
    run_script(main)
