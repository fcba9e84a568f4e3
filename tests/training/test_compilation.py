"""XLA is used where it was measured to pay."""

import numpy as np
import pytest
from planted import SETTINGS, planted_data, small_network
from unmask import detectors
from unmask.training.compilation import Timing, can_compile, choose_compilation, pays
from unmask.training.optimizers import compile_for_training

DATA = planted_data(32)
BATCH = (DATA.pixels[:8], (np.arange(8) % 2).astype(np.float32)[:, None])


@pytest.mark.parametrize(
    ("timing", "steps", "expected"),
    [
        (Timing(0.1, 0.05, 10.0), 10_000, True),
        (Timing(0.1, 0.05, 10.0), 1_600, False),  # 40 s are saved and 40 s spent
        (Timing(0.1, 0.05, 10.0), 1_601, True),
        (Timing(0.1, 0.095, 0.0), 10**9, False),  # within what timing can tell
        (Timing(0.1, 0.2, 0.0), 10**9, False),
    ],
)
def test_compiling_is_to_be_paid_back(timing, steps, expected):
    assert pays(timing, steps) is expected


def test_both_ways_are_timed_on_networks_that_are_thrown_away():
    made = []

    def make(compiled):
        model = small_network()
        compile_for_training(model, SETTINGS, 1e-3, jit_compile=compiled)
        made.append(model.jit_compile)
        return model

    chosen, words = choose_compilation(make, BATCH, 2_000)
    assert made == [False, True] and isinstance(chosen, bool)
    assert words.startswith("XLA was used: " if chosen else "XLA was not used: a step took ")
    assert choose_compilation(make, BATCH, 1_999) == (False, "") and len(made) == 2


def test_what_xla_cannot_compile_is_trained_without():
    def make(compiled):
        if compiled:
            raise ValueError("no kernel for this\nand more")
        model = small_network()
        compile_for_training(model, SETTINGS, 1e-3)
        return model

    expected = (False, "XLA could not be tried (ValueError)")
    assert choose_compilation(make, BATCH, 10_000) == expected


def test_layers_that_count_are_beyond_xla():
    assert can_compile(small_network())
    assert not can_compile(detectors.build("cooccurrences", (32, 32, 3)))
