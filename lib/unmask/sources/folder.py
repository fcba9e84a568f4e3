"""Pictures that already lie on disk: a folder of any usual layout, or a CSV manifest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ..errors import UsageError
from ..media import kind_of
from .clip_groups import ClipFacts, MetadataBelow, check_metadata, group_clips
from .layout import COLUMNS, check_classes, check_reals, meaning_of_folders, split_of_folders
from .manifest import list_manifest

__all__ = ["list_folder", "list_manifest", "list_pictures", "list_reals", "list_source"]

IGNORED_FOLDERS = frozenset({"__MACOSX"})
EXPECTED_LAYOUT = "a folder for real/ and one for fake/, with train/, val/, test/ above or below"


def list_source(root: str | Path, *, reals_only: bool = False) -> pd.DataFrame:
    """Lists a folder (`list_folder`) or a `.csv` manifest (`list_manifest`).

    With `reals_only` the pictures must all be real (`list_reals` for a folder).
    """
    root = Path(root)
    if root.suffix.lower() == ".csv":
        return list_manifest(root, reals_only=reals_only)
    return list_reals(root) if reals_only else list_folder(root)


def list_folder(root: str | Path) -> pd.DataFrame:
    """Lists the pictures and clips below `root`, labelled by the names of their folders.

    The folder nearest to the file that names a class decides (real, original, authentic, genuine,
    pristine; fake, deepfake, synthetic, manipulated, generated, ai; any case, also as
    "fake_faces" or "training_real"), and so does the nearest that names a split. A name with
    both classes in it, such as "real_vs_fake", names none. The first folder below the class
    folder names the generator of fakes. Clips outside of class folders are labelled by DFDC's
    `metadata.json` in their folder or above, when there is one.

    Returns:
        A row a file, sorted by path: `path` (absolute), `label` (int64, 0 real, 1 fake),
        `official_split` ("train", "val", "test" or ""), `generator` ("real" for real ones),
        `group` ("", or for clips what their names say, see `clip_groups.group_clips`).
        `frame.attrs["ignored"]` lists pictures outside the class folders, and
        `frame.attrs["groups"]` says where groups come from.

    Raises:
        UsageError: the folder is missing, a file or unreadable, holds no pictures, pictures of
            one class only, or no folder that names a class.
    """
    root = Path(os.path.abspath(os.path.expanduser(root)))
    frame, pictures, facts = _labelled(root)
    if frame.empty:
        raise UsageError(
            f"None of the {pictures} pictures below {root} lies in a folder that names its class.",
            expected=EXPECTED_LAYOUT,
            fix="move them into real/ and fake/, or pass a CSV manifest with path and label",
        )
    check_classes(frame, f"The folder {root}", EXPECTED_LAYOUT)
    check_metadata(frame, facts)
    frame["group"], frame.attrs["groups"] = group_clips(frame, facts)
    return frame


def list_reals(root: str | Path) -> pd.DataFrame:
    """Lists a folder of real pictures alone, as `list_folder` does.

    When no folder below `root` names a class, every picture is taken to be real, and
    `frame.attrs["assumed_real"]` is True.

    Raises:
        UsageError: the folder is missing, a file or unreadable, holds no pictures or fake ones.
    """
    root = Path(os.path.abspath(os.path.expanduser(root)))
    frame, _, _ = _labelled(root)
    check_reals(frame, f"The folder {root}")
    if len(frame):
        return frame
    meaning = meaning_of_folders((root.name,))
    if meaning and meaning[0] == 1:
        raise UsageError(
            f"The name of the folder {root} says that its pictures are fake.",
            expected="real pictures alone, with download.make_fakes",
            fix="name the folder of the real ones",
        )
    rows = [
        (path, 0, split_of_folders(Path(path).relative_to(root).parts[:-1]), "real", "")
        for path in list_pictures(root)
    ]
    listed = pd.DataFrame(rows, columns=COLUMNS)
    listed.attrs = {"ignored": [], "assumed_real": True}
    return listed


def _labelled(root: Path) -> tuple[pd.DataFrame, int, dict[str, ClipFacts]]:
    """Returns a row for each picture whose class is known, how many pictures there are in all,
    and what metadata.json says of clips.
    """
    _check_folder(root)
    rows, ignored, pictures, metadata = [], [], 0, MetadataBelow(root)
    for folder, names in _walk(root):
        pictures += len(names)
        parts = tuple(folder.split(os.sep)) if folder else ()
        meaning = meaning_of_folders(parts)
        for name in names:
            path = os.path.join(root, folder, name)
            said = metadata.look_up(parts, name, path) if kind_of(name) == "video" else None
            known = meaning or (said and (said.label, "", "fake" if said.label else "real"))
            if known is None or not _is_printable(path):
                ignored.append(path)
            else:
                rows.append((path, *known, ""))
    if not pictures:
        raise UsageError(
            f"The folder {root} holds no pictures and no clips.",
            expected=EXPECTED_LAYOUT,
            fix="name the folder that holds the JPEG, PNG or MP4 files",
        )
    frame = pd.DataFrame(sorted(rows), columns=COLUMNS)
    frame.attrs["ignored"] = sorted(ignored)
    return frame, pictures, metadata.facts


def list_pictures(root: str | Path) -> list[str]:
    """Returns the absolute paths of all pictures and clips below `root`, sorted.

    What the folders are called says nothing here: the caller knows what the pictures are.

    Raises:
        UsageError: the folder is missing, a file or unreadable, or holds no pictures.
    """
    root = Path(os.path.abspath(os.path.expanduser(root)))
    _check_folder(root)
    found = [os.path.join(root, folder, name) for folder, names in _walk(root) for name in names]
    found = sorted(path for path in found if _is_printable(path))
    if not found:
        raise UsageError(
            f"The folder {root} holds no pictures and no clips.",
            expected="JPEG, PNG or other pictures, or clips, at any depth",
            fix="name the folder that holds them",
        )
    return found


def _check_folder(root: Path) -> None:
    try:
        if root.is_dir():
            return
        is_file = root.exists()
    except OSError as error:
        raise _unreadable(root, error) from error
    if is_file:
        raise UsageError(
            f"{root} is a file, not a folder.",
            expected="a folder of pictures, or a manifest whose name ends in .csv",
            fix="name the folder that holds real/ and fake/",
        )
    raise UsageError(
        f"The folder {root} does not exist.",
        expected="a folder of pictures, or a CSV manifest",
        fix="check the spelling; a relative path is meant from the project's folder",
    )


def _unreadable(folder: str | Path, error: OSError) -> UsageError:
    return UsageError(
        f"The folder {folder} cannot be read ({error.strerror}).",
        expected="a folder that you may list",
        fix="change its permissions, or copy the pictures to a place of your own",
    )


def _walk(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yields (folder relative to root, names of pictures and clips in it); follows links once."""
    waiting, visited = [""], set()
    while waiting:
        relative = waiting.pop()
        folder = os.path.join(root, relative)
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                shown = [entry for entry in entries if not entry.name.startswith(".")]
                # by the ending first: asking every picture for its type is what takes time
                names = [e.name for e in shown if kind_of(e.name) and _is(e, "file")]
                folders = [e.name for e in shown if e.name not in IGNORED_FOLDERS and _is(e, "dir")]
        except OSError as error:
            raise _unreadable(folder, error) from error
        yield relative, names
        waiting.extend(os.path.join(relative, name) for name in sorted(folders, reverse=True))


def _is(entry: os.DirEntry, what: str) -> bool:
    """A link that leads back to itself is neither a file nor a folder."""
    try:
        return entry.is_file() if what == "file" else entry.is_dir()
    except OSError:
        return False


def _is_printable(path: str) -> bool:
    """A name that is not UTF-8 cannot be written into a table."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
