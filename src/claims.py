"""Makes claims.csv: every contrast of the paper's claims with our numbers, the paper's, both answers, and the verdicts.

Beside it readings.csv: the claim on the networks' size under every reading of how the paper's networks end; and design.csv: what
the experiment, and the paper's, can detect.
"""

import argparse
from pathlib import Path

from kdml.analysis import claims, judged, power, readings
from kdml.common.command_line import labelled_files
from kdml.common.errors import run_script
from kdml.common.files import write_csv


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--claims", type=Path, required=True, help="claims.yaml")
    for name, what in judged.FILES.items():
        parser.add_argument(f"--{name}", nargs="*", default=[], metavar="PLACE=FILE", help=f"{what} of every place")
    parser.add_argument(
        "--protocols",
        nargs="+",
        required=True,
        help="that are judged, also where nothing was run that a claim is about",
    )
    parser.add_argument("--heads", type=Path, required=True, help="heads.csv")
    parser.add_argument("--readings", type=Path, required=True, help="to write")
    parser.add_argument("--design", type=Path, required=True, help="to write")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    """Read, decide, write."""
    arguments = parse_arguments()
    given = {name: labelled_files(getattr(arguments, name), f"--{name}") for name in judged.FILES}
    places, read = judged.places_of(given), claims.read_claims(arguments.claims)
    rows, read_as = judged.rows(read, places, arguments.protocols), judged.rows_of_readings(read, arguments.heads)
    write_csv(arguments.design, judged.designs(places, read.level), power.COLUMNS)
    write_csv(arguments.readings, read_as, readings.COLUMNS)
    write_csv(arguments.out, rows)


if __name__ == "__main__":
    run_script(main)
