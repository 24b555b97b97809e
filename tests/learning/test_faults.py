"""What torch raises for faults of GPU, memory and loading processes ends in one message, and with the right exit code."""

import os
import re
import signal
import subprocess
import sys

import pytest
import torch

from kdml.common.errors import MachineError, UserError
from kdml.common.locks import alone_in
from kdml.common.source_code import SOURCE
from kdml.learning.faults import faults_of_torch_told

MACHINE = {
    "full GPU": (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), r"not enough memory .*2.00 GiB"),
    "launch": (torch.AcceleratorError("CUDA error: unspecified launch failure"), "The GPU failed .*launch failure"),
    "ECC": (torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered"), "The GPU failed .*ECC"),
    "busy": (torch.AcceleratorError("CUDA error: all CUDA-capable devices are busy or unavailable"), "The GPU failed .*busy"),
    "cuBLAS": (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "The GPU failed"),
    "cuDNN": (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "The GPU failed .*cuDNN"),
    "driver": (RuntimeError("CUDA driver error: unknown error"), "The GPU failed .*driver"),
    "full memory": (RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"), "There is not enough memory"),
    "killed loader": (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "), "A loading process ended: .*Killed"),
    "thread of loaders": (RuntimeError("Pin memory thread exited unexpectedly"), "A loading process ended"),
    "files of loaders": (RuntimeError("received 0 items of ancdata"), "A loading process ended"),
}  # fmt: skip


def told(error):
    with pytest.raises(Exception) as caught, faults_of_torch_told():
        raise error
    return caught.value


@pytest.mark.parametrize("name", MACHINE)
def test_a_fault_of_the_machine_is_a_message_that_a_scheduler_may_repeat(name):
    error, words = MACHINE[name]
    fault = told(error)
    assert isinstance(fault, MachineError) and re.search(words, fault.problem) and fault.remedy[0].islower()


def test_code_that_reaches_outside_of_a_tensor_is_not_repeated():
    fault = told(torch.AcceleratorError("CUDA error: device-side assert triggered"))
    assert type(fault) is UserError and "training.device: cpu" in fault.remedy


def test_missing_deterministic_form_is_no_fault_of_the_machine():
    fault = told(RuntimeError("foo_cuda does not have a deterministic implementation, but you set ..."))
    assert type(fault) is UserError and "training.deterministic: false" in fault.remedy


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("CUDA error")])
def test_other_errors_pass(error):
    assert told(error) is error


LOAD = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from small import arrays_of, settings_of, variant_graph
from kdml.common.errors import run_script
from kdml.learning import batches, build
from kdml.learning.faults import faults_of_torch_told

@faults_of_torch_told()
def main():
    settings = settings_of(variant_graph("ml_v1"), batch_size=16)
    arrays = arrays_of(images=200)
    part = batches.Part(np.arange(200), np.arange(200) % 2)
    loader = build.training_batches(settings, build.RunData(arrays, {"train": part}), "cpu", workers=2)
    first = True
    for epoch in range(1000):
        for _ in loader.epoch(epoch):
            if first:
                first = False
                SPOIL
run_script(main)
"""
SPOIL = {
    "killed": "os.kill(loader.loader._iterator._workers[0].pid, signal.SIGKILL)",
    "without more files": "import resource; resource.prlimit(loader.loader._iterator._workers[0].pid, resource.RLIMIT_NOFILE, (3, 3))",
}


@pytest.mark.parametrize("how", SPOIL)
def test_a_loading_process_that_fails_ends_the_training_with_a_message(root, how):
    """Not with a traceback, and above all not with waiting for ever."""
    command = [sys.executable, "-c", LOAD.replace("SPOIL", SPOIL[how]), root / "tests"]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 75 and "Error of the machine: A loading process ended: " in done.stderr, done.stderr
    assert "loader_workers: 0" in done.stderr and "Traceback" not in done.stderr


def test_the_end_of_a_loading_process_breaks_no_step_under_way(root):
    """Raised wherever the training is, it would break the writing of a checkpoint or the message of another fault."""
    spoil = f"{SPOIL['killed']}; import time; time.sleep(1); print('the step is done', flush=True)"
    command = [sys.executable, "-c", LOAD.replace("SPOIL", spoil), root / "tests"]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 75 and "the step is done" in done.stdout, done.stderr
    assert "A loading process ended: " in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("size", "words"),
    [("64k", "cannot send a batch: .*No space left"), ("4k", "Error of the machine: /dev/shm: No space left")],
)
def test_full_shared_memory_ends_the_training_with_a_message(root, size, words):
    mount = f'mount -t tmpfs -o size={size} tmpfs /dev/shm && exec "$@"'
    own = ["unshare", "--map-root-user", "--mount", "bash", "-c", mount, "_"]
    try:
        if subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
            pytest.skip("needs a shared memory of its own (unshare, mount)")
    except FileNotFoundError:
        pytest.skip("needs unshare")
    code = LOAD.replace("SPOIL", "pass")
    command = [*own, sys.executable, "-c", code, root / "tests"]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 75 and re.search(words, done.stderr) and "Traceback" not in done.stderr, done.stderr


def test_loading_processes_do_not_hold_the_folder_of_a_training_that_was_killed(tmp_path, root):
    """They live for seconds longer; the same command must be able to start again at once."""
    code = LOAD.replace(
        "run_script(main)",
        "from pathlib import Path\nfrom kdml.common.locks import alone_in\nwith alone_in(Path(sys.argv[2])):\n    main()",
    )
    spoil = "workers = [one.pid for one in loader.loader._iterator._workers]; [os.kill(one, signal.SIGSTOP) for one in workers]; print(*workers, flush=True)"
    command = [sys.executable, "-c", code.replace("SPOIL", spoil), root / "tests", tmp_path]
    process = subprocess.Popen(command, cwd=SOURCE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    workers = [int(word) for word in process.stdout.readline().split()]
    process.kill()
    process.wait()
    try:
        assert len(workers) == 2
        with alone_in(tmp_path):
            pass
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
