"""Whether the labels can be believed: classes in each split, folder names, copies; and failures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact

from ..evaluation.scores import CLASS_NAMES
from ..sources.layout import meaning_of_folders
from ..tell import counted
from .findings import (
    AMBER,
    FAILURES,
    GREEN,
    LABELS,
    MOST_EVIDENCE,
    NOT_CHECKED,
    RED,
    Finding,
)
from .leakage import common_folder, has_splits

UNBALANCED = 0.35  # share of the smaller class below which accuracy misleads
UNEQUAL_SHARES = 0.1  # difference of the share of fakes between two splits
MANY = 0.01  # share of the files in near copies with two labels, above which it is red
SURE = 0.01  # a difference between the classes that chance brings less often than this


def label_findings(files: pd.DataFrame, pairs: pd.DataFrame) -> list[Finding]:
    """Returns what was found about the labels.

    Args:
        files: `path`, `label`, `official_split`.
        pairs: see `leakage.leakage_findings`.
    """
    found = [_classes(files), _balance(files), _folders(files), _contradictions(files, pairs)]
    return [finding for finding in found if finding]


def failure_finding(files: pd.DataFrame, readable: pd.Series, reasons: pd.Series) -> Finding:
    """Returns what was found about files that give no picture.

    Args:
        files: `path`, `label`.
        readable: bool, indexed like `files`.
        reasons: why not, "" for readable files.
    """
    check = "files that cannot be read"
    broken = files[~readable]
    totals = files["label"].value_counts()
    counts = [int((broken["label"] == label).sum()) for label in (0, 1)]
    shares = [counts[label] / max(int(totals.get(label, 0)), 1) for label in (0, 1)]
    numbers = {"real": counts[0], "fake": counts[1], "files": len(files)}
    if broken.empty:
        sentence = f"All {len(files):,} files give a picture."
        return Finding("failures", FAILURES, check, GREEN, sentence, numbers=numbers)
    table = [[counts[label], int(totals.get(label, 0)) - counts[label]] for label in (0, 1)]
    unequal = float(fisher_exact(table)[1]) < SURE
    each = " and ".join(
        f"{counts[label]:,} {CLASS_NAMES[label]} ({shares[label]:.1%})" for label in (0, 1)
    )
    sentence = f"{counted(len(broken), 'file')} of {len(files):,} cannot be read: {each}."
    fix = "Fetch them again, or leave them out; preprocess leaves them out and names them."
    if unequal:
        sentence += " The classes differ by more than chance."
        fix = (
            "Fetch them again: what is left of the class that lost more is no longer a fair "
            "sample of it."
        )
    root = common_folder(files["path"])
    evidence = [
        {
            "file": os.path.relpath(row["path"], root),
            "label": CLASS_NAMES[row["label"]],
            "reason": reasons[index],
        }
        for index, row in broken.head(MOST_EVIDENCE).iterrows()
    ]
    light = RED if unequal else AMBER
    return Finding("failures", FAILURES, check, light, sentence, fix, evidence, numbers)


def _classes(files: pd.DataFrame) -> Finding:
    check = "both classes in each split"
    if not has_splits(files):
        counts = [int((files["label"] == label).sum()) for label in (0, 1)]
        sentence = f"{counts[0]:,} real and {counts[1]:,} fake files, without an official split."
        return Finding("classes", LABELS, check, GREEN, sentence)
    table = _counts_by_split(files)
    missing = [
        f"{row['split']} holds no {word} files"
        for row in table
        for word in CLASS_NAMES
        if not row[word]
    ]
    sentence = "Every official split holds real and fake files: " + _listed(table) + "."
    if missing:
        sentence = f"{'; '.join(missing).capitalize()}. Found: {_listed(table)}."
    fix = (
        "Move files of the missing class there; preprocess makes a split of its own in place of "
        "one without both classes."
        if missing
        else ""
    )
    return Finding("classes", LABELS, check, RED if missing else GREEN, sentence, fix, table)


def _balance(files: pd.DataFrame) -> Finding:
    share = float((files["label"] == 1).mean())
    table = _counts_by_split(files) if has_splits(files) else []
    shares = [row["fake"] / max(row["real"] + row["fake"], 1) for row in table]
    apart = max(shares) - min(shares) if shares else 0.0
    light, fix = GREEN, ""
    sentence = f"{share:.0%} of the files are fake."
    if apart > UNEQUAL_SHARES:
        light = AMBER
        sentence += f" The share differs between splits: {_listed(table)}."
        fix = "Read AUC and both classes' recall; a threshold or a probability does not carry over."
    elif min(share, 1 - share) < UNBALANCED:
        light = AMBER
        fix = "Read AUC, balanced accuracy and both classes' recall instead of accuracy."
    numbers = {"share_of_fakes": share}
    return Finding("balance", LABELS, "class balance", light, sentence, fix, table, numbers)


def _folders(files: pd.DataFrame) -> Finding:
    """Compares labels with what the folders below the common one are called."""
    check = "folder names against labels"
    root = common_folder(files["path"])
    relative = [os.path.relpath(path, root) for path in files["path"]]
    meanings = [meaning_of_folders(Path(path).parts[:-1]) for path in relative]
    told = pd.Series([meaning[0] if meaning else -1 for meaning in meanings], index=files.index)
    named = int((told >= 0).sum())
    if not named:
        sentence = "No folder names a class, so there is nothing to compare the labels with."
        return Finding("folders", LABELS, check, NOT_CHECKED, sentence)
    wrong = (told >= 0) & (told != files["label"])
    evidence = [
        {
            "file": relative[place],
            "folder says": CLASS_NAMES[told.iloc[place]],
            "label": CLASS_NAMES[files["label"].iloc[place]],
        }
        for place in wrong.to_numpy().nonzero()[0][:MOST_EVIDENCE]
    ]
    count = int(wrong.sum())
    sentence = f"All {named:,} labels agree with the names of the folders."
    if count:
        verb = "contradicts" if count == 1 else "contradict"
        sentence = f"{count:,} of {counted(named, 'label')} {verb} the name of the folder."
    fix = "Look at these files and correct the manifest, or move them." if count else ""
    numbers = {"contradicting": count, "named": named}
    light = RED if count else GREEN
    return Finding("folders", LABELS, check, light, sentence, fix, evidence, numbers)


def _contradictions(files: pd.DataFrame, pairs: pd.DataFrame) -> Finding:
    """Copies of one picture with two labels; a picture beside its changed version is none.

    A near copy may be a fake whose change is too small for the finder. So exact copies are red,
    and near ones when they are more than a few and not out of one person or source video.
    """
    check = "copies of one picture with two labels"
    labels = files["label"].to_numpy()
    wrong = pairs[(pairs["kind"] != "edited") & _differ(labels, pairs)]
    groups = files["group"].to_numpy()
    known = groups[wrong["first"].to_numpy(int)] != ""
    related = known & ~_differ(groups, wrong) & (wrong["kind"] == "near").to_numpy()
    numbers = {"pairs": len(wrong), "within_a_group": int(related.sum())}
    if wrong.empty:
        sentence = "No picture was found with both labels."
        return Finding("contradictions", LABELS, check, GREEN, sentence, numbers=numbers)
    strange = wrong[~related]
    many = len(np.union1d(strange["first"], strange["second"])) > MANY * len(files)
    light = RED if many or (strange["kind"] != "near").any() else AMBER
    sentence = (
        f"{counted(len(wrong), 'pair')} of copies {'has' if len(wrong) == 1 else 'have'} two labels"
        + (
            ": one of them is wrong, or the fake differs too little from its original to see."
            if len(strange)
            else ", all within one person or source video: the fake differs so little from its "
            "original that the two count as one picture."
        )
    )
    fix = (
        "Look at them and correct the labels. In a run, preprocess leaves out exact copies with "
        "two labels, and keeps near ones on one side of the split."
    )
    evidence = _rows_of_pairs(files, wrong)
    return Finding("contradictions", LABELS, check, light, sentence, fix, evidence, numbers)


def _differ(values: np.ndarray, pairs: pd.DataFrame) -> np.ndarray:
    return values[pairs["first"].to_numpy(int)] != values[pairs["second"].to_numpy(int)]


def _rows_of_pairs(files: pd.DataFrame, pairs: pd.DataFrame) -> list[dict]:
    root = common_folder(files["path"])
    paths, labels = files["path"].to_numpy(), files["label"].to_numpy()
    return [
        {
            "first": os.path.relpath(paths[pair.first], root),
            "label": CLASS_NAMES[labels[pair.first]],
            "second": os.path.relpath(paths[pair.second], root),
            "its label": CLASS_NAMES[labels[pair.second]],
            "kind": str(pair.kind),
        }
        for pair in pairs.head(MOST_EVIDENCE).itertuples()
    ]


def _counts_by_split(files: pd.DataFrame) -> list[dict]:
    rows = files[files["official_split"] != ""]
    names = [name for name in ("train", "val", "test") if (rows["official_split"] == name).any()]
    counts = rows.groupby(["official_split", "label"]).size()
    return [
        {
            "split": name,
            **{word: int(counts.get((name, label), 0)) for label, word in enumerate(CLASS_NAMES)},
        }
        for name in names
    ]


def _listed(table: list[dict]) -> str:
    return ", ".join(
        f"{row['split']} {row['real']:,} real and {row['fake']:,} fake" for row in table
    )
