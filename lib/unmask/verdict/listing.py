"""Files, folders and globs to a list of files; names that cannot break a line or a terminal."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..media import kind_of
from .kinds import kind_of_file


@dataclass(frozen=True)
class Listing:
    """What the paths of a command come to.

    Attributes:
        paths: the files, each once; those of a folder in the order of a file manager (a2, a10).
        left_out: of folders, how many files are neither photo nor clip, by ending ("" for none).
        closed: folders below a given one that may not be read, with the reason.
        folder: the given one that all files lie in; None where there is none.
    """

    paths: tuple[Path, ...]
    left_out: dict[str, int]
    closed: tuple[str, ...]
    folder: Path | None = None

    def notices(self) -> list[str]:
        """Returns what was left out, as sentences; empty when nothing was."""
        words = [f"{folder} cannot be read." for folder in self.closed]
        if total := sum(self.left_out.values()):
            kinds = Counter(self.left_out).most_common(6)
            listed = ", ".join(f"{number:,} {ending or 'no ending'}" for ending, number in kinds)
            more = ", …" if len(self.left_out) > len(kinds) else ""
            words.append(
                f"{total:,} {'file was' if total == 1 else 'files were'} left out, which neither "
                f"by content nor by ending is a photo or a clip ({listed}{more}). A file named by "
                "itself is looked at whatever it is."
            )
        return words


def list_files(given: Iterable[str]) -> Listing:
    """Returns the files that the arguments of a command mean.

    A file is taken as it is; a folder gives its photos and clips in any depth, hidden ones aside;
    anything else is a glob pattern, with ** for folders in any depth.

    Raises:
        UsageError: an argument names nothing, or nothing is left.
    """
    paths: dict[str, Path] = {}
    left_out: Counter[str] = Counter()
    closed: list[str] = []
    folders: list[Path] = []
    for each in given:
        for path in _meant(each):
            folders += [path] if path.is_dir() else []
            found = _below(path, left_out, closed) if path.is_dir() else [path]
            for file in found:
                paths.setdefault(os.path.realpath(file), file)
    files = tuple(paths.values())
    all_in = (folder for folder in folders if all(path.is_relative_to(folder) for path in files))
    listing = Listing(files, dict(left_out), tuple(closed), next(all_in, None))
    if not paths and not closed:
        raise UsageError(
            "There is no photo and no clip in what was named.",
            expected="files, folders that hold some, or patterns such as 'photos/*.jpg'",
            fix=" ".join(listing.notices()),
        )
    return listing


def shown_name(path: str | os.PathLike[str]) -> str:
    """Returns a file's name with everything escaped that is no printable character.

    Bytes that are not UTF-8, line breaks, terminal sequences and marks that turn the direction of
    text around come out as \\xff, \\n and the like.

    Example:
        shown_name("a\\nb\\x1b[2J.jpg")  # 'a\\\\nb\\\\x1b[2J.jpg'
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def name_below(path: str | os.PathLike[str], folder: Path | None) -> str:
    """Returns the `shown_name` of a file as seen from `folder`, if it lies there."""
    below = folder is not None and Path(path).is_relative_to(folder)
    return shown_name(Path(path).relative_to(folder) if below else path)


def natural_order(path: str | os.PathLike[str]) -> list[tuple[bool, int, str]]:
    """Returns a sorting key by which a2 comes before a10."""
    parts = re.split(r"(\d+)", os.fspath(path))
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _meant(given: str) -> list[Path]:
    path = Path(given).expanduser()
    if path.is_dir() or path.is_file():
        return [path]
    if path.exists():
        raise UsageError(f"{shown_name(given)} is neither a file nor a folder.")
    found = sorted(glob.glob(str(path), recursive=True), key=natural_order)
    found = [each for each in found if os.path.isfile(each) or os.path.isdir(each)]
    if not found:
        pattern = glob.has_magic(str(path))
        what = "No file matches" if pattern else "There is no file or folder"
        raise UsageError(f"{what} {shown_name(given)}.")
    return [Path(each) for each in found]


def _below(folder: Path, left_out: Counter[str], closed: list[str]) -> Iterator[Path]:
    """Yields the photos and clips below `folder`; counts the other files and closed folders."""

    def note(error: OSError) -> None:
        closed.append(f"{shown_name(error.filename)} ({error.strerror})")

    for here, folders, names in os.walk(folder, onerror=note):
        folders[:] = sorted((name for name in folders if name[0] != "."), key=natural_order)
        for name in sorted(names, key=natural_order):
            path = Path(here, name)
            if name[0] == "." or not _is_regular(path):
                continue
            if _kind(path):
                yield path
            else:
                left_out[shown_name(path.suffix.lower())] += 1


def _kind(path: Path) -> str:
    try:
        return kind_of_file(path)
    except OSError:
        return kind_of(str(path))


def _is_regular(path: Path) -> bool:
    """A pipe or a device is none: reading it may never end. A broken link is told as unreadable."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True
