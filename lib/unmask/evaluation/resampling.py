"""What is drawn with replacement: faces within each class, or whole groups of faces."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import ThreadpoolController

from ..errors import DataError
from .metrics import METRICS, check_names
from .ranking import Columns, Ranking, WeightedCounts

CHUNK_ELEMENTS = 400_000  # weights in flight: about 3 MB an array, which stays in the cache


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


def plan_resampling(
    labels: np.ndarray, groups: Sequence | None, *, one_class: bool = False
) -> ResamplingPlan:
    """Returns the plan for n faces: faces within each class, or groups within each class mix.

    Args:
        labels: [n], 0 real and 1 fake.
        groups: [n], what belongs together; None, or all different, when faces are independent.
        one_class: whether faces of one class only are welcome.

    Raises:
        DataError: `groups` has another length, or a class is missing.
    """
    labels = np.asarray(labels)
    if groups is not None and len(groups) != len(labels):
        raise DataError(f"{len(groups)} groups for {len(labels)} faces.", expected="one a face")
    if len(np.unique(labels)) < 2 and not one_class:
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


def resample_counts(
    plan: ResamplingPlan, columns: Sequence[Columns], resamples: int, seed: int
) -> Iterator[list[WeightedCounts]]:
    """Yields the sums behind the metrics of each ranking, of some resamples at a time."""
    places = [plan.unit_of_face[each.ranking.order] for each in columns]
    for unit_weights in draw_unit_weights(plan, resamples, seed):
        yield [
            WeightedCounts(each, unit_weights[:, place])
            for each, place in zip(columns, places, strict=True)
        ]


def resample_metrics(
    plan: ResamplingPlan,
    rankings: Sequence[Ranking],
    thresholds: Sequence[float],
    *,
    names: Sequence[str],
    resamples: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Returns each metric of each ranking on the same resamples, float64 [rankings, resamples].

    Raises:
        UsageError: a metric is not known.
    """
    check_names(names)
    columns = [Columns(*pair) for pair in zip(rankings, thresholds, strict=True)]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    with thread_pools().limit(limits=1):
        for counts in resample_counts(plan, columns, resamples, seed):
            for name in names:
                parts[name].append(np.stack([METRICS[name](one) for one in counts]))
    return {name: np.concatenate(chunks, axis=1) for name, chunks in parts.items()}


@functools.cache
def thread_pools() -> ThreadpoolController:
    """Returns the controller of numpy's threads: products this small lose more than they gain."""
    return ThreadpoolController()
