"""Members on disk: found, left out, compared, joined; and the sentences about them."""

from dataclasses import replace

import numpy as np
import pytest
from unmask.errors import DataError, MissingStepError
from unmask.evaluation.calibration import add_calibrated
from unmask.evaluation.ensemble_members import write_ensemble, write_ensembles
from unmask.evaluation.ensembles import combine, mean_ensemble
from unmask.evaluation.members import (
    best_on_validation,
    compare_on_test,
    comparison_on_test,
    comparisons_on_test,
    describe_member,
    evaluate_and_write,
    find_floors,
    find_results,
    floors_left_out,
    load_result,
    results_table,
    scores_on_test,
    scores_to_join,
)
from unmask.runs import read_json, write_json, write_table


def write_member(folder, scores, rule="balanced_accuracy", faces=None):
    """Writes what a training step leaves in `folder`, and evaluates it."""
    write_table(folder / "scores.parquet", add_calibrated(scores))
    member = {
        "name": folder.name,
        "step": folder.parent.name,
        "architecture": f"{folder.name} of a test",
        "seeds": sorted(int(seed) for seed in scores["seed"].unique()),
        "parameters": 100,
        "bytes_on_disk": 2000,
        "training_seconds": 30.0,
        "milliseconds_per_image": 1.5,
        "notices": [],
    }
    write_json(folder / "member.json", member)
    return evaluate_and_write(folder, faces, rule=rule, resamples=200)


@pytest.fixture
def faces(make_faces):
    return make_faces(people=2)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))
    return tmp_path / "runs" / "demo"


@pytest.fixture
def members(home, faces, score_faces):
    step = home / "baseline_cnn"
    return [
        write_member(step / "single", score_faces(faces, 1.5, salt=1), faces=faces),
        write_member(step / "triple", score_faces(faces, 1.0, (1, 2, 3), salt=2), faces=faces),
    ]


def test_members_are_found_in_the_order_of_the_steps(home, members, faces, score_faces):
    write_member(home / "resnet50" / "a", score_faces(faces), faces=faces)
    write_member(home / "hp_search" / "b", score_faces(faces), faces=faces)
    steps = ["resnet50", "baseline_cnn", "hp_search"]
    found, notices = find_results("runs/demo", faces, steps)
    assert [result.name for result in found] == ["single", "triple", "b", "a"] and notices == []
    assert [result.name for result in find_results("runs/demo", faces, ["hp_search"])[0]] == ["b"]


def test_a_member_scored_on_other_faces_is_left_out_and_named(home, members, faces, score_faces):
    changed = faces.assign(face_id=faces["face_id"].str.replace("val-", "other-"))
    write_member(home / "resnet50" / "new", score_faces(changed), faces=changed)
    found, notices = find_results("runs/demo", changed, ["baseline_cnn", "resnet50"])
    assert [result.name for result in found] == ["new"]
    assert notices == [
        f"baseline_cnn/{name} was scored on other faces and is left out; run its step again."
        for name in ("single", "triple")
    ]
    with pytest.raises(MissingStepError, match="baseline_cnn/single was scored on other faces"):
        find_results("runs/demo", changed, ["baseline_cnn"])


def test_a_member_that_never_scored_a_new_split_is_left_out(home, faces, score_faces, make_faces):
    """Faces were preprocessed again, now with a held-out generator."""
    old = faces[faces["split"] != "unseen"]
    folder = home / "baseline_cnn" / "old"
    write_member(folder, score_faces(old), faces=old)
    assert load_result(folder, old).name == "old"
    with pytest.raises(DataError, match="no scores of the split unseen"):
        load_result(folder, faces)


def test_the_best_is_picked_on_validation_only(members):
    single, triple = members
    assert best_on_validation(members) is single
    block = triple.metrics["splits"]["val"]["metrics"]
    block["auc"] = {**block["auc"], "value": 0.99}
    assert best_on_validation(members) is triple
    single.metrics["splits"]["val"]["metrics"]["auc"] = None
    assert best_on_validation([single, triple]) is triple
    block["auc"] = None
    assert best_on_validation([single, triple]) is single


def test_a_comparison_agrees_with_the_table(members):
    """The mean of three weak seeds' scores beats each of them; the table shows the mean AUC."""
    single, triple = members
    areas = [result.metrics["splits"]["test"]["metrics"]["auc"]["value"] for result in members]
    found = comparisons_on_test([triple], single, 200)["triple"].auc
    assert found.value == pytest.approx(areas[1] - areas[0], abs=1e-12)
    assert found.value < -0.02
    (sentence,) = compare_on_test([triple], single, 200)
    assert f"difference in AUC {areas[1] - areas[0]:+.3f}" in sentence
    assert results_table(members, "test")["AUC"][1].startswith(f"{areas[1]:.3f} [")


