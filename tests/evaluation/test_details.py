"""What the training notebooks show: floors, other thresholds, rare fakes."""

import pytest
from unmask.evaluation.calibration import add_calibrated
from unmask.evaluation.details import beside_floors, tables_of
from unmask.evaluation.formats import ABOUT_SPREAD
from unmask.evaluation.members import evaluate_and_write
from unmask.runs import write_json, write_table


@pytest.fixture
def faces(make_faces):
    return make_faces(people=2)


@pytest.fixture
def write(tmp_path, monkeypatch, faces, score_faces):
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))

    def member(step, name, gap, seeds=(0,)):
        folder = tmp_path / "runs" / "demo" / step / name
        write_table(folder / "scores.parquet", add_calibrated(score_faces(faces, gap, seeds)))
        write_json(folder / "member.json", {"name": name, "step": step, "seeds": list(seeds)})
        return evaluate_and_write(folder, faces, rule="balanced_accuracy", resamples=50)

    return member


def test_floors_stand_below_the_detectors_and_are_explained(write, faces):
    result = write("baseline_cnn", "two_block", 2.0)
    table, caption = beside_floors([result], "runs/demo", faces)
    assert table["model"].tolist() == ["two_block"] and "floor" not in caption
    write("audit", "floor_thumbnails", 0.5)
    table, caption = beside_floors([result], "runs/demo", faces)
    assert table["model"].tolist() == ["two_block", "floor_thumbnails"]
    assert "must beat the floors" in caption
    changed = faces.assign(face_id=faces["face_id"].str.replace("val-", "other-"))
    table, caption = beside_floors([result], "runs/demo", changed)
    assert table["model"].tolist() == ["two_block"]
    assert caption == (
        "Test faces, with 95% intervals. audit/floor_thumbnails was scored on other faces and is "
        "left out; run its step again."
    )


def test_thresholds_are_of_all_and_rare_fakes_of_the_best_on_validation(write):
    results = [write("baseline_cnn", "poor", 0.5), write("baseline_cnn", "good", 3.0)]
    (measures, about), (points, of_points), (rare, of_rare) = tables_of(results)
    assert list(measures) == ["measure", "poor", "good"]
    assert about.count("With 80 real faces") == 1
    assert of_points.startswith("Every detector on") and of_rare.startswith("good:")
    assert points["detector"].tolist() == 3 * ["poor"] + 3 * ["good"] and len(rare) == 8
    alone, of_alone = tables_of(results[1:])[1]
    assert of_alone.startswith("good on") and "detector" not in alone and len(alone) == 3


def test_the_spread_over_seeds_stands_beside_the_interval_and_is_explained(write, faces):
    once, twice = write("baseline_cnn", "once", 2.0), write("baseline_cnn", "twice", 2.0, (1, 2))
    entry = twice.metrics["splits"]["test"]["metrics"]["auc"]
    cell = f"{entry['value']:.3f} [{entry['low']:.3f}, {entry['high']:.3f}]"
    table, caption = beside_floors([once, twice], "runs/demo", faces)
    assert table["AUC"][1] == f"{cell} ±{entry['seed_spread']:.3f} over seeds"
    assert "±" not in table["AUC"][0] and caption.endswith(f". {ABOUT_SPREAD}")
    (measures, about), (points, of_points), _ = tables_of([twice])
    assert ABOUT_SPREAD in about and ABOUT_SPREAD in of_points
    assert measures["twice"].str.contains("over seeds").all()
    assert points["fakes found"].str.endswith("% over seeds").all()
    assert "±" not in "".join(caption for _, caption in tables_of([once]))
