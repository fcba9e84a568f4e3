"""Whether XLA makes a training faster on this machine, found by timing some steps both ways.

XLA joins operations and so saves a GPU's memory traffic, but it computes batch normalization and
convolutions its own way, and compiles for tens of seconds: it pays for some networks in long
trainings. On processors it was slower wherever it was tried. It cannot compile a step that
several devices take together.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

WORTH_A_LOOK = 2000  # steps to come, below which nothing is timed
TIMED = 10
GAIN = 0.9  # a step with XLA may take so much of one without
# Full and last batches of training and of validation are compiled each for themselves.
COMPILATIONS = 4
LIKELY = 0.5  # of the steps to come: early stopping spares the others


@dataclass(frozen=True)
class Timing:
    """What was measured, in seconds.

    Attributes:
        plain: of a step without XLA.
        compiled: of a step with it.
        compiling: until the first step with it had ended.
    """

    plain: float
    compiled: float
    compiling: float


def pays(timing: Timing, steps: int) -> bool:
    """Tells whether compiling is paid back within `steps` to come."""
    saved = (timing.plain - timing.compiled) * steps * LIKELY
    return timing.compiled <= GAIN * timing.plain and saved > COMPILATIONS * timing.compiling


def choose_compilation(
    make: Callable[[bool], keras.Model], batch: tuple[np.ndarray, np.ndarray], steps: int
) -> tuple[bool, str]:
    """Returns whether to compile with XLA, and what was found in words.

    Args:
        make: from whether to use XLA to a compiled network that may be thrown away.
        batch: pictures and labels of a full step.
        steps: to come.
    """
    if steps < WORTH_A_LOOK:
        return False, ""
    try:
        _, plain = _time(make(False), batch)
        gc.collect()  # networks hold on to themselves; two at once may be too many
        first_compiled, compiled = _time(make(True), batch)
    # Whatever XLA cannot do with this network, the training can do without XLA.
    except Exception as error:
        return False, f"XLA could not be tried ({type(error).__name__})"
    finally:
        gc.collect()
    timing = Timing(plain, compiled, max(0.0, first_compiled - compiled))
    chosen = pays(timing, steps)
    verdict = "was used" if chosen else "was not used"
    return chosen, (
        f"XLA {verdict}: a step took {compiled * 1000:.1f} ms with it and {plain * 1000:.1f} ms "
        f"without, and compiling {timing.compiling:.0f} s"
    )


def can_compile(model: keras.Model) -> bool:
    """Tells whether no layer of `model` says that XLA is beyond it."""
    return all(getattr(layer, "supports_jit", True) for layer in model.layers)


def _time(model: keras.Model, batch: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Returns the seconds of the first step and the median of later ones."""
    seconds = []
    for _ in range(TIMED + 1):
        started = time.perf_counter()
        model.train_on_batch(*batch)
        seconds.append(time.perf_counter() - started)
    return seconds[0], float(np.median(seconds[1:]))
