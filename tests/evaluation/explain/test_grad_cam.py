"""Heat maps lie where the planted patch is, and add up to what the network computed."""

import keras
import numpy as np
import pytest
from unmask import detectors
from unmask.errors import UsageError
from unmask.evaluation.explain.grad_cam import grad_cam, spatial_output


@pytest.fixture(params=["averaging_network", "flattening_network"])
def network(request):
    return request.getfixturevalue(request.param)


def found_fakes(model, planted):
    scores = model.predict(planted.pixels, verbose=0)[:, 0]
    return np.flatnonzero((planted.labels == 1) & (scores > 0.5))


@pytest.mark.parametrize("weighting", ["channel", "place"])
def test_heat_lies_in_the_planted_patch(network, planted, weighting):
    fakes = found_fakes(network, planted)
    assert len(fakes) >= 36  # of 40: the network has learned the patch
    heat = grad_cam(network, planted.pixels[fakes], weighting=weighting)["fake"]
    inside = [planted.inside(number) for number in fakes]
    peaks = [
        mask[np.unravel_index(one.argmax(), one.shape)]
        for one, mask in zip(heat, inside, strict=True)
    ]
    shares = [one[mask].sum() / one.sum() for one, mask in zip(heat, inside, strict=True)]
    assert np.mean(peaks) >= 0.9
    assert np.median(shares) >= 0.4  # the patch is a sixteenth of the picture


def test_a_turned_network_shows_the_patch_as_evidence_of_real(averaging_network, planted):
    turned = keras.models.clone_model(averaging_network)
    turned.set_weights([*averaging_network.get_weights()[:-2],
                        *(-part for part in averaging_network.get_weights()[-2:])])  # fmt: skip
    some = planted.pixels[:6]
    straight, other = grad_cam(averaging_network, some), grad_cam(turned, some)
    np.testing.assert_allclose(straight["fake"], other["real"], atol=1e-5)
    np.testing.assert_allclose(straight["real"], other["fake"], atol=1e-5)


def test_maps_are_of_the_picture_and_between_zero_and_one(network, planted):
    maps = grad_cam(network, planted.pixels[:5], batch_size=2)
    for heat in maps.values():
        assert heat.shape == (5, 32, 32) and heat.dtype == np.float32
        assert heat.min() >= 0 and heat.max() <= 1 + 1e-6
    assert grad_cam(network, planted.pixels[:0])["fake"].shape == (0, 32, 32)


def test_the_last_places_add_up_to_the_log_odds(averaging_network, planted):
    pictures = planted.pixels[:7].astype(np.float32)
    places, log_odds = (part.numpy() for part in spatial_output(averaging_network)(pictures))
    weights, bias = averaging_network.layers[-1].get_weights()
    by_hand = (places * weights[:, 0]).sum(axis=3).mean(axis=(1, 2)) + bias
    np.testing.assert_allclose(by_hand, log_odds[:, 0], atol=1e-4)
    scores = averaging_network.predict(pictures, verbose=0)[:, 0]
    np.testing.assert_allclose(1 / (1 + np.exp(-log_odds[:, 0])), scores, atol=1e-5)


def test_networks_inside_a_network_are_looked_into(planted):
    """A pretrained part used as a layer, frozen, and sequential ones."""
    keras.utils.set_random_seed(5)
    inner = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3, activation="relu", name="same")]
    )
    outside = keras.Input((32, 32, 3))
    middle_in = keras.Input((30, 30, 4))
    middle = keras.Model(
        middle_in, keras.layers.Conv2D(5, 3, strides=2, name="same")(middle_in), name="middle"
    )
    x = keras.layers.GlobalAveragePooling2D()(middle(inner(outside / 255.0)))
    model = keras.Model(outside, keras.layers.Dense(1, activation="sigmoid")(x))
    inner.trainable = middle.trainable = False
    model.compile(loss="binary_crossentropy")
    before = [layer.name for layer in model.layers], model.predict(planted.pixels[:3], verbose=0)
    explained = spatial_output(model)
    assert explained.output[0].shape == (None, 14, 14, 5)
    log_odds = explained(planted.pixels[:3].astype(np.float32))[1].numpy()
    np.testing.assert_allclose(1 / (1 + np.exp(-log_odds)), before[1], atol=1e-5)
    maps = grad_cam(model, planted.pixels[:3])
    strongest = np.maximum(maps["fake"], maps["real"]).max(axis=(1, 2))
    np.testing.assert_allclose(strongest, 1)
    after = [layer.name for layer in model.layers], model.predict(planted.pixels[:3], verbose=0)
    assert before[0] == after[0] and np.array_equal(before[1], after[1])


def test_detectors_of_every_depth_can_be_explained(planted):
    sizes = {"two_block": 16, "four_block": 4, "resnet50": 2, "searched": 16}
    for name, expected in sizes.items():
        keras.utils.set_random_seed(1)
        model = detectors.build(name, (64, 64, 3))
        explained = spatial_output(model)
        pictures = np.repeat(np.repeat(planted.pixels[:1], 2, axis=1), 2, axis=2)
        log_odds = float(explained(pictures.astype(np.float32))[1][0, 0])
        score = float(model.predict(pictures, verbose=0)[0, 0])
        assert 1 / (1 + np.exp(-log_odds)) == pytest.approx(score, abs=1e-4)
        assert explained.output[0].shape[1:3] == (expected, expected)


def test_a_network_without_places_says_so(planted):
    inputs = keras.Input((32, 32, 3))
    flat = keras.layers.Flatten()(inputs / 255.0)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(flat), name="flat")
    # the pictures themselves, divided by 255, still have places
    assert spatial_output(model).output[0].shape == (None, 32, 32, 3)
    vector = keras.Input((12,))
    dense = keras.Model(vector, keras.layers.Dense(1, activation="sigmoid")(vector), name="dense")
    with pytest.raises(UsageError, match="dense has no layer that knows places"):
        spatial_output(dense)
    linear = keras.Model(inputs, keras.layers.Dense(1)(flat), name="linear")
    with pytest.raises(UsageError, match="does not end in one sigmoid unit"):
        spatial_output(linear)
    with pytest.raises(UsageError, match="no weighting 'chanel'"):
        grad_cam(model, planted.pixels[:1], weighting="chanel")
