"""Runs the workflow for some minutes, and stops it so that it goes on from there the next time.

uv run python src/work_for.py 60 --profile profiles/reduced --config archives=/path/to/folder

Exit code 0: everything is made. 75: the time was up, or a machine failed; give the command again. Any other is Snakemake's own.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

from kdml.common.command_line import minutes
from kdml.common.errors import EXIT_MACHINE_ERROR, run_script

GRACE = 300.0  # seconds that jobs have to write their checkpoints and Snakemake to follow them
LEAVE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a scheduler, a terminal that is closed

log = logging.getLogger(__name__)


def parse_arguments() -> tuple[argparse.Namespace, list[str]]:
    """The command line: ours, and all that is Snakemake's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("minutes", type=minutes, help="to work; a training that is stopped goes on from its checkpoint")
    return parser.parse_known_args()


class Asked(Exception):
    """Raised where somebody asks this process to leave."""


def ask_to_leave(number: int, frame: object) -> None:
    """Handler of signals: stop the workflow before this process ends, because nobody else would."""
    raise Asked(number)


def stop(workflow: subprocess.Popen) -> None:
    """Ask Snakemake and all its jobs to leave, and wait for each of them; whoever does not within some minutes is killed.

    Snakemake takes a job for ended as soon as the job's shell is: a training that writes its checkpoint outlives both.
    """
    for number in LEAVE:
        signal.signal(number, signal.SIG_IGN)  # asked twice, it stops as cleanly
    os.killpg(workflow.pid, signal.SIGTERM)
    ends = time.monotonic() + GRACE
    while is_alive(workflow) and time.monotonic() < ends:
        time.sleep(0.1)
    if is_alive(workflow):
        log.warning(
            "It did not end within %.0f s and is killed. Give the command once with --unlock, then again.", GRACE
        )
        with suppress(ProcessLookupError):
            os.killpg(workflow.pid, signal.SIGKILL)
    workflow.wait()


def is_alive(workflow: subprocess.Popen) -> bool:
    """Whether any process of the group is left."""
    workflow.poll()  # one that has ended counts until somebody asks for its code
    try:
        os.killpg(workflow.pid, 0)
    except ProcessLookupError:
        return False
    return True


def main() -> None:
    """Start, wait, stop."""
    arguments, words = parse_arguments()
    for number in LEAVE:
        signal.signal(number, ask_to_leave)
    # A process group of its own: trainings get the signal, too, and keep what they have done.
    workflow = subprocess.Popen([sys.executable, "-m", "snakemake", *words], start_new_session=True)
    try:
        code = workflow.wait(timeout=60 * arguments.minutes)
    except subprocess.TimeoutExpired:
        log.info("%g minutes are over: stopping.", arguments.minutes)
        stop(workflow)
        log.info("Stopped. Give the same command again to go on.")
        code = EXIT_MACHINE_ERROR
    except Asked as asked:
        stop(workflow)
        code = 128 + asked.args[0]
    sys.exit(code)


if __name__ == "__main__":
    run_script(main)
