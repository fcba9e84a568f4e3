"""What tells the classes apart without looking at a face: one finding for each family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from .. import runs
from ..evaluation.intervals import Interval
from ..evaluation.summary import format_interval
from .designs import design_of, shape_of_name
from .families import FAMILIES, FILE, FILE_FAMILIES, LIMIT, PICTURE, PICTURE_FAMILIES, Family
from .file_facts import describe_values
from .findings import (
    AMBER,
    FILE_SHORTCUTS,
    GREEN,
    NOT_CHECKED,
    PICTURE_SHORTCUTS,
    RED,
    Finding,
)
from .separation import FEWEST, FOLDS, Folds, separate

SLACK = 0.03  # of the AUC, within which two families tell as much
# What decides how many bytes a picture takes, besides the picture.
ENCODING = ("size", "format", "progressive", "subsampling", "quantisation")


def measure_shortcuts(
    facts: pd.DataFrame | None,
    pictures: Mapping[str, np.ndarray],
    folds: Folds,
    *,
    resamples: int,
    seed: int = 0,
) -> dict[str, Interval]:
    """Returns the cross-validated AUC of every family, by key, with its 95% interval.

    Args:
        facts: of `file_facts.file_facts_table`, n rows; None to leave the file families out.
        pictures: by family, `[n, columns]`; may be empty.
        folds: of the same n files.
        resamples, seed: of the bootstrap.
    """
    tables = {} if facts is None else {each.key: each for each in FILE_FAMILIES}
    tables |= {each.key: each for each in PICTURE_FAMILIES if each.key in pictures}
    found = {}
    for number, (key, family) in enumerate(tables.items()):
        features = design_of(key, facts) if family.kind == FILE else pictures[key]
        found[key] = separate(
            features,
            folds,
            strength=family.strength,
            scaling=family.scaling,
            resamples=resamples,
            seed=seed,
        )
        runs.report_progress((number + 1) / len(tables), f"shortcuts: {family.title}")
    return found


def shortcut_findings(
    areas: Mapping[str, Interval],
    facts: pd.DataFrame,
    labels: np.ndarray,
    *,
    pictured: int | None = None,
    reasons: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Returns a finding a family: red at most for files, amber at most for pictures.

    Args:
        areas: of `measure_shortcuts`; without the families that could not be judged.
        facts: the file facts that were measured.
        labels: of the same files.
        pictured: how many of them gave picture features; all when None.
        reasons: why a kind of family ("file", "picture") could not be judged, as a sentence.
    """
    found, reasons = [], reasons or {}
    counts = {FILE: len(labels), PICTURE: len(labels) if pictured is None else pictured}
    for family in (*FILE_FAMILIES, *PICTURE_FAMILIES):
        topic = FILE_SHORTCUTS if family.kind == FILE else PICTURE_SHORTCUTS
        key = f"{family.kind}_{family.key}"
        if family.key not in areas:
            why = reasons.get(family.kind) or _NO_FOLDS
            found.append(Finding(key, topic, family.title, NOT_CHECKED, why, _MORE_FILES))
            continue
        area = areas[family.key]
        numbers = {**asdict(area), "limit": LIMIT, "files": counts[family.kind]}
        light = light_of(area, family)
        rows = describe_values(facts[family.fact], labels) if family.fact else []
        if family.key == "names":
            rows = describe_values(facts["name"].map(shape_of_name), labels)
        sentence = _sentence(family, area, areas, counts[family.kind])
        fix = family.fix if light in (RED, AMBER) else ""
        if family.key == "bytes" and fix and bytes_tell_of_the_picture(areas):
            fix = (
                "Storing the files otherwise does not help, as it is the pictures that differ. "
                "Quote every detector against this number: one that has learned no more than how "
                "smooth a picture is reaches it."
            )
        found.append(Finding(key, topic, family.title, light, sentence, fix, rows, numbers))
    return found


def light_of(area: Interval, family: Family) -> str:
    """Returns the light of an AUC: red (files) or amber (pictures) when its interval is above 0.55.

    A file family whose AUC is above 0.55 and surely above 0.5 is amber.
    """
    low = area.value if area.low is None else area.low
    if low > LIMIT:
        return RED if family.kind == FILE else AMBER
    if family.kind == FILE and area.value > LIMIT and low > 0.5:
        return AMBER
    return GREEN


def bytes_tell_of_the_picture(areas: Mapping[str, Interval]) -> bool:
    """Whether bytes tell the classes apart by what is in the pictures, not by how they are stored.

    So it is when the pictures, all encoded alike, tell as much, and no fact of the encoding does.
    """
    encoding = any(light_of(areas[key], FAMILIES[key]) != GREEN for key in ENCODING if key in areas)
    explained = "detail" in areas and areas["detail"].value >= areas["bytes"].value - SLACK
    return explained and not encoding


def _sentence(family: Family, area: Interval, areas: Mapping[str, Interval], files: int) -> str:
    if area.low == area.high == 0.5:
        return f"{family.subject}: the same in all files."
    if area.value == 0.5 and area.low is None:
        return f"{family.subject}: does not tell the classes apart at all."
    words = f"{family.subject}: AUC {format_interval(asdict(area))} on {files:,} files"
    light = light_of(area, family)
    if light == GREEN:
        if (area.value if area.high is None else area.high) <= LIMIT:
            return f"{words}, too little to count as a shortcut."
        return f"{words}: not shown to be a shortcut on so few files, and not ruled out."
    strength = "tells" if light == RED or family.kind != FILE else "seems to tell"
    text = f"{words}; alone it {strength} real from fake, without a look at the face."
    if family.key == "bytes" and "detail" in areas:
        text += (
            " Encoded once more at one quality, the pictures themselves give AUC "
            f"{format_interval(asdict(areas['detail']))}: "
        )
        text += (
            "the bytes tell how much detail a picture has."
            if bytes_tell_of_the_picture(areas)
            else "the files were stored differently."
        )
    return text


_MORE_FILES = (
    f"Add files: at least {FEWEST} of each class that give a picture of 16 pixels a side or more, "
    f"from at least {FOLDS} people or source videos each."
)
_NO_FOLDS = (
    "No five folds with both classes in each can be made: too much of the files is of one person "
    "or source video."
)
