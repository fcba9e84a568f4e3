"""Networks by name: exact sizes, one contract for pixels and scores, errors with a way out."""

import time

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from unmask import detectors
from unmask.detectors.resnet50 import OFFICIAL_MD5, OFFICIAL_NAME, find_imagenet_weights
from unmask.errors import DataError, UsageError


def pictures(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "side", "parameters"),
    [
        # conv 896 + 9248, norm 2 * 128; conv 18496 + 36928, norm 2 * 256; dense 8 * 8 * 64 + 1
        ("two_block", 32, 70_433),
        ("two_block", 128, 66_336 + 32 * 32 * 64 + 1),
        # blocks three and four add 222464 and 887296; dense 2 * 2 * 256 + 1
        ("four_block", 32, 66_336 + 222_464 + 887_296 + 1_025),
    ],
)
def test_parameter_counts_are_those_of_the_reference(name, side, parameters):
    assert detectors.build(name, (side, side, 3)).count_params() == parameters


def test_two_block_has_the_layers_of_the_reference_in_order():
    model = detectors.build("two_block", (32, 32, 3), dropout=0.2)
    kinds = [type(layer).__name__ for layer in model.layers]
    block = ["Conv2D", "BatchNormalization", "Activation"] * 2 + ["MaxPooling2D"]
    assert kinds == ["InputLayer", "Rescaling", *block, *block, "Dropout", "Flatten", "Dense"]
    assert model.get_layer("dropout").rate == 0.2
    assert model.layers[-1].activation is keras.activations.sigmoid


@pytest.mark.parametrize("head", ["flatten", "average"])
@pytest.mark.parametrize("skip", [False, True])
def test_scores_are_float32_probabilities_alike_for_uint8_and_float(head, skip):
    model = detectors.build_from_choices((16, 16, 3), blocks=(4, 8), kernel=5, head=head, skip=skip)
    pixels = pictures(5, 16)
    scores = model(pixels).numpy()
    assert scores.shape == (5, 1) and scores.dtype == np.float32
    assert ((scores > 0) & (scores < 1)).all()
    np.testing.assert_array_equal(scores, model(pixels.astype(np.float32)).numpy())


@pytest.mark.parametrize("kind", ["squeeze", "cbam"])
def test_attention_weighs_what_the_papers_say(kind):
    keras.utils.set_random_seed(2)
    model = detectors.build_from_choices((8, 8, 3), blocks=(32,), attention=kind, skip=True)
    before = model.get_layer("block1_relu2").output
    name = {"squeeze": "scale", "cbam": "weigh_places"}[kind]
    after = model.get_layer(f"block1_attention_{name}").output
    x, found = (maps.numpy() for maps in keras.Model(model.input, [before, after])(pictures(2, 8)))

    def dense(layer, values):
        kernel, bias = model.get_layer(f"block1_attention_{layer}").get_weights()
        return values @ kernel + bias

    def sigmoid(values):
        return 1 / (1 + np.exp(-values))

    average = x.mean(axis=(1, 2), keepdims=True)
    if kind == "squeeze":
        expected = x * sigmoid(dense("excite", np.maximum(dense("narrow", average), 0)))
    else:
        both = [average, x.max(axis=(1, 2), keepdims=True)]
        sums = sum(dense("widen", np.maximum(dense("narrow", values), 0)) for values in both)
        expected = x * sigmoid(sums)
        kernel = model.get_layer("block1_attention_place_weights").kernel.numpy()
        maps = np.stack([expected.mean(axis=3), expected.max(axis=3)], axis=3)
        padded = np.pad(maps, ((0, 0), (3, 3), (3, 3), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7), axis=(1, 2))
        places = np.einsum("nhwcij,ijco->nhwo", windows, kernel)
        expected = expected * sigmoid(places)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    # 32 channels divided by 16: a narrow layer of two units
    assert model.get_layer("block1_attention_narrow").units == 2
    with pytest.raises(UsageError, match="Did you mean 'cbam'"):
        detectors.build_from_choices((8, 8, 3), attention="cbm")


def test_networks_without_attention_are_what_they_were():
    model = detectors.build_from_choices((8, 8, 3), blocks=(4,), skip=True)
    block = ["conv1", "norm1", "relu1", "conv2", "norm2", "relu2", "shortcut", "add", "pool"]
    names = [f"block1_{layer}" for layer in block]
    assert [layer.name for layer in model.layers if layer.name.startswith("block")] == names


