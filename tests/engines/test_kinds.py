"""Picking an engine from given numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unmask.engines.kinds import ENGINES, EngineResult, choose, choose_spare, keeps_the_scores
from unmask.engines.measuring import compare_scores, result_of, score_all


def result(name, rate=100.0, latency=5.0, difference=0.0, flipped=0, reason=""):
    if reason:
        return EngineResult(name, name, reason=reason)
    return EngineResult(name, name, rate, latency, difference, flipped, 50)


KERAS = result("keras", 20, 60)


def test_the_fastest_that_keeps_the_scores_is_chosen():
    results = [
        KERAS,
        result("keras_compiled", 60, 5),
        result("onnxruntime_float32", 80, 3, 1e-6),
        result("openvino_bfloat16", 300, 1, 9e-4),
        result("openvino_int8", 900, 0.5, 0.02),
    ]
    assert choose(results) == "openvino_bfloat16"
    assert choose(results, precisions=("float32",)) == "onnxruntime_float32"
    assert choose(results, tolerance=0.05) == "openvino_int8"
    assert choose_spare(results, "openvino_bfloat16") == "onnxruntime_float32"
    assert choose_spare(results, "onnxruntime_float32") == "keras_compiled"


def test_one_flipped_verdict_is_too_many_however_small_the_difference():
    results = [KERAS, result("openvino_float32", 300, 1, 1e-7, flipped=1)]
    assert choose(results) == "keras"
    assert choose_spare([KERAS, result("keras_bfloat16", 90)], "keras_bfloat16") == "keras_compiled"


def test_of_two_about_as_fast_the_one_that_answers_sooner():
    slower = result("openvino_float32", 95, latency=1.0)
    assert choose([KERAS, result("keras_compiled", 100, 4.0), slower]) == "openvino_float32"
    slower = result("openvino_float32", 89, latency=1.0)
    assert choose([KERAS, result("keras_compiled", 100, 4.0), slower]) == "keras_compiled"


def test_of_two_about_as_fast_the_one_that_rounds_alike_everywhere():
    exact = result("keras_compiled", 92, latency=9.0)
    assert choose([KERAS, exact, result("openvino_bfloat16", 100, 1.0)]) == "keras_compiled"
    assert choose([KERAS, exact, result("openvino_bfloat16", 110, 1.0)]) == "openvino_bfloat16"


def test_a_difference_at_the_limit_is_allowed_and_one_above_is_not():
    assert keeps_the_scores(result("openvino_int8", difference=1e-3))
    assert not keeps_the_scores(result("openvino_int8", difference=np.nextafter(1e-3, 1)))
    assert not keeps_the_scores(result("openvino_int8", reason="openvino is not installed"))


numbers = st.floats(0.1, 1e4)
any_results = st.lists(
    st.builds(
        result,
        st.sampled_from(list(ENGINES)),
        numbers,
        numbers,
        st.sampled_from([0.0, 1e-4, 1e-3, 2e-3, 0.5]),
        st.integers(0, 2),
        st.sampled_from(["", "", "not here"]),
    ),
    unique_by=lambda each: each.engine,
)


@given(any_results)
def test_what_is_chosen_keeps_the_scores_and_is_about_the_fastest(results):
    chosen = choose(results)
    allowed = {each.engine: each for each in results if keeps_the_scores(each)}
    if not allowed:
        assert chosen == "keras"
        return
    best = max(each.images_per_second for each in allowed.values())
    assert allowed[chosen].images_per_second >= 0.9 * best
    close = [each for each in allowed.values() if each.images_per_second >= 0.9 * best]
    exact = [each for each in close if ENGINES[each.engine].precision == "float32"]
    latencies = [each.latency_milliseconds for each in exact or close]
    assert allowed[chosen] in (exact or close)
    assert allowed[chosen].latency_milliseconds == min(latencies)
    assert ENGINES[choose_spare(results, chosen)].precision == "float32"


def test_verdicts_are_compared_at_the_threshold_itself():
    reference = np.array([0.1, 0.4, 0.6])
    assert compare_scores(np.array([0.1, 0.41, 0.6]), reference, 0.4) == (pytest.approx(0.01), 0)
    assert compare_scores(np.array([0.1, 0.39, 0.6]), reference, 0.4) == (pytest.approx(0.01), 1)
    assert compare_scores(reference, reference, 0.4) == (0.0, 0)


def test_scores_that_are_not_numbers_are_a_reason_not_a_difference():
    scores = np.array([0.2, np.nan])
    row = result_of("openvino_int8", (10.0, 1.0), scores, np.array([0.2, 0.3]), 0.5)
    assert row.reason == "some of its scores are not numbers" and row.images_per_second is None


def test_pictures_are_scored_in_order_whatever_their_number():
    pictures = np.arange(70, dtype=np.uint8).reshape(70, 1, 1, 1)
    sizes = []

    def score(part):
        sizes.append(len(part))
        return part[:, 0, 0, 0] / 100

    assert (score_all(score, pictures) == np.arange(70) / 100).all()
    assert sizes == [32, 32, 6]
    assert len(score_all(score, pictures[:0])) == 0
