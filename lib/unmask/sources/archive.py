"""Unpacks an archive that came from elsewhere, and keeps a manifest of what came out of it."""

from __future__ import annotations

import errno
import hashlib
import lzma
import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import runs
from ..errors import DataError

MANIFEST = "manifest.json"
FILES_FOLDER = "files"
GIBIBYTE = 2**30
MAXIMUM_MEMBERS = 2_000_000
# Photographs and tables shrink 1 to 20 times; deflate reaches 1032 times only on made-up data.
MAXIMUM_RATIO = 200
RATIO_MATTERS_FROM = 2**20
CHUNK = 2**20
DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError)

Progress = Callable[[int, int], None]


class DamagedArchiveError(DataError):
    """The archive's bytes are wrong (cut short, or changed): getting it again may help."""


@dataclass(frozen=True)
class ExtractedFile:
    """One file of a dataset: `path` relative to the folder of files (with /), size, SHA-256."""

    path: str
    bytes: int
    sha256: str


def extract_zip(
    archive: Path, destination: Path, progress: Progress | None = None
) -> list[ExtractedFile]:
    """Extracts a zip from an untrusted source to `destination`, all of it or nothing.

    Works in a hidden folder beside `destination` that takes its place at the end; a
    `destination` that was there before is replaced. Names are checked before a byte is written,
    and two members that end up as one file on this disk (by case, say) are refused.

    Args:
        archive: the zip file; it is left as it is.
        destination: the folder to create.
        progress: called after every file with the bytes written so far and in all.

    Returns:
        One record a file, in the archive's order.

    Raises:
        DamagedArchiveError: the archive, or a member (named), is cut short or corrupt.
        DataError: a member points outside the folder, is a link or is encrypted; the archive is
            a bomb, is empty, or does not fit on the disk.
    """
    archive, destination = Path(archive), Path(destination)
    temporary = destination.with_name(f".{destination.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        with _opened(archive) as content:
            members = [_checked(member, archive) for member in content.infolist()]
            members = [(member, path) for member, path in members if path]
            _check_sizes([member for member, _ in members], archive, destination.parent)
            temporary.mkdir(parents=True)
            files = list(_write_members(content, members, temporary, progress))
    except DAMAGE as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise DamagedArchiveError(
            f"{archive} is damaged: {error}.",
            expected="a complete zip archive",
            fix="delete it and get it again",
        ) from error
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _swap(temporary, destination)
    return files


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except NotImplementedError as error:  # a version of the format that does not exist
        raise zipfile.BadZipFile(str(error)) from error


def _checked(member: zipfile.ZipInfo, archive: Path) -> tuple[zipfile.ZipInfo, str]:
    """Returns the member with its safe relative path ("" for a folder); raises on a hostile one."""
    name = member.filename.replace("\\", "/")  # some Windows programs write zips this way
    parts = [part for part in name.split("/") if part not in ("", ".")]
    kind = stat.S_IFMT(member.external_attr >> 16)
    problem = ""
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
        problem = "points outside the folder it is extracted to"
    elif kind == stat.S_IFLNK:
        problem = "is a symbolic link"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        problem = "is not a plain file"
    elif member.flag_bits & 1:
        problem = "is encrypted"
    if problem:
        raise DataError(
            f"{archive.name}: the member {member.filename!r} {problem}. Nothing was extracted.",
            expected="plain files inside one folder",
            fix="do not trust this archive; look at where it comes from",
        )
    return member, "" if name.endswith("/") or kind == stat.S_IFDIR else "/".join(parts)


def _check_sizes(members: list[zipfile.ZipInfo], archive: Path, target: Path) -> None:
    """Raises a DataError when the members are none, a bomb, or more than the disk can take."""
    total = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    on_disk = archive.stat().st_size
    bomb = ""
    if not members:
        raise DataError(f"{archive.name} holds no files.", expected="a zip archive with files")
    if len(members) > MAXIMUM_MEMBERS:
        bomb = f"it holds {len(members):,} files, more than {MAXIMUM_MEMBERS:,}"
    elif packed > on_disk:
        bomb = f"its members claim {packed:,} packed bytes, in an archive of {on_disk:,}"
    elif _too_dense(total, on_disk):
        bomb = f"its {on_disk:,} bytes would become {total:,}"
    for member in members:
        if _too_dense(member.file_size, member.compress_size):
            bomb = (
                f"its member {member.filename!r} would grow from "
                f"{member.compress_size:,} to {member.file_size:,} bytes"
            )
    if bomb:
        raise DataError(
            f"{archive.name} looks like a zip bomb: {bomb}. Nothing was extracted.",
            expected=f"files that shrink at most {MAXIMUM_RATIO} times",
            fix="do not trust this archive; look at where it comes from",
        )
    require_disk_space(target, total, f"extracting {archive.name}")


def _too_dense(size: int, packed: int) -> bool:
    return size > RATIO_MATTERS_FROM and size > MAXIMUM_RATIO * max(packed, 1)


def require_disk_space(folder: Path, needed: int, purpose: str) -> None:
    """Raises a DataError, with both numbers in GiB, when `folder` has under `needed` bytes free."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"Too little disk space for {purpose}: {free / GIBIBYTE:.2f} GiB free in {folder}.",
            expected=f"at least {needed / GIBIBYTE:.2f} GiB",
            fix="free some space, or choose a folder on a larger disk",
        )


def _write_members(
    content: zipfile.ZipFile,
    members: list[tuple[zipfile.ZipInfo, str]],
    folder: Path,
    progress: Progress | None,
) -> Iterator[ExtractedFile]:
    total, done = sum(member.file_size for member, _ in members), 0
    made: set[Path] = set()
    for member, path in members:
        target = folder / path
        try:
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            yield ExtractedFile(path, member.file_size, _write_member(content, member, target))
        except (FileExistsError, NotADirectoryError) as error:
            raise DataError(
                f"{Path(content.filename or '').name}: the member {member.filename!r} has the "
                "same place on this disk as another one. Nothing was extracted.",
                expected="names that stay different on this disk (it may ignore upper case)",
            ) from error
        except DAMAGE as error:
            raise zipfile.BadZipFile(f"member {member.filename!r}: {error}") from error
        except (NotImplementedError, OSError) as error:
            raise _explain_write_error(error, member, folder) from error
        done += member.file_size
        if progress:
            progress(done, total)


def _write_member(content: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> str:
    """Writes one member to a file that must not exist yet; returns the SHA-256 of its bytes."""
    digest = hashlib.sha256()
    with content.open(member) as source, open(target, "xb") as stream:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            stream.write(chunk)
        if stream.tell() != member.file_size:  # which zipfile leaves unsaid
            raise zipfile.BadZipFile(f"{stream.tell():,} bytes, not {member.file_size:,}")
    return digest.hexdigest()


def _explain_write_error(error: Exception, member: zipfile.ZipInfo, folder: Path) -> DataError:
    if getattr(error, "errno", None) == errno.ENOSPC:
        return DataError(
            f"The disk of {folder.parent} is full: extracting stopped at {member.filename!r}.",
            fix="free some space and run again",
        )
    return DataError(f"The member {member.filename!r} cannot be extracted: {error}.")


def _swap(temporary: Path, destination: Path) -> None:
    old = destination.with_name(f".{destination.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if destination.exists():
        os.rename(destination, old)
    os.rename(temporary, destination)
    shutil.rmtree(old, ignore_errors=True)


def write_manifest(
    destination: Path, files: list[ExtractedFile], **about: str | int | None
) -> None:
    """Writes `<destination>/manifest.json`: the fields of `about`, then a record per file."""
    content = {**about, "files": [asdict(file) for file in files]}
    runs.write_json(Path(destination) / MANIFEST, content)


def read_manifest(destination: Path) -> dict[str, Any] | None:
    """Returns the manifest in `destination`; None when it is missing or is not a manifest."""
    try:
        manifest = runs.read_json(Path(destination) / MANIFEST)
        for file in manifest["files"]:
            file["path"], file["bytes"], file["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return manifest


def verify_manifest(destination: Path, thorough: bool = False) -> list[str]:
    """Compares the files below `<destination>/files` with `<destination>/manifest.json`.

    Args:
        destination: the folder that holds `manifest.json` and `files/`.
        thorough: compare every file's SHA-256 too, not its size only.

    Returns:
        A line for each missing or damaged file, which names it; an empty list when all is well.
    """
    manifest = read_manifest(destination)
    if manifest is None:
        return [f"{MANIFEST}: missing or unreadable"]
    root = os.path.join(destination, FILES_FOLDER)
    checks = (_check_file(root, record, thorough) for record in manifest["files"])
    return [problem for problem in checks if problem]


def _check_file(root: str, record: dict[str, Any], thorough: bool) -> str:
    path = f"{root}/{record['path']}"
    try:
        found = os.stat(path)
    except OSError:
        return f"{record['path']}: missing"
    if not stat.S_ISREG(found.st_mode):
        return f"{record['path']}: not a file"
    if found.st_size != record["bytes"]:
        return f"{record['path']}: {found.st_size:,} bytes instead of {record['bytes']:,}"
    if thorough and runs.sha256_file(path) != record["sha256"]:
        return f"{record['path']}: its content has changed (SHA-256)"
    return ""
