"""What a finished training leaves on disk: when it counts as done, and reading it back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

import keras
import pandas as pd

from ..detectors.saving import save_network
from ..runs import atomic_path, read_json, sha256_of, write_json
from .settings import TrainingData, TrainingResult, TrainingSettings


def training_key(
    model: keras.Model, data: TrainingData, settings: TrainingSettings, start: str = ""
) -> str:
    """Returns a hash of all that a training follows from.

    Args:
        model: its layers count, not its weights.
        data: their fingerprint counts.
        settings: every one counts.
        start: a hash of weights that no training will change, if they matter.
    """
    parts = {
        "keras": keras.__version__,
        "layers": describe_layers(model.layers),
        "data": data.fingerprint(),
        "settings": asdict(settings),
    }
    return sha256_of({**parts, "start": start} if start else parts)


def describe_layers(layers: Iterable[keras.layers.Layer]) -> str:
    """Returns layers and their configuration in words that a hash can be made of."""
    # Names do not count: Keras numbers those that were not given.
    return repr([(type(layer).__name__, {**layer.get_config(), "name": ""}) for layer in layers])


def read_result(folder: Path, key: str) -> TrainingResult | None:
    """Returns the finished training in `folder` if it is the one of `key`."""
    path = folder / "training.json"
    if not path.exists() or not (folder / "model.keras").exists():
        return None
    record = read_json(path)
    if record["key"] != key:
        return None
    history = pd.read_csv(folder / "history.csv")
    return _result(folder, record, history, len(history))


def write_result(
    folder: Path, model: keras.Model, history: pd.DataFrame, record: dict, resumed_from: int
) -> TrainingResult:
    """Writes model.keras and then training.json, and returns them as a result.

    Args:
        folder: holds history.csv already.
        model: of Keras' own layers and ours, float32, with the weights to keep.
        history: see `TrainingResult`.
        record: key, batch_size_asked, and the fields of `TrainingResult`.
        resumed_from: see `TrainingResult`.
    """
    with atomic_path(folder / "model.keras") as temporary:
        save_network(model, temporary)
    write_json(folder / "training.json", record)
    return _result(folder, record, history, resumed_from)


def _result(folder: Path, record: dict, history: pd.DataFrame, resumed: int) -> TrainingResult:
    known = {each.name for each in fields(TrainingResult)}
    read = {name: value for name, value in record.items() if name in known}
    return TrainingResult(
        model_path=folder / "model.keras", history=history, resumed_from=resumed, **read
    )
