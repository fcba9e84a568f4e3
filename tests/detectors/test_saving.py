"""A network saved under a newer Keras opens under an older one."""

import json
import zipfile

import keras
import numpy as np
import pytest
from unmask import detectors
from unmask.detectors.saving import NEW, for_older_keras, save_network


@keras.saving.register_keras_serializable("test_saving")
class Newer(keras.initializers.GlorotUniform):
    """Says what Keras 3.15 says of an initializer, and is built as that of Keras 3.13."""

    def __init__(self, seed=None):
        super().__init__(seed=seed)

    def get_config(self):
        return {"seed": None, "input_axes": None, "output_axes": None}


def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4, 4, 3))
    flat = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, keras.layers.Dense(1, kernel_initializer=Newer())(flat))


def test_what_an_older_keras_does_not_know_is_left_out(tmp_path):
    model = network()
    model.save(tmp_path / "plain.keras")
    with pytest.raises(TypeError, match="input_axes"):
        keras.models.load_model(tmp_path / "plain.keras")
    save_network(model, tmp_path / "saved.keras")
    opened = keras.models.load_model(tmp_path / "saved.keras")
    pixels = np.random.default_rng(0).random((2, 4, 4, 3))
    np.testing.assert_array_equal(np.asarray(opened(pixels)), np.asarray(model(pixels)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.keras", "saved.keras"]
    with zipfile.ZipFile(tmp_path / "saved.keras") as archive:
        assert archive.testzip() is None
        names = ["metadata.json", "config.json", "model.weights.h5"]
        assert archive.namelist() == names


def test_only_entries_that_say_nothing_are_left_out():
    chosen = {"seed": 3, "input_axes": [0], "output_axes": None, "scale": None}
    config = {"layers": [{"config": {"kernel_initializer": {"config": chosen}}}, 5, "text"]}
    expected = {"seed": 3, "input_axes": [0], "scale": None}
    layers = [{"config": {"kernel_initializer": {"config": expected}}}, 5, "text"]
    assert for_older_keras(config) == {"layers": layers}
    assert chosen["output_axes"] is None and len(chosen) == 4
    usual = {"renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99}
    assert for_older_keras({"momentum": 0.9, **usual}) == {"momentum": 0.9}
    assert for_older_keras({**usual, "renorm": True}) == {**usual, "renorm": True}


def test_any_file_of_the_running_keras_is_free_of_them(tmp_path):
    save_network(detectors.build("two_block", (32, 32, 3)), tmp_path / "saved.keras")
    with zipfile.ZipFile(tmp_path / "saved.keras") as archive:
        assert not NEW.keys() & names_in(json.loads(archive.read("config.json")))


def names_in(config) -> set[str]:
    """Returns every key in a config, in any depth."""
    if isinstance(config, list):
        return set().union(*map(names_in, config))
    if not isinstance(config, dict):
        return set()
    return set(config).union(*map(names_in, config.values()))
