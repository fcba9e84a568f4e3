"""What looking for faces gave in each class: found, no face, too small, too blurred.

A class that loses more than the other changes what a detector learns and what its numbers mean:
the hard pictures of one class are gone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .formats import format_percent
from .rates import Interval, Share, share_of
from .scores import CLASS_NAMES

FOUND = "face found"
# A difference below is no reason to look, whatever its interval; from the second on it is red.
CLEAR, LARGE = 0.02, 0.2


def outcomes_of(faces: pd.DataFrame, rejected: pd.DataFrame) -> pd.DataFrame:
    """Returns a row for each face, and for each frame without one: `path`, `label`, `outcome`.

    Args:
        faces: the faces table of a run that looked for faces.
        rejected: its table of rejected files and frames, with `frame`; -1 is a file as a whole.
    """
    kept = faces[["path", "label"]].assign(outcome=FOUND)
    lost = rejected[rejected["frame"] >= 0]
    lost = lost[["path", "label"]].assign(outcome=lost["reason"])
    return pd.concat([kept, lost], ignore_index=True)


def outcomes_table(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Returns a row an outcome: how many of each class, and which share, with its interval.

    Faces of one file count together in the intervals.

    Args:
        outcomes: of `outcomes_of`.
    """
    names = [FOUND, *sorted(set(outcomes["outcome"]) - {FOUND})]
    rows = []
    for name in names:
        row = {"outcome": name}
        for label, title in enumerate(CLASS_NAMES):
            part = outcomes[outcomes["label"] == label]
            row[title] = f"{int((part['outcome'] == name).sum()):,}"
            row[f"share of {title}"] = format_percent(_share(part, part["outcome"] == name))
        rows.append(row)
    return pd.DataFrame(rows)


def describe_outcomes(outcomes: pd.DataFrame) -> str:
    """Returns one sentence: of how many looks how many gave a usable face, by class."""
    texts = []
    for label, title in enumerate(CLASS_NAMES):
        part = outcomes[outcomes["label"] == label]
        kept = int((part["outcome"] == FOUND).sum())
        texts.append(f"{kept:,} of {len(part):,} in {title} files")
    return f"Usable faces, of all faces seen and frames without one: {', '.join(texts)}."


def uneven_losses(outcomes: pd.DataFrame) -> list[dict[str, str]]:
    """Returns an alarm when one class clearly loses more faces and frames than the other.

    Amber when the 95% interval of the difference leaves out zero and the difference is at least
    `CLEAR`; red from `LARGE` on. Plain data: `name`, `light`, `sentence`, `fix`.
    """
    parts = [outcomes[outcomes["label"] == label] for label in (0, 1)]
    if min(map(len, parts)) == 0:
        return []
    real, fake = (_lost(part) for part in parts)
    difference = _difference(fake, real)
    apart = difference.low is not None and difference.low * difference.high > 0
    if not apart or abs(difference.value) < CLEAR:
        return []
    more = CLASS_NAMES[int(difference.value > 0)]
    return [
        {
            "name": "one class loses more faces",
            "light": "red" if abs(difference.value) >= LARGE else "amber",
            "sentence": f"{format_percent(fake.interval)} of the fake and "
            f"{format_percent(real.interval)} of the real faces and frames could not be used: the "
            f"{more} ones that are left are not like those that came.",
            "fix": "look at the rejected frames; try the other finder, a smaller "
            "preprocess.minimum_face or preprocess.minimum_sharpness",
        }
    ]


def _lost(part: pd.DataFrame) -> Share:
    return _share_of(part, part["outcome"] != FOUND)


def _share(part: pd.DataFrame, chosen: pd.Series) -> Interval | None:
    return _share_of(part, chosen).interval if len(part) else None


def _share_of(part: pd.DataFrame, chosen: pd.Series) -> Share:
    files, count = pd.factorize(part["path"])
    return share_of(chosen.to_numpy(dtype=np.float64), files, len(count))


def _difference(first: Share, second: Share) -> Interval:
    """The difference of two independent shares, its interval recovered from theirs (MOVER)."""
    ours, theirs = first.interval, second.interval
    value = ours.value - theirs.value
    if ours.low is None or theirs.low is None:
        return Interval(value, None, None)
    down = np.hypot(ours.value - ours.low, theirs.high - theirs.value)
    up = np.hypot(ours.high - ours.value, theirs.value - theirs.low)
    return Interval(value, value - float(down), value + float(up))
