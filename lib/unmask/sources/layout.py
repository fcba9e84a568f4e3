"""What folder names say: class, official split and generator of the pictures below them."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pandas as pd

from ..errors import UsageError

MAKE_FAKES = "python run_all.py --profile reals --set download.root=PATH"
COLUMNS = ["path", "label", "official_split", "generator", "group"]
# fmt: off
REAL_WORDS = ("real", "reals", "original", "originals", "authentic", "genuine", "pristine")
FAKE_WORDS = (
    "fake", "fakes", "deepfake", "deepfakes", "synthetic", "manipulated", "generated", "ai",
    "aigenerated",
)
LABEL_OF_WORD = {**dict.fromkeys(REAL_WORDS, 0), **dict.fromkeys(FAKE_WORDS, 1)}
SPLIT_OF_WORD = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
# Words that say nothing, so that "real_faces", "test set" and "videos" are understood.
FILLERS = frozenset({
    "face", "faces", "image", "images", "img", "imgs", "picture", "pictures", "photo", "photos",
    "video", "videos", "frame", "frames", "crop", "crops", "cropped", "set", "data", "dataset",
    "sequences",
})
# fmt: on


def meaning_of_folders(parts: tuple[str, ...]) -> tuple[int, str, str] | None:
    """Returns (label, official split, generator) for files in the folder `parts`, or None.

    The folder nearest to the file that names a class decides, and so does the nearest that names
    a split. The first folder below the class folder names the generator of fakes.
    """
    meanings = [_meaning(part) for part in parts]
    classes = [place for place, (label, _) in enumerate(meanings) if label is not None]
    if not classes:
        return None
    label = meanings[classes[-1]][0]
    splits = [split for _, split in meanings if split]
    # fake/Deepfakes/x.jpg: the outer of two folders of one class is the class folder.
    outer = classes[-1]
    for place in reversed(classes):
        if meanings[place][0] != label:
            break
        outer = place
    generator = "real" if label == 0 else _generator(parts[outer + 1 :])
    return label, splits[-1] if splits else "", generator


def split_of_folders(parts: tuple[str, ...]) -> str:
    """Returns the official split that the nearest folder with a split in its name says, or ""."""
    return next((split for _, split in map(_meaning, reversed(parts)) if split), "")


def name_of_source(root: Path) -> str:
    """Returns what to call the pictures below `root` (a folder or CSV).

    Its own name, or that of the nearest folder around it that names neither class nor split.
    """
    names = [root.stem, *(folder.name for folder in root.parents)]
    return next((name for name in names if name and _meaning(name) == (None, "")), root.stem)


def _generator(below: tuple[str, ...]) -> str:
    for part in below:
        if set(_words(part)) - {"fake", "fakes", *SPLIT_OF_WORD}:
            return part
    return "fake"


@lru_cache(maxsize=100_000)
def _meaning(name: str) -> tuple[int | None, str]:
    """Returns (label or None, split or "") of one folder name.

    A word that is not known, or both classes in one name ("real_vs_fake"): it names nothing.
    """
    words = _words(name)
    labels = {LABEL_OF_WORD[word] for word in words if word in LABEL_OF_WORD}
    splits = {SPLIT_OF_WORD[word] for word in words if word in SPLIT_OF_WORD}
    unknown = [word for word in words if word not in LABEL_OF_WORD and word not in SPLIT_OF_WORD]
    if unknown or len(labels) > 1 or len(splits) > 1:
        return None, ""
    return (labels.pop() if labels else None), (splits.pop() if splits else "")


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", name.lower()) if word and word not in FILLERS]


def check_classes(frame: pd.DataFrame, what: str, expected: str) -> None:
    """Raises UsageError when all rows of `frame` have one label."""
    labels = set(frame["label"])
    if len(labels) == 1:
        found, lacking = ("fake", "real") if labels == {1} else ("real", "fake")
        blended = f"; or let Unmask blend fakes from these real ones: {MAKE_FAKES}"
        raise UsageError(
            f"{what} holds pictures of one class only ({found}, {len(frame)} of them).",
            expected=expected,
            fix=f"add {lacking} pictures: a detector learns the difference between the two"
            + (blended if found == "real" else ""),
        )


def check_reals(frame: pd.DataFrame, what: str) -> None:
    """Raises UsageError when a row of `frame` is fake: fakes are to be made of the real ones."""
    fakes = int((frame["label"] == 1).sum())
    if fakes:
        raise UsageError(
            f"{what} holds fakes ({fakes} of {len(frame)} pictures), and fakes are to be blended "
            "from pictures that are all real.",
            expected="real pictures alone, with download.make_fakes",
            fix="leave download.make_fakes out, to use the fakes that are there; or name the "
            "folder of the real ones alone",
        )
