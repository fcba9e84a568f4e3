"""Measuring and choosing for a saved model, and doing it once."""

import json
import shutil
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from unmask.engines import ENGINES, describe_engines, export, export_member, load_engine
from unmask.engines.kinds import keeps_the_scores
from unmask.engines.report import FILES, NAME, read_report
from unmask.errors import DataError, UsageError
from unmask.evaluation import plots
from unmask.runs import read_json, sha256_file, write_table


@keras.saving.register_keras_serializable("unmask_tests")
class OnlyInPython(keras.layers.Layer):
    """Halves its input by calling Python, which no other engine can."""

    def call(self, inputs):
        halved = tf.numpy_function(lambda x: x / np.float32(2), [inputs], tf.float32)
        halved.set_shape(inputs.shape)
        return halved

    def compute_output_shape(self, input_shape):
        return input_shape


def save_python_only(path):
    inputs = keras.Input((4, 4, 3), name="pixels")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    x = OnlyInPython()(x)
    outputs = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="fake")(x)
    model = keras.Model(inputs, outputs)
    model.save(path)
    return model


@pytest.fixture(scope="module")
def python_only(tmp_path_factory):
    folder = tmp_path_factory.mktemp("python_only")
    keras.utils.set_random_seed(1)
    model = save_python_only(folder / "model.keras")
    pictures = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 3), dtype=np.uint8)
    scores = model.predict(pictures, verbose=0)[:, 0].astype(np.float64)
    return folder / "model.keras", pictures, scores


def test_an_export_measures_every_engine_and_keeps_what_it_chose(built, tmp_path):
    arguments = (built.model_path, tmp_path, built.pictures)
    threshold = float(np.sort(built.reference)[11:13].mean())
    report = export(*arguments, threshold=threshold, rounds=1)
    assert [each.engine for each in report.results] == list(ENGINES)
    ran = [each for each in report.results if not each.reason]
    assert {each.engine for each in ran} >= {"openvino_float32", "openvino_int8", "keras"}
    assert all(each.faces == 24 and each.images_per_second > 0 for each in ran)
    assert keeps_the_scores(report.result(report.chosen))
    kept = {path.name for path in tmp_path.glob(f"{FILES}/*")}
    wanted = {*ENGINES[report.chosen].files, *ENGINES[report.spare].files}
    assert kept == wanted == set(report.files)
    assert {path.name for path in tmp_path.iterdir()} <= {NAME, FILES}
    assert read_json(tmp_path / NAME)["sentences"] == describe_engines(report)
    before = (tmp_path / NAME).stat().st_mtime_ns
    assert export(*arguments, threshold=threshold, rounds=1) == report
    assert (tmp_path / NAME).stat().st_mtime_ns == before


def test_what_cannot_be_converted_is_listed_and_stops_nothing(python_only, tmp_path):
    path, pictures, scores = python_only
    shutil.copy(path, tmp_path)
    report = export(tmp_path / path.name, tmp_path, pictures, 8, rounds=1)
    reasons = {each.engine: each.reason for each in report.results}
    assert not reasons["keras"] and not reasons["keras_compiled"]
    assert all(reasons[name] for name, engine in ENGINES.items() if engine.file)
    assert report.chosen.startswith("keras") and report.files == {}
    assert (report.faces, report.given) == (8, 40)
    assert "PyFunc" in reasons["onnxruntime_float32"]
    loaded = load_engine(tmp_path)
    assert np.abs(loaded(pictures) - scores).max() < 5e-3


def test_the_chosen_engine_has_to_keep_all_known_scores(python_only, tmp_path):
    path, pictures, scores = python_only
    moved = scores.copy()
    moved[5] += 0.01  # a face that is not among the four
    report = export(path, tmp_path / "a", pictures, 4, known_scores=moved, rounds=1)
    assert report.chosen == "keras"
    assert report.result("keras_compiled").largest_difference == pytest.approx(0.01, abs=1e-4)
    assert "Keras itself gives the verdicts" in " ".join(describe_engines(report))
    assert report.notice == ""


