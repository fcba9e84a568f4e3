"""An ablation: paired differences of the right sign, corrected, said in careful words."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from unmask.errors import DataError
from unmask.evaluation.ablation import (
    ablation_table,
    describe_ablation,
    join_variants,
    measure_variants,
)

KINDS = ("as they are", "saved once more")


@pytest.fixture(scope="module")
def measured(make_faces, score_faces):
    faces = make_faces(people=4)
    faces = faces[faces["split"] != "unseen"]

    def tables(gap, resaved, salt):
        pair = (score_faces(faces, gap, (1, 2, 3), salt), score_faces(faces, resaved, (1, 2), salt))
        return dict(zip(KINDS, pair, strict=True))

    scores = {
        "the whole recipe": tables(4.0, 2.0, 1),
        "without much": tables(0.5, 1.0, 2),
        "the same": tables(4.0, 2.0, 1),
    }
    return scores, measure_variants(scores, faces, resamples=200)


def test_values_are_means_of_the_seeds(measured):
    scores, found = measured
    assert [(each.variant, each.faces) for each in found] == [
        (variant, kind) for kind in KINDS for variant in scores
    ]
    for each in found:
        table = scores[each.variant][each.faces]
        for split, value in (("test", each.auc.value), ("val", each.validation)):
            part = table[table["split"] == split]
            areas = [roc_auc_score(one["label"], one["score"]) for _, one in part.groupby("seed")]
            assert value == pytest.approx(sum(areas) / len(areas), abs=1e-9)
    assert [each.seeds for each in found] == [3, 3, 3, 2, 2, 2]


def test_a_difference_is_the_recipes_minus_the_variants(measured):
    _, found = measured
    whole, less, same = found[:3]
    assert whole.difference is None
    assert less.difference.value == pytest.approx(whole.auc.value - less.auc.value, abs=1e-9)
    assert less.difference.low > 0 and same.difference.value == 0


def test_the_table_and_the_sentences_claim_what_survives(measured):
    _, found = measured
    table = ablation_table(found, KINDS[0])
    assert list(table["variant"]) == ["the whole recipe", "without much", "the same"]
    assert list(table["beyond chance"]) == ["", "yes", "no"]
    told = describe_ablation(found)
    assert len(told) == 2 and "“without much” loses" in told[0] and "the same" not in told[0]
    assert told[1].startswith("The whole recipe has AUC") and "saved once more" in told[1]


def test_joined_variants_count_alike_whatever_the_size_of_their_logits():
    rows = {"face_id": list("abc"), "split": ["val", "val", "test"], "label": [0, 1, 1], "seed": 1}
    one = pd.DataFrame({**rows, "score": expit(np.array([-1.0, 1.0, 0.5]))})
    loud = pd.DataFrame({**rows, "score": expit(np.array([8.0, 4.0, 2.0]))})
    found = join_variants([one, loud.sample(frac=1, random_state=2)])
    expected = (np.array([-1.0, 1.0, 0.5]) / 1 + np.array([8.0, 4.0, 2.0]) / 2) / 2
    assert np.allclose(found["score"], expit(expected), atol=1e-12)
    assert list(found["face_id"]) == list("abc")
    with pytest.raises(DataError, match="2 rows cannot be joined"):
        join_variants([one, loud.iloc[:2]])
