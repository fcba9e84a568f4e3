"""How fast each engine scores a network, and how far its scores lie from Keras'."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.table import Table
from unmask import detectors
from unmask.engines import EngineReport, export
from unmask.engines.kinds import keeps_the_scores

# network, side in pixels, pictures that the scores are compared on
NETWORKS = (("two_block", 128, 128), ("resnet50", 224, 64), ("cooccurrences", 128, 128))
QUICK_NETWORKS = (("two_block", 128, 32), ("cooccurrences", 128, 32))


def measure(name: str, side: int, count: int, rounds: int) -> EngineReport:
    """Exports the network `name` with random weights, and returns what was measured.

    Its logits are brought to mean 0 and spread 1 on the pictures, so that differences of scores
    mean something; a trained network has its own.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    pictures = draw_pictures(count, side)
    model = detectors.build(name, (side, side, 3))
    spread_scores(model, pictures)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return export(path, folder, pictures, most=count, rounds=rounds)


def draw_pictures(count: int, side: int) -> np.ndarray:
    """Returns uint8 `[count, side, side, 3]`: coarse shapes of different contrast, and noise."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (count, 8, 8, 3)).repeat(side // 8, 1).repeat(side // 8, 2)
    contrast = generator.uniform(0.2, 1, (count, 1, 1, 1))
    noise = generator.normal(0, 1, coarse.shape) * generator.uniform(0, 12, (count, 1, 1, 1))
    return np.clip(128 + contrast * (coarse - 128) + noise, 0, 255).astype(np.uint8)


def spread_scores(model: keras.Model, pictures: np.ndarray) -> None:
    """Changes the last layer in place so that the logits of `pictures` have mean 0 and spread 1."""
    features = keras.Model(model.input, model.layers[-1].input)
    values = features.predict(pictures, batch_size=16, verbose=0).astype(np.float64)
    kernel, _ = model.layers[-1].get_weights()
    if not kernel.any():
        kernel = np.random.default_rng(1).normal(size=kernel.shape)
    logits = values @ kernel
    scale = 1 / max(float(logits.std()), 1e-9)
    model.layers[-1].set_weights([kernel * scale, -logits.mean(0) * scale])


def show(title: str, report: EngineReport) -> None:
    """Prints the engines of one network as a table."""
    table = Table(title=title, title_justify="left")
    table.add_column("engine")
    columns = ("images/s", "one image, ms", "largest difference", "flipped", "")
    for column in columns:
        table.add_column(column, justify="right")
    for each in report.results:
        if each.reason:
            table.add_row(each.title, "", "", "", "", each.reason)
            continue
        fate = "chosen" if each.engine == report.chosen else ""
        if not keeps_the_scores(each, report.tolerance):
            fate = "changes scores"
        table.add_row(
            each.title,
            f"{each.images_per_second:,.0f}",
            f"{each.latency_milliseconds:.1f}",
            f"{each.largest_difference:.1e}",
            f"{each.flipped} of {each.faces}",
            fate,
        )
    Console(width=120).print(table)


def as_record(title: str, report: EngineReport) -> dict:
    """Returns one network's engines as plain data."""
    return {
        "title": title,
        "chosen": report.chosen,
        "machine": report.machine,
        "engines": [asdict(each) for each in report.results],
    }
