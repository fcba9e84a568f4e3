"""YuNet's ONNX file: found where a person puts it, or fetched once, and known by its hash."""

from __future__ import annotations

import hashlib
import itertools
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ... import runs
from ...errors import DataError
from ...session.mounts import attached_files, on_kaggle

VARIABLE = "UNMASK_YUNET"
CACHE_VARIABLE = "UNMASK_CACHE"
OFFLINE_VARIABLE = "UNMASK_OFFLINE"
NAME = "face_detection_yunet_2023mar.onnx"
PATTERN = "*yunet*.onnx"
# OpenCV Zoo's file (MIT), at a fixed commit and from its second home.
ADDRESSES = (
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/"
    f"82b38c8f98e7b52aa171400f3e4c722352d0669f/models/face_detection_yunet/{NAME}",
    f"https://huggingface.co/opencv/face_detection_yunet/resolve/main/{NAME}",
)
FETCHED = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
# What each known file is; OpenCV 4 cannot read those whose text does not begin with "YuNet".
KNOWN = {
    FETCHED: "YuNet, OpenCV Zoo 2023mar",
    "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31": (
        "YuNet n 640 x 640, libfacedetection.train"
    ),
    "104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12": (
        "the export of YuNet with dynamic shapes, which OpenCV 4 cannot read"
    ),
}
ON_KAGGLE = "; on Kaggle attach a dataset or model that holds it, or switch the internet on"
LARGEST = 5_000_000  # bytes; the files have less than 0.4 million
SECONDS = 15.0  # for one address, looking its name up included
RETRY_SECONDS = 600.0  # after a failed download, before the same process tries again

_lock = threading.Lock()
_failed: dict[tuple[str, ...], tuple[float, str]] = {}


def yunet_file(
    given: str | Path | None = None, *, addresses: Sequence[str] = (), digest: str = FETCHED
) -> Path:
    """Returns YuNet's ONNX file, which is there or is fetched into the cache.

    Looked for in this order: `given`, $UNMASK_YUNET, any `*yunet*.onnx` in `data/weights/` of the
    project, the cache, any `*yunet*.onnx` in what is attached on Kaggle. The first two must hold a
    known file; of the others, unknown ones are passed over. With $UNMASK_OFFLINE set nothing is
    fetched.

    Args:
        given: a file.
        addresses: to fetch the file from; empty takes OpenCV Zoo's.
        digest: sha256 of the file that the addresses serve.

    Raises:
        DataError: `given` or the variable names a file that is missing or not known; or no known
            file was found and none could be fetched.
    """
    asked = given or os.environ.get(VARIABLE)
    if asked:
        path = runs.resolve(asked)
        check_known(path)
        return path
    folder = runs.project_home() / "data" / "weights"
    here = [*sorted(folder.glob(PATTERN)), cache_folder() / NAME]
    for path in itertools.chain(here, attached_files(PATTERN)):
        if _is_known(path, (*KNOWN, digest)):
            return path
    return fetch(cache_folder() / NAME, addresses or ADDRESSES, digest)


def cache_folder() -> Path:
    """Returns where fetched files are kept: $UNMASK_CACHE, or ~/.cache/unmask."""
    return Path(os.environ.get(CACHE_VARIABLE) or "~/.cache/unmask").expanduser()


def check_known(path: Path, known: Mapping[str, str] = KNOWN) -> str:
    """Returns what the file is.

    Raises:
        DataError: it is missing, not one of `known`, or one that OpenCV cannot read.
    """
    if not path.is_file():
        raise DataError(
            f"YuNet's file {path} is not there.",
            expected=f"an ONNX file, as {NAME} of OpenCV Zoo",
            fix=f"correct the path, or unset {VARIABLE} and let Unmask fetch the file",
        )
    digest = runs.sha256_file(path)
    title = known.get(digest, "")
    if not title.startswith("YuNet"):
        raise DataError(
            f"{path} is {title or f'no file of YuNet that Unmask knows (sha256 {digest})'}.",
            expected=" or ".join(title for title in known.values() if title.startswith("YuNet")),
            fix=f"fetch {ADDRESSES[0]} and name it in {VARIABLE}",
        )
    return title


def fetch(target: Path, addresses: Sequence[str], digest: str) -> Path:
    """Fetches a file once: from the first address that serves it with the right hash.

    Args:
        target: written atomically, when the hash is right.
        addresses: tried in order.
        digest: sha256 that the bytes must have.

    Raises:
        DataError: none of the addresses served it, with the reason for each, or $UNMASK_OFFLINE
            is set. The same process asks the same addresses again only after ten minutes.
    """
    if os.environ.get(OFFLINE_VARIABLE):
        raise _not_fetched(f"{OFFLINE_VARIABLE} is set", addresses, digest)
    key = tuple(addresses)
    with _lock:
        when, reasons = _failed.get(key, (-RETRY_SECONDS, ""))
        if time.monotonic() - when >= RETRY_SECONDS:
            reasons = _try_all(target, addresses, digest)
            if not reasons:
                return target
            _failed[key] = time.monotonic(), reasons
    raise _not_fetched(reasons, addresses, digest)


def _not_fetched(reasons: str, addresses: Sequence[str], digest: str) -> DataError:
    return DataError(
        f"YuNet's file could not be fetched ({reasons}).",
        expected=f"{NAME}, sha256 {digest}",
        fix=(
            f"fetch it by hand from {addresses[0]} and put it into data/weights/ of the project, "
            f"or name it in {VARIABLE}{ON_KAGGLE if on_kaggle() else ''}"
        ),
    )


def _try_all(target: Path, addresses: Iterable[str], digest: str) -> str:
    """Returns "" when the file was written, else why not."""
    reasons = []
    for address in addresses:
        host = address.split("/")[2]
        try:
            data = _download(address)
            found = hashlib.sha256(data).hexdigest()
            if found != digest:
                raise OSError(f"its file has the wrong hash {found[:12]}")
            with runs.atomic_path(target) as temporary:
                temporary.write_bytes(data)
            return ""
        except OSError as error:
            reasons.append(f"{host}: {_said(error)}")
    return "; ".join(reasons)


def _said(error: OSError) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {error.reason}"
    reason = getattr(error, "reason", None) or error
    return getattr(reason, "strerror", None) or str(reason)


def _download(address: str) -> bytes:
    """Returns what the address serves, within `SECONDS`.

    In a thread because looking a name up obeys no timeout, and a slow server none of the whole.

    Raises:
        OSError: no answer, an error, or more bytes than `LARGEST`.
    """
    outcome: list[bytes | Exception] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(address, timeout=SECONDS) as answer:
                outcome.append(answer.read(LARGEST + 1))
        except Exception as error:  # http.client raises more than OSError
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(SECONDS)
    if not outcome:
        raise OSError(f"no answer in {SECONDS:.0f} seconds")
    answer = outcome[0]
    if isinstance(answer, Exception):
        raise answer if isinstance(answer, OSError) else OSError(str(answer)) from answer
    if len(answer) > LARGEST:
        raise OSError(f"its file has more than {LARGEST:,} bytes")
    return answer


def _is_known(path: Path, digests: Iterable[str]) -> bool:
    if not path.is_file() or path.stat().st_size > LARGEST:
        return False
    digest = runs.sha256_file(path)
    return digest in digests and KNOWN.get(digest, "YuNet").startswith("YuNet")
