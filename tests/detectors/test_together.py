"""Several detectors in one file give the sigmoid of their logits' weighted mean."""

import keras
import numpy as np
import pytest
from unmask import detectors
from unmask.detectors.together import together
from unmask.errors import UsageError
from unmask.training.fast import accelerate

SHAPE = (16, 16, 3)


def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8)


def logits(model: keras.Model) -> np.ndarray:
    scores = np.asarray(model(pictures()), np.float64)
    return np.log(scores / (1 - scores))


@pytest.fixture(scope="module")
def members() -> list[keras.Model]:
    keras.utils.set_random_seed(2)
    first = detectors.build_from_choices(SHAPE, blocks=(4,), head="average")
    thumbnail = detectors.build("thumbnail", SHAPE, side=4)
    thumbnail.get_layer("fake").set_weights([np.linspace(-1, 1, 48)[:, None], np.array([0.3])])
    return [first, thumbnail]


def test_the_mean_of_logits_is_the_default(members):
    joined = together([*members, members[0]])
    expected = (2 * logits(members[0]) + logits(members[1])) / 3
    np.testing.assert_allclose(logits(joined), expected, atol=1e-4)
    assert joined.layers[-1].name == "fake" and joined.name == "together"
    names = [layer.name for layer in joined.layers]
    assert len(set(names)) == len(names) and "3_block1_conv1" in names


def test_weights_are_brought_to_one_unless_a_bias_is_given(members):
    first, second = map(logits, members)
    mean = together(members, weights=[6, 2])
    np.testing.assert_allclose(logits(mean), 0.75 * first + 0.25 * second, atol=1e-4)
    stacked = together(members, weights=[1.5, -2], bias=0.25, name="stacked")
    np.testing.assert_allclose(logits(stacked), 1.5 * first - 2 * second + 0.25, atol=1e-4)


def test_a_joined_detector_is_saved_copied_and_joined_again(members, tmp_path):
    members[0].get_layer("block1_conv1").trainable = False
    joined = together(members)
    assert not joined.get_layer("1_block1_conv1").trainable
    joined.save(tmp_path / "joined.keras")
    opened = keras.models.load_model(tmp_path / "joined.keras")
    np.testing.assert_array_equal(np.asarray(opened(pictures())), np.asarray(joined(pictures())))
    fast = accelerate(joined, "mixed_bfloat16")
    assert fast.get_layer("logits")(np.full((1, 2), 257.0, np.float32)).dtype == "float32"
    again = together([joined, members[1]])
    expected = (logits(joined) + logits(members[1])) / 2
    np.testing.assert_allclose(logits(again), expected, atol=1e-4)


def test_a_member_that_ends_otherwise_is_taken_by_its_probabilities(members):
    wrapped = keras.Model(members[0].input, keras.layers.Identity()(members[0].output))
    np.testing.assert_allclose(logits(together([wrapped])), logits(members[0]), atol=1e-4)


def test_members_that_do_not_fit_are_refused(members):
    with pytest.raises(UsageError, match="0 different shapes"):
        together([])
    larger = detectors.build_from_choices((20, 20, 3), blocks=(4,))
    with pytest.raises(UsageError, match="2 different shapes"):
        together([members[0], larger])
    for weights in ([1.0], [1.0, -1.0], [1.0, float("nan")]):
        with pytest.raises(UsageError, match="do not fit 2 detectors"):
            together(members, weights=weights)
