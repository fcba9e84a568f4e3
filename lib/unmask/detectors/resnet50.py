"""ResNet50 (He et al., 2015, arXiv:1512.03385) with one sigmoid unit, and where its weights are."""

from __future__ import annotations

import hashlib
import socket
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import h5py
import keras

from ..errors import DataError, UsageError
from ..runs import sha256_file

SMALLEST = 32
OFFICIAL_NAME = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
OFFICIAL_MD5 = "4d473c1dd8becc155b73f8504c6f6626"
OFFICIAL_URL = (
    f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{OFFICIAL_NAME}"
)
# Red, green, blue means of ImageNet, which the published weights expect to be taken off.
IMAGENET_MEAN = (123.68, 116.779, 103.939)
RANDOM_NOTICE = (
    "ResNet50 started from random weights: {reason}. Its numbers say little about ResNet50 with "
    "ImageNet weights."
)
ASKED_FOR = "the profile asks for it"
NOT_FOUND = "its ImageNet weights were neither in Keras' folder nor could they be downloaded"


@dataclass(frozen=True)
class FoundWeights:
    """Where ResNet50's first weights come from.

    Attributes:
        path: the HDF5 file, or None for random weights.
        sha256: the hash of that file, "" for random weights.
        notice: a sentence to put in front of the reader, else "".
    """

    path: Path | None
    sha256: str = ""
    notice: str = ""


def resnet50(
    input_shape: tuple[int, int, int], *, weights: str | Path = "random", dropout: float = 0.2
) -> keras.Model:
    """ResNet50, global average pooling, dropout and one sigmoid unit.

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
    if min(input_shape[:2]) < SMALLEST or input_shape[2] != 3:
        raise UsageError(
            f"ResNet50 cannot take pictures of shape {tuple(input_shape)}.",
            expected=f"at least {SMALLEST}x{SMALLEST} pixels and 3 channels",
        )
    inputs = keras.Input(input_shape, name="pixels")
    offset = [-mean for mean in IMAGENET_MEAN]
    centred = keras.layers.Rescaling(1.0, offset=offset, name="less_imagenet_mean")(inputs)
    backbone = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=centred)
    if weights != "random":
        found = find_imagenet_weights(weights)
        if found.path is not None:
            _load(backbone, found.path)
    x = keras.layers.GlobalAveragePooling2D(name="average")(backbone.output)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    outputs = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="fake")(x)
    return keras.Model(inputs, outputs, name="resnet50")


def find_imagenet_weights(setting: str | Path, cache_dir: str | Path | None = None) -> FoundWeights:
    """Finds the weights that a setting asks for, downloading them where it can.

    Args:
        setting: "random"; "imagenet"; "imagenet_or_random", which falls back with a notice;
            or the path of a file.
        cache_dir: Keras' folder, ~/.keras when None; the file lies in its `models/`.

    Raises:
        DataError: the file is missing, is not HDF5, differs from the published one of its
            name, or is neither here nor to be downloaded.
    """
    if setting == "random":
        return FoundWeights(None, notice=RANDOM_NOTICE.format(reason=ASKED_FOR))
    if setting not in ("imagenet", "imagenet_or_random"):
        return _checked(Path(setting).expanduser())
    home = Path(cache_dir) if cache_dir else Path.home() / ".keras"
    target = home / "models" / OFFICIAL_NAME
    if target.exists() and _md5(target) == OFFICIAL_MD5:
        return _checked(target)
    try:
        return _checked(_download(home))
    except OSError as error:
        if setting == "imagenet_or_random":
            return FoundWeights(None, notice=RANDOM_NOTICE.format(reason=NOT_FOUND))
        raise DataError(
            f"ResNet50's ImageNet weights are not at {target} and could not be downloaded "
            f"({error}).",
            expected=f"the file {OFFICIAL_NAME} (md5 {OFFICIAL_MD5})",
            fix=f"fetch {OFFICIAL_URL} elsewhere and put it there, or set weights to the path "
            "of a file, to imagenet_or_random, or to random",
        ) from error


def _checked(path: Path) -> FoundWeights:
    if not path.is_file():
        raise DataError(
            f"There is no file of weights at {path}.",
            expected="a path, or imagenet, imagenet_or_random, random",
        )
    if path.name == OFFICIAL_NAME and _md5(path) != OFFICIAL_MD5:
        raise DataError(
            f"{path} is damaged: its md5 is {_md5(path)}.",
            expected=f"md5 {OFFICIAL_MD5}, as published",
            fix="fetch it again, or give a file of your own another name",
        )
    if not h5py.is_hdf5(path):
        raise DataError(f"{path} is not an HDF5 file.", expected="weights saved by Keras as .h5")
    return FoundWeights(path, sha256_file(path))


def _download(home: Path) -> Path:
    _ask_server()
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(30)
    try:
        # The parent of `cache_subdir` is made writable-checked by Keras; it must exist.
        home.mkdir(parents=True, exist_ok=True)
        return Path(
            keras.utils.get_file(
                OFFICIAL_NAME,
                OFFICIAL_URL,
                cache_dir=str(home),
                cache_subdir="models",
                file_hash=OFFICIAL_MD5,
            )
        )
    except OSError:
        raise
    except Exception as error:  # Keras wraps every failure of the network in a bare Exception.
        raise OSError(str(error)) from error
    finally:
        socket.setdefaulttimeout(before)


def _ask_server(seconds: float = 8.0) -> None:
    """Raises OSError when the server does not answer soon.

    In a thread because looking a name up obeys no timeout.
    """
    outcome: list[Exception | None] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(OFFICIAL_URL, method="HEAD")
            urllib.request.urlopen(request, timeout=seconds).close()
            outcome.append(None)
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise OSError(f"no answer in {seconds:.0f} seconds")
    if outcome[0] is not None:
        raise OSError(str(outcome[0])) from outcome[0]


def _load(backbone: keras.Model, path: Path) -> None:
    try:
        backbone.load_weights(path)
    except (ValueError, KeyError, OSError) as error:
        raise DataError(
            f"{path} does not hold the weights of ResNet50 without its top.",
            expected="a file saved by keras.applications.ResNet50(include_top=False)",
        ) from error
    first = backbone.get_layer("conv1_conv")
    kernel, bias = first.get_weights()
    first.set_weights([kernel[:, :, ::-1, :], bias])


def _md5(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
