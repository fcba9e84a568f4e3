"""Many pictures of a notebook's output as one archive: Kaggle lists 500 files of an output."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from ..runs import remove_folder
from .archives import extract_tar, write_tar
from .outputs import DATA, pictures_of
from .restoring import show_pictures

PACKED_FROM = 300  # files; fewer are saved as they are


def pack_pictures(home: Path) -> str:
    """Packs data/ below `home` into data.tar when it holds many files; returns a line, or "".

    What was packed goes to scratch space and is shown where it was: a kernel that is killed leaves
    nothing but links beside its archive.

    Raises:
        OSError: the disk is full.
    """
    content = pictures_of(home)
    if len(content) < PACKED_FROM:
        (home / DATA).unlink(missing_ok=True)
        return ""
    write_tar(home / DATA, content)
    for shown in sorted((unpacked(home) / "data").iterdir()):
        target = home / "data" / shown.name
        remove_folder(target)
        show_pictures(shown, target)
    return f"The {len(content):,} files below data/ are saved as one archive, {DATA}.\n"


def unpacked(folder: Path) -> Path | None:
    """Returns a folder in scratch space with what data.tar of an output holds; None without one.

    It is extracted once.

    Raises:
        DataError: the archive is damaged.
    """
    archive = folder / DATA
    if not archive.is_file():
        return None
    state = archive.stat()
    name = f"{archive.resolve()} {state.st_size} {state.st_mtime_ns}"
    scratch = Path(tempfile.gettempdir()) / "unmask"
    found = scratch / f"pictures-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    if not found.is_dir():
        scratch.mkdir(parents=True, exist_ok=True)
        extract_tar(archive, found, ("data",))
    return found
