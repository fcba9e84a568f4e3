"""What there is to choose from, and a tuner's choices in the words of networks and training."""

from __future__ import annotations

import itertools
from dataclasses import fields
from typing import Any

import keras_tuner

from ... import detectors
from ...detectors.start import method_of
from ...errors import UsageError, nearest
from ..settings import OPTIMIZERS, TrainingSettings
from .settings import SearchSettings

REFERENCE_BLOCKS = ("32", "32-64", "32-64-128", "64-128", "64-128-256")
# How much of the repertoire of augmentations a trial uses.
LIGHT = ("flip", "shift", "light")
RE_ENCODED = ("flip", "resave")
EVERYTHING = ("flip", "shift", "light", "resave", "webp", "resize", "blur", "noise", "colour")
CROPS = (64, 96, 128)
# Options of networks that take a few words or numbers: what is worth trying. An option that is
# True or False needs no entry.
OPTION_VALUES: dict[str, tuple] = {
    "attention": ("none", "squeeze", "cbam"),
    "head": detectors.convolutional.HEADS,
    "kernel": (3, 5),
    "front": ("differences", "srm", "srm30", "constrained"),
    "truncation": (2.0, 4.0, 8.0),
    "domain": ("dct", "spectrum"),
    "bins": (8, 16, 32),
    # What LeNet's author reported as best, against none.
    "l1_kernel": (0.0, 1e-10),
    "l2_activity": (0.0, 1e-7),
}
# Which of a trial's choices are settings of its training; all others build the network.
_SETTINGS = frozenset(item.name for item in fields(TrainingSettings))
_LISTS = ("blocks", "augmentations")


def space_of(settings: SearchSettings, side: int) -> keras_tuner.HyperParameters:
    """Returns the space that `settings` ask for.

    Args:
        settings: of the search.
        side: of the faces in pixels; crops must be smaller, and no smaller than the network takes.

    Raises:
        UsageError: an option that the network does not have or that has nothing to try, or a
            method that stops early what is fitted at once.
    """
    space = keras_tuner.HyperParameters()
    _check_stops(settings)
    if settings.plain:
        for name, values in plain_values(settings).items():
            if isinstance(values[0], bool):
                space.Boolean(name)
            else:
                space.Choice(name, list(values))
    elif settings.space == "best":
        _add_best(space, side, settings.detector)
    else:
        space.Choice("head", ["flatten", "average"])
        space.Choice("learning_rate", [1e-3, 5e-4, 1e-4])
        if settings.space == "reference":
            space.Choice("blocks", list(REFERENCE_BLOCKS))
        else:
            _add_large(space)
    return space


def plain_values(settings: SearchSettings) -> dict[str, tuple]:
    """Returns what a grid, or a search over any named detector, tries for each choice.

    Raises:
        UsageError: an option that the network does not have or that has nothing to try.
    """
    known = detectors.options(settings.detector)
    values: dict[str, tuple] = {}
    if "dropout" in known:
        values["dropout"] = tuple(float(value) for value in settings.dropouts)
    if not _is_fitted_at_once(settings.detector):
        values["learning_rate"] = tuple(float(value) for value in settings.learning_rates)
        values["batch_size"] = settings.batch_sizes
    possible = varied_options(settings.detector)
    for name in settings.options:
        if name not in possible:
            raise UsageError(
                f"A search cannot vary the option {name!r} of {settings.detector}."
                f"{nearest(name, possible)}",
                expected="one of " + ", ".join(possible) if possible else "no option",
            )
        values[name] = possible[name]
    if not values:
        raise UsageError(
            f"A search has nothing to try for {settings.detector}: its last layer is fitted at "
            "once, without learning rate or batches.",
            expected="the space best, a network trained by gradients"
            + "".join(f", or the option {name}" for name in possible),
        )
    return values


def varied_options(network: str) -> dict[str, tuple]:
    """Returns the options of a detector that a search can vary, with the values to try."""
    found = {}
    for name, default in detectors.options(network).items():
        values = (False, True) if isinstance(default, bool) else OPTION_VALUES.get(name, ())
        # An option of the same name may mean something else in another network.
        if values and isinstance(default, type(values[0])):
            found[name] = values
    return found


