"""What a training is asked to do, what it is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ..detectors import PARTS
from ..errors import DataError, UsageError, nearest
from ..runs import sha256_of
from .augmentation import NAMES
from .checks import check_number, check_whole
from .precision import PRECISIONS

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
METHODS = ("gradient", "linear_head")
SCHEDULES = ("constant", "cosine", "one_cycle", "snapshots")
AUGMENTATIONS = NAMES
FAKES = ("given", "self_blended")
# The least that each count may be, and the limits of each other number: see `check_number`.
WHOLE = {
    "epochs": 1,
    "batch_size": 1,
    "patience": 0,
    "seed": 0,
    "crop": 0,
    "copies": 0,
    "adversarial_steps": 1,
}
NUMBERS = {
    "learning_rate": {"above": True},
    "augment": {"most": 1},
    "weight_decay": {},
    "rate_decay": {"above": True, "most": 1},
    "clip_norm": {},
    "label_smoothing": {"most": 1, "below": True},
    "mixup": {},
    "adversarial": {},
}


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one set of trainable layers and one learning rate.

    Attributes:
        trainable: "all", "last_stage" or "head" (see `detectors.set_trainable`).
        epochs: at most so many.
        learning_rate: of the optimizer, which starts anew with the phase.
    """

    trainable: str = "all"
    epochs: int = 10
    learning_rate: float = 1e-3


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes:
        epochs: at most so many; early stopping may end sooner.
        batch_size: pictures a step; of each device where several train, see `devices`.
        learning_rate: of the optimizer.
        patience: epochs without a lower validation loss before a phase stops; only with the
            schedule "constant", for the others do their best at their end.
        seed: of dropout, order and all that is drawn (augmentation, self-blended fakes). A linear
            head has nothing else left to chance: without copies all seeds give the same.
        augment: strength of the augmentation, 0 to 1.
        augmentations: which ones, of `AUGMENTATIONS`.
        crop: side in pixels of the random crops to train on, 0 for whole faces; the network is
            built for crops then and scores whole faces by the mean over a grid of crops.
        optimizer: one of `OPTIMIZERS`.
        weight_decay: decoupled weight decay of the optimizer, 0 for none.
        precision: "auto" or a Keras dtype policy, see `choose_precision`.
        phases: what to train one after the other, instead of `epochs` and `learning_rate`.
        initial_weights: sha256 of the pretrained weights that the model starts from; "" when it
            starts from random ones. Then freezing makes no sense: the phases become one, all
            layers learn at `learning_rate`, and batch normalization learns too.
        method: "gradient"; or "linear_head": what all layers before the last one give is computed
            once and cached, and the last one is fitted by logistic regression.
            Of the settings below it takes copies and fakes; of those above, seed, augment,
            augmentations and crop. It computes in float32.
        copies: of each training face with augmentation that a linear head is fitted on, beside
            the face itself.
        schedule: of the learning rate, one of `SCHEDULES`; "snapshots" anneals it several times
            and keeps the weights of each low (Huang et al., 2017, arXiv:1704.00109).
        rate_decay: the learning rate of a stage of the network as a share of the next one's
            (Howard and Ruder, 2018, arXiv:1801.06146); 1 for the same everywhere.
        clip_norm: gradients longer than this, all layers together, are shortened to it (Pascanu et
            al., 2013, arXiv:1211.5063), 0 for none.
        label_smoothing: how far the labels 0 and 1 move towards a half together, 0 to below 1
            (Szegedy et al., 2015, arXiv:1512.00567). In training alone: validation loss stays
            the plain log loss, by which trainings can be compared.
        mixup: alpha of the beta distribution (Zhang et al., 2017, arXiv:1710.09412), 0 for none.
        adversarial: largest change of a pixel (0..255) that training defends against by projected
            gradient descent (Madry et al., 2017, arXiv:1706.06083), 0 for none.
        adversarial_steps: of that descent.
        fakes: "given"; or "self_blended", made from the real training faces (Shiohara and
            Yamasaki, 2022, arXiv:2204.08376), so that a folder of reals alone can be trained on.
    """

    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-3
    patience: int = 5
    seed: int = 1
    augment: float = 0.0
    augmentations: tuple[str, ...] = ("flip", "shift", "light", "jpeg")
    crop: int = 0
    optimizer: str = "adam"
    weight_decay: float = 0.0
    precision: str = "auto"
    phases: tuple[Phase, ...] = ()
    initial_weights: str = ""
    method: str = "gradient"
    copies: int = 0
    schedule: str = "constant"
    rate_decay: float = 1.0
    clip_norm: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    adversarial: float = 0.0
    adversarial_steps: int = 3
    fakes: str = "given"

    def __post_init__(self):
        _check("optimizer", self.optimizer, OPTIMIZERS)
        _check("method of training", self.method, METHODS)
        _check("schedule", self.schedule, SCHEDULES)
        _check("way to get fakes", self.fakes, FAKES)
        _check("precision", self.precision, ("auto", *PRECISIONS))
        for name in self.augmentations:
            _check("augmentation", name, AUGMENTATIONS)
        for name, least in WHOLE.items():
            check_whole(name, getattr(self, name), least)
        for name, limits in NUMBERS.items():
            check_number(name, getattr(self, name), **limits)
        for phase in self.phases:
            _check("part of a network to train", phase.trainable, PARTS)
            check_whole("epochs of a phase", phase.epochs, 1)
            check_number("learning_rate of a phase", phase.learning_rate, above=True)
        self._check_copies()

    def _check_copies(self) -> None:
        if self.method != "linear_head" or not self.copies:
            return
        if not self.augment or not self.augmentations:
            lacking = "no augmentation is named" if self.augment else "augment is 0"
            raise UsageError(
                f"{self.copies} copies of each face are asked for, but {lacking}: they would "
                "all be the same.",
                fix="set augment above 0 and name augmentations, or set copies to 0",
            )

    def plan(self) -> tuple[Phase, ...]:
        """Returns the phases to go through."""
        if self.phases and self.initial_weights:
            return self.phases
        epochs = sum(phase.epochs for phase in self.phases) or self.epochs
        return (Phase("all", epochs, self.learning_rate),)


def _check(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(
            f"There is no {what} {value!r}.{nearest(value, known)}",
            expected="one of " + ", ".join(known),
        )


@dataclass(frozen=True)
class TrainingData:
    """The pictures and which of them to train and validate on.

    Attributes:
        pixels: uint8 `[N, side, side, 3]`, usually a memory map.
        train_rows, val_rows: int `[n]`, places in `pixels`.
        train_labels, val_labels: `[n]`, 1 fake, 0 real, aligned with the rows.
        identity: a hash of what the pictures are (of the face ids, say). With the rows, the
            labels and a sample of the pixels it decides whether a training on disk is of
            these data.
        fakes: "given"; or "self_blended": fakes are made of the reals while training, so the
            labels may be all 0.
    """

    pixels: np.ndarray
    train_rows: np.ndarray
    train_labels: np.ndarray
    val_rows: np.ndarray
    val_labels: np.ndarray
    identity: str = ""
    fakes: str = "given"

    def __post_init__(self):
        for part, labels in (("train", self.train_labels), ("val", self.val_labels)):
            found = set(np.unique(labels))
            if self.fakes == "self_blended" and found == {0}:
                continue
            if found != {0, 1}:
                raise DataError(
                    f"The {part} split holds {len(labels)} faces, not of both classes.",
                    expected="at least one real and one fake face",
                    fix="add faces, or change how they are split",
                )

    def fingerprint(self) -> str:
        """Returns a hash by which data are told apart."""
        sample = np.linspace(0, len(self.train_rows) - 1, 64).astype(int)
        parts = [self.train_rows, self.train_labels, self.val_rows, self.val_labels]
        return sha256_of(
            {
                "identity": self.identity,
                "shape": self.pixels.shape,
                "tables": [np.asarray(part, dtype=np.int64).tolist() for part in parts],
                "sample": self.pixels[self.train_rows[sample]].astype(int).sum((1, 2)).tolist(),
            }
        )


@dataclass(frozen=True)
class TrainingResult:
    """A finished training.

    Attributes:
        model_path: the saved model: Keras' own layers, float32.
        history: a row an epoch: epoch, phase, loss, accuracy, auc, the same with val_,
            learning_rate (at its end), seconds. Of a linear head a row for each fit that was
            tried, with its L2 `penalty` and `scaling`, see `linear.fit_penalties`.
        best_epoch: the epoch of the lowest validation loss, whose weights were saved; of the
            schedule "snapshots" the mean of all lows was saved instead.
        seconds: spent in epochs, over all interruptions; of a linear head what the features and
            the fits took, features that lay on disk included.
        precision: the dtype policy trained with.
        device: the machine in words.
        notices: sentences to put in front of a reader.
        batch_size: pictures a step at the end, of all devices together; less than asked for when
            memory did not suffice, more where several devices train.
        devices: how many shared a step at the end.
        rate_factor: what the learning rates were multiplied by for the larger batch of several
            devices.
        compilation: what was found about XLA, "" where it was not looked at.
        resumed_from: the epoch after which this call took over; 0 when it trained from the
            start, `len(history)` when everything was on disk.
    """

    model_path: Path
    history: pd.DataFrame
    best_epoch: int
    seconds: float
    precision: str
    device: str
    notices: list[str] = field(default_factory=list)
    batch_size: int = 0
    resumed_from: int = 0
    devices: int = 1
    rate_factor: float = 1.0
    compilation: str = ""
