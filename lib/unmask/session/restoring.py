"""Arrays of faces and pictures of an output, back to where the tables expect them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from .archives import check_file, damaged, extract_tar
from .mounts import on_kaggle

# A folder of pictures with more entries than that is linked as one.
ENTRIES_SHOWN = 1000
COPIED_BYTES = 2**20


def restore_faces(
    folder: Path,
    home: Path,
    profile: str,
    files: Mapping[str, Mapping[str, Any]],
    kept: Collection[Path] = (),
) -> list[str]:
    """Links the arrays of an output into their steps' folders; returns their names.

    Their bytes are counted, not hashed: they are large, and read from where they lie.

    Args:
        folder: the output.
        home: of the project.
        profile: whose run folder they belong to.
        files: of the manifest, by path; an array has a `place` below home. One that is not in
            the folder (it was not fetched) is left out.
        kept: folders of steps that stay as they are.

    Raises:
        DataError: one has another size, or a place outside of the run folder.
    """
    names = []
    for name, item in files.items():
        if "place" not in item or not (folder / name).is_file():
            continue
        place = PurePosixPath(item["place"])
        if not place.is_relative_to(f"runs/{profile}") or ".." in place.parts:
            raise damaged(folder / name, f"it does not belong in {place}")
        if (folder / name).stat().st_size != item["bytes"]:
            raise damaged(folder / name, f"it has not the {item['bytes']:,} bytes it had")
        if not {home / place, *(home / place).parents}.isdisjoint(kept):
            continue
        link_file(folder / name, home / place)
        names.append(place.name)
    return names


def link_file(source: Path, target: Path) -> None:
    """Makes `target` a link to the file `source`, or a copy of it where links do not work."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    for way in (os.link, os.symlink):
        with contextlib.suppress(OSError, NotImplementedError):
            way(source.resolve(), target)
            return
    shutil.copyfile(source, target)


def restore_pictures(archive: Path, home: Path, item: Mapping[str, Any] | None) -> list[str]:
    """Extracts pictures that an earlier kernel made; returns the names of their data sets.

    On Kaggle they go to scratch space, once a session, and are shown below home/data, where the
    tables of files expect them; elsewhere to home/data itself. What is there already stays.

    Raises:
        DataError: the archive is damaged.
    """
    if item is None or not archive.is_file():
        return []
    parent = Path(tempfile.gettempdir()) / "unmask" if on_kaggle() else home
    known = hashlib.sha256(f"{archive.resolve()} {item['sha256']}".encode()).hexdigest()
    extracted = parent / f".pictures-{known[:12]}"
    if not extracted.is_dir():
        check_file(archive, item)
        parent.mkdir(parents=True, exist_ok=True)
        extract_tar(archive, extracted, ("data",))
    names = []
    for source in sorted((extracted / "data").iterdir()):
        target = home / "data" / source.name
        if target.exists() or target.is_symlink():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if on_kaggle():
            show_pictures(source, target)
        else:
            source.replace(target)
        names.append(source.name)
    if not on_kaggle():
        shutil.rmtree(extracted)
    return names


def show_pictures(source: Path, target: Path) -> None:
    """Makes `target` show the folder `source`: its folders as links, its small files as copies.

    `target` itself is no link: a notebook that makes sure of its pictures writes its notes beside
    them, and tables of files name the place that the folder really has.
    """
    entries = list(source.iterdir())
    target.parent.mkdir(parents=True, exist_ok=True)
    if len(entries) > ENTRIES_SHOWN:
        target.symlink_to(source, target_is_directory=True)
        return
    target.mkdir()
    for entry in entries:
        if entry.is_file() and entry.stat().st_size <= COPIED_BYTES:
            shutil.copyfile(entry, target / entry.name)
        else:
            (target / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
