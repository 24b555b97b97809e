"""Makes one figure as PDF and PNG from tidy data."""

import argparse
from pathlib import Path

from kdml.common.errors import run_script
from kdml.reporting.data import Data
from kdml.reporting.draws import drawn_by
from kdml.reporting.figures.common import save


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", required=True, help="module:function below kdml.reporting")
    parser.add_argument("--number", default="", help="of the figure in the paper, where one function draws several")
    parser.add_argument("--title", required=True)
    parser.add_argument("--note", default="", help="on the experiment, written into the file's metadata")
    parser.add_argument("--drawn", action="store_true", help="say on it that the images are synthetic")
    parser.add_argument("--data", nargs="+", required=True, metavar="LABEL=FILE")
    parser.add_argument("--figure", nargs="+", type=Path, required=True, help="files to write: pdf, png")
    arguments = parser.parse_args()
    figure = drawn_by(arguments.draws)(Data.labelled(arguments.data, number=arguments.number))
    save(figure, arguments.title, arguments.note, arguments.figure, arguments.drawn)


if __name__ == "__main__":
    run_script(main)
