"""Where Kaggle mounts what is attached to a notebook, in its old layout and in its new one."""

from __future__ import annotations

import fnmatch
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

RUN_TYPE_VARIABLE = "KAGGLE_KERNEL_RUN_TYPE"
INPUT_VARIABLE = "UNMASK_KAGGLE_INPUT"
WORKING_VARIABLE = "UNMASK_KAGGLE_WORKING"
# How deep below /kaggle/input the new layout puts each kind; the old one puts all right there.
KINDS = {"datasets": 2, "notebooks": 2, "models": 5, "competitions": 1}
# A folder with more entries holds pictures; files that are looked for by name lie elsewhere.
ENTRIES_LOOKED_AT = 300
# The old layout of a model is <model>/<framework>/<variation>/<version>/<file>.
DEPTH = 4


def on_kaggle() -> bool:
    """Returns whether this process runs on one of Kaggle's machines."""
    return bool(os.environ.get(RUN_TYPE_VARIABLE))


def input_root() -> Path:
    """Returns where inputs are mounted: $UNMASK_KAGGLE_INPUT, else /kaggle/input."""
    return Path(os.environ.get(INPUT_VARIABLE) or "/kaggle/input")


def working_folder() -> Path:
    """Returns where results are kept: $UNMASK_KAGGLE_WORKING, else /kaggle/working."""
    return Path(os.environ.get(WORKING_VARIABLE) or "/kaggle/working")


def dataset_folders(owner: str, slug: str) -> list[Path]:
    """Returns where the dataset owner/slug is mounted when it is attached, in either layout."""
    return [input_root() / "datasets" / owner / slug, input_root() / slug]


def missing_inputs(sources: Iterable[str]) -> list[str]:
    """Returns those of some sources that are mounted in neither layout.

    Args:
        sources: each begins as in the new layout, "datasets/owner/slug", "notebooks/owner/slug"
            or "models/owner/model"; what follows and the case of letters do not matter.
    """
    missing = []
    for source in sources:
        names = source.split("/")[:3]
        if not any(_is_below(input_root(), each) for each in (names, names[-1:])):
            missing.append(source)
    return missing


def attached_folders() -> list[Path]:
    """Returns the folder of everything that is attached, in either layout, sorted.

    Only the levels above these folders are listed, never what is in them.
    """
    found = []
    for entry in _folders_in(input_root()):
        deeper = [entry]
        for _ in range(KINDS.get(entry.name, 0)):
            deeper = [child for folder in deeper for child in _folders_in(folder)]
        found += deeper
    return found


def attached_files(pattern: str, depth: int = DEPTH) -> Iterator[Path]:
    """Yields the attached files whose name fits a pattern, nearest to the top first.

    Args:
        pattern: of the name in any case of letters, such as "*yunet*.onnx".
        depth: how many levels of folders below an attached thing are looked into. Those with
            more than `ENTRIES_LOOKED_AT` entries are passed over: they hold pictures.
    """
    level = attached_folders()
    for _ in range(depth + 1):
        entries = [entry for folder in level for entry in _few_entries(folder)]
        fitting = [each for each in entries if fnmatch.fnmatch(each.name.lower(), pattern.lower())]
        yield from (Path(each.path) for each in fitting if each.is_file())
        level = [Path(each.path) for each in entries if each.is_dir()]


def _is_below(folder: Path, names: Iterable[str]) -> bool:
    found = [folder]
    for name in names:
        inside = [child for each in found for child in _folders_in(each)]
        found = [child for child in inside if child.name.lower() == name.lower()]
    return bool(found)


def _folders_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []


def _few_entries(folder: Path) -> list[os.DirEntry]:
    """Returns what is in a folder, sorted; nothing when it is a lot. Its entries know what they
    are: asking after each would take long over a network."""
    try:
        with os.scandir(folder) as entries:
            found = list(itertools.islice(entries, ENTRIES_LOOKED_AT + 1))
    except OSError:
        return []
    few = len(found) <= ENTRIES_LOOKED_AT
    return sorted(found, key=lambda entry: entry.name) if few else []
