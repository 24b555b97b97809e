"""How long a graph takes in ONNX Runtime for one picture, and how much memory."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdml.deploy.model import opened
from kdml.export.preparation import IMAGES

WARM_UP, REPEATS = 3, 30
MEBIBYTE = 2**20
# A process of its own knows its peak; the second number is what it has before the graph is opened. What `getrusage` says begins on
# Linux with the peak of the parent.
MEASURE = """
import json, resource, sys, numpy, onnxruntime
from pathlib import Path

def peak():
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

path, height, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
images, before = numpy.zeros((1, height, width, 3), numpy.uint8), peak()
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
for _ in range(3):
    session.run(None, {"images": images})
print(json.dumps([peak(), before]))
"""


def latencies(files: Mapping[str, Path], picture: np.ndarray, threads: Sequence[int]) -> list[dict[str, Any]]:
    """Time of each graph for one picture, batch 1, preparation included; graphs take turns, so that none has the better machine.

    Args:
        files: of the graphs, by name.
        picture: (h, w, 3) uint8.
        threads: numbers of threads to measure with; nothing else should run meanwhile.

    Returns:
        A row per graph and number of threads: median, 10 % and 90 % of the milliseconds, and the peak memory in MiB that a process
        takes for the graph beyond ONNX Runtime itself.
    """
    peaks = {name: memory(path, picture.shape[:2]) for name, path in files.items()}
    rows = []
    for count in threads:
        sessions = {name: opened(path.read_bytes(), count) for name, path in files.items()}
        taken: dict[str, list[float]] = {name: [] for name in files}
        for _ in range(WARM_UP + REPEATS):
            for name, one in sessions.items():
                started = time.perf_counter()
                one.run(None, {IMAGES: picture[np.newaxis]})
                taken[name].append(1000 * (time.perf_counter() - started))
        for name, times in taken.items():
            low, median, high = np.percentile(times[WARM_UP:], (10, 50, 90))
            rows.append(
                {"model": name, "threads": count, "height": picture.shape[0], "width": picture.shape[1]}
                | {"median_ms": round(median, 3), "low_ms": round(low, 3), "high_ms": round(high, 3)}
                | {"peak_memory_mib": peaks[name], "bytes": files[name].stat().st_size}
            )
    return rows


def memory(path: Path, size: tuple[int, ...]) -> float:
    """Peak memory in MiB that a process needs for one graph and one picture, beyond what ONNX Runtime takes without any.

    Args:
        path: of the graph.
        size: of the picture, (h, w) in pixels.
    """
    words = [sys.executable, "-c", MEASURE, str(path), *map(str, size)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    peak, before = json.loads(done.stdout)
    return round((peak - before) / MEBIBYTE, 1)
