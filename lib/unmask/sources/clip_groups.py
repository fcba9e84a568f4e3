"""Which clips belong together: a forgery with the clip it changed and the clip it took from.

A fake of FaceForensics++ is called 519_515: the face of 515 in the clip 519. When 519 lies in
training and 519_515 in test, a detector can pass by knowing the room. So clips that share a target
or a source, in any chain, are one group, and no split cuts a group.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ..errors import UsageError
from ..media import kind_of

METADATA = "metadata.json"  # beside the clips of DFDC
LABELS = {"REAL": 0, "FAKE": 1}
# Of the fakes whose names fit a pattern so many must name a clip of the folder; a few may be
# missing. More of all fakes must fit a pattern that holds.
ENOUGH = 0.5
LARGE = 0.5  # share of all clips in one group, from which splitting by group goes wrong


class Naming(NamedTuple):
    """How a collection names its clips: which clips, or people, the names of both classes tell."""

    collection: str
    real: re.Pattern[str]
    fake: re.Pattern[str]


NAMINGS = (
    Naming("FaceForensics++", re.compile(r"(\d+)"), re.compile(r"(\d+)_(\d+)")),
    Naming("Celeb-DF", re.compile(r"(id\d+)_\d+"), re.compile(r"(id\d+)_(id\d+)_\d+")),
    # its clips of actors come with FaceForensics++
    Naming("DeepFakeDetection", re.compile(r"(\d\d)__.+"), re.compile(r"(\d\d)_(\d\d)__.+")),
)


class ClipFacts(NamedTuple):
    """What DFDC's metadata.json says of a clip: its label, and the name of the real one below."""

    label: int
    original: str


