"""Which failed jobs are tried again, where a profile says `retries`: those alone that another try may help."""

from kdml.common.errors import may_pass_by_itself
from snakemake.jobs import Job


def retries(job):
    """Further tries of a job: none if its log ends with bad input or a fault of the program, which would only come again."""
    ours = Path(job.rule.snakefile).is_relative_to(ROOT)
    logs = [Path(path) for path in job.log if ours and Path(path).exists()]
    said = (path.read_text(encoding="utf-8", errors="replace") for path in logs)
    return job.rule.restart_times if all(map(may_pass_by_itself, said)) else 0


# Snakemake asks a job for it when it has failed, and offers no other way to tell one failure from another.
Job.restart_times = property(retries)
