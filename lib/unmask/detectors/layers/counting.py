"""Histograms of whole numbers, many at a time."""

from __future__ import annotations

import keras
from keras import ops


def shares(codes, levels: int):
    """Returns how often each number 0..levels-1 occurs in each row, as shares of the row.

    Args:
        codes: int32 `[rows, places]`, each within 0..levels-1.
        levels: how many different numbers there are.

    Returns:
        float32 `[rows, levels]`; each row sums to 1.
    """
    # The one switch by backend: counting in one operation takes TensorFlow half the time, but
    # with JAX the length of its result cannot be known while tracing.
    count = counts_at_once if keras.backend.backend() == "tensorflow" else counts_by_segments
    return count(codes, levels) / ops.cast(ops.shape(codes)[1], "float32")


def counts_at_once(codes, levels: int):
    """Returns how often each number occurs in each row, float32 `[rows, levels]`."""
    counts = ops.bincount(codes, minlength=levels)
    return ops.cast(ops.reshape(counts, (-1, levels)), "float32")


def counts_by_segments(codes, levels: int):
    """Returns what `counts_at_once` does, with shapes that are known while tracing."""
    rows = ops.shape(codes)[0]
    places = codes + levels * ops.arange(rows, dtype="int32")[:, None]
    flat = ops.reshape(places, (-1,))
    ones = ops.ones_like(flat, dtype="float32")
    counts = ops.segment_sum(ones, flat, num_segments=rows * levels)
    return ops.reshape(counts, (-1, levels))
