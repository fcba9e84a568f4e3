"""McNemar's test against textbook numbers, counting, and groups."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from unmask.errors import DataError
from unmask.evaluation.mcnemar import compare_right, mcnemar


def test_approval_of_the_prime_minister():
    """Agresti, Categorical Data Analysis, 10.1: 86 changed one way, 150 the other, z = -4.17."""
    z = (86 - 150) / math.sqrt(86 + 150)
    assert z == pytest.approx(-4.17, abs=0.005)
    assert mcnemar(86, 150) == pytest.approx(2 * norm.cdf(z), rel=0.1)
    assert mcnemar(150, 86) == mcnemar(86, 150)
    tail = sum(math.comb(236, k) for k in range(86)) + math.comb(236, 86) / 2
    assert mcnemar(86, 150) == pytest.approx(2 * tail / 2**236, rel=1e-9)


def test_airway_measurements():
    """Fagerland et al. 2013: 1 and 7 discordant pairs, exact p 0.070 (mid-p 0.039)."""
    assert mcnemar(1, 7) == pytest.approx(18 / 256, rel=1e-12)
    assert round(mcnemar(1, 7), 3) == 0.070
    assert round(mcnemar(1, 7) - math.comb(8, 1) / 256, 3) == 0.039


def test_no_or_balanced_disagreement_says_nothing():
    assert mcnemar(0, 0) == 1.0 and mcnemar(5, 5) == 1.0 and mcnemar(50, 50) <= 1.0
    with pytest.raises(DataError, match="cannot be"):
        mcnemar(-1, 2)


def right(*rows):
    return np.array(rows, dtype=bool)


def test_independent_faces_and_one_training_are_mcnemar():
    a = right([1] * 12 + [0] * 3 + [1] * 20)
    b = right([0] * 12 + [1] * 3 + [1] * 20)
    assert compare_right(a, b) == mcnemar(12, 3)
    assert compare_right(a, b, np.arange(35)) == mcnemar(12, 3)
    assert compare_right(a, a) == 1.0


def test_groups_fall_together():
    """Five people with four faces each, all gained: 2 of 2 ** 5 signs are as extreme, not 2**20."""
    a, b = right([1] * 20), right([0] * 20)
    people = np.repeat(np.arange(5), 4)
    assert compare_right(a, b, people) == pytest.approx(2 / 2**5)
    assert compare_right(a, b) == pytest.approx(2 / 2**20)


def test_seeds_count_by_their_share():
    """One seed of two is right where the other is wrong: half a face, as in the table."""
    a = right([1, 1, 1, 0], [1, 1, 0, 0])
    b = right([0, 0, 0, 0])
    # Net gains 2, 2, 1, 0: the sum 5 and its opposite are 2 of 8 sign choices.
    assert compare_right(a, b) == pytest.approx(2 / 8)
    assert compare_right(b, a) == compare_right(a, b)
    assert compare_right(np.repeat(a, 3, axis=0), b) == compare_right(a, b)


def by_listing(gains):
    """All choices of signs, one after the other."""
    total = abs(sum(gains))
    sums = [
        abs(sum(sign * gain for sign, gain in zip(signs, gains, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(gains))
    ]
    return sum(value >= total for value in sums) / len(sums)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-4, 4).filter(bool), min_size=1, max_size=10))
def test_the_distribution_over_groups_is_exact(gains):
    groups = np.concatenate([np.full(abs(gain), place) for place, gain in enumerate(gains)])
    signs = np.concatenate([np.full(abs(gain), gain > 0) for gain in gains])
    found = compare_right(signs[None], ~signs[None], groups)
    assert found == pytest.approx(by_listing(gains), rel=1e-9)


def test_many_groups_agree_with_the_normal_approximation(monkeypatch):
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(300), 3)
    a, b = generator.random((2, 1, 900)) < np.array([0.83, 0.79])[:, None, None]
    exact = compare_right(a, b, groups)
    monkeypatch.setattr("unmask.evaluation.mcnemar.MOST_STEPS", 0)
    assert compare_right(a, b, groups) == pytest.approx(exact, rel=0.1)
    assert 0.0001 < exact < 0.5


def test_verdicts_on_other_faces_are_refused():
    with pytest.raises(DataError, match="3 and 2 verdicts"):
        compare_right(right([1, 1, 0]), right([1, 0]))
