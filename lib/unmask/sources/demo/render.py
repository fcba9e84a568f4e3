"""From a person, a moment and a light to a lit picture, as the lens would see it.

The face is a heightfield on a frontal grid. It is lit there with the normals of the turned head,
and then seen from the turned side by solving, per picture element, which point of the heightfield
lands on it (a fixed-point iteration; fine for the mild turns of a portrait).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .features import Surface, paint_features
from .hair import Hair, hair_of
from .head import HALF_SPAN, Grid, Head, grid_of, head_of, step
from .people import Light, Moment, Person
from .scene import bust

SCREEN_SPAN = 1.36  # half the picture shows this many head units at scale 1
SCREEN_CENTRE = -0.06


@dataclass(frozen=True, eq=False)
class View:
    """How a picture sees the grid: for each picture element a grid position, float32 [M, M, 2].

    `head` follows the turned head, `body` the unturned shoulders. M is twice the picture's size.
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
    # The pivot is the neck, a little behind and below the middle of the head.
    depth = cv2.GaussianBlur(_relief(person, size), (0, 0), 0.02 * grid.per_unit)
    u, v = x, y
    for _ in range(4):
        column, row = (u + HALF_SPAN) * grid.per_unit, (v + HALF_SPAN) * grid.per_unit
        lift = cv2.remap(depth, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        lift = lift - 0.25
        free_x, free_y = x - turn[0, 2] * lift, y - turn[1, 2] * lift
        u = back[0, 0] * free_x + back[0, 1] * free_y
        v = back[1, 0] * free_x + back[1, 1] * free_y
    head = np.stack([u, v], -1)
    body = np.stack([x - 0.2 * turn[0, 2], y], -1)
    place = [
        cv2.resize((part + HALF_SPAN) * grid.per_unit, (2 * size, 2 * size))
        for part in (head, body)
    ]
    return View(place[0].astype(np.float32), place[1].astype(np.float32), size)


def _relief(person: Person, size: int) -> np.ndarray:
    """The height used for parallax: the face, falling off smoothly beyond its outline."""
    grid = grid_of(size)
    ring = np.hypot(grid.u / (1.15 * person.head_width), (grid.v - 0.05) / 1.3)
    dome = 0.86 * np.clip(1 - ring**2, 0, 1) ** 0.8
    nose = head_of(person, size).height - 0.86
    central = step(np.hypot(grid.u, grid.v - 0.1), 0.5, 0.25)
    return (dome + np.clip(nose, 0, 0.3) * central).astype(np.float32)


def project(layer: np.ndarray, where: np.ndarray, size: int) -> np.ndarray:
    """Returns a grid map [N, N, C] as seen by the picture, [size, size, C]."""
    wide = cv2.remap(layer, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(wide, (size, size), interpolation=cv2.INTER_AREA)


def paint_head(person: Person, moment: Moment, light: Light, size: int) -> np.ndarray:
    """Returns the lit head with its hair on the grid: premultiplied RGBA float32 [N, N, 4]."""
    grid, head, hair = grid_of(size), head_of(person, size), hair_of(person, size)
    turn = rotation(moment)
    toward = turn.T @ np.asarray(light.direction, dtype=np.float32)
    surface = _surface(person, moment, grid, head, hair)
    paint_features(surface, person, moment, grid, tuple(toward))
    hidden = hair.cover
    height = surface.height + hidden * np.maximum(hair.height - surface.height, 0.02)
    normal = _normals(height, grid.per_unit)
    open_sky = _openness(height, grid.per_unit)
    lit = _shadow(height, toward, grid.per_unit)
    flesh = _skin_light(surface, normal, turn, light, toward, (open_sky, lit))
    locks = _hair_light(hair, normal, light, toward, turn, (open_sky, lit))
    colour = flesh + hidden[..., None] * (locks - flesh)
    cover = np.maximum(head.inside, hidden)
    return np.dstack([colour * cover[..., None], cover]).astype(np.float32)


def paint_scene(
    person: Person, moment: Moment, light: Light, background: np.ndarray, view: View
) -> np.ndarray:
    """Returns the whole lit scene, linear RGB float32 [size, size, 3]."""
    size = view.size
    grid, hair = grid_of(size), hair_of(person, size)
    colour, cover = bust(person, light, grid)
    dark = np.float32(0.16) * np.float32(light.key) + np.float32(0.27) * np.float32(light.sky)
    layers = np.dstack([hair.albedo * dark * hair.behind[..., None], hair.behind]).astype(
        np.float32
    )
    chest = np.dstack([colour * cover[..., None], cover])
    picture = background
    for layer, where in (
        (layers, view.head),
        (chest, view.body),
        (paint_head(person, moment, light, size), view.head),
    ):
        seen = project(layer, where, size)
        picture = picture * (1 - seen[..., 3:]) + seen[..., :3]
    return picture.astype(np.float32)


def _surface(person: Person, moment: Moment, grid: Grid, head: Head, hair: Hair) -> Surface:
    smile = moment.smile
    height = head.height - 0.012 * max(0.0, smile) * head.lines
    if smile > 0:
        for side in (-1, 1):
            spot = ((grid.u - side * 0.4) / 0.15) ** 2 + ((grid.v - 0.2) / 0.12) ** 2
            height = height + 0.045 * smile * np.exp(-0.5 * spot)
    beard = hair.beard[..., None]
    colour = np.asarray(person.hair, dtype=np.float32) * 0.8 + 0.004
    albedo = head.skin + beard * (colour - head.skin)
    gloss = head.gloss * (1 - 0.85 * hair.beard)
    return Surface(height, albedo, gloss, np.ones_like(height))


def _normals(height: np.ndarray, per_unit: float) -> np.ndarray:
    across = cv2.Scharr(height, cv2.CV_32F, 1, 0) * (per_unit / 32)
    down = cv2.Scharr(height, cv2.CV_32F, 0, 1) * (per_unit / 32)
    length = np.sqrt(1 + across * across + down * down)
    return np.stack([-across / length, -down / length, 1 / length])


def _openness(height: np.ndarray, per_unit: float) -> np.ndarray:
    """Ambient occlusion: how far a point lies below its surroundings, as a factor 0..1."""
    near = cv2.GaussianBlur(height, (0, 0), 0.035 * per_unit) - height
    small = cv2.resize(height, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    far = cv2.GaussianBlur(small, (0, 0), 0.035 * per_unit)
    far = cv2.resize(far, height.shape[::-1], interpolation=cv2.INTER_LINEAR) - height
    closed = 7.0 * np.clip(near, 0, 0.1) + 1.6 * np.clip(far - 0.01, 0, 0.25)
    return np.clip(1 - closed, 0.3, 1)


def _shadow(height: np.ndarray, toward: np.ndarray, per_unit: float) -> np.ndarray:
    """Soft cast shadows (nose, brow, fringe): 1 lit, 0 dark, by marching towards the light."""
    small = cv2.resize(height, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    blocked = np.zeros_like(small)
    slope = toward[2] / max(1e-3, float(np.hypot(toward[0], toward[1])))
    heading = toward[:2] / max(1e-3, float(np.hypot(toward[0], toward[1])))
    for distance in (0.05, 0.09, 0.14, 0.2, 0.28, 0.38):
        offset = heading * distance * per_unit / 2
        matrix = np.float32([[1, 0, offset[0]], [0, 1, offset[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        ahead = cv2.warpAffine(
            small, matrix, small.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        over = ahead - small - slope * distance - 0.015
        blocked = np.maximum(blocked, over / (0.05 + 0.25 * distance))
    soft = cv2.GaussianBlur(np.clip(blocked, 0, 1), (0, 0), 0.012 * per_unit)
    soft = cv2.resize(soft, height.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return 1 - 0.88 * soft


def _skin_light(
    surface: Surface,
    normal: np.ndarray,
    turn: np.ndarray,
    light: Light,
    toward: np.ndarray,
    blocked: tuple,
) -> np.ndarray:
    open_sky, lit = blocked
    facing = np.tensordot(toward, normal, 1)
    # Light travels furthest in skin where it is red, so red wraps furthest around the terminator.
    wrapped = np.stack([np.clip((facing + w) / (1 + w), 0, 1) for w in (0.34, 0.2, 0.15)], -1)
    lit_colour = 1 - (1 - lit)[..., None] * np.float32([0.84, 0.96, 1.0])
    away = turn.T @ np.float32([-light.direction[0], 0.0, 0.6])
    fill = np.clip(np.tensordot(away / np.linalg.norm(away), normal, 1), 0, 1)
    up = 0.5 - 0.5 * np.tensordot(turn[1], normal, 1)
    ambient = up[..., None] * np.float32(light.sky) + (1 - up)[..., None] * np.float32(light.ground)
    total = wrapped * lit_colour * np.float32(light.key) + fill[..., None] * np.float32(light.fill)
    total = (total + ambient * open_sky[..., None]) * surface.shade[..., None]
    colour = surface.albedo * total * (0.55 + 0.45 * open_sky)[..., None]
    half = toward + turn.T @ np.float32([0, 0, 1])
    half /= np.linalg.norm(half)
    glint = np.clip(np.tensordot(half, normal, 1), 0, 1) ** 2
    broad = glint**4
    shine = surface.gloss * surface.shade * (0.045 * broad + 0.11 * broad**4) * lit
    rim = (
        (1 - np.clip(np.tensordot(turn[2], normal, 1), 0, 1)) ** 3 * 0.03 * open_sky * surface.shade
    )
    return (
        colour + shine[..., None] * np.float32(light.key) + rim[..., None] * np.float32(light.sky)
    )


def _hair_light(
    hair: Hair,
    normal: np.ndarray,
    light: Light,
    toward: np.ndarray,
    turn: np.ndarray,
    blocked: tuple,
) -> np.ndarray:
    """Strands after Kajiya and Kay (1989): light by the angle to the strand, not to the surface."""
    open_sky, lit = blocked
    tilt = -(hair.strand[..., 0] * normal[0] + hair.strand[..., 1] * normal[1]) / np.maximum(
        normal[2], 0.15
    )
    length = np.sqrt(1 + tilt * tilt)
    half = toward + turn.T @ np.float32([0, 0, 1])
    half /= np.linalg.norm(half)

    def along(direction: np.ndarray) -> np.ndarray:
        flat = hair.strand[..., 0] * direction[0] + hair.strand[..., 1] * direction[1]
        return (flat - tilt * -direction[2]) / length

    facing = np.clip((np.tensordot(toward, normal, 1) + 0.3) / 1.3, 0, 1)
    spread = np.sqrt(np.clip(1 - along(toward) ** 2, 0, 1)) * facing
    shine = np.clip(1 - along(half) ** 2, 0, 1) ** 14 * facing
    up = (0.5 - 0.5 * np.tensordot(turn[1], normal, 1))[..., None]
    ambient = up * np.float32(light.sky) + (1 - up) * np.float32(light.ground)
    direct = (spread * lit)[..., None] * np.float32(light.key)
    colour = hair.albedo * (direct + ambient * (open_sky**1.5)[..., None])
    tint = (0.3 * hair.albedo + 0.014) * (shine * lit)[..., None]
    return colour + tint * np.float32(light.key)
