"""The repository's own notebooks and profiles, with runs and reports in a folder of a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def link_home(folder: Path) -> Path:
    """Makes `folder` a project whose notebooks/ and params/ are the repository's."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("notebooks", "params"):
        (folder / name).symlink_to(REPOSITORY / name)
    return folder


def run_all(home: Path, *arguments: str, seconds: int = 600) -> subprocess.CompletedProcess:
    """Runs run_all.py as a person would, with `home` as the project."""
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "run_all.py"), *arguments],
        env={**os.environ, "UNMASK_HOME": str(home), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=seconds,
    )
