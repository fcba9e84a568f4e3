"""`unmask kaggle` as a person calls it, sent to the loopback Kaggle."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from cloud import Cloud

REPOSITORY = Path(__file__).resolve().parents[2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "unmask", "kaggle", *arguments]


def environment(cloud: Cloud, home: Path, **more: Any) -> dict[str, str]:
    """Returns the variables of a process whose project is `home` and whose Kaggle is `cloud`."""
    return cloud.environment(
        UNMASK_HOME=str(home), COLUMNS="200", PYTHONPATH=str(REPOSITORY / "lib"), **more
    )


def kaggle(
    cloud: Cloud, home: Path, *arguments: str, seconds: float = 300, token: bool = False
) -> subprocess.CompletedProcess:
    """Runs `unmask kaggle ARGUMENTS` to its end; output and errors together in `stdout`.

    Signed in with user name and key, or with an access token.
    """
    return subprocess.run(
        command(*arguments),
        env=environment(cloud, home, token=token),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        cwd=os.path.sep,
    )
