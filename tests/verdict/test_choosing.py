"""Which run a command means."""

import os

import pytest
from unmask.errors import UsageError
from unmask.verdict.choosing import find_model, newest_run


def make_run(home, name, step, time):
    folder = home / "runs" / name / step / "member"
    folder.mkdir(parents=True)
    for file in ("member.json", "scores.parquet"):
        (folder / file).touch()
        os.utime(folder / file, (time, time))
    return home / "runs" / name


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))
    return tmp_path.resolve()


def test_the_newest_run_is_the_one_scored_last(home):
    make_run(home, "a", "baseline_cnn", 3000)
    newer = make_run(home, "b", "architecture_lenet", 4000)
    make_run(home, "c", "audit", 5000)  # floors are no detectors
    (home / "runs" / "scores").mkdir()
    assert newest_run() == newer
    assert find_model() == newer


def test_a_run_by_name_and_by_path(home, tmp_path, monkeypatch):
    run = make_run(home, "first", "ensemble", 1000)
    monkeypatch.chdir(run)
    assert find_model("first") == run
    assert find_model("runs/first") == run
    assert find_model("ensemble/member") == run / "ensemble" / "member"
    with pytest.raises(UsageError, match="Did you mean 'first'"):
        find_model("frist")


def test_without_any_run_it_says_how_to_get_one(home):
    with pytest.raises(UsageError, match=r"run_all\.py"):
        newest_run()
    with pytest.raises(UsageError, match=r"run_all\.py"):
        find_model("demo")
