"""A recipe in plain words and numbers, as notebook 07 and profiles write it, made into a training.

The notebook of one architecture and the ablation both go this way, so that what is taken apart is
what was trained.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

import keras

from .. import detectors
from ..detectors.start import Start, find_start, method_of
from ..errors import UsageError, nearest
from .adversarial import check_method
from .member import Member
from .settings import Phase, TrainingSettings

HEAD_LEARNING_RATE = 1e-3  # of a new head on frozen features


@dataclass(frozen=True)
class Recipe:
    """A detector by name and how it is trained; the defaults are those of notebook 07.

    Attributes:
        network: one of `detectors.names()`.
        options: of the network's own function.
        weights: to start from, see `find_start`.
        method: "gradient", "linear_head", or "auto", see `method_of`.
        head_epochs: of the head on frozen features, given pretrained weights.
        fine_tune: what learns after that: "all", "last_stage" or "head".

    All others: see `TrainingSettings`.
    """

    network: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: str = "imagenet_or_random"
    method: str = "auto"
    epochs: int = 12
    batch_size: int = 32
    learning_rate: float = 3e-4
    schedule: str = "constant"
    optimizer: str = "adam"
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    patience: int = 4
    head_epochs: int = 1
    fine_tune: str = "all"
    rate_decay: float = 1.0
    augment: float = 0.0
    augmentations: tuple[str, ...] = ("flip", "shift", "light", "jpeg")
    copies: int = 0
    crop: int = 0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    adversarial: float = 0.0
    adversarial_steps: int = 3
    fakes: str = "given"
    precision: str = "auto"


# What is handed on to the settings of the training as it is.
_SHARED = {each.name for each in fields(Recipe)} & {each.name for each in fields(TrainingSettings)}


@dataclass(frozen=True)
class Plan:
    """A recipe ready to be trained.

    Attributes:
        member: for `train_member`.
        settings: how it is trained.
        start: with which weights.
    """

    member: Member
    settings: TrainingSettings
    start: Start


def read_recipe(values: Mapping[str, Any]) -> Recipe:
    """Returns the recipe that a profile writes down; what it leaves out is notebook 07's.

    Example:
        read_recipe({"network": "traces", "copies": 2, "augment": 1.0})

    Raises:
        UsageError: no network, an unknown key, or a value of another kind.
    """
    known = {each.name: each for each in fields(Recipe)}
    for key in values:
        if key not in known:
            raise UsageError(
                f"A recipe has nothing called {key!r}.{nearest(key, known)}",
                expected="one of " + ", ".join(known),
            )
    if "network" not in values:
        raise UsageError("The recipe names no network.", expected="for instance network: lenet")
    return Recipe(**{key: _read(key, values[key], _default(known[key])) for key in values})


def plan_training(recipe: Recipe, shape: tuple[int, int, int], name: str, step: str) -> Plan:
    """Returns what to train, and how, for faces of `shape`.

    With pretrained weights a new head learns first, then what `fine_tune` says.

    Args:
        recipe: the detector and its training.
        shape: height, width, channels of the faces.
        name: of the member, and of its folder.
        step: that trains it.

    Raises:
        UsageError: an unknown network, option or value; crops larger than the faces; or what
            cannot be trained together.
        DataError: weights that cannot be had.
    """
    start = find_start(recipe.network, recipe.weights, recipe.options)
    tuned = (
        Phase("head", recipe.head_epochs, HEAD_LEARNING_RATE),
        Phase(recipe.fine_tune, recipe.epochs, recipe.learning_rate),
    )
    shared = {key: getattr(recipe, key) for key in _SHARED}
    settings = TrainingSettings(
        **{**shared, "method": method_of(recipe.network, recipe.method)},
        phases=tuned if start.sha256 else (),
        initial_weights=start.sha256,
    )
    check_method(settings)
    if settings.crop > min(shape[:2]):
        raise UsageError(
            f"Crops of {settings.crop} pixels do not fit into faces of {min(shape[:2])}.",
            expected=f"crop: 0 for whole faces, or at most {min(shape[:2])}",
        )
    taken = (settings.crop or shape[0], settings.crop or shape[1], shape[2])

    def build(seed: int) -> keras.Model:
        return detectors.build(recipe.network, taken, **start.options)

    chosen = "".join(f", {key} {value}" for key, value in recipe.options.items())
    member = Member(
        name=name,
        step=step,
        architecture=f"{detectors.describe(recipe.network)}; {start.words}{chosen}",
        build=build,
        notices=(start.notice,) if start.notice else (),
    )
    return Plan(member, settings, start)


def _default(entry: Any) -> Any:
    if entry.default is not MISSING:
        return entry.default
    return {} if entry.default_factory is not MISSING else ""


def _read(key: str, value: Any, default: Any) -> Any:
    """Returns `value` as what the default is; whole numbers, and YAML's 1e-3, are numbers too."""
    if isinstance(default, float):
        with contextlib.suppress(TypeError, ValueError):
            # True and False count as numbers in Python, but not to a reader.
            return float(value if not isinstance(value, bool) else None)
        expected = "a number"
    elif isinstance(default, int):
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        expected = "a whole number"
    elif isinstance(default, tuple):
        if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
            return tuple(value)
        expected = "a list of names"
    elif isinstance(default, str):
        if isinstance(value, str):
            return value
        expected = "text"
    else:
        if isinstance(value, Mapping):
            return value
        expected = "options by their names"
    raise UsageError(f"{key} of a recipe cannot be {value!r}.", expected=expected)
