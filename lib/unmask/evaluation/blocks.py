"""One block of metrics.json: all that is said about one model on one set of faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .calibration import METHODS
from .intervals import bootstrap_metrics, plan_resampling
from .metrics import DEFINED_ON_ONE_CLASS, FPR_TARGETS, METRICS, one_class_note
from .operating import operating_point
from .scores import cluster_ids, score_matrix

FEW_UNITS = 30
CALIBRATION_METRICS = ("log_loss", "brier", "ece")


@dataclass(frozen=True)
class Settings:
    """How to evaluate.

    Attributes:
        thresholds: by seed, of the rule that was chosen.
        resamples, seed: of the bootstrap.
        points: the thresholds of each rule to show, by rule and seed.
    """

    thresholds: dict[int, float]
    resamples: int
    seed: int
    points: dict[str, dict[int, float]]


def evaluate_block(frame: pd.DataFrame, settings: Settings) -> dict[str, Any]:
    """Returns one block of metrics.json for the rows of `frame`; see `summary.evaluate_member`.

    Args:
        frame: rows of a scores table joined with its faces, every seed with the same faces.
        settings: thresholds by seed, and how to resample.
    """
    if frame.empty:
        return _empty_block()
    faces, matrix = score_matrix(frame)
    labels = faces["label"].to_numpy()
    clusters = cluster_ids(faces)
    units = np.unique(clusters.astype(str), return_inverse=True)[1].reshape(-1)
    counts = np.bincount(labels, minlength=2)
    limits = _by_seed(settings.thresholds)
    return {
        "n": len(labels),
        "n_real": int(counts[0]),
        "n_fake": int(counts[1]),
        "n_groups": int(units.max()) + 1,
        "clustered": int(units.max()) + 1 < len(labels),
        "seeds": len(matrix),
        "confusion_matrix": _confusion(labels, matrix, limits),
        "metrics": _metrics(labels, matrix, clusters, settings),
        "operating_points": {
            rule: operating_point(labels, matrix, units, _by_seed(thresholds))
            for rule, thresholds in settings.points.items()
        },
        "calibrated": {
            method: _calibrated(score_matrix(frame, column)[1], labels, clusters, settings)
            for method, column in METHODS.items()
            if column in faces
        },
        "notes": _notes(labels, clusters),
        "remarks": _remarks(counts),
    }


def _by_seed(thresholds: dict[int, float]) -> list[float]:
    return [thresholds[number] for number in sorted(thresholds)]


def _empty_block() -> dict[str, Any]:
    return {
        "n": 0,
        "n_real": 0,
        "n_fake": 0,
        "n_groups": 0,
        "clustered": False,
        "seeds": 0,
        "confusion_matrix": [[0, 0], [0, 0]],
        "metrics": dict.fromkeys(METRICS),
        "operating_points": {},
        "calibrated": {},
        "notes": ["No faces in this split."],
        "remarks": [],
    }


def _confusion(labels: np.ndarray, matrix: np.ndarray, limits: Sequence[float]) -> list[list[int]]:
    called = matrix >= np.asarray(limits)[:, None]
    return [
        [int((called[:, labels == label] == verdict).sum()) for verdict in (0, 1)]
        for label in (0, 1)
    ]


def _metrics(
    labels: np.ndarray, matrix: np.ndarray, clusters: np.ndarray, settings: Settings
) -> dict[str, dict[str, float | None] | None]:
    """Returns every metric with its interval; None for what is not defined on one class."""
    present = np.unique(labels)
    names = tuple(METRICS) if len(present) == 2 else DEFINED_ON_ONE_CLASS[int(present[0])]
    found = bootstrap_metrics(
        labels,
        matrix,
        clusters,
        _by_seed(settings.thresholds),
        resamples=settings.resamples,
        seed=settings.seed,
        metrics=names,
        one_class=True,
    )
    return {name: found[name].as_dict() if name in found else None for name in METRICS}


def _calibrated(
    matrix: np.ndarray, labels: np.ndarray, clusters: np.ndarray, settings: Settings
) -> dict[str, dict[str, float | None]]:
    names = CALIBRATION_METRICS
    if len(np.unique(labels)) < 2:
        names = tuple(name for name in names if name in DEFINED_ON_ONE_CLASS[int(labels[0])])
    found = bootstrap_metrics(
        labels,
        matrix,
        clusters,
        0.5,
        resamples=settings.resamples,
        seed=settings.seed,
        metrics=names,
        one_class=True,
    )
    return {name: interval.as_dict() for name, interval in found.items()}


def _notes(labels: np.ndarray, clusters: np.ndarray) -> list[str]:
    """Returns what a reader must know before any number of the block."""
    present = np.unique(labels)
    if len(present) < 2:
        return [one_class_note(int(present[0]))]
    if min(plan_resampling(labels, clusters).units_with) < FEW_UNITS:
        return [f"Fewer than {FEW_UNITS} independent groups of a class: the intervals are rough."]
    return []


def _remarks(counts: np.ndarray) -> list[str]:
    """Returns what a reader must know of single numbers of the block."""
    targets = [target for target in FPR_TARGETS.values() if 0 < counts[0] * target < 1]
    if not targets or not counts[1]:
        return []
    shares = [f"{target:.1%}".replace(".0%", "%") for target in targets]
    *others, last = shares
    at = f"{', '.join(others)} and {last}" if others else last
    return [
        f"With {counts[0]:,} real faces, the share of fakes found at {at} false alarms is "
        "measured where no real face at all is called fake."
    ]
