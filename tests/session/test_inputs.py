"""What earlier notebooks left appears below this session's home, the newest of each step."""

import json
import os
import tempfile
import time
from pathlib import Path

import pytest
from unmask.errors import MissingStepError
from unmask.runs import last_step_folder, require, step_folder, write_json
from unmask.session.inputs import link_inputs, remove_inputs
from unmask.session.outputs import pack
from unmask.session.pictures import PACKED_FROM, pack_pictures

LINE = {"run": "demo", "step": "baseline_cnn", "member": "lenet", "reason": "evaluation"}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
    monkeypatch.setenv("UNMASK_KAGGLE_INPUT", str(tmp_path / "input"))
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path / "working"))
    return tmp_path / "input"


@pytest.fixture
def home(root):
    folder = root.parent / "working"
    folder.mkdir()
    return folder


def ran(folder: Path, step: str, start: str, content: str, profile: str = "demo") -> Path:
    """Writes what a notebook run alone leaves of a step."""
    step_path = folder / "runs" / profile / step
    step_path.mkdir(parents=True)
    write_json(step_path / "run.json", {"start": f"2026-11-20T{start}:00+00:00", "seconds": 9.5})
    write_json(step_path / "summary.json", {"sentence": content})
    (step_path / "content.txt").write_text(content)
    (step_path / "deeper").mkdir()
    (step_path / "deeper" / "more.txt").write_text(content)
    return step_path


def pictures(folder: Path, name: str = "demo-4x1-1") -> Path:
    path = folder / "data" / name
    (path / "raw").mkdir(parents=True)
    (path / "raw" / "p.jpg").write_bytes(b"picture")
    (path / "manifest.json").write_text("{}")
    return path


def test_steps_and_pictures_of_both_layouts_appear(root, home):
    first = root / "notebooks" / "ada" / "nb-01"
    ran(first, "download", "10:00", "new layout")
    pictures(first)
    ran(root / "nb-02", "preprocess", "11:00", "old layout")
    (root / "unmask-code" / "lib" / "unmask").mkdir(parents=True)
    (root / "other" / "runs" / "tensorboard" / "train").mkdir(parents=True)
    (root / "other" / "data" / "images").mkdir(parents=True)
    assert link_inputs(home) == [
        "From nb-02: preprocess of the profile demo.",
        "From nb-01: download of the profile demo.",
        "From nb-01: the pictures of data/demo-4x1-1.",
    ]
    assert require("runs/demo", "download", "content.txt").read_text() == "new layout"
    assert require("runs/demo", "preprocess", "deeper/more.txt").read_text() == "old layout"
    assert not (home / "runs" / "demo").is_symlink()
    assert (home / "data" / "demo-4x1-1" / "raw" / "p.jpg").read_bytes() == b"picture"
    assert sorted(path.name for path in home.iterdir()) == ["data", "runs"]
    assert [path.name for path in (home / "data").iterdir()] == ["demo-4x1-1"]
    assert link_inputs(home) == []


def test_the_newest_of_several_wins_and_it_is_said(root, home):
    for name, start in (("nb-a", "12:00"), ("nb-b", "13:00"), ("nb-c", "11:00")):
        ran(root / name, "download", start, name)
    ran(root / "nb-a", "preprocess", "12:30", "nb-a")
    assert link_inputs(home) == [
        "From nb-b: download of the profile demo.",
        "From nb-a: preprocess of the profile demo.",
        "download of the profile demo lies in 3 attached outputs; the newest is taken, from nb-b.",
    ]
    assert require("runs/demo", "download", "content.txt").read_text() == "nb-b"


def test_without_run_json_the_files_tell_the_time(root, home):
    for name, age in (("nb-a", 50), ("nb-b", 500)):
        step = ran(root / name, "download", "12:00", name)
        (step / "run.json").unlink()
        os.utime(step / "summary.json", (time.time() - age,) * 2)
    link_inputs(home)
    assert require("runs/demo", "download", "content.txt").read_text() == "nb-a"


def test_what_this_session_made_itself_stays(root, home):
    ran(root / "nb", "download", "12:00", "attached")
    own = step_folder("runs/demo", "download")
    (own / "content.txt").write_text("own")
    assert link_inputs(home) == []
    assert (own / "content.txt").read_text() == "own"


