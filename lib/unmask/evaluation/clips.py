"""Numbers per clip: the scores of a clip's faces pooled into one, how is chosen on validation.

What stands for a clip is one person in it: the faces of one file and one person, with the label of
the file. A clip of two people is two rows of one file, and intervals count them as one group. A
clip in which one frame alone gave a face counts too; one of which the first frame alone did cannot
be told from a picture, and does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..errors import DataError, UsageError, nearest
from .blocks import Settings, evaluate_block
from .metrics import rank, weighted_metrics
from .scores import SPLITS, select_scores
from .seed_thresholds import described, thresholds_of

POOLINGS = ("mean", "median", "top_k")
TOP_K = (1, 3, 5)
FEWEST_TO_CHOOSE = 8  # clips of each class in validation, below which the mean is taken
REASON = "evaluation: the numbers per clip of metrics.json"
NOT_CHOSEN = (
    f"Fewer than {FEWEST_TO_CHOOSE} validation clips of a class: how scores are pooled was not "
    "chosen, it is the mean, and the threshold stands on few clips."
)
MEANINGS = {
    "mean": "the mean of its faces' scores",
    "median": "the median of its faces' scores",
    "top_k": "the mean of its {k} highest scores",
}


@dataclass(frozen=True)
class Pooling:
    """How the scores of one clip's faces become one: `how` of `POOLINGS`, `k` for "top_k"."""

    how: str = "mean"
    k: int = 0

    def describe(self) -> str:
        """Returns what a clip's score is, as part of a sentence."""
        text = MEANINGS[self.how].format(k=self.k)
        return "its highest score" if (self.how, self.k) == ("top_k", 1) else text


CANDIDATES = (Pooling("mean"), Pooling("median"), *(Pooling("top_k", k) for k in TOP_K))


def pool_scores(scores: Sequence[float], how: str = "mean", k: int = 0, frames: int = 0) -> float:
    """Returns one score for a clip.

    Args:
        scores: of its faces, at least one, in the order of time.
        how: "mean", "median", or "top_k": the mean of the `k` highest (of all when there are
            fewer).
        k: at least 1 for "top_k", else without a meaning.
        frames: for "top_k", how many scores a clip had when the threshold was chosen; of more as
            many evenly spaced ones count, since the highest of more scores are higher. 0: all.

    Raises:
        UsageError: `how` is not known, or `k` is below 1.
        DataError: there is no score.
    """
    values = np.asarray(scores, dtype=np.float64)
    if how == "top_k" and 0 < frames < len(values):
        values = values[((np.arange(frames) + 0.5) * len(values) / frames).astype(int)]
    values = np.sort(values)
    if how not in POOLINGS or (how == "top_k" and k < 1):
        raise UsageError(
            f"Scores cannot be pooled by {how!r} with k = {k}.{nearest(how, POOLINGS)}",
            expected=f"one of: {', '.join(POOLINGS)}; for top_k a k of at least 1",
        )
    if not len(values):
        raise DataError("There are no scores to pool.", expected="a score for at least one face")
    if how == "median":
        return float(np.median(values))
    return float(np.mean(values if how == "mean" else values[-k:]))


