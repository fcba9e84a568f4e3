"""Gets a dataset from Kaggle: the mounted input when on Kaggle, a checked download elsewhere."""

from __future__ import annotations

import contextlib
import io
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock

from .. import runs
from ..errors import DataError, UnmaskError, UsageError
from ..session.mounts import dataset_folders, on_kaggle
from . import archive as archives
from .archive import FILES_FOLDER, verify_manifest
from .kaggle_errors import WAYS_TO_LOG_IN, explain

# The archive, what comes out of it (pictures hardly shrink), and some air.
SPACE_FACTOR = 2.2
SHARE_OF_DOWNLOAD = 0.7
REPORT_EVERY_SECONDS = 1.0
SHOWN_PROBLEMS = 5
MEBIBYTE = 2**20


def fetch_kaggle_dataset(handle: str, destination: Path, *, version: int | None = None) -> Path:
    """Returns the folder that holds the files of a Kaggle dataset, after getting it if need be.

    On Kaggle (KAGGLE_KERNEL_RUN_TYPE is set) it is the mounted input, whatever version is
    attached. Elsewhere the dataset is downloaded to `destination` and extracted to
    `<destination>/files`; `<destination>/manifest.json` (handle, version, and path, bytes and
    SHA-256 of every file) is written last. While that manifest fits the files (by size), another
    call makes no network request; a missing or damaged file is named and the dataset is
    downloaded again. An interrupted download goes on where it stopped.

    Args:
        handle: "owner/slug", as in the dataset's address.
        destination: a folder of this dataset's own.
        version: the dataset's version number; the newest one when None.

    Raises:
        UsageError: the handle or version is malformed; there are no (valid) credentials.
        DataError: the dataset is not attached, not there or not allowed; the network or the
            server fails; the disk is too small; the archive is damaged or hostile.

    Example:
        folder = fetch_kaggle_dataset("xhlulu/140k-real-and-fake-faces", "data/140k", version=2)
    """
    owner, slug = _split_handle(handle, version)
    if on_kaggle():
        return _mounted_input(owner, slug)
    destination = Path(destination)
    try:
        if not _is_complete(destination, handle, version):
            with _one_at_a_time(destination):
                if not _is_complete(destination, handle, version, say=True):
                    _download_and_extract(handle, destination, version)
    except UnmaskError:
        raise
    except Exception as error:
        explained = explain(error, handle, version, destination)
        if explained is None:
            raise
        raise explained from error
    return destination / FILES_FOLDER


def _split_handle(handle: str, version: int | None) -> tuple[str, str]:
    match = re.fullmatch(r"([\w-]+)/([\w-]+)", handle, re.ASCII)
    if not match:
        raise UsageError(
            f"{handle!r} is not the name of a Kaggle dataset.",
            expected="owner/slug, such as xhlulu/140k-real-and-fake-faces (the version apart)",
            fix="take the last two parts of the dataset's address on kaggle.com",
        )
    if version is not None and (type(version) is not int or version < 1):
        raise UsageError(
            f"{version!r} is not a version of a Kaggle dataset.",
            expected="a whole number from 1, or nothing for the newest",
        )
    return match[1], match[2]


def _mounted_input(owner: str, slug: str) -> Path:
    """Returns where Kaggle mounts the dataset."""
    candidates = dataset_folders(owner, slug)
    for folder in candidates:
        if folder.is_dir() and any(folder.iterdir()):
            return folder
    raise DataError(
        f"The dataset {owner}/{slug} is not attached to this Kaggle notebook.",
        expected="its files in " + " or ".join(str(folder) for folder in candidates),
        fix=f"attach it: Add Input > Datasets > {owner}/{slug}, then run again",
    )


def _is_complete(destination: Path, handle: str, version: int | None, say: bool = False) -> bool:
    manifest = archives.read_manifest(destination)
    if manifest is None or manifest.get("handle") != handle:
        return False
    if version != manifest.get("requested_version") and version != manifest.get("version"):
        return False
    problems = verify_manifest(destination)
    if problems and say:
        shown = "".join(f"\n  {problem}" for problem in problems[:SHOWN_PROBLEMS])
        more = len(problems) - SHOWN_PROBLEMS
        shown += f"\n  and {more:,} more" if more > 0 else ""
        print(f"{len(problems):,} damaged or missing files in {destination}:{shown}")
        print(f"Getting {handle} again.")
    if not problems:
        _remove_archives(destination)
    return not problems


