"""One block of metrics.json: all that is said about one model on one set of faces."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .calibration import expected_calibration_error
from .intervals import bootstrap_metrics, plan_resampling
from .metrics import METRICS, compute_metrics, one_class_note
from .scores import cluster_ids, score_matrix

FEW_UNITS = 30


@dataclass(frozen=True)
class Settings:
    """The threshold of each seed, and the number and seed of the resamples."""

    thresholds: dict[int, float]
    resamples: int
    seed: int


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
    thresholds = [settings.thresholds[number] for number in sorted(settings.thresholds)]
    counts = np.bincount(labels, minlength=2)
    both = bool(counts.min() > 0)
    block: dict[str, Any] = {
        "n": len(labels),
        "n_real": int(counts[0]),
        "n_fake": int(counts[1]),
        "n_groups": len(np.unique(clusters.astype(str))),
        "clustered": len(np.unique(clusters.astype(str))) < len(labels),
        "seeds": len(matrix),
        "confusion_matrix": _confusion(labels, matrix, thresholds),
        "metrics": _metrics(labels, matrix, clusters, thresholds, settings),
        "ece": float(np.mean([expected_calibration_error(labels, row) for row in matrix])),
        "notes": [] if both else [one_class_note(int(counts[0] == 0))],
    }
    if "calibrated" in faces:
        block["calibrated"] = _calibrated(frame, clusters, thresholds, settings, both)
    if both and min(plan_resampling(labels, clusters).units_with) < FEW_UNITS:
        block["notes"].append(
            f"Fewer than {FEW_UNITS} independent groups of a class: the intervals are too narrow."
        )
    return block


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
        "ece": None,
        "notes": ["No faces in this split."],
    }


def _confusion(labels: np.ndarray, matrix: np.ndarray, thresholds: list[float]) -> list[list[int]]:
    called = matrix >= np.asarray(thresholds)[:, None]
    return [
        [int((called[:, labels == label] == verdict).sum()) for verdict in (0, 1)]
        for label in (0, 1)
    ]


def _metrics(
    labels: np.ndarray,
    matrix: np.ndarray,
    clusters: np.ndarray,
    thresholds: list[float],
    settings: Settings,
) -> dict[str, dict[str, float | None] | None]:
    if len(np.unique(labels)) == 2:
        found = bootstrap_metrics(
            labels,
            matrix,
            clusters,
            thresholds,
            resamples=settings.resamples,
            seed=settings.seed,
        )
        return {name: found[name].as_dict() for name in METRICS}
    values = [
        compute_metrics(labels, row, limit) for row, limit in zip(matrix, thresholds, strict=True)
    ]
    means = {name: float(np.mean([one[name] for one in values])) for name in METRICS}
    blank = {"low": None, "high": None, "seed_spread": None}
    return {
        name: None if math.isnan(value) else {"value": value, **blank}
        for name, value in means.items()
    }


def _calibrated(
    frame: pd.DataFrame,
    clusters: np.ndarray,
    thresholds: list[float],
    settings: Settings,
    both: bool,
) -> dict[str, Any]:
    faces, matrix = score_matrix(frame, "calibrated")
    labels = faces["label"].to_numpy()
    result: dict[str, Any] = {
        "ece": float(np.mean([expected_calibration_error(labels, row) for row in matrix]))
    }
    if both:
        found = bootstrap_metrics(
            labels,
            matrix,
            clusters,
            thresholds,
            resamples=settings.resamples,
            seed=settings.seed,
            metrics=("log_loss", "brier"),
        )
        result.update({name: interval.as_dict() for name, interval in found.items()})
    return result
