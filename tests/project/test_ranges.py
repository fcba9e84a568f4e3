"""Both ends of every range are versions that pip finds for this Python; asks a registry."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable

import pytest
from locks import EXTRAS, MADE, ranges
from packaging.version import Version

ALL = ranges([*MADE, *EXTRAS["test"], *EXTRAS["tunnel"]])
PROBE = "waitress"  # small, and made of Python alone
PIP = (
    *("install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet", "--report", "-"),
    *("--only-binary", ":all:", "--disable-pip-version-check", "--no-input", "--retries", "1"),
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
]


def ask(wanted: Iterable[str]) -> subprocess.CompletedProcess:
    """Lets pip look for packages, of which it installs none."""
    return subprocess.run(
        [sys.executable, "-m", "pip", *PIP, *wanted], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def registry() -> None:
    result = ask([PROBE])
    if result.returncode:
        lines = result.stderr.strip().splitlines() or [f"code {result.returncode}"]
        pytest.skip(f"no package registry answers pip here: {lines[-1]}")


def found(wanted: Iterable[str]) -> dict[str, Version]:
    """Returns name -> version of what pip would install."""
    result = ask(wanted)
    assert result.returncode == 0, result.stderr[-3000:]
    told = [each["metadata"] for each in json.loads(result.stdout)["install"]]
    return {each["name"].lower().replace("_", "-"): Version(each["version"]) for each in told}


@pytest.mark.parametrize("end", ["oldest", "newest"])
def test_pip_finds_both_ends_of_every_range(end, registry):
    oldest = {name: re.search(r">=([0-9.]+)", str(each))[1] for name, each in ALL.items()}
    wanted = {
        "oldest": [f"{name}=={version}.*" for name, version in oldest.items()],
        "newest": [str(each) for each in ALL.values()],
    }
    versions = found(wanted[end])
    assert versions.keys() == ALL.keys()
    for name, version in versions.items():
        assert ALL[name].specifier.contains(version), f"{name} {version}"
    if end == "newest":
        assert all(versions[name] >= Version(version) for name, version in oldest.items())
