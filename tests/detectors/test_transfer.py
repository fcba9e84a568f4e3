"""Pretrained networks: their own preprocessing, their weights by name or file, what may learn."""

import hashlib
import importlib
import inspect
import re

import h5py
import keras
import numpy as np
import pytest
from keras.src.applications.convnext import ConvNeXt
from keras.src.applications.efficientnet import EfficientNet
from keras.src.legacy.saving import legacy_h5_format
from unmask import detectors
from unmask.detectors.pretrained import EFFICIENTNET_MD5, PUBLISHED, find_weights, published
from unmask.detectors.start import find_start
from unmask.detectors.transfer import CAFFE, DEVIATION, MEAN, STANDARDISED, TO_UNIT, opened
from unmask.detectors.weights import load_weights
from unmask.errors import DataError, UsageError
from unmask.runs import sha256_file
from unmask.training.fast import accelerate, fit_momentum

SHARED_WEIGHTS = "weights/mobilenetv2_0.35_224_notop_from_tm.weights.h5"


def pictures(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def unsettled(network: keras.Model) -> keras.Model:
    """`network` with statistics and scales that make a difference."""
    generator = np.random.default_rng(1)
    network.set_weights([w + 0.1 * generator.random(w.shape) for w in network.get_weights()])
    return network


def test_narrow_mobilenet_has_its_size_and_its_parts_can_be_trained():
    model = detectors.build("mobilenet_v2", (32, 32, 3), alpha=0.35)
    # as keras.applications counts it without a top, and the last unit
    assert model.count_params() == 410_208 + 1280 + 1
    detectors.set_trainable(model, "last_stage", freeze_normalization=True)
    learning = [layer.name for layer in model.layers if layer.trainable_weights]
    assert (learning[0], learning[-2:]) == ("block_13_depthwise", ["Conv_1", "fake"])
    detectors.set_trainable(model, "head")
    assert [layer.name for layer in model.layers if layer.trainable_weights] == ["fake"]
    # Keras' momentum of 0.999 here would keep the statistics of random weights for 1000 steps
    copy = accelerate(model, "float32")
    layers = [at for at in copy.layers if isinstance(at, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in layers} == {0.999} and len(layers) == 52
    fit_momentum(copy, 100)
    assert {layer.momentum for layer in layers} == {0.01 ** (1 / 100)}


@pytest.mark.parametrize(
    ("preprocessing", "module"),
    [(CAFFE, "vgg16"), (CAFFE, "vgg19"), (TO_UNIT, "xception"), (TO_UNIT, "mobilenet_v2")],
)
def test_preprocessing_is_that_of_the_published_weights(preprocessing, module):
    pixels = pictures(2, 4).astype(np.float32)
    expected = getattr(keras.applications, module).preprocess_input(pixels.copy())
    if preprocessing.blue_first:
        expected = expected[..., ::-1]
    found = preprocessing.layer()(pixels).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def small_convnext() -> keras.Model:
    return ConvNeXt(
        depths=[1, 1, 1, 1],
        projection_dims=[4, 8, 8, 8],
        include_top=False,
        weights=None,
        input_shape=(32, 32, 3),
        pooling="avg",
        layer_scale_init_value=0.5,
        name="small",
    )


def small_efficientnet() -> keras.Model:
    block = {"kernel_size": 3, "repeats": 2, "filters_in": 32, "filters_out": 16, "se_ratio": 0.25}
    network = EfficientNet(
        0.5,
        1.0,
        32,
        blocks_args=[{**block, "expand_ratio": 2, "id_skip": True, "strides": 2}],
        include_top=False,
        weights=None,
        input_shape=(32, 32, 3),
        pooling="avg",
        name="small",
    )
    layer = next(at for at in network.layers if isinstance(at, keras.layers.Normalization))
    layer.set_weights([np.array(MEAN), np.array(DEVIATION) ** 2, layer.get_weights()[2]])
    layer.finalize_state()
    return network


@pytest.mark.parametrize("make", [small_convnext, small_efficientnet])
def test_networks_with_built_in_preprocessing_are_opened_without_a_change(make, tmp_path):
    keras.utils.set_random_seed(1)
    base = make()
    for layer in base.layers:
        if layer.weights and not isinstance(layer, keras.layers.Normalization):
            unsettled(layer)
    pixels = pictures(2, 32)
    expected = base(pixels.astype(np.float32)).numpy()
    inputs = keras.Input((32, 32, 3), name="pixels")
    network = opened(base, inputs, STANDARDISED, with_weights=True)
    np.testing.assert_allclose(network(pixels).numpy(), expected, rtol=1e-3, atol=1e-5)
    inside = (keras.Sequential, keras.layers.Normalization)
    assert not any(isinstance(layer, inside) for layer in network.layers)
    copy = accelerate(network, "float32")
    np.testing.assert_allclose(copy(pixels).numpy(), expected, rtol=1e-3, atol=1e-5)


def test_shared_weights_give_the_features_of_keras_own_network(shared_data):
    options = {"weights": shared_data / SHARED_WEIGHTS, "alpha": 0.35}
    model = detectors.build("mobilenet_v2", (64, 64, 3), **options)
    network = keras.applications.MobileNetV2(
        include_top=False, weights=None, alpha=0.35, input_shape=(64, 64, 3), pooling="avg"
    )
    network.load_weights(shared_data / SHARED_WEIGHTS)
    paths = sorted((shared_data / "faces_140k/val/real").iterdir())[:8]
    faces = np.stack([keras.utils.img_to_array(keras.utils.load_img(p)) for p in paths])
    faces = faces[:, ::4, ::4].astype(np.uint8)
    features = keras.Model(model.input, model.get_layer("dropout").input)
    found = features(faces).numpy()
    prepared = keras.applications.mobilenet_v2.preprocess_input(faces.astype(np.float32))
    np.testing.assert_allclose(found, network(prepared).numpy(), rtol=1e-3, atol=1e-4)
    # a face looks more like its mirror image than like any other face
    mirrored = features(faces[:, :, ::-1]).numpy()
    distances = np.linalg.norm(found[:, None] - mirrored[None], axis=2)
    assert (distances.argmin(axis=1) == np.arange(8)).all()


def small_network() -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="first")(inputs)
    inner = [keras.layers.BatchNormalization(), keras.layers.SeparableConv2D(5, 3, name="apart")]
    x = keras.Sequential(inner, name="inside")(x)
    x = keras.layers.Conv2D(6, 1, name="last")(keras.layers.ReLU()(x))
    return keras.Model(inputs, x)


@pytest.mark.parametrize("kind", ["as published", "as by Keras 3", "as by Keras 3, other name"])
def test_files_of_both_formats_are_read_whatever_their_names(kind, tmp_path):
    network = unsettled(small_network())
    path = tmp_path / ("own.h5" if kind == "as published" else "own.weights.h5")
    if kind == "as published":
        with h5py.File(path, "w") as stream:
            legacy_h5_format.save_weights_to_hdf5_group(stream, network)
    else:
        network.save_weights(path)
    if kind.endswith("other name"):
        path = path.rename(tmp_path / "own.hdf5")
    other = small_network()
    load_weights(other, path, "SmallNet")
    for found, expected in zip(other.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_file_that_does_not_fit_names_the_layers_and_changes_nothing(tmp_path):
    network = small_network()
    network.save_weights(tmp_path / "own.weights.h5")
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 5, name="first")(inputs)
    other = keras.Model(inputs, keras.layers.Conv2D(6, 1, name="last")(x))
    before = other.get_weights()
    with pytest.raises(DataError) as caught:
        load_weights(other, tmp_path / "own.weights.h5", "SmallNet")
    message = str(caught.value)
    assert "does not hold the weights of SmallNet" in message
    assert "first: expected (5, 5, 3, 4) and (4,), found (3, 3, 3, 4) and (4,)" in message
    assert "last: expected (1, 1, 4, 6) and (6,), found (1, 1, 5, 6) and (6,)" in message
    assert "sequential/layers/batch_normalization of the file: expected nothing" in message
    for found, expected in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_half_a_file_of_weights_is_damaged(tmp_path):
    network = small_network()
    path = tmp_path / "own.weights.h5"
    network.save_weights(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="is damaged"):
        load_weights(network, path, "SmallNet")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(DataError, match="found nothing"):
        load_weights(network, tmp_path / "empty.h5", "SmallNet")


def test_published_names_and_hashes_are_those_of_the_installed_keras():
    modules = {"resnet50": "resnet", "convnext_tiny": "convnext"}
    for network in PUBLISHED:
        module = importlib.import_module(f"keras.src.applications.{modules.get(network, network)}")
        text = inspect.getsource(module)
        for variant in EFFICIENTNET_MD5 if network == "efficientnet" else ("b0",):
            file = published(network, variant=variant)
            assert file.digest in text
            assert file.url.startswith("https://storage.googleapis.com/")
            assert file.url.endswith(file.name)
        if network not in ("efficientnet", "mobilenet_v2", "resnet50", "convnext_tiny"):
            assert file.name in text
    assert published("mobilenet_v2", alpha=0.35).name == (
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
    )


def test_damaged_downloads_and_impossible_variants_are_told_apart(tmp_path):
    for name, algorithm in (
        ("efficientnetb1_notop.h5", "md5"),
        ("convnext_tiny_notop.h5", "sha256"),
    ):
        (tmp_path / name).write_text("half a download")
        with pytest.raises(DataError, match=f"is damaged: its {algorithm} is"):
            find_weights("efficientnet", tmp_path / name)
    with pytest.raises(UsageError, match=r"width 0\.4"):
        find_weights("mobilenet_v2", "imagenet", alpha=0.4)
    with pytest.raises(UsageError, match="Did you mean 'vgg16'"):
        find_weights("vgg_16", "imagenet")
    with pytest.raises(UsageError, match="one of b0, b1, b2, b3"):
        detectors.build("efficientnet", (32, 32, 3), variant="b9")
    with pytest.raises(UsageError, match="alpha above 0"):
        detectors.build("mobilenet_v2", (32, 32, 3), alpha=0)


def test_without_a_network_each_says_which_file_to_fetch(tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(DataError) as caught:
        find_weights("convnext_tiny", "imagenet", cache_dir=tmp_path)
    file = published("convnext_tiny")
    assert f"{file.name} (sha256 {file.digest})" in str(caught.value)
    assert file.url in str(caught.value)
    found = find_weights("mobilenet_v2", "imagenet_or_random", cache_dir=tmp_path, alpha=0.35)
    assert found.path is None and found.notice.startswith("MobileNetV2 started from random")
    half = tmp_path / "models" / file.name
    half.parent.mkdir(exist_ok=True)
    half.write_text("half a download")
    damaged = f"{half} is damaged: its sha256 is {sha256_file(half)}"
    with pytest.raises(DataError, match=re.escape(damaged)):
        find_weights("convnext_tiny", "imagenet", cache_dir=tmp_path)
    found = find_weights("convnext_tiny", "imagenet_or_random", cache_dir=tmp_path)
    assert found.path is None and damaged in found.notice


def small_file(path) -> str:
    """Writes an HDF5 file; returns its md5."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as stream:
        stream["weights"] = np.arange(4)
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("mount", ["datasets/ada/weights", "models/a/eff/keras/b1/1", "old/k/b1/1"])
def test_attached_weights_are_found_by_name_and_hash(mount, tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("UNMASK_KAGGLE_INPUT", str(tmp_path / "input"))
    name = published("efficientnet", variant="b1").name
    path = tmp_path / "input" / mount / name
    digest = small_file(path)

    def find(setting="imagenet", **variant):
        return find_weights("efficientnet", setting, cache_dir=tmp_path, **variant)

    with pytest.raises(DataError, match=re.escape(f"{path} is damaged: its md5 is {digest}")):
        find(variant="b1")
    monkeypatch.setitem(EFFICIENTNET_MD5, "b1", digest)
    found = find(variant="b1")
    assert found.path == path and found.sha256 == sha256_file(path)
    assert found.notice == f"EfficientNet-B1 started from the attached ImageNet weights {path}."
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
    other = published("efficientnet").name
    with pytest.raises(DataError, match=f"attach a dataset or model that holds {other}"):
        find()
    notice = find("imagenet_or_random").notice
    assert f"its ImageNet weights, {other}, are in nothing that is attached" in notice


def test_a_network_begins_with_the_weights_that_are_published_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    name = "resnet50_no_downsampling"
    start = find_start(name, "imagenet_or_random")
    assert start.options == {"weights": "random"} and "ResNet50 started from" in start.notice
    with pytest.raises(DataError, match=published("resnet50").name):
        find_start(name, "imagenet")
    with pytest.raises(UsageError, match=r"weights of meso4 are among its options(.|\n)*own\.h5"):
        find_start("meso4", "random", {"weights": "own.h5"})
