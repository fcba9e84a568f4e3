"""95% intervals: Wilson's for a share, and a stratified, clustered bootstrap for all metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ..errors import DataError
from .metrics import METRICS, Ranking, checked, rank, weighted_metrics

Z_95 = 1.959963984540054
CHUNK_ELEMENTS = 400_000  # weights in flight: about 3 MB an array, which stays in the cache
UNBOUNDED = ("log_loss", "brier")
RECALLS = ("recall_real", "recall_fake")
SAME = 1e-12  # resamples that differ by less differ by rounding only


@dataclass(frozen=True)
class Interval:
    """A value with its 95% interval; `seed_spread` is the standard deviation over seeds.

    `low` and `high` are None where no interval can be given, see `bootstrap_metrics`.
    """

    value: float
    low: float | None
    high: float | None
    seed_spread: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        """Returns the fields as plain data, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class ResamplingPlan:
    """What is drawn with replacement: u units (faces or groups) in strata.

    Attributes:
        unit_of_face: int64 [n], the unit each face belongs to; units of a stratum are neighbours.
        sizes: the number of units in each stratum (real only, fake only, both classes).
        clustered: whether some unit holds more than one face.
        units_with: the number of units that hold a real face, and that hold a fake one.
    """

    unit_of_face: np.ndarray
    sizes: tuple[int, ...]
    clustered: bool
    units_with: tuple[int, int]

    @property
    def units(self) -> int:
        """The number of units."""
        return sum(self.sizes)


def wilson(successes: float, n: float) -> Interval:
    """Returns a share with Wilson's 95% score interval (Wilson 1927, JASA 22:209-212).

    Counts need not be whole: the mean over seeds of a count of faces is none.

    Raises:
        DataError: n is not positive, or successes are not between 0 and n.
    """
    if n <= 0 or not 0 <= successes <= n:
        raise DataError(
            f"{successes} of {n} is not a share.", expected="0 <= successes <= n, n > 0"
        )
    share, square = successes / n, Z_95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z_95 / (1 + square / n) * np.sqrt(share * (1 - share) / n + square / (4 * n * n))
    low = 0.0 if successes == 0 else float(middle - half)
    high = 1.0 if successes == n else float(middle + half)
    return Interval(float(share), low, high)


def plan_resampling(labels: np.ndarray, groups: Sequence | None) -> ResamplingPlan:
    """Returns the plan for n faces: faces within each class, or groups within each class mix.

    Args:
        labels: [n], 0 real and 1 fake.
        groups: [n], what belongs together; None, or all different, when faces are independent.

    Raises:
        DataError: `groups` has another length, or a class is missing.
    """
    labels = np.asarray(labels)
    if groups is not None and len(groups) != len(labels):
        raise DataError(f"{len(groups)} groups for {len(labels)} faces.", expected="one a face")
    if len(np.unique(labels)) < 2:
        raise DataError(
            "All faces are of one class.",
            expected="real and fake faces",
            fix="add faces of the other class to this split",
        )
    if groups is None:
        codes = np.arange(len(labels))
    else:
        codes = np.unique(np.asarray(groups).astype(str), return_inverse=True)[1].reshape(-1)
    faces = np.bincount(codes)
    fakes = np.bincount(codes, weights=labels)
    mix = np.where(fakes == 0, 0, np.where(fakes == faces, 1, 2))
    place = np.empty(len(faces), dtype=np.int64)
    place[np.argsort(mix, kind="stable")] = np.arange(len(faces))
    sizes = tuple(int(size) for size in np.bincount(mix, minlength=3) if size)
    with_class = (int((fakes < faces).sum()), int((fakes > 0).sum()))
    return ResamplingPlan(place[codes], sizes, bool(faces.max() > 1), with_class)