def clip_rows(joined: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of clips, files with a frame beyond the first; `person` is 0 where nobody
    was followed.

    Args:
        joined: a scores table joined with its faces.
    """
    if "frame" not in joined:
        return joined.iloc[:0].assign(person=0)
    rows = joined[joined.groupby("file_id")["frame"].transform("max") > 0]
    return rows.assign(person=rows.get("person", 0))


def pool_clips(rows: pd.DataFrame, pooling: Pooling) -> pd.DataFrame:
    """Returns a scores table with a row a clip (file and person) and seed.

    Args:
        rows: of `clip_rows`.
        pooling: how.

    Returns:
        The columns of a scores table joined with its faces; `face_id` is "<file_id>-<person>".
    """
    keys = ["file_id", "person", "seed"]
    kept = ["split", "label", "generator", "group", *(["cluster"] if "cluster" in rows else [])]
    groups = rows.groupby(keys, sort=True)
    pooled = groups[kept].first()
    pooled["score"] = groups["score"].agg(lambda part: pool_scores(part, pooling.how, pooling.k))
    pooled = pooled.reset_index()
    pooled["face_id"] = pooled["file_id"] + "-" + pooled["person"].astype(str)
    return pooled


def choose_pooling(val: pd.DataFrame) -> tuple[Pooling, list[dict[str, Any]]]:
    """Returns the pooling with the highest AUC on validation clips, and all that were tried.

    The AUC is the mean over seeds. Of equals the first of `CANDIDATES` wins: the mean, then the
    median, then few of the highest. With fewer than `FEWEST_TO_CHOOSE` clips of a class nothing
    is tried, and it is the mean.

    Args:
        val: validation rows of `clip_rows`.
    """
    counts = val.drop_duplicates(["file_id", "person"])["label"].value_counts()
    if min(counts.get(0, 0), counts.get(1, 0)) < FEWEST_TO_CHOOSE:
        return Pooling(), []
    longest = int(val.groupby(["file_id", "person", "seed"]).size().max())
    tried = []
    for pooling in CANDIDATES:
        if pooling.k < longest:
            tried.append((pooling, _area(pool_clips(val, pooling))))
    best = max(area for _, area in tried)
    chosen = next(pooling for pooling, area in tried if area >= best - 1e-12)
    return chosen, [{"pooling": each.how, "k": each.k, "auc": area} for each, area in tried]


def evaluate_clips(
    joined: pd.DataFrame,
    faces: pd.DataFrame,
    *,
    rule: str,
    resamples: int,
    seed: int,
) -> dict[str, Any] | None:
    """Returns `clips` of metrics.json; None unless val and test hold clips of both classes, and of
    some clip there are several frames.

    `pooling`, `k`, `frames` (faces of a validation clip, the median), `chosen_on` ("val", or ""
    where the mean was taken without a choice), `tried`
    (AUC of each pooling on validation), `threshold` and `thresholds` (chosen on validation clips,
    by the same rule as for faces), `splits` (blocks as of faces, each with its `level`), `n_clips`
    (by split) and `notes`. Intervals draw whole groups.

    Args:
        joined: a scores table of all splits joined with its faces.
        faces: the faces table.
        rule: a key of `threshold.RULES`.
        resamples, seed: of the bootstrap.
    """
    rows = clip_rows(joined)
    val, test = (select_scores(rows, name, reason=REASON) for name in ("val", "test"))
    frames = rows.groupby("file_id")["frame"].nunique()
    if min(val["label"].nunique(), test["label"].nunique()) < 2 or frames.max() < 2:
        return None
    pooling, tried = choose_pooling(val)
    pooled = pool_clips(rows, pooling)
    points = thresholds_of(pooled, rule)
    settings = Settings(points[rule], resamples, seed, points)
    parts = _splits(pooled, faces)
    blocks = {name: _block(part, settings) for name, part in parts.items()}
    blocks["val"]["notes"].append(
        "Validation chose the threshold, so these numbers are flattering."
    )
    thresholds = {name: _of_clips(described(name, found)) for name, found in points.items()}
    return {
        "level": "clip",
        "pooling": pooling.how,
        "k": pooling.k,
        "frames": int(val.groupby(["file_id", "person", "seed"]).size().median()),
        "meaning": pooling.describe(),
        "chosen_on": "val" if tried else "",
        "tried": tried,
        "threshold": thresholds[rule],
        "thresholds": thresholds,
        "splits": blocks,
        "n_clips": {name: int(part["face_id"].nunique()) for name, part in parts.items()},
        "notes": [] if tried else [NOT_CHOSEN],
    }


def _splits(pooled: pd.DataFrame, faces: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Returns the clips of val and test, and of unseen where there are fakes (with all reals)."""
    parts = {name: select_scores(pooled, name, reason=REASON) for name in SPLITS}
    trained = faces.loc[(faces["split"] == "train") & (faces["label"] == 1), "generator"].unique()
    unseen = parts.pop("unseen")
    fakes = unseen[(unseen["label"] == 1) & ~unseen["generator"].isin(trained)]
    if len(fakes):
        reals = pd.concat([unseen[unseen["label"] == 0], parts["test"]])
        parts["unseen"] = pd.concat([fakes, reals[reals["label"] == 0]])
    return parts


def _block(part: pd.DataFrame, settings: Settings) -> dict[str, Any]:
    block = evaluate_block(part, settings)
    for name in ("notes", "remarks"):
        block[name] = [_in_clips(text) for text in block[name]]
    return {"level": "clip", **block}


def _of_clips(threshold: dict[str, Any]) -> dict[str, Any]:
    return {**threshold, "meaning": _in_clips(threshold["meaning"])}


def _in_clips(text: str) -> str:
    return text.replace("faces", "clips").replace("face", "clip")


def _area(pooled: pd.DataFrame) -> float:
    areas = []
    for _, part in pooled.groupby("seed"):
        ranking = rank(part["label"], part["score"])
        areas.append(weighted_metrics(ranking, np.ones((1, len(part))), 0.5, ["auc"])["auc"][0])
    return float(np.mean(areas))
