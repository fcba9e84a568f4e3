"""Adversarial training meets what it defends against, and tells what it cost."""

from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from planted import SETTINGS, SIDE, Stop, planted_data, quiet, small_network, stop_at
from test_member import MEMBER, planted_faces
from unmask.errors import UsageError
from unmask.runs import read_json
from unmask.training.adversarial import accuracies, attacked_scores, make_attack
from unmask.training.features import to_logit
from unmask.training.fit import train
from unmask.training.member import train_member
from unmask.training.settings import TrainingSettings

HARDENED = replace(SETTINGS, epochs=2, adversarial=4.0, adversarial_steps=2)
DATA = planted_data(shade=60)


def test_an_attack_stays_within_its_budget_and_moves_the_logit_the_wrong_way():
    model = small_network()
    pictures, labels = DATA.pixels[:20], (np.arange(20) % 2).astype(np.float32)[:, None]
    pictures = np.concatenate([pictures, np.zeros_like(pictures[:1])])
    labels = np.concatenate([labels, [[1.0]]]).astype(np.float32)
    attack = make_attack(model, budget=3.0, steps=4, seed=1)
    changed = attack(pictures, labels, 7).numpy()
    assert changed.shape == pictures.shape and changed.min() >= 0 and changed.max() <= 255
    assert np.abs(changed - pictures).max() <= 3.0 + 1e-4
    logit = to_logit(model)
    moved = (logit(changed) - logit(pictures.astype(np.float32))).numpy() * (1 - 2 * labels[:, 0])
    assert (moved > 0).mean() > 0.9
    np.testing.assert_array_equal(changed, attack(pictures, labels, 7).numpy())
    assert np.abs(changed - attack(pictures, labels, 8).numpy()).max() > 0


def test_one_step_on_a_linear_network_is_the_worst_that_can_be_done():
    inputs = keras.Input((2, 2, 1))
    outputs = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.set_weights([np.array([[1.0], [-2.0], [0.5], [-0.1]]), np.zeros(1)])
    real = np.full((1, 2, 2, 1), 100, np.uint8)
    changed = make_attack(model, 5.0, 1)(real, np.zeros((1, 1), np.float32), 0).numpy()
    np.testing.assert_array_equal(changed[0, :, :, 0], [[105, 95], [105, 95]])


def test_a_detector_without_slopes_is_not_called_robust(tmp_path):
    inputs = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Flatten()(keras.ops.round(inputs / 64.0))
    outputs = keras.layers.Dense(1, activation="sigmoid", name="fake")(x)
    model = keras.Model(inputs, outputs, name="counting")
    with pytest.raises(UsageError, match="counting has no slope by the pixels"):
        train(model, DATA, HARDENED, tmp_path, quiet)
    with pytest.raises(UsageError, match="counting has no slope by the pixels"):
        make_attack(model, 4.0, 1)(DATA.pixels[:2], np.zeros((2, 1), np.float32), 0)


def test_a_linear_head_is_refused_adversarial_training_before_it_begins(tmp_path):
    pixels, faces = planted_faces()
    settings = replace(HARDENED, method="linear_head")
    with pytest.raises(UsageError, match="A linear head is fitted on features computed once"):
        train_member(MEMBER, pixels, faces, settings, tmp_path / "small", (1,))
    assert not (tmp_path / "small").exists()


@pytest.fixture(scope="module")
def hardened(tmp_path_factory):
    """A network trained for two epochs in bfloat16 against attacks."""
    folder = tmp_path_factory.mktemp("hardened")
    settings = replace(HARDENED, precision="mixed_bfloat16", label_smoothing=0.1)
    return settings, train(small_network(), DATA, settings, folder, quiet)


def test_training_in_bfloat16_with_batch_normalization_learns_and_is_saved_plain(hardened):
    _, result = hardened
    assert result.history["loss"].is_monotonic_decreasing
    model = keras.models.load_model(result.model_path, safe_mode=True)
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    assert "BatchNormalization" in {type(layer).__name__ for layer in model.layers}
    scores = model(DATA.pixels[DATA.val_rows]).numpy()[:, 0]
    attacked = attacked_scores(model, DATA.pixels, DATA.val_rows, DATA.val_labels, HARDENED)
    towards_wrong = (attacked - scores) * (1 - 2 * DATA.val_labels)
    assert attacked.shape == scores.shape and towards_wrong.mean() > 0


def test_an_interrupted_adversarial_training_goes_on_as_if_nothing_had_happened(hardened, tmp_path):
    settings, whole = hardened
    with pytest.raises(Stop):
        train(small_network(), DATA, settings, tmp_path, stop_at(0.5))
    resumed = train(small_network(), DATA, settings, tmp_path, quiet)
    assert resumed.resumed_from == 1
    np.testing.assert_allclose(resumed.history["loss"], whole.history["loss"], rtol=1e-3)


