"""The small networks of the teaching notebooks.

Each has a function `<name>_features` from a symbolic picture to symbolic features, so that it can
also be put together with the channels and the classes of its source.
"""

from __future__ import annotations

from collections.abc import Callable

import keras

from ..errors import UsageError
from .parts import fake_unit, refuse_small
from .resnet_small import resnet_small

ALEXNET_FLAT, ALEXNET_UNITS = 9216, 4096  # values before, and units of, its dense layers
SIDES_OF_FIVE = (7, 5, 3, 3, 3)  # of the five convolutions' kernels


def lenet(
    input_shape: tuple[int, int, int],
    *,
    dropout: float = 0.0,
    l1_kernel: float = 0.0,
    l2_activity: float = 0.0,
) -> keras.Model:
    """LeNet-5: two convolutions and two dense layers.

    Source: LeCun, Bottou, Bengio and Haffner, 1998, Gradient-based learning applied to document
    recognition, doi:10.1109/5.726791, with ReLU and max pooling as it is taught today.

    Args:
        input_shape: height, width, 3; at least 16x16.
        dropout: share of the last features dropped while training.
        l1_kernel: weight of the sum of absolute kernel values in the loss, 0 for none.
        l2_activity: weight of the sum of squared outputs of each layer, over the batch, in the
            loss, 0 for none. 1e-10 and 1e-7 are what the author of the teaching notebook found
            best.

    Raises:
        UsageError: pictures too small.
    """

    def features(x):
        return lenet_features(x, l1_kernel=l1_kernel, l2_activity=l2_activity)

    return _build("lenet", "LeNet", input_shape, 16, features, dropout)


