"""The client of `unmask.kaggle` in the test's own process, signed in at a loopback Kaggle."""

from __future__ import annotations

import pytest
from cloud import Cloud
from cloud_http import KEY, USERNAME
from unmask.kaggle import retrying
from unmask.kaggle.client import Client


def sign_in(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, patience: float = 30.0) -> Client:
    """Returns a client whose `told` lists what it said; it pauses for hundredths of a second."""
    environment = cloud.environment()
    for name in ("KAGGLE_API_ENVIRONMENT", "KAGGLE_CONFIG_DIR", "HOME", "http_proxy", "no_proxy"):
        monkeypatch.setenv(name, environment[name])
    monkeypatch.setenv("KAGGLE_USERNAME", USERNAME)
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    from kaggle.api.kaggle_api_extended import KaggleApi

    # The client reads where to go and its folder once, when it is first imported: by another test.
    monkeypatch.setattr(KaggleApi, "args", ["--local"])
    monkeypatch.setattr(KaggleApi, "config", f"{environment['KAGGLE_CONFIG_DIR']}/kaggle.json")
    monkeypatch.setattr("tempfile.tempdir", environment["TMPDIR"])
    monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(retrying, "LONGEST_PAUSE", 0.05)
    told: list[str] = []
    client = Client.login(told.append, patience)
    client.told = told
    return client
