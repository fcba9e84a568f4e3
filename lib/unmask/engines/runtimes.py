"""Opening an engine: from its files to a function from pictures to scores."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import DataError
from .kinds import FALLBACK, REFERENCE, Engine

# The runtimes are imported where they are needed: TensorFlow takes seconds to load, and any of
# them may be missing.

Scorer = Callable[[np.ndarray], np.ndarray]
INPUT = "pixels"
CHUNK = 32  # pictures scored at a time, the batches that the rates are measured in


def open_scorer(engine: Engine, folder: Path, load: Callable[[], Any], cores: int) -> Scorer:
    """Returns a function from uint8 `[n, height, width, 3]` to float64 P(fake) `[n]`, n above 0.

    Args:
        engine: which.
        folder: of the engine files.
        load: gives the Keras model, for Keras' own engines; see `load_model`.
        cores: that the engine may use; Keras' take what the process may use.

    Raises:
        ImportError: the package is not installed.
        DataError: this processor does not compute in the engine's precision.
        Exception: whatever a runtime raises for files that it cannot read.
    """
    if engine.name.startswith("keras"):
        return _open_keras(engine, load())
    opener = _open_openvino if engine.name.startswith("openvino") else _open_onnxruntime
    return opener(engine, folder / engine.file, cores)


def load_model(model_path: Path) -> Any:
    """Returns the saved Keras model, with Unmask's own layers known to Keras."""
    import keras

    from .. import detectors  # noqa: F401  (registers the layers)

    return keras.models.load_model(model_path, compile=False)


def import_openvino() -> ModuleType:
    """Returns OpenVINO, which tells nobody that it was imported.

    It reports every import to its makers through a package of its own, and does without where
    that package is missing; so it is made to be missing.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    reporter = "openvino_telemetry"
    hide = reporter not in sys.modules
    if hide:
        sys.modules[reporter] = None
    try:
        import openvino
    finally:
        if hide:
            del sys.modules[reporter]
    return openvino


def _open_keras(engine: Engine, model: Any) -> Scorer:
    from ..training.predict import compile_scorer

    if engine.name == REFERENCE:
        return lambda pictures: _flat(model.predict(pictures, batch_size=CHUNK, verbose=0))
    precision = "float32" if engine.name == FALLBACK else "mixed_bfloat16"
    return compile_scorer(model, precision)


def _open_onnxruntime(engine: Engine, path: Path, cores: int) -> Scorer:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores
    options.log_severity_level = 3
    # Threads that wait by spinning take the cores away from whoever computes next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda pictures: _flat(session.run(None, {INPUT: np.ascontiguousarray(pictures)})[0])


def _open_openvino(engine: Engine, path: Path, cores: int) -> Scorer:
    core = import_openvino().Core()
    wanted = "bf16" if engine.precision == "bfloat16" else "f32"
    if wanted == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise DataError("this processor has no instructions for bfloat16")
    options = {"INFERENCE_PRECISION_HINT": wanted, "INFERENCE_NUM_THREADS": cores}
    compiled = core.compile_model(core.read_model(path), "CPU", options)
    request, one_at_a_time = compiled.create_infer_request(), threading.Lock()

    def score(pictures: np.ndarray) -> np.ndarray:
        with one_at_a_time:  # a request holds its own buffers
            return _flat(request.infer([np.ascontiguousarray(pictures)])[0])

    return score


def _flat(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scores)[:, 0].astype(np.float64)