def test_a_step_that_is_run_again_gets_a_copy_to_write_to(root, home):
    shown = ran(root / "nb", "baseline_cnn", "12:00", "attached")
    (shown / "features.npy").write_bytes(bytes(2**20 + 1))
    (shown / "small.npy").write_bytes(bytes(2**10))
    link_inputs(home)
    assert [path.name for path in home.rglob("*") if path.is_symlink()] == ["features.npy"]
    assert (home / "runs" / "demo" / "baseline_cnn" / "features.npy").is_symlink()
    own = step_folder("runs/demo", "baseline_cnn")
    assert own == last_step_folder() == home / "runs" / "demo" / "baseline_cnn"
    assert not any(path.is_symlink() for path in home.rglob("*"))
    assert (own / "features.npy").stat().st_size == 2**20 + 1
    assert (own / "deeper" / "more.txt").read_text() == "attached"
    assert (
        own.joinpath("summary.json").stat().st_mtime
        == shown.joinpath("summary.json").stat().st_mtime
    )
    (own / "content.txt").write_text("own")
    assert (shown / "content.txt").read_text() == "attached"
    assert link_inputs(home) == []
    assert (own / "content.txt").read_text() == "own"
    assert [path.name for path in own.parent.iterdir()] == ["baseline_cnn"]
    remove_inputs(home, 0.0)
    assert (own / "content.txt").read_text() == "own"


def test_a_newer_output_takes_the_place_of_what_was_shown(root, home):
    ran(root / "nb-a", "download", "12:00", "old")
    link_inputs(home)
    ran(root / "nb-b", "download", "13:00", "new")
    assert link_inputs(home)[0] == "From nb-b: download of the profile demo."
    assert require("runs/demo", "download", "content.txt").read_text() == "new"


def test_a_launchers_output_is_unpacked_once(root, home, tmp_path):
    other = tmp_path / "other"
    ran(other, "baseline_cnn", "12:00", "packed")
    request = {"run_id": "0a1b2c3d", "key": "k", "part": 1}
    status = {"baseline_cnn": {"status": "partial", "seconds": 1.0, "message": ""}}
    pack(other, "demo", ["baseline_cnn"], request, status, root / "notebooks" / "ada" / "launched")
    assert link_inputs(home) == ["From launched: baseline_cnn of the profile demo."]
    content = home / "runs" / "demo" / "baseline_cnn" / "content.txt"
    assert content.read_text() == "packed"
    content.write_text("written since")
    assert link_inputs(home) == []
    assert content.read_text() == "written since"
    # What is saved of this session does not hold it, and a session that begins anew has it again.
    remove_inputs(home, 0.0)
    assert [path.name for path in (home / "runs").iterdir()] == ["demo"]
    assert not list((home / "runs" / "demo").iterdir())
    assert link_inputs(home) == ["From launched: baseline_cnn of the profile demo."]
    assert content.read_text() == "packed"


def test_a_launchers_output_that_comes_later_leaves_the_sessions_own_step(root, home, tmp_path):
    own = step_folder("runs/demo", "baseline_cnn")
    (own / "content.txt").write_text("own")
    other = tmp_path / "other"
    ran(other, "baseline_cnn", "12:00", "packed")
    (other / "runs/demo/baseline_cnn/faces_8.npy").write_bytes(b"packed")
    ran(other, "preprocess", "12:00", "packed")
    steps = ["preprocess", "baseline_cnn"]
    status = {step: {"status": "done", "seconds": 1.0, "message": ""} for step in steps}
    pack(other, "demo", steps, {"run_id": "0a1b2c3d"}, status, root / "launched")
    assert link_inputs(home) == ["From launched: preprocess of the profile demo."]
    assert [path.name for path in own.iterdir()] == ["content.txt"]
    assert (own / "content.txt").read_text() == "own"
    assert (own.parent / "preprocess" / "content.txt").read_text() == "packed"


@pytest.mark.parametrize(("hour", "stays"), [("11:00", "packed"), ("13:00", "alone")])
def test_of_a_launchers_step_and_a_notebooks_the_newer_is_shown(root, home, tmp_path, hour, stays):
    other = tmp_path / "other"
    ran(other, "preprocess", "12:00", "packed")
    status = {"preprocess": {"status": "done", "seconds": 1.0, "message": ""}}
    pack(other, "demo", ["preprocess"], {"run_id": "0a1b2c3d"}, status, root / "launched")
    ran(root / "nb", "preprocess", hour, "alone")
    for _ in range(2):
        link_inputs(home)
        assert require("runs/demo", "preprocess", "content.txt").read_text() == stays


