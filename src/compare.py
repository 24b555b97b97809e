"""Makes one tidy CSV of the paper's numbers on one task and pair, or network alone, beside ours."""

import argparse
from pathlib import Path

from kdml.analysis import paper_comparison
from kdml.common.errors import run_script
from kdml.common.files import MAKE_AGAIN, read_csv, write_csv

COMPARED = {
    "variants": paper_comparison.of_variants,
    "fidelity": paper_comparison.of_fidelity,
    "methods": paper_comparison.of_methods,
    "baselines": paper_comparison.of_baselines,  # the pair is a network that is trained alone
}


def main() -> None:
    """Read, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("protocol", "task", "pair"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--architecture", required=True, help="the paper's: of the student, or of the network alone")
    parser.add_argument("--of", choices=list(COMPARED), default="variants", help="what the values are of")
    parser.add_argument("--values", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    columns = ("run", "network", "truth", "metric", "mean")
    rows = read_csv(arguments.values, MAKE_AGAIN, columns)
    values = {(row["run"], row["network"], row["truth"], row["metric"]): row for row in rows}
    found = [
        {"protocol": arguments.protocol, "pair": arguments.pair} | row
        for row in COMPARED[arguments.of](arguments.task, arguments.architecture, values)
    ]
    write_csv(arguments.out, found, paper_comparison.COLUMNS)


if __name__ == "__main__":
    run_script(main)
