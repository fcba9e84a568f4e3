"""A search as files, so that a worker in another process or machine can take part in it.

Everything lies in the search's own folder: job.json (settings and where the pictures are),
job_rows.npz (which of them to learn from), chief.json (where the chief listens, while it does)
and workers/ (a beat and a log of each).
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ...errors import DataError
from ...runs import read_json, write_json
from ..settings import Phase, TrainingData, TrainingSettings
from .settings import SearchSettings

ROWS = ("train_rows", "train_labels", "val_rows", "val_labels")


def write_job(own: Path, data: TrainingData, settings: SearchSettings) -> None:
    """Writes what a worker needs to train trials; pictures that lie in a file are not copied."""
    own.mkdir(parents=True, exist_ok=True)
    np.savez(own / "job_rows.npz", **{name: getattr(data, name) for name in ROWS})
    record = {"identity": data.identity, "fingerprint": data.fingerprint(), "fakes": data.fakes}
    for path in _files_of(data.pixels):
        # Relative, as another machine may have mounted the folder elsewhere.
        record["pixels"] = os.path.relpath(path, own)
        write_json(own / "job.json", {**record, "settings": asdict(settings)})
        if _same(own, data):
            return
    np.save(own / "job_pixels.npy", data.pixels)
    record["pixels"] = "job_pixels.npy"
    write_json(own / "job.json", {**record, "settings": asdict(settings)})


def read_job(own: Path) -> tuple[TrainingData, SearchSettings]:
    """Returns what `write_job` wrote.

    Raises:
        DataError: the pictures are not those of the search.
    """
    record = read_json(own / "job.json")
    path = (own / record["pixels"]).resolve()
    try:
        pixels = np.load(path, mmap_mode="r")
        with np.load(own / "job_rows.npz") as arrays:
            data = TrainingData(
                pixels,
                **{name: arrays[name] for name in ROWS},
                identity=record["identity"],
                fakes=record["fakes"],
            )
    except (OSError, ValueError) as error:
        raise DataError(
            f"A worker cannot read the pictures of the search at {path}: {error}",
            expected="the same project folder on every machine that takes part",
        ) from error
    if data.fingerprint() != record["fingerprint"]:
        raise DataError(
            f"The pictures at {path} are not those that the search began with.",
            expected="an unchanged array while a search runs",
            fix="run the search again",
        )
    return data, _settings_of(record["settings"])


def _settings_of(record: dict) -> SearchSettings:
    training = {name: _tupled(value) for name, value in record["training"].items()}
    training["phases"] = tuple(Phase(**phase) for phase in training["phases"])
    own = {name: _tupled(value) for name, value in record.items()}
    return SearchSettings(**{**own, "training": TrainingSettings(**training)})


def _tupled(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _files_of(pixels: np.ndarray) -> list[Path]:
    """Returns the .npy file that a memory map shows, if it is one."""
    name = getattr(pixels, "filename", None)
    return [Path(name)] if name and str(name).endswith(".npy") else []


def _same(own: Path, data: TrainingData) -> bool:
    """Whether the file holds these very pictures: a part of a memory map names its file too."""
    try:
        read, _ = read_job(own)
    except DataError:
        return False
    return read.pixels.shape == data.pixels.shape
