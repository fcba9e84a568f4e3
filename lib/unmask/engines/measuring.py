"""How fast engines are, measured side by side, and how far their scores lie from Keras'."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from .kinds import ENGINES, EngineResult
from .runtimes import CHUNK, Scorer

SINGLES = 3  # single pictures timed in each round
ENOUGH = 10.0  # seconds after which an engine is timed no more


def score_all(score: Scorer, pixels: np.ndarray) -> np.ndarray:
    """Returns float64 `[n]`: `score` of uint8 `[n, height, width, 3]`, a chunk at a time."""
    starts = range(0, len(pixels), CHUNK)
    parts = [score(np.asarray(pixels[start : start + CHUNK])) for start in starts]
    return np.concatenate(parts) if parts else np.empty(0)


def compare_scores(
    scores: np.ndarray, reference: np.ndarray, threshold: float
) -> tuple[float, int]:
    """Returns the largest difference of two `[n]` scores, and how many verdicts differ."""
    largest = float(np.abs(scores - reference).max(initial=0.0))
    return largest, int(((scores >= threshold) != (reference >= threshold)).sum())


def measure_speed(
    scorers: Mapping[str, Scorer],
    pictures: np.ndarray,
    rounds: int,
    progress: Callable[[float], None] = lambda fraction: None,
) -> dict[str, tuple[float, float]]:
    """Returns images a second in batches of 32, and milliseconds for one picture, of each.

    All take turns in every round, each round beginning with another, so that a busy machine is
    busy for all; each has run before the first. Medians over the rounds, of which a very slow
    engine takes fewer.

    Args:
        scorers: by name.
        pictures: uint8 `[n, height, width, 3]`.
        rounds: how often.
        progress: told the share that is done.
    """
    batch = pictures[np.arange(CHUNK) % len(pictures)]
    names = list(scorers)
    batches: dict[str, list[float]] = {name: [] for name in names}
    singles: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        scorers[name](batch)
        scorers[name](batch[:1])
    for number in range(rounds):
        turn = number % max(len(names), 1)
        for name in names[turn:] + names[:turn]:
            if sum(batches[name]) + sum(singles[name]) > ENOUGH:
                continue
            batches[name].append(_seconds(scorers[name], batch))
            for place in range(SINGLES):
                singles[name].append(_seconds(scorers[name], batch[place : place + 1]))
        progress((number + 1) / rounds)
    return {
        name: (float(CHUNK / np.median(batches[name])), float(np.median(singles[name]) * 1000))
        for name in names
    }


def result_of(
    name: str,
    speed: tuple[float, float],
    scores: np.ndarray,
    reference: np.ndarray,
    threshold: float,
) -> EngineResult:
    """Returns the row of an engine that ran; `speed` as `measure_speed` gives it."""
    title = ENGINES[name].title
    if not np.isfinite(scores).all():
        return EngineResult(name, title, reason="some of its scores are not numbers")
    largest, flipped = compare_scores(scores, reference, threshold)
    return EngineResult(name, title, *speed, largest, flipped, len(reference))


def _seconds(score: Scorer, pictures: np.ndarray) -> float:
    started = time.perf_counter()
    score(pictures)
    return time.perf_counter() - started
