"""Several records of which test set was looked at when, made one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from ..runs import atomic_path

LEDGER = "test_ledger.jsonl"
LOCK_SECONDS = 10


def merge_ledgers(paths: Iterable[Path], target: Path) -> int:
    """Writes the union of the lines of `paths` to `target`, by time; returns how many there are.

    A line that stands in one file twice stands twice in the union, one that stands in two files
    once. A line that cannot be read stays behind the one it followed. A missing file is empty;
    `target` may be one of `paths`.

    Raises:
        OSError: a file cannot be read or written.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock", timeout=LOCK_SECONDS):
        counts: Counter[tuple[str, str]] = Counter()
        for path in paths:
            counts |= Counter(_timed_lines(Path(path)))
        lines = [line for _, line in sorted(counts.elements(), key=lambda timed: timed[0])]
        with atomic_path(target) as temporary:
            text = "".join(f"{line}\n" for line in lines)
            temporary.write_bytes(text.encode("utf-8", "surrogateescape"))
    return len(lines)


def _timed_lines(path: Path) -> list[tuple[str, str]]:
    if not path.is_file():
        return []
    found, time = [], ""
    for line in path.read_bytes().decode("utf-8", "surrogateescape").split("\n"):
        if line.strip():
            time = _time_of(line, time)
            found.append((time, line))
    return found


def _time_of(line: str, otherwise: str) -> str:
    try:
        return str(json.loads(line)["time"])
    except (ValueError, KeyError, TypeError):
        return otherwise
