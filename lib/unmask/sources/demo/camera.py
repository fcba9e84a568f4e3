"""The one camera and the one JPEG encoder that every picture goes through, real or fake.

Order: `develop` (lens, exposure, colour, tone), `grain` (the sensor), then, for fakes only, the
manipulation, then `finish` (a second, weaker noise and JPEG), which is the same for both classes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Camera:
    """Settings of one shot.

    `exposure` factor; `balance` gain per channel; `defocus` in pixels per 160; `vignette` loss in
    the corners 0..1; `contrast` of the tone curve; `shot` and `read` noise, both in units of
    8-bit levels at mid grey; `quality` of the JPEG.
    """

    exposure: float
    balance: tuple[float, float, float]
    defocus: float
    vignette: float
    contrast: float
    shot: float
    read: float
    quality: int


def draw_camera(rng: np.random.Generator) -> Camera:
    """Returns the settings of one shot."""
    warm, green = rng.normal(0, 0.05), rng.normal(0, 0.02)
    return Camera(
        exposure=float(np.exp(rng.normal(0, 0.16))),
        balance=(float(1 + warm), float(1 + green), float(1 - warm)),
        defocus=float(rng.uniform(0.25, 0.65)),
        vignette=float(rng.uniform(0, 0.35)),
        contrast=float(rng.uniform(1.0, 1.4)),
        shot=float(rng.uniform(2.0, 4.5)),
        read=float(rng.uniform(0.8, 2.0)),
        quality=int(rng.integers(78, 97)),
    )


def meter(scene: np.ndarray) -> float:
    """Returns the gain that brings the middle of a scene most of the way to mid grey."""
    size = scene.shape[0]
    middle = scene[size // 5 : size * 4 // 5, size // 4 : size * 3 // 4].mean(-1)
    return float((0.23 / max(0.02, float(np.mean(middle)))) ** 0.6)


def develop(scene: np.ndarray, camera: Camera, gain: float) -> np.ndarray:
    """Returns the noise-free picture of a linear scene: float32 [size, size, 3], 0..255.

    Args:
        scene: linear RGB float32 [size, size, 3].
        camera: the settings of the shot.
        gain: from `meter`, so that two renderings of one shot are exposed alike.
    """
    size = scene.shape[0]
    light = cv2.GaussianBlur(scene, (0, 0), camera.defocus * size / 160)
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    corner = (axis[:, None] ** 2 + axis[None, :] ** 2) / 2
    light = light * (1 - camera.vignette * corner)[..., None]
    light = np.clip(light * (gain * camera.exposure * np.float32(camera.balance)), 0, None)
    # A shoulder instead of clipping, then the display gamma and an S-curve around mid grey.
    light = light * (1 + light / 6.25) / (1 + light)
    tone = np.clip(light * 1.35, 0, 1) ** (1 / 2.2)
    curved = tone + (camera.contrast - 1) * 0.9 * (tone - 0.46) * tone * (1 - tone) * 4
    grey = curved.mean(-1, keepdims=True)
    vivid = grey + 1.15 * (curved - grey)
    return np.clip(vivid * 255, 0, 255).astype(np.float32)


def grain(picture: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Returns the noise of the sensor for a developed picture, float32 of its shape.

    Shot noise grows with the light; interpolating the colour mosaic makes neighbours alike.
    """
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.55) * 1.75
    brightness = np.sqrt(np.clip(picture, 4, 255) / 118)
    return noise * np.sqrt((camera.shot * brightness) ** 2 + camera.read**2) * 0.7


def finish(picture: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Returns the picture as 8-bit RGB, after the last, weak noise: uint8 [size, size, 3]."""
    noise = rng.standard_normal(picture.shape, dtype=np.float32) * (0.35 * camera.read)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def encode(picture: np.ndarray, camera: Camera) -> bytes:
    """Returns the JPEG bytes of an 8-bit RGB picture (baseline, 4:2:0, no metadata)."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=camera.quality, subsampling=2)
    return stream.getvalue()
