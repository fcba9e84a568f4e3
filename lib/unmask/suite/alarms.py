"""Alarms that the steps of a run left in their conclusions: read, and told on the console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..runs import read_json
from .plan import read_done
from .profiles import Profile

KEYS = {"name", "light", "sentence", "fix"}
LIGHTS = ("red", "amber")


def read_alarms(folder: Path, step: str) -> list[dict[str, Any]]:
    """Returns the alarms in a step's summary.json, each with `step`; those repeated from another
    step (the report shows all of them) say that other step.
    """
    try:
        found = read_json(folder / "summary.json").get("alarms", [])
    except (OSError, ValueError, AttributeError):
        return []
    if not isinstance(found, list):
        return []
    whole = [alarm for alarm in found if isinstance(alarm, dict) and alarm.keys() >= KEYS]
    return [{"step": step, **alarm} for alarm in whole if alarm["light"] in LIGHTS]


def own_alarms(folder: Path, step: str) -> list[dict[str, Any]]:
    """Returns the alarms that a step raised itself."""
    return [alarm for alarm in read_alarms(folder, step) if alarm["step"] == step]


def alarms_of_run(profile: Profile) -> list[dict[str, Any]]:
    """Returns the alarms of every finished step of a run, whether run now or earlier, red first."""
    found = [
        alarm
        for step in profile.steps
        if read_done(profile.run_folder / step.name)
        for alarm in own_alarms(profile.run_folder / step.name, step.name)
    ]
    return sorted(found, key=lambda alarm: alarm["light"] != "red")


def console_lines(alarms: list[dict[str, Any]]) -> list[str]:
    """Returns one text for each alarm: where, what, and how to fix it."""
    return [
        f"{alarm['light'].capitalize()} alarm in {alarm['step']}, {alarm['name']}: "
        f"{alarm['sentence']}\n  to fix:   {alarm['fix']}"
        for alarm in alarms
    ]
