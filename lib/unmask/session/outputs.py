"""The files that a kernel on Kaggle leaves for the next ones and for home, and their way back.

An output is a folder with `unmask_output.json` (written last: without it nothing else counts),
`results.tar` (the run folders of its steps, and the ledger), `faces/` (arrays of faces, which
later kernels map into memory from where they lie) and, where pictures were made, `data.tar`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import DataError
from ..runs import read_json, sha256_file, write_json
from .archives import check_file, extract_tar, files_below, write_tar
from .ledgers import LEDGER, merge_ledgers
from .restoring import restore_faces, restore_pictures

MANIFEST = "unmask_output.json"
FORMAT = 1
RESULTS, DATA, FACES = "results.tar", "data.tar", "faces"
FACES_PATTERN = "faces_*.npy"
REQUEST_KEYS = ("run_id", "key", "part", "profile")
# What a kernel makes in its working folder besides its outputs.
WORK = ("runs", "data", "notebooks", "params")


def pack(
    home: Path,
    profile: str,
    steps: Iterable[str],
    request: Mapping[str, Any],
    statuses: Mapping[str, Mapping[str, Any]],
    destination: Path,
    *,
    started: str = "",
    machine: Mapping[str, str] | None = None,
    message: str = "",
) -> dict[str, Any]:
    """Packs what a kernel leaves into `destination`; removes the folders it worked in.

    Args:
        home: the project as the kernel saw it, on Kaggle /kaggle/working.
        profile: whose run folder is packed.
        steps: the steps this kernel was asked for; folders of others are not packed.
        request: what the kernel was asked; its run_id, key and part go into the manifest.
        statuses: for each step {"status", "seconds", "message"}.
        destination: where the files go; the home itself on Kaggle.
        started: when the kernel began (ISO 8601).
        machine: what it ran on, in words.
        message: what went wrong outside of the steps, if anything did.

    Returns:
        the manifest as written.

    Raises:
        OSError: the disk is full, a file cannot be read.
    """
    destination.mkdir(parents=True, exist_ok=True)
    (destination / MANIFEST).unlink(missing_ok=True)
    files = [*_pack_results(home, profile, list(steps), destination)]
    files += _pack_data(home, "download" in steps, destination)
    manifest = {
        "format": FORMAT,
        **{name: request.get(name) for name in REQUEST_KEYS},
        "profile": profile,
        "status": "failed" if message else overall_status(statuses),
        "message": message,
        "steps": {name: dict(status) for name, status in statuses.items()},
        "files": files,
        "machine": dict(machine or {}),
        "started": started,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    clear_work(home)
    write_json(destination / MANIFEST, manifest)
    return manifest


def overall_status(statuses: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns "done", "partial" (another part goes on) or "failed" for all steps together."""
    found = {status["status"] for status in statuses.values()}
    if "failed" in found:
        return "failed"
    return "done" if found <= {"done", "unchanged"} else "partial"


def clear_work(home: Path) -> None:
    """Removes the folders (or links) that a kernel worked in; leaves its outputs and reports."""
    for path in (home / name for name in WORK):
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)


