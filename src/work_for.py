"""Runs the workflow for some minutes, stops it so that it goes on from there the next time, and says what is left.

uv run python src/work_for.py 60 --profile profiles/reduced --config archives=/path/to/folder

Exit code 0: everything is made. 75: the time was up, or a machine failed; give the command again. Any other is Snakemake's own.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys

from kdml.common.command_line import minutes
from kdml.common.errors import EXIT_MACHINE_ERROR, run_script

GRACE = 300.0  # seconds that jobs have to write their checkpoints and Snakemake to follow them

log = logging.getLogger(__name__)


def parse_arguments() -> tuple[argparse.Namespace, list[str]]:
    """The command line: ours, and all that is Snakemake's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("minutes", type=minutes, help="to work; a training that is stopped goes on from its checkpoint")
    return parser.parse_known_args()


def stop(workflow: subprocess.Popen) -> None:
    """Ask Snakemake and all its jobs to leave; whoever does not within some minutes is killed."""
    os.killpg(workflow.pid, signal.SIGTERM)
    try:
        workflow.wait(timeout=GRACE)
    except subprocess.TimeoutExpired:
        log.warning("It did not end within %.0f s and is killed.", GRACE)
        os.killpg(workflow.pid, signal.SIGKILL)
        workflow.wait()


def main() -> None:
    """Start, wait, stop."""
    arguments, words = parse_arguments()
    # A process group of its own: trainings get the signal, too, and keep what they have done.
    workflow = subprocess.Popen([sys.executable, "-m", "snakemake", *words], start_new_session=True)
    try:
        code = workflow.wait(timeout=60 * arguments.minutes)
    except subprocess.TimeoutExpired:
        log.info("%g minutes are over: stopping.", arguments.minutes)
        stop(workflow)
        log.info("Stopped. Give the same command again to go on.")
        code = EXIT_MACHINE_ERROR
    except KeyboardInterrupt:
        stop(workflow)
        raise
    sys.exit(code)


if __name__ == "__main__":
    run_script(main)
