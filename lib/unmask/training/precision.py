"""Which numbers to compute with on this machine, and what the machine is."""

from __future__ import annotations

from ..errors import UsageError, nearest
from ..session.processor import available_cores, cpu_flags
from .devices import best_gpus

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def choose_precision(setting: str = "auto") -> str:
    """Returns the Keras dtype policy to train with.

    Args:
        setting: "auto", or one of `PRECISIONS`, which is returned as it is.

    Raises:
        UsageError: an unknown setting.
    """
    if setting in PRECISIONS:
        return setting
    if setting != "auto":
        known = ("auto", *PRECISIONS)
        raise UsageError(
            f"There is no precision {setting!r}.{nearest(setting, known)}",
            expected="one of " + ", ".join(known),
        )
    capabilities = [capability for _, capability in best_gpus()]
    return fastest_precision(capabilities, cpu_flags())


def fastest_precision(compute_capabilities: list[tuple[int, int]], flags: frozenset[str]) -> str:
    """Returns the fastest policy that trains equally well.

    bfloat16 from NVIDIA's Ampere on; float16 where it is fast (P100, Volta, Turing). On a CPU
    only AMX makes bfloat16 pay: with AVX-512's alone a step of the two-block network took 1.4
    times as long as in float32, with AMX 0.4 times.

    Args:
        compute_capabilities: (major, minor) of each GPU; empty on a CPU.
        flags: the CPU's flags as /proc/cpuinfo names them.
    """
    if compute_capabilities:
        lowest = min(compute_capabilities)
        if lowest >= (8, 0):
            return "mixed_bfloat16"
        return "mixed_float16" if lowest >= (7, 0) or lowest == (6, 0) else "float32"
    return "mixed_bfloat16" if {"amx_tile", "amx_bf16"} <= flags else "float32"


def describe_device(precision: str | None = None, devices: int | None = None) -> str:
    """Returns the machine in a few words, such as "CPU, 2 cores, AMX, mixed_bfloat16".

    Args:
        precision: computed with; None for what `choose_precision` gives.
        devices: how many GPUs shared the work; None for all that may train.
    """
    names = [name for name, _ in best_gpus()][:devices]
    if names:
        words = [f"{len(names)} x {names[0]}" if len(names) > 1 else names[0]]
    else:
        words = ["CPU", f"{available_cores()} cores"]
        if "amx_bf16" in cpu_flags():
            words.append("AMX")
    return ", ".join([*words, precision or choose_precision()])
