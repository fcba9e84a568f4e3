"""Tar archives that say the same for the same files, and are opened without trust."""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import DataError
from ..runs import ATTACHED_MARK, atomic_path, sha256_file

SPACE_FACTOR = 1.1  # what an archive takes, against the files in it
LEFT_OUT = (".lock", ".writable", ATTACHED_MARK)


def files_below(folder: Path) -> Iterator[Path]:
    """Yields files and empty folders below `folder`, sorted; links are followed.

    Locks and what an atomic write left when it was killed are no content.
    """
    for place, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        if not folders and not names and Path(place) != folder:
            yield Path(place)
        for name in sorted(names):
            path = Path(place, name)
            half_written = name.startswith(".") and ".partial" in name
            if path.is_file() and name not in LEFT_OUT and not half_written:
                yield path


def write_tar(target: Path, content: Iterable[tuple[str, Path]]) -> None:
    """Writes an uncompressed archive, atomically: the same bytes for the same files and times.

    Where the disk has no room for files and archive side by side, each file is removed as soon as
    the archive holds it.

    Args:
        target: the archive.
        content: for each file or empty folder its name inside and where it lies.

    Raises:
        OSError: a file cannot be read, or the disk is full all the same.
    """
    content = sorted(content)
    needed = SPACE_FACTOR * sum(path.stat().st_size for _, path in content)
    crowded = shutil.disk_usage(target.parent).free < needed
    with (
        atomic_path(target) as temporary,
        tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, path in content:
            _add(archive, name, path)
            if crowded and path.is_file():
                with contextlib.suppress(OSError):  # one that is attached takes no room here
                    path.unlink()


def _add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    entry = tarfile.TarInfo(name)
    status = path.stat()
    entry.mtime = int(status.st_mtime)
    if path.is_dir():
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(entry)
        return
    entry.size, entry.mode = status.st_size, 0o644
    with path.open("rb") as stream:
        archive.addfile(entry, stream)


def extract_tar(source: Path, folder: Path, below: tuple[str, ...]) -> None:
    """Extracts an archive into a new `folder`, which appears only when all of it is there.

    Args:
        source: the archive.
        folder: where to; must not exist, its parent must.
        below: each name must be one of these, or lie below one of them.

    Raises:
        DataError: the archive is damaged, or holds what `write_tar` never writes (links, devices,
            names that lead elsewhere).
    """
    parts = Path(tempfile.mkdtemp(prefix=".extracting-", dir=folder.parent))
    try:
        with tarfile.open(source, "r:") as archive:
            for entry in archive:
                _check_entry(entry, source, below)
                archive.extract(entry, parts, filter="data")
        parts.chmod(0o755)
        parts.replace(folder)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise damaged(source, str(error) or type(error).__name__) from error
    finally:
        shutil.rmtree(parts, ignore_errors=True)


def damaged(path: Path, why: str) -> DataError:
    """Returns the error for an output that is not what was packed."""
    return DataError(
        f"{path} is damaged: {why}.",
        expected="the file as the kernel left it",
        fix="fetch or attach that output again; if it stays so, run its kernel again",
    )


def check_file(path: Path, item: Mapping[str, Any]) -> None:
    """Compares a file with what the manifest says of it.

    Raises:
        DataError: it is missing, shorter, longer or changed.
    """
    if not path.is_file():
        raise damaged(path, "it is not there")
    size = path.stat().st_size
    if size != item["bytes"]:
        raise damaged(path, f"it has {size:,} bytes in place of {item['bytes']:,}")
    if sha256_file(path) != item["sha256"]:
        raise damaged(path, "its bytes are not those that were packed (SHA-256)")


def _check_entry(entry: tarfile.TarInfo, source: Path, below: tuple[str, ...]) -> None:
    name = PurePosixPath(entry.name)
    inside = any(name.is_relative_to(allowed) for allowed in below)
    if not (entry.isreg() or entry.isdir()) or ".." in name.parts or not inside:
        raise damaged(source, f"{entry.name!r} does not belong in it")