def pictures_of(home: Path) -> list[tuple[str, Path]]:
    """Returns what lies in the folders of data/ below `home`: its name in an archive, its path."""
    return [
        (path.relative_to(home).as_posix(), path)
        for folder in sorted((home / "data").glob("*"))
        if folder.is_dir()
        for path in files_below(folder)
    ]


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Returns the manifest of an output; None when there is none, or it is no manifest."""
    try:
        manifest = read_json(Path(folder) / MANIFEST)
    except (OSError, ValueError):
        return None
    whole = isinstance(manifest, dict) and {"format", "profile", "files"} <= manifest.keys()
    return manifest if whole else None


def restore_all(folders: Iterable[Path], home: Path, kept: Collection[Path] = ()) -> list[str]:
    """Restores several outputs, the oldest first, so that the newest of a step is what stays."""
    known = [(manifest, folder) for folder in folders if (manifest := read_manifest(folder))]
    known.sort(key=lambda item: (str(item[0].get("ended")), item[0].get("part") or 0))
    return [sentence for _, folder in known for sentence in restore(folder, home, kept)]


def restore(folder: Path, home: Path, kept: Collection[Path] = ()) -> list[str]:
    """Puts an output, attached or fetched, back below `home`; returns sentences of what came.

    A step's folder takes the place of one that is there, unless that is in `kept`. Arrays of faces
    are linked where links work, else copied. Pictures are extracted on Kaggle to scratch space and
    shown, elsewhere to data/ below home, where they are not there yet. An array or pictures that
    were not fetched are left out; so is an output without a manifest.

    Raises:
        DataError: a file of it is missing or damaged, or it was written by a newer Unmask.
    """
    folder, home = Path(folder), Path(home)
    manifest = read_manifest(folder)
    if manifest is None:
        return []
    if manifest["format"] != FORMAT:
        raise DataError(
            f"{folder / MANIFEST} has the format {manifest['format']!r}.",
            expected=f"format {FORMAT}",
            fix="bring both sides to one version of Unmask (unmask kaggle push), then run again",
        )
    files = {item["path"]: item for item in manifest["files"]}
    names = _restore_results(folder, home, manifest["profile"], files, kept)
    arrays = restore_faces(folder, home, manifest["profile"], files, kept)
    pictures = restore_pictures(folder / DATA, home, files.get(DATA))
    if not names:
        return []
    also = [*arrays, *(f"data/{name}" for name in pictures)]
    return [
        f"From {folder.name}: {', '.join(names)} of the profile {manifest['profile']}"
        f"{', with ' if also else ''}{', '.join(also)}."
    ]


def _pack_results(
    home: Path, profile: str, steps: list[str], destination: Path
) -> list[dict[str, Any]]:
    content, arrays = [], []
    for step in steps:
        for path in files_below(home / "runs" / profile / step):
            name = path.relative_to(home).as_posix()
            (arrays if path.match(FACES_PATTERN) else content).append((name, path))
    ledger = home / "runs" / LEDGER
    if ledger.is_file():
        content.append((f"runs/{LEDGER}", ledger))
    packed = [_put(path, _free_name(destination, name), name) for name, path in sorted(arrays)]
    write_tar(destination / RESULTS, content)
    return [_describe(destination / RESULTS), *packed]


def _free_name(destination: Path, name: str) -> Path:
    """Arrays of two steps may have the same name; the second is led by its step's."""
    path = PurePosixPath(name)
    plain = destination / FACES / path.name
    return plain if not plain.exists() else plain.with_name(f"{path.parent.name}-{path.name}")


def _put(source: Path, target: Path, place: str) -> dict[str, Any]:
    target.parent.mkdir(parents=True, exist_ok=True)
    source = source.resolve()
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return {**_describe(target, f"{FACES}/{target.name}"), "place": place}


def _pack_data(home: Path, made_here: bool, destination: Path) -> list[dict[str, Any]]:
    """Packs pictures that were made here; what an earlier kernel made is in its own output."""
    content = pictures_of(home) if made_here else []
    if not content:
        return []
    write_tar(destination / DATA, content)
    return [_describe(destination / DATA)]


def _describe(path: Path, name: str = "") -> dict[str, Any]:
    return {
        "path": name or path.name,
        "bytes": path.stat().st_size,
        "sha256": sha256_file(path),
    }


def _restore_results(
    folder: Path,
    home: Path,
    profile: str,
    files: Mapping[str, Mapping[str, Any]],
    kept: Collection[Path],
) -> list[str]:
    if RESULTS not in files:
        return []
    check_file(folder / RESULTS, files[RESULTS])
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restoring-", dir=home) as scratch:
        fresh = Path(scratch, "results")
        extract_tar(folder / RESULTS, fresh, (f"runs/{profile}", f"runs/{LEDGER}"))
        if (fresh / "runs" / LEDGER).is_file():
            ledger = home / "runs" / LEDGER
            merge_ledgers([ledger, fresh / "runs" / LEDGER], ledger)
        run_folder = fresh / "runs" / profile
        place = home / "runs" / profile
        steps = sorted(run_folder.iterdir()) if run_folder.is_dir() else []
        steps = [step for step in steps if place / step.name not in kept]
        for step in steps:
            _replace(step, place / step.name)
    return [step.name for step in steps]


def _replace(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    shutil.rmtree(target, ignore_errors=True)
    source.replace(target)