def read_metadata(folder: str | Path) -> dict[str, ClipFacts]:
    """Returns what `metadata.json` in `folder` says of clips, by name; empty without one of DFDC's.

    Example of the file: {"aagf.mp4": {"label": "FAKE", "split": "train", "original": "vudst.mp4"}}
    """
    try:
        content = json.loads(Path(folder, METADATA).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    entries = content.items() if isinstance(content, dict) else ()
    facts = {}
    for name, entry in entries:
        label = LABELS.get(str(entry.get("label")).upper()) if isinstance(entry, dict) else None
        if label is not None and kind_of(name) == "video":
            facts[name] = ClipFacts(label, str(entry.get("original") or ""))
    return facts


class MetadataBelow:
    """What the metadata.json files below `root` say of clips, each file read once.

    Attributes:
        facts: by path of the clip, of those that were asked for.
    """

    def __init__(self, root: Path):
        self.facts: dict[str, ClipFacts] = {}
        self._root = root
        self._of_folder: dict[tuple[str, ...], dict[str, ClipFacts]] = {}

    def look_up(self, parts: tuple[str, ...], name: str, path: str) -> ClipFacts | None:
        """Returns what is said of the clip `name` in the folder `parts`, there or above it."""
        for depth in range(len(parts), -1, -1):
            folder = parts[:depth]
            if folder not in self._of_folder:
                self._of_folder[folder] = read_metadata(self._root.joinpath(*folder))
            if name in self._of_folder[folder]:
                self.facts[path] = self._of_folder[folder][name]
                return self.facts[path]
        return None


def group_clips(frame: pd.DataFrame, facts: dict[str, ClipFacts]) -> tuple[pd.Series, str]:
    """Groups clips by their names, or by what `metadata.json` says of them.

    Names count only when those of most fakes fit a pattern, and most of these name a target that is
    a real clip of the folder: else digits in a name are no clip. Pictures have no group.

    Args:
        frame: `path` and `label`, a row a file.
        facts: by path, of `read_metadata`.

    Returns:
        A pair: the group of each row ("" where none is known), and a sentence that says where the
        groups come from ("" when there are none).
    """
    nothing = pd.Series("", index=frame.index, dtype=object)
    clips = frame[[kind_of(path) == "video" for path in frame["path"]]]
    if clips.empty:
        return nothing, ""
    stems = clips["path"].map(lambda path: os.path.splitext(os.path.basename(path))[0])
    if any(fact.original for fact in facts.values()):
        links = [_named_in(facts, path) for path in clips["path"]]
        how = f"by the originals that {METADATA} names, as in DFDC"
    else:
        namings = [each for each in NAMINGS if _holds(each, stems, clips["label"])]
        links = [
            _units(namings, stem, label) for stem, label in zip(stems, clips["label"], strict=True)
        ]
        told = [bool(units) for units, label in zip(links, clips["label"], strict=True) if label]
        if sum(told) <= ENOUGH * len(told):
            return nothing, ""
        names = " and ".join(each.collection for each in namings)
        how = f"target and source of a fake joined, named as in {names}"
    groups = nothing.copy()
    groups.loc[clips.index] = join_linked(links)
    return groups, describe_groups(groups[groups != ""], how)


def join_linked(links: Sequence[Iterable[str]]) -> list[str]:
    """Returns for each row the name of its group: rows share a unit, directly or in a chain.

    A group is named after the first of its units; a row without units has none ("").

    Args:
        links: for each row the units (clips or people) it shows.
    """
    parent: dict[str, str] = {}

    def root(unit: str) -> str:
        while parent.setdefault(unit, unit) != unit:
            parent[unit] = parent[parent[unit]]
            unit = parent[unit]
        return unit

    rows = [list(units) for units in links]
    for units in rows:
        for other in units[1:]:
            # the smaller name stays on top, so a group is named after its first unit
            first, second = sorted((root(units[0]), root(other)))
            parent[second] = first
    return [root(units[0]) if units else "" for units in rows]


def describe_groups(groups: pd.Series, how: str) -> str:
    """Returns one sentence on groups that were read, "" where there are none.

    Args:
        groups: of each clip that has one.
        how: where they come from, as part of a sentence.
    """
    if groups.empty:
        return ""
    counts = groups.value_counts()
    text = f"Groups of {len(groups):,} clips, {how}: {len(counts):,} groups"
    share = counts.iloc[0] / len(groups)
    if share > LARGE and len(groups) > 3:
        text += (
            f", one of which holds {share:.0%} of the clips: a split that keeps it together will "
            "be lopsided, so name the official split in a manifest if there is one"
        )
    return text + "."


def describe_ungrouped(files: pd.DataFrame) -> list[str]:
    """Returns a sentence when there are fake clips of which nothing says what they were made of.

    Args:
        files: `kind`, `label` and `group`, a row a file.
    """
    fakes = files[(files["kind"] == "video") & (files["label"] == 1)]
    alone = int((fakes["group"] == "").sum())
    if not alone:
        return []
    return [
        f"Of {alone:,} of {len(fakes):,} fake clips nothing says which clips they were made of. A "
        "fake and its original may come to lie on two sides of the split, and every number be too "
        "good: name them in a CSV with the columns path, label and original."
    ]


def check_metadata(frame: pd.DataFrame, facts: dict[str, ClipFacts]) -> None:
    """Raises UsageError when a folder's name says another class of a clip than metadata.json."""
    told = frame["path"].map(lambda path: facts[path].label if path in facts else -1)
    wrong = frame[(told >= 0) & (told != frame["label"])]
    if len(wrong):
        raise UsageError(
            f"{METADATA} contradicts the folders of {len(wrong)} clips, the first is "
            f"{wrong.iloc[0]['path']}.",
            expected="clips of DFDC in one folder with their metadata.json, or sorted by class",
            fix="move the clips to the class that they have, or leave metadata.json out",
        )


def _holds(naming: Naming, stems: pd.Series, labels: pd.Series) -> bool:
    reals = {found[1] for found in map(naming.real.fullmatch, stems[labels == 0]) if found}
    fakes = [found for found in map(naming.fake.fullmatch, stems[labels == 1]) if found]
    return bool(fakes) and sum(found[1] in reals for found in fakes) >= ENOUGH * len(fakes)


def _units(namings: Sequence[Naming], stem: str, label: int) -> list[str]:
    for naming in namings:
        found = (naming.fake if label else naming.real).fullmatch(stem)
        if found:
            return list(found.groups())
    return []


def _named_in(facts: dict[str, ClipFacts], path: str) -> list[str]:
    """Returns the names of a clip and of the one it was made of; DFDC's names are unique."""
    if path not in facts:
        return []
    return [name for name in (os.path.basename(path), facts[path].original) if name]
