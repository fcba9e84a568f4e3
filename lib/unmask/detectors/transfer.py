"""Networks that ImageNet taught first, from keras.applications.

Their own preprocessing is inside: uint8 pixels go in, whatever the published weights expect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path

import keras

from ..errors import UsageError, nearest
from .parts import fake_unit, refuse_small
from .pretrained import PUBLISHED, find_weights
from .weights import load_weights

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's red, green, blue
EFFICIENTNETS = {
    "b0": keras.applications.EfficientNetB0,
    "b1": keras.applications.EfficientNetB1,
    "b2": keras.applications.EfficientNetB2,
    "b3": keras.applications.EfficientNetB3,
}


@dataclass(frozen=True)
class Preprocessing:
    """What a published network does to pixels 0..255: `pixels * scale + offset`.

    Attributes:
        name: of the layer that does it.
        scale, offset: one number, or one a channel.
        blue_first: whether the published weights want blue-green-red pixels.
        built_in: whether keras.applications begins the network with it.
    """

    name: str
    scale: float | list[float]
    offset: float | list[float]
    blue_first: bool = False
    built_in: bool = False

    def layer(self) -> keras.layers.Layer:
        """Returns the layer, which stays in float32 in copies made for training."""
        return keras.layers.Rescaling(self.scale, offset=self.offset, name=self.name)


CAFFE = Preprocessing("less_imagenet_mean", 1.0, [-123.68, -116.779, -103.939], blue_first=True)
TO_UNIT = Preprocessing("to_minus_one_to_one", 1 / 127.5, -1.0)
STANDARDISED = Preprocessing(
    "standardised_as_imagenet",
    [1 / (255 * deviation) for deviation in DEVIATION],
    [-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)],
    built_in=True,
)


def vgg16(
    input_shape: tuple[int, int, int], *, weights: str | Path = "random", dropout: float = 0.2
) -> keras.Model:
    """VGG16: thirteen 3x3 convolutions in five blocks, global average pooling.

    Source: Simonyan and Zisserman, 2014, Very deep convolutional networks for large-scale image
    recognition, arXiv:1409.1556, without its three dense layers.

    Args and errors: see `transfer`.
    """
    return transfer("vgg16", keras.applications.VGG16, input_shape, CAFFE, weights, dropout)


def vgg19(
    input_shape: tuple[int, int, int], *, weights: str | Path = "random", dropout: float = 0.2
) -> keras.Model:
    """VGG19: sixteen 3x3 convolutions in five blocks, global average pooling.

    Source: Simonyan and Zisserman, 2014, Very deep convolutional networks for large-scale image
    recognition, arXiv:1409.1556, without its three dense layers.

    Args and errors: see `transfer`.
    """
    return transfer("vgg19", keras.applications.VGG19, input_shape, CAFFE, weights, dropout)


def xception(
    input_shape: tuple[int, int, int], *, weights: str | Path = "random", dropout: float = 0.2
) -> keras.Model:
    """Xception: depthwise separable convolutions with shortcuts, global average pooling.

    Source: Chollet, 2016, Xception: Deep learning with depthwise separable convolutions,
    arXiv:1610.02357. Pictures have at least 71x71 pixels.

    Args and errors: see `transfer`.
    """
    make = keras.applications.Xception
    return transfer("xception", make, input_shape, TO_UNIT, weights, dropout, smallest=71)


def efficientnet(
    input_shape: tuple[int, int, int],
    *,
    weights: str | Path = "random",
    variant: str = "b0",
    dropout: float = 0.2,
) -> keras.Model:
    """EfficientNet: inverted bottlenecks with squeeze and excitation, scaled as a whole.

    Source: Tan and Le, 2019, EfficientNet: Rethinking model scaling for convolutional neural
    networks, arXiv:1905.11946.

    Args:
        variant: b0 (4.0 million parameters), b1, b2 or b3 (10.8 million).

    The other args and the errors: see `transfer`.
    """
    if variant not in EFFICIENTNETS:
        raise UsageError(
            f"There is no EfficientNet {variant!r} here.{nearest(variant, EFFICIENTNETS)}",
            expected="one of " + ", ".join(EFFICIENTNETS),
        )
    make = EFFICIENTNETS[variant]
    return transfer(
        "efficientnet", make, input_shape, STANDARDISED, weights, dropout, variant=variant
    )


def mobilenet_v2(
    input_shape: tuple[int, int, int],
    *,
    weights: str | Path = "random",
    alpha: float = 1.0,
    dropout: float = 0.2,
) -> keras.Model:
    """MobileNetV2: narrow inverted bottlenecks, made for telephones.

    Source: Sandler, Howard, Zhu, Zhmoginov and Chen, 2018, MobileNetV2: Inverted residuals and
    linear bottlenecks, arXiv:1801.04381.

    Args:
        alpha: width of the network; ImageNet weights are published for 0.35, 0.5, 0.75, 1, 1.3
            and 1.4.

    The other args and the errors: see `transfer`.
    """
    if alpha <= 0:
        raise UsageError(f"MobileNetV2 cannot be of width {alpha}.", expected="alpha above 0")
    make = partial(keras.applications.MobileNetV2, alpha=alpha)
    return transfer("mobilenet_v2", make, input_shape, TO_UNIT, weights, dropout, alpha=alpha)


def convnext_tiny(
    input_shape: tuple[int, int, int], *, weights: str | Path = "random", dropout: float = 0.2
) -> keras.Model:
    """ConvNeXt-Tiny: a convolutional network with the habits of transformers.

    Source: Liu, Mao, Wu, Feichtenhofer, Darrell and Xie, 2022, A ConvNet for the 2020s,
    arXiv:2201.03545.

    Args and errors: see `transfer`.
    """
    # Its layer normalization follows the average over all places, as in the paper.
    make = partial(keras.applications.ConvNeXtTiny, pooling="avg")
    return transfer("convnext_tiny", make, input_shape, STANDARDISED, weights, dropout)


def transfer(
    name: str,
    make: Callable[..., keras.Model],
    input_shape: tuple[int, int, int],
    preprocessing: Preprocessing,
    weights: str | Path,
    dropout: float,
    *,
    smallest: int = 32,
    **variant,
) -> keras.Model:
    """A network of keras.applications with average pooling, dropout and one sigmoid unit.

    Args:
        name: of the network, one of `pretrained.PUBLISHED`.
        make: builds it without its top.
        input_shape: height, width, 3.
        preprocessing: what its published weights expect.
        weights: "random", "imagenet", "imagenet_or_random" (see `pretrained.find_weights`) or
            the path of a file saved by keras.applications with include_top=False.
        dropout: share of the features dropped while training.
        smallest: side in pixels that it can take.
        **variant: which of a family, see `pretrained.published`.

    Raises:
        UsageError: pictures too small or not of 3 channels, or no such variant.
        DataError: the weights are missing, damaged or of another network.
    """
    title = PUBLISHED[name][0]
    refuse_small(title, input_shape, smallest)
    path = None if weights == "random" else find_weights(name, weights, **variant).path
    inputs = keras.Input(input_shape, name="pixels")
    if preprocessing.built_in:
        base = make(include_top=False, weights=None, input_shape=input_shape)
    else:
        prepared = preprocessing.layer()(inputs)
        base = make(include_top=False, weights=None, input_tensor=prepared)
    if path is not None:
        load_weights(base, path, title)
    if preprocessing.built_in:
        base = opened(base, inputs, preprocessing, path is not None)
    elif preprocessing.blue_first and path is not None:
        _turn_channels(base)
    x = base.output
    if len(x.shape) == 4:
        x = keras.layers.GlobalAveragePooling2D(name="average")(x)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, fake_unit(x), name=name)


def opened(
    base: keras.Model, inputs, preprocessing: Preprocessing, with_weights: bool
) -> keras.Model:
    """Returns `base` on `inputs`, with our preprocessing and each of its parts a plain layer.

    Keras' normalization layer forgets its mean when a network is copied, and rounds pixels in
    mixed precision. Networks inside the network cannot be frozen layer by layer, sums that are
    no layers have no precision of their own, and a convolution of as many groups as channels is
    compiled by XLA on CPUs, which takes long and no other engine reads.
    """
    pairs: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []
    left = [preprocessing.layer()]

    def copy(layer):
        if isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization):
            return left.pop() if left else _unchanged
        if isinstance(layer, keras.Sequential):
            copies = [copy(inner) for inner in layer.layers]
            return lambda x, **_: reduce(lambda value, inner: inner(value), copies, x)
        if not isinstance(layer, keras.layers.Layer):
            return lambda *addends: keras.layers.Add(name=layer.name)(addends)
        pairs.append((layer, _plain_copy(layer)))
        return pairs[-1][1]

    opened = keras.models.clone_model(base, input_tensors=inputs, clone_function=copy)
    if with_weights:
        for original, copied in pairs:
            values = zip(original.get_weights(), copied.weights, strict=True)
            copied.set_weights([value.reshape(weight.shape) for value, weight in values])
    return opened


def _plain_copy(layer: keras.layers.Layer) -> keras.layers.Layer:
    if getattr(layer, "groups", 1) == 1:
        return type(layer).from_config(layer.get_config())
    return keras.layers.DepthwiseConv2D(layer.kernel_size, padding=layer.padding, name=layer.name)


def _unchanged(x, **_):
    return x


def _turn_channels(base: keras.Model) -> None:
    first = next(layer for layer in base.layers if isinstance(layer, keras.layers.Conv2D))
    first.kernel.assign(first.kernel.numpy()[:, :, ::-1, :])


BUILDERS = {
    "vgg16": vgg16,
    "vgg19": vgg19,
    "xception": xception,
    "efficientnet": efficientnet,
    "mobilenet_v2": mobilenet_v2,
    "convnext_tiny": convnext_tiny,
}
