"""What a run makes sure of before any work starts."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import DataError
from .profiles import Profile


def locked(profile: Profile) -> FileLock:
    """Returns the lock of a profile's run folder, held until it is released.

    Raises:
        DataError: another run of this profile is in progress.
    """
    lock = FileLock(profile.run_folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DataError(
            f"A run of the profile {profile.name!r} is already in progress.",
            expected=f"one run at a time in {profile.run_folder}",
            fix="wait until it ends or stop it, then run again",
        ) from None
    return lock


def check_writable(folder: Path) -> None:
    """Makes a folder and checks that files can be written to it.

    Raises:
        DataError: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise DataError(
            f"Nothing can be written to {folder}: {error.strerror}.",
            expected="a folder this user may write to",
            fix="change its permissions and run again; finished steps are kept",
        ) from None
