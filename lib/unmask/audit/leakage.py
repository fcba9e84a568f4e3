"""Copies and groups on two sides of a split, inside a dataset or between two."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..dataset.near_copies import SYMMETRIES
from ..evaluation.scores import CLASS_NAMES
from ..tell import counted
from .findings import AMBER, GREEN, LEAKAGE, MOST_EVIDENCE, NOT_CHECKED, OVERLAP, RED, Finding

ORDER = ("train", "val", "test")


@dataclass(frozen=True)
class _Kind:
    """How one kind of copies is spoken of, and how bad it is across splits."""

    key: str
    kinds: tuple[str, ...]
    check: str
    words: str
    across: str
    inside: str
    fix: str


DROP = "In a run, preprocess leaves out all but one of them, and keeps the one in test."
KINDS = (
    _Kind(
        "exact_copies",
        ("bytes", "pixels"),
        "exact copies",
        "the same bytes or the same pixels",
        RED,
        AMBER,
        f"Keep one of each. {DROP}",
    ),
    _Kind(
        "near_copies",
        ("near",),
        "near copies",
        "the same picture, stored again, resized, turned, mirrored, cropped or brightened",
        RED,
        AMBER,
        "Keep all copies of one picture on one side of the split, as preprocess does, or only one "
        "of them (preprocess.drop_duplicates: near).",
    ),
    _Kind(
        "edited_copies",
        ("edited",),
        "pictures beside their changed version",
        "what looks like one picture with a part changed (a swapped face, or one scene a moment "
        "later)",
        AMBER,
        GREEN,
        "Keep a picture and its changed version on one side of the split, as preprocess does: else "
        "a detector is tested on scenes it was trained on.",
    ),
)


def leakage_findings(files: pd.DataFrame, pairs: pd.DataFrame) -> list[Finding]:
    """Returns what was found about copies and groups across the official splits.

    Args:
        files: `path`, `label`, `official_split`, `group`.
        pairs: `first` and `second` (places in `files`), `kind`, `symmetry`; of
            `dataset.near_copies.find_near_copies`, whose `attrs` say what was not compared.
    """
    return [*(_copies(files, pairs, kind) for kind in KINDS), _groups(files)]


def overlap_findings(
    files: pd.DataFrame, others: pd.DataFrame, pairs: pd.DataFrame, name: str
) -> list[Finding]:
    """Returns what was found about pictures that two datasets share.

    Args:
        files, others: the two tables of files; `pairs` has `first` in `files`, `second` in
            `others`.
        pairs: of `dataset.near_copies.overlap`.
        name: of the other dataset.
    """
    same = pairs[pairs["kind"] != "edited"]
    edited = pairs[pairs["kind"] == "edited"]
    light = RED if len(same) else AMBER if len(edited) else GREEN
    shared = same["first"].nunique()
    sentence = f"No picture of {name} was found in this dataset."
    if len(pairs):
        kinds = _counts_of(same["kind"])
        sentence = (
            f"{counted(shared, 'picture')} of {len(files):,} also "
            f"{'stands' if shared == 1 else 'stand'} in {name}{kinds}; "
            f"{counted(edited['first'].nunique(), 'picture')} with a part changed."
        )
    counts, missing, mend = _unsearched(pairs, len(files) + len(others))
    light = AMBER if missing and light == GREEN else light
    fix = (
        f"Leave the shared pictures out of one of the two before a detector trained on one is "
        f"tested on the other: else it is tested on what it has seen ({name})."
        if len(pairs)
        else ""
    )
    numbers = {"shared": shared, "edited": edited["first"].nunique(), "files": len(files)}
    ordered = pd.concat([same, edited])
    roots = common_folder(files["path"]), common_folder(others["path"])
    evidence = [
        _row_of_pair(pair, files, others, roots)
        for pair in ordered.head(MOST_EVIDENCE).itertuples()
    ]
    return [
        Finding(
            f"overlap_{name}",
            OVERLAP,
            f"shared with {name}",
            light,
            f"{sentence} {missing}".strip(),
            f"{fix} {mend}".strip(),
            evidence,
            numbers | counts,
        )
    ]


def crossing(files: pd.DataFrame, pairs: pd.DataFrame, column: str) -> pd.Series:
    """Returns which pairs lie on two known sides of `column` (such as "official_split")."""
    sides = files[column].fillna("").astype(str).to_numpy()
    first, second = sides[pairs["first"].to_numpy()], sides[pairs["second"].to_numpy()]
    return pd.Series((first != second) & (first != "") & (second != ""), index=pairs.index)


def has_splits(files: pd.DataFrame) -> bool:
    """Whether the dataset brings a split of its own, with at least two sides."""
    return files.loc[files["official_split"] != "", "official_split"].nunique() > 1


def common_folder(paths: Sequence[str]) -> str:
    """Returns the folder above all `paths`, for shorter names in tables."""
    folders = {os.path.dirname(path) for path in paths}
    try:
        return os.path.commonpath(folders) if folders else ""
    except ValueError:
        return ""


def _copies(files: pd.DataFrame, pairs: pd.DataFrame, kind: _Kind) -> Finding:
    found = pairs[pairs["kind"].isin(kind.kinds)]
    across = found[crossing(files, found, "official_split")] if len(found) else found
    split = has_splits(files)
    light = kind.across if len(across) else kind.inside if len(found) else GREEN
    fix = kind.fix if light != GREEN else ""
    sentence = _sentence(files, found, across, kind, split)
    unsearched: dict[str, int] = {}
    if kind.key == "near_copies":
        unsearched, missing, mend = _unsearched(pairs, len(files))
        light = AMBER if missing and light == GREEN else light
        sentence, fix = f"{sentence} {missing}".strip(), f"{fix} {mend}"
    ordered = pd.concat([across, found.drop(across.index)])
    root = common_folder(files["path"])
    evidence = [
        _row_of_pair(pair, files, files, (root, root))
        for pair in ordered.head(MOST_EVIDENCE).itertuples()
    ]
    return Finding(
        kind.key,
        LEAKAGE,
        f"{kind.check} across the official splits" if split else f"{kind.check} in the dataset",
        light,
        sentence,
        fix.strip(),
        evidence,
        {"pairs": len(found), "across": len(across), "files": int(_files_in(found)), **unsearched},
    )


def _unsearched(pairs: pd.DataFrame, files: int) -> tuple[dict[str, int], str, str]:
    """Returns what the search left out: its counts, the sentence and the fix ("" where neither).

    Comparisons are left out of what has very many partners; that is worth a word when there was
    more than one for each file.
    """
    counts = {name: int(pairs.attrs.get(name, 0)) for name in ("flat", "skipped")}
    words, fixes = [], []
    if counts["flat"]:
        verb = "is" if counts["flat"] == 1 else "are"
        words.append(
            f"{counted(counts['flat'], 'picture')} {verb} too even (nearly one colour) to be "
            "compared: only exact copies were looked for among them."
        )
        fixes.append("Leave pictures of nearly one colour out; they show no face.")
    if counts["skipped"] > files:
        words.append(
            f"{counts['skipped']:,} comparisons were left out, of pictures that resemble very many "
            "others: near copies may be missing."
        )
        fixes.append("Look whether many pictures are alike, such as frames of one clip.")
    return counts, " ".join(words), " ".join(fixes)


def _sentence(
    files: pd.DataFrame, found: pd.DataFrame, across: pd.DataFrame, kind: _Kind, split: bool
) -> str:
    if not len(found):
        return f"No two files were found that show {kind.words}."
    pictures = counted(_files_in(found), "file")
    text = f"{pictures} in {counted(len(found), 'pair')} show {kind.words}"
    text += _counts_of(found["symmetry"], unless=SYMMETRIES[0])
    if not split:
        return f"{text}. There is no official split that they could cross."
    if not len(across):
        return f"{text}. None of these pairs crosses the official splits."
    names = files["official_split"].to_numpy()
    both = zip(names[across["first"]], names[across["second"]], strict=True)
    sides = [" and ".join(sorted(pair, key=ORDER.index)) for pair in both]
    where = ", ".join(
        f"{count:,} {side}" for side, count in pd.Series(sides).value_counts().items()
    )
    verb = "crosses" if len(across) == 1 else "cross"
    return f"{text}. {counted(len(across), 'pair')} {verb} the official splits ({where})."


def _groups(files: pd.DataFrame) -> Finding:
    check = "people and source videos on two sides"
    rows = files[(files["group"] != "") & (files["official_split"] != "")]
    groups = files.loc[files["group"] != "", "group"].nunique()
    if not groups:
        return Finding(
            "groups",
            LEAKAGE,
            check,
            NOT_CHECKED,
            "The dataset does not name people or source videos, so whether one of them lies on two "
            "sides cannot be read from it.",
            "Name them in a CSV manifest (columns path, label, split, group), if they are known.",
        )
    if rows.empty or not has_splits(files):
        sentence = (
            f"{counted(groups, 'group')} (people or source videos), and no official split that "
            "they could cross; preprocess splits by group."
        )
        return Finding("groups", LEAKAGE, check, GREEN, sentence, numbers={"groups": groups})
    sides = rows.groupby("group")["official_split"].agg(lambda each: sorted(set(each)))
    split = sides[sides.map(len) > 1]
    counts = rows["group"].value_counts()
    evidence = [
        {"group": str(group), "splits": ", ".join(names), "files": int(counts[group])}
        for group, names in split.head(MOST_EVIDENCE).items()
    ]
    sentence = f"None of {counted(len(sides), 'group')} lies on two sides of the official splits."
    if len(split):
        verb = "lies" if len(split) == 1 else "lie"
        sentence = (
            f"{len(split):,} of {counted(len(sides), 'group')} (people or source videos) {verb} on "
            "two sides of the official splits."
        )
    fix = (
        "Split by group: in a run, preprocess keeps those in test and leaves their other files out."
        if len(split)
        else ""
    )
    numbers = {"groups": len(sides), "across": len(split)}
    light = RED if len(split) else GREEN
    return Finding("groups", LEAKAGE, check, light, sentence, fix, evidence, numbers)


def _row_of_pair(
    pair: Any, files: pd.DataFrame, others: pd.DataFrame, roots: tuple[str, str]
) -> dict[str, Any]:
    one, two = files.iloc[pair.first], others.iloc[pair.second]
    shown = [
        os.path.relpath(row["path"], root) for row, root in zip((one, two), roots, strict=True)
    ]
    return {
        "first": shown[0],
        "second": shown[1],
        "kind": str(pair.kind),
        "turned": str(pair.symmetry),
        "labels": f"{CLASS_NAMES[one['label']]}, {CLASS_NAMES[two['label']]}",
        "splits": f"{one['official_split'] or 'none'}, {two['official_split'] or 'none'}",
    }


def _files_in(pairs: pd.DataFrame) -> int:
    return len(np.union1d(pairs["first"], pairs["second"])) if len(pairs) else 0


def _counts_of(words: pd.Series, unless: str = "") -> str:
    """Returns " (3 mirrored, 2 as it is)"; nothing when all are `unless`."""
    if words.empty or (words == unless).all():
        return ""
    return f" ({', '.join(f'{n:,} {word}' for word, n in words.value_counts().items())})"
