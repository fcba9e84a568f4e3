"""Pictures changed on purpose, by so little that nobody sees it, until the detector is wrong.

FGSM (Goodfellow et al. 2015, arXiv:1412.6572) takes one step along the sign of the gradient, PGD
(Madry et al. 2018, arXiv:1706.06083) several, within a budget: no value of a pixel moves by more
than `budget` of its 255 grey levels. Here every step stays on whole grey levels, so that what is
scored is a picture that can be saved as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
        zero = tf.UnconnectedGradients.ZERO  # networks that count have no slope anywhere
        return logits, tape.gradient(logits, pictures, unconnected_gradients=zero)

    def gradient(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, slopes = both(tf.cast(pictures, dtype))
        return logits.numpy(), slopes.numpy()

    return gradient


def can_be_followed(gradient: Gradient, faces: np.ndarray) -> bool:
    """Returns whether the gradient shows any direction at all on some of the faces.

    A detector that counts (co-occurrences, say) is flat between two steps: an attack by gradient
    stands still there, which must not be taken for robustness (Athalye et al. 2018,
    arXiv:1802.00420).

    Args:
        gradient: made by `logit_and_gradient`.
        faces: uint8 `[n, side, side, 3]`.
    """
    return bool(np.any(gradient(np.asarray(faces[:4]))[1]))


def fgsm(gradient: Gradient, faces: np.ndarray, labels: np.ndarray, budget: int) -> np.ndarray:
    """Returns faces after one step of `budget` grey levels against their labels.

    Args:
        gradient: made by `logit_and_gradient`.
        faces: uint8 `[n, side, side, 3]`.
        labels: [n], 1 fake, 0 real.
        budget: whole grey levels, L-infinity.
    """
    faces = np.asarray(faces)
    starts = range(0, len(faces), BATCH)
    signs = [_signs(gradient(faces[start : start + BATCH])[1]) for start in starts]
    away = _away_from(labels)[:, None, None, None] * np.concatenate(signs)
    return _within(faces + budget * away, faces, budget)


def pgd(
    gradient: Gradient,
    faces: np.ndarray,
    labels: np.ndarray,
    budget: int,
    *,
    steps: int = 8,
    seed: int = 0,
) -> np.ndarray:
    """Returns for each face the worst picture found within one budget; see `attack`."""
    return attack(gradient, faces, labels, (budget,), steps=steps, seed=seed)["pgd"][budget]


def attack(
    gradient: Gradient,
    faces: np.ndarray,
    labels: np.ndarray,
    budgets: Sequence[int],
    *,
    steps: int = 5,
    seed: int = 0,
) -> dict[str, dict[int, np.ndarray]]:
    """Returns the pictures of "fgsm" and "pgd" for each budget, uint8 `[n, side, side, 3]`.

    PGD starts at a random place within the smallest budget, and within each larger one at the
    worst picture so far; a step is a quarter of the budget (at least one grey level). For each
    face the visited picture is kept that is furthest on the wrong side. The clean one and that of
    FGSM are visited too: PGD never does less harm than FGSM, nor more budget less than less.

    Args:
        gradient, faces, labels: see `fgsm`.
        budgets: whole grey levels, L-infinity, rising.
        steps: gradient steps within each budget.
        seed: of the random start.
    """
    faces, labels = np.asarray(faces), np.asarray(labels)
    found = {method: {budget: [] for budget in budgets} for method in ("fgsm", "pgd")}
    for start in range(0, len(faces), BATCH):
        part = slice(start, start + BATCH)
        generator = np.random.default_rng([seed, start])
        visits = _climb(gradient, faces[part], labels[part], budgets, steps, generator)
        for budget, one_step, worst in visits:
            found["fgsm"][budget].append(one_step)
            found["pgd"][budget].append(worst)
    return {
        method: {budget: np.concatenate(parts) for budget, parts in by_budget.items()}
        for method, by_budget in found.items()
    }


def random_signs(faces: np.ndarray, budget: int, seed: int = 0) -> np.ndarray:
    """Returns faces whose every value moved by `budget` up or down at random: the control."""
    generator = np.random.default_rng(seed)
    signs = generator.integers(0, 2, faces.shape, dtype=np.int16) * 2 - 1
    return _within(np.asarray(faces) + budget * signs, faces, budget)


def _climb(
    gradient, faces, labels, budgets, steps, generator
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yields for each budget itself, the pictures after one step, and the worst visited."""
    away = _away_from(labels)
    towards = away[:, None, None, None]
    logits, slopes = gradient(faces)
    clean_signs = _signs(slopes)
    best, harm = faces.copy(), away * logits
    moves = generator.integers(-budgets[0], budgets[0] + 1, faces.shape, dtype=np.int16)
    pictures = _within(faces + moves, faces, budgets[0])
    for budget in budgets:
        one_step = _within(faces + budget * towards * clean_signs, faces, budget)
        harm = _keep_worse(best, harm, one_step, away * gradient(one_step)[0])
        size = max(1, round(budget / 4))
        for _ in range(steps):
            logits, slopes = gradient(pictures)
            harm = _keep_worse(best, harm, pictures, away * logits)
            pictures = _within(pictures + size * towards * _signs(slopes), faces, budget)
        harm = _keep_worse(best, harm, pictures, away * gradient(pictures)[0])
        yield budget, one_step, best.copy()
        pictures = best.copy()


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


METHODS = AttackMethods(attack, random_signs)
