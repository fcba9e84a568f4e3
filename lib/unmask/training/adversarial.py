"""Training against pictures changed on purpose (Madry et al., 2017, arXiv:1706.06083)."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from ..errors import UsageError
from .fast import accelerate
from .features import to_logit
from .memory import with_smaller_batches
from .settings import TrainingSettings

STRIDE = 2.5  # budgets that all steps together could cover, as Madry et al. have it
# Keeps the slopes of single pixels within float16; only their signs count.
SLOPE_SCALE = 1024.0
SCORED_AT_ONCE = 32
# Of the attack that measures, at least: one of training's few steps would flatter the training.
STEPS_OF_THE_TEST = 20


def make_attack(
    model: keras.Model, budget: float, steps: int, seed: int = 0
) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """Returns projected gradient descent against `model` as it is when called, in inference mode.

    From a random place within the budget it takes steps along the sign of the slope of the
    logit, away from the label; no value leaves the budget or 0..255. Of the logit, for a score
    near 0 or 1 has no slope: for a given label the signs are those of the loss.

    Args:
        model: a network from pixels 0..255 to one sigmoid.
        budget: largest change of a value of a pixel, in grey levels of 0..255.
        steps: at least 1.
        seed: of the random places.

    Returns:
        From pictures `[n, side, side, 3]`, labels `[n, 1]` (1 fake, 0 real, or between) and an
        integer that the random places also follow from, to float32 pictures of that shape.

    Raises:
        UsageError: `model` does not end in one sigmoid unit; when called, its score has no slope.
    """
    logit = to_logit(model)
    stride = STRIDE * budget / steps

    def attack(pictures, labels, draw):
        clean = tf.cast(pictures, tf.float32)
        lowest = tf.maximum(clean - budget, 0.0)
        highest = tf.minimum(clean + budget, 255.0)
        away = SLOPE_SCALE * (1.0 - 2.0 * tf.reshape(labels, [-1]))
        start = tf.random.stateless_uniform(
            tf.shape(clean), [seed, tf.cast(draw, tf.int32)], -budget, budget
        )
        changed = tf.clip_by_value(clean + start, lowest, highest)
        for _ in range(steps):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(changed)
                aim = tf.reduce_sum(away * tf.cast(logit(changed), tf.float32))
            slope = tape.gradient(aim, changed)
            if slope is None:
                raise _no_slope(model)
            changed = tf.clip_by_value(changed + stride * tf.sign(slope), lowest, highest)
        return tf.stop_gradient(changed)

    return attack


def check_slopes(model: keras.Model, pictures: np.ndarray) -> None:
    """Refuses networks that no attack along a slope can move, such as those that count.

    Args:
        model: what is to be trained against attacks.
        pictures: uint8 `[n, side, side, 3]`, a few of its pictures.

    Raises:
        UsageError: the score has no slope by any pixel.
    """
    clean = tf.cast(pictures, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(clean)
        logits = tf.reduce_sum(tf.cast(to_logit(model)(clean), tf.float32))
    slope = tape.gradient(logits, clean, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    if not np.any(slope.numpy()):
        raise _no_slope(model)


def check_method(settings: TrainingSettings) -> None:
    """Refuses adversarial training of a linear head, whose features no attack can change.

    Raises:
        UsageError: both are asked for.
    """
    if settings.adversarial and settings.method == "linear_head":
        raise UsageError(
            "A linear head is fitted on features computed once: it cannot be trained against "
            "attacks.",
            expected="adversarial: 0, or method: gradient",
            fix="set adversarial to 0, or train the network by gradients",
        )


def _no_slope(model: keras.Model) -> UsageError:
    # Without a slope the attack would stand still, and its failure would look like robustness.
    return UsageError(
        f"The score of {model.name} has no slope by the pixels: an attack along it stands "
        "still, and training against it would show nothing.",
        expected="a network that is smooth from its pixels to its score",
        fix="set adversarial to 0, or choose another network",
    )


def attacked_scores(
    model: keras.Model, pixels: np.ndarray, rows: np.ndarray, labels: np.ndarray, settings
) -> np.ndarray:
    """Returns float64 P(fake) `[n]` of pictures after the attack that training defended against.

    With the same budget but more steps, see `steps_of_the_test`.

    Args:
        model: a saved network.
        pixels: uint8 `[N, side, side, 3]`.
        rows: int `[n]`, places in `pixels`.
        labels: `[n]`, 1 fake, 0 real.
        settings: `TrainingSettings`: adversarial, adversarial_steps, seed.

    Raises:
        UsageError: the score has no slope by the pixels.
        DataError: memory does not suffice for one picture.
    """
    fast = accelerate(model, "float32")
    steps = steps_of_the_test(settings)
    attack = make_attack(fast, settings.adversarial, steps, settings.seed)
    shape = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)
    label, number = tf.TensorSpec((None, 1), tf.float32), tf.TensorSpec((), tf.int32)

    @tf.function(input_signature=[shape, label, number], autograph=False)
    def score(pictures, truth, draw):
        return fast(attack(pictures, truth, draw), training=False)[:, 0]

    truth = np.asarray(labels, dtype=np.float32)[:, None]

    def run(at_once: int) -> list[np.ndarray]:
        slices = [slice(start, start + at_once) for start in range(0, len(rows), at_once)]
        return [
            score(np.asarray(pixels[rows[part]]), truth[part], part.start).numpy()
            for part in slices
        ]

    parts, _ = with_smaller_batches(run, SCORED_AT_ONCE, "attacking")
    return np.concatenate([np.empty(0), *parts]).astype(np.float64)


def steps_of_the_test(settings: TrainingSettings) -> int:
    """Returns how many steps the attack takes that a trained network is measured by."""
    return max(STEPS_OF_THE_TEST, settings.adversarial_steps)


def accuracies(scores: pd.DataFrame, settings: TrainingSettings) -> dict:
    """Returns clean and robust accuracy side by side, for the reader of a report.

    Args:
        scores: split, label, seed, score and attacked_score, a row a face and seed.
        settings: whose attack it was.

    Returns:
        budget and steps of training's attack, and the steps of the test's; "splits": for each
        split its faces and, as the mean over the seeds, clean and robust accuracy; "seeds": the
        same for each, with the threshold, which is that of the highest balanced accuracy on
        clean validation faces.
    """
    seeds = []
    for seed, part in scores.groupby("seed"):
        held = part[part["split"] == "val"]
        cut = _cut(held["label"].to_numpy(), held["score"].to_numpy())
        splits = {str(name): _accuracy(rows, cut) for name, rows in part.groupby("split")}
        seeds.append({"seed": int(seed), "threshold": cut, "splits": splits})
    means = {}
    for name in seeds[0]["splits"]:
        rows = [each["splits"][name] for each in seeds]
        means[name] = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        means[name]["faces"] = rows[0]["faces"]
    return {
        "budget": settings.adversarial,
        "steps": settings.adversarial_steps,
        "steps_of_the_test": steps_of_the_test(settings),
        "splits": means,
        "seeds": seeds,
    }


def _accuracy(rows: pd.DataFrame, cut: float) -> dict:
    truth = rows["label"] == 1
    return {
        "faces": len(rows),
        "clean_accuracy": float(((rows["score"] >= cut) == truth).mean()),
        "robust_accuracy": float(((rows["attacked_score"] >= cut) == truth).mean()),
    }


def _cut(labels: np.ndarray, scores: np.ndarray) -> float:
    """Returns the threshold of the highest balanced accuracy, of equals the nearest to 0.5."""
    found = np.unique(scores)
    cuts = np.concatenate([[found[0]], (found[:-1] + found[1:]) / 2, [np.nextafter(found[-1], 2)]])
    fakes = np.sort(scores[labels == 1])
    reals = np.sort(scores[labels == 0])
    hits = 1 - np.searchsorted(fakes, cuts) / max(1, len(fakes))
    kept = np.searchsorted(reals, cuts) / max(1, len(reals))
    gain = np.round(hits + kept, 12)
    best = cuts[gain == gain.max()]
    return float(best[np.argmin(np.abs(best - 0.5))])
