"""What the notebook of the audit shows: pairs as pictures, areas by their titles."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from ..dataset.near_copies import SYMMETRIES
from ..dataset.near_copies.symmetries import lay
from ..evaluation.intervals import Interval
from ..media import Rejected
from ..media.images import decode_image
from ..media.videos import read_frames
from .families import FAMILIES
from .leakage import crossing
from .run import Audit

SIDE = 160


@dataclass(frozen=True)
class ShownPairs:
    """The arguments of `plots.picture_pairs`, one entry a pair."""

    pictures: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    captions: list[tuple[str, str]] = field(default_factory=list)
    labels: list[tuple[int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def pairs_to_show(audit: Audit, most: int) -> ShownPairs:
    """Returns up to `most` pairs: those across the official splits first, some of each kind.

    Both pictures are squeezed to one square, and the first is laid as the second lies, so that
    their difference shows what was changed.
    """
    shown = ShownPairs()
    files = audit.files
    pairs = audit.pairs.assign(across=crossing(files, audit.pairs, "official_split"))
    pairs = pairs.sort_values("across", ascending=False, kind="stable")
    turn = pairs.groupby(["across", "kind"]).cumcount()
    pairs = pairs.assign(turn=turn).sort_values(
        ["turn", "across"], ascending=[True, False], kind="stable"
    )
    for pair in pairs.itertuples():
        if len(shown.notes) == most:
            break
        one, two = files.iloc[pair.first], files.iloc[pair.second]
        pixels = [_square(row) for row in (one, two)]
        if pixels[0] is None or pixels[1] is None:
            continue
        way = SYMMETRIES.index(pair.symmetry)
        laid = np.moveaxis(lay(np.moveaxis(pixels[0], -1, 0), way), 0, -1)
        shown.pictures.append((np.ascontiguousarray(laid), pixels[1]))
        shown.captions.append((_caption(one), _caption(two)))
        shown.labels.append((int(one["label"]), int(two["label"])))
        shown.notes.append(f"{pair.kind}, {pair.symmetry}")
    return shown


def areas_by_title(areas: Mapping[str, Interval], kind: str = "") -> dict[str, dict[str, Any]]:
    """Returns the areas of one kind of family ("file", "picture" or all) by their titles."""
    return {
        FAMILIES[key].title: asdict(area)
        for key, area in areas.items()
        if not kind or FAMILIES[key].kind == kind
    }


def evidence_tables(audit: Audit) -> dict[str, pd.DataFrame]:
    """Returns the evidence of every red or amber finding but the picture families, by title."""
    return {
        f"{finding.check} ({finding.light})": pd.DataFrame([dict(row) for row in finding.evidence])
        for finding in audit.findings
        if finding.light in ("red", "amber") and finding.evidence
    }


def _square(row: pd.Series) -> np.ndarray | None:
    try:
        if row["kind"] == "video":
            pixels = read_frames(row["path"], 1)[0][1]
        else:
            pixels = decode_image(Path(row["path"]).read_bytes()).pixels
    except (Rejected, OSError):
        return None
    return cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _caption(row: pd.Series) -> str:
    split = f"{row['official_split']}: " if row["official_split"] else ""
    return split + os.path.basename(row["path"])
