"""Which networks and faces are taken: by validation, by name, by a draw that repeats."""

import numpy as np
import pandas as pd
import pytest
from unmask.errors import MissingStepError, UsageError
from unmask.evaluation.members import Result
from unmask.evaluation.stress.networks import choose_networks, sample_faces


def make_result(folder, name, area, seeds=(1,), saved=True):
    for seed in seeds if saved else ():
        path = folder / name / f"seed_{seed}" / "model.keras"
        path.parent.mkdir(parents=True)
        path.touch()
    metrics = {
        "splits": {"val": {"metrics": {"auc": {"value": area}}}},
        "threshold": {"by_seed": {str(seed): 0.4 + seed / 100 for seed in seeds}},
    }
    member = {"name": name, "step": "baseline_cnn", "seeds": list(seeds)}
    return Result(folder / name, member, metrics, pd.DataFrame())


@pytest.fixture
def results(tmp_path):
    return [
        make_result(tmp_path, "plain", 0.8),
        make_result(tmp_path, "deep", 0.9, seeds=(3, 5)),
        make_result(tmp_path, "weak", 0.6),
        make_result(tmp_path, "mean_ensemble", 0.95, saved=False),
    ]


def test_the_best_on_validation_and_the_next(results):
    networks, notices = choose_networks(results)
    assert [each.name for each in networks] == ["deep", "plain"]
    assert networks[0].threshold == pytest.approx(0.43)
    assert networks[0].model_path.parts[-2:] == ("seed_3", "model.keras")
    assert notices[0].startswith("mean_ensemble, the best member") and "deep" in notices[0]
    assert "first seed" in notices[1]


def test_the_named_ones_in_their_order(results):
    networks, notices = choose_networks(results, ["weak", "plain"])
    assert [each.name for each in networks] == ["weak", "plain"] and notices == []
    for name in ("plian", "mean_ensemble"):
        with pytest.raises(UsageError, match="No network is called"):
            choose_networks(results, [name])
    with pytest.raises(MissingStepError, match="No member of this run"):
        choose_networks(results[3:])


def make_faces(counts):
    rows = [
        {"face_id": f"{name}-{number}", "label": int(name != "real"), "generator": name}
        for name, count in counts.items()
        for number in range(count)
    ]
    return pd.DataFrame(rows).assign(row=np.arange(len(rows)))


def test_a_sample_keeps_the_proportions_and_repeats():
    faces = make_faces({"real": 600, "swap": 300, "blend": 100})
    taken = sample_faces(faces, 100, seed=4)
    assert taken["generator"].value_counts().to_dict() == {"real": 60, "swap": 30, "blend": 10}
    shuffled = sample_faces(faces.sample(frac=1, random_state=0), 100, seed=4)
    assert set(shuffled["face_id"]) == set(taken["face_id"])
    assert set(sample_faces(faces, 100, seed=5)["face_id"]) != set(taken["face_id"])
    assert list(taken["row"]) == sorted(taken["row"])


def test_few_faces_are_all_taken_and_classes_can_be_made_even():
    faces = make_faces({"real": 30, "swap": 6, "blend": 4})
    assert len(sample_faces(faces, 500)) == 40
    even = sample_faces(faces, 16, even=True)
    assert even["generator"].value_counts().to_dict() == {"real": 8, "swap": 5, "blend": 3}
    assert (sample_faces(faces, 100, even=True)["label"] == 1).sum() == 10
