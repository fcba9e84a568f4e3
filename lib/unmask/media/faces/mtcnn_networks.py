"""The three networks of MTCNN, from the weights of the package `mtcnn`, for ONNX Runtime.

The package runs them through TensorFlow, layer by layer, which takes seconds to load and more than
a hundred milliseconds a picture. Their weights are plain arrays, so that the same networks can be
written as ONNX graphs and run without it: sizes of any kind, batches, several threads at once.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError

# convolutions and pooling: the side of a pooling window and how its border is treated
LAYERS = {
    "pnet": ("conv", "pool 2 same", "conv", "conv"),
    "rnet": ("conv", "pool 3 same", "conv", "pool 3 valid", "conv", "flat", "dense"),
    "onet": (
        *("conv", "pool 3 same", "conv", "pool 3 valid", "conv", "pool 2 same", "conv"),
        *("flat", "dense"),
    ),
}
HEADS = {"pnet": 2, "rnet": 2, "onet": 3}  # box, (landmarks,) and class, in this order
OPERATOR_SET = 17
RUNTIME = ("onnx", "onnxruntime")

Network = Callable[[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class Networks:
    """Each takes float32 `[n, 3, height, width]`, values -1..1, and returns float32 arrays.

    Attributes:
        propose: any size; box offsets `[n, 4, rows, columns]` and P(face) `[n, rows, columns]`.
        refine: 24 x 24; offsets `[n, 4]` and P(face) `[n]`.
        place: 48 x 48; offsets, landmarks `[n, 10]` (five x, five y; 0..1 of the box), P(face).
    """

    propose: Network
    refine: Network
    place: Network


def load_networks() -> Networks:
    """Reads the weights of the installed package `mtcnn` and makes its networks.

    Raises:
        DataError: the package, or what is needed to read its weights or to run it, is not
            installed.
    """
    for name in RUNTIME:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise DataError(
                f"MTCNN cannot be used: the package {name} that runs it is not installed.",
                expected="what the extra `fast` brings, or YuNet's file (UNMASK_YUNET=FILE)",
                fix="pip install 'unmask[fast]', or search faces with YuNet",
            ) from error
    return Networks(*(_open_network(name) for name in LAYERS))


def read_weights(name: str) -> list[np.ndarray]:
    """Returns the weights of "pnet", "rnet" or "onet", as Keras orders them.

    Raises:
        DataError: see `load_networks`.
    """
    try:
        import joblib
        import lz4.frame  # noqa: F401  (joblib reads the files with it)
    except ImportError as error:
        raise _not_installed() from error
    package = importlib.util.find_spec("mtcnn")  # found without being imported: no TensorFlow
    if package is None or not package.submodule_search_locations:
        raise _not_installed()
    path = Path(package.submodule_search_locations[0]) / "assets" / "weights" / f"{name}.lz4"
    if not path.is_file():
        raise _not_installed()
    return joblib.load(path)


def _not_installed() -> DataError:
    return DataError(
        "MTCNN cannot be used: its package or the weights in it are not installed.",
        expected="the packages mtcnn and lz4, as requirements.lock has them",
        fix="install the lock's packages again, or search faces with YuNet",
    )


def _open_network(name: str) -> Network:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Threads that wait for work in a loop would take the cores from what else is running.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        write_graph(name, read_weights(name)), options, providers=["CPUExecutionProvider"]
    )

    def run(pixels: np.ndarray) -> list[np.ndarray]:
        *rest, chances = session.run(None, {"pixels": pixels})
        return [*rest, chances[:, 1]]

    return run


def write_graph(name: str, weights: Sequence[np.ndarray]) -> bytes:
    """Returns a network as the bytes of an ONNX file."""
    from onnx import TensorProto, helper

    graph = _Graph(iter(weights))
    for layer in LAYERS[name]:
        graph.add_layer(layer)
    outputs = [graph.add_head(last=head == HEADS[name] - 1) for head in range(HEADS[name])]
    side = {"pnet": None, "rnet": 24, "onet": 48}[name]
    made = helper.make_graph(
        graph.nodes,
        name,
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [None, 3, side, side])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None) for output in outputs],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPERATOR_SET)])
    model.ir_version = 8
    return model.SerializeToString()


class _Graph:
    """A graph in the making: its nodes, its constants, and the name of the last result."""

    def __init__(self, weights: Any):
        self.weights, self.last, self.flat = weights, "pixels", False
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add_layer(self, layer: str) -> None:
        """Adds one layer of `LAYERS`; those with weights end in a PReLU."""
        kind, *options = layer.split()
        if kind == "pool":
            side, border = int(options[0]), options[1]
            pad = {"same": "SAME_UPPER", "valid": "VALID"}[border]
            self._add(
                "MaxPool", [self.last], kernel_shape=[side, side], strides=[2, 2], auto_pad=pad
            )
        elif kind == "flat":  # the weights come from Caffe's order: columns, rows, channels
            self._add("Transpose", [self.last], perm=[0, 3, 2, 1])
            self._add("Flatten", [self.last], axis=1)
            self.flat = True
        else:
            self._add_weighted()
            slope = next(self.weights).reshape(-1)
            shape = (-1,) if self.flat else (-1, 1, 1)
            self._add("PRelu", [self.last, self._constant(slope.reshape(shape))])

    def add_head(self, last: bool) -> str:
        """Adds an output on top of the last layer; the last one is a softmax. Returns its name."""
        body = self.last
        self._add_weighted()
        if last:
            self._add("Softmax", [self.last], axis=1)
        output, self.last = self.last, body
        return output

    def _add_weighted(self) -> None:
        kernel, bias = next(self.weights), next(self.weights)
        if self.flat:
            inputs = [self.last, self._constant(kernel), self._constant(bias)]
            self._add("Gemm", inputs)
        else:
            kernel = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
            self._add("Conv", [self.last, self._constant(kernel), self._constant(bias)])

    def _constant(self, values: np.ndarray) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def _add(self, kind: str, inputs: list[str], **options: Any) -> None:
        from onnx import helper

        self.last = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [self.last], **options))
