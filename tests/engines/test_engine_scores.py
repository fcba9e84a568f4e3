"""Every engine gives the scores of Keras, as near as its precision allows."""

import keras
import numpy as np
import pytest
from unmask.detectors.layers.cooccurrences import ResidualCooccurrences
from unmask.detectors.layers.frequency import BlockDCT
from unmask.engines.converting import convert, reason_of
from unmask.engines.kinds import ENGINES
from unmask.engines.measuring import measure_speed
from unmask.engines.runtimes import open_scorer
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


COUNTS = ResidualCooccurrences({"first": 1.0}, truncation=1, order=2)
LACKING = {
    "onnxruntime_float32": (COUNTS, BlockDCT()),  # counts, log1p, beside GELU's erfc
    "openvino_float32": (COUNTS,),
}


@pytest.mark.parametrize("name", LACKING)
def test_operations_that_converters_lack_are_written_in_other_ways(name, tmp_path):
    keras.utils.set_random_seed(2)
    inputs = keras.Input((10, 10, 3), name="pixels")
    scaled = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    smooth = keras.layers.Dense(4, activation="gelu")(scaled)
    joined = keras.layers.Concatenate()(
        [smooth, *(keras.layers.Flatten()(layer(inputs)) for layer in LACKING[name])]
    )
    outputs = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="fake")(joined)
    model = keras.Model(inputs, outputs)
    pictures = np.random.default_rng(0).integers(0, 9, (6, 10, 10, 3), dtype=np.uint8)
    assert convert(model, tmp_path, pictures) == {}
    reference = model.predict(pictures, verbose=0)[:, 0]
    assert np.ptp(reference) > 0.005
    scores = open_scorer(ENGINES[name], tmp_path, lambda: model, 1)(pictures)
    assert np.abs(scores - reference).max() < 1e-5


def test_int8_is_not_tried_where_nothing_is_trained_but_the_last_layer(tmp_path):
    inputs = keras.Input((4, 4, 3), name="pixels")
    scaled = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    outputs = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="fake")(scaled)
    reasons = convert(keras.Model(inputs, outputs), tmp_path, np.zeros((1, 4, 4, 3), np.uint8))
    assert set(reasons) == {"int8.onnx", "int8.xml"}
    assert all("hand-made features" in reason for reason in reasons.values())


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
    refused = RuntimeError("Exception from a.cpp:84:\nCheck 'x' failed\n-- No rule for: Bincount\n")
    assert reason_of(refused) == "No rule for: Bincount"
    missing = ImportError("No module named 'openvino'", name="openvino")
    assert reason_of(missing) == "openvino is not installed (pip install 'unmask[fast]')"
    assert reason_of(ValueError()) == "ValueError" and len(reason_of(ValueError("x" * 500))) == 160
