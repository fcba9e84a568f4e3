"""DeLong's test against a published example, its definition, and groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from unmask.errors import DataError
from unmask.evaluation.delong import compare_areas, delong, structural_components

# 113 patients after a brain haemorrhage: outcome (good or poor), WFNS grade, S100B, NDKA.
# Turck et al. 2010 (Intensive Care Medicine 36:107-115), the data of the R package pROC.
TABLE = """
G,1,0.13,3.01 G,1,0.14,8.54 G,1,0.1,8.09 G,1,0.04,10.42 P,3,0.13,17.4
P,2,0.1,12.75 G,5,0.47,6.0 P,4,0.16,13.2 G,1,0.18,15.54 G,2,0.1,6.01
P,5,0.12,15.96 G,2,0.1,17.86 P,5,0.44,5.18 P,5,0.71,8.9 G,1,0.04,13.41
G,2,0.08,20.75 P,5,0.49,11.6 G,2,0.04,16.11 P,2,0.07,32.37 P,5,0.33,54.82
P,2,0.09,32.41 G,1,0.09,49.94 P,1,0.07,40.34 G,1,0.11,9.47 G,1,0.07,6.29
G,2,0.17,12.53 G,1,0.07,6.54 G,2,0.11,6.3 G,1,0.13,80.3 G,1,0.19,12.8
G,3,0.05,9.8 G,4,0.16,9.81 P,2,0.41,9.85 G,1,0.14,18.21 G,4,0.34,5.03
P,5,0.35,14.04 P,4,0.48,21.93 G,1,0.09,8.02 P,4,0.96,7.42 P,2,0.25,8.38
G,5,0.5,6.59 G,5,0.46,9.63 G,1,0.16,13.12 G,1,0.07,7.96 G,2,0.43,14.34
G,4,0.45,41.43 G,1,0.11,7.63 G,1,0.08,7.06 G,2,0.09,12.59 P,5,0.86,13.56
P,5,0.52,3.87 G,2,0.08,9.44 G,1,0.06,7.66 G,2,0.13,12.98 P,5,2.07,419.19
G,1,0.1,27.19 G,2,0.14,22.27 G,2,0.15,9.95 P,2,0.07,21.22 G,1,0.06,11.73
P,5,0.77,10.4 G,1,0.05,58.83 G,1,0.09,6.39 P,2,0.3,11.09 P,5,0.03,12.22
P,2,0.09,13.67 G,1,0.04,17.21 P,4,0.23,22.63 P,5,0.7,12.9 G,2,0.09,9.7
P,4,0.27,21.57 P,4,0.71,8.23 P,1,0.08,72.57 P,4,0.26,15.54 G,1,0.08,10.51
G,2,0.16,10.6 G,1,0.09,14.57 P,4,0.13,5.19 P,2,0.1,9.63 G,1,0.08,4.61
P,2,0.11,21.48 G,3,0.33,17.3 G,2,0.11,12.71 G,4,0.28,9.44 G,2,0.07,11.07
G,1,0.1,19.46 G,4,0.32,10.83 P,5,0.22,5.37 G,1,0.07,11.97 G,1,0.05,7.75
G,5,0.24,9.83 G,4,0.38,10.55 G,2,0.1,28.49 G,2,0.15,8.53 G,1,0.08,12.57
G,1,0.14,12.9 G,1,0.1,46.83 G,3,0.07,11.68 G,1,0.04,12.67 G,2,0.19,9.01
P,5,0.56,9.57 P,2,0.14,34.06 P,2,0.58,11.72 P,5,0.32,14.26 P,5,0.82,47.61
P,5,0.74,11.67 G,2,0.15,24.58 G,4,0.47,10.33 G,4,0.17,13.87 P,5,0.44,15.89
G,1,0.15,22.43 G,1,0.5,6.79 G,1,0.48,13.45
"""
PATIENTS = TABLE.split()
LABELS = np.array([int(row[0] == "P") for row in PATIENTS])
# Ranks are all that counts, so the largest value becomes 1.
MARKERS = {
    name: np.array([float(row.split(",")[place]) for row in PATIENTS]) / 420
    for place, name in enumerate(("wfns", "s100b", "ndka"), start=1)
}


@pytest.mark.parametrize(
    ("first", "second", "z", "p", "ends"),
    [
        ("wfns", "s100b", 2.20898359144091, 0.0271757822291882,
         (0.0104061769564846, 0.174214419249478)),
        ("wfns", "ndka", 2.79777591868904, 0.00514557970691098,
         (0.0634011709339876, 0.3600405634833566)),
        ("ndka", "s100b", -1.39077002573558, 0.164295175223054,
         (-0.2876917446341914, 0.0488706064228094)),
    ],
)  # fmt: skip
def test_published_example(first, second, z, p, ends):
    """What pROC (Robin et al. 2011, BMC Bioinformatics 12:77) documents in its own tests."""
    found = compare_areas(LABELS, MARKERS[first], MARKERS[second])
    assert (found.z, found.p) == pytest.approx((z, p), rel=1e-10)
    half = 1.959963984540054 * found.error
    assert (found.value - half, found.value + half) == pytest.approx(ends, rel=1e-10)


def test_published_areas_and_variances():
    found = delong(LABELS, np.stack([MARKERS[name] for name in ("wfns", "ndka", "s100b")]))
    assert found.values[:2] == pytest.approx([0.823678861788618, 0.611957994579946], rel=1e-12)
    variances = [0.00146991470882363, 0.0031908105493913, 0.00266868245717244]
    assert np.diag(found.covariance) == pytest.approx(variances, rel=1e-10)
    assert found.units == (72, 41)


def by_definition(labels, matrix, groups):
    """All pairs of a fake and a real face, and Obuchowski's sums written out over groups."""
    fakes, reals = (np.flatnonzero(labels == label) for label in (1, 0))
    of_fakes = np.zeros((len(matrix), len(fakes)))
    of_reals = np.zeros((len(matrix), len(reals)))
    for row, scores in enumerate(matrix):
        for i, fake in enumerate(fakes):
            for j, real in enumerate(reals):
                won = float(scores[fake] > scores[real]) + 0.5 * (scores[fake] == scores[real])
                of_fakes[row, i] += won / len(reals)
                of_reals[row, j] += won / len(fakes)
    areas = of_fakes.mean(axis=1)
    covariance = np.zeros((len(matrix), len(matrix)))
    names = list(dict.fromkeys(groups))
    inside = [[[g == name for g in groups[side]] for name in names] for side in (fakes, reals)]
    with_fakes, with_reals = (sum(any(mask) for mask in side) for side in inside)
    m, n, count = len(fakes), len(reals), len(names)
    for r in range(len(matrix)):
        for s in range(len(matrix)):
            s10 = s01 = s11 = s11_turned = 0.0
            for fake_mask, real_mask in zip(*inside, strict=True):
                x = [(of_fakes[k][fake_mask] - areas[k]).sum() for k in (r, s)]
                y = [(of_reals[k][real_mask] - areas[k]).sum() for k in (r, s)]
                s10 += x[0] * x[1]
                s01 += y[0] * y[1]
                s11 += x[0] * y[1]
                s11_turned += x[1] * y[0]
            s10 *= with_fakes / ((with_fakes - 1) * m)
            s01 *= with_reals / ((with_reals - 1) * n)
            mixed = count / (count - 1) * (s11 + s11_turned)
            covariance[r, s] = s10 / m + s01 / n + mixed / (m * n)
    return areas, covariance


