"""Brings the two datasets that kernels need to Kaggle, and waits until they are ready there."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import DataError
from . import packing
from .chain import CODE_DATASET, PACKAGES_DATASET
from .client import Client

BAD = ("failed", "error", "deleted")
# Kaggle may say "ready" of the version before for a while.
SECONDS_FOR_A_VERSION = 1800.0
LONGEST_PAUSE = 30.0


def ensure_code(client: Client, tell: Callable[[str], None], every: float) -> str:
    """Brings this machine's code to Kaggle; returns its digest. Uploads only what is new there.

    Args:
        client: logged in.
        tell: called with words about what goes on.
        every: seconds between two looks, which grow.

    Raises:
        DataError: Kaggle refuses it or cannot process it.
    """
    files = packing.code_files()
    description = packing.describe_code(files)
    handle = f"{client.owner}/{CODE_DATASET}"
    if _held(client, handle, tell, every).get("digest") != description["digest"]:
        tell(f"uploading {handle}: {len(files)} files")
        _upload(client, handle, files, description)
        _wait(client, handle, description["digest"], tell, every)
    return description["digest"]


def check_code(client: Client, digest: str) -> None:
    """Checks that the code on Kaggle is still what was brought there: a kernel gets the newest.

    Raises:
        DataError: another command has uploaded other code meanwhile.
    """
    handle = f"{client.owner}/{CODE_DATASET}"
    held = packing.read_description(client.dataset_file(handle, packing.DESCRIPTION))
    if held.get("digest") != digest:
        raise DataError(
            f"The code on Kaggle ({handle}) is not what this command brought there; another "
            "command has uploaded other code meanwhile.",
            expected="one state of the code for all kernels of a chain",
            fix="run again once the other is through: what is done and was not changed stands",
        )


def ensure_packages(
    client: Client, tell: Callable[[str], None], every: float, given: Path | None = None
) -> bool:
    """Brings the wheels that the image lacks to Kaggle, once per set of versions.

    Args:
        client: logged in.
        tell: called with words about what goes on.
        every: seconds between two looks, which grow.
        given: a folder of wheels; None fetches them.

    Returns:
        whether YuNet's file is in it as well.

    Raises:
        UsageError: the folder given lacks a wheel.
        DataError: they cannot be had; Kaggle refuses them or cannot process them.
    """
    yunet = packing.yunet_here()
    description = packing.describe_packages(yunet)
    handle = f"{client.owner}/{PACKAGES_DATASET}"
    held = _held(client, handle, tell, every)
    same = held.get("digest") == description["digest"]
    if same and (held.get("yunet") or not yunet):
        return bool(held.get("yunet"))
    tell(f"collecting {', '.join(description['packages'])}")
    files = packing.package_files(given, yunet)
    tell(f"uploading {handle}: {len(files)} files")
    _upload(client, handle, files, description)
    _wait(client, handle, description["digest"], tell, every, yunet=bool(yunet))
    return bool(yunet)


def _held(client: Client, handle: str, tell: Callable[[str], None], every: float) -> dict[str, Any]:
    """Returns what Kaggle's newest version says of itself, once it is ready; {} for none."""
    status = _settled(client, handle, tell, every)
    if status != "ready":
        return {}
    return packing.read_description(client.dataset_file(handle, packing.DESCRIPTION))


def _upload(
    client: Client, handle: str, files: Mapping[str, Path], description: Mapping[str, Any]
) -> None:
    with tempfile.TemporaryDirectory(prefix="unmask-") as scratch:
        folder = Path(scratch) / handle.partition("/")[2]
        packing.write_dataset(folder, handle, files, description)
        notes = f"{description['digest'][:12]} {description.get('revision', '')}".strip()
        new = not client.dataset_status(handle)
        complaint = client.upload_dataset(folder, notes, new=new)
        if complaint and new and client.dataset_status(handle):
            # It came to be after all: an answer was lost, or Kaggle was late to tell of it.
            complaint = ""
    if complaint:
        raise DataError(
            f"Kaggle does not take the dataset {handle}: {complaint}",
            fix=f"see https://www.kaggle.com/datasets/{handle}, put it right and run again",
        )


def _wait(
    client: Client,
    handle: str,
    digest: str,
    tell: Callable[[str], None],
    every: float,
    **also: Any,
) -> None:
    """Waits until Kaggle's newest version is the one just uploaded, and ready."""
    began = time.monotonic()
    for pause in _pauses(every):
        status = _settled(client, handle, tell, every)
        if status in BAD:
            raise DataError(
                f"Kaggle could not process the dataset {handle} ({status}).",
                fix="run again: it is uploaded anew; if that fails too, delete it on "
                f"https://www.kaggle.com/datasets/{handle}/settings first",
            )
        held = packing.read_description(client.dataset_file(handle, packing.DESCRIPTION))
        if held.get("digest") == digest and all(held.get(k) == v for k, v in also.items()):
            return
        if time.monotonic() - began > SECONDS_FOR_A_VERSION:
            raise DataError(
                f"Kaggle still gives an earlier version of {handle} after "
                f"{SECONDS_FOR_A_VERSION / 60:.0f} minutes.",
                fix="run again later: it is uploaded only if Kaggle lost it",
            )
        tell(f"waiting until the new version of {handle} is there")
        time.sleep(pause)


def _settled(client: Client, handle: str, tell: Callable[[str], None], every: float) -> str:
    """Returns "ready", a bad status, or "" for no such dataset; waits while it is processed."""
    began = time.monotonic()
    for pause in _pauses(every):
        status = client.dataset_status(handle)
        if status in ("", "ready", *BAD):
            return status
        lasted = int(time.monotonic() - began)
        tell(f"Kaggle prepares {handle} ({lasted // 60}:{lasted % 60:02d})")
        time.sleep(pause)
    raise AssertionError


def _pauses(every: float):
    pause = min(1.0, every)
    while True:
        yield pause
        pause = min(pause * 1.5, max(every, pause), LONGEST_PAUSE)
