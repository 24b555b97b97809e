"""What planning costs: CPU time of `snakemake -n` per job, for the whole plan and for more seeds.

    uv run python benchmarks/planning.py [--seeds 3 10 30]

Planning has to stay proportional to the jobs: the figure per job may not grow with the seeds. Every plan is made in an empty
folder, so that all jobs are to be run; nothing is. The start (imports, and the configuration) is that of a plan of a single job.
"""

import argparse
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import ROOT

from kdml.common.files import write_csv

SINGLE = "results/reproduction/graphs.csv"  # needs nothing
COLUMNS = {
    "seeds": "seeds",
    "jobs": "jobs",
    "cpu_seconds": "CPU s",
    "start_seconds": "of it start s",
    "ms_per_job": "CPU ms per job",
}


def planned(seeds: int, *targets: str) -> tuple[int, float]:
    """Jobs of a plan, and the CPU seconds that making it took.

    Args:
        seeds: of every run.
        targets: files to plan for; everything if there is none.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "seeds.yaml"
        config.write_text(f"run: {{seeds: {list(range(seeds))}}}\n")
        command = [sys.executable, "-m", "snakemake", *targets, "--dry-run", "--cores", "2", "--directory", folder]
        done = subprocess.run(
            [*command, "--configfile", str(config)], cwd=ROOT, capture_output=True, text=True, check=False
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = done.stdout + done.stderr
    if done.returncode or not (total := re.findall(r"^total +(\d+)$", said, re.M)):
        sys.exit(f"snakemake -n failed:\n{said}")
    return int(total[-1]), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def row_of(seeds: int) -> dict[str, Any]:
    """Figures of the plan with so many seeds."""
    _, start = planned(seeds, SINGLE)
    jobs, seconds = planned(seeds)
    return {
        "seeds": seeds,
        "jobs": jobs,
        "cpu_seconds": round(seconds, 2),
        "start_seconds": round(start, 2),
        "ms_per_job": round(1000 * seconds / jobs, 2),
    }


def main() -> None:
    """Plan with every number of seeds, print a table, write results/benchmarks/planning.csv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 10, 30])
    arguments = parser.parse_args()
    rows = []
    print("  ".join(COLUMNS.values()))
    for seeds in arguments.seeds:
        rows.append(row_of(seeds))
        print("  ".join(f"{rows[-1][name]:>{len(title)}}" for name, title in COLUMNS.items()), flush=True)
    machine = {
        "machine": f"{platform.platform()}, {os.cpu_count()} cores",
        "measured": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    path = ROOT / "results" / "benchmarks" / "planning.csv"
    write_csv(path, [row | machine for row in rows])
    print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
