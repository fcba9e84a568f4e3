"""An ablation: paired differences of the right sign, corrected, said in careful words."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from unmask.errors import DataError, UsageError
from unmask.evaluation.ablation import (
    Measured,
    check_joined,
    join_variants,
    measure_variants,
)
from unmask.evaluation.ablation_words import (
    ablation_table,
    alarms_of_variants,
    describe_ablation,
    how_measured,
    with_title,
)
from unmask.evaluation.comparison import Difference, compare_auc, holm
from unmask.evaluation.members import evaluate_and_write
from unmask.evaluation.rates import Interval
from unmask.evaluation.scores import attach_faces, cluster_ids, score_matrix
from unmask.runs import write_json, write_table

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


def test_the_correction_counts_the_tests_that_are_shown_and_no_others(measured, make_faces):
    scores, found = measured
    faces = make_faces(people=4)
    known, order = [], []
    for kind in KINDS:
        for title in ("without much", "the same"):
            pair = [
                attach_faces(scores[name][kind].query("split == 'test'"), faces)
                for name in ("the whole recipe", title)
            ]
            (rows, ours), (_, theirs) = (score_matrix(table) for table in pair)
            known.append(compare_auc(rows["label"], ours, theirs, cluster_ids(rows), resamples=9).p)
            order.append((title, kind))
    given = {(each.variant, each.faces): each.difference for each in found}
    assert [given[key].p for key in order] == pytest.approx(known)
    assert [given[key].adjusted for key in order] == pytest.approx(holm(known))


def test_the_table_and_the_sentences_claim_what_survives(measured):
    _, found = measured
    table = ablation_table(found, KINDS[0])
    assert list(table["variant"]) == ["the whole recipe", "without much", "the same"]
    assert list(table["beyond chance"]) == ["", "yes", "no"]
    assert list(table["trainings"]) == ["3", "3", "3"]
    told = describe_ablation(found)
    assert len(told) == 2 and "“without much” loses" in told[0]
    assert told[0].endswith(
        "; for 1 of 2 variants no difference beyond chance is shown: “the same” (cost +0.000)."
    )
    assert told[1].startswith("The whole recipe has AUC") and "saved once more" in told[1]


def made(title, value, low, high, difference=None, same=False):
    area = Interval(value, low, high)
    return Measured(title, "as they are", 0.9, area, difference, 3, same)


def test_losses_and_gains_stand_with_their_intervals():
    found = [
        made("the whole recipe", 0.9, 0.85, 0.95, same=True),
        made("a", 0.8, 0.7, 0.9, Difference(0.1, 0.05, 0.15, 90, 0.001, 0.003)),
        made("b", 0.95, 0.9, 0.97, Difference(-0.05, -0.08, -0.02, 90, 0.002, 0.004)),
        made("c", 0.7, 0.6, 0.8, Difference(0.2, 0.1, 0.3, 90, 0.001, 0.003), same=True),
        made("d", 0.89, 0.8, 0.9, Difference(0.01, -0.01, 0.03, 90, 0.3, 0.3)),
    ]
    assert describe_ablation(found) == [
        "The whole recipe has AUC 0.900 [0.850, 0.950] on test faces as they are; “c” loses 0.200 "
        "[0.100, 0.300], “a” loses 0.100 [0.050, 0.150]; “b” gains 0.050 [0.020, 0.080]; for 1 of "
        "4 variants no difference beyond chance is shown: “d” (cost +0.010 [-0.010, +0.030])."
    ]
    table = ablation_table(found, "as they are")
    assert table["trainings"].tolist()[2:4] == ["3", "3, all with the same scores"]
    first, luck, same = how_measured(found)
    assert "corrected for 4 differences in AUC (Holm), is below 0.05" in first
    assert "The luck of training is in none of them" in luck
    assert same.startswith("The same in every training: “the whole recipe”, “c”.")


def test_trainings_with_the_same_scores_are_known(make_faces, score_faces):
    faces = make_faces({"val": {"real": 9, "swap": 9}, "test": {"real": 9, "swap": 9}})
    once = score_faces(faces, seeds=(1,))
    twice = pd.concat([once, once.assign(seed=2)])
    tables = {"recipe": score_faces(faces, seeds=(1, 2)), "fixed": twice, "once": once}
    found = measure_variants({name: {"": each} for name, each in tables.items()}, faces, 20)
    assert [each.same for each in found] == [False, True, False]


def test_test_faces_of_one_class_measure_nothing_and_lose_nothing(make_faces, score_faces):
    faces = make_faces({"val": {"real": 9, "swap": 9}, "test": {"real": 9}})
    scores = {"recipe": {"": score_faces(faces)}, "less": {"": score_faces(faces, salt=1)}}
    assert measure_variants(scores, faces, 20) == []
    (told,) = describe_ablation([])
    assert "not of both classes" in told and ablation_table([], "").empty


def test_variants_raise_alarms_under_their_titles_the_recipe_alone_against_floors(
    make_faces, score_faces, tmp_path
):
    faces = make_faces({"val": {"real": 40, "swap": 40}, "test": {"real": 40, "swap": 40}})

    def result(step, name, gap):
        folder = tmp_path / "run" / step / name
        write_table(folder / "scores.parquet", score_faces(faces, gap, salt=2))
        write_json(folder / "member.json", {"name": name, "step": step, "seeds": [0]})
        return evaluate_and_write(folder, faces, rule="half", resamples=20)

    result("audit", "floor_colour", 4.0)
    whole = with_title(result("ablation", "variant_0", 0.5), "the whole recipe")
    less = with_title(result("ablation", "variant_1", -2.0), "without much")
    alarms = alarms_of_variants([whole, less], tmp_path / "run", faces, 50)
    told = {
        (each["name"], each["sentence"].split(" does ")[0].split(" ranks ")[0]) for each in alarms
    }
    assert ("floor not beaten", "the whole recipe") in told
    assert {each["name"] for each in alarms if "without much" in each["sentence"]} == {
        "flipped labels"
    }
    assert not [each for each in alarms if "variant_" in each["sentence"]]


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


def test_scores_of_other_faces_are_not_joined_whatever_their_number():
    rows = {"split": "val", "label": [0, 1], "seed": 1, "score": [0.2, 0.8]}
    one = pd.DataFrame({"face_id": ["a", "b"], **rows})
    for other in (one.assign(face_id=["a", "c"]), one.assign(seed=2), one.assign(face_id="a")):
        with pytest.raises(DataError, match="not of the same faces and seeds"):
            join_variants([one, other])


@pytest.mark.parametrize(
    ("joined", "message"),
    [
        ({"both": ["recipe", "les"]}, r"'les', which no variant .*'less'"),
        ({"both": "recipe"}, "'both' joins 'recipe'"),
        ({"both": ["recipe", "recipe"]}, "'both' joins"),
        ({"both": ["recipe"]}, "'both' joins"),
        ({"less": ["recipe", "less"]}, "are called 'less', as a variant is"),
    ],
)
def test_what_cannot_be_joined_is_refused_before_training(joined, message):
    check_joined({"both": ["recipe", "less"]}, ["recipe", "less"])
    with pytest.raises(UsageError, match=message):
        check_joined(joined, ["recipe", "less"])
