"""The notes of what was pushed: written whole, read back, rebuilt when damaged, one at a time."""

import subprocess
import sys
import time

import pytest
from unmask.errors import UsageError
from unmask.kaggle.state import Push, State, load_state, locked, new_run_id, state_path
from unmask.suite.profiles import load_profile


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))
    return tmp_path


def pushed(**changes):
    return Push("unmask-tiny-download", ["download"], 1, "key", "0a1b2c3d", **changes)


def test_a_state_comes_back_as_it_was_saved():
    state = State("tiny", "ada", ["download.seed=2"], {"unmask-tiny-download": pushed(gpu=True)})
    state.save()
    assert load_state("tiny") == state


def test_a_new_profile_has_an_empty_state():
    assert load_state("tiny") == State("tiny")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"format": 2}', '{"format": 1, "profile": "other", "pushes": {}}',
     '{"format": 1, "profile": "tiny", "owner": "ada", "overrides": [], "pushes": {"a": {}}}',
     '{"format": 1, "profile": "tiny", "owner": "ada", "overrides": [], "pushes": {"a": 3}}'],
)  # fmt: skip
def test_a_damaged_file_counts_as_lost(content):
    state_path("tiny").parent.mkdir(parents=True)
    state_path("tiny").write_text(content)
    assert load_state("tiny") == State("tiny", rebuilt=True)


@pytest.mark.parametrize("name", ["kaggle", "Kaggle", "scores"])
def test_no_profile_takes_a_folder_that_holds_other_things(home, name):
    (home / "params").mkdir()
    (home / "params" / f"{name}.yaml").write_text("steps: {download: {}}\n")
    with pytest.raises(UsageError, match="cannot be called"):
        load_profile(name)


def test_looking_writes_nothing():
    State("tiny", keep=False).save()
    assert not state_path("tiny").exists()


def test_a_push_counts_only_for_its_key():
    state = State("tiny", pushes={"unmask-tiny-download": pushed()})
    assert state.of("unmask-tiny-download", "key") is state.pushes["unmask-tiny-download"]
    assert state.of("unmask-tiny-download", "other") is None
    assert state.of("unmask-tiny-report", "key") is None


def test_a_push_notes_when_it_ran():
    push = pushed(pushed=time.time())
    assert push.seconds == 0
    push.becomes("running")
    began = push.running
    push.becomes("running", "epoch 2")
    assert (push.running, push.since, push.message) == (began, began, "epoch 2")
    push.becomes("complete")
    push.becomes("done")
    assert push.ended >= began and push.seconds == push.ended - began


def test_a_start_that_nobody_saw_is_not_known():
    push = pushed(status="queued", pushed=time.time() - 4000, looked=time.time() - 3000)
    push.becomes("running")
    assert (push.running, push.since, push.seconds) == (0, 0, 0)
    push.becomes("complete")
    assert push.since > 0


def test_run_ids_differ():
    names = {new_run_id() for _ in range(100)}
    assert len(names) == 100
    assert all(len(name) == 8 and int(name, 16) >= 0 for name in names)


def test_two_commands_do_not_work_on_one_profile(home):
    with locked("tiny"):
        script = "from unmask.kaggle.state import locked; locked('tiny').__enter__()"
        other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert "Another `unmask kaggle` already works on the profile 'tiny'" in other.stderr
        assert other.returncode == 1
        with locked("two"):
            pass
    with locked("tiny"):
        pass
