"""What the training notebooks show: floors, other thresholds, rare fakes."""

import pytest
from unmask.evaluation.calibration import add_calibrated
from unmask.evaluation.details import beside_floors, tables_of
from unmask.evaluation.members import evaluate_and_write
from unmask.runs import write_json, write_table


@pytest.fixture
def faces(make_faces):
    return make_faces(people=2)


@pytest.fixture
def write(tmp_path, monkeypatch, faces, score_faces):
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))

    def member(step, name, gap):
        folder = tmp_path / "runs" / "demo" / step / name
        write_table(folder / "scores.parquet", add_calibrated(score_faces(faces, gap)))
        write_json(folder / "member.json", {"name": name, "step": step, "seeds": [0]})
        return evaluate_and_write(folder, faces, rule="balanced_accuracy", resamples=50)

    return member


def test_floors_stand_below_the_detectors_and_are_explained(write, faces):
    result = write("baseline_cnn", "two_block", 2.0)
    table, caption = beside_floors([result], "runs/demo", faces)
    assert table["model"].tolist() == ["two_block"] and "floor" not in caption
    write("audit", "floor_thumbnails", 0.5)
    table, caption = beside_floors([result], "runs/demo", faces)
    assert table["model"].tolist() == ["two_block", "floor_thumbnails"]
    assert "must beat them" in caption


def test_thresholds_and_rare_fakes_are_those_of_the_best_on_validation(write):
    results = [write("baseline_cnn", "poor", 0.5), write("baseline_cnn", "good", 3.0)]
    (measures, about), (points, of_points), (rare, of_rare) = tables_of(results)
    assert list(measures) == ["measure", "poor", "good"]
    assert about.count("With 80 real faces") == 1
    assert of_points.startswith("good ") and of_rare.startswith("good:")
    assert len(points) == 3 and len(rare) == 8
