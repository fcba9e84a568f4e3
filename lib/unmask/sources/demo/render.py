"""From a person, a moment and a light to a lit picture, as the lens would see it.

The face is a heightfield on a frontal grid. It is lit there with the normals of the turned head,
and then seen from the turned side by solving, per picture element, which point of the heightfield
lands on it (a fixed-point iteration; fine for the mild turns of a portrait).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from .features import Surface, paint_features
from .hair import Hair, hair_of
from .head import CROWN, HALF_SPAN, Grid, Head, bump, grid_of, head_of, step
from .lighting import light_hair, light_skin, rays_of, relief_of
from .people import Light, Moment, Person
from .scene import bust

SCREEN_SPAN = 1.36  # half the picture shows this many head units at scale 1
SCREEN_CENTRE = -0.06


@dataclass(frozen=True, eq=False)
class View:
    """How a picture sees the grid: for each picture element a grid position, float32 [M, M, 2].

    `head` follows the turned head; `body` the unturned shoulders, on a grid half as fine. M is
    twice the picture's size.
    """

    head: np.ndarray
    body: np.ndarray
    size: int


def rotation(moment: Moment) -> np.ndarray:
    """Returns the 3x3 matrix of a head turned by roll, pitch and yaw (in that order)."""
    (cy, sy), (cp, sp), (cr, sr) = (
        (np.cos(a), np.sin(a)) for a in (moment.yaw, moment.pitch, moment.roll)
    )
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (roll @ pitch @ yaw).astype(np.float32)


def view_of(person: Person, moment: Moment, size: int) -> View:
    """Returns where each picture element looks at the grid."""
    grid, half = grid_of(size), size // 2
    axis = (np.arange(half, dtype=np.float32) + 0.5) / half * 2 - 1
    x, y = np.meshgrid(axis, axis)
    x = (x - moment.shift[0]) * SCREEN_SPAN / moment.scale
    y = (y - moment.shift[1]) * SCREEN_SPAN / moment.scale + SCREEN_CENTRE
    turn = rotation(moment)
    back = np.linalg.inv(turn[:2, :2])
    depth = _relief(person, size)
    u, v = x, y
    for _ in range(4):
        column, row = (u + HALF_SPAN) * grid.per_unit, (v + HALF_SPAN) * grid.per_unit
        lift = cv2.remap(depth, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        lift = lift - 0.25  # the pivot is a little behind the middle of the head
        free_x, free_y = x - turn[0, 2] * lift, y - turn[1, 2] * lift
        u = back[0, 0] * free_x + back[0, 1] * free_y
        v = back[1, 0] * free_x + back[1, 1] * free_y
    head = np.stack([u, v], -1)
    body = np.stack([x - 0.2 * turn[0, 2], y], -1)
    coarse = grid_of(size // 2)
    wide = [
        cv2.resize((part + HALF_SPAN) * scale, (2 * size, 2 * size))
        for part, scale in ((head, grid.per_unit), (body, coarse.per_unit))
    ]
    return View(wide[0].astype(np.float32), wide[1].astype(np.float32), size)


@lru_cache(maxsize=4)
def _relief(person: Person, size: int) -> np.ndarray:
    """The height used for parallax: the face, falling off smoothly beyond its outline."""
    grid = grid_of(size)
    ring = np.hypot(grid.u / (1.15 * person.head_width), (grid.v - 0.05) / 1.3)
    dome = 0.86 * np.clip(1 - ring**2, 0, 1) ** 0.8
    nose = head_of(person, size).height - 0.86
    central = step(np.hypot(grid.u, grid.v - 0.1), 0.5, 0.25)
    relief = (dome + np.clip(nose, 0, 0.3) * central).astype(np.float32)
    return cv2.GaussianBlur(relief, (0, 0), 0.02 * grid.per_unit)


def project(layer: np.ndarray, where: np.ndarray, size: int) -> np.ndarray:
    """Returns a grid map [N, N, C] as seen by the picture, [size, size, C]."""
    wide = cv2.remap(layer, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(wide, (size, size), interpolation=cv2.INTER_AREA)


def paint_head(person: Person, moment: Moment, light: Light, size: int) -> np.ndarray:
    """Returns the lit head with its hair on the grid: premultiplied RGBA float32 [N, N, 4]."""
    grid, head, hair = grid_of(size), head_of(person, size), hair_of(person, size)
    rays = rays_of(light, rotation(moment))
    surface = _surface(person, moment, grid, head, hair)
    paint_features(surface, person, moment, grid, tuple(rays.toward))
    height = surface.height + hair.cover * np.maximum(hair.height - surface.height, 0.02)
    relief = relief_of(height, rays.toward, grid.per_unit)
    painted = np.empty((*height.shape, 4), dtype=np.float32)
    painted[..., 3] = np.maximum(head.inside, hair.cover)
    painted[..., :3] = light_hair(hair, relief, rays) * hair.cover[..., None]
    skin = grid.window(-0.95, 0.95, CROWN - 0.03, 1.2)
    flesh = light_skin(surface.crop(skin), relief.crop(skin), rays)
    painted[..., :3][skin] += flesh * (painted[..., 3] - hair.cover)[skin][..., None]
    return painted


def paint_scene(
    person: Person, moment: Moment, light: Light, background: np.ndarray, view: View
) -> np.ndarray:
    """Returns the whole lit scene, linear RGB float32 [size, size, 3]."""
    size = view.size
    hair = hair_of(person, size)
    colour, cover = bust(person, light, grid_of(size // 2))
    dark = np.float32(0.16) * np.float32(light.key) + np.float32(0.27) * np.float32(light.sky)
    layers = [
        (np.dstack([hair.albedo * dark * hair.behind[..., None], hair.behind]), view.head),
        (np.dstack([colour * cover[..., None], cover]), view.body),
        (paint_head(person, moment, light, size), view.head),
    ]
    picture = background
    for layer, where in layers if hair.behind.any() else layers[1:]:
        seen = project(layer, where, size)
        picture = picture * (1 - seen[..., 3:]) + seen[..., :3]
    return picture.astype(np.float32)


def _surface(person: Person, moment: Moment, grid: Grid, head: Head, hair: Hair) -> Surface:
    smile = max(0.0, moment.smile)
    height = head.height - (0.012 * smile) * head.lines
    for side in (-1, 1):
        cheek = grid.window(side * 0.4 - 0.45, side * 0.4 + 0.45, -0.15, 0.55)
        height[cheek] += (
            0.045 * smile * bump(grid.u[cheek], grid.v[cheek], (side * 0.4, 0.2), 0.15, 0.12)
        )
    if person.beard == "none":
        return Surface(height, head.skin.copy(), head.gloss.copy(), np.ones_like(height))
    colour = np.float32(person.hair) * np.float32(0.8) + np.float32(0.004)
    albedo = head.skin + hair.beard[..., None] * (colour - head.skin)
    gloss = head.gloss * (1 - 0.85 * hair.beard)
    return Surface(height, albedo, gloss, np.ones_like(height))
