"""Jobs that an earlier run of the workflow left in a SLURM queue."""

import shutil
import subprocess
from pathlib import Path

from kdml.common.errors import UserError

FORMAT = "%i|%k|%Z"  # number, comment, working directory
COMMENT = "rule_"  # how the comment of a job of Snakemake's begins; then the rule's name and wildcards


def refuse_beside_earlier_jobs(folder: Path) -> None:
    """Refuse to start beside jobs of an earlier run in the same folder: they would write the same files.

    A run that was killed could not cancel them. Where there is no SLURM nothing is refused.

    Args:
        folder: that Snakemake works in.

    Raises:
        UserError: there are some; names them, and how to wait for or cancel them.
    """
    if shutil.which("squeue") is None:
        return
    asked = ["squeue", "--me", "--noheader", f"--format={FORMAT}"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    fields = [line.split("|") for line in told.stdout.splitlines() if line.count("|") == 2]
    left = [
        (number, comment)
        for number, comment, where in fields
        if comment.startswith(COMMENT) and Path(where).resolve() == folder.resolve()
    ]
    if left:
        named = ", ".join(f"{number} ({comment.removeprefix(COMMENT)})" for number, comment in left[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        raise UserError(
            f"SLURM still has {len(left)} job(s) of an earlier run in {folder}: {named}{more}.",
            "wait until `squeue --me` no longer lists them, or cancel them with "
            f"`scancel {' '.join(number for number, _ in left)}`; then start the same command again: it continues",
        )
