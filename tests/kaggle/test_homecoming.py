"""What came from Kaggle lies where a local run would have it; what was made here is kept."""

import json

import kaggle_home
import pytest
from unmask.errors import DataError
from unmask.kaggle.homecoming import (
    move_own_run_aside,
    put_home,
    render,
    steps_from_kaggle,
)
from unmask.kaggle.state import Push, staging_folder
from unmask.runs import read_json, write_json
from unmask.session.outputs import pack
from unmask.suite.guards import locked
from unmask.suite.plan import read_done
from unmask.suite.profiles import load_profile


@pytest.fixture
def profile(tmp_path, monkeypatch):
    home = kaggle_home.make_home(tmp_path / "home")
    (home / "params" / "two.yaml").write_text("steps: {download: {}, preprocess: {}}\n")
    monkeypatch.setenv("UNMASK_HOME", str(home))
    return load_profile("two")


def make_step(run_folder, step, said, **files):
    """Writes a step's folder as the runner leaves it."""
    folder = run_folder / step
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content)
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    outputs = dict.fromkeys(sizes, "0" * 64)
    run = {"step": step, "status": "done", "seconds": 1.0, "command": said, "place": "Kaggle"}
    write_json(folder / "run.json", run)
    write_json(folder / "done.json", {"key": "k", "seconds": 1.0, "outputs": outputs,
                                      "sizes": sizes})  # fmt: skip


def staged(profile, step, run_id, tmp_path, status="done", **files):
    """Lays an output of a kernel where it would have been fetched to; returns its push."""
    kernel_home = tmp_path / f"kaggle-{run_id}"
    make_step(kernel_home / "runs" / "two", step, f"run {run_id}", **files)
    slug = f"unmask-two-{step}"
    told = {step: {"status": status, "seconds": 1.0, "message": ""}}
    request = {"run_id": run_id, "key": "key", "part": 1, "profile": "two"}
    pack(kernel_home, "two", [step], request, told, staging_folder("two", slug))
    return Push(slug, [step], 1, "key", run_id, status=status, fetched=True)


def test_results_lie_where_a_local_run_has_them(profile, tmp_path):
    push = staged(profile, "download", "11111111", tmp_path, files__parquet=b"table")
    assert put_home(profile, [push]) == ["download"]
    folder = profile.run_folder / "download"
    assert (folder / "files.parquet").read_bytes() == b"table"
    assert read_done(folder)["sizes"] == {"files.parquet": 5}
    assert read_json(folder / "run.json")["place"] == "Kaggle"
    assert put_home(profile, [push]) == []
    assert move_own_run_aside(profile) == ""


def test_a_newer_push_takes_the_place_of_an_older_one(profile, tmp_path):
    put_home(profile, [staged(profile, "download", "11111111", tmp_path, files__parquet=b"old")])
    newer = staged(profile, "download", "22222222", tmp_path, files__parquet=b"newer")
    assert put_home(profile, [newer]) == ["download"]
    assert (profile.run_folder / "download" / "files.parquet").read_bytes() == b"newer"
    assert steps_from_kaggle(profile.run_folder)["download"]["run_id"] == "22222222"


def test_a_step_counts_as_done_while_its_faces_stay_on_kaggle(profile, tmp_path):
    push = staged(
        profile, "preprocess", "11111111", tmp_path, faces__parquet=b"t", faces_8__npy=b"f"
    )
    faces = staging_folder("two", push.slug) / "faces" / "faces_8.npy"
    content = faces.read_bytes()
    faces.unlink()
    put_home(profile, [push])
    done = read_done(profile.run_folder / "preprocess")
    assert (done["key"], done["left_on_kaggle"]) == ("", ["faces_8.npy"])
    assert set(done["sizes"]) == {"faces.parquet"} and len(done["outputs"]) == 2
    faces.write_bytes(content)  # fetched later, with --with-data
    assert put_home(profile, [push]) == ["preprocess"]
    assert read_done(profile.run_folder / "preprocess")["key"] == "k"
    assert (profile.run_folder / "preprocess" / "faces_8.npy").read_bytes() == b"f"


def test_a_run_made_here_is_moved_aside_and_said(profile, tmp_path):
    make_step(profile.run_folder, "download", "at home", files__parquet=b"mine")
    said = move_own_run_aside(profile)
    (moved,) = profile.run_folder.parent.glob("two-home-*")
    assert said == f"The run made here (download) was moved to runs/{moved.name}."
    assert (moved / "download" / "files.parquet").read_bytes() == b"mine"
    put_home(profile, [staged(profile, "download", "11111111", tmp_path, files__parquet=b"k")])
    assert move_own_run_aside(profile) == ""
    # A step run again here makes it a run of this machine once more.
    run = profile.run_folder / "download" / "run.json"
    write_json(run, {**read_json(run), "command": "again at home"})
    assert "(download)" in move_own_run_aside(profile)
    assert len(list(profile.run_folder.parent.glob("two-home-*"))) == 2


def test_nothing_is_put_below_a_run_in_progress(profile, tmp_path):
    push = staged(profile, "download", "11111111", tmp_path, files__parquet=b"table")
    profile.run_folder.mkdir(parents=True)
    lock = locked(profile)
    with pytest.raises(DataError, match="already in progress"):
        put_home(profile, [push])
    assert not (profile.run_folder / "download").exists()
    lock.release()
    assert put_home(profile, [push]) == ["download"]
    locked(profile).release()  # it let go


def test_reports_of_done_and_failed_steps_are_rendered_with_the_index(profile, tmp_path):
    good = staged(profile, "download", "11111111", tmp_path, files__parquet=b"t")
    bad = staged(profile, "preprocess", "22222222", tmp_path, status="failed")
    run = tmp_path / "kaggle-22222222"
    make_step(run / "runs" / "two", "preprocess", "run")
    folder = run / "runs" / "two" / "preprocess"
    (folder / "done.json").unlink()
    write_json(folder / "run.json", {"status": "failed", "failure": "planted error"})
    told = {"preprocess": {"status": "failed", "seconds": 1.0, "message": "planted error"}}
    request = {"run_id": bad.run_id, "key": "key", "part": 1, "profile": "two"}
    pack(run, "two", ["preprocess"], request, told, staging_folder("two", bad.slug))
    assert render(profile, put_home(profile, [good, bad])) == []
    pages = {path.name: path.read_text() for path in profile.report_folder.glob("*.html")}
    assert set(pages) == {"01_download.html", "02_preprocess.html", "index.html"}
    assert "Kaggle; this page was made at home" in pages["01_download.html"]
    assert "planted error" in pages["02_preprocess.html"]
    assert "1 of 2 done" in pages["index.html"]


def test_a_damaged_marker_counts_as_none(profile):
    profile.run_folder.mkdir(parents=True)
    (profile.run_folder / "from_kaggle.json").write_text("[")
    assert steps_from_kaggle(profile.run_folder) == {}
    (profile.run_folder / "from_kaggle.json").write_text(json.dumps([1]))
    assert steps_from_kaggle(profile.run_folder) == {}