@settings(deadline=None, max_examples=60)
@given(
    labels=st.lists(st.integers(0, 1), min_size=3, max_size=14),
    seed=st.integers(0, 10_000),
    steps=st.integers(1, 6),
    people=st.integers(2, 14),
)
def test_midranks_are_the_definition_over_all_pairs(labels, seed, steps, people):
    labels = np.array([0, 0, 1, 1, *labels])
    generator = np.random.default_rng(seed)
    matrix = generator.integers(0, steps + 1, size=(3, len(labels))) / steps  # many ties
    groups = np.array(["a", "b", "a", "b", *generator.integers(0, people, len(labels) - 4)])
    for given_groups, written in ((None, np.arange(len(labels))), (groups, groups)):
        areas, covariance = by_definition(labels, matrix, written)
        found = delong(labels, matrix, given_groups)
        assert np.abs(found.values - areas).max() < 1e-12
        assert np.abs(found.covariance - covariance).max() < 1e-12
    assert found.values[0] == pytest.approx(roc_auc_score(labels, matrix[0]), abs=1e-12)


def test_components_are_shares_of_the_other_class():
    of_fakes, of_reals = structural_components(
        np.array([0, 0, 1, 1]), np.array([[0.1, 0.5, 0.5, 0.9]])
    )
    assert of_fakes.tolist() == [[0.75, 1.0]] and of_reals.tolist() == [[1.0, 0.75]]


