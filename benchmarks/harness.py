"""Times ways of doing one thing side by side, so that a busy machine is busy for all of them."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version

import numpy as np
from rich.console import Console
from rich.table import Table
from unmask.training.precision import describe_device


@dataclass(frozen=True)
class Timing:
    """One way of doing it.

    Attributes:
        way: its name.
        images_per_second: median over the rounds, by the clock on the wall.
        cpu_milliseconds: median processor time an image, all cores and threads; steadier than
            the clock where others use the machine.
        speedup: how many times the first way's rate is this one's: median, lowest and highest
            over the rounds, each round comparing neighbours in time.
        cpu_speedup: the same by processor time.
    """

    way: str
    images_per_second: float
    cpu_milliseconds: float
    speedup: tuple[float, float, float]
    cpu_speedup: tuple[float, float, float]


def compare(ways: dict[str, Callable[[], int]], rounds: int) -> list[Timing]:
    """Runs all `ways` in each of several rounds, in turning order, after one untimed run each.

    Args:
        ways: from a name to a function that does the work and returns how many images it did;
            the first is the one the others are compared with.
        rounds: how often.
    """
    for run in ways.values():
        run()
    names = list(ways)
    wall = {name: [] for name in names}
    cpu = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            started, worked = time.perf_counter(), time.process_time()
            images = ways[name]()
            wall[name].append((time.perf_counter() - started) / images)
            cpu[name].append((time.process_time() - worked) / images)
    first = names[0]
    return [
        Timing(
            way=name,
            images_per_second=float(1 / np.median(wall[name])),
            cpu_milliseconds=float(np.median(cpu[name]) * 1000),
            speedup=_spread(wall[name], wall[first]),
            cpu_speedup=_spread(cpu[name], cpu[first]),
        )
        for name in names
    ]


def _spread(slow: list[float], fast: list[float]) -> tuple[float, float, float]:
    ratios = np.array(slow) / np.array(fast)
    return float(np.median(ratios)), float(ratios.min()), float(ratios.max())


def describe_machine() -> dict:
    """Returns what the numbers were taken on."""
    packages = ("tensorflow", "keras", "numpy", "opencv-python-headless")
    return {
        "device": describe_device(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def show(title: str, timings: list[Timing], unit: str = "image") -> None:
    """Prints one comparison as a table; `unit` is what the ways counted."""
    table = Table(title=title, title_justify="left")
    table.add_column("way")
    for column in (f"{unit}s/s", f"CPU ms per {unit}", "Unmask faster by", "by CPU time"):
        table.add_column(column, justify="right")
    for number, timing in enumerate(timings):
        ratios = (timing.speedup, timing.cpu_speedup) if number else ()
        table.add_row(
            timing.way,
            f"{timing.images_per_second:,.0f}",
            f"{timing.cpu_milliseconds:.2f}",
            *(f"{middle:.1f} ({low:.1f} to {high:.1f})" for middle, low, high in ratios),
        )
    Console(width=120).print(table)


def as_record(title: str, timings: list[Timing]) -> dict:
    """Returns one comparison as plain data."""
    return {"title": title, "timings": [asdict(timing) for timing in timings]}
