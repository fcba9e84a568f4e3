"""What is behind and below a face: the backdrop, the neck and the clothes."""

from __future__ import annotations

import cv2
import numpy as np

from .head import Grid, clouds, step
from .people import Light, Person, linear


def backdrop(rng: np.random.Generator, size: int) -> np.ndarray:
    """Returns an out-of-focus background, linear RGB float32 [size, size, 3]."""
    axis = np.linspace(0, 1, size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    angle = rng.uniform(0, 2 * np.pi)
    blend = step(x * np.cos(angle) + y * np.sin(angle), -0.5, 1.2)[..., None]
    first, second = (_muted(rng) for _ in "ab")
    picture = (first * blend + second * (1 - blend)).astype(np.float32)
    for _ in range(int(rng.integers(0, 9))):
        colour = _muted(rng).tolist()
        centre = [int(value) for value in rng.uniform(0, size, 2)]
        extent = [max(2, int(value)) for value in rng.uniform(0.05, 0.35, 2) * size]
        layer = picture.copy()
        if rng.uniform() < 0.5:
            corner = (centre[0] + extent[0], centre[1] + 2 * extent[1])
            cv2.rectangle(layer, tuple(centre), corner, colour, -1)
        else:
            cv2.circle(layer, tuple(centre), extent[0] // 2, colour, -1)
        strength = rng.uniform(0.25, 0.8)
        picture = picture + strength * (layer - picture)
    picture = picture * (1 + 0.05 * clouds(rng, (size, size), 12))[..., None]
    blur = size * rng.uniform(0.012, 0.06)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), blur), 0.002, 1.2)


def _muted(rng: np.random.Generator) -> np.ndarray:
    """A colour as walls, trees and streets have it: mostly grey."""
    return linear(tuple(np.clip(rng.uniform(15, 235) + rng.normal(0, 24, 3), 5, 250)))


def bust(person: Person, light: Light, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Returns neck and clothes as lit colour [N, N, 3] and coverage [N, N] on the grid."""
    u, v = grid.u, grid.v
    rng = np.random.default_rng([person.texture_seed, 4])
    edge = 1.5 / grid.per_unit
    neck_wide = (0.40 + 0.10 * person.jaw) + 0.28 * step(v, 0.9, 1.6) ** 2
    neck = step(np.abs(u), neck_wide + edge, neck_wide - edge) * step(v, 0.2, 0.3)
    line = {"round": 1.30, "open": 1.42, "high": 1.16}[person.collar]
    dip = np.sqrt(np.clip(1 - (u / 0.62) ** 2, 0, 1)) * (0.10 if person.collar != "open" else 0.0)
    dip = dip + (np.clip(0.5 - np.abs(u), 0, 1) * 0.7 if person.collar == "open" else 0.0)
    shoulder = line - 0.08 + 0.32 * np.clip(np.abs(u) - 0.35, 0, 2) ** 1.5
    cloth = step(v - np.maximum(shoulder, line - 0.12 + dip), -edge, edge)
    depth = np.sqrt(np.clip(1 - (u / np.maximum(neck_wide, 0.1)) ** 2, 0.04, 1))
    facing = np.clip(light.direction[0] * u / neck_wide + light.direction[2] * depth + 0.3, 0, 1.4)
    under_chin = 1 - 0.75 * step(v, 1.42, 0.95) * step(np.abs(u), 0.62, 0.2)
    key, sky = np.float32(light.key), np.float32(light.sky)
    lit = (facing * under_chin * 0.6)[..., None] * key + (0.25 + 0.45 * under_chin)[..., None] * sky
    flesh = np.float32(person.skin) * np.float32([1.0, 0.93, 0.9]) * lit
    weave = 1 + 0.05 * clouds(rng, u.shape, 60) + 0.12 * clouds(rng, u.shape, 7)
    if rng.uniform() < 0.25:
        weave = weave * (1 + 0.3 * np.sign(np.sin(v * rng.uniform(25, 60))))
    hang = np.clip(0.65 + 0.5 * light.direction[0] * u, 0.1, 1.4) * (
        1 - 0.3 * step(v - line, 0.12, 0)
    )
    fabric = (weave * hang)[..., None] * (np.float32(person.clothes) * (0.55 * key + 0.7 * sky))
    colour = flesh + cloth[..., None] * (fabric - flesh)
    return colour.astype(np.float32), np.maximum(neck, cloth).astype(np.float32)
