"""Notebook, command line and web page say the same of the same bytes, to 1e-6."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import papermill
import pytest
from tiny_run import RUN, test_files
from unmask.dataset.face_set import FaceSet
from unmask.runs import read_json
from unmask.verdict import Detector
from unmask.web import Limits, create_app

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
# How long it took, and how the file was named, may differ.
OWN = ("seconds", "file")


@pytest.fixture(scope="module")
def home(tiny_home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNMASK_HOME", str(tiny_home))
        yield tiny_home


@pytest.fixture(scope="module")
def files(home):
    """Returns two photos and a clip of the test split, and a file that is none."""
    found = test_files()
    broken = home / "broken.jpg"
    broken.write_bytes(found[0].read_bytes()[:900])
    assert (found[0].suffix, found[-1].suffix) == (".jpg", ".mp4")
    return [found[0], found[9], found[-1], broken]


@pytest.fixture(scope="module")
def by_notebook(home, files):
    papermill.execute_notebook(
        str(NOTEBOOKS / "learn/score_your_own.ipynb"),
        str(home / "executed.ipynb"),
        parameters={"run_folder": RUN, "paths": list(map(str, files)), "faces": "whole"},
        cwd=str(NOTEBOOKS / "learn"),
        progress_bar=False,
    )
    found = read_json(home / RUN / "score" / "verdicts.json")
    return {each["verdict"]["file"]: each["verdict"] for each in found}


def score(home, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "unmask", "score", *map(str, arguments)],
        env={**os.environ, "UNMASK_HOME": str(home)},
        capture_output=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def by_command(home, files):
    done = score(home, "--json", "--faces", "whole", *files)
    assert done.returncode == 1  # one of them cannot be read
    return {each["file"]: each for each in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def by_page(home, files):
    client = create_app(Detector.load(RUN, faces="whole"), Limits()).test_client()
    found = {}
    for path in files:
        sent = {"file": (io.BytesIO(path.read_bytes()), path.name)}
        found[str(path)] = client.post("/api/score", data=sent).get_json()
    return found


def alike(first, second, where=""):
    """Asserts that two pieces of plain data are the same, numbers to 1e-6."""
    if isinstance(first, dict):
        assert set(first) == set(second), where
        for key in first:
            alike(first[key], second[key], f"{where}.{key}")
    elif isinstance(first, list):
        assert len(first) == len(second), where
        for number, pair in enumerate(zip(first, second, strict=True)):
            alike(*pair, f"{where}[{number}]")
    elif isinstance(first, float) and isinstance(second, float):
        assert first == pytest.approx(second, rel=0, abs=1e-6), where
    else:
        assert first == second, where


def without_own(verdict):
    return {key: value for key, value in verdict.items() if key not in OWN}


def test_the_three_say_the_same(files, by_notebook, by_command, by_page):
    *readable, broken = map(str, files)
    assert set(by_notebook) == set(by_command) == {*readable, broken}
    for name in readable:
        assert by_command[name]["verdict"] in ("real", "fake", "unsure")
        assert by_command[name]["score"] is not None and by_command[name]["people"]
        alike(without_own(by_notebook[name]), without_own(by_command[name]), f"{name}: ")
        alike(without_own(by_page[name]), without_own(by_command[name]), f"{name}: ")
    assert by_command[broken]["error"] == by_notebook[broken]["error"]
    assert by_command[broken]["error"]["reason"] == "truncated"
    assert by_page[broken]["error"]["reason"] == "truncated"


def test_the_scores_are_those_that_training_wrote(home, files, by_command):
    written = pd.read_parquet(home / RUN / "architecture_small/small/scores.parquet")
    scores = FaceSet.load(RUN).table.merge(written, on="face_id")
    for path in files[:2]:
        (known,) = scores[scores["path"] == str(path)]["score"]
        assert by_command[str(path)]["score"] == pytest.approx(known, abs=1e-6)


def test_the_notebook_says_what_it_was_asked_and_what_it_is_worth(home, by_notebook):
    summary = read_json(home / RUN / "score" / "summary.json")
    assert summary["sentence"].startswith("Of 4 files the detector says: ")
    assert summary["sentence"].endswith("1 unreadable.")
    assert Detector.load(RUN, faces="whole").error_rates() in summary["sentences"]
    assert "1 file could not be read." in summary["notices"]
