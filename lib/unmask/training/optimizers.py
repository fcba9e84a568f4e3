"""The optimizer of a training: its schedule, and rates that fall towards the first layers."""

from __future__ import annotations

import itertools
import math

import keras
from keras import ops

from ..detectors import stages
from .mirrored import AgreedLossScale, ClippedTogether, count_devices
from .settings import TrainingSettings
from .snapshots import cycle_ends

WARM_UP = 1 / 8  # share of a cosine schedule's steps in which the rate rises from nothing
ONE_CYCLE_RISE = 0.3  # share of one cycle's steps before its highest rate
ONE_CYCLE_START, ONE_CYCLE_END = 1 / 25, 1e-4  # of its highest rate
CLASSES = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.Adam,  # its decay is done in `StagedRates`
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
}


def compile_for_training(
    model: keras.Model,
    settings: TrainingSettings,
    learning_rate: float,
    *,
    epochs: int = 0,
    steps: int = 0,
    jit_compile: bool = False,
) -> None:
    """Compiles `model` in place as `train` does: loss, metrics and the optimizer of `settings`.

    Args:
        model: what is trained.
        settings: optimizer, weight decay, schedule, rate decay.
        learning_rate: the highest of the schedule.
        epochs: the schedule goes over so many; 0 for a constant rate whatever `settings` say.
        steps: of an epoch.
        jit_compile: with XLA, see `compilation`.
    """
    rate = learning_rate
    if settings.schedule != "constant" and epochs * steps > 0:
        rate = Schedule(settings.schedule, learning_rate, epochs, steps)
    if settings.rate_decay < 1:
        optimizer = _staged_optimizer(model, settings, rate)
    else:
        # AdamW wants a number; the others take 0 for "decay by nothing" and waste time on it.
        decay = settings.weight_decay or (0.0 if settings.optimizer == "adamw" else None)
        classes = {**CLASSES, "adamw": keras.optimizers.AdamW}
        optimizer = _clipping(classes[settings.optimizer], settings)(
            learning_rate=rate, weight_decay=decay, global_clipnorm=_norm(settings)
        )
    if any(layer.compute_dtype == "float16" for layer in model.layers):
        scaled = keras.optimizers.LossScaleOptimizer if count_devices() == 1 else AgreedLossScale
        optimizer = scaled(optimizer)
    compile_for_scoring(model, optimizer, jit_compile)
    # Else its variables come into being within the first step, which is then traced twice.
    model.optimizer.build(model.trainable_variables)


def compile_for_scoring(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer | None = None,
    jit_compile: bool = False,
) -> None:
    """Compiles `model` in place with the loss and the metrics of every training."""
    model.compile(
        optimizer=optimizer,
        loss="binary_crossentropy",
        metrics=[RoundedAccuracy(name="accuracy"), RoundedAUC(name="auc")],
        # Keras' own choice would be XLA wherever it can be had.
        jit_compile=jit_compile,
    )


class RoundedAccuracy(keras.metrics.BinaryAccuracy):
    """Accuracy at 0.5 that takes a smoothed or mixed label for the class it is nearest to."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(_nearest_class(y_true), y_pred, sample_weight)


class RoundedAUC(keras.metrics.AUC):
    """Area under the ROC curve that takes a smoothed or mixed label for its nearest class."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(_nearest_class(y_true), y_pred, sample_weight)


def _nearest_class(labels):
    return ops.cast(ops.cast(labels, "float32") > 0.5, "float32")


