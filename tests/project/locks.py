"""Reading the versions that this project allows and those that it pins."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
# What `make` installs.
MADE = (*PROJECT["dependencies"], *EXTRAS["fast"], *EXTRAS["page"])


def pins(lines: Iterable[str]) -> dict[str, str]:
    """Returns name -> version of every "name==version" among `lines`."""
    found = {}
    for line in lines:
        match = re.match(r"([A-Za-z0-9_.-]+)(?:\[[a-z-]+\])?==([^\s;\\]+)", line)
        if match:
            found[match[1].lower().replace("_", "-")] = match[2]
    return found


def ranges(lines: Iterable[str]) -> dict[str, Requirement]:
    """Returns name -> requirement of every "name>=oldest,<next" among `lines`."""
    found = [Requirement(line) for line in lines]
    return {each.name.lower().replace("_", "-"): each for each in found}


def lock_lines(name: str) -> list[str]:
    """Returns the lines of a lock in the repository's root."""
    return (REPOSITORY / name).read_text().splitlines()
