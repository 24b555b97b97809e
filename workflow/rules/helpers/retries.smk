"""Which failed jobs are tried again, where a profile says `retries`: those alone that another try may help."""

import time

from kdml.common.errors import may_pass_by_itself
from snakemake.jobs import Job

STARTED = time.time()


def retries(job):
    """Further tries of a job: none if its log ends with bad input or a fault of the program, which would only come again."""
    if not Path(job.rule.snakefile).is_relative_to(ROOT):
        return job.rule.restart_times
    # One from before was left by a run that ended earlier: the job was lost before it could say anything.
    logs = [
        Path(path)
        for path in job.log
        if Path(path).exists() and Path(path).stat().st_mtime > STARTED
    ]
    said = (path.read_text(encoding="utf-8", errors="replace") for path in logs)
    return job.rule.restart_times if all(map(may_pass_by_itself, said)) else 0


# Snakemake asks a job for it when it has failed, and offers no other way to tell one failure from another.
Job.restart_times = property(retries)
