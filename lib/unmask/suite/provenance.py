"""Where a result comes from: command, versions, revision, machine. Plain data for run.json."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from ..runs import project_home, read_json
from ..session.mounts import on_kaggle
from ..session.processor import available_cores
from .fingerprint import PACKAGE_FOLDER, versions
from .plan import place_here
from .profiles import Step

# Beside lib/ in the dataset unmask-code: what revision it was packed from.
PACKED = "unmask.json"
IMAGE = {"build": ("BUILD_DATE", "/etc/build_date"), "commit": ("GIT_COMMIT", "/etc/git_commit")}
WITH_NETWORK = ("www.kaggle.com", 443)
NETWORK_SECONDS = 3


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
    """Returns the processor, its cores, the memory, the GPUs and the system, as words; on Kaggle
    its image and whether the internet was on, too."""
    return {
        "processor": _processor(),
        "cores": str(available_cores()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "gpu": gpus() or "none",
        "system": f"{platform.system()} {platform.machine()}",
        **(_describe_kaggle() if on_kaggle() else {}),
    }


@functools.cache
def describe_revision() -> dict[str, Any]:
    """Returns the git revision and whether the tree has changes; revision "" outside git. Of code
    that came as a dataset, it is that of the tree it was packed from."""
    packed = _packed()
    if packed.get("revision"):
        return {"revision": packed["revision"], "dirty": bool(packed.get("dirty"))}
    revision = _output_of("git", "rev-parse", "--short=12", "HEAD")
    # The example reports are overwritten by every demo run and change no result.
    changed = ("status", "--porcelain", "--untracked-files=no", "--", ".", ":!reports")
    changes = _output_of("git", *changed)
    return {"revision": revision, "dirty": bool(changes)}


def command_line() -> str:
    """Returns the command as a person would type it; "" in a notebook opened by hand."""
    if os.environ.get("UNMASK_COMMAND"):  # a kernel was started by a command typed elsewhere
        return os.environ["UNMASK_COMMAND"]
    name = Path(sys.argv[0]).name
    if name == "ipykernel_launcher.py":
        return ""
    program = ["python", name] if name.endswith(".py") else [name]
    return shlex.join([*program, *sys.argv[1:]])


def describe_run(step: Step, key: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Returns what is known of a step before it runs; the runner adds times and the outcome."""
    return {
        "step": step.name,
        "command": command_line(),
        **({"place": place_here()} if place_here() else {}),
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


def gpus() -> str:
    """Returns the names of the GPUs that their driver lists, joined; "" without any."""
    listing = _output_of("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return ", ".join(line.strip() for line in listing.splitlines() if line.strip())


def _packed() -> dict[str, Any]:
    for folder in PACKAGE_FOLDER.parents[1:3]:
        with contextlib.suppress(OSError, ValueError):
            described = read_json(folder / PACKED)
            return described if isinstance(described, dict) else {}
    return {}


def _describe_kaggle() -> dict[str, str]:
    image = {name: _known_of_image(*places) for name, places in IMAGE.items()}
    words = ", ".join(f"{name} {value}" for name, value in image.items() if value)
    return {"image": words or "not said", "internet": "on" if _has_internet() else "off"}


def _known_of_image(variable: str, file: str) -> str:
    with contextlib.suppress(OSError):
        return os.environ.get(variable) or Path(file).read_text(encoding="utf-8").strip()
    return ""


def _has_internet() -> bool:
    """Returns whether Kaggle's own site can be reached, with UNMASK_OFFLINE without trying."""
    if os.environ.get("UNMASK_OFFLINE"):
        return False
    try:
        socket.create_connection(WITH_NETWORK, timeout=NETWORK_SECONDS).close()
    except OSError:
        return False
    return True


def _output_of(*command: str) -> str:
    try:
        result = subprocess.run(
            command, cwd=project_home(), capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
