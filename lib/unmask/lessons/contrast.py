"""A false number beside the honest one: how both are kept, said and tabled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..evaluation.formats import format_interval
from ..evaluation.intervals import Interval, bootstrap_metrics
from ..evaluation.scores import cluster_ids

MEASURES = {"auc": "AUC", "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy"}
NEXT_TO_NOTHING = 0.01  # differences below it are said to be that


@dataclass(frozen=True)
class Contrast:
    """One public mistake: what it would have reported, and what is true.

    Attributes:
        mistake: in a few words, such as "a test cut that overlaps training".
        measure: the number both report, in words.
        false, honest: each with its 95% interval.
        false_faces, honest_faces: on how many faces.
    """

    mistake: str
    measure: str
    false: Interval
    honest: Interval
    false_faces: int
    honest_faces: int

    @property
    def added(self) -> float:
        """The false value minus the honest one."""
        return self.false.value - self.honest.value

    @property
    def clear_gap(self) -> float:
        """How far the two intervals are apart; negative where they overlap or one is missing."""
        ends = (self.false.low, self.false.high, self.honest.low, self.honest.high)
        if None in ends:
            return -1.0
        return max(ends[0] - ends[3], ends[2] - ends[1])

    def sentence(self) -> str:
        """Returns both numbers and what the mistake changes here, for the reader."""
        if abs(self.added) < NEXT_TO_NOTHING:
            effect = f"here it changes next to nothing ({self.added:+.3f})"
        else:
            effect = f"here it {'adds' if self.added > 0 else 'takes'} {abs(self.added):.3f}"
        return (
            f"{self.mistake[0].upper()}{self.mistake[1:]}: {self.measure} "
            f"{format_interval(self.false)} on {self.false_faces:,} faces instead of "
            f"{format_interval(self.honest)} on {self.honest_faces:,}; {effect}."
        )

    def as_dict(self) -> dict[str, Any]:
        """Returns the fields as plain data, for JSON."""
        return {**asdict(self), "added": self.added}


def measure(
    frame: pd.DataFrame,
    threshold: float = 0.5,
    names: Sequence[str] = ("auc",),
    *,
    labels: Sequence[int] | None = None,
    resamples: int = 2000,
) -> dict[str, Interval]:
    """Returns metrics of a table of scores with their 95% intervals, groups drawn together.

    Args:
        frame: label, score, face_id and, where known, group and file_id.
        threshold: at or above it a face is called fake.
        names: of metrics.
        labels: instead of the table's own, in the order of its rows.
        resamples: of the bootstrap.

    Raises:
        DataError: a class is missing.
    """
    truth = frame["label"].to_numpy() if labels is None else np.asarray(labels)
    scores = frame["score"].to_numpy()
    groups = cluster_ids(frame)
    return bootstrap_metrics(truth, scores, groups, threshold, resamples=resamples, metrics=names)


def contrasts_table(contrasts: Sequence[Contrast]) -> pd.DataFrame:
    """Returns a row a mistake, ready to show: both numbers, and what the mistake adds."""
    rows = [
        {
            "mistake": each.mistake,
            "number": each.measure,
            "false": format_interval(each.false),
            "honest": format_interval(each.honest),
            "the mistake adds": f"{each.added:+.3f}",
        }
        for each in contrasts
    ]
    return pd.DataFrame(rows)


def plain_rows(contrasts: Sequence[Contrast]) -> list[dict[str, Any]]:
    """Returns a row a mistake as plain data, for a figure or a file."""
    return [each.as_dict() for each in contrasts]


def conclusions(contrasts: Sequence[Contrast], missing: Sequence[str] = ()) -> list[str]:
    """Returns what the lesson tells: the worst mistake first, then each, then what was missing.

    The worst is the one whose two intervals lie furthest apart: few faces make large differences
    that mean little.

    Args:
        contrasts: at least one.
        missing: sentences on mistakes that these data cannot show.
    """
    worst = max(contrasts, key=lambda each: (each.clear_gap > 0, each.clear_gap, abs(each.added)))
    way = "flatters" if worst.added > 0 else "misleads"
    doubt = "" if worst.clear_gap > 0 else ", though the two intervals overlap"
    first = (
        f"Of {len({each.mistake for each in contrasts})} public mistakes made on purpose, the one "
        f"that {way} most clearly here is {worst.mistake}: {worst.measure} "
        f"{worst.false.value:.3f} where {worst.honest.value:.3f} is honest{doubt}."
    )
    return [first, *(each.sentence() for each in contrasts), *missing]
