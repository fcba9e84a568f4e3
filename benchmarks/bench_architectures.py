"""Every network by name: how fast it trains and scores, and whether it waits for its data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from bench_training_step import compile_plainly
from harness import compare
from rich.console import Console
from rich.table import Table
from unmask import detectors
from unmask.detectors.start import method_of
from unmask.training.batches import make_batches
from unmask.training.fast import accelerate
from unmask.training.fit import compile_for_training
from unmask.training.precision import choose_precision
from unmask.training.predict import compile_scorer
from unmask.training.settings import TrainingSettings

SIDE, BATCH_SIZE = 128, 16
PICTURES = 96
QUICK_SIDE = 64
QUICK_NAMES = ("two_block", "meso4", "cooccurrences")
AUGMENT = 0.5  # strength of the default augmentations while training: what batches cost to make
IN_STORE, MOST_STEPS, SECONDS = 8, 24, 1.5  # steps to use up, steps timed, and for how long
COMPILED, PREDICT = "compiled function (Unmask)", "Keras predict, float32"


@dataclass(frozen=True)
class Record:
    """What was measured of one network; the three about training are None where it has no steps.

    Attributes:
        name, side, parameters: of the network.
        predict: images/s and how many times plain Keras' that is.
        train: the same for a training step.
        waiting: share of a step that waits for its batch: the time that steps save when the same
            batch, already made, is given again and again.
    """

    name: str
    side: int
    parameters: int
    predict: tuple[float, float]
    train: tuple[float, float] | None = None
    waiting: float | None = None


def measure_all(quick: bool, rounds: int, folder: Path) -> Iterator[Record]:
    """Yields the record of each network, of three small ones when `quick`."""
    for name in QUICK_NAMES if quick else detectors.names():
        keras.backend.clear_session()
        side = max(QUICK_SIDE if quick else SIDE, detectors.smallest(name))
        yield _measure(name, side, rounds, write_pixels(folder, side))


def write_pixels(folder: Path, side: int) -> np.ndarray:
    """Returns memory-mapped pictures of noise."""
    path = folder / f"pixels_{side}.npy"
    if not path.exists():
        shape = (PICTURES, side, side, 3)
        np.save(path, np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    return np.load(path, mmap_mode="r")


def _measure(name: str, side: int, rounds: int, pixels: np.ndarray) -> Record:
    model = detectors.build(name, (side, side, 3))
    ours, theirs = compare(scoring_ways(model, np.asarray(pixels)), rounds)
    predict = (ours.images_per_second, theirs.speedup[0])
    record = Record(name, side, model.count_params(), predict)
    if method_of(name, "auto") != "gradient":
        return record  # its features are computed once, and its last layer is fitted at once
    fed, plain, cached = step_seconds(training_ways(name, side, pixels), rounds).T
    train = (BATCH_SIZE / float(np.median(fed)), float(np.median(plain / fed)))
    return replace(record, train=train, waiting=waiting_share(fed, cached))


def scoring_ways(model: keras.Model, pixels: np.ndarray) -> dict[str, Callable[[], int]]:
    """Returns scoring all pictures in batches, two ways."""
    score = compile_scorer(model)

    def compiled() -> int:
        for start in range(0, len(pixels), BATCH_SIZE):
            score(pixels[start : start + BATCH_SIZE])
        return len(pixels)

    def predict() -> int:
        model.predict(pixels, batch_size=BATCH_SIZE, verbose=0)
        return len(pixels)

    return {COMPILED: compiled, PREDICT: predict}


def training_ways(name: str, side: int, pixels: np.ndarray) -> list[Callable[[], object]]:
    """Returns one training step of all layers: ours, plainly compiled, and ours without feeding.

    Each has an iterator of its own that goes on for ever, as within one epoch.
    """
    shape = (side, side, 3)
    fast = accelerate(detectors.build(name, shape), choose_precision())
    compile_for_training(fast, TrainingSettings(), learning_rate=1e-4)
    simple = compile_plainly(detectors.build(name, shape), learning_rate=1e-4)
    rows = np.arange(len(pixels))

    def feed() -> tf.data.Dataset:
        options = {"batch_size": BATCH_SIZE, "augment": AUGMENT, "endless": True}
        return make_batches(pixels, rows, rows % 2, **options)

    def step_of(model: keras.Model, batches: tf.data.Dataset) -> Callable[[], object]:
        model.make_train_function()
        iterator = iter(batches)
        return lambda: model.train_function(iterator)

    one = tf.data.Dataset.from_tensors(next(iter(feed()))).cache().repeat()
    return [step_of(fast, feed()), step_of(simple, feed()), step_of(fast, one)]


def step_seconds(ways: list[Callable[[], object]], rounds: int) -> np.ndarray:
    """Returns `[rounds, ways]`: seconds a step, all ways taking turns.

    Before it is timed, each way uses up the batches that were made while others had their turn.
    """
    for step in ways:
        _run(step, 1, SECONDS)
    found = np.empty((rounds, len(ways)))
    for number in range(rounds):
        for place in np.roll(np.arange(len(ways)), -number):
            _run(ways[place], IN_STORE, SECONDS)
            found[number, place] = _run(ways[place], MOST_STEPS, SECONDS)
    return found


def _run(step: Callable[[], object], most: int, seconds: float) -> float:
    """Returns the mean time of up to `most` steps, as many as begin within `seconds`.

    A GPU takes steps faster than it computes them. What the last one gives, its loss and measures,
    is read before the clock stops, and steps are done in order.
    """
    done, started = 0, time.perf_counter()
    given = None
    while done < most and time.perf_counter() - started < seconds:
        given = step()
        done += 1
    tf.nest.map_structure(np.asarray, given)
    return (time.perf_counter() - started) / done


def waiting_share(fed: np.ndarray, cached: np.ndarray) -> float:
    """Returns the share of a fed step that a cached one saves, 0 where noise makes it slower."""
    return max(0.0, 1.0 - float(np.median(cached / fed)))


def show(records: list[Record], batch_size: int = BATCH_SIZE) -> None:
    """Prints one table."""
    title = (
        f"Networks in batches of {batch_size}; times faster than the same layers compiled plainly"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("network")
    for column in ("pixels", "parameters", "train images/s", "times", "waits for data"):
        table.add_column(column, justify="right")
    for column in ("score images/s", "times"):
        table.add_column(column, justify="right")
    for each in records:
        train = ("fitted at once", "", "")
        if each.train:
            train = (f"{each.train[0]:,.0f}", f"{each.train[1]:.1f}", f"{each.waiting:.0%}")
        predict = (f"{each.predict[0]:,.0f}", f"{each.predict[1]:.1f}")
        table.add_row(each.name, str(each.side), f"{each.parameters:,}", *train, *predict)
    Console(width=120).print(table)
