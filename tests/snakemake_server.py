"""A process that has Snakemake loaded and starts each call in a fork of itself: a call without the seconds of imports before it.

Nothing of the project is loaded here, because a call may be about a copy of it.
"""

import json
import os
import sys
from pathlib import Path


def serve() -> None:
    """Read a call per line, as JSON, and answer with its exit code."""
    import pandas  # noqa: F401
    import pydantic  # noqa: F401
    import snakemake.api
    import snakemake.cli  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _call(**json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _call(arguments: list[str], root: str, environment: dict[str, str], stdout: str, stderr: str) -> None:
    """Be Snakemake's command line; never returns."""
    from snakemake.cli import main

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(root)
    for path, number in ((os.devnull, 0), (stdout, 1), (stderr, 2)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
    sys.argv = [str(Path(sys.executable).parent / "snakemake"), *arguments]
    sys.path[0] = root  # as of `python -m snakemake`
    code = 1
    try:
        main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
