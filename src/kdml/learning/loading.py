"""Loading processes: they hear no signal of a scheduler, and the training learns of their end where it waits for a batch."""

import multiprocessing.queues
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from torch.utils.data import DataLoader

from kdml.common.errors import EXIT_MACHINE_ERROR, faults_told
from kdml.learning.faults import loading_ended

SHARED_MEMORY = Path("/dev/shm")  # where loading processes and the training meet


def begin_loading(worker: int) -> None:
    """Leave a loading process if it cannot send a batch; for `worker_init_fn` of a `DataLoader`.

    Where shared memory or open files are used up, Python's threads that send batches say so in a traceback and go on, and the
    training would wait for ever for a batch that does not come.
    """
    multiprocessing.queues.Queue._on_queue_feeder_error = staticmethod(lambda error, batch: _leave_unsent(error))
    sys.excepthook = lambda kind, error, trace: _leave_unsent(error)


def _leave_unsent(error: BaseException) -> None:
    print(f"A loading process cannot send a batch: {error}", file=sys.stderr, flush=True)
    os._exit(EXIT_MACHINE_ERROR)


def loaded(loader: DataLoader) -> Iterator[Any]:
    """Batches of a loader's next epoch; its processes start with the call, not with the first batch.

    Raises:
        MachineError: there is no shared memory for the batches, or a loading process ended while it handed one over.
        RuntimeError: torch's own, where a loading process was killed (see `kdml.learning.faults`).
    """
    with faults_told(SHARED_MEMORY), _deaf_children(), _ends_raised():
        batches = iter(loader)
    return _received(batches)


def _received(batches: Iterator[Any]) -> Iterator[Any]:
    while True:
        try:
            with _ends_raised():
                batch = next(batches)
        except StopIteration:
            return
        except (EOFError, ConnectionError) as error:
            raise loading_ended(f"{type(error).__name__} while it handed over a batch") from error
        yield batch


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Let processes that start in the block never hear what asks a process to leave; this one hears it after the block.

    Schedulers ask the whole group, and a loading process that left would break the step under way and with it the checkpoint.
    """
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)


class _Ends:
    """Handler of SIGCHLD that asks torch's own, which raises for a loading process that was killed, in a wait for a batch only.

    By itself torch's raises wherever the training is: in the writing of a checkpoint, or amid the message of another fault.
    """

    def __init__(self, torchs: Callable[[int, FrameType | None], object]):
        self.torchs = torchs
        self.waiting = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.waiting:
            self.torchs(number, frame)


@contextmanager
def _ends_raised() -> Iterator[None]:
    """Raise in the block what befell loading processes since the last one, or befalls them in it."""
    handler = signal.getsignal(signal.SIGCHLD)
    try:
        if isinstance(handler, _Ends):
            handler.waiting = True
            handler(signal.SIGCHLD, None)
        yield
    finally:
        if isinstance(handler, _Ends):
            handler.waiting = False
        else:
            _take_over()


def _take_over() -> None:
    """Stand before torch's handler, which it sets with the first loading processes."""
    handler = signal.getsignal(signal.SIGCHLD)
    if callable(handler) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, _Ends(handler))