def test_the_training_loss_of_smoothed_labels_meets_attacked_pictures(tmp_path):
    """One epoch without learning: the loss is that of the attacked pictures, labels smoothed."""
    settings = replace(
        HARDENED, epochs=1, learning_rate=1e-12, label_smoothing=0.2, optimizer="sgd"
    )
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(1, activation="sigmoid", kernel_initializer="glorot_normal"),
        ]
    )
    model = keras.Model(model.inputs, model.outputs[0])
    result = train(model, DATA, settings, tmp_path, quiet)
    pictures, labels = DATA.pixels[DATA.train_rows], DATA.train_labels.astype(np.float64)
    kernel, bias = model.layers[-1].get_weights()
    flat = pictures.reshape(len(pictures), -1).astype(np.float64) / 255
    logits = flat @ kernel[:, 0] + bias
    # Against a linear network every value ends at the border of its budget of 4.
    logits += (1 - 2 * labels) * 4.0 / 255 * np.abs(kernel).sum()
    soft = labels * 0.8 + 0.1
    loss = np.logaddexp(0, logits) - soft * logits
    assert result.history["loss"][0] == pytest.approx(loss.mean(), rel=1e-3)
    held = DATA.pixels[DATA.val_rows].reshape(len(DATA.val_rows), -1) / 255
    z = held @ kernel[:, 0] + bias
    clean = np.logaddexp(0, np.where(DATA.val_labels == 1, -z, z)).mean()
    assert result.history["val_loss"][0] == pytest.approx(clean, rel=1e-3)


@pytest.mark.slow
def test_a_hardened_member_tells_clean_and_robust_accuracy_side_by_side(tmp_path):
    pixels, faces = planted_faces()
    settings = replace(HARDENED, epochs=1)
    table = train_member(MEMBER, pixels, faces, settings, tmp_path, (1,))
    stored = pd.read_parquet(tmp_path / "attacked_scores.parquet")
    assert list(stored.columns) == ["face_id", "split", "label", "score", "seed", "attacked_score"]
    assert set(stored["split"]) == {"val", "test"} and len(stored) == 70
    merged = stored.merge(table, on=["face_id", "seed"], suffixes=("", "_clean"))
    np.testing.assert_array_equal(merged["score"], merged["score_clean"])
    found = read_json(tmp_path / "member.json")["adversarial"]
    assert (found["budget"], found["steps"], found["steps_of_the_test"]) == (4.0, 2, 20)
    cut = found["seeds"][0]["threshold"]
    for split in ("val", "test"):
        part = stored[stored["split"] == split]
        for name, column in (("clean", "score"), ("robust", "attacked_score")):
            expected = ((part[column] >= cut) == (part["label"] == 1)).mean()
            assert found["splits"][split][f"{name}_accuracy"] == pytest.approx(expected)
    kept = tmp_path / "seed_1" / "attacked.parquet"
    stamp = kept.stat().st_mtime_ns
    train_member(MEMBER, pixels, faces, settings, tmp_path, (1,))
    assert kept.stat().st_mtime_ns == stamp
    assert pd.read_parquet(tmp_path / "attacked_scores.parquet").equals(stored)
    fewer = faces.drop(faces.index[faces["split"] == "test"][0])
    train_member(MEMBER, pixels, fewer, settings, tmp_path, (1,))
    assert len(pd.read_parquet(kept)) == 69


def test_accuracies_are_means_over_seeds_at_each_ones_threshold():
    rows = [
        ("val", 0, 1, 0.2, 0.7),
        ("val", 1, 1, 0.8, 0.75),
        ("test", 0, 1, 0.4, 0.6),
        ("test", 1, 1, 0.6, 0.3),
        ("val", 0, 2, 0.1, 0.1),
        ("val", 1, 2, 0.3, 0.3),
        ("test", 0, 2, 0.1, 0.1),
        ("test", 1, 2, 0.1, 0.5),
    ]
    table = pd.DataFrame(rows, columns=["split", "label", "seed", "score", "attacked_score"])
    found = accuracies(table, TrainingSettings(adversarial=2.0))
    assert [seed["threshold"] for seed in found["seeds"]] == [0.5, pytest.approx(0.2)]
    assert found["splits"]["test"] == {
        "faces": 2,
        "clean_accuracy": 0.75,
        "robust_accuracy": 0.5,
    }
    assert found["splits"]["val"]["robust_accuracy"] == 0.75
