"""How light falls on skin and hair: normals, cast shadows, occlusion and the two shadings."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .features import Surface
from .hair import Hair
from .people import Light


@dataclass(frozen=True, eq=False)
class Rays:
    """A light as the turned head meets it: unit vectors float32 [3] in the head's own axes.

    `toward` the light; `half` between light and lens; `fill` towards the fill light; `up` the
    sky; `lens` the camera.
    """

    light: Light
    toward: np.ndarray
    half: np.ndarray
    fill: np.ndarray
    up: np.ndarray
    lens: np.ndarray


@dataclass(frozen=True, eq=False)
class Relief:
    """A heightfield's answer to light: `normal` [3, N, N]; `open_sky` and `lit` [N, N], 0..1."""

    normal: np.ndarray
    open_sky: np.ndarray
    lit: np.ndarray

    def crop(self, area: tuple[slice, slice]) -> Relief:
        """Returns the part of the maps in `area`."""
        return Relief(self.normal[(slice(None), *area)], self.open_sky[area], self.lit[area])

    def facing(self, direction: np.ndarray) -> np.ndarray:
        """Returns the cosine between the surface and a direction."""
        x, y, z = (float(value) for value in direction)
        return x * self.normal[0] + y * self.normal[1] + z * self.normal[2]


def rays_of(light: Light, turn: np.ndarray) -> Rays:
    """Returns the light for a head turned by the 3x3 matrix `turn`."""
    back = turn.T.astype(np.float32)
    toward = back @ np.float32(light.direction)
    lens = back @ np.float32([0, 0, 1])
    fill = back @ np.float32([-light.direction[0], 0.0, 0.6])
    up = back @ np.float32([0, -1, 0])
    half = toward + lens
    return Rays(light, toward, half / np.linalg.norm(half), fill / np.linalg.norm(fill), up, lens)


def relief_of(height: np.ndarray, toward: np.ndarray, per_unit: float) -> Relief:
    """Returns normals, occlusion and cast shadows of a height map [N, N] in head units."""
    across = cv2.Scharr(height, cv2.CV_32F, 1, 0) * (per_unit / 32)
    down = cv2.Scharr(height, cv2.CV_32F, 0, 1) * (per_unit / 32)
    flat = 1 / np.sqrt(1 + across * across + down * down)
    normal = np.stack([-across * flat, -down * flat, flat])
    return Relief(normal, _openness(height, per_unit), _sunlight(height, toward, per_unit))


def _openness(height: np.ndarray, per_unit: float) -> np.ndarray:
    """Ambient occlusion: how far a point lies below its surroundings, as a factor 0..1."""
    near = cv2.GaussianBlur(height, (0, 0), 0.035 * per_unit) - height
    small = cv2.resize(height, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    far = cv2.GaussianBlur(small, (0, 0), 0.035 * per_unit)
    far = cv2.resize(far, height.shape[::-1], interpolation=cv2.INTER_LINEAR) - height
    closed = 7.0 * np.clip(near, 0, 0.1) + 1.6 * np.clip(far - 0.01, 0, 0.25)
    return np.clip(1 - closed, 0.3, 1)


def _sunlight(height: np.ndarray, toward: np.ndarray, per_unit: float) -> np.ndarray:
    """Soft cast shadows (nose, brow, fringe): 1 lit, 0 dark, by marching towards the light."""
    small = cv2.resize(height, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    blocked = np.zeros_like(small)
    sideways = max(1e-3, float(np.hypot(toward[0], toward[1])))
    slope, heading = float(toward[2]) / sideways, toward[:2] / sideways
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for distance in (0.05, 0.09, 0.14, 0.2, 0.28, 0.38):
        offset = heading * distance * per_unit / 2
        matrix = np.float32([[1, 0, offset[0]], [0, 1, offset[1]]])
        ahead = cv2.warpAffine(
            small, matrix, small.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        over = ahead - small - (slope * distance + 0.015)
        blocked = np.maximum(blocked, over / (0.05 + 0.25 * distance))
    soft = cv2.GaussianBlur(np.clip(blocked, 0, 1), (0, 0), 0.012 * per_unit)
    return 1 - 0.88 * cv2.resize(soft, height.shape[::-1], interpolation=cv2.INTER_LINEAR)


def light_skin(surface: Surface, relief: Relief, rays: Rays) -> np.ndarray:
    """Returns lit skin, linear RGB float32 [h, w, 3]: soft terminator, two highlights, rim."""
    light, open_sky = rays.light, relief.open_sky
    facing = relief.facing(rays.toward)
    fill = np.clip(relief.facing(rays.fill), 0, 1)
    up = 0.5 + 0.5 * relief.facing(rays.up)
    albedo_factor = surface.shade * (0.55 + 0.45 * open_sky)
    glint = np.clip(relief.facing(rays.half), 0, 1) ** 2
    broad = glint * glint
    broad = broad * broad
    narrow = broad * broad
    shine = surface.gloss * surface.shade * (0.045 * broad + 0.11 * narrow * narrow) * relief.lit
    edge = 1 - np.clip(relief.facing(rays.lens), 0, 1)
    rim = edge * edge * edge * (0.03 * open_sky * surface.shade)
    colour = np.empty_like(surface.albedo)
    # Light travels furthest in skin where it is red, so red wraps furthest around the terminator.
    for channel, (wrap, dark) in enumerate(((0.34, 0.84), (0.2, 0.96), (0.15, 1.0))):
        key, sky = light.key[channel], light.sky[channel]
        direct = np.clip((facing + wrap) / (1 + wrap), 0, 1) * (1 - dark * (1 - relief.lit)) * key
        ground = light.ground[channel]
        ambient = (ground + (sky - ground) * up) * open_sky
        total = (direct + fill * light.fill[channel] + ambient) * albedo_factor
        colour[..., channel] = surface.albedo[..., channel] * total + shine * key + rim * sky
    return colour


def light_hair(hair: Hair, relief: Relief, rays: Rays) -> np.ndarray:
    """Returns lit hair, linear RGB float32 [N, N, 3].

    Strands after Kajiya and Kay (1989): light by the angle to the strand, not to the surface.
    """
    light, normal, strand = rays.light, relief.normal, hair.strand
    tilt = -(strand[..., 0] * normal[0] + strand[..., 1] * normal[1]) / np.maximum(normal[2], 0.15)
    length = np.sqrt(1 + tilt * tilt)

    def across(direction: np.ndarray) -> np.ndarray:
        x, y, z = (float(value) for value in direction)
        along = (x * strand[..., 0] + y * strand[..., 1] + z * tilt) / length
        return np.clip(1 - along * along, 0, 1)

    facing = np.clip((relief.facing(rays.toward) + 0.3) / 1.3, 0, 1) * relief.lit
    spread = np.sqrt(across(rays.toward)) * facing
    shine = across(rays.half) ** 2
    shine = shine * shine
    shine = shine * shine * shine * facing
    up = 0.5 + 0.5 * relief.facing(rays.up)
    open_sky = relief.open_sky**1.5
    colour = np.empty_like(hair.albedo)
    for channel in range(3):
        key, sky, ground = light.key[channel], light.sky[channel], light.ground[channel]
        own = hair.albedo[..., channel]
        ambient = (ground + (sky - ground) * up) * open_sky
        colour[..., channel] = own * (spread * key + ambient) + (0.3 * own + 0.014) * shine * key
    return colour
