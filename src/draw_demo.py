"""Draw one look-alike archive of demo images, in the layout of the Kaggle archive of the same name.

python src/draw_demo.py --archive lgg-mri-segmentation --out resources/archives/lgg-mri-segmentation.zip
"""

import argparse
import logging
from pathlib import Path

from kdml.common.errors import run_script
from kdml.data.demo import DEMO_ARCHIVES, draw_archive

log = logging.getLogger(__name__)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", required=True, metavar="NAME", help=f"one of {', '.join(DEMO_ARCHIVES)}")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the zip file to write")
    parser.add_argument("--seed", type=int, default=0, help="chooses everything that is drawn (default 0)")
    parser.add_argument("--images", type=int, default=400, help="number of labelled images (default 400)")
    parser.add_argument("--size", type=int, default=64, help="side of the images in pixels (default 64)")
    return parser.parse_args()


def main() -> None:
    """Draw the archive that the command line asks for."""
    arguments = parse_arguments()
    draw_archive(arguments.archive, arguments.out, arguments.images, arguments.size, arguments.seed)
    log.info("drew %d images of %d pixels into %s", arguments.images, arguments.size, arguments.out)


if __name__ == "__main__":
    run_script(main)
