"""One process at a time in a folder that several could be told to write to."""

import fcntl
import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from kdml.common.errors import UserError

NAME = ".lock"
TRIES = 3  # somebody may just be looking who holds a folder
log = logging.getLogger(__name__)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder while the block runs; the operating system lets go of it however the process ends.

    Where the file system knows no locks the block runs all the same, with a warning.

    Args:
        folder: that exists.

    Raises:
        UserError: another process holds it; says which one, on which host, since when.
    """
    path = folder / NAME
    file = _held(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def _held(path: Path) -> IO[str]:
    """The open file, locked, with this process's name in it."""
    tries = 0
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tries += 1
            if tries == TRIES:
                raise _refusal(path, file) from None
            file.close()
            time.sleep(0.05)
            continue
        except OSError as error:
            log.warning(
                "%s: this file system has no locks (%s); start no second process here", path.parent, error.strerror
            )
        # Whoever held it may have removed the file between our opening and our locking it: then ours is none that others see.
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            file.truncate(0)
            file.write(json.dumps(_holder()))
            file.flush()
            return file
        file.close()


def _holder() -> dict[str, str]:
    job = os.environ.get("SLURM_JOB_ID", "")
    return {
        "host": socket.gethostname(),
        "process": str(os.getpid()) + (f" of SLURM job {job}" if job else ""),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }


@dataclass(frozen=True)
class Holder:
    """Who wrote its name into the lock of a folder.

    Args:
        host: name of its machine.
        process: number of the process, and of its job.
        since: when it came.
        holds: whether it is there still; None if that cannot be told from this machine.
    """

    host: str = ""
    process: str = ""
    since: str = ""
    holds: bool | None = None


def holder_of(folder: Path) -> Holder | None:
    """Say who holds a folder, or held it until it was killed; None if nobody does.

    Locks of network file systems may be seen on the holder's host alone, so that another one's missing lock says nothing.
    """
    try:
        with (folder / NAME).open(encoding="utf-8") as file:
            holds = _is_locked(file)
            told = json.loads(file.read() or "{}")
            host, process, since = (str(told.get(name, "")) for name in ("host", "process", "since"))
            holder = Holder(host, process, since)
    except OSError:
        return None
    except (AttributeError, ValueError):
        holder = Holder()
    is_here = holder.host in ("", socket.gethostname())
    return replace(holder, holds=holds if holds or is_here else None)


def _is_locked(file: IO[str]) -> bool | None:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def _refusal(path: Path, file: IO[str]) -> UserError:
    file.seek(0)
    try:
        holder = json.loads(file.read())
        who = f"process {holder['process']} on {holder['host']}, since {holder['since']}"
    except (json.JSONDecodeError, KeyError, TypeError):
        who = "it has not said its name yet"
    finally:
        file.close()
    return UserError(
        f"Another process writes to {path.parent} ({who}).",
        "wait until it has ended or stop it, then start the same command again: it continues",
    )
