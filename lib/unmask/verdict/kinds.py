"""What a file is, by its content; its name only decides where the content does not say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..media import kind_of

HEAD = 64  # bytes that tell
PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"P5", b"P6")
PICTURES_LATER = ((4, b"jP  "), (8, b"WEBP"), (4, b"ftypavif"), (4, b"ftypavis"))
CLIPS = (b"\x1aE\xdf\xa3", b"OggS", b"FLV", b"0&\xb2u", b"\0\0\x01\xba", b"\0\0\x01\xb3")
CLIPS_LATER = ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (8, b"AVI "))


def kind_of_content(head: bytes, name: str = "") -> str:
    """Returns "image" or "video", or "" for something else.

    Args:
        head: the first HEAD bytes.
        name: of the file; its ending decides where the bytes are not known.
    """
    for kind, starts, later in (
        ("image", PICTURES, PICTURES_LATER),
        ("video", CLIPS, CLIPS_LATER),
    ):
        if head.startswith(starts) or any(head[at:].startswith(mark) for at, mark in later):
            return kind
    return kind_of(name)


def kind_of_file(path: str | Path) -> str:
    """Returns the kind of a file; raises OSError when it cannot be read."""
    with open(path, "rb") as stream:
        return kind_of_content(stream.read(HEAD), os.fspath(path))


def pictures_and_clips(folder: str | Path) -> Iterator[Path]:
    """Yields the pictures and clips below a folder in any depth, sorted by path, no hidden ones.

    A file counts by its content, or, so that a broken one is not passed over, by its ending.
    """
    for here, folders, names in sorted(os.walk(folder)):
        folders.sort()
        for name in sorted(names):
            path = Path(here, name)
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if hidden or not (path.is_file() or path.is_symlink()):
                continue
            try:
                kind = kind_of_file(path)
            except OSError:
                kind = kind_of(name)
            if kind:
                yield path
