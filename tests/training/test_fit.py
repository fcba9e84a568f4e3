"""Training learns alike in every precision, stops in time and saves what it says it saves."""

import math
import re
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from planted import SETTINGS, SIDE, planted_data, quiet, small_network
from unmask.errors import DataError, UsageError
from unmask.training.checkpoints import best_epoch, is_over
from unmask.training.fit import compile_for_training, train
from unmask.training.predict import milliseconds_per_image, predict
from unmask.training.settings import OPTIMIZERS, Phase, TrainingData, TrainingSettings


@pytest.fixture(scope="module")
def by_precision(tmp_path_factory):
    wanted = TrainingSettings(epochs=12, batch_size=16, learning_rate=1e-2, patience=12)
    return {
        precision: train(
            small_network(),
            planted_data(),
            replace(wanted, precision=precision),
            tmp_path_factory.mktemp(precision),
            quiet,
        )
        for precision in ("float32", "mixed_bfloat16")
    }


def test_the_planted_signal_is_found_equally_well_in_both_precisions(by_precision):
    best = {name: result.history["val_auc"].max() for name, result in by_precision.items()}
    assert min(best.values()) > 0.9
    assert max(best.values()) - min(best.values()) < 0.05


def test_validation_follows_training_in_a_short_training(by_precision):
    history = by_precision["float32"].history
    assert history["val_loss"].min() < 0.6
    assert (history["val_accuracy"] - history["accuracy"])[-4:].abs().mean() < 0.2


def test_the_saved_model_is_plain_float32_and_of_the_best_epoch(by_precision):
    result, data = by_precision["mixed_bfloat16"], planted_data()
    model = keras.models.load_model(result.model_path, safe_mode=True)
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
    assert not model.compiled  # nor does it carry an optimizer
    assert "BatchNormalization" in {type(layer).__name__ for layer in model.layers}
    scores = predict(model, data.pixels, data.val_rows, batch_size=7)
    assert scores.dtype == np.float64 and scores.shape == data.val_rows.shape
    np.testing.assert_allclose(scores, model(data.pixels[data.val_rows]).numpy()[:, 0], atol=1e-5)
    clipped, truth = np.clip(scores, 1e-7, 1 - 1e-7), data.val_labels
    loss = -(truth * np.log(clipped) + (1 - truth) * np.log(1 - clipped)).mean()
    assert loss == pytest.approx(result.history["val_loss"].min(), abs=0.03)
    assert result.best_epoch == result.history["val_loss"].argmin() + 1
    assert milliseconds_per_image(model, batch_size=4) > 0
    assert predict(model, data.pixels, []).shape == (0,)


def test_float16_trains_with_a_scaled_loss(tmp_path):
    settings = replace(SETTINGS, epochs=1, precision="mixed_float16")
    seen = []

    def look(fraction, message):
        seen.append(message)

    result = train(small_network(), planted_data(), settings, tmp_path, look)
    assert result.precision == "mixed_float16" and result.device.endswith("mixed_float16")
    assert np.isfinite(result.history["val_loss"]).all()
    assert seen[-1] == "epoch 1 of at most 1"


@pytest.mark.parametrize(
    ("losses", "best", "over"),
    [
        ([], 0, False),
        ([0.5], 1, False),
        ([0.5, 0.4, 0.6], 2, False),
        ([0.5, 0.4, 0.6, 0.4], 2, True),
        ([0.5, 0.4, 0.6, 0.3], 4, False),
        ([0.9, 0.8, 0.7, 0.6, 0.5], 5, True),
    ],
)
def test_best_epoch_and_end_follow_from_the_history(losses, best, over):
    history = pd.DataFrame({"epoch": range(1, len(losses) + 1), "val_loss": losses})
    assert best_epoch(history) == best
    assert is_over(history, epochs=5, patience=2) is over


def test_early_stopping_ends_a_training_that_no_longer_improves(tmp_path):
    settings = replace(SETTINGS, epochs=30, learning_rate=0.05, patience=2, optimizer="sgd")
    data = planted_data()
    noise = np.random.default_rng(9).integers(0, 2, len(data.train_labels))
    hopeless = TrainingData(data.pixels, data.train_rows, noise, data.val_rows, data.val_labels)
    result = train(small_network(), hopeless, settings, tmp_path, quiet)
    assert len(result.history) == result.best_epoch + 2 < 30


def test_a_loss_that_is_no_number_is_named_by_its_batch(tmp_path):
    model = small_network()
    model.get_layer("fake").set_weights([np.full((8, 1), np.nan), np.zeros(1)])
    with pytest.raises(DataError, match=r"epoch 1: the loss was not a number in batch 1 of 10"):
        train(model, planted_data(), SETTINGS, tmp_path, quiet)


def test_a_loss_that_explodes_in_the_first_epoch_names_the_batch(tmp_path):
    settings = replace(
        SETTINGS, learning_rate=1e30, optimizer="sgd", adversarial=2.0, label_smoothing=0.1
    )
    expected = r"epoch 1: the loss was not a number in batch \d+ of 10. No epoch had ended"
    with pytest.raises(DataError, match=expected):
        train(small_network(), planted_data(), settings, tmp_path, quiet)
    assert not (tmp_path / "model.keras").exists()


