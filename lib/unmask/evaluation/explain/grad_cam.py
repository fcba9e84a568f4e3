"""Grad-CAM: which places of a picture speak for "fake", and which for "real".

Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", arXiv:1610.02391.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import keras
import numpy as np
import tensorflow as tf

from ...errors import UsageError, nearest

EVIDENCE = ("fake", "real")
WEIGHTINGS = ("place", "channel")
SMOOTHING = 32  # a map is smoothed by the picture's side over this
INSIDE = (keras.Function, keras.Sequential)  # networks whose layers can be run one by one


def grad_cam(
    model: keras.Model,
    pictures: np.ndarray,
    *,
    evidence: Sequence[str] = EVIDENCE,
    weighting: str = "place",
    batch_size: int = 16,
) -> dict[str, np.ndarray]:
    """Returns for each kind of evidence a heat map per picture, float32 `[n, height, width]`.

    The map is that of the last layer which still knows places (see `spatial_output`), enlarged to
    the picture, smoothed by a 32nd of its side and divided by its own maximum: 1 is the strongest
    place of that picture, and a picture without any such evidence has a map of zeros. Maps of two
    pictures, or of fake and real, therefore do not tell which evidence is stronger.

    Args:
        model: a network with one sigmoid unit for P(fake).
        pictures: uint8 or float 0..255 `[n, height, width, 3]`.
        evidence: "fake" explains the log-odds of fake, "real" their negative.
        weighting: "channel" is Grad-CAM as published: a channel counts by the mean of its
            gradient over all places. A flattened head reads each place with weights of its own,
            which that mean forgets; "place" keeps them (HiResCAM, Draelos & Carin 2020,
            arXiv:2011.08891) and passed `cover_check` where "channel" did not. Behind a global
            average both give the same map.
        batch_size: pictures at a time.

    Raises:
        UsageError: the network has no layer with places, or an argument is not known.
    """
    _check(evidence, EVIDENCE, "evidence")
    _check([weighting], WEIGHTINGS, "weighting")
    explained = spatial_output(model)
    size = pictures.shape[1:3]
    found: dict[str, list[np.ndarray]] = {kind: [] for kind in evidence}
    for start in range(0, len(pictures), batch_size):
        batch = np.asarray(pictures[start : start + batch_size], dtype=np.float32)
        activations, gradients = _with_gradients(explained, tf.constant(batch))
        if weighting == "channel":
            gradients = gradients.mean(axis=(1, 2), keepdims=True)
        towards_fake = (activations * gradients).sum(axis=3)
        for kind in evidence:
            signed = towards_fake if kind == "fake" else -towards_fake
            found[kind] += [_enlarged(heat, size) for heat in np.maximum(signed, 0)]
    empty = np.zeros((0, *size), dtype=np.float32)
    return {kind: np.stack(maps) if maps else empty for kind, maps in found.items()}


def what_lacks(model: keras.Model, pictures: np.ndarray) -> str:
    """Returns what `grad_cam` lacks to say anything; "" where it can.

    "slope": no place of the pictures moves the score, as in detectors that count (co-occurrences,
    say). "places": nothing inside the network is a map. "faces": the maps of a network that cuts
    the face into crops are of crops.

    Args:
        model: a network with one sigmoid unit for P(fake).
        pictures: uint8 or float 0..255 `[n, height, width, 3]`, a few.
    """
    try:
        explained = spatial_output(model)
    except UsageError:
        return "places"
    batch = tf.constant(np.asarray(pictures, dtype=np.float32))
    places, slopes = _with_gradients(explained, batch)
    if len(places) != len(batch):
        return "faces"
    return "" if np.any(slopes) else "slope"


def spatial_output(model: keras.Model) -> keras.Model:
    """Returns the network as a model from pictures to (last map with places, log-odds of fake).

    The map is the last output `[n, height, width, channels]` with more than one place; networks
    inside the network are looked into. The sigmoid at the end is taken off, for its slope
    vanishes exactly where the network is sure. `model` itself is not changed.

    Raises:
        UsageError: nothing in the network has places, or it does not end in one sigmoid unit.
    """
    last = _last_layer(model)
    maps: list[keras.KerasTensor] = []
    pairs: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def apply(layer, *inputs, **options):
        if isinstance(layer, INSIDE):
            return _run_inside(layer, inputs[0], apply)
        if isinstance(layer, keras.layers.Layer):
            layer = _copied(layer, len(pairs), layer is last, pairs)
        outputs = layer(*inputs, **options)
        if _has_places(outputs):
            maps.append(outputs)
        return outputs

    pixels = keras.Input(model.input_shape[1:], name="explained_pixels")
    log_odds = _run_inside(model, pixels, apply)
    if not maps:
        raise UsageError(
            f"The network {model.name} has no layer that knows places.",
            expected="a convolutional network: some output of height, width and channels",
            fix="explain another detector, or use occlusion maps, which work for any",
        )
    for original, copied in pairs:
        copied.set_weights(original.get_weights())
    return keras.Model(pixels, [maps[-1], log_odds])


def _copied(layer: keras.layers.Layer, number: int, is_last: bool, pairs: list):
    """Returns a layer of the same kind under a name of its own; remembers both in `pairs`."""
    config = {**layer.get_config(), "name": f"explained_{number}"}
    if is_last:
        config["activation"] = "linear"
    pairs.append((layer, type(layer).from_config(config)))
    return pairs[-1][1]


def _run_inside(model: keras.Model, pixels: keras.KerasTensor, apply: Callable):
    """Runs a functional or sequential model on `pixels`, `apply` in place of each layer's call."""
    if isinstance(model, keras.Sequential):
        for layer in model.layers:
            pixels = apply(layer, pixels)
        return pixels
    outputs = []

    def apply_and_keep(layer, *inputs, **options):
        outputs.append(apply(layer, *inputs, **options))
        return outputs[-1]

    bare = keras.Model(model.inputs, model.output)  # a compiled one would clone its optimizer
    keras.models.clone_model(
        bare,
        input_tensors=[pixels],
        clone_function=lambda layer: layer,
        call_function=apply_and_keep,
    )
    return outputs[-1]


