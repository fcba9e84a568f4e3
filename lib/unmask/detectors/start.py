"""How a network of any kind begins: with which weights, and how it is fitted best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError, UsageError
from ..runs import resolve, sha256_file
from . import classical
from .pretrained import PUBLISHED, SETTINGS, find_weights
from .registry import options as options_of

METHODS = ("auto", "gradient", "linear_head")
# Networks whose weights are published under the name of another.
SAME_WEIGHTS = {"resnet50_no_downsampling": "resnet50"}


@dataclass(frozen=True)
class Start:
    """What a network begins with.

    Attributes:
        options: for `build`, the weights among them.
        sha256: of the file of weights, "" for random ones.
        words: the weights in a few words, for the reader.
        notice: a sentence to put in front of the reader, else "".
    """

    options: dict[str, Any]
    sha256: str = ""
    words: str = "random weights"
    notice: str = ""


def find_start(network: str, weights: str, options: Mapping[str, Any] | None = None) -> Start:
    """Returns how `network` begins when `weights` are asked for.

    Args:
        network: one of `names()`.
        weights: "random", "imagenet", "imagenet_or_random" (random ones for a network that
            ImageNet never taught) or the path of a file.
        options: the network's own, see `options`, without the weights.

    Raises:
        UsageError: unknown network, weights for a network that takes none, or weights among the
            options, where nothing would be known of them.
        DataError: weights that cannot be had.
    """
    options = dict(options or {})
    takes_weights = "weights" in options_of(network)
    if "weights" in options:
        raise UsageError(
            f"The weights of {network} are among its options.",
            expected="options without weights",
            fix=f"give them beside the options, as weights: {options['weights']}",
        )
    published = SAME_WEIGHTS.get(network, network)
    if published in PUBLISHED:
        variant = {name: options[name] for name in ("variant", "alpha") if name in options}
        setting = weights if weights in SETTINGS else resolve(weights)
        found = find_weights(published, setting, **variant)
        words = f"weights of {found.path.name}" if found.path else Start.words
        path = found.path or "random"
        return Start({**options, "weights": path}, found.sha256, words, found.notice)
    if weights in ("random", "imagenet_or_random"):
        return Start(options)
    if weights == "imagenet" or not takes_weights:
        raise UsageError(
            f"The network {network} has no {weights} weights.",
            expected="weights: random" + (", or the path of a file" if takes_weights else ""),
        )
    path = Path(resolve(weights))
    if not path.is_file():
        raise DataError(f"There is no file of weights at {path}.", expected="a path, or random")
    return Start({**options, "weights": path}, sha256_file(path), f"weights of {path.name}")


def method_of(network: str, method: str) -> str:
    """Returns how to fit a network: "gradient" or "linear_head".

    Args:
        network: one of `names()`.
        method: one of `METHODS`; "auto" is a linear head for hand-made features, else gradient.
    """
    if method != "auto":
        return method
    return "linear_head" if network in classical.BUILDERS else "gradient"
