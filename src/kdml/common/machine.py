"""The machine that something was measured on."""

import platform
from pathlib import Path

UNNAMED = "without a name"


def processor(listed: Path = Path("/proc/cpuinfo")) -> str:
    """Name of the processor: on Linux that of its first core, elsewhere what the system says; `UNNAMED` where neither has one.

    Args:
        listed: where Linux lists the cores.
    """
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(filter(None, named), "") or platform.processor() or UNNAMED
