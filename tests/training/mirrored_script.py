"""Trains on two devices that share one processor, and prints what came of it as JSON.

TensorFlow can be told to split a processor only before it starts, hence a process of its own:

    python mirrored_script.py FOLDER
"""

import contextlib
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

PROCESSOR = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(PROCESSOR, [tf.config.LogicalDeviceConfiguration()] * 2)

from planted import SETTINGS, SIDE, Stop, planted_data, quiet, stop_at  # noqa: E402
from test_smaller_batches import hungry_network  # noqa: E402
from unmask.runs import read_json  # noqa: E402
from unmask.training.augmentation import device_augmentation  # noqa: E402
from unmask.training.batches import make_batches  # noqa: E402
from unmask.training.devices import GPUS, open_strategy, training_devices  # noqa: E402
from unmask.training.fast import accelerate, fit_momentum  # noqa: E402
from unmask.training.fit import train  # noqa: E402
from unmask.training.member import Member, train_member  # noqa: E402
from unmask.training.mirrored import AgreedLossScale, share_out  # noqa: E402
from unmask.training.optimizers import compile_for_training  # noqa: E402
from unmask.training.settings import Phase  # noqa: E402
from unmask.training.trainee import make_trainee  # noqa: E402

# 167 faces: steps of 4 make 42 on one device, steps of 8 on two make 21, the last one uneven.
DATA = planted_data(250, shade=20)
BASE = replace(SETTINGS, epochs=3, batch_size=4, patience=9)
RICH = replace(
    BASE,
    crop=8,
    mixup=0.2,
    label_smoothing=0.1,
    clip_norm=0.05,
    rate_decay=0.5,
    weight_decay=1e-3,
    schedule="cosine",
    augment=0.5,
)


def network(side: int, normalized: bool = False) -> keras.Model:
    """Two layers of filters, smooth, so that rounding is not enlarged."""
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input((side, side, 3))
    x = keras.layers.Conv2D(6, 3)(keras.layers.Rescaling(1 / 127.5, -1)(x))
    if normalized:
        x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Conv2D(6, 3, strides=2)(keras.layers.Activation("tanh")(x))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Activation("tanh")(x))
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="fake")(x))


def fit(folder: Path, settings, count: int, model=None, data=DATA, progress=quiet):
    """Trains on so many devices."""
    os.environ[GPUS] = str(count)
    model = model or network(settings.crop or SIDE)
    return train(model, data, settings, folder, progress)


def weights_of(result) -> list[np.ndarray]:
    return keras.models.load_model(result.model_path).get_weights()


def distance(first: list[np.ndarray], second: list[np.ndarray]) -> float:
    return float(max(np.abs(a - b).max() for a, b in zip(first, second, strict=True)))


def as_one_device(folder: Path) -> dict:
    """Two devices with batches of 4 and one with batches of 8 at the rate made of that."""
    two = fit(folder / "two", RICH, 2)
    larger = replace(RICH, batch_size=8, learning_rate=RICH.learning_rate * two.rate_factor)
    one = fit(folder / "one", larger, 1)
    numbers = [column for column in two.history if column != "seconds"]
    saved = keras.models.load_model(two.model_path)
    return {
        "moved": distance(weights_of(two), network(8).get_weights()),
        "weights": distance(weights_of(two), weights_of(one)),
        "history": float((two.history[numbers] - one.history[numbers]).abs().max().max()),
        "layers": sorted({type(layer).__module__.split(".")[0] for layer in saved.layers}),
        "policies": sorted({layer.dtype_policy.name for layer in saved.layers}),
        "record": read_json(two.model_path.with_name("training.json")),
        "alone": read_json(one.model_path.with_name("training.json")),
    }


def taken_up(folder: Path) -> dict:
    """Begun on two devices, taken up on one, ended on two; and begun on one."""
    phases = (Phase("head", 1, 1e-2), Phase("all", 3, 3e-3))
    settings = replace(BASE, phases=phases, initial_weights="abc")
    whole = fit(folder / "whole", settings, 2)
    for count, share in ((2, 1 / 2), (1, 3 / 4)):
        with contextlib.suppress(Stop):
            fit(folder / "parts", settings, count, progress=stop_at(share))
    parts = fit(folder / "parts", settings, 2)
    with contextlib.suppress(Stop):
        fit(folder / "alone", BASE, 1, progress=stop_at(1 / 3))
    alone = fit(folder / "alone", BASE, 2)
    return {
        "weights": distance(weights_of(whole), weights_of(parts)),
        "resumed_from": parts.resumed_from,
        "rates": parts.history["learning_rate"].tolist(),
        "begun_on_one": [alone.resumed_from, alone.devices, alone.batch_size, alone.rate_factor],
        "notices": alone.notices,
    }


