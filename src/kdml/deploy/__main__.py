"""Applies exported students to a folder of pictures: `python predict.pyz PICTURES --out FOLDER`.

Exit code 0 where every picture was predicted, 2 where one or all could not be, 130 where somebody stopped it.
"""

import argparse
import sys
from pathlib import Path

from kdml.deploy.model import Model
from kdml.deploy.predict import lines_on, predict
from kdml.deploy.problems import Problem

EXIT_PROBLEM, EXIT_STOPPED = 2, 130


def parse_arguments(here: Path | None) -> argparse.Namespace:
    """Read the command line.

    Args:
        here: folder of exported students to take where none is named.
    """
    parser = argparse.ArgumentParser(prog="predict", description=__doc__.splitlines()[0].partition(":")[0])
    parser.add_argument("pictures", type=Path, help="folder of pictures, with those in it, or one picture")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, new or empty")
    parser.add_argument("--model", type=Path, default=here, required=here is None, help="folder of exported students")
    parser.add_argument("--use", choices=("student", "ensemble"), help="the ensemble, where there is one, if not given")
    parser.add_argument("--int8", action="store_true", help="the graph in 8-bit integers")
    parser.add_argument("--no-overlays", action="store_true", help="write masks alone")
    parser.add_argument("--threads", type=int, default=0, help="that compute; all if not given")
    return parser.parse_args()


def main(here: Path | None = None) -> int:
    """Read, predict, tell.

    Args:
        here: folder of exported students to take where none is named.

    Returns:
        Exit code.
    """
    arguments = parse_arguments(here)
    try:
        model = Model(arguments.model, arguments.use, arguments.threads, arguments.int8)
        outcome = predict(model, arguments.pictures, arguments.out, not arguments.no_overlays, sys.stderr)
    except Problem as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return EXIT_PROBLEM
    except KeyboardInterrupt:
        print("Stopped; nothing was kept.", file=sys.stderr)
        return EXIT_STOPPED
    for line in lines_on(outcome, model, arguments.out):
        print(line)
    return EXIT_PROBLEM if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
