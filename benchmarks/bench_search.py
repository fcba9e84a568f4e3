"""How soon a search finds good networks: Unmask's against keras-tuner's RandomSearch."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import keras_tuner
import numpy as np
from rich.console import Console
from rich.table import Table
from unmask.dataset.face_set import FaceSet
from unmask.dataset.preprocess import build_faces
from unmask.dataset.settings import PreprocessSettings
from unmask.detectors import build_from_choices
from unmask.runs import read_json
from unmask.sources.demo import render_demo
from unmask.sources.files_table import build_files_table
from unmask.training.member import training_data
from unmask.training.search import SearchSettings, search, split_choices
from unmask.training.search.spaces import choices_of, space_of
from unmask.training.settings import TrainingData, TrainingSettings

BATCH_SIZE = 32
# (time, validation AUC) of each result as it came, and the epochs trained in all
Results = tuple[list[tuple[float, float]], int]
# faces: identities, pictures of each; side in pixels; trials; epochs of each
SIZE, QUICK_SIZE = (32, 5, 48, 9, 9), (24, 4, 48, 6, 4)


@dataclass(frozen=True)
class Found:
    """What one way of searching found.

    Attributes:
        way: its name.
        trials: networks tried.
        epochs: trained in all.
        seconds, cpu_seconds: of the whole search, by the clock and of all cores.
        trials_per_hour: networks tried an hour, by the clock.
        best: highest validation AUC, each network's at its epoch of the lowest validation loss.
        by_minute: (minutes, the best so far) after each trial that improved on it.
    """

    way: str
    trials: int
    epochs: int
    seconds: float
    cpu_seconds: float
    trials_per_hour: float
    best: float
    by_minute: list[tuple[float, float]]


def measure(quick: bool, folder: Path) -> list[Found]:
    """Searches the reference space with three ways, over the same networks and faces."""
    identities, pictures, side, trials, epochs = QUICK_SIZE if quick else SIZE
    data = demo_faces(folder / "faces", identities, pictures, side)
    shared = TrainingSettings(epochs=epochs, patience=epochs, batch_size=BATCH_SIZE, seed=1)
    random = SearchSettings(trials=trials, epochs=epochs, training=shared)
    halving = SearchSettings(method="halving", trials=trials, epochs=epochs, training=shared)
    # Whatever TensorFlow does once in a process must not count for the first way.
    search(data, SearchSettings(trials=1, epochs=1, training=shared), folder / "warm", _quiet)
    ways: dict[str, Callable[[], Results]] = {
        "RandomSearch on plain Keras": lambda: plain_search(data, random, folder),
        "random, all epochs (Unmask)": lambda: own_search(data, random, folder / "random"),
        "halving (Unmask)": lambda: own_search(data, halving, folder / "halving"),
    }
    return [_timed(way, trials, run) for way, run in ways.items()]


def demo_faces(folder: Path, identities: int, pictures: int, side: int) -> TrainingData:
    """Renders the demo's faces and returns its training and validation faces."""
    settings = PreprocessSettings(size=side, held_out_generators=())
    # Progress goes to the standard error, which no table needs.
    with contextlib.redirect_stderr(io.StringIO()):
        rendered = render_demo(folder / "raw", identities=identities, pictures=pictures, clips=0)
        files = build_files_table(rendered, dataset="demo", jobs=1)
        build_faces(files, folder / "preprocess", settings)
    faces = FaceSet.load(folder)
    return training_data(faces.pixels, faces.table)


def own_search(data: TrainingData, settings: SearchSettings, folder: Path) -> Results:
    """Unmask's search; a trial that halving lets train on has a result at each look."""
    seen: dict[tuple[str, float], tuple[float, float]] = {}

    def look(fraction: float = 0.0, message: str = "") -> None:
        for path in folder.glob("*/trial_*/result.json"):
            measures = read_json(path)["measures"]
            result = (path.stat().st_mtime, measures["val_auc"])
            seen.setdefault((str(path), measures["epochs"]), result)

    found = search(data, settings, folder, look)
    look()
    return list(seen.values()), int(found.trials["epochs"].sum())


def plain_search(data: TrainingData, settings: SearchSettings, folder: Path) -> Results:
    """keras-tuner's RandomSearch as its guide has it: all epochs, pictures in memory."""
    results: list[tuple[float, float]] = []
    train = (np.asarray(data.pixels[data.train_rows]), data.train_labels.astype("float32"))
    val = (np.asarray(data.pixels[data.val_rows]), data.val_labels.astype("float32"))

    class Plain(keras_tuner.HyperModel):
        def build(self, hp):
            network, training = split_choices(choices_of(hp.values))
            model = build_from_choices(data.pixels.shape[1:], **network)
            model.compile(
                optimizer=keras.optimizers.Adam(training["learning_rate"]),
                loss="binary_crossentropy",
                metrics=["accuracy", keras.metrics.AUC(name="auc")],
            )
            return model

        def fit(self, hp, model, *arguments, **options):
            history = model.fit(*arguments, **options).history
            auc = float(history["val_auc"][int(np.argmin(history["val_loss"]))])
            results.append((time.time(), auc))
            return -auc  # keras-tuner makes a bare number as small as it can

    keras.utils.set_random_seed(settings.training.seed)
    tuner = keras_tuner.RandomSearch(
        Plain(),
        max_trials=settings.trials,
        seed=settings.training.seed,
        hyperparameters=space_of(settings, data.pixels.shape[1]),
        directory=str(folder),
        project_name="plain",
    )
    options = {"epochs": settings.epochs, "batch_size": BATCH_SIZE, "verbose": 0}
    tuner.search(*train, validation_data=val, **options)
    return results, settings.epochs * len(results)


def _timed(way: str, trials: int, run: Callable[[], Results]) -> Found:
    started, worked, began = time.perf_counter(), time.process_time(), time.time()
    results, epochs = run()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - worked
    curve: list[tuple[float, float]] = []
    for when, auc in sorted(results):
        if not curve or auc > curve[-1][1]:
            curve.append(((when - began) / 60, auc))
    print(f"{way}: {seconds:.0f} s", flush=True)
    per_hour = trials * 3600 / seconds
    return Found(way, trials, epochs, seconds, cpu_seconds, per_hour, curve[-1][1], curve)


def at_minute(found: Found, minute: float) -> float:
    """Returns the best validation AUC that a search had after so many minutes, 0 for none."""
    return max((auc for when, auc in found.by_minute if when <= minute), default=0.0)


def show(title: str, ways: list[Found]) -> None:
    """Prints the comparison as a table."""
    slowest = max(found.seconds for found in ways) / 60
    marks = [slowest * share for share in (0.125, 0.25, 0.5, 1.0)]
    table = Table(title=title, title_justify="left")
    table.add_column("way")
    columns = ("epochs", "seconds", "CPU s", "trials/hour", "best AUC")
    for column in (*columns, *(f"after {mark:.1f} min" for mark in marks)):
        table.add_column(column, justify="right")
    for found in ways:
        after = (at_minute(found, mark) for mark in marks)
        table.add_row(
            found.way,
            str(found.epochs),
            f"{found.seconds:.0f}",
            f"{found.cpu_seconds:.0f}",
            f"{found.trials_per_hour:.0f}",
            f"{found.best:.3f}",
            *(f"{auc:.3f}" if auc else "–" for auc in after),
        )
    Console(width=140).print(table)


def as_record(title: str, ways: list[Found]) -> dict:
    """Returns the comparison as plain data."""
    return {"title": title, "ways": [asdict(found) for found in ways]}


def _quiet(fraction: float, message: str) -> None:
    """Takes progress and does nothing."""
