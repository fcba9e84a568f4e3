"""The step that asks a trained detector: what it waits for, and when it is stale."""

import shutil
from pathlib import Path

import pytest
from unmask.errors import UsageError
from unmask.suite.fingerprint import paths_state
from unmask.suite.plan import check_needs
from unmask.suite.profiles import load_profile

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A project with the real notebooks and profiles of its own."""
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))
    shutil.copytree(REPOSITORY / "notebooks", tmp_path / "notebooks")
    (tmp_path / "params").mkdir()
    return tmp_path


def write_profile(home, name, *steps):
    lines = "".join(f"  {step}: {{}}\n" for step in steps)
    (home / "params" / f"{name}.yaml").write_text(f"# {name}\nsteps:\n{lines}")


def test_it_waits_for_the_detectors_and_the_report_and_nothing_waits_for_it(home):
    steps = ("download", "preprocess", "baseline_cnn", "resnet50", "ensemble")
    write_profile(home, "all", *steps, "score", "report", "lesson")
    profile = load_profile("all")
    assert profile.step("score").needs == (*steps[1:], "report")
    assert profile.step("report").needs == (steps[1], steps[0], *steps[2:])
    write_profile(home, "few", "download", "preprocess", "resnet50", "score")
    assert load_profile("few").step("score").needs == ("preprocess", "resnet50")


def test_the_profile_learn_trains_a_detector_and_asks_it(monkeypatch):
    monkeypatch.setenv("UNMASK_HOME", str(REPOSITORY))
    profile = load_profile("learn")
    names = [step.name for step in profile.steps]
    assert set(names) == {"download", "preprocess", "lesson", "architecture_traces", "score"}
    assert profile.step("score").needs == ("preprocess", "architecture_traces")
    assert profile.step("score").notebook.stem == "score_your_own"


def test_without_a_detector_there_is_nothing_to_ask(home):
    write_profile(home, "none", "download", "preprocess", "score")
    profile = load_profile("none")
    with pytest.raises(UsageError, match="trains none"):
        check_needs(profile, ["download", "preprocess", "score"])


def test_pictures_typed_in_another_folder_are_found_from_there(home, tmp_path, monkeypatch):
    write_profile(home, "few", "download", "preprocess", "resnet50", "score")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "mine").mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    profile = load_profile("few", ["score.paths=[mine, gone.jpg]"])
    assert profile.step("score").values["paths"] == [str(elsewhere / "mine"), "gone.jpg"]


def test_another_picture_is_another_question(home):
    folder = home / "mine"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "a.jpg").write_bytes(b"a")
    states = [paths_state(["mine"])]
    assert [Path(row[0]).name for row in states[0]] == ["a.jpg"]
    (folder / "b.jpg").write_bytes(b"b")
    states.append(paths_state(["mine"]))
    (folder / "b.jpg").write_bytes(b"bb")
    states.append(paths_state(["mine"]))
    assert states[2] != states[1] != states[0]
    assert paths_state(["mine/*.jpg"]) == states[2][:1] == paths_state(["mine/b.jpg"])
    assert paths_state(["nowhere"]) == []
