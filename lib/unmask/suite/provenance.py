"""Where a result comes from: command, versions, revision, machine. Plain data for run.json."""

from __future__ import annotations

import functools
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from ..runs import project_home
from .fingerprint import versions
from .profiles import Step


def describe_parameters(step: Step) -> list[dict[str, Any]]:
    """Returns a row per parameter: name, value, default, changed, help."""
    return [
        {
            "name": name,
            "value": step.values[name],
            "default": parameter.default,
            "changed": name in step.changed,
            "help": parameter.help,
        }
        for name, parameter in step.parameters.items()
        if name in step.values
    ]


@functools.cache
def describe_machine() -> dict[str, str]:
    """Returns the processor, its cores, the memory, the GPUs and the system, as words."""
    return {
        "processor": _processor(),
        "cores": str(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        ),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "gpu": _gpus() or "none",
        "system": f"{platform.system()} {platform.machine()}",
    }


@functools.cache
def describe_revision() -> dict[str, Any]:
    """Returns the git revision and whether the tree has changes; revision "" outside git."""
    revision = _output_of("git", "rev-parse", "--short=12", "HEAD")
    # The example reports are overwritten by every demo run and change no result.
    changed = ("status", "--porcelain", "--untracked-files=no", "--", ".", ":!reports")
    changes = _output_of("git", *changed)
    return {"revision": revision, "dirty": bool(changes)}


def command_line() -> str:
    """Returns the command as a person would type it."""
    name = Path(sys.argv[0]).name
    program = ["python", name] if name.endswith(".py") else [name]
    return shlex.join([*program, *sys.argv[1:]])


def describe_run(step: Step, key: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Returns what is known of a step before it runs; the runner adds times and the outcome."""
    return {
        "step": step.name,
        "command": command_line(),
        "parameters": describe_parameters(step),
        "versions": versions(),
        **describe_revision(),
        "machine": describe_machine(),
        "seed": step.values.get("seed", step.values.get("seeds")),
        "key": key,
        "inputs": inputs,
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _gpus() -> str:
    listing = _output_of("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return ", ".join(line.strip() for line in listing.splitlines() if line.strip())


def _output_of(*command: str) -> str:
    try:
        result = subprocess.run(
            command, cwd=project_home(), capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
