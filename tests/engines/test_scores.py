"""Every engine gives the scores of Keras, as near as its precision allows."""

import numpy as np
import pytest
from unmask.engines.converting import reason_of
from unmask.engines.kinds import ENGINES
from unmask.engines.measuring import measure_speed
from unmask.errors import DataError

NEAR = {"float32": 1e-5, "bfloat16": 0.03, "int8": 0.1}


def test_every_file_can_be_made_of_a_plain_network(built):
    assert built.reasons == {}


@pytest.mark.parametrize("name", ENGINES)
def test_scores_are_those_of_keras(built, name):
    try:
        score = built.open(name)
    except DataError as error:
        pytest.skip(str(error))
    scores = score(built.pictures)
    assert scores.dtype == np.float64 and scores.shape == (24,)
    assert np.ptp(built.reference) > 0.2
    assert np.abs(scores - built.reference).max() < NEAR[ENGINES[name].precision]
    alone = np.concatenate([score(built.pictures[place : place + 1]) for place in range(4)])
    assert np.abs(alone - scores[:4]).max() < NEAR[ENGINES[name].precision]


def test_all_engines_take_turns_and_run_before_they_are_timed():
    calls = []

    def engine(name):
        return lambda pictures: calls.append((name, len(pictures)))

    pictures = np.zeros((5, 2, 2, 3), np.uint8)
    speeds = measure_speed({name: engine(name) for name in "ab"}, pictures, rounds=2)
    a, b = ([(name, 32)] + [(name, 1)] * 3 for name in "ab")
    assert calls == [("a", 32), ("a", 1), ("b", 32), ("b", 1), *a, *b, *b, *a]
    assert all(rate > 0 and latency > 0 for rate, latency in speeds.values())


def test_reasons_are_one_line_without_folders():
    error = RuntimeError("Load of /home/someone/runs/x.onnx failed\nmore")
    assert reason_of(error) == "Load of x.onnx failed"
    missing = ImportError("No module named 'openvino'", name="openvino")
    assert reason_of(missing) == "openvino is not installed"
    assert reason_of(ValueError()) == "ValueError" and len(reason_of(ValueError("x" * 500))) == 160
