"""What the processor can do; imports nothing that takes long to load."""

from __future__ import annotations

import os
from pathlib import Path


def available_cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_flags(path: str | Path = "/proc/cpuinfo") -> frozenset[str]:
    """Returns the first core's flags, empty where the system does not list them."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), ":")
    return frozenset(flags.split(":", 1)[1].split())
