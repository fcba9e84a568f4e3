"""Writing ONNX files, with the operations that tf2onnx does not know or makes slow."""

from __future__ import annotations

from pathlib import Path

import numpy as np

OPSET = 17  # of ONNX


def write_onnx(model, shape, path: Path) -> None:
    """Writes a Keras model as an ONNX file.

    Args:
        model: whose last layer gives the scores.
        shape: a `tf.TensorSpec` of the pictures.
        path: of the file.

    Raises:
        Exception: whatever a converter raises for an operation that it does not know.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx

    @tf.function(input_signature=[shape], autograph=False)
    def forward(pixels):
        return model(pixels, training=False)

    tf2onnx.convert.from_function(
        forward,
        [shape],
        opset=OPSET,
        output_path=str(path),
        custom_op_handlers={name: (write, []) for name, write in WRITERS.items()},
    )
    try:
        # An operation that ONNX lacks was only written down as it is.
        onnx.checker.check_model(str(path))
    except Exception:
        path.unlink(missing_ok=True)
        raise


def _write_log1p(context, node, name: str, arguments: list) -> None:
    """Writes log(1 + x), which tf2onnx does not know."""
    _write_after_one(context, node, "Add", inner="", outer="Log")


def _write_erfc(context, node, name: str, arguments: list) -> None:
    """Writes 1 - erf(x), which tf2onnx does not know; GELU is made of it."""
    _write_after_one(context, node, "Sub", inner="Erf", outer="")


def _write_after_one(context, node, operation: str, inner: str, outer: str) -> None:
    """Replaces `node` by outer(1 operation inner(x)); an empty name leaves a function out."""
    (given,), (result,) = node.input, node.output
    dtype, shape = context.get_dtype(result), context.get_shape(result)
    context.remove_node(node.name)
    one = context.make_const(f"{node.name}_one", np.ones((), np.float32)).output[0]
    steps = [step for step in ((inner, ()), (operation, (one,)), (outer, ())) if step[0]]
    for place, (kind, before) in enumerate(steps):
        last = place == len(steps) - 1
        made = context.make_node(
            kind,
            [*before, given],
            outputs=[result] if last else None,
            name=f"{node.name}_{kind}",
            shapes=[shape],
            dtypes=[dtype],
        )
        given = made.output[0]


def _write_counts(context, node, name: str, arguments: list) -> None:
    """Writes how often each whole number occurs in each row: ones, added where the number says.

    tf2onnx sorts the numbers of all rows instead, which takes many times as long and much memory.
    """
    from onnx import TensorProto, helper

    codes, size, weights = node.input
    (result,) = node.output
    dtype, shape = context.get_dtype(result), context.get_shape(result)
    if context.get_rank(codes) != 2 or 0 not in (context.get_shape(weights) or [1]):
        raise ValueError("Only unweighted counts in rows can be written.")

    def make(kind: str, given: list[str], **options) -> str:
        return context.make_node(kind, given, attr=options).output[0]

    def filled(shape_of_it: str, value: float) -> str:
        tensor = helper.make_tensor("value", TensorProto.FLOAT, [1], [value])
        return make("ConstantOfShape", [shape_of_it], value=tensor)

    def number(value: int, role: str) -> str:
        return context.make_const(f"{node.name}_{role}", np.array([value], np.int64)).output[0]

    context.remove_node(node.name)
    places = make("Cast", [codes], to=TensorProto.INT64)
    extent = make("Shape", [places])
    rows = make("Slice", [extent, number(0, "start"), number(1, "end")])
    length = make("Cast", [size], to=TensorProto.INT64)
    length = make("Reshape", [length, number(-1, "flat")])
    zeros = filled(make("Concat", [rows, length], axis=0), 0.0)
    counts = make("ScatterElements", [zeros, places, filled(extent, 1.0)], axis=1, reduction="add")
    context.make_node(
        "Cast", [counts], attr={"to": dtype}, outputs=[result], shapes=[shape], dtypes=[dtype]
    )


WRITERS = {"Log1p": _write_log1p, "Erfc": _write_erfc, "DenseBincount": _write_counts}
