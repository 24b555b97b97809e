"""One process at a time in a folder, or at a file, that several could be told to write to."""

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

from kdml.common.errors import MachineError, faults_told
from kdml.common.json_text import parse_json

NAME = ".lock"
TRIES = 3  # somebody may just be looking who holds a folder
WAIT = "wait until it has ended or stop it, then start the same command again: it continues"
log = logging.getLogger(__name__)


@contextmanager
def alone_in(folder: Path, name: str = NAME) -> Iterator[None]:
    """Hold a folder while the block runs; the operating system lets go of it however the process ends.

    Where the file system knows no locks the block runs all the same, with a warning.

    Args:
        folder: that exists.
        name: of the file that is the lock, where only a part of the folder is meant.

    Raises:
        MachineError: another process holds it; says which one, on which host, since when.
    """
    path = folder / name
    with faults_told(path):
        file, refused = _held(path)
        if file is None:
            raise _refusal(path)
        if refused:
            log.warning("%s: this file system has no locks (%s); start no second process here", folder, refused)
        file.truncate(0)
        file.write(json.dumps(_holder()))
        file.flush()
    # A loading process would hold the folder for as long as it outlives a training that was killed.
    os.register_at_fork(after_in_child=file.close)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


@contextmanager
def alone_at(path: Path, target: Path) -> Iterator[None]:
    """Hold a file while the block writes it; it is made if it is not there, and left where it is.

    Args:
        path: of the file, in a folder that exists.
        target: what it will become.

    Raises:
        MachineError: another process writes it.
    """
    file, _ = _held(path)
    if file is None:
        raise MachineError(f"Another process writes {target}.", WAIT)
    with file:
        yield


def _held(path: Path) -> tuple[IO[str] | None, str]:
    """The open file, locked, or None if another process holds it; and why there is no lock, where the file system knows none."""
    tries = 0
    while True:
        file, refused = path.open("a+", encoding="utf-8"), ""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            tries += 1
            if tries == TRIES:
                return None, ""
            time.sleep(0.05)
            continue
        except OSError as error:
            refused = str(error.strerror)
        # Whoever held it may have removed the file between our opening and our locking it: then ours is none that others see.
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file, refused
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


def holder_of(lock: Path) -> Holder | None:
    """Say who holds a folder by its lock, or held it until it was killed; None if nobody does.

    Locks of network file systems may be seen on the holder's host alone, so that another one's missing lock says nothing.
    """
    try:
        with lock.open(encoding="utf-8") as file:
            holds = _is_locked(file)
            told = parse_json(file.read() or "{}")
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


def _refusal(path: Path) -> MachineError:
    holder = holder_of(path) or Holder()
    named = f"process {holder.process} on {holder.host}, since {holder.since}"
    who = named if holder.process else "it has not said its name yet"
    return MachineError(f"Another process writes to {path.parent} ({who}).", WAIT)
