"""Published ImageNet weights of keras.applications: where they are, and finding them."""

from __future__ import annotations

import hashlib
import socket
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import keras

from ..errors import DataError, UsageError, nearest
from ..runs import sha256_file
from ..session.mounts import attached_files, on_kaggle

SETTINGS = ("random", "imagenet", "imagenet_or_random")
STORE = "https://storage.googleapis.com/"
APPLICATIONS = f"{STORE}tensorflow/keras-applications/"
RANDOM_NOTICE = (
    "{title} started from random weights: {reason}. Its numbers say little about {title} with "
    "ImageNet weights."
)
ASKED_FOR = "the profile asks for it"
NOT_FOUND = "its ImageNet weights were neither in Keras' folder nor could they be downloaded"
NOT_ATTACHED = (
    "its ImageNet weights, {name}, are in nothing that is attached (Add Input > a dataset or model "
    "that holds the file), nor could they be downloaded"
)
ATTACHED_NOTICE = "{title} started from the attached ImageNet weights {path}."
NOT_WHOLE = "{damage}, and no other file of its ImageNet weights could be downloaded"
# Hashes as keras.applications 3.13 carries them; it has none for MobileNetV2.
EFFICIENTNET_MD5 = {
    "b0": "50bc09e76180e00e4465e1a485ddc09d",
    "b1": "74c4e6b3e1f6a1eea24c589628592432",
    "b2": "111f8e2ac8aa800a7a99e3239f7bfb39",
    "b3": "af6d107764bb5b1abb91932881670226",
}
KERNELS = "weights_tf_dim_ordering_tf_kernels_notop.h5"
# title, folder, file and hash of each network; empty where they depend on the variant
PUBLISHED = {
    "resnet50": (
        "ResNet50",
        "resnet",
        f"resnet50_{KERNELS}",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    "vgg16": ("VGG16", "vgg16", f"vgg16_{KERNELS}", "6d6bbae143d832006294945121d1f1fc"),
    "vgg19": ("VGG19", "vgg19", f"vgg19_{KERNELS}", "253f8cb515780f3b799900260a226db6"),
    "xception": ("Xception", "xception", f"xception_{KERNELS}", "b0042744bf5b25fce3cb969f33bebb97"),
    "efficientnet": ("EfficientNet", "", "", ""),
    "mobilenet_v2": ("MobileNetV2", "mobilenet_v2", "", ""),
    "convnext_tiny": (
        "ConvNeXt-Tiny",
        "convnext",
        "convnext_tiny_notop.h5",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
}
MOBILENET_ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)


@dataclass(frozen=True)
class Published:
    """A file of ImageNet weights without the classifier, as keras.applications downloads it.

    Attributes:
        title: the network's name in sentences.
        name: of the file.
        url: where it is published.
        digest: its md5 (32 digits) or sha256 (64), "" where none is published.
    """

    title: str
    name: str
    url: str
    digest: str

    @property
    def algorithm(self) -> str:
        """Which hash `digest` is."""
        return "sha256" if len(self.digest) == 64 else "md5"

    def described(self) -> str:
        """Returns the file's name and hash for a message."""
        return f"{self.name} ({self.algorithm} {self.digest})" if self.digest else self.name

    def damage(self, path: Path) -> str:
        """Returns what to say of the file at `path` when its hash is not the published one.

        That is "" when it is, and where none is published.
        """
        found = _digest(path, self.algorithm) if self.digest else ""
        wrong = f"{path} is damaged: its {self.algorithm} is {found}"
        return wrong if found != self.digest else ""


@dataclass(frozen=True)
class FoundWeights:
    """Where a network's first weights come from.

    Attributes:
        path: the HDF5 file, or None for random weights.
        sha256: the hash of that file, "" for random weights.
        notice: a sentence to put in front of the reader, else "".
        missing: where the file would lie without which nothing shall be trained, else None.
    """

    path: Path | None
    sha256: str = ""
    notice: str = ""
    missing: Path | None = None


def published(network: str, *, variant: str = "b0", alpha: float = 1.0) -> Published:
    """Returns the file of ImageNet weights of a network.

    Args:
        network: one of `PUBLISHED`.
        variant: of efficientnet.
        alpha: of mobilenet_v2.

    Raises:
        UsageError: no such weights are published.
    """
    title, folder, name, digest = _entry(network)
    if network == "efficientnet":
        if variant not in EFFICIENTNET_MD5:
            raise UsageError(
                f"There is no EfficientNet {variant!r} here.",
                expected="variant: one of " + ", ".join(EFFICIENTNET_MD5),
            )
        name = f"efficientnet{variant}_notop.h5"
        url = f"{STORE}keras-applications/{name}"
        return Published(f"{title}-{variant.upper()}", name, url, EFFICIENTNET_MD5[variant])
    if network == "mobilenet_v2":
        if alpha not in MOBILENET_ALPHAS:
            raise UsageError(
                f"No ImageNet weights are published for MobileNetV2 of width {alpha}.",
                expected="alpha: one of " + ", ".join(map(str, MOBILENET_ALPHAS)),
                fix="choose one of these widths, or weights: random",
            )
        name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_224_no_top.h5"
    return Published(title, name, f"{APPLICATIONS}{folder}/{name}", digest)


def _entry(network: str) -> tuple[str, str, str, str]:
    if network not in PUBLISHED:
        raise UsageError(
            f"No ImageNet weights are known for {network!r}.{nearest(network, PUBLISHED)}",
            expected="one of " + ", ".join(PUBLISHED),
        )
    return PUBLISHED[network]


def find_weights(
    network: str, setting: str | Path, cache_dir: str | Path | None = None, **variant
) -> FoundWeights:
    """Finds the weights that a setting asks for, downloading them where it can.

    The published file is looked for in Keras' folder and in what is attached on Kaggle, by its
    name and its hash, before anything is downloaded.

    Example:
        start = find_weights("mobilenet_v2", "imagenet_or_random", alpha=0.35)
        model = build("mobilenet_v2", (128, 128, 3), weights=start.path or "random", alpha=0.35)

    Args:
        network: one of `PUBLISHED`.
        setting: "random"; "imagenet"; "imagenet_or_random", which falls back with a notice;
            or the path of a file.
        cache_dir: Keras' folder, ~/.keras when None; the file lies in its `models/`.
        **variant: which of a family, see `published`.

    Raises:
        UsageError: an unknown network or variant.
        DataError: the file is missing, is not HDF5, differs from the published one of its
            name, or is neither here nor to be downloaded.
    """
    if setting not in SETTINGS:
        return _checked(Path(setting).expanduser())
    title = _entry(network)[0]
    if setting == "random":
        return FoundWeights(None, notice=RANDOM_NOTICE.format(title=title, reason=ASKED_FOR))
    wanted = published(network, **variant)
    home = _keras_home(cache_dir)
    target = path_in_cache(wanted, cache_dir)
    damage = wanted.damage(target) if target.exists() else ""
    if target.exists() and not damage:
        return _checked(target)
    found, damage = _find_attached(wanted, damage)
    if found:
        return found
    try:
        return _checked(_download(wanted, home))
    except OSError as error:
        if setting == "imagenet_or_random":
            reason = _why_random(wanted, damage)
            return FoundWeights(None, notice=RANDOM_NOTICE.format(title=title, reason=reason))
        state = damage or f"{wanted.title}'s ImageNet weights are not at {target}"
        again = "downloaded again" if damage else "downloaded"
        raise DataError(
            f"{state}, and could not be {again} ({error}).",
            expected=f"the file {wanted.described()}",
            fix=f"{_where_to_put(wanted)}, or set weights to the path of a file, to "
            "imagenet_or_random, or to random",
        ) from error


def path_in_cache(wanted: Published, cache_dir: str | Path | None = None) -> Path:
    """Returns where Keras keeps a published file; `cache_dir` as in `find_weights`."""
    return _keras_home(cache_dir) / "models" / wanted.name


def _keras_home(cache_dir: str | Path | None) -> Path:
    return Path(cache_dir) if cache_dir else Path.home() / ".keras"


def _find_attached(wanted: Published, damage: str) -> tuple[FoundWeights | None, str]:
    """Returns what an attached file gives, and what to say of the damaged ones if none does."""
    for path in attached_files(wanted.name):
        wrong = wanted.damage(path)
        if not wrong:
            notice = ATTACHED_NOTICE.format(title=wanted.title, path=path)
            return replace(_checked(path), notice=notice), ""
        damage = damage or wrong
    return None, damage


def _why_random(wanted: Published, damage: str) -> str:
    if damage:
        return NOT_WHOLE.format(damage=damage)
    return NOT_ATTACHED.format(name=wanted.name) if on_kaggle() else NOT_FOUND


def _where_to_put(wanted: Published) -> str:
    if on_kaggle():
        return (
            f"attach a dataset or model that holds {wanted.name} (Add Input), or switch the "
            "internet on (Settings > Turn on internet)"
        )
    return f"fetch {wanted.url} elsewhere and put it there"


def _checked(path: Path) -> FoundWeights:
    if not path.is_file():
        raise DataError(
            f"There is no file of weights at {path}.", expected="a path, or " + ", ".join(SETTINGS)
        )
    official = _all_published().get(path.name)
    damage = official.damage(path) if official else ""
    if damage:
        raise DataError(
            f"{damage}.",
            expected=f"{official.algorithm} {official.digest}, as published",
            fix="fetch it again, or give a file of your own another name",
        )
    if not h5py.is_hdf5(path):
        raise DataError(f"{path} is not an HDF5 file.", expected="weights saved by Keras as .h5")
    return FoundWeights(path, sha256_file(path))


def _all_published() -> dict[str, Published]:
    others = [published(network) for network in PUBLISHED]
    efficientnets = [published("efficientnet", variant=variant) for variant in EFFICIENTNET_MD5]
    return {file.name: file for file in (*others, *efficientnets)}


def _download(wanted: Published, home: Path) -> Path:
    _ask_server(wanted.url)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(30)
    try:
        # The parent of `cache_subdir` is made writable-checked by Keras; it must exist.
        home.mkdir(parents=True, exist_ok=True)
        return Path(
            keras.utils.get_file(
                wanted.name,
                wanted.url,
                cache_dir=str(home),
                cache_subdir="models",
                file_hash=wanted.digest or None,
            )
        )
    except OSError:
        raise
    except Exception as error:  # Keras wraps every failure of the network in a bare Exception.
        raise OSError(str(error)) from error
    finally:
        socket.setdefaulttimeout(before)


def _ask_server(url: str, seconds: float = 8.0) -> None:
    """Raises OSError when the server does not answer soon.

    In a thread because looking a name up obeys no timeout.
    """
    outcome: list[Exception | None] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
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


def _digest(path: Path, algorithm: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(
            stream, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()