def halves_by_hand(epochs: int, batch: int, rate: float) -> list[np.ndarray]:
    """Plain gradient descent on one device that normalizes each half of a batch by itself."""
    model = accelerate(network(SIDE, normalized=True))
    fit_momentum(model, 21)
    norm, loss = model.get_layer("norm"), keras.losses.BinaryCrossentropy()
    moving = [norm.moving_mean, norm.moving_variance]
    optimizer = keras.optimizers.SGD(rate)
    options = {"batch_size": batch, "seed": BASE.seed, "shuffle": True, "endless": True}
    batches = make_batches(DATA.pixels, DATA.train_rows, DATA.train_labels, **options)
    for pictures, labels in batches.take(21 * epochs):
        found, averages = [], []
        before = [variable.numpy() for variable in moving]
        with tf.GradientTape() as tape:
            for place in (0, 1):
                for variable, value in zip(moving, before, strict=True):
                    variable.assign(value)
                found.append(model(pictures[place::2], training=True))
                averages.append([variable.numpy() for variable in moving])
            truth = tf.concat([labels[0::2], labels[1::2]], axis=0)
            value = loss(truth, tf.concat(found, axis=0))
        for variable, values in zip(moving, zip(*averages, strict=True), strict=True):
            variable.assign(np.mean(values, axis=0))
        slopes = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(slopes, model.trainable_variables, strict=True))
    return model.get_weights()


def normalized(folder: Path) -> dict:
    """Batch normalization: each device by its own faces, the running averages of all."""
    settings = replace(BASE, epochs=2, optimizer="sgd", learning_rate=0.05)
    two = fit(folder / "two", settings, 2, network(SIDE, normalized=True))
    larger = replace(settings, batch_size=8, learning_rate=0.05 * two.rate_factor)
    one = fit(folder / "one", larger, 1, network(SIDE, normalized=True))
    by_hand = halves_by_hand(2, 8, 0.05 * two.rate_factor)
    return {
        "best_epoch": two.best_epoch,
        "rate_factor": two.rate_factor,
        "by_hand": distance(weights_of(two), by_hand),
        "one_device": distance(weights_of(two), weights_of(one)),
        "val_loss": [float(each.history["val_loss"].iloc[-1]) for each in (two, one)],
    }


def half_precision(folder: Path) -> dict:
    """float16: a whole training, and a step that overflows on the second device alone."""
    settings = replace(BASE, epochs=1, precision="mixed_float16")
    result = fit(folder, settings, 2)
    strategy = open_strategy(training_devices())
    with strategy.scope():
        variable = keras.Variable([1.0, 2.0])
        optimizer = AgreedLossScale(keras.optimizers.SGD(1.0), initial_scale=4.0)
        optimizer.build([variable])
    slopes = {"overflow": [np.float32(4.0), np.float32(np.inf)], "sound": [4.0, 12.0]}
    after = {}
    for name, of_device in slopes.items():
        context = strategy.experimental_distribute_values_from_function(
            lambda where, of_device=of_device: tf.fill(
                [2], tf.cast(of_device[where.replica_id_in_sync_group], tf.float32)
            )
        )
        strategy.run(lambda slope: optimizer.apply([slope], [variable]), args=(context,))
        copies = [copy.numpy().tolist() for copy in variable.value.values]
        after[name] = {"copies": copies, "scale": float(optimizer.dynamic_scale.numpy())}
    return {**after, "finite": bool(np.isfinite(result.history["val_loss"]).all())}


def changed_batches() -> dict:
    """Attacks and augmentation on the devices: they train, and draw their own numbers."""
    settings = replace(BASE, adversarial=2.0, adversarial_steps=1, augment=1.0)
    strategy = open_strategy(training_devices())
    with strategy.scope():
        fast = accelerate(network(SIDE))
        trainee = make_trainee(fast, settings, on_gpu=True)
        compile_for_training(trainee, settings, 1e-3)
        layer = device_augmentation(("light",), 1.0, 1)
    before = fast.get_weights()
    options = {"batch_size": 8, "endless": True}
    batches = make_batches(DATA.pixels, DATA.train_rows, DATA.train_labels, **options)
    found = trainee.fit(share_out(batches, strategy), steps_per_epoch=3, verbose=0)
    same = tf.constant(DATA.pixels[:2])
    drawn = strategy.run(lambda: layer(same, training=True))
    first, second = strategy.experimental_local_results(drawn)
    return {
        "loss": float(found.history["loss"][-1]),
        "moved": distance(before, fast.get_weights()),
        "drawn_apart": float(np.abs(first - second).max()),
    }