def test_an_ensemble_costs_the_networks_of_all_seeds(home, members, faces):
    ensemble = mean_ensemble(combine(scores_to_join(members)))
    folder = home / "ensemble" / "mean_ensemble"
    write_ensemble(folder, "mean_ensemble", ensemble, members)
    found = read_json(folder / "member.json")
    assert (found["parameters"], found["bytes_on_disk"]) == (400, 8000)
    assert found["milliseconds_per_image"] == 6.0 and found["trainings"] == 4
    assert found["architecture"] == "plain mean of the scores of single, triple"
    assert found["training_seconds"] == 60.0  # a member's seconds are of all its seeds already
    result = evaluate_and_write(folder, faces, rule="half", resamples=20)
    joined = [
        frame.groupby("face_id")["score"].mean() for frame in scores_to_join(members).values()
    ]
    found = scores_to_join([result])["mean_ensemble"].set_index("face_id")["score"].sort_index()
    assert np.allclose(found, np.mean(joined, axis=0))


def test_ensembles_of_an_earlier_run_are_removed_and_nothing_else(home, members):
    wide = combine(scores_to_join(members))
    folder = home / "ensemble"
    write_ensembles(folder, {"mean": mean_ensemble(wide), "pair": mean_ensemble(wide)}, members)
    write_json(folder / "notes" / "mine.json", {})
    write_ensembles(folder, {"mean": mean_ensemble(wide)}, members)
    assert sorted(path.name for path in folder.iterdir()) == ["mean", "notes"]
    assert read_json(folder / "mean" / "member.json")["fakes"] == "given"


def test_an_ensemble_says_what_its_members_learned_from(home, members):
    wide = combine(scores_to_join(members))
    blended = [replace(each, member={**each.member, "fakes": "self_blended"}) for each in members]
    found = []
    for given in (blended, [members[0], blended[1]]):
        write_ensemble(home / "ensemble" / "mean", "mean", mean_ensemble(wide), given)
        found.append(read_json(home / "ensemble" / "mean" / "member.json")["fakes"])
    assert found == ["self_blended", "mixed"]


def test_nobody_reads_test_scores_without_saying_why(members):
    single = members[0]
    assert set(single.select("val")["split"]) == {"val"}
    for split in ("test", "unseen"):
        with pytest.raises(ValueError, match=f"say why: .*'{split}'"):
            single.select(split)
        assert set(single.select(split, reason="a test")["split"]) == {split}
    with pytest.raises(ValueError, match="no split 'train'"):
        single.select("train")
    assert not hasattr(single, "scores") and "face_id" not in repr(single)
    assert set(scores_on_test(members)["triple"]["split"]) == {"test"}


def test_floors_are_apart_from_detectors(home, members, faces, score_faces):
    assert find_floors("runs/demo", faces) == []
    for name in ("floor_thumbnails", "floor_spectrum"):
        write_member(home / "audit" / name, score_faces(faces, 0.5), faces=faces)
    names = [result.name for result in find_floors("runs/demo", faces)]
    assert names == ["floor_spectrum", "floor_thumbnails"]
    found, _ = find_results("runs/demo", faces, ["audit", "baseline_cnn"])
    assert [result.name for result in found] == ["single", "triple"]
    changed = faces.assign(face_id=faces["face_id"].str.replace("val-", "other-"))
    assert find_floors("runs/demo", changed) == []
    assert floors_left_out("runs/demo", faces) == []
    first, _ = floors_left_out("runs/demo", changed)
    assert first.startswith("audit/floor_spectrum was scored on other faces and is left out")


def test_accuracy_is_compared_at_each_members_own_thresholds(members):
    single, triple = members
    found = comparison_on_test(triple, single, 200)
    values = [
        result.metrics["splits"]["test"]["metrics"]["accuracy"]["value"] for result in members
    ]
    assert found.accuracy.value == pytest.approx(values[1] - values[0], abs=1e-12)
    assert found.clustered and 0 <= found.accuracy.p <= 1 and 0 <= found.auc.p <= 1


def test_several_comparisons_are_corrected_together(members, home, faces, score_faces):
    single, triple = members
    third = write_member(home / "resnet50" / "third", score_faces(faces, 1.2, salt=5), faces=faces)
    found = comparisons_on_test([triple, third], single, 100)
    assert list(found) == ["triple", "third"]
    tests = [part for each in found.values() for part in (each.auc, each.accuracy)]
    assert min(part.adjusted for part in tests) == pytest.approx(
        min(1.0, 4 * min(part.p for part in tests))
    )
    single.metrics["splits"]["test"]["metrics"]["auc"] = None
    assert comparisons_on_test([triple], single, 100) == {}


def test_the_sentence_says_how_the_threshold_was_set(home, members, faces, score_faces):
    assert describe_member(members[0]).endswith("(highest balanced accuracy on validation).")
    half = write_member(home / "resnet50" / "half", score_faces(faces), "half", faces)
    sentence = describe_member(half)
    assert sentence.startswith("half: AUC 0.")
    assert sentence.endswith("on 160 test faces, at the threshold 0.500 (fixed at 0.5).")
    assert "160 test faces (mean of 3 trainings), at" in describe_member(members[1])