def test_weights_that_explode_behind_a_finite_loss_are_not_saved(tmp_path):
    phases = (Phase("all", 1, 1e-3), Phase("all", 2, 1e30))
    settings = replace(SETTINGS, phases=phases, initial_weights="abc", optimizer="sgd")
    result = train(small_network(), planted_data(), settings, tmp_path, quiet)
    assert list(result.history["epoch"]) == [1] and result.best_epoch == 1
    assert re.search(
        r"epoch 2: (the loss was not a number in batch \d+ of 10|weights became other than numbers "
        r"in batches 1 to 10 of 10). The best weights before it were kept; a lower learning rate",
        result.notices[0],
    )
    saved = keras.models.load_model(result.model_path)
    assert all(np.isfinite(weight).all() for weight in saved.get_weights())


@keras.saving.register_keras_serializable("tests")
class Rotting(keras.layers.Layer):
    """Has a weight that is no number after 120 batches, which nothing else shows."""

    def build(self, shape):
        self.batches = self.add_weight(shape=(), initializer="zeros", trainable=False)
        self.rotten = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, inputs, training=None):
        if training:
            self.batches.assign_add(1.0)
            late = keras.ops.convert_to_tensor(self.batches) > 119.5
            self.rotten.assign(keras.ops.where(late, math.nan, 0.0))
        return inputs


def test_weights_that_rot_behind_a_finite_loss_are_told_by_the_batches(tmp_path):
    inputs = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.GlobalAveragePooling2D()(Rotting()(keras.layers.Rescaling(1 / 255)(inputs)))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="fake")(x))
    settings = replace(SETTINGS, batch_size=1, epochs=1)
    with pytest.raises(DataError, match=r"epoch 1: weights .* in batches 101 to 160 of 160\."):
        train(model, planted_data(), settings, tmp_path, quiet)


def test_random_weights_are_trained_whole_whatever_the_phases():
    phases = (Phase("head", 2, 1e-2), Phase("last_stage", 3, 1e-4))
    settings = TrainingSettings(phases=phases, learning_rate=2e-3)
    assert settings.plan() == (Phase("all", 5, 2e-3),)
    assert TrainingSettings(phases=phases, initial_weights="abc").plan() == phases


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("weight_decay", [0.0, 1e-4])
def test_every_optimizer_takes_a_step_with_and_without_decay(optimizer, weight_decay):
    settings = TrainingSettings(optimizer=optimizer, weight_decay=weight_decay)
    model = small_network()
    compile_for_training(model, settings, 1e-3)
    before = model.get_weights()
    data = planted_data()
    model.train_on_batch(data.pixels[:8], data.train_labels[:8].astype("float32"))
    assert any((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"epochs": 0}, "epochs cannot be 0.\n  expected: a whole number, at least 1"),
        ({"epochs": 1.5}, "epochs cannot be 1.5."),
        ({"batch_size": True}, "batch_size cannot be True."),
        ({"patience": -3}, "patience cannot be -3."),
        ({"seed": -1}, "seed cannot be -1."),
        ({"crop": 64.0}, "crop cannot be 64.0."),
        ({"learning_rate": 0}, "learning_rate cannot be 0.\n  expected: a number above 0"),
        ({"learning_rate": -1.0}, "learning_rate cannot be -1.0."),
        ({"learning_rate": math.nan}, "learning_rate cannot be nan."),
        ({"learning_rate": "1e-3"}, "learning_rate cannot be '1e-3'."),
        ({"weight_decay": math.nan}, "weight_decay cannot be nan."),
        ({"mixup": math.inf}, "mixup cannot be inf."),
        ({"label_smoothing": 1.0}, "expected: a number of at least 0 and below 1"),
        ({"rate_decay": 1.5}, "expected: a number above 0 and at most 1"),
        ({"augment": 1.1}, "augment cannot be 1.1."),
        ({"precision": "float31"}, "Did you mean 'float32'"),
        ({"phases": (Phase(epochs=0),)}, "epochs of a phase cannot be 0."),
        ({"phases": (Phase(learning_rate=math.nan),)}, "learning_rate of a phase cannot be nan."),
        (
            {"method": "linear_head", "copies": 2, "augment": 1.0, "augmentations": ()},
            "no augmentation is named",
        ),
    ],
)
def test_a_setting_that_is_no_number_to_go_by_is_named(wrong, expected):
    with pytest.raises(UsageError, match=re.escape(expected)):
        TrainingSettings(**wrong)


def test_wrong_settings_and_one_sided_data_are_refused():
    with pytest.raises(UsageError, match="Did you mean 'rmsprop'"):
        TrainingSettings(optimizer="rmsprob")
    with pytest.raises(UsageError, match="Did you mean 'last_stage'"):
        TrainingSettings(phases=(Phase("laststage"),))
    data = planted_data()
    with pytest.raises(DataError, match="val split"):
        TrainingData(
            data.pixels, data.train_rows, data.train_labels, data.val_rows, data.val_labels * 0
        )
