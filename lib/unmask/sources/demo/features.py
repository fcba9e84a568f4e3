"""The moving parts of a face: eyes, brows and mouth, painted and sculpted onto a head's maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .head import Grid, bump, step
from .people import Moment, Person, linear


@dataclass(eq=False)
class Surface:
    """What the light falls on, float32 on the grid; the features change these maps in place.

    `height` [N, N]; `albedo` [N, N, 3] linear; `gloss` [N, N]; `shade` [N, N] factor for light
    that does not get in (mouth, lashes, under the upper lid).
    """

    height: np.ndarray
    albedo: np.ndarray
    gloss: np.ndarray
    shade: np.ndarray

    def crop(self, area: tuple[slice, slice]) -> Surface:
        """Returns the part of the maps in `area`."""
        return Surface(self.height[area], self.albedo[area], self.gloss[area], self.shade[area])


def paint_features(surface: Surface, person: Person, moment: Moment, grid: Grid, lit_from: tuple):
    """Paints brows, eyes and mouth onto `surface`. `lit_from` is the direction of the light."""
    _brows(surface, person, moment, grid)
    for side in (-1, 1):
        _eye(surface, person, moment, grid, side, lit_from)
    _mouth(surface, person, moment, grid)


def _mix(target: np.ndarray, colour: np.ndarray, amount: np.ndarray) -> None:
    target += amount[..., None] * (colour - target)


def _brows(surface: Surface, person: Person, moment: Moment, grid: Grid) -> None:
    eye_v = person.eye_height - 0.035 * moment.brows_up
    colour = np.asarray(person.hair, dtype=np.float32) * 0.6 + 0.006
    rng = np.random.default_rng([person.texture_seed, 3])
    for side in (-1, 1):
        area = grid.window(*sorted((side * 0.02, side * 0.62)), -0.5, 0.05)
        u, v = grid.u[area] * side, grid.v[area]
        along = (u - 0.1) / 0.42
        arch = 0.06 * person.brow_arch * (1 - ((along - 0.62) / 0.62) ** 2)
        centre = eye_v - person.brow_height - arch + 0.03 * (1 - along)
        thick = 0.038 * person.brow_weight * (1 - 0.65 * np.clip(along, 0, 1) ** 1.6)
        inside = np.exp(-0.5 * ((v - centre) / (0.62 * thick + 0.004)) ** 4)
        inside = inside * step(along, -0.12, 0.1) * step(along, 1.06, 0.85)
        strokes = np.sin((u * 1.0 + 0.75 * (v - centre)) * 150 + rng.uniform(0, 6, 1)) * 0.16 + 0.84
        amount = np.clip(inside * strokes * (0.62 + 0.3 * person.brow_weight), 0, 0.93)
        _mix(surface.albedo[area], colour, amount)
        surface.gloss[area] *= 1 - 0.8 * inside
        surface.height[area] += 0.008 * inside * strokes


def _eye(
    surface: Surface, person: Person, moment: Moment, grid: Grid, side: int, lit_from: tuple
) -> None:
    reach = person.eye_width + 0.1
    middle = side * person.eye_spacing
    area = grid.window(
        middle - reach, middle + reach, person.eye_height - 0.22, person.eye_height + 0.2
    )
    u, v = grid.u[area], grid.v[area]
    out = (u - middle) * side  # grows towards the temple
    down = v - person.eye_height + person.eye_tilt * out
    along = np.clip(out / person.eye_width, -1, 1)
    arc = 1 - along**2
    lean = 1 - 0.18 * along
    narrow = 1 - 0.25 * max(0.0, moment.smile)
    raised = -person.eye_opening * arc**0.72 * lean * min(1.35, moment.eyes_open) * narrow
    lower = 0.72 * person.eye_opening * arc**0.9 * (1 + 0.2 * along) * narrow
    closed = max(0.0, 1 - moment.eyes_open * 1.6) ** 1.5
    upper = raised * (1 - closed) + (lower - 0.006) * closed
    edge = 0.8 / grid.per_unit
    opening = step(down - upper, -edge, edge) * step(lower - down, -edge, edge)
    opening = opening * step(np.abs(out), person.eye_width + edge, person.eye_width - edge)
    _lids(surface, area, person, (out, down, upper, lower, arc))
    ball = _eyeball(person, moment, side, (out, down), edge)
    _mix(surface.albedo[area], ball, opening)
    surface.gloss[area] *= 1 - 0.85 * opening
    surface.shade[area] *= 1 - 0.62 * opening * step(down - upper, 0.06, -0.005)
    look_u, look_v = moment.gaze[0] * 0.055 * side, moment.gaze[1] * 0.05
    spark_at = (look_u + 0.04 * side * lit_from[0], look_v + 0.034 * lit_from[1] - 0.006)
    spark = bump(out, down, spark_at, 0.0125, 0.0125) * opening
    surface.albedo[area] += (2.2 * spark)[..., None]


def _lids(surface: Surface, area: tuple, person: Person, eye: tuple) -> None:
    """Lid folds, lash lines and the wet lower rim around an eye."""
    out, down, upper, lower, arc = eye
    near = step(np.abs(out), person.eye_width + 0.03, person.eye_width - 0.05)
    skin = np.asarray(person.skin, dtype=np.float32)
    fold = np.exp(-0.5 * ((down - (upper - 0.034 - 0.012 * arc)) / 0.010) ** 2) * near
    surface.height[area] -= 0.010 * fold
    _mix(surface.albedo[area], skin * 0.55, 0.45 * fold)
    lid = np.exp(-0.5 * ((down - (upper - 0.016)) / 0.014) ** 2) * near
    surface.height[area] += 0.014 * lid
    rim = np.exp(-0.5 * ((down - (lower + 0.012)) / 0.013) ** 2) * near
    surface.height[area] += 0.010 * rim
    lash_colour = np.asarray(person.hair, dtype=np.float32) * 0.15 + 0.004
    thick = 0.0085 + 0.006 * np.clip(out / person.eye_width, -0.6, 1)
    lashes = np.exp(-0.5 * ((down - upper + 0.003) / thick) ** 2) * near
    _mix(surface.albedo[area], lash_colour, np.clip(0.95 * lashes, 0, 1))
    under = np.exp(-0.5 * ((down - lower - 0.004) / 0.006) ** 2) * near
    _mix(surface.albedo[area], skin * 0.35, 0.5 * under)
    surface.gloss[area] *= 1 - np.clip(lashes + 0.5 * under, 0, 1)


def _eyeball(person: Person, moment: Moment, side: int, eye: tuple, edge: float) -> np.ndarray:
    """Sclera, iris and pupil as albedo [h, w, 3]."""
    out, down = eye
    look_u, look_v = moment.gaze[0] * 0.055 * side, moment.gaze[1] * 0.05
    radius = np.hypot(out - look_u, down - look_v)
    size = 0.47 * person.eye_width
    white = np.array([0.37, 0.35, 0.335], dtype=np.float32)
    corner = 1 - 0.45 * step(np.abs(out), 0.3 * person.eye_width, 1.05 * person.eye_width)
    ball = white * corner[..., None]
    inner = step(out, -0.72 * person.eye_width, -0.98 * person.eye_width)
    _mix(ball, np.array([0.42, 0.2, 0.17], dtype=np.float32), 0.8 * inner)
    turn = np.arctan2(down - look_v, out - look_u)
    fibres = 1 + 0.14 * np.sin(turn * 9) * np.sin(turn * 23 + 1.3)
    glow = 0.75 + 0.75 * step(down - look_v, -size, size)
    ring = 1 - 0.7 * step(radius, 0.72 * size, 0.98 * size)
    iris = np.asarray(person.iris, dtype=np.float32) * (fibres * glow * ring)[..., None]
    _mix(ball, iris, step(radius, size + edge, size - edge))
    pupil = step(radius, 0.42 * size + edge, 0.42 * size - edge)
    _mix(ball, np.full(3, 0.004, dtype=np.float32), pupil)
    return ball


def _mouth(surface: Surface, person: Person, moment: Moment, grid: Grid) -> None:
    wide = person.mouth_width * (1 + 0.2 * moment.smile - 0.12 * moment.mouth_open)
    area = grid.window(
        -wide - 0.15, wide + 0.15, person.mouth_height - 0.22, person.mouth_height + 0.36
    )
    u, v = grid.u[area], grid.v[area]
    across = np.clip(np.abs(u) / wide, 0, 1)
    arc = 1 - across**2
    line = person.mouth_height - 0.075 * moment.smile * across**2 + 0.006 * np.cos(across * 7) * arc
    gap = 0.15 * min(1.2, moment.mouth_open) * arc**0.75
    top, bottom = line - 0.25 * gap, line + 0.75 * gap
    stretch = 1 - 0.22 * max(0.0, moment.smile)
    bow = 0.016 * np.exp(-0.5 * (u / 0.035) ** 2)
    upper = top - person.upper_lip * stretch * arc**0.8 * (1 - 0.15 * across) + bow
    lower = bottom + person.lower_lip * stretch * arc**0.85
    edge = 0.9 / grid.per_unit
    within = step(np.abs(u), wide + 0.012, wide - 0.02)
    up = step(v - upper, -1.6 * edge, 1.6 * edge) * step(top - v, -edge, edge) * within
    low = step(v - bottom, -edge, edge) * step(lower - v, -2.2 * edge, 2.2 * edge) * within
    _lips(surface, area, person, (u, v, up, low, top, bottom, upper, lower))
    hollow = step(v - top, -edge, edge) * step(bottom - v, -edge, edge) * within
    hollow = hollow * step(gap, 0.006, 0.02)
    _inside_mouth(surface, area, (u, v, top, bottom, wide), hollow)
    seam = np.exp(-0.5 * ((v - 0.5 * (top + bottom)) / 0.0085) ** 2) * step(across, 1.02, 0.9)
    seam = seam * step(gap, 0.03, 0.0)
    _mix(surface.albedo[area], np.asarray(person.lips, dtype=np.float32) * 0.16, 0.85 * seam)
    surface.height[area] -= 0.02 * seam
    corner = bump(np.abs(u), v, (wide, person.mouth_height - 0.075 * moment.smile), 0.022, 0.02)
    surface.height[area] -= 0.022 * corner
    surface.shade[area] *= 1 - 0.35 * corner


def _lips(surface: Surface, area: tuple, person: Person, mouth: tuple) -> None:
    u, v, up, low, top, bottom, upper, lower = mouth
    colour = np.asarray(person.lips, dtype=np.float32)
    creases = 1 + 0.09 * np.sin(u * 160 + 3 * np.sin(u * 37))
    _mix(surface.albedo[area], colour * (0.82 * creases)[..., None], 0.9 * up)
    _mix(surface.albedo[area], colour * creases[..., None], 0.85 * low)
    roll_up = np.clip((v - upper) / np.maximum(top - upper, 0.012), 0, 1)
    roll_low = np.clip((v - bottom) / np.maximum(lower - bottom, 0.012), 0, 1)
    surface.height[area] += 0.034 * up * np.sqrt(np.clip(np.sin(np.pi * roll_up), 0, 1))
    surface.height[area] += 0.055 * low * np.sqrt(np.clip(np.sin(np.pi * roll_low), 0, 1))
    surface.gloss[area] += 0.75 * low - 0.1 * up


def _inside_mouth(surface: Surface, area: tuple, mouth: tuple, hollow: np.ndarray) -> None:
    u, v, top, bottom, wide = mouth
    _mix(surface.albedo[area], linear((92, 34, 34)) * 0.4, hollow)
    teeth = hollow * step(v - top, 0.058, 0.048) * step(np.abs(u), 0.86 * wide, 0.7 * wide)
    gaps = 1 - 0.2 * np.exp(-0.5 * ((np.abs(u * 17) % 1 - 0.5) / 0.09) ** 2)
    ivory = np.array([0.68, 0.63, 0.54], dtype=np.float32) * gaps[..., None]
    _mix(surface.albedo[area], ivory, teeth)
    tongue = hollow * step(v - bottom, -0.05, -0.015) * step(np.abs(u), 0.8 * wide, 0.4 * wide)
    _mix(surface.albedo[area], linear((150, 72, 72)), 0.7 * tongue * (1 - teeth))
    surface.height[area] -= 0.03 * hollow
    surface.gloss[area] *= 1 - 0.7 * hollow
    surface.shade[area] *= 1 - hollow * (0.65 - 0.45 * teeth)