@keras.saving.register_keras_serializable("unmask")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that follows from the step alone, so that a training can be resumed.

    "cosine" rises over the first eighth of the steps and falls along half a cosine to nothing
    (Loshchilov and Hutter, 2017, arXiv:1608.03983); "one_cycle" rises from a 25th over the first
    30% and falls to a 10,000th (Smith and Topin, 2017, arXiv:1708.07120); "snapshots" falls to
    nothing several times (Huang et al., 2017, arXiv:1704.00109), see `snapshots.cycle_ends`.
    """

    def __init__(self, kind: str, peak: float, epochs: int, steps: int):
        """Takes one of `SCHEDULES` but "constant", the highest rate, epochs, steps an epoch."""
        self.kind, self.peak, self.epochs, self.steps = kind, peak, epochs, steps

    def __call__(self, step):
        """Returns the rate of a step, counted from 0, as float32."""
        step = ops.cast(step, "float32")
        if self.kind == "snapshots":
            return self._cyclic(step)
        total = float(self.epochs * self.steps)
        one_cycle = self.kind == "one_cycle"
        rise = max(1.0, total * (ONE_CYCLE_RISE if one_cycle else WARM_UP))
        start, end = (ONE_CYCLE_START, ONE_CYCLE_END) if one_cycle else (1 / rise, 0.0)
        up = start + (1 - start) * ops.minimum(step / rise, 1.0)
        down = _half_cosine((step - rise) / max(1.0, total - rise))
        return self.peak * ops.where(step < rise, up, end + (1 - end) * down)

    def _cyclic(self, step):
        ends = [0, *(epoch * self.steps for epoch in cycle_ends(self.epochs))]
        rate = ops.zeros_like(step)
        for first, last in itertools.pairwise(ends):
            within = ops.logical_and(step >= first, step < last)
            rate = ops.where(within, _half_cosine((step - first) / (last - first)), rate)
        return self.peak * rate

    def get_config(self):
        """Returns what makes the same schedule again."""
        return {
            "kind": self.kind,
            "peak": self.peak,
            "epochs": self.epochs,
            "steps": self.steps,
        }


def _half_cosine(share):
    return 0.5 * (1 + ops.cos(math.pi * ops.clip(share, 0.0, 1.0)))


class StagedRates:
    """Mixed into a Keras optimizer: each variable learns at its own share of the rate."""

    def set_shares(self, share_of: dict[int, float], decay: float) -> None:
        """Takes the share of each variable by its `id`, and the decoupled weight decay."""
        # In a function, which Keras does not try to track as it does containers.
        self.share_of, self.decay = share_of.__getitem__, decay

    def build(self, variables):
        """Remembers the shares in the order in which Keras numbers the variables."""
        shares = [self.share_of(id(variable)) for variable in variables]
        self.share_at = shares.__getitem__
        super().build(variables)

    def update_step(self, gradient, variable, learning_rate):
        """Takes a step at the variable's own rate; its decay follows that rate too."""
        rate = learning_rate * self.share_at(self._get_variable_index(variable))
        if self.decay:
            self.assign_sub(variable, variable * ops.cast(rate * self.decay, variable.dtype))
        super().update_step(gradient, variable, rate)


def rate_shares(model: keras.Model, rate_decay: float) -> dict[str, float]:
    """Returns for each layer its share of the learning rate.

    1 in the stage of the head, `rate_decay` in the one before it, its square before that, and so
    on (Howard and Ruder, 2018, arXiv:1801.06146).
    """
    return {
        name: rate_decay**distance
        for distance, names in enumerate(reversed(stages(model)))
        for name in names
    }


def _staged_optimizer(model, settings: TrainingSettings, rate):
    shares = rate_shares(model, settings.rate_decay)
    share_of = {
        id(variable): shares.get(layer.name, 1.0)
        for layer in model.layers
        for variable in layer.trainable_variables
    }
    base = CLASSES[settings.optimizer]
    optimizer = type(f"Staged{base.__name__}", (StagedRates, _clipping(base, settings)), {})(
        learning_rate=rate, global_clipnorm=_norm(settings)
    )
    optimizer.set_shares(share_of, settings.weight_decay)
    return optimizer


def _clipping(base: type, settings: TrainingSettings) -> type:
    """Returns an optimizer's class, made to clip what all devices found where there are several."""
    if count_devices() == 1 or not settings.clip_norm:
        return base
    return type(f"Together{base.__name__}", (ClippedTogether, base), {})


def _norm(settings: TrainingSettings) -> float | None:
    return settings.clip_norm / count_devices() or None
