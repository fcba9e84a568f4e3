"""Scores to verdicts: the band, what a mild change turns, who decides, how often it is right."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unmask.verdict.rates import describe_rates, level_of, rates_table, three_way_rates
from unmask.verdict.records import FAKE, REAL, UNSURE, Person, Verdict
from unmask.verdict.rules import UNSURE_SHARE, Limits, chances_of, choose_band, decide

LIMITS = Limits(0.5, (0.2, 0.8))
SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def test_a_score_lies_below_inside_or_above_the_band():
    assert [LIMITS.call(score) for score in (0.0, 0.19, 0.2, 0.79, 0.8, 1.0)] == [
        REAL, REAL, UNSURE, UNSURE, FAKE, FAKE
    ]  # fmt: skip
    alone = Limits(0.5, (0.5, 0.5))
    assert [alone.call(score) for score in (0.499, 0.5)] == [REAL, FAKE]
    assert Limits(0.5, None).call(0.999) == UNSURE


@pytest.mark.parametrize(
    ("score", "changed", "verdict"),
    [
        (0.9, {"jpeg_90": 0.95, "jpeg_75": 0.81}, FAKE),
        (0.9, {"jpeg_90": 0.95, "jpeg_75": 0.2}, FAKE),  # into the band, not across
        (0.9, {"jpeg_90": 0.95, "jpeg_75": 0.19}, UNSURE),
        (0.1, {"resize_0.75": 0.8}, UNSURE),
        (0.1, {"resize_0.75": 0.79}, REAL),
        (0.5, {"resize_0.75": 0.9}, UNSURE),
    ],
)
def test_a_verdict_that_a_mild_change_turns_is_unsure(score, changed, verdict):
    assert LIMITS.judge(score, changed) == verdict
    turned = {FAKE: "jpeg_75", REAL: "resize_0.75"}.get(LIMITS.call(score))
    is_turned = verdict == UNSURE and score != 0.5
    assert LIMITS.turning(score, changed) == ([turned] if is_turned else [])
    table = LIMITS.judge_all(np.array([score]), np.array([list(changed.values())]))
    assert list(table) == [verdict]


def test_the_band_by_hand():
    reals = np.arange(40) / 100  # 0.00 .. 0.39
    fakes = np.arange(30, 70) / 100  # 0.30 .. 0.69
    labels = np.repeat([0, 1], 40)
    low, high = choose_band(labels, np.concatenate([reals, fakes]), 0.35)
    # two of forty may lie outside: the fakes 0.30 and 0.31, the reals 0.38 and 0.39
    assert (low, high) == (pytest.approx(0.315), pytest.approx(0.375))
    assert choose_band(labels, np.concatenate([reals, fakes]), 0.9) == (pytest.approx(0.315), 0.9)
    assert choose_band(labels, np.concatenate([reals, fakes + 0.3]), 0.5) == (0.5, 0.5)


def test_with_few_faces_the_band_holds_all_that_overlap():
    labels = [0, 0, 0, 1, 1, 1]
    low, high = choose_band(labels, [0.1, 0.2, 0.6, 0.4, 0.8, 0.9], 0.5)
    assert low == 0.4 and 0.6 < high < 0.6 + 1e-9


@given(SCORES, SCORES, st.floats(0, 1))
def test_no_more_than_a_share_lies_beyond_the_band(reals, fakes, threshold):
    labels = [0] * len(reals) + [1] * len(fakes)
    low, high = choose_band(labels, [*reals, *fakes], threshold)
    assert low <= threshold <= high
    if low < high:
        assert sum(score < low for score in fakes) <= UNSURE_SHARE * len(fakes)
        assert sum(score >= high for score in reals) <= UNSURE_SHARE * len(reals)


@given(SCORES, SCORES)
def test_equal_scores_get_equal_verdicts_and_higher_ones_no_milder(reals, fakes):
    labels = [0] * len(reals) + [1] * len(fakes)
    limits = Limits(0.5, choose_band(labels, [*reals, *fakes], 0.5))
    order = [REAL, UNSURE, FAKE]
    called = [order.index(limits.call(score)) for score in sorted([*reals, *fakes])]
    assert called == sorted(called)


def test_one_fake_person_makes_the_file_fake():
    assert decide([(REAL, 0.1), (FAKE, 0.8), (UNSURE, 0.79)]) == 1
    assert decide([(REAL, 0.1), (UNSURE, 0.3), (UNSURE, 0.5)]) == 2
    assert decide([(REAL, 0.15), (REAL, 0.1)]) == 0


def rated(real, fake, n=100):
    """Returns rates of n faces a class: how many are called real, unsure, fake."""
    verdicts = [name for counts in (real, fake) for name, k in zip((REAL, UNSURE, FAKE), counts,
                strict=True) for _ in range(k)]  # fmt: skip
    test = pd.DataFrame({"label": np.repeat([0, 1], n), "face_id": np.arange(2 * n).astype(str)})
    return three_way_rates(test, np.array(verdicts, dtype=object), "face")


def test_three_way_rates_count_all_verdicts():
    rates = rated((70, 28, 2), (5, 15, 80))
    assert [rates["real"][name]["value"] for name in (REAL, UNSURE, FAKE)] == [0.7, 0.28, 0.02]
    assert [rates["fake"][name]["value"] for name in (REAL, UNSURE, FAKE)] == [0.05, 0.15, 0.8]
    assert rates["real"]["fake"]["low"] == pytest.approx(0.0055, abs=1e-4)  # Wilson's, 2 of 100
    assert rates["real"]["fake"]["high"] == pytest.approx(0.0700, abs=1e-4)
    text = describe_rates(rates, ["photos"])
    assert text.startswith(
        "On 200 test faces of photos that it never saw, it called 2.0% [0.6%, 7.0%]"
    )
    assert "of the 100 real ones fake and 5.0%" in text and "15.0%" in text
    table = rates_table(rates)
    assert list(table["test faces"]) == ["real", "fake"]
    assert table.loc[1, "called fake"].startswith("80.0% [")
    one_class = pd.DataFrame({"label": [1, 1], "face_id": ["a", "b"]})
    assert three_way_rates(one_class, np.array([FAKE, REAL]), "face") is None


def test_how_often_a_verdict_is_right_where_fakes_are_rare():
    rates = rated((70, 28, 2), (5, 15, 80))
    fake = {each["share_of_fakes"]: each for each in chances_of(FAKE, rates)}
    assert list(fake) == [0.5, 0.1, 0.01, 0.001]
    assert fake[0.5]["right"] == pytest.approx(0.8 / 0.82)
    assert fake[0.01]["right"] == pytest.approx(0.8 * 0.01 / (0.8 * 0.01 + 0.02 * 0.99))
    real = {each["share_of_fakes"]: each for each in chances_of(REAL, rates)}
    assert real[0.1]["right"] == pytest.approx(0.7 * 0.9 / (0.7 * 0.9 + 0.05 * 0.1))
    for each in (*fake.values(), *real.values()):
        assert 0 <= each["low"] < each["right"] < each["high"] <= 1
    assert chances_of(UNSURE, rates) == [] and chances_of(FAKE, None) == []


def test_a_level_follows_from_validation_alone():
    generator = np.random.default_rng(5)
    labels = np.repeat([0, 1], 200)
    scores = np.clip(generator.normal(0.35 + 0.3 * labels, 0.12), 0, 1)
    val = pd.DataFrame({"label": labels, "score": scores, "face_id": np.arange(400).astype(str)})
    other = val.assign(score=1 - val["score"])
    first, second = level_of(val, val, "fpr_1", "face"), level_of(val, other, "fpr_1", "face")
    assert first.limits == second.limits and first.calibration == second.calibration
    assert first.rates != second.rates
    assert first.limits.threshold <= first.limits.band[1]
    assert first.rates["real"]["fake"]["value"] <= 0.01


def test_records_are_plain_data_without_pixels_and_nan():
    person = Person(0, score=np.float32(0.5), calibrated=float("nan"), crop=np.zeros((2, 2, 3)))
    found = Verdict("a", people=[person], band=(0.1, float("inf"))).as_dict()
    assert found["people"][0]["calibrated"] is None and found["band"] == [0.1, None]
    assert "crop" not in found["people"][0] and type(found["people"][0]["score"]) is float
