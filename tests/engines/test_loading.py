"""Opening what an export chose: as it was, and after everything that can happen to it."""

import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from unmask.engines import load_engine
from unmask.engines.machine import this_machine
from unmask.engines.report import FILES, NAME, read_report
from unmask.errors import DataError, UsageError

OPENVINO = ("openvino_float32", "keras_compiled")
ELSEWHERE = {**this_machine(), "processor": "Another One", "arithmetic": ["mmx"]}


def load_quietly(folder):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        engine = load_engine(folder)
    said = {str(each.message) for each in caught}
    assert set(engine.notices) <= said, "a notice is given as a warning too"
    return engine


def assert_scores(engine, built, near=1e-5):
    assert np.abs(engine(built.pictures) - built.reference).max() < near


def test_the_chosen_engine_is_opened_and_nothing_is_said(built, tmp_path):
    engine = load_quietly(built.exported(tmp_path / "m", *OPENVINO))
    assert (engine.name, engine.notices) == ("openvino_float32", ())
    assert_scores(engine, built)
    assert engine(built.pictures[:0]).shape == (0,)
    for wrong in (built.pictures[0], built.pictures / 255, built.pictures[:, :6]):
        with pytest.raises(UsageError, match="cannot be scored"):
            engine(wrong)


SCORE = """
import sys
import numpy as np
from unmask.engines import load_engine
scores = load_engine(sys.argv[1])(np.load(sys.argv[2]))
assert not {"tensorflow", "keras"} & set(sys.modules), "TensorFlow was loaded"
np.save(sys.argv[3], scores)
"""


def test_openvino_scores_without_tensorflow_and_reports_to_nobody(built, tmp_path):
    folder = built.exported(tmp_path / "m", *OPENVINO)
    np.save(tmp_path / "pictures.npy", built.pictures)
    files = [str(tmp_path / name) for name in ("pictures.npy", "scores.npy")]
    home = tmp_path / "home"
    home.mkdir()
    keep = {name: value for name, value in os.environ.items() if name not in ("CI", "TF_BUILD")}
    command = [sys.executable, "-c", SCORE, str(folder), *files]
    subprocess.run(command, check=True, env={**keep, "HOME": str(home)})
    assert np.abs(np.load(files[1]) - built.reference).max() < 1e-5
    assert not list(home.iterdir()), "OpenVINO keeps an identity there when it reports"


def damage_weights(folder):
    path = folder / FILES / "float32.bin"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def cut_network(folder):
    path = folder / FILES / "float32.xml"
    path.write_bytes(path.read_bytes()[:500])


def cut_report(folder):
    (folder / NAME).write_text((folder / NAME).read_text()[:300])


def foreign_report(folder):
    (folder / NAME).write_text('{"made by": "something else"}')


def change_model(folder):
    with open(folder / "model.keras", "ab") as stream:
        stream.write(b"\0")


@pytest.mark.parametrize(
    ("happen", "said"),
    [
        (damage_weights, "float32.bin is missing or damaged"),
        (cut_network, "float32.xml is missing or damaged"),
        (lambda folder: (folder / FILES / "float32.xml").unlink(), "float32.xml is missing"),
        (cut_report, "engine.json cannot be read"),
        (foreign_report, "engine.json is not as Unmask writes it"),
        (lambda folder: (folder / NAME).unlink(), "No engine was exported"),
        (change_model, "belongs to another model"),
    ],
)
def test_keras_scores_when_something_is_broken_and_says_what(built, tmp_path, happen, said):
    folder = built.exported(tmp_path / "m", *OPENVINO)
    happen(folder)
    engine = load_quietly(folder)
    assert engine.name == "keras_compiled"
    assert said in " ".join(engine.notices) and "Keras itself" in engine.notices[-1]
    assert_scores(engine, built)


def test_a_missing_package_leaves_the_next_engine(built, tmp_path, monkeypatch):
    folder = built.exported(tmp_path / "m", "openvino_int8", "onnxruntime_float32")
    monkeypatch.setitem(sys.modules, "openvino", None)
    engine = load_quietly(folder)
    assert engine.name == "onnxruntime_float32"
    told = "openvino is not installed (pip install 'unmask[fast]')."
    assert engine.notices == (f"OpenVINO, int8 cannot be used here: {told}",)
    assert_scores(engine, built)


WITHOUT = """
import json, sys, warnings
for name in ("openvino", "onnxruntime", "onnx", "tf2onnx"):
    sys.modules[name] = None
import numpy as np
from unmask.engines import export, load_engine
warnings.simplefilter("ignore")
engine = load_engine(sys.argv[1])
pictures = np.load(sys.argv[2])
report = export(sys.argv[1] + "/model.keras", sys.argv[3], pictures, rounds=1)
told = {result.engine: result.reason for result in report.results}
scores = engine(pictures).tolist()
print(json.dumps([engine.name, engine.notices, scores, report.chosen, told]))
"""


def test_without_the_extra_keras_scores_and_all_say_what_to_install(built, tmp_path):
    folder = built.exported(tmp_path / "m", "openvino_int8", "onnxruntime_float32")
    np.save(tmp_path / "pictures.npy", built.pictures)
    files = [str(folder), str(tmp_path / "pictures.npy"), str(tmp_path / "exported")]
    command = [sys.executable, "-c", WITHOUT, *files]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    name, notices, scores, chosen, told = json.loads(result.stdout.splitlines()[-1])
    assert (name, notices[-1]) == ("keras_compiled", "Keras itself scores instead, more slowly.")
    assert len(notices) == 3
    assert all("pip install 'unmask[fast]'" in notice for notice in notices[:-1])
    assert np.abs(np.array(scores) - built.reference).max() < 1e-5
    assert chosen.startswith("keras")
    assert {engine.partition("_")[0] for engine, reason in told.items() if reason} >= {
        "onnxruntime",
        "openvino",
    }
    others = [reason for engine, reason in told.items() if not engine.startswith("keras")]
    assert all("pip install 'unmask[fast]'" in reason for reason in others)


def test_reduced_precision_is_not_trusted_on_another_processor(built, tmp_path):
    machine = {"machine": ELSEWHERE}
    folder = built.exported(tmp_path / "m", "onnxruntime_int8", "openvino_float32", **machine)
    engine = load_quietly(folder)
    assert engine.name == "openvino_float32"
    assert "chosen on another processor (Another One)" in engine.notices[0]
    exact = built.exported(tmp_path / "n", *OPENVINO, **machine)
    assert load_quietly(exact).notices == ()


def test_an_engine_that_computes_otherwise_than_at_export_is_left(built, tmp_path):
    probes = {"openvino_float32": [0.25] * 4}
    engine = load_quietly(built.exported(tmp_path / "m", *OPENVINO, probes=probes))
    assert engine.name == "keras_compiled"
    assert "scores generated pictures" in engine.notices[0]


def test_without_a_model_there_is_nothing_to_open(built, tmp_path):
    folder = built.exported(tmp_path / "m", *OPENVINO)
    (folder / "model.keras").unlink()
    with pytest.raises(DataError, match="no model"):
        load_engine(folder)
    with pytest.raises(DataError, match="no model"):
        load_engine(tmp_path / "nowhere")


def test_a_report_is_read_as_it_was_written(built, tmp_path):
    folder = built.exported(tmp_path / "m", *OPENVINO, threshold=0.375)
    report = read_report(folder)
    assert (report.threshold, report.input_shape, report.chosen) == (
        0.375,
        (12, 12, 3),
        OPENVINO[0],
    )
    assert [each.engine for each in report.results][:2] == ["keras", "keras_compiled"]
