"""What the processor can do; imports nothing that takes long to load."""

from __future__ import annotations

import os
from pathlib import Path


def available_cores() -> int:
    """Returns how many cores this process may use, and was told to use (see `share_of_cores`)."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    told = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, int(told))) if told.isdigit() else cores


def share_of_cores(processes: int) -> dict[str, str]:
    """Returns the variables that give one of several processes on this machine its share of cores.

    Two processes that compute with as many threads as there are cores wait for each other: a
    training beside another one took three times as long as with one thread each.
    """
    threads = str(max(1, available_cores() // processes))
    return {name: threads for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")}


def cpu_flags(path: str | Path = "/proc/cpuinfo") -> frozenset[str]:
    """Returns the first core's flags, empty where the system does not list them."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), ":")
    return frozenset(flags.split(":", 1)[1].split())
