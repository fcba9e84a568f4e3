"""Turning a Keras model into the files of the other engines."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from .onnx_file import write_onnx
from .runtimes import INPUT, import_openvino

CALIBRATED_AT_ONCE = 8
PREAMBLE = ("Exception from", "Check '", "FrontEnd API", "Model wasn't", "Summary:")  # OpenVINO's
FAST, FAST_PACKAGES = "unmask[fast]", ("openvino", "onnxruntime", "onnx", "tf2onnx")
NOTHING_TO_ROUND = "hand-made features leave no trained arithmetic that int8 could speed up"
# The score itself, and what only scales values, stay in float32: they cost nothing, and eight
# bits of a logit are visible in the score.
KEPT_IN_FLOAT = ("Sigmoid", "MatMul", "Gemm", "Softmax", "Mul", "Sub", "Div")


def convert(model, folder: Path, pictures: np.ndarray) -> dict[str, str]:
    """Writes every engine file that can be made of `model`, each on its own.

    Args:
        model: a functional Keras model from pixels 0..255 to `[n, 1]`.
        folder: gets float32.onnx, int8.onnx, float32.xml, int8.xml (and their .bin).
        pictures: uint8 `[n, height, width, 3]`, by which int8 learns the range of each layer.

    Returns:
        Why a file could not be made, for the files that could not.
    """
    from ..training.fast import accelerate

    folder.mkdir(parents=True, exist_ok=True)
    fast = accelerate(model, "float32")
    shape = _shape_of(fast)
    ways: dict[str, Callable[[Path], None]] = {
        "float32.onnx": lambda path: write_onnx(fast, shape, path),
        "int8.onnx": lambda path: _quantize(folder / "float32.onnx", path, pictures),
        "float32.xml": lambda path: _write_openvino(fast, shape, path, folder / "float32.onnx"),
        "int8.xml": lambda path: _save_openvino(folder / "int8.onnx", path),
    }
    reasons = {} if _has_trained_features(model) else {"int8.onnx": NOTHING_TO_ROUND}
    needs = {"int8.onnx": "float32.onnx", "int8.xml": "int8.onnx"}
    for name, write in ways.items():
        if needs.get(name) in reasons:
            reasons.setdefault(name, reasons[needs[name]])
        if name in reasons:
            continue
        try:
            with _quietly():
                write(folder / name)
        except Exception as error:  # converters raise anything, and none may stop the others
            reasons[name] = reason_of(error)
    return reasons


def reason_of(error: BaseException, length: int = 160) -> str:
    """Returns the first line of what `error` says, less the folders in it, for a table."""
    if isinstance(error, ImportError):
        package = (error.name or str(error)).split(".")[0]
        extra = f" (pip install '{FAST}')" if package in FAST_PACKAGES else ""
        return f"{package} is not installed{extra}"
    lines = [line.strip(" -") for line in str(error).splitlines() if line.strip(" -")]
    lines = [line for line in lines if not line.startswith(PREAMBLE)] or lines
    text = re.sub(r"(?:/[^\s/:]+)+/", "", lines[0]) if lines else type(error).__name__
    return text if len(text) <= length else text[: length - 1] + "…"


def _has_trained_features(model) -> bool:
    """Returns whether a layer before the last multiplies by trained numbers."""
    return any(getattr(layer, "kernel", None) is not None for layer in model.layers[:-1])


def _shape_of(model):
    import tensorflow as tf

    return tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8, name=INPUT)


def _quantize(source: Path, path: Path, pictures: np.ndarray) -> None:
    """Writes int8 weights, and uint8 between the layers (Jacob et al., 2018, arXiv:1712.05877)."""
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = path.with_name(f"prepared_{path.name}")
    try:
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        nodes = onnx.load(str(prepared)).graph.node
        quantization.quantize_static(
            str(prepared),
            str(path),
            _Batches(pictures),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            nodes_to_exclude=[node.name for node in nodes if node.op_type in KEPT_IN_FLOAT],
        )
    finally:
        prepared.unlink(missing_ok=True)


class _Batches:
    """What the quantizer reads pictures from: a batch a call, then None."""

    def __init__(self, pictures: np.ndarray):
        starts = range(0, len(pictures), CALIBRATED_AT_ONCE)
        self._batches = iter([pictures[start : start + CALIBRATED_AT_ONCE] for start in starts])

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: np.ascontiguousarray(batch)}


def _write_openvino(model, shape, path: Path, detour: Path) -> None:
    """Converts what Keras exports; where OpenVINO lacks an operation, the file `detour`."""
    import keras

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", lambda pixels: model(pixels, training=False), [shape])
    with tempfile.TemporaryDirectory() as name:
        archive.write_out(name, verbose=False)
        try:
            _save_openvino(Path(name), path)
        except RuntimeError:
            if not detour.exists():
                raise
            _save_openvino(detour, path)


def _save_openvino(source: Path, path: Path) -> None:
    openvino = import_openvino()
    # Unlike `convert_model`, which does the same and more, `read_model` reports to nobody.
    openvino.save_model(openvino.Core().read_model(source), path, compress_to_fp16=False)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keeps converters from writing into a notebook."""
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