def draw_unit_weights(plan: ResamplingPlan, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yields how often each unit is drawn, float64 [some rows, units], `resamples` rows in all.

    The same plan and seed give the same draws, so two models can be compared on one set of them.
    """
    generator = np.random.default_rng(seed)
    rows_at_once = max(1, CHUNK_ELEMENTS // len(plan.unit_of_face))
    for start in range(0, resamples, rows_at_once):
        rows = min(rows_at_once, resamples - start)
        parts = []
        for size in plan.sizes:
            draws = generator.integers(0, size, size=(rows, size), dtype=np.int32)
            draws += np.arange(rows, dtype=np.int32)[:, None] * size
            parts.append(np.bincount(draws.ravel(), minlength=rows * size).reshape(rows, size))
        yield np.concatenate(parts, axis=1).astype(np.float64)


def resample_metrics(
    plan: ResamplingPlan,
    rankings: Sequence[Ranking],
    thresholds: Sequence[float],
    *,
    names: Sequence[str],
    resamples: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Returns each metric of each ranking on the same resamples, float64 [rankings, resamples]."""
    places = [plan.unit_of_face[ranking.order] for ranking in rankings]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for unit_weights in draw_unit_weights(plan, resamples, seed):
        found = [
            weighted_metrics(ranking, unit_weights[:, place], threshold, names)
            for ranking, place, threshold in zip(rankings, places, thresholds, strict=True)
        ]
        for name in names:
            parts[name].append(np.stack([one[name] for one in found]))
    return {name: np.concatenate(chunks, axis=1) for name, chunks in parts.items()}


def bootstrap_metrics(
    labels: Sequence[int],
    scores: np.ndarray,
    groups: Sequence | None,
    threshold: float | Sequence[float],
    *,
    resamples: int = 2000,
    seed: int = 0,
    metrics: Sequence[str] = tuple(METRICS),
) -> dict[str, Interval]:
    """Returns each metric with a 95% percentile bootstrap interval (Efron & Tibshirani 1993).

    Faces are drawn within each class. When a group holds several faces, whole groups are drawn,
    within those that hold real faces only, fake faces only, or both. With several seeds the value
    is the mean over seeds, every seed sees the same resamples, and the interval tells how the
    mean would vary with other faces; `seed_spread` tells how it varies with the training.

    A value that every resample repeats would get an interval of no width. A share (accuracy, a
    recall) then gets Wilson's, for as many faces or groups as stand behind it, and balanced
    accuracy the mean of both recalls'. Any other metric does at exactly 0 or 1, for the smaller
    class; elsewhere (the AUC of a constant score) it gets none: nothing in it can vary.

    Args:
        labels: [n], 0 real and 1 fake.
        scores: [n], or [seeds, n], P(fake).
        groups: [n], what belongs together, or None.
        threshold: for all seeds, or one for each.
        resamples: how many.
        seed: of the draws.
        metrics: keys of METRICS.

    Raises:
        DataError: see `rank` and `plan_resampling`.
    """
    matrix = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    labels, _ = checked(labels, matrix[0])
    rankings = [rank(labels, row) for row in matrix]
    thresholds = np.broadcast_to(np.asarray(threshold, dtype=np.float64), len(matrix))
    plan = plan_resampling(labels, groups)
    drawn = resample_metrics(
        plan, rankings, thresholds, names=metrics, resamples=resamples, seed=seed
    )
    ones = np.ones((1, len(labels)))
    found = [
        weighted_metrics(ranking, ones, limit, (*metrics, *RECALLS))
        for ranking, limit in zip(rankings, thresholds, strict=True)
    ]
    values = {name: np.array([float(one[name][0]) for one in found]) for name in found[0]}
    recalls = tuple(float(values[name].mean()) for name in RECALLS)
    return {
        name: _interval(name, values[name], drawn[name].mean(axis=0), plan, recalls)
        for name in metrics
    }


def _interval(
    name: str,
    values: np.ndarray,
    drawn: np.ndarray,
    plan: ResamplingPlan,
    recalls: tuple[float, float],
) -> Interval:
    value = float(values.mean())
    low, high = (float(end) for end in np.percentile(drawn, (2.5, 97.5)))
    if high - low < SAME:
        low, high = _ends_without_spread(name, value, plan, recalls)
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Interval(value, low, high, spread)


def _ends_without_spread(
    name: str, value: float, plan: ResamplingPlan, recalls: tuple[float, float]
) -> tuple[float, float] | tuple[None, None]:
    """Returns the ends where every resample gave the same value: Wilson's, or none."""
    if name == "balanced_accuracy":
        bounds = [wilson(recall * n, n) for recall, n in zip(recalls, plan.units_with, strict=True)]
        return sum(each.low for each in bounds) / 2, sum(each.high for each in bounds) / 2
    reals, fakes = plan.units_with
    shares = {"accuracy": plan.units, "recall_real": reals}
    shares |= dict.fromkeys(("recall_fake", "tpr_at_fpr_1", "tpr_at_fpr_5"), fakes)
    if name in UNBOUNDED or (name not in shares and value not in (0.0, 1.0)):
        return None, None
    n = shares.get(name, min(reals, fakes))
    bound = wilson(value * n, n)
    return bound.low, bound.high