def _last_layer(model: keras.Model) -> keras.layers.Layer:
    last = model
    while isinstance(last, INSIDE):
        last = last.layers[-1]
    activation = getattr(last, "activation", None)
    if model.output_shape[-1] != 1 or activation is not keras.activations.sigmoid:
        raise UsageError(
            f"The network {model.name} does not end in one sigmoid unit.",
            expected="one output, P(fake), made by a layer with the activation sigmoid",
        )
    return last


def _has_places(outputs) -> bool:
    shape = getattr(outputs, "shape", ())
    return len(shape) == 4 and None not in shape[1:3] and min(shape[1:3]) > 1


def _with_gradients(explained: keras.Model, pictures: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Returns the last map with places and the slope of the log-odds there, both [b, h, w, c]."""
    with tf.GradientTape() as tape:
        tape.watch(pictures)  # frozen layers would else leave no trace
        places, log_odds = explained(pictures, training=False)
    zero = tf.UnconnectedGradients.ZERO
    slopes = tape.gradient(log_odds, places, unconnected_gradients=zero)
    return places.numpy(), slopes.numpy()


def _enlarged(heat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    heat = cv2.resize(heat.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)
    heat = cv2.GaussianBlur(heat, (0, 0), max(size) / SMOOTHING)
    most = heat.max()
    return heat / most if most > 0 else heat


def _check(asked: Sequence[str], known: Sequence[str], what: str) -> None:
    for name in asked:
        if name not in known:
            raise UsageError(
                f"There is no {what} {name!r}.{nearest(name, known)}",
                expected=f"one of: {', '.join(known)}",
            )
