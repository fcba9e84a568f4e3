"""ResNet50 (He et al., 2015, arXiv:1512.03385) with one sigmoid unit, and where its weights are."""

from __future__ import annotations

from pathlib import Path

import keras

from ..errors import DataError
from .pretrained import FoundWeights, find_weights, path_in_cache, published
from .transfer import CAFFE, transfer

OFFICIAL_NAME, OFFICIAL_MD5 = published("resnet50").name, published("resnet50").digest


def resnet50(
    input_shape: tuple[int, int, int], *, weights: str | Path = "random", dropout: float = 0.2
) -> keras.Model:
    """ResNet50, global average pooling, dropout and one sigmoid unit.

    Source: He, Zhang, Ren and Sun, 2015, Deep residual learning for image recognition,
    arXiv:1512.03385.

    The published weights want blue-green-red pixels less ImageNet's mean. The mean is taken off
    inside the model; the channel order is turned in the first kernel, which is the same sum
    and needs no layer.

    Args:
        input_shape: height, width, 3; at least 32x32.
        weights: "random", "imagenet" (see `find_imagenet_weights`) or the path of a file made by
            keras.applications.ResNet50(include_top=False).
        dropout: share of the features dropped while training.

    Raises:
        UsageError: pictures smaller than 32x32 or not of 3 channels.
        DataError: the weights are missing, damaged or of another network.
    """
    return transfer("resnet50", keras.applications.ResNet50, input_shape, CAFFE, weights, dropout)


def find_imagenet_weights(setting: str | Path, cache_dir: str | Path | None = None) -> FoundWeights:
    """Finds the weights that a setting asks for, downloading them where it can.

    `pretrained.find_weights` for ResNet50: see there for the arguments and the errors. One setting
    more: "imagenet_or_none", which gives `missing` and a notice where they cannot be had.
    """
    if setting != "imagenet_or_none":
        return find_weights("resnet50", setting, cache_dir)
    try:
        return find_weights("resnet50", "imagenet", cache_dir)
    except DataError as error:
        what = error.what.replace(str(Path.home()), "~")  # pages are shown to others
        notice = f"ResNet50 was not trained. {what} To train it, {error.fix}; then run again."
        missing = path_in_cache(published("resnet50"), cache_dir)
        return FoundWeights(None, notice=notice, missing=missing)