def test_output_stays_float32_under_a_mixed_policy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = detectors.build("two_block", (16, 16, 3))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("block1_conv1").compute_dtype == "bfloat16"
    assert model(pictures(1, 16)).dtype == "float32"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """ResNet50 with weights of ours, and their file in the format of the published ones."""
    keras.utils.set_random_seed(3)
    network = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(64, 64, 3), pooling="avg"
    )
    path = tmp_path_factory.mktemp("weights") / "own_resnet50_notop.h5"
    with h5py.File(path, "w") as stream:
        legacy_h5_format.save_weights_to_hdf5_group(stream, network)
    return network, path


def test_resnet50_with_weights_of_a_file_is_keras_own_on_its_own_preprocessing(published):
    network, path = published
    model = detectors.build("resnet50", (64, 64, 3), weights=path)
    pixels = pictures(2, 64)
    expected = network(
        keras.applications.resnet50.preprocess_input(pixels.astype(np.float32))
    ).numpy()
    features = keras.Model(model.input, model.get_layer("average").output)(pixels).numpy()
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    turned = network(
        keras.applications.resnet50.preprocess_input(pixels[..., ::-1].astype(np.float32))
    ).numpy()
    assert np.abs(features - turned).max() > 0.01 * np.abs(expected).max()


def test_parts_of_resnet50_are_frozen_as_asked():
    model = detectors.build("resnet50", (32, 32, 3))

    def learning():
        return {layer.name for layer in model.layers if layer.weights and layer.trainable}

    detectors.set_trainable(model, "head", freeze_normalization=True)
    assert learning() == {"fake"}
    detectors.set_trainable(model, "last_stage", freeze_normalization=True)
    assert "fake" in learning() and len(learning()) == 11
    assert all(name == "fake" or name.startswith("conv5_") for name in learning())
    detectors.set_trainable(model, "all", freeze_normalization=True)
    assert len(learning()) == 54 and not any(name.endswith("_bn") for name in learning())
    detectors.set_trainable(model, "all")
    assert len(learning()) == 107


def test_any_network_falls_into_stages_by_the_size_of_its_maps():
    model = detectors.build("two_block", (32, 32, 3))
    first, second, head = detectors.stages(model)
    assert first == ["block1_conv1", "block1_norm1", "block1_conv2", "block1_norm2"]
    assert second == [name.replace("block1", "block2") for name in first] and head == ["fake"]
    detectors.set_trainable(model, "last_stage")
    assert [layer.name for layer in model.layers if layer.trainable_weights] == [*second, "fake"]
    inputs = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(inputs)
    linear = keras.Model(inputs, keras.layers.Dense(1, name="fake")(flat))
    assert detectors.stages(linear) == [["fake"]]
    with pytest.raises(UsageError, match="no last stage"):
        detectors.set_trainable(linear, "last_stage")
    with pytest.raises(UsageError, match="Did you mean 'head'"):
        detectors.set_trainable(linear, "heads")


def test_own_weights_are_named_by_their_hash(published):
    found = find_imagenet_weights(published[1])
    assert found.path == published[1] and len(found.sha256) == 64 and found.notice == ""


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.weights.h5"
    detectors.build("two_block", (16, 16, 3)).save_weights(path)
    with pytest.raises(DataError, match="does not hold the weights of ResNet50"):
        detectors.build("resnet50", (32, 32, 3), weights=path)


def test_missing_foreign_and_damaged_files_each_have_their_message(tmp_path):
    with pytest.raises(DataError, match="no file of weights"):
        find_imagenet_weights(tmp_path / "nowhere.h5")
    text = tmp_path / "text.h5"
    text.write_text("not weights")
    with pytest.raises(DataError, match="not an HDF5 file"):
        find_imagenet_weights(text)
    damaged = tmp_path / OFFICIAL_NAME
    damaged.write_text("half a download")
    with pytest.raises(DataError) as caught:
        find_imagenet_weights(damaged)
    assert OFFICIAL_MD5 in str(caught.value)
    assert str(caught.value).count("md5") >= 2


def test_without_a_network_the_message_says_where_to_put_which_file(tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(DataError) as caught:
        find_imagenet_weights("imagenet", cache_dir=tmp_path)
    assert time.monotonic() - started < 10
    message = str(caught.value)
    assert str(tmp_path / "models" / OFFICIAL_NAME) in message and OFFICIAL_MD5 in message
    assert "imagenet_or_random" in message
    found = find_imagenet_weights("imagenet_or_random", cache_dir=tmp_path)
    assert found.path is None and found.notice.startswith("ResNet50 started from random weights")
    asked = find_imagenet_weights("random")
    assert asked.path is None and "the profile asks for it" in asked.notice
    none = find_imagenet_weights("imagenet_or_none", cache_dir=tmp_path)
    assert none.path is None and none.missing == tmp_path / "models" / OFFICIAL_NAME
    assert none.notice.startswith("ResNet50 was not trained.") and "then run again" in none.notice
