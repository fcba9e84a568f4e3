"""Training on when memory does not suffice: the same with half the batch."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf

from ..errors import DataError

Result = TypeVar("Result")
# What libraries below TensorFlow say in errors of other kinds.
SAYINGS = ("oom when allocating", "out of memory", "out_of_memory", "failed to allocate")


def is_out_of_memory(error: BaseException) -> bool:
    """Tells whether `error` says that memory, of a device or of the machine, did not suffice."""
    if isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError)):
        return True
    known = isinstance(error, (tf.errors.OpError, RuntimeError))
    return known and any(saying in str(error).lower() for saying in SAYINGS)


def with_smaller_batches(
    work: Callable[[int], Result], batch_size: int, what: str, devices: int = 1
) -> tuple[Result, int]:
    """Does `work` with batches of `batch_size`, halved as often as memory does not suffice.

    Args:
        work: takes the size of a batch; begun anew after a failure, or where it had come to.
        batch_size: to begin with.
        what: is done, for the message: "training".
        devices: that share a batch in equal parts; smaller ones stay divisible by their number
            while there is a picture for each.

    Returns:
        What `work` returns, and the size of the batches it did it with.

    Raises:
        DataError: one picture at a time is too much.
    """
    while True:
        try:
            return work(batch_size), batch_size
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            said = str(error).strip().splitlines()[0][:200] if str(error).strip() else ""
        # Here the traceback is gone, which held on to what filled the memory.
        gc.collect()
        if batch_size == 1:
            raise DataError(
                f"Memory does not suffice for {what} even one picture at a time ({said}).",
                expected="memory for the network and one picture",
                fix="use smaller faces, a smaller network or a machine with more memory",
            )
        batch_size = max(1, batch_size // 2)
        if batch_size > devices:
            batch_size -= batch_size % devices


def batch_notice(asked: int, used: int) -> str:
    """Returns what a reader must know when batches were smaller than asked for."""
    return (
        f"Memory did not suffice for batches of {asked} pictures; this training used {used} at a "
        "time. With another batch its numbers differ a little."
    )