def test_scores_that_are_not_this_models_are_left_aside_and_keras_scores_all(python_only, tmp_path):
    path, pictures, scores = python_only
    for name, known in (("a", 1 - scores), ("b", None)):
        report = export(path, tmp_path / name, pictures, 4, known_scores=known, rounds=1)
        chosen = report.result(report.chosen)
        assert chosen.faces == 40 and chosen.largest_difference < 1e-3
        text = " ".join(describe_engines(report))
        assert ("left behind are not those that Keras computes" in text) == (known is not None)
        assert read_report(tmp_path / name) == report


def test_what_cannot_be_exported(python_only, tmp_path):
    path, pictures, scores = python_only
    with pytest.raises(DataError, match="no model"):
        export(tmp_path / "model.keras", tmp_path, pictures)
    with pytest.raises(DataError, match="there are none"):
        export(path, tmp_path, pictures[:0])
    with pytest.raises(UsageError, match="shape"):
        export(path, tmp_path, pictures[:, :3])
    with pytest.raises(UsageError, match="known scores"):
        export(path, tmp_path, pictures, known_scores=scores[:3])
    assert not list(tmp_path.iterdir())


def test_a_member_is_exported_by_its_validation_faces_alone(python_only, tmp_path):
    path, pictures, scores = python_only
    target = tmp_path / "seed_2" / "model.keras"
    target.parent.mkdir()
    target.write_bytes(path.read_bytes())
    rows = np.random.default_rng(0).permutation(40)
    faces = pd.DataFrame(
        {"face_id": [f"f{row}" for row in rows], "row": rows, "split": ["val", "test"] * 20}
    )
    table = faces.drop(columns="row").assign(score=scores[rows], seed=2)
    write_table(tmp_path / "scores.parquet", table)
    record = export_member(tmp_path, pictures, faces, 0.5)
    chosen = next(each for each in record["results"] if each["engine"] == record["chosen"])
    assert (record["given"], chosen["faces"], record["seed"]) == (20, 20, 2)
    assert record["model_sha256"] == sha256_file(target) and record["folder"] == str(target.parent)
    json.dumps(record)
    with pytest.raises(DataError, match="of the seed 1"):
        export_member(tmp_path, pictures, faces, 0.5, seed=1)
    with pytest.raises(DataError, match="no trained network"):
        export_member(tmp_path / "seed_2", pictures, faces, 0.5)


def test_the_table_and_the_figure_name_every_engine(built, tmp_path):
    folder = built.exported(tmp_path / "m", "openvino_float32", "keras_compiled")
    record = read_json(folder / NAME)
    record["results"][4] |= {"reason": "onnxruntime is not installed", "allowed": False}
    record["results"][7] |= {"flipped": 2, "largest_difference": 0.013, "allowed": False}
    table = plots.engines_table(record)
    assert list(table["engine"]) == [engine.title for engine in ENGINES.values()]
    fates = list(table.iloc[:, -1])
    assert fates[4] == "not usable: onnxruntime is not installed"
    assert fates[5] == "chosen" and fates[7] == "changes scores: left out"
    assert table.iloc[7]["largest difference of a score"] == "1.3e-02"
    assert table.iloc[7]["verdicts that differ"] == "2 of 24"
    text = plots.alt_text(plots.engine_speeds(record))
    assert "OpenVINO 100 pictures a second, 2.0 ms for one, chosen" in text
    assert "onnxruntime" not in text
    with pytest.raises(UsageError, match="No engine ran"):
        plots.engine_speeds({"results": [record["results"][4]], "chosen": "keras"})


def test_sentences_name_the_numbers_and_every_reason(built, tmp_path):
    report = read_report(built.exported(tmp_path / "m", "keras", "keras_compiled"))
    rows = {each.engine: each for each in report.results}
    rows["keras"] = replace(rows["keras"], images_per_second=20.0, latency_milliseconds=61.4)
    rows["openvino_int8"] = replace(
        rows["keras"],
        title="OpenVINO, int8",
        images_per_second=1234.0,
        largest_difference=0.0213,
        flipped=3,
        faces=256,
    )
    rows["keras_compiled"] = replace(rows["keras_compiled"], reason="it rains")
    changed = replace(report, results=tuple(rows.values()))
    text = " ".join(describe_engines(changed))
    assert "OpenVINO, int8 (1,234 pictures a second) was left out" in text
    assert "a score differs by 0.021 and 3 of 256 verdicts differ" in text
    assert "Keras, compiled function could not be used: it rains." in text