def all_combinations(settings: SearchSettings) -> list[dict[str, Any]]:
    """Returns the points of the grid that `settings` ask for, in a fixed order."""
    values = plain_values(settings)
    return [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]


def choices_of(values: dict[str, Any]) -> dict[str, Any]:
    """Returns what the tuner chose in the words of `detectors.build` and `TrainingSettings`."""
    choices = {
        # The tuner's steps leave 0.30000000000000004 where 0.3 is meant.
        name: float(f"{value:.6g}") if isinstance(value, float) else value
        for name, value in values.items()
        if not name.startswith("tuner/")
    }
    if "width" in choices:
        width, depth = choices.pop("width"), choices.pop("depth")
        choices["blocks"] = [width * 2**number for number in range(depth)]
    elif "blocks" in choices:
        choices["blocks"] = [int(filters) for filters in choices["blocks"].split("-")]
    if "augmentations" in choices:
        choices["augmentations"] = choices["augmentations"].split("-")
    return choices


def in_words(choices: dict[str, Any]) -> dict[str, Any]:
    """Returns the choices as a table shows them: lists joined by hyphens."""
    return {
        name: "-".join(map(str, value)) if name in _LISTS else value
        for name, value in choices.items()
    }


def split_choices(choices: dict) -> tuple[dict, dict]:
    """Splits a trial's choices into options of the network and of `TrainingSettings`."""
    network = {name: value for name, value in choices.items() if name not in _SETTINGS}
    training = {
        name: tuple(value) if name == "augmentations" else value
        for name, value in choices.items()
        if name in _SETTINGS
    }
    return network, training


def _add_large(space: keras_tuner.HyperParameters) -> None:
    space.Choice("width", [16, 32, 48, 64])
    space.Int("depth", 1, 5)
    space.Choice("kernel", [3, 5])
    space.Float("dropout", 0.0, 0.5, step=0.1)
    space.Boolean("skip")
    space.Choice("attention", list(OPTION_VALUES["attention"]))
    space.Choice("optimizer", list(OPTIMIZERS))
    space.Choice("weight_decay", [0.0, 1e-4, 1e-2])
    space.Float("augment", 0.0, 1.0, step=0.25)
    space.Choice("label_smoothing", [0.0, 0.1])
    space.Choice("mixup", [0.0, 0.2])


def _is_fitted_at_once(network: str) -> bool:
    return method_of(network, "auto") == "linear_head"


def _check_stops(settings: SearchSettings) -> None:
    if settings.method in ("halving", "hyperband") and _is_fitted_at_once(settings.detector):
        raise UsageError(
            f"The last layer of {settings.detector} is fitted at once: the method "
            f"{settings.method} finds no epochs to save.",
            expected="method: random, bayesian or grid",
        )


def _crops(network: str, side: int) -> list[int]:
    """Returns the sides of crops to try, 0 for none: within the face, and not below the network."""
    least = detectors.smallest(network)
    return [0, *(crop for crop in CROPS if least <= crop < side)]


def _add_linear(space: keras_tuner.HyperParameters, side: int, network: str) -> None:
    """What a linear head on hand-made features takes: copies of faces, and crops."""
    space.Choice("augmentations", ["-".join(part) for part in (LIGHT, RE_ENCODED, EVERYTHING)])
    space.Choice("augment", [0.5, 1.0])
    space.Choice("copies", [0, 1, 2])
    space.Choice("crop", _crops(network, side))


def _add_best(space: keras_tuner.HyperParameters, side: int, network: str) -> None:
    if _is_fitted_at_once(network):
        _add_linear(space, side, network)
        return
    for name, values in varied_options(network).items():
        if name in ("front", "truncation", "domain"):
            space.Choice(name, list(values))
    if "dropout" in detectors.options(network):
        space.Choice("dropout", [0.0, 0.2, 0.4])
    space.Choice("augmentations", ["-".join(part) for part in (LIGHT, RE_ENCODED, EVERYTHING)])
    space.Choice("augment", [0.0, 0.5, 1.0])
    space.Choice("crop", _crops(network, side))
    space.Choice("schedule", ["constant", "cosine", "one_cycle"])
    space.Choice("optimizer", ["adam", "adamw"])
    space.Choice("weight_decay", [0.0, 0.02])
    space.Choice("learning_rate", [3e-3, 1e-3, 3e-4])
