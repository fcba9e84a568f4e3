"""What of a machine and its packages decides how fast and how exact an engine is."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..session.processor import available_cores, cpu_flags

# Instructions that float16, bfloat16 and int8 arithmetic are done with; without them it is
# emulated or rounds in other places.
ARITHMETIC = frozenset(
    [
        "avx2",
        "avx512f",
        "avx512_vnni",
        "avx_vnni",
        "avx512_bf16",
        "avx512_fp16",
        "amx_tile",
        "amx_bf16",
        "amx_int8",
        "asimd",
        "asimddp",
        "bf16",
        "i8mm",
        "sve",
    ]
)
PACKAGES = ("keras", "tensorflow", "openvino", "onnxruntime", "onnx", "tf2onnx")


def this_machine() -> dict[str, Any]:
    """Returns `processor`, `cores` (that this process may use), `arithmetic` and `system`."""
    flags = cpu_flags()
    return {
        "processor": _model_name() or platform.processor() or platform.machine(),
        "cores": available_cores(),
        "arithmetic": sorted(ARITHMETIC & flags),
        "system": f"{platform.system()} {platform.machine()}",
    }


def package_versions() -> dict[str, str]:
    """Returns the version of each package that takes part, "" for one that is not installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    return found


def computes_alike(measured_on: dict[str, Any], here: dict[str, Any]) -> bool:
    """Returns whether reduced precision rounds on both machines in the same places.

    Args:
        measured_on: what `this_machine` gave where the engine was chosen.
        here: what it gives now.
    """
    return all(measured_on.get(part) == here.get(part) for part in ("arithmetic", "system"))


def _model_name(path: str | Path = "/proc/cpuinfo") -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, "")