def lenet_features(x, *, l1_kernel: float = 0.0, l2_activity: float = 0.0):
    """The layers of LeNet-5 between picture and last unit."""

    def penalties() -> dict:
        return {
            "kernel_regularizer": keras.regularizers.L1(l1_kernel) if l1_kernel else None,
            "activity_regularizer": keras.regularizers.L2(l2_activity) if l2_activity else None,
        }

    for number, filters in enumerate((6, 16), start=1):
        name = f"conv{number}"
        x = keras.layers.Conv2D(filters, 5, activation="relu", name=name, **penalties())(x)
        x = keras.layers.MaxPooling2D(name=f"pool{number}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for number, units in enumerate((120, 84), start=1):
        name = f"dense{number}"
        x = keras.layers.Dense(units, activation="relu", name=name, **penalties())(x)
    return x


def alexnet(input_shape: tuple[int, int, int], *, dropout: float = 0.5) -> keras.Model:
    """AlexNet as one tower: five convolutions and two wide dense layers.

    Source: Krizhevsky, Sutskever and Hinton, 2012, ImageNet classification with deep
    convolutional neural networks, doi:10.1145/3065386, with batch normalization (Ioffe and
    Szegedy, 2015, arXiv:1502.03167) in place of local response normalization.

    The dense layers have 4096 units at the 227 pixels of the source, and a share of them where
    pictures are smaller and there is less for them to look at.

    Args:
        input_shape: height, width, 3; at least 67x67.
        dropout: share of the values dropped before the second dense layer and before the last.

    Raises:
        UsageError: pictures too small.
    """

    def features(x):
        return alexnet_features(x, dropout=dropout)

    return _build("alexnet", "AlexNet", input_shape, 67, features, dropout)


def alexnet_features(x, *, dropout: float = 0.5):
    """The layers of AlexNet between picture and last unit."""
    convolutions = ((96, 11, 4, "valid"), (256, 5, 1, "same"), (384, 3, 1, "same"))
    convolutions += ((384, 3, 1, "same"), (256, 3, 1, "same"))
    for number, (filters, kernel, strides, padding) in enumerate(convolutions, start=1):
        x = keras.layers.Conv2D(
            filters, kernel, strides=strides, padding=padding, name=f"conv{number}"
        )(x)
        x = keras.layers.BatchNormalization(name=f"norm{number}")(x)
        x = keras.layers.Activation("relu", name=f"relu{number}")(x)
        if number in (1, 2, 5):
            x = keras.layers.MaxPooling2D(3, strides=2, name=f"pool{number}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    units = min(ALEXNET_UNITS, round(ALEXNET_UNITS * x.shape[1] / ALEXNET_FLAT))
    x = keras.layers.Dense(units, activation="relu", name="dense1")(x)
    x = keras.layers.Dropout(dropout, name="dropout1")(x)
    return keras.layers.Dense(units, activation="relu", name="dense2")(x)


def mini_vggnet(input_shape: tuple[int, int, int], *, dropout: float = 0.5) -> keras.Model:
    """MiniVGGNet: two blocks of two 3x3 convolutions, and 512 dense units.

    Source: Rosebrock, 2017, Deep Learning for Computer Vision with Python, Starter Bundle, after
    Simonyan and Zisserman, 2014, arXiv:1409.1556.

    Batch normalization follows ReLU, as there.

    Args:
        input_shape: height, width, 3; at least 4x4. The dense layer grows with their square.
        dropout: share of the values dropped before the last unit; half of it after each block.

    Raises:
        UsageError: pictures too small.
    """

    def features(x):
        return mini_vggnet_features(x, dropout=dropout)

    return _build("mini_vggnet", "MiniVGGNet", input_shape, 4, features, dropout)


def mini_vggnet_features(x, *, dropout: float = 0.5):
    """The layers of MiniVGGNet between picture and last unit."""
    for block, filters in enumerate((32, 64), start=1):
        for number in (1, 2):
            name = f"block{block}_conv{number}"
            x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(x)
            x = keras.layers.BatchNormalization(name=f"block{block}_norm{number}")(x)
        x = keras.layers.MaxPooling2D(name=f"block{block}_pool")(x)
        x = keras.layers.Dropout(dropout / 2, name=f"block{block}_dropout")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(512, activation="relu", name="dense")(x)
    return keras.layers.BatchNormalization(name="dense_norm")(x)


def five_convolutions(
    input_shape: tuple[int, int, int],
    *,
    filters: tuple[int, ...] = (32, 32, 64, 64, 64),
    dropout: float = 0.0,
) -> keras.Model:
    """Five convolutions of 7x7, 5x5 and three times 3x3, pooled once, and 128 dense units.

    Source: a network of the teaching notebooks, of which the kernels, the one pooling and the
    dense layer are known; the numbers of filters are a choice made here.

    Args:
        input_shape: height, width, 3; at least 2x2. The dense layer grows with their square.
        filters: of the five convolutions.
        dropout: share of the last features dropped while training.

    Raises:
        UsageError: pictures too small, or not five numbers of filters.
    """
    if len(filters) != len(SIDES_OF_FIVE):
        raise UsageError(
            f"five_convolutions got {len(filters)} numbers of filters.", expected="five of them"
        )

    def features(x):
        for number, (count, side) in enumerate(zip(filters, SIDES_OF_FIVE, strict=True), start=1):
            x = _convolution(x, count, side, f"conv{number}")
        x = keras.layers.MaxPooling2D(name="pool")(x)
        x = keras.layers.Flatten(name="flatten")(x)
        return keras.layers.Dense(128, activation="relu", name="dense")(x)

    name = "five_convolutions"
    return _build(name, "The network of five convolutions", input_shape, 2, features, dropout)


def two_convolutions(input_shape: tuple[int, int, int], *, dropout: float = 0.0) -> keras.Model:
    """Two convolutions, 64 of 7x7 and 128 of 3x3, and 64 dense units.

    Source: a network of the teaching notebooks, a short form of the one in Géron, 2019, Hands-On
    Machine Learning with Scikit-Learn, Keras and TensorFlow, chapter 14.

    Args:
        input_shape: height, width, 3; at least 4x4. The dense layer grows with their square.
        dropout: share of the last features dropped while training.

    Raises:
        UsageError: pictures too small.
    """

    def features(x):
        for number, (count, kernel) in enumerate(((64, 7), (128, 3)), start=1):
            x = _convolution(x, count, kernel, f"conv{number}")
            x = keras.layers.MaxPooling2D(name=f"pool{number}")(x)
        x = keras.layers.Flatten(name="flatten")(x)
        return keras.layers.Dense(64, activation="relu", name="dense")(x)

    name = "two_convolutions"
    return _build(name, "The network of two convolutions", input_shape, 4, features, dropout)


def _convolution(x, filters: int, kernel: int, name: str):
    return keras.layers.Conv2D(filters, kernel, padding="same", activation="relu", name=name)(x)


def _build(
    name: str,
    title: str,
    input_shape: tuple[int, int, int],
    smallest: int,
    features: Callable,
    dropout: float,
) -> keras.Model:
    refuse_small(title, input_shape, smallest)
    inputs = keras.Input(input_shape, name="pixels")
    x = keras.layers.Rescaling(1 / 255, name="to_unit_range")(inputs)
    x = keras.layers.Dropout(dropout, name="dropout")(features(x))
    return keras.Model(inputs, fake_unit(x), name=name)


BUILDERS = {
    "lenet": lenet,
    "alexnet": alexnet,
    "mini_vggnet": mini_vggnet,
    "five_convolutions": five_convolutions,
    "two_convolutions": two_convolutions,
    "resnet_small": resnet_small,
}
