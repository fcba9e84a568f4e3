"""Before and after: what preprocessing left of the findings, and which are alarms of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..evaluation.intervals import Interval
from ..tell import counted
from .families import FAMILIES
from .findings import (
    AMBER,
    FILE_SHORTCUTS,
    GREEN,
    LABELS,
    LEAKAGE,
    NOT_CHECKED,
    OVERLAP,
    RED,
    Finding,
)
from .leakage import crossing
from .measured import measure_faces
from .run import Audit, AuditSettings, draw_sample
from .separation import make_folds, units_of
from .shortcuts import bytes_tell_of_the_picture, measure_shortcuts
from .shortcuts_after import QUOTE, is_mended, shortcut_rows, what_is_left

SMALLEST_SPLIT = 2  # faces of a class


@dataclass(frozen=True)
class After:
    """What stands in the faces table, judged by the same rules as the files.

    Attributes:
        findings: copies, groups, classes and labels in the splits of the run.
        areas: cross-validated AUC of the picture families on the faces.
        faces: how many faces these rest on.
        equalised: what all pictures were brought to, by the names in `preprocess.equalise`.
    """

    findings: list[Finding]
    areas: Mapping[str, Interval]
    faces: int
    equalised: Mapping[str, int] = field(default_factory=dict)


def audit_faces(
    audit: Audit,
    faces: pd.DataFrame,
    pixels: np.ndarray,
    settings: AuditSettings,
    equalised: Mapping[str, int] | None = None,
) -> After:
    """Judges the faces that preprocessing made of the audited files.

    Args:
        audit: of the files.
        faces: the faces table.
        pixels: uint8 `[N, side, side, 3]`, its array.
        settings: as the files were audited with.
        equalised: what preprocessing brought all pictures to.
    """
    side_of_path = faces.drop_duplicates("path").set_index("path")["split"]
    files = audit.files.assign(side=audit.files["path"].map(side_of_path).fillna(""))
    findings = [_copies(files, audit.pairs), _groups(faces), _classes(faces)]
    findings.append(_contradictions(files, audit.pairs))
    areas, count = _areas(audit, faces, pixels, settings)
    return After(findings, areas, count, equalised or {})


def alarms_of(audit: Audit, after: After) -> list[dict[str, str]]:
    """Returns the alarms of the run: findings that its own numbers still rest on.

    What the faces still show, in its own light. A leak that preprocessing has mended is none. A
    fact of the file that decoded pixels do not show (its name, EXIF) is none either; of the
    others, what was equalised, and bytes that only tell of the picture, are amber, and say what
    is left of them on the faces. So is an overlap with another dataset.

    Returns:
        `name`, `light`, `sentence` and `fix` of each.
    """
    alarms = [_alarm(each, each.light) for each in after.findings if each.light in (RED, AMBER)]
    for finding in audit.findings:
        if finding.light != RED:
            continue
        if finding.topic == OVERLAP:
            alarms.append(_alarm(finding, AMBER))  # concerns numbers across datasets only
        elif finding.topic == FILE_SHORTCUTS:
            family = FAMILIES[finding.key.removeprefix("file_")]
            if not family.in_pixels:
                continue
            alarms.append(_alarm_of_file(finding, family.key, audit, after))
        elif finding.key in ("failures", "folders"):
            alarms.append(_alarm(finding, RED))
    return alarms


def before_and_after(audit: Audit, after: After) -> list[dict[str, str]]:
    """Returns a row for each check that preprocessing can change: as it came, and after.

    First leaks and labels, then the families of shortcuts.
    """
    came = {finding.key: finding for finding in audit.findings}
    pairs = {
        "copies": ("exact_copies", "near_copies", "edited_copies"),
        "groups": ("groups",),
        "classes": ("classes",),
        "contradictions": ("contradictions",),
    }
    rows = []
    for finding in after.findings:
        before = [came[key] for key in pairs[finding.key] if key in came]
        rows.append(
            {
                "check": finding.check,
                "as it came": "; ".join(
                    f"{each.light.upper()}: {each.sentence}" for each in before
                ),
                "after preprocessing": f"{finding.light.upper()}: {finding.sentence}",
            }
        )
    return rows + shortcut_rows(came, audit.areas, after.areas, after.equalised)


def _copies(files: pd.DataFrame, pairs: pd.DataFrame) -> Finding:
    across = pairs[crossing(files, pairs, "side")] if len(pairs) else pairs
    numbers = {"pairs": len(pairs), "across": len(across)}
    sentence = "No two files that show one picture were found on two sides of the run's split."
    same = int((across["kind"] != "edited").sum())
    if len(across):
        sentence = (
            f"{counted(len(across), 'pair')} of files that show one picture still cross the run's "
            f"split ({same:,} copies, {len(across) - same:,} with a part changed)."
        )
    fix = "Run preprocess again: it keeps what belongs together on one side." if len(across) else ""
    light = RED if same else AMBER if len(across) else GREEN
    check = "one picture on two sides"
    return Finding("copies", LEAKAGE, check, light, sentence, fix, numbers=numbers)


def _groups(faces: pd.DataFrame) -> Finding:
    check = "people and source videos on two sides"
    grouped = faces[faces["group"] != ""]
    if grouped.empty:
        sentence = "No people or source videos are named, so none can be followed."
        return Finding("groups", LEAKAGE, check, NOT_CHECKED, sentence)
    across = int((grouped.groupby("group")["split"].nunique() > 1).sum())
    total = counted(grouped["group"].nunique(), "group")
    sentence = f"{across:,} of {total} (people or source videos) on two sides of the run's split."
    fix = "Run preprocess again: it splits by group." if across else ""
    light = RED if across else GREEN
    numbers = {"across": across}
    return Finding("groups", LEAKAGE, check, light, sentence, fix, numbers=numbers)


def _classes(faces: pd.DataFrame) -> Finding:
    counts = faces.groupby(["split", "label"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=(0, 1), fill_value=0)
    listed = ", ".join(
        f"{split} {row[0]:,} real and {row[1]:,} fake" for split, row in counts.iterrows()
    )
    poor = bool((counts.min(axis=1) < SMALLEST_SPLIT).any())
    fix = "Add files of the class that is short." if poor else ""
    light = RED if poor else GREEN
    check = "both classes in each split"
    return Finding("classes", LABELS, check, light, f"Faces: {listed}.", fix)


def _contradictions(files: pd.DataFrame, pairs: pd.DataFrame) -> Finding:
    labels, sides = files["label"].to_numpy(), files["side"].to_numpy()
    first, second = pairs["first"].to_numpy(int), pairs["second"].to_numpy(int)
    kinds = pairs["kind"].to_numpy()
    stay = (labels[first] != labels[second]) & (sides[first] != "") & (sides[second] != "")
    near = int((stay & (kinds == "near")).sum())
    exact = int((stay & np.isin(kinds, ("bytes", "pixels"))).sum())
    sentence = (
        f"{exact:,} exact and {near:,} near copies with two labels among the faces."
        if exact or near
        else "No copies with two labels among the faces."
    )
    fix = "Look at them and correct the labels." if exact or near else ""
    light = RED if exact else AMBER if near else GREEN
    check = "copies of one picture with two labels"
    numbers = {"exact": exact, "near": near}
    return Finding("contradictions", LABELS, check, light, sentence, fix, numbers=numbers)


def _areas(
    audit: Audit, faces: pd.DataFrame, pixels: np.ndarray, settings: AuditSettings
) -> tuple[dict[str, Interval], int]:
    firsts = faces.drop_duplicates("file_id").assign(official_split=lambda each: each["split"])
    firsts = firsts.loc[draw_sample(firsts, settings.sample, settings.seed)]
    files = audit.files
    units = units_of(files["group"].to_numpy(), audit.pairs[["first", "second"]].to_numpy())
    unit_of_path = pd.Series(units, index=files["path"]).groupby(level=0).first()
    labels = firsts["label"].to_numpy()
    folds = make_folds(labels, unit_of_path[firsts["path"]].to_numpy(), settings.seed)
    if folds is None:
        return {}, len(firsts)
    measured = measure_faces(pixels, firsts["row"], settings.jobs)
    options = {"resamples": settings.resamples, "seed": settings.seed}
    return measure_shortcuts(None, measured, folds, **options), len(firsts)


def _alarm_of_file(finding: Finding, key: str, audit: Audit, after: After) -> dict[str, Any]:
    content = key == "bytes" and bytes_tell_of_the_picture(audit.areas)
    mended = is_mended(key, after.equalised)
    if not content and not mended:
        return _alarm(finding, RED)
    left = what_is_left(key, after.areas, after.equalised)
    return _alarm(finding, AMBER) | {
        "sentence": finding.sentence + left,
        "fix": finding.fix if content else QUOTE,
    }


def _alarm(finding: Finding, light: str) -> dict[str, Any]:
    return {
        "name": f"{finding.topic}: {finding.check}",
        "light": light,
        "sentence": finding.sentence,
        "fix": finding.fix,
    }
