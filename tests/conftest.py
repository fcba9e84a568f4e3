"""Fixtures that tests of several rooms share: no downloads, a browser, the real faces if here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture(scope="session", autouse=True)
def no_downloads(tmp_path_factory):
    """Nothing is fetched, nor found in the user's cache, by tests and the processes they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNMASK_OFFLINE", "1")
        patch.setenv("UNMASK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def progress_of_its_own():
    """What a command called in an earlier test left in the environment silences no other one."""
    os.environ.pop("UNMASK_PROGRESS", None)


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium (a playwright Browser).

    It lives as long as one module: playwright keeps an event loop running in this thread, which
    would be in the way of tests elsewhere that execute notebooks.
    """
    sync_api = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not found:
        pytest.skip("no Chromium on the path; install one or name it in $CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real faces: $UNMASK_SHARED_DATA, or shared/data beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("UNMASK_SHARED_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real faces in {folder}; name their folder in $UNMASK_SHARED_DATA")
    return folder
