"""Pictures changed on purpose, by so little that nobody sees it, until the detector is wrong.

FGSM (Goodfellow et al. 2015, arXiv:1412.6572) takes one step along the sign of the gradient, PGD
(Madry et al. 2018, arXiv:1706.06083) several, within a budget: no value of a pixel moves by more
than `budget` of its 255 grey levels. Here every step stays on whole grey levels, so that what is
scored is a picture that can be saved as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import DataError
from .robustness import AttackMethods

Gradient = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
BATCH = 32


def logit_and_gradient(model: Any) -> Gradient:
    """Returns a function from pictures to the network's logit [n] and its gradient by the pixels.

    Of the logit, not of the loss: where a score has been rounded to 0 or 1 the loss has no slope
    any more, and an attack that follows it mistakes that for a robust network. For a given label
    the loss is a monotone function of the logit, so the sign of its gradient is the same.

    Args:
        model: a Keras network from pixels 0..255 to one sigmoid; its preprocessing inside.

    Returns:
        From pixels `[n, side, side, 3]` (any type) to logits `[n]` and gradients
        `[n, side, side, 3]`, in the network's own precision.

    Raises:
        DataError: the network does not end in a sigmoid.
    """
    to_logit = _to_logit(model)
    dtype = tf.as_dtype(model.layers[-1].compute_dtype)
    signature = tf.TensorSpec((None, *model.input_shape[1:]), dtype)

    @tf.function(input_signature=[signature], autograph=False)
    def both(pictures):
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            logits = to_logit(pictures)
        return logits, tape.gradient(logits, pictures)

    def gradient(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, slopes = both(tf.cast(pictures, dtype))
        return logits.numpy(), slopes.numpy()

    return gradient


def fgsm(gradient: Gradient, faces: np.ndarray, labels: np.ndarray, budget: int) -> np.ndarray:
    """Returns faces after one step of `budget` grey levels against their labels.

    Args:
        gradient: made by `logit_and_gradient`.
        faces: uint8 `[n, side, side, 3]`.
        labels: [n], 1 fake, 0 real.
        budget: whole grey levels, L-infinity.
    """
    faces = np.asarray(faces)
    signs = _in_batches(lambda part: _signs(gradient(faces[part])[1]), len(faces))
    away = _away_from(labels)[:, None, None, None]
    return _within(faces + budget * away * signs, faces, budget)


def pgd(
    gradient: Gradient,
    faces: np.ndarray,
    labels: np.ndarray,
    budget: int,
    *,
    steps: int = 8,
    seed: int = 0,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Returns for each face the worst picture found within the budget.

    Starts at a random place within it (or at `start`), steps by a quarter of it (at least one
    grey level), and keeps for each face the visited picture that is furthest on the wrong side.
    The clean one and that of `fgsm` are visited too, so it never does less harm than `fgsm`.

    Args:
        gradient, faces, labels, budget: see `fgsm`.
        steps: gradient steps.
        seed: of the random start.
        start: uint8 `[n, side, side, 3]`, pictures within a smaller budget, to go on from; then
            more budget never means less harm.
    """
    faces, labels = np.asarray(faces), np.asarray(labels)

    def climb(part: slice) -> np.ndarray:
        if start is None:
            generator = np.random.default_rng([seed, part.start])
            moves = generator.integers(-budget, budget + 1, faces[part].shape, dtype=np.int16)
            first = _within(faces[part] + moves, faces[part], budget)
        else:
            first = start[part]
        return _climb(gradient, faces[part], labels[part], first, budget, steps)

    return _in_batches(climb, len(faces))


def random_signs(faces: np.ndarray, budget: int, seed: int = 0) -> np.ndarray:
    """Returns faces whose every value moved by `budget` up or down at random: the control."""
    generator = np.random.default_rng(seed)
    signs = generator.integers(0, 2, faces.shape, dtype=np.int16) * 2 - 1
    return _within(np.asarray(faces) + budget * signs, faces, budget)


def _climb(gradient, faces, labels, pictures, budget, steps) -> np.ndarray:
    away = _away_from(labels)
    towards = away[:, None, None, None]
    logits, slopes = gradient(faces)
    best, harm = faces.copy(), away * logits
    one_step = _within(faces + budget * towards * _signs(slopes), faces, budget)
    harm = _keep_worse(best, harm, one_step, away * gradient(one_step)[0])
    size = max(1, round(budget / 4))
    for _ in range(steps):
        logits, slopes = gradient(pictures)
        harm = _keep_worse(best, harm, pictures, away * logits)
        pictures = _within(pictures + size * towards * _signs(slopes), faces, budget)
    _keep_worse(best, harm, pictures, away * gradient(pictures)[0])
    return best


def _signs(slopes: np.ndarray) -> np.ndarray:
    return np.sign(slopes).astype(np.int16)


def _keep_worse(best, harm, pictures, new_harm) -> np.ndarray:
    worse = new_harm > harm
    best[worse] = pictures[worse]
    return np.where(worse, new_harm, harm)


def _within(values: np.ndarray, faces: np.ndarray, budget: int) -> np.ndarray:
    center = faces.astype(np.int16)
    clipped = np.clip(values, center - budget, center + budget)
    return np.clip(clipped, 0, 255).astype(np.uint8)


def _away_from(labels: np.ndarray) -> np.ndarray:
    """Returns int16 [n]: the direction in which the logit is wrong, up for reals."""
    return np.where(np.asarray(labels) == 1, -1, 1).astype(np.int16)


def _in_batches(work: Callable[[slice], np.ndarray], count: int) -> np.ndarray:
    starts = range(0, count, BATCH)
    return np.concatenate([work(slice(start, start + BATCH)) for start in starts])


def _to_logit(model: Any) -> Callable:
    """Returns the network up to where its sigmoid begins, from a tensor to logits [n]."""
    last = model.layers[-1]
    name = getattr(getattr(last, "activation", None), "__name__", "")
    if name != "sigmoid" or model.output_shape[-1] != 1:
        raise DataError(
            f"The network {model.name} does not end in one sigmoid.",
            expected="a last layer with one unit and the activation sigmoid",
            fix="attack another network, or give this one a sigmoid for its output",
        )
    body = type(model)(model.inputs, last.input)
    if not hasattr(last, "kernel"):
        return lambda pictures: body(pictures, training=False)[:, 0]
    kernel, bias = last.kernel, last.bias

    def logit(pictures):
        features = tf.cast(body(pictures, training=False), kernel.dtype)
        value = tf.linalg.matmul(features, kernel)[:, 0]
        return value if bias is None else value + bias[0]

    return logit


METHODS = AttackMethods(fgsm, pgd, random_signs)