@contextlib.contextmanager
def _one_at_a_time(destination: Path) -> Iterator[None]:
    """Holds a lock on the folder, which the system releases even after a kill."""
    destination.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(destination / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"Another run is getting {destination}; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _download_and_extract(handle: str, destination: Path, version: int | None) -> None:
    api = authenticated_client()
    number = version if version is not None else _newest_version(api, handle)
    archive = destination / f"version-{number or 'newest'}.zip"
    _download(api, handle, number, archive)
    (destination / archives.MANIFEST).unlink(missing_ok=True)
    try:
        files = archives.extract_zip(archive, destination / FILES_FOLDER, _extraction_progress())
    except archives.DamagedArchiveError as error:
        _remove_archives(destination)
        raise DataError(
            f"The archive of {handle} came damaged and was deleted. {error.what}",
            fix="run again: it is downloaded afresh",
        ) from error
    archives.write_manifest(
        destination, files, handle=handle, version=number, requested_version=version
    )
    _remove_archives(destination)
    runs.report_progress(1.0, f"{len(files):,} files of {handle} ready")


def _remove_archives(destination: Path) -> None:
    for leftover in destination.glob("version-*.zip*"):
        with contextlib.suppress(OSError):
            leftover.unlink()


def authenticated_client() -> Any:
    """Returns the official client, logged in. Importing it already logs in, and prints help."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            from kaggle.api.kaggle_api_extended import KaggleApi

            api = KaggleApi()
            api.authenticate()
    except SystemExit as error:
        from kagglesdk.kaggle_env import get_access_token_from_env

        token, source = get_access_token_from_env()
        what = "There are no credentials for Kaggle."
        if token:
            what = f"Kaggle does not accept the access token from {source} (expired or revoked?)."
        raise UsageError(
            what, expected="a Kaggle account's credentials", fix=WAYS_TO_LOG_IN
        ) from error
    return api


def _newest_version(api: Any, handle: str) -> int | None:
    from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetRequest

    request = ApiGetDatasetRequest()
    request.owner_slug, request.dataset_slug = handle.split("/")
    with api.build_kaggle_client() as client:
        dataset = client.datasets.dataset_api_client.get_dataset(request)
    return dataset.current_version_number or None


def _download(api: Any, handle: str, version: int | None, archive: Path) -> None:
    """Downloads the dataset's zip as the client's dataset_download_files does, which has no room
    for a look at the size between the answer's headers and its first byte."""
    from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

    request = ApiDownloadDatasetRequest()
    request.owner_slug, request.dataset_slug = handle.split("/")
    request.dataset_version_number = version
    with api.build_kaggle_client() as client:
        response = client.datasets.dataset_api_client.download_dataset(request)
        with contextlib.closing(response):
            size = int(response.headers.get("Content-Length") or 0)
            here = archive.stat().st_size if archive.exists() else 0
            needed = int(SPACE_FACTOR * size) - min(here, size)
            archives.require_disk_space(archive.parent, needed, f"downloading {handle}")
            if api.download_needed(response, str(archive), quiet=False):
                try:
                    with _reporting_growth(archive, size):
                        api.download_file(
                            response, str(archive), client.http_client(), quiet=False, resume=True
                        )
                except ValueError as error:
                    # An expired address makes the client save the server's refusal as the
                    # archive, and it would go on from those bytes next time.
                    _remove_archives(archive.parent)
                    raise DataError(
                        f"The download of {handle} broke off and could not go on: {error}.",
                        fix="run again: it is downloaded afresh",
                    ) from error


@contextlib.contextmanager
def _reporting_growth(archive: Path, size: int) -> Iterator[None]:
    """Reports how much of `archive` is on the disk, every second while the block runs."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(REPORT_EVERY_SECONDS):
            here = archive.stat().st_size if archive.exists() else 0
            runs.report_progress(
                SHARE_OF_DOWNLOAD * min(here / size, 1) if size else 0,
                f"downloaded {here / MEBIBYTE:,.0f} of {size / MEBIBYTE:,.0f} MiB",
            )

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _extraction_progress() -> Callable[[int, int], None]:
    last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= REPORT_EVERY_SECONDS:
            last = time.monotonic()
            runs.report_progress(
                SHARE_OF_DOWNLOAD + (1 - SHARE_OF_DOWNLOAD) * done / max(total, 1),
                f"extracted {done / MEBIBYTE:,.0f} of {total / MEBIBYTE:,.0f} MiB",
            )

    return report
