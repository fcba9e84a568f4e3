"""A person at home: calls `unmask kaggle` in this process, with the real client and its network."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from cloud import Cloud
from cloud_http import KEY, USERNAME
from kaggle_home import make_wheels

EVERY = "0.05"


class Person:
    """Calls commands for a home; keeps what they print.

    `patch` and `capsys` are pytest's fixtures: the client's address is a constant of it.
    """

    def __init__(self, cloud: Cloud, home: Path, patch: Any, capsys: Any) -> None:
        self.cloud, self.home, self.capsys = cloud, home, capsys
        self.said = ""
        self.wheels = make_wheels(home.parent / "wheels")
        for name in [name for name in os.environ if name.startswith("KAGGLE_")]:
            patch.delenv(name)
        for name, value in {
            "KAGGLE_USERNAME": USERNAME,
            "KAGGLE_KEY": KEY,
            "KAGGLE_CONFIG_DIR": str(home.parent),
            "HOME": str(home.parent),
            "UNMASK_HOME": str(home),
            "COLUMNS": "200",
        }.items():
            patch.setenv(name, value)
        from kaggle.api.kaggle_api_extended import KaggleApi
        from kagglesdk import kaggle_env

        patch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, cloud.address)
        patch.setattr(KaggleApi, "args", ["--local"])
        patch.setattr(KaggleApi, "config", str(home.parent / "kaggle.json"))
        patch.setattr("tempfile.tempdir", str(home.parent))

    def runs(self, until: str = "download", *more: str) -> int:
        """Runs `unmask kaggle run --profile tiny --until STEP`; returns the exit code."""
        from unmask.kaggle.command import main

        before = signal.getsignal(signal.SIGTERM)
        asked = ["run", "--profile", "tiny", "--until", until, "--every", EVERY]
        try:
            code = main([*asked, "--packages", str(self.wheels), *more])
        finally:
            signal.signal(signal.SIGTERM, before)
        printed = self.capsys.readouterr()
        self.said = printed.out + printed.err
        return code

    def pushes(self) -> dict[str, int]:
        """How many sessions each kernel has had, by its slug less "unmask-tiny-"."""
        return {slug.split("-", 2)[2]: count for slug, count in self.cloud.pushes().items()}