def dealt() -> dict:
    """Batches of five faces and of one, dealt to two devices."""
    strategy = open_strategy(training_devices())
    pictures = DATA.pixels[:6]
    batches = make_batches(pictures, np.arange(6), np.arange(6) % 2, batch_size=5)
    hands = []
    for pictures, labels, weights in share_out(batches, strategy):
        parts = map(strategy.experimental_local_results, (pictures, labels, weights))
        hands.append(
            [
                [face[:, 0, 0, 0].numpy().tolist(), *(each[:, 0].numpy().tolist() for each in rest)]
                for face, *rest in zip(*parts, strict=True)
            ]
        )
    return {"pixels": DATA.pixels[:6, 0, 0, 0].tolist(), "hands": hands}


def short_of_memory(folder: Path) -> dict:
    """Five faces a device fit into memory, ten do not."""
    data = planted_data(630)
    settings = replace(BASE, epochs=1, batch_size=10)
    result = fit(folder, settings, 2, hungry_network(7), data)
    return {
        "batches": [result.batch_size, result.devices, len(result.history)],
        "notices": result.notices,
    }


@keras.saving.register_keras_serializable("tests")
class Alone(keras.layers.Layer):
    """Fails while training as soon as another device takes part."""

    def call(self, inputs, training=None):
        context = tf.distribute.get_replica_context()
        if not training or context is None or context.num_replicas_in_sync == 1:
            return inputs
        words = "Collective ops is aborted by: out of memory"
        with tf.control_dependencies([tf.debugging.Assert(tf.size(inputs) < 0, [words])]):
            return tf.identity(inputs)


def falling_out(folder: Path) -> dict:
    """Two devices that cannot train together."""
    inner = network(SIDE)
    model = keras.Model(inner.input, keras.layers.Identity()(Alone()(inner.output)))
    result = fit(folder, replace(BASE, epochs=1), 2, model)
    fault = (folder / "fault.txt").read_text(encoding="utf-8")
    batches = [result.batch_size, result.devices]
    return {"batches": batches, "notices": result.notices, "fault": fault}


def of_member(folder: Path) -> dict:
    """Two seeds of a network with dropout, one after the other, and their scores."""
    os.environ[GPUS] = "2"
    count = len(DATA.pixels)
    table = {"face_id": [f"{number:03d}" for number in range(count)], "row": np.arange(count)}
    faces = pd.DataFrame({**table, "label": np.arange(count) % 2, "split": "train"})
    faces.loc[DATA.val_rows, "split"] = "val"

    def build(seed: int) -> keras.Model:
        inner = network(SIDE, normalized=True)
        dropped = keras.layers.Dropout(0.3)(inner.layers[-2].output)
        return keras.Model(inner.input, keras.layers.Dense(1, activation="sigmoid")(dropped))

    member = Member("small", "baseline_cnn", "small", build)
    settings = replace(BASE, epochs=1)
    scores = train_member(member, DATA.pixels, faces, settings, folder, (1, 2))
    described = read_json(folder / "member.json")
    keys = ("devices", "batch_size", "rate_factor", "compilation", "seeds")
    second = keras.models.load_model(folder / "seed_2" / "model.keras")
    expected = second.predict(DATA.pixels[DATA.val_rows], verbose=0)[:, 0]
    found = scores[scores["seed"] == 2].set_index("face_id")["score"]
    order = [f"{row:03d}" for row in DATA.val_rows]
    return {
        "described": [described[key] for key in keys],
        "scores": len(scores),
        "apart": float(np.abs(found[order].to_numpy() - expected).max()),
    }


if __name__ == "__main__":
    target = Path(sys.argv[1])
    report = {
        "as_one_device": as_one_device(target / "rich"),
        "taken_up": taken_up(target / "resumed"),
        "normalized": normalized(target / "normalized"),
        "half_precision": half_precision(target / "half"),
        "changed_batches": changed_batches(),
        "dealt": dealt(),
        "short_of_memory": short_of_memory(target / "hungry"),
        "falling_out": falling_out(target / "alone"),
        "of_member": of_member(target / "member"),
    }
    print(json.dumps(report))
