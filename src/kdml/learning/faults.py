"""Faults of GPU, memory and loading processes, which torch raises as errors of its own, as messages."""

import multiprocessing
import re
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

import torch

from kdml.common.errors import AGAIN, MachineError, UserError

LOADER = re.compile(
    r"DataLoader worker .*?(?:exited unexpectedly|killed by signal: [^.]*)|Pin memory thread exited unexpectedly"
    r"|received \d+ items of ancdata"
)
GPU = re.compile(r"CUDA (?:driver )?error|cuDNN error|CUBLAS_STATUS|CUDNN_STATUS|CUDA unknown error|NVML")
CPU_MEMORY = re.compile(r"DefaultCPUAllocator|can't allocate memory|std::bad_alloc")


@contextmanager
def faults_of_torch_told() -> Iterator[None]:
    """Run a block, or as a decorator a function, so that what torch raises for a fault of the machine becomes a message.

    Loading processes end with it: they ignore what asks them to leave, and Python would wait for them at its own end.

    Raises:
        MachineError: the memory of GPU or machine is full, the GPU failed, or a loading process was killed.
        UserError: code that ran on the GPU reached outside of a tensor.
    """
    try:
        yield
    except RuntimeError as error:
        _end_loading()
        if (fault := fault_of_torch(error)) is None:
            raise
        raise fault from error
    except BaseException:
        _end_loading()
        raise


def _end_loading() -> None:
    for process in multiprocessing.active_children():
        process.kill()


def fault_of_torch(error: RuntimeError) -> UserError | None:
    """The message for an error of torch; None where it is none of the machine's."""
    said = str(error)
    reason = shorten(said, 160)
    if isinstance(error, torch.OutOfMemoryError):
        return MachineError(
            f"The GPU has not enough memory ({reason}).",
            "lower `training.batch_size` (of CKA `similarity.batch`), run fewer trainings at once, or use `precision: bfloat16`",
        )
    if "deterministic implementation" in said:
        return UserError(
            f"Something that the training needs has no deterministic form on this GPU ({reason}).",
            "set `training.deterministic: false`: then equal settings give slightly different numbers",
        )
    if "device-side assert" in said:
        return UserError(
            f"Code on the GPU reached outside of a tensor ({reason}).",
            "train the run with `training.device: cpu`, where the message names the line; most often it is a method of one's own",
        )
    if isinstance(error, torch.AcceleratorError) or GPU.search(said):
        return MachineError(
            f"The GPU failed ({reason}).",
            f"look at nvidia-smi and at the machine's log for this GPU, take another one or restart it, {AGAIN}",
        )
    if found := LOADER.search(said):
        return loading_ended(found[0])
    if CPU_MEMORY.search(said):
        return MachineError(
            f"There is not enough memory ({reason}).",
            f"lower `training.batch_size`, run fewer jobs at once (`--cores`), or ask the scheduler for more memory, {AGAIN}",
        )
    return None


def loading_ended(reason: str) -> MachineError:
    """The message for a loading process that was killed, or could not send what it had loaded."""
    return MachineError(
        f"A loading process ended: {reason}.",
        "give more memory or shared memory (docker run --shm-size=1g), raise the limit on open files (`ulimit -n`), or do without "
        f"loading processes: `loader_workers: 0`; {AGAIN}",
    )
