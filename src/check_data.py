"""Checks prepared data before anything trains: what is in them, what is double, what each way to split them would leak.

python src/check_data.py --data polyps=results/mine/data/polyps --used polyps=grouped --out check_data.json check_data.html
"""

import argparse
import logging
from pathlib import Path

import numpy as np

from kdml.common.command_line import labelled_files
from kdml.common.errors import run_script
from kdml.common.files import read_json, write_json, write_text
from kdml.data.arrays import PREPARE, open_arrays
from kdml.data.check import checked, samples
from kdml.data.split import read_index
from kdml.reporting.data import labelled_texts
from kdml.reporting.data_page import picture, section
from kdml.reporting.templates import by_suffix, fill

log = logging.getLogger(__name__)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, nargs="+", metavar="DATASET=FOLDER", help="prepared by src/prepare.py")
    parser.add_argument("--used", nargs="*", default=[], metavar="DATASET=PROTOCOL", help="that its tasks are split by")
    parser.add_argument("--fractions", nargs="+", type=float, default=[0.75, 0.10, 0.15], help="of the split")
    parser.add_argument("--seed", type=int, default=0, help="of the split (default 0)")
    parser.add_argument("--note", default="", help="what the data are, if they are no real ones")
    parser.add_argument("--out", required=True, nargs="+", type=Path, metavar="FILE", help="*.json, *.html")
    return parser.parse_args()


def main() -> None:
    """Check every data set; write what was found, and a page of it."""
    arguments = parse_arguments()
    files = by_suffix(arguments.out, ("json", "html"))
    used = labelled_texts(arguments.used, "--used")
    found, sections = [], []
    for dataset, folder in labelled_files(arguments.data, "--data"):
        index, report = read_index(folder / "index.parquet"), read_json(folder / "report.json", PREPARE)
        protocols = [protocol for key, protocol in used if key == dataset]
        facts = checked(dataset, index, report, arguments.fractions, arguments.seed, protocols)
        arrays = open_arrays(folder, with_masks=(folder / "masks.npy").exists())

        def drawn(row: int, images: np.ndarray = arrays.images, masks: np.ndarray | None = arrays.masks) -> str:
            return picture(images[row], None if masks is None else masks[row])

        shown = {name: list(map(drawn, rows)) for name, rows in samples(index).items()}
        alike = [[drawn(row) for row in pair["rows"]] for pair in facts["near_duplicates"]["examples"]]
        found.append(facts)
        sections.append(section(facts, shown, alike))
        log.info("%s: %d pictures, %s", dataset, facts["kept"], facts["classes"])
    if "json" in files:
        write_json(files["json"], found)
    if "html" in files:
        write_text(files["html"], fill("check_data.html.j2", note=arguments.note, sections=sections))


if __name__ == "__main__":
    run_script(main)
