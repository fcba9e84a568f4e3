"""Verdicts already given, kept by what gave them, so that a second call goes on where one ended."""

from __future__ import annotations

import contextlib
import json
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..runs import project_home, sha256_file, sha256_of

PACKAGE = Path(__file__).resolve().parents[1]
ROOMS = ("media", "dataset", "detectors", "engines", "evaluation", "evidence", "verdict")
PACKAGES = (
    *("tensorflow", "keras", "numpy", "opencv-python-headless", "pillow", "av", "mtcnn"),
    *("openvino", "onnxruntime"),
)


Stamp = tuple[int, int, int]


class Known:
    """The verdicts of one detector with one way of asking it: a file of JSON lines.

    A file counts as known when its path, size and times are as they were, or when its bytes are.

    Attributes:
        path: of the file of lines, <home>/runs/scores/<key>.jsonl.
    """

    def __init__(self, key: str, *, fresh: bool = False):
        """Reads what is known under `key`; with `fresh` nothing is, until it is added anew."""
        self.path = project_home() / "runs" / "scores" / f"{key}.jsonl"
        self._by_path: dict[str, tuple[Stamp, dict[str, Any]]] = {}
        self._by_bytes: dict[tuple[int, str], dict[str, Any]] = {}
        self._sizes: set[int] = set()
        self._start = "\n"  # ends a line that was cut short, when the disk was full
        if not fresh:
            self._read()

    def find(self, path: Path) -> dict[str, Any] | None:
        """Returns the verdict on `path` as it was kept, under its present name; None if unknown."""
        where, stamp = os.path.realpath(path), stamp_of(path)
        if stamp is None:
            return None
        kept, record = self._by_path.get(where, (None, None))
        if kept != stamp:
            same_size = stamp[0] in self._sizes
            sha256 = _sha256_or_none(where) if same_size else None
            record = self._by_bytes.get((stamp[0], sha256)) if sha256 else None
        return {**record, "file": os.fspath(path)} if record else None

    def add(self, path: Path, stamp: Stamp | None, record: dict[str, Any]) -> None:
        """Keeps a verdict, unless the file is no longer as it was.

        Args:
            path: of the file.
            stamp: `stamp_of` the file before it was looked at.
            record: the verdict as plain data.

        Raises:
            OSError: it cannot be written.
        """
        where = os.path.realpath(path)
        sha256 = _sha256_or_none(where)
        if stamp is None or sha256 is None or stamp_of(path) != stamp:
            return
        line = json.dumps({"seen": [where, stamp, sha256], "verdict": record}, allow_nan=False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # One write to the end of the file: two commands at once do not mix their lines.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{self._start}{line}\n".encode("ascii"))
        finally:
            os.close(descriptor)
        self._start = ""
        self._remember(where, stamp, sha256, record)

    def _read(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            for line in self.path.read_bytes().split(b"\n"):
                # Neither an empty line nor one that was cut short is a verdict.
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    where, stamp, sha256 = entry["seen"]
                    self._remember(where, tuple(stamp), sha256, entry["verdict"])

    def _remember(self, where: str, stamp: Stamp, sha256: str, record: dict[str, Any]) -> None:
        self._by_path[where] = (stamp, record)
        self._by_bytes[stamp[0], sha256] = record
        self._sizes.add(stamp[0])


def stamp_of(path: str | Path) -> Stamp | None:
    """Returns size and times of a file, which every change alters; None when it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    # The last is altered by whatever alters the file, also where a tool sets the other back.
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def key_of(card: dict[str, Any], **settings: Any) -> str:
    """Returns the name under which verdicts are kept: one for each way they may come out.

    Args:
        card: of the detector.
        settings: of the command, such as faces and every; plain data.
    """
    given = {"card": card, "settings": settings, "code": _code(), "versions": _versions()}
    return sha256_of(given)[:24]


def _sha256_or_none(path: str) -> str | None:
    try:
        return sha256_file(path)
    except OSError:
        return None


def _code() -> dict[str, str]:
    files = sorted(path for room in ROOMS for path in (PACKAGE / room).rglob("*.py"))
    return {path.relative_to(PACKAGE).as_posix(): sha256_file(path) for path in files}


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