def test_copies_of_each_face_are_no_new_evidence(synthetic):
    """A group of two equal faces counts once: the error is that of one face a group."""
    labels, a = synthetic(200, 1.0, 0)
    _, b = synthetic(200, 1.5, 1)
    once = compare_areas(labels, a, b)
    twice = [np.repeat(each, 2) for each in (labels, a, b)]
    grouped = compare_areas(*twice, np.repeat(np.arange(200), 2))
    assert (grouped.value, grouped.error) == pytest.approx((once.value, once.error), rel=1e-9)
    assert compare_areas(*twice).error == pytest.approx(once.error / np.sqrt(2), rel=0.01)


def test_few_groups_are_no_proof_however_many_faces():
    """Four clips of ten faces each: z is large, but four clips may fall this way by luck."""
    generator = np.random.default_rng(1)
    groups = np.repeat(np.arange(4), 10)
    labels = groups % 2
    a, b = generator.random((2, 40)) * 0.5 + np.stack([labels, 0 * labels]) * 0.3
    found = compare_areas(labels, a, b, groups)
    assert found.z > 9 and found.p > 0.05
    assert compare_areas(labels, a, b).p < 0.01


def test_seeds_enter_by_their_mean(synthetic):
    labels, first = synthetic(120, 1.0, 0)
    _, second = synthetic(120, 1.2, 1)
    _, other = synthetic(120, 0.4, 2)
    found = compare_areas(labels, np.stack([first, second]), other)
    alone = [compare_areas(labels, each, other) for each in (first, second)]
    assert found.value == pytest.approx(np.mean([each.value for each in alone]), abs=1e-12)
    assert found.error < max(each.error for each in alone)
    same = compare_areas(labels, np.stack([first, first]), other)
    assert (same.z, same.p) == pytest.approx((alone[0].z, alone[0].p), rel=1e-9)


def test_equal_models_and_models_that_never_vary(synthetic):
    labels, scores = synthetic(40, 1.0, 0)
    same = compare_areas(labels, scores, scores)
    assert (same.value, same.z, same.p) == (0.0, 0.0, 1.0)
    sure = compare_areas(labels, labels.astype(float), np.full(40, 0.5))
    assert sure.value == 0.5 and sure.p == 2.0**-19  # 20 faces of each class, all one way


def test_too_few_faces_or_groups_for_a_variance():
    labels, scores = np.array([0, 0, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4])
    with pytest.raises(DataError, match="3 real and 1 fake units"):
        delong(labels, scores)
    with pytest.raises(DataError, match="1 real and 2 fake units"):
        delong(np.array([0, 0, 1, 1]), scores, ["a", "a", "b", "c"])


def test_p_values_are_even_when_nothing_differs():
    """Two equally good detectors on groups of three faces: 5% of p-values lie below 0.05."""
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 3)
    labels = (groups % 2).astype(int)
    below = []
    for _ in range(400):
        person = generator.normal(size=(2, 60)) + np.arange(60) % 2
        scores = person[:, groups] + 0.5 * generator.normal(size=(2, 180))
        scores = 1 / (1 + np.exp(-scores))
        below.append([compare_areas(labels, *scores, each).p < 0.05 for each in (groups, None)])
    with_groups, without = np.mean(below, axis=0)
    assert 0.02 < with_groups < 0.09
    assert without > 0.15  # what treating faces as independent would claim