def test_ledgers_become_one(root, home):
    for name, times in (("nb-a", ("T2", "T1")), ("nb-b", ("T3", "T2"))):
        ran(root / name, "download" if name == "nb-a" else "preprocess", "12:00", name)
        lines = [json.dumps({"time": time, **LINE}) + "\n" for time in sorted(times)]
        (root / name / "runs" / "test_ledger.jsonl").write_text("".join(lines))
    for _ in range(2):
        link_inputs(home)
        found = (home / "runs" / "test_ledger.jsonl").read_text().splitlines()
        assert [json.loads(line)["time"] for line in found] == ["T1", "T2", "T3"]


def test_the_saved_output_holds_what_the_session_made(root, home):
    first = root / "nb-01"
    ran(first, "download", "10:00", "attached")
    pictures(first)
    link_inputs(home)
    own = step_folder("runs/demo", "preprocess")
    (own / "faces.parquet").write_text("own")
    remove_inputs(home, time.time())
    assert sorted(path.relative_to(home).as_posix() for path in home.rglob("*")) == [
        "runs", "runs/demo", "runs/demo/preprocess", "runs/demo/preprocess/faces.parquet",
    ]  # fmt: skip
    assert (first / "data" / "demo-4x1-1" / "raw" / "p.jpg").read_bytes() == b"picture"


def test_pictures_are_kept_with_the_table_that_names_them(root, home):
    first = root / "nb-01"
    ran(first, "download", "10:00", "attached")
    pictures(first)
    began = time.time() - 1
    link_inputs(home)
    write_json(step_folder("runs/demo", "download") / "summary.json", {"sentence": "again"})
    remove_inputs(home, began)
    raw = home / "data" / "demo-4x1-1" / "raw"
    assert not raw.is_symlink()
    assert (raw / "p.jpg").read_bytes() == b"picture"


def test_many_pictures_travel_as_one_archive(root, home, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first = tmp_path / "first"
    ran(first, "download", "10:00", "made")
    made = pictures(first)
    assert pack_pictures(first) == ""
    for number in range(PACKED_FROM):
        (made / "raw" / f"{number}.jpg").write_bytes(b"%d" % number)
    said = "The 302 files below data/ are saved as one archive, data.tar.\n"
    assert pack_pictures(first) == said
    # A kernel that is killed now leaves no pictures beside the archive, and nothing was lost.
    assert (made / "raw").is_symlink() and not made.is_symlink()
    assert (made / "raw" / "7.jpg").read_bytes() == b"7"
    assert (made / "manifest.json").read_text() == "{}"
    remove_inputs(first, time.time())
    assert sorted(path.name for path in first.iterdir()) == ["data.tar", "runs"]

    # A kernel that is started again in the same session has its pictures back.
    assert link_inputs(first) == ["From data.tar: the pictures of data/demo-4x1-1."]
    assert (made / "raw" / "7.jpg").read_bytes() == b"7"
    weights = first / "data" / "weights" / "yunet.onnx"
    weights.parent.mkdir()
    weights.write_bytes(b"put there by hand")
    remove_inputs(first, time.time())
    assert [path.name for path in (first / "data").iterdir()] == ["weights"]
    assert weights.read_bytes() == b"put there by hand"

    root.mkdir(exist_ok=True)
    first.rename(root / "nb-01")
    assert link_inputs(home) == [
        "From nb-01: download of the profile demo.",
        "From nb-01: the pictures of data/weights, data/demo-4x1-1.",
    ]
    raw = home / "data" / "demo-4x1-1" / "raw"
    assert sorted(path.name for path in raw.iterdir())[-1] == "p.jpg"
    assert (raw / "299.jpg").read_bytes() == b"299"
    assert link_inputs(home) == []


def test_what_is_missing_is_asked_for_by_name(home, monkeypatch):
    with pytest.raises(MissingStepError) as caught:
        require("runs/demo", "preprocess", "faces.parquet")
    assert (
        "attach the output of notebook 02_preprocess (Add Input > Your Work > Notebooks), with "
        "the same run_folder (runs/demo)"
    ) in str(caught.value)
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE")
    with pytest.raises(MissingStepError, match=r"run_all\.py --until preprocess"):
        require("runs/demo", "preprocess", "faces.parquet")
