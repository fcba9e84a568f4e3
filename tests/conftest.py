"""Fixtures that tests of several rooms share: no downloads, a browser, the real faces if here."""

from __future__ import annotations

import ipaddress
import os
import shutil
import signal
import socket
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# A shell that runs the tests in the background has them, and all that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Leaves what is marked slow to `make test-all`."""
    if not os.environ.get("UNMASK_SLOW"):
        skipped = pytest.mark.skip(reason="slow; make test-all runs it, or UNMASK_SLOW=1")
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(skipped)


@pytest.fixture(scope="session", autouse=True)
def no_downloads(tmp_path_factory):
    """Nothing is fetched, nor found in the user's cache, by tests and the processes they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNMASK_OFFLINE", "1")
        patch.setenv("UNMASK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


class OutsideAddress(RuntimeError):
    """A test asked for an address that is not this machine's."""


def is_loopback(address) -> bool:
    """Tells whether a socket's address is of this machine: a tuple of IP, or a Unix socket's."""
    if not isinstance(address, tuple) or address[0] in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(address[0].partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def outside_addresses():
    """What tests asked for beyond loopback; each such call is an error, whoever makes it."""
    asked: list[str] = []

    def guard(name):
        original = getattr(socket.socket, name)

        def guarded(self, address, *rest):
            if not is_loopback(address):
                asked.append(str(address))
                raise OutsideAddress(f"Tests may reach loopback alone, not {address}.")
            return original(self, address, *rest)

        return guarded

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, guard(name))
        yield asked


@pytest.fixture(autouse=True)
def only_loopback(outside_addresses):
    """Fails a test that asked for an address beyond loopback, also where the error was caught."""
    outside_addresses.clear()
    yield
    asked = list(outside_addresses)
    outside_addresses.clear()
    assert not asked, f"asked for addresses beyond loopback: {asked}"


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
