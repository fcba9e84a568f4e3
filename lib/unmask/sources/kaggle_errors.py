"""What a failed Kaggle download means for the person who asked for it."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from ..errors import DataError, UnmaskError, UsageError

WAYS_TO_LOG_IN = (
    "give Kaggle credentials in one of three ways: "
    "(1) an API token from https://www.kaggle.com/settings/api, in the variable KAGGLE_API_TOKEN "
    "or in the file ~/.kaggle/access_token; "
    "(2) KAGGLE_USERNAME and KAGGLE_KEY, or the file ~/.kaggle/kaggle.json; "
    "(3) `kaggle auth login`, which opens a browser"
)


def explain(
    error: Exception, handle: str, version: int | None, destination: Path
) -> UnmaskError | None:
    """Returns what went wrong with a download in the user's terms; None for a bug.

    Args:
        error: what the client, the network or the disk raised.
        handle: the dataset's "owner/slug".
        version: the version asked for, or None.
        destination: the folder that was written to.
    """
    import requests
    import urllib3

    response = getattr(error, "response", None)
    if response is not None and response.status_code >= 400:
        return _explain_status(response, handle, version)
    if isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError)):
        return DataError(
            f"The download of {handle} stopped: {error}",
            expected="a network connection to kaggle.com that lasts",
            fix="run again: the download goes on where it stopped",
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DataError(f"The disk of {destination} is full.", fix="free some space and run again")
    if isinstance(error, OSError):
        return DataError(
            f"{destination} cannot be written: {error}.",
            fix="choose a folder that you may write to",
        )
    return None


def _explain_status(response: Any, handle: str, version: int | None) -> UnmaskError:
    which = handle if version is None else f"{handle}, version {version},"
    address = f"https://www.kaggle.com/datasets/{handle}"
    status = response.status_code
    if status == 401:
        return UsageError(
            "Kaggle does not accept these credentials (401).",
            expected="a Kaggle account's valid credentials",
            fix=WAYS_TO_LOG_IN,
        )
    if status == 403:
        return DataError(
            f"Kaggle does not let this account get {which} (403): it is private, its terms are "
            "not accepted yet, or there is none of that name.",
            fix=f"open {address} with the same account, and accept what it asks",
        )
    if status == 404:
        return DataError(
            f"Kaggle has no dataset {which} (404).",
            expected="an existing owner/slug and version",
            fix=f"compare with {address}",
        )
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        pause = f"in {wait} seconds" if wait.isdigit() else "in some minutes"
        return DataError(
            f"Kaggle asks to slow down (429): too many requests for {handle}.",
            fix=f"run again {pause}: the download goes on where it stopped",
        )
    return DataError(
        f"Kaggle's server failed on {which} ({status}).",
        fix="run again later: the download goes on where it stopped",
    )
