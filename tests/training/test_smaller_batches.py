"""When memory does not suffice, training goes on with half the batch and says so."""

from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from planted import SETTINGS, SIDE, Stop, planted_data, quiet, stop_at
from unmask.detectors import registry
from unmask.errors import DataError
from unmask.runs import read_json
from unmask.training.adversarial import attacked_scores
from unmask.training.augmentation.codecs import through_jpeg
from unmask.training.fit import train
from unmask.training.memory import is_out_of_memory, with_smaller_batches
from unmask.training.predict import milliseconds_per_image, predict
from unmask.training.search import SearchSettings, search
from unmask.training.variants import resaved_scores

BIG = replace(SETTINGS, epochs=1, batch_size=20)


@keras.saving.register_keras_serializable("tests")
class Hungry(keras.layers.Layer):
    """Asks for memory that no machine has as soon as a batch exceeds `most`.

    While training; with `always`, whenever it is asked.
    """

    def __init__(self, most: int, always: bool = False, **options):
        super().__init__(**options)
        self.most, self.always = most, always

    def call(self, inputs, training=None):
        if not (training or self.always):
            return inputs
        # TensorFlow's own allocator would wait ten seconds for somebody to free memory.
        taken = tf.numpy_function(self._take, [tf.shape(inputs)[0]], tf.float32)
        return inputs + 0.0 * tf.reshape(taken, [])

    def _take(self, count):
        return np.zeros(2**45 if count > self.most else 1, np.float32)[:1]

    def get_config(self):
        return {**super().get_config(), "most": self.most, "always": self.always}


def hungry_network(most: int, always: bool = False) -> keras.Model:
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 255)(x)
    x = Hungry(most, always)(keras.layers.Conv2D(4, 3)(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="fake")(x))


def test_a_batch_too_large_for_memory_is_halved_and_recorded(tmp_path):
    result = train(hungry_network(12), planted_data(60), BIG, tmp_path, quiet)
    assert result.batch_size == 10 and len(result.history) == 1
    assert len(result.notices) == 1
    assert "did not suffice for batches of 20 pictures; this training used 10" in result.notices[0]
    record = read_json(tmp_path / "training.json")
    assert (record["batch_size"], record["batch_size_asked"]) == (10, 20)
    again = train(hungry_network(12), planted_data(60), BIG, tmp_path, quiet)
    assert again.resumed_from == 1 and again.batch_size == 10


def test_a_resumed_training_keeps_the_batch_it_had_come_to(tmp_path):
    settings = replace(BIG, epochs=2, schedule="cosine")
    with pytest.raises(Stop):
        train(hungry_network(12), planted_data(60), settings, tmp_path, stop_at(0.5))
    assert read_json(tmp_path / "checkpoints" / "batch_size.json") == 10
    result = train(hungry_network(12), planted_data(60), settings, tmp_path, quiet)
    assert result.resumed_from == 1 and result.batch_size == 10
    assert "used 10" in result.notices[0]


def test_a_single_picture_too_large_ends_with_an_error(tmp_path):
    with pytest.raises(DataError, match="even one picture at a time"):
        train(hungry_network(0), planted_data(60), replace(BIG, batch_size=2), tmp_path, quiet)


@pytest.mark.slow
def test_what_follows_a_training_makes_do_with_smaller_batches(tmp_path):
    model = hungry_network(7, always=True)
    data = planted_data(40)
    rows, labels = np.arange(40), np.zeros(40)
    assert milliseconds_per_image(model, repeats=1) > 0
    settings = replace(SETTINGS, adversarial=4.0)
    attacked = attacked_scores(model, data.pixels, rows, labels, settings)
    assert (attacked > predict(model, data.pixels, rows)).all()
    (tmp_path / "seed_1").mkdir()
    model.save(tmp_path / "seed_1" / "model.keras")
    faces = pd.DataFrame({"face_id": rows, "split": "test", "label": labels, "row": rows})
    resaved = resaved_scores(tmp_path, data.pixels, faces, 80, [1])["score"]
    changed = np.stack([through_jpeg(picture, 80) for picture in data.pixels])
    np.testing.assert_allclose(resaved, predict(model, changed, rows), atol=1e-6)


def test_a_search_tells_trials_that_had_smaller_batches_than_they_chose(tmp_path, monkeypatch):
    monkeypatch.setitem(registry._BUILDERS, "two_block", lambda input_shape: hungry_network(12))
    settings = SearchSettings(
        method="grid",
        network="two_block",
        learning_rates=(1e-3,),
        batch_sizes=(20, 8),
        epochs=1,
        training=SETTINGS,
    )
    found = search(planted_data(60), settings, tmp_path, quiet)
    batches = found.trials.sort_values("trial")[["batch_size", "batch_used"]]
    assert batches.to_numpy().tolist() == [[20, 10], [8, 8]]
    (notice,) = found.notices
    assert notice.startswith("Trial 0 of the search: Memory did not suffice for batches of 20")
    assert search(planted_data(60), settings, tmp_path, quiet).notices == [notice]


def test_only_lack_of_memory_is_taken_for_it():
    calls = []

    def work(batch_size):
        calls.append(batch_size)
        np.empty(2**45 if batch_size > 3 else 1)
        return "done"

    assert with_smaller_batches(work, 15, "this") == ("done", 3)
    assert calls == [15, 7, 3]
    assert is_out_of_memory(RuntimeError("CUDA_ERROR_OUT_OF_MEMORY: no"))
    assert not is_out_of_memory(ValueError("out of memory"))
    with pytest.raises(ZeroDivisionError):
        with_smaller_batches(lambda batch_size: 1 // 0, 8, "this")
