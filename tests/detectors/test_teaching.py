"""The teaching networks have the sizes of their sources, and their options do what they say."""

import math

import keras
import numpy as np
import pytest
from unmask import detectors
from unmask.detectors.resnet_small import resnet_small_features
from unmask.detectors.teaching import alexnet_features, lenet_features, mini_vggnet_features
from unmask.errors import UsageError
from unmask.training.fast import accelerate


def as_published(features, side: int, channels: int, classes: int) -> keras.Model:
    inputs = keras.Input((side, side, channels))
    return keras.Model(inputs, keras.layers.Dense(classes)(features(inputs)))


@pytest.mark.parametrize(
    ("features", "side", "channels", "classes", "parameters"),
    [
        # 156 + 2,416 + 48,120 + 10,164 + 850, on padded MNIST as in the paper
        (lenet_features, 32, 1, 10, 61_706),
        # on CIFAR-10: 66,336 in the blocks, 2,097,664 + 2,048 dense, 5,130 for the classes
        (mini_vggnet_features, 32, 3, 10, 2_171_178),
    ],
)
def test_parameter_counts_are_those_of_the_source(features, side, channels, classes, parameters):
    assert as_published(features, side, channels, classes).count_params() == parameters


def test_alexnet_has_the_weights_of_one_tower():
    network = as_published(alexnet_features, 227, 3, 1000)
    own = [layer for layer in network.layers if "norm" not in layer.name]
    assert sum(layer.count_params() for layer in own) == 62_378_344
    # and two towers had half of the connections in convolutions 2, 4 and 5
    assert network.get_layer("conv5").output.shape[1:] == (13, 13, 256)


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (56, 0.85)])
def test_small_residual_network_has_the_size_of_table_6(depth, millions):
    network = as_published(lambda x: resnet_small_features(x, depth=depth), 32, 3, 10)
    learned = sum(math.prod(weights.shape) for weights in network.trainable_weights)
    assert round(learned / 1e6, 2) == millions
    with_weights = [layer for layer in network.layers if "conv" in layer.name]
    assert len(with_weights) + 1 == depth


def test_shortcuts_of_the_small_residual_network_take_every_second_place_and_add_empty_channels():
    inputs = keras.Input((8, 8, 3))
    network = keras.Model(inputs, resnet_small_features(inputs, depth=8))
    shortcut = keras.Model(
        network.get_layer("stage1_block1_relu2").output,
        network.get_layer("stage2_block1_more_channels").output,
    )
    maps = np.random.default_rng(0).normal(size=(2, 8, 8, 16)).astype(np.float32)
    found = shortcut(maps).numpy()
    assert found.shape == (2, 4, 4, 32)
    np.testing.assert_array_equal(found[..., 8:24], maps[:, ::2, ::2])
    assert not found[..., :8].any() and not found[..., 24:].any()


def test_lenet_penalises_kernels_and_outputs_as_asked():
    keras.utils.set_random_seed(1)
    side, share = 16, 1e-3
    pixels = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    assert detectors.build("lenet", (side, side, 3)).losses == []
    model = detectors.build("lenet", (side, side, 3), l1_kernel=share)
    kernels = [layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")][:-1]
    assert len(kernels) == 4
    expected = share * sum(np.abs(kernel).sum() for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)
    model = detectors.build("lenet", (side, side, 3), l2_activity=share)
    model(pixels)
    penalised = [layer for layer in model.layers if layer.name[:4] in ("conv", "dens")]
    outputs = keras.Model(model.input, [layer.output for layer in penalised])(pixels)
    expected = share * sum((output.numpy() ** 2).sum() for output in outputs)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-4)
    copy = accelerate(model, "float32")
    copy(pixels)
    assert float(sum(copy.losses)) == pytest.approx(expected, rel=1e-4)


def test_dense_layers_of_alexnet_grow_with_the_picture():
    # 1x1 and 2x2 of 6x6 places are left, and as large a share of 4096 units
    for side, units in ((67, 114), (128, 455)):
        inputs = keras.Input((side, side, 3))
        assert alexnet_features(inputs).shape == (None, units)


def test_networks_of_given_layers_have_them():
    model = detectors.build("five_convolutions", (16, 16, 3))
    sides = [layer.kernel_size[0] for layer in model.layers if "conv" in layer.name]
    pools = [layer for layer in model.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    assert sides == [7, 5, 3, 3, 3] and len(pools) == 1
    assert model.get_layer("dense").units == 128
    model = detectors.build("two_convolutions", (16, 16, 3))
    convolutions = [layer for layer in model.layers if "conv" in layer.name]
    kernels = [(layer.filters, layer.kernel_size[0]) for layer in convolutions]
    assert kernels == [(64, 7), (128, 3)] and model.get_layer("dense").units == 64


def test_impossible_options_say_what_is_possible():
    with pytest.raises(UsageError, match="8, 14, 20"):
        detectors.build("resnet_small", (32, 32, 3), depth=18)
    with pytest.raises(UsageError, match="five of them"):
        detectors.build("five_convolutions", (32, 32, 3), filters=(4, 4))
