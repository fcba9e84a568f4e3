"""One small network with all its engine files, built once, and folders as an export leaves them."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
from unmask import detectors
from unmask.engines.converting import convert
from unmask.engines.exporting import probe_pictures
from unmask.engines.kinds import ENGINES, EngineResult
from unmask.engines.machine import package_versions, this_machine
from unmask.engines.report import FILES, EngineReport, write_report
from unmask.engines.runtimes import open_scorer
from unmask.runs import sha256_file

SIDE = 12


@dataclass(frozen=True)
class Built:
    """A model with the files of all engines; `pictures` are uint8 [24, SIDE, SIDE, 3]."""

    folder: Path
    model: keras.Model
    reasons: dict[str, str]
    pictures: np.ndarray
    reference: np.ndarray

    @property
    def model_path(self) -> Path:
        return self.folder / "model.keras"

    def open(self, name: str):
        return open_scorer(ENGINES[name], self.folder / FILES, lambda: self.model, 1)

    def exported(self, target: Path, chosen: str, spare: str, **changes) -> Path:
        """Returns a folder as an export that chose `chosen` leaves it, with some fields changed."""
        shutil.copytree(self.folder, target)
        names = {file for name in (chosen, spare) for file in ENGINES[name].files}
        probes = probe_pictures((SIDE, SIDE, 3))
        fields = {
            "key": "",
            "model": "model.keras",
            "model_sha256": sha256_file(self.model_path),
            "input_shape": (SIDE, SIDE, 3),
            "threshold": 0.5,
            "tolerance": 1e-3,
            "faces": 24,
            "given": 24,
            "chosen": chosen,
            "spare": spare,
            "results": tuple(
                EngineResult(engine.name, engine.title, 100.0, 2.0, 0.0, 0, 24)
                for engine in ENGINES.values()
            ),
            "files": {name: sha256_file(target / FILES / name) for name in names},
            "probes": {name: self.open(name)(probes).tolist() for name in (chosen, spare)},
            "machine": this_machine(),
            "versions": package_versions(),
            "seconds": 1.0,
        }
        write_report(target, EngineReport(**{**fields, **changes}))
        return target


def spread_scores(model: keras.Model, pictures: np.ndarray) -> None:
    """Changes the last layer in place so that the logits of `pictures` have mean 0 and spread 1."""
    scores = model.predict(pictures, verbose=0).astype(np.float64)
    logits = np.log(scores / (1 - scores))
    kernel, bias = model.layers[-1].get_weights()
    spread = logits.std()
    model.layers[-1].set_weights([kernel / spread, (bias - logits.mean()) / spread])


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Built:
    folder = tmp_path_factory.mktemp("engines")
    keras.utils.set_random_seed(3)
    model = detectors.build_from_choices((SIDE, SIDE, 3), blocks=(8,), name="small")
    generator = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shapes = [weight.shape for weight in layer.get_weights()]
            layer.set_weights([generator.uniform(0.5, 1.5, shape) for shape in shapes])
    light = np.linspace(0.1, 1, 24)[:, None, None, None]
    pictures = (light * generator.integers(0, 256, (24, SIDE, SIDE, 3))).astype(np.uint8)
    spread_scores(model, pictures)
    model.save(folder / "model.keras")
    reasons = convert(model, folder / FILES, pictures)
    reference = model.predict(pictures, verbose=0)[:, 0].astype(np.float64)
    return Built(folder, model, reasons, pictures, reference)
