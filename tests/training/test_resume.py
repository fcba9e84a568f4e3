"""A training killed at any moment goes on as if nothing had happened."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from planted import SETTINGS, Stop, planted_data, quiet, small_network, stop_at
from unmask.runs import read_json
from unmask.training.checkpoints import Checkpoints, best_epoch
from unmask.training.fit import train
from unmask.training.settings import Phase

LONG = replace(SETTINGS, epochs=400, patience=400)
CHILD = """
import sys
sys.path.insert(0, {tests!r})
from test_resume import LONG, planted_data, small_network, train
train(small_network(), planted_data(), LONG, sys.argv[1])
"""


def test_a_killed_training_goes_on_as_if_nothing_had_happened(tmp_path):
    script = CHILD.format(tests=str(Path(__file__).parent))
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "killed")])
    history = tmp_path / "killed" / "history.csv"
    deadline = time.monotonic() + 120
    while not (history.exists() and len(pd.read_csv(history)) >= 4):
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    count = len(pd.read_csv(history)) + 3
    for folder in (tmp_path / "killed", tmp_path / "whole"):
        with pytest.raises(Stop):
            train(small_network(), planted_data(), LONG, folder, stop_at(count / LONG.epochs))
    resumed, whole = pd.read_csv(history), pd.read_csv(tmp_path / "whole" / "history.csv")
    assert list(resumed["epoch"]) == list(whole["epoch"]) == list(range(1, count + 1))
    np.testing.assert_allclose(resumed["loss"], whole["loss"], rtol=1e-3)
    np.testing.assert_allclose(resumed["val_loss"], whole["val_loss"], rtol=1e-2)


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.raises(Stop):
        train(small_network(), planted_data(), SETTINGS, folder, stop_at(0.75))
    return folder


@pytest.fixture
def interrupted(stopped_once, tmp_path):
    """A copy of a training stopped after its third epoch of four."""
    return Path(shutil.copytree(stopped_once, tmp_path / "seed_1"))


def key_of(folder: Path) -> str:
    return read_json(folder / "checkpoints" / "key.json")


def test_a_kill_between_the_files_of_an_epoch_costs_that_epoch_only(interrupted):
    history = pd.read_csv(interrupted / "history.csv")
    extra = history.iloc[[-1]].assign(epoch=4, val_loss=0.0)
    pd.concat([history, extra]).to_csv(interrupted / "history.csv", index=False)
    weights = interrupted / "checkpoints"
    (weights / "partial.weights.h5").write_bytes(b"half")
    (weights / "best_00004.npz").write_bytes(b"of the epoch that will be repeated")
    result = train(small_network(), planted_data(), SETTINGS, interrupted, quiet)
    assert result.resumed_from == 3 and result.notices == []
    assert list(result.history["epoch"]) == [1, 2, 3, 4]
    assert result.history["val_loss"].iloc[3] > 0
    np.testing.assert_array_equal(result.history[:3]["loss"], history["loss"])


@pytest.mark.parametrize("damaged", ["last_*.weights.h5", "best_*.npz", "../history.csv"])
def test_damaged_files_mean_a_fresh_start_that_says_so(interrupted, damaged):
    (path,) = (interrupted / "checkpoints").glob(damaged)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    notices = []
    checkpoints = Checkpoints(interrupted, key_of(interrupted))
    assert checkpoints.restore(notices) == 0 and checkpoints.history.empty
    assert len(notices) == 1 and "seed_1 began again from its start" in notices[0]
    assert not path.exists()
    assert Checkpoints(interrupted, key_of(interrupted)).restore([]) == 0


def test_best_weights_from_before_an_interruption_are_the_ones_saved(interrupted):
    history = pd.read_csv(interrupted / "history.csv")
    best = best_epoch(history)
    with np.load(interrupted / "checkpoints" / f"best_{best:05d}.npz") as stored:
        weights = [stored[name] for name in stored.files]
    # As if what follows could not reach it.
    history.loc[history["epoch"] == best, "val_loss"] = 1e-9
    history.to_csv(interrupted / "history.csv", index=False)
    result = train(small_network(), planted_data(), SETTINGS, interrupted, quiet)
    assert result.best_epoch == best and len(result.history) == 4
    saved = keras.models.load_model(result.model_path)
    for expected, found in zip(weights, saved.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, found)


def test_weights_before_a_broken_epoch_are_kept(interrupted):
    path = interrupted / "checkpoints" / "last_00003.weights.h5"
    with h5py.File(path, "r+") as stream:
        stream["layers/dense/vars/0"][...] = np.nan
    result = train(small_network(), planted_data(), SETTINGS, interrupted, quiet)
    assert list(result.history["epoch"]) == [1, 2, 3]
    assert "epoch 4: the loss was not a number in batch 1 of 10" in result.notices[0]
    saved = keras.models.load_model(result.model_path)
    assert all(np.isfinite(weight).all() for weight in saved.get_weights())


def test_a_finished_training_is_read_from_disk_and_another_one_replaces_it(interrupted):
    data = planted_data()
    first = train(small_network(), data, SETTINGS, interrupted, quiet)
    before = first.model_path.stat().st_mtime_ns
    assert not (interrupted / "checkpoints").exists()
    assert list((interrupted / "tensorboard" / "train").glob("events.out.tfevents.*"))
    again = train(small_network(), data, SETTINGS, interrupted, quiet)
    assert again.resumed_from == 4 and again.model_path.stat().st_mtime_ns == before
    pd.testing.assert_frame_equal(again.history, first.history)
    assert (again.seconds, again.best_epoch) == (first.seconds, first.best_epoch)
    shorter = replace(SETTINGS, epochs=1)
    others = [
        (small_network(), planted_data(identity="other"), SETTINGS),
        (small_network(), data, shorter),
    ]
    for model, other_data, settings in others:
        with pytest.raises(Stop):
            train(model, other_data, settings, interrupted, stop_at(0.0))
        assert not first.model_path.exists()


def test_phases_freeze_what_they_should_and_resume_where_they_were(tmp_path):
    phases = (Phase("head", 2, 1e-2), Phase("all", 2, 5e-3))
    settings = replace(SETTINGS, phases=phases, initial_weights="abc")
    model, data = small_network(), planted_data(shade=60)
    for limit in (0.5, 0.75):
        with pytest.raises(Stop):
            train(model, data, settings, tmp_path, stop_at(limit))
    result = train(model, data, settings, tmp_path, quiet)
    assert result.resumed_from == 3 and result.best_epoch > 2
    found = result.history
    assert list(found["epoch"]) == [1, 2, 3, 4] and list(found["phase"]) == [1, 1, 2, 2]
    assert list(found["learning_rate"]) == [1e-2, 1e-2, 5e-3, 5e-3]
    assert found["loss"].is_monotonic_decreasing
    saved = keras.models.load_model(result.model_path)
    for name, learns in (("block1_norm1", False), ("block1_conv1", True), ("fake", True)):
        pairs = zip(
            model.get_layer(name).get_weights(), saved.get_layer(name).get_weights(), strict=True
        )
        assert any((old != new).any() for old, new in pairs) is learns, name
