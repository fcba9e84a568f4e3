"""What each step of a profile costs on a new machine: waiting for the process, and work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from unmask.runs import TRAINING_STEPS, kind_of_step, read_json

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = ("lib", "notebooks", "params", "run_all.py")


def measure(profile: str, folder: Path) -> dict:
    """Runs a profile with nothing rendered or trained before.

    Args:
        profile: of params/.
        folder: empty; gets runs/, data/ and reports/.

    Returns:
        `seconds` of the whole, when the `first_page` and the `first_detector` were there, and the
        `steps`, each with `seconds` and, as far as they are not cells at work, `start_up`.
    """
    for name in SHARED:
        (folder / name).symlink_to(REPOSITORY / name)
    environment = {**os.environ, "UNMASK_HOME": str(folder)}
    environment.pop("UNMASK_PROGRESS", None)
    started = time.time()
    command = [sys.executable, str(folder / "run_all.py"), "--profile", profile]
    subprocess.run(command, env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    seconds = time.time() - started
    steps = {path.parent.name: path for path in (folder / "runs" / profile).glob("*/done.json")}
    order = sorted(steps, key=lambda name: steps[name].stat().st_mtime)
    ended = [steps[name].stat().st_mtime - started for name in order]
    trained = [kind_of_step(name) in TRAINING_STEPS for name in order]
    return {
        "profile": profile,
        "seconds": seconds,
        "first_page": ended[0],
        "first_detector": min((at for at, one in zip(ended, trained, strict=True) if one)),
        "steps": {name: _costs(steps[name].parent) for name in order},
    }


def _costs(folder: Path) -> dict[str, float]:
    seconds = read_json(folder / "done.json")["seconds"]
    cells = read_json(folder / "executed.ipynb")["cells"]
    durations = [
        cell["metadata"].get("papermill", {}).get("duration") or 0.0
        for cell in cells
        if "remove-output" not in cell["metadata"].get("tags", [])  # which imports alone have
    ]
    return {"seconds": seconds, "start_up": max(0.0, seconds - sum(durations))}


def show(record: dict) -> None:
    """Prints the steps in the order in which they ended."""
    table = Table(title=f"The profile {record['profile']}: seconds of each step")
    for title in ("step", "all", "of it start and imports"):
        table.add_column(title)
    for name, costs in record["steps"].items():
        table.add_row(name, f"{costs['seconds']:.1f}", f"{costs['start_up']:.1f}")
    Console().print(table)
    print(
        f"first page after {record['first_page']:.0f} s, first detector after "
        f"{record['first_detector']:.0f} s, all after {record['seconds']:.0f} s"
    )
