"""Snapshots of one training, and the one network that averages them."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from planted import SETTINGS, Stop, planted_data, quiet, small_network, stop_at
from unmask.training.features import to_logit
from unmask.training.fit import train
from unmask.training.snapshots import average, count_snapshots, read_snapshots

CYCLIC = replace(SETTINGS, epochs=4, patience=1, schedule="snapshots")
PIXELS = planted_data().pixels[:9]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("snapshots")
    return folder, train(small_network(), planted_data(), CYCLIC, folder, quiet)


def test_the_average_network_gives_the_mean_of_the_logits():
    model, generator = small_network(), np.random.default_rng(0)
    start, logits, snapshots = model.get_weights(), [], []
    for _ in range(3):
        weights = [array + generator.normal(0, 0.1, array.shape) for array in start]
        snapshots.append([np.abs(array).astype(np.float32) for array in weights])
        model.set_weights(snapshots[-1])
        logits.append(to_logit(model)(PIXELS).numpy())
    averaged = average(model, snapshots)
    np.testing.assert_allclose(to_logit(averaged)(PIXELS), np.mean(logits, axis=0), rtol=1e-4)
    assert averaged.layers[-1].name == "fake"
    assert averaged.count_params() == 3 * (model.count_params() - 1) + 1


def test_a_cyclic_training_saves_the_mean_of_its_lows(trained):
    folder, result = trained
    assert len(result.history) == 4  # patience does not end it
    lows = result.history["learning_rate"]
    assert lows[1] < lows[0] and lows[3] < lows[2] and lows[2] > lows[1]
    snapshots = read_snapshots(folder, [])
    assert len(snapshots) == count_snapshots(folder) == 2
    model, logits = small_network(), []
    for weights in snapshots:
        model.set_weights(weights)
        logits.append(to_logit(model)(PIXELS).numpy())
    assert np.abs(logits[0] - logits[1]).max() > 0
    saved = keras.models.load_model(result.model_path)
    np.testing.assert_allclose(to_logit(saved)(PIXELS), np.mean(logits, axis=0), atol=1e-5)


def test_an_interrupted_cycle_goes_on_at_its_rate(trained, tmp_path):
    with pytest.raises(Stop):
        train(small_network(), planted_data(), CYCLIC, tmp_path, stop_at(0.75))
    result = train(small_network(), planted_data(), CYCLIC, tmp_path, quiet)
    assert result.resumed_from == 3
    np.testing.assert_allclose(result.history["loss"], trained[1].history["loss"], rtol=1e-4)
    np.testing.assert_allclose(
        result.history["learning_rate"], trained[1].history["learning_rate"], rtol=1e-6
    )


def test_a_damaged_snapshot_is_left_out_and_named(tmp_path):
    folder = tmp_path / "snapshots"
    folder.mkdir()
    np.savez(folder / "1.npz", np.ones(2))
    (folder / "2.npz").write_bytes(b"PK half a file")
    np.savez(folder / "10.npz", np.full(2, 10.0))
    notices = []
    assert [weights[0][0] for weights in read_snapshots(tmp_path, notices)] == [1, 10]
    assert len(notices) == 1 and "Snapshot 2" in notices[0] and count_snapshots(tmp_path) == 2
