"""The still parts of a face: a heightfield (skull, nose, brow, ears) and the colour of its skin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from .people import Person

HALF_SPAN = 1.6  # the canonical grid shows u and v from -1.6 to 1.6 head units
CROWN = -1.12


@dataclass(frozen=True, eq=False)
class Grid:
    """Canonical coordinates, float32 [N, N]: `u` right, `v` down; and the pixels per unit."""

    u: np.ndarray
    v: np.ndarray
    per_unit: float

    def window(self, left: float, right: float, top: float, bottom: float) -> tuple[slice, slice]:
        """Returns the slices (rows, columns) that cover a box given in head units."""
        last = self.u.shape[0]
        edges = [int((edge + HALF_SPAN) * self.per_unit) for edge in (top, bottom, left, right)]
        low = [max(0, min(last, edge)) for edge in edges]
        return slice(low[0], low[1] + 1), slice(low[2], low[3] + 1)


@dataclass(frozen=True, eq=False)
class Head:
    """What stays the same from picture to picture of one person, all float32 on the grid.

    `height` [N, N] head units; `skin` [N, N, 3] linear albedo; `inside` [N, N] 0..1 coverage;
    `gloss` [N, N] strength of the highlight; `lines` [N, N] deepened by a smile.
    """

    height: np.ndarray
    skin: np.ndarray
    inside: np.ndarray
    gloss: np.ndarray
    lines: np.ndarray


@lru_cache(maxsize=4)
def grid_of(size: int) -> Grid:
    """Returns the canonical grid for pictures of `size` pixels."""
    count = round(1.6 * size)
    axis = np.linspace(-HALF_SPAN, HALF_SPAN, count, dtype=np.float32)
    u, v = np.meshgrid(axis, axis)
    return Grid(u, v, (count - 1) / (2 * HALF_SPAN))


def step(value: np.ndarray, start: float, end: float) -> np.ndarray:
    """Returns the smooth step from 0 at `start` to 1 at `end` (either order)."""
    part = np.clip((value - start) / (end - start), 0.0, 1.0)
    return part * part * (3 - 2 * part)


def bump(u: np.ndarray, v: np.ndarray, at: tuple[float, float], wide: float, tall: float):
    """Returns a Gaussian hill of height 1 at `at`."""
    return np.exp(-0.5 * (((u - at[0]) / wide) ** 2 + ((v - at[1]) / tall) ** 2))


def clouds(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> np.ndarray:
    """Returns smooth noise of unit variance, float32 `shape`, about `cells` blobs across."""
    coarse = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    field = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return field / max(1e-6, float(field.std()))


def half_width(person: Person, v: np.ndarray) -> np.ndarray:
    """Returns the half width of the head at height `v`; 0 above the crown and below the chin."""
    upper = np.clip(v / CROWN, 0.0, 1.0)
    lower = np.clip(v / person.chin, 0.0, 1.0)
    above = np.sqrt(1 - upper**2.5)
    power = 2.7 + 2.4 * person.jaw
    below = np.sqrt(1 - lower**power) * (1 - (0.42 - 0.24 * person.jaw) * lower**1.2)
    return person.head_width * above * below


@lru_cache(maxsize=4)
def head_of(person: Person, size: int) -> Head:
    """Returns the still maps of a person (kept for the last few people)."""
    grid = grid_of(size)
    rng = np.random.default_rng([person.texture_seed, 1])
    inside, skull = _skull(person, grid)
    height = skull + _features(person, grid) * np.minimum(1, 3 * skull)
    lines = _smile_lines(person, grid)
    height = height - (0.010 * person.age + 0.002) * lines - _wrinkles(person, grid, rng)
    pores = rng.standard_normal(height.shape).astype(np.float32)
    pores = cv2.GaussianBlur(pores, (0, 0), 1.0)
    height = height + (0.0016 + 0.0012 * person.age) * pores
    skin, gloss = _complexion(person, grid, rng)
    return Head(height.astype(np.float32), skin, inside, gloss, lines)


def _skull(person: Person, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    u, v = grid.u, grid.v
    wide = half_width(person, v)
    edge = 1.5 / grid.per_unit
    inside = step(wide - np.abs(u), 0.0, edge)
    across = np.clip(np.abs(u) / np.maximum(wide, 1e-3), 0.0, 1.0)
    down = np.clip(v / person.chin, 0.0, 1.0)
    up = np.clip(v / CROWN, 0.0, 1.0)
    height = 0.86 * np.sqrt(1 - across**2.3) * np.sqrt(1 - down**7) * np.sqrt(1 - up**3)
    for side in (-1, 1):
        ear_u, ear_v = side * (person.head_width + 0.035), 0.06
        ring = np.sqrt(
            ((u - ear_u + side * 0.05 * (v - ear_v)) / 0.085) ** 2 + ((v - ear_v) / 0.2) ** 2
        )
        ear = step(ring, 1.0 + 0.5 * edge / 0.1, 1.0 - 0.5 * edge / 0.1)
        relief = (
            0.16
            + 0.09 * np.clip(1 - ring, 0, 1) ** 0.5
            - 0.11 * np.exp(-0.5 * ((ring - 0.4) / 0.22) ** 2)
        )
        height = np.where(ear > inside, relief, height)
        inside = np.maximum(inside, ear)
    return inside, height


def _features(person: Person, grid: Grid) -> np.ndarray:
    """Brow ridge, sockets, nose, cheeks, muzzle and chin as hills on the skull."""
    u, v = grid.u, grid.v
    eye_u, eye_v = person.eye_spacing, person.eye_height
    brow_v = eye_v - person.brow_height
    height = np.zeros_like(u)
    strength = 0.5 + 0.5 * person.jaw
    for side in (-1, 1):
        height += 0.045 * strength * bump(u, v, (side * 0.26, brow_v + 0.03), 0.2, 0.065)
        height -= 0.085 * bump(u, v, (side * (eye_u - 0.02), eye_v - 0.01), 0.17, 0.105)
        height -= 0.05 * bump(u, v, (side * 0.13, eye_v - 0.03), 0.06, 0.09)
        height += 0.055 * bump(u, v, (side * eye_u, eye_v), 0.105, 0.085)
        height += 0.055 * person.cheeks * bump(u, v, (side * 0.43, eye_v + 0.3), 0.15, 0.12)
        height -= 0.05 * (1.2 - person.cheeks) * bump(u, v, (side * 0.47, 0.48), 0.14, 0.18)
    height += 0.06 * bump(u, v, (0, person.mouth_height), 0.2, 0.2)
    height += 0.06 * bump(u, v, (0, person.chin - 0.13), 0.13 + 0.06 * person.jaw, 0.09)
    height -= 0.03 * bump(u, v, (0, person.mouth_height + 0.17), 0.17, 0.045)
    return height + _nose(person, grid)


def nose_base(person: Person) -> float:
    """Returns the v of the underside of the nose."""
    return person.eye_height + person.nose_length


def _nose(person: Person, grid: Grid) -> np.ndarray:
    u, v = grid.u, grid.v
    base, wide_at = nose_base(person), person.nose_width
    top = person.eye_height - 0.12
    along = np.clip((v - top) / (base - 0.07 - top), 0.0, 1.0)
    wide = 0.05 + 0.3 * wide_at * along**1.5
    under = base + 0.012 - 0.045 * np.clip(np.abs(u) / wide_at, 0, 1.2) ** 2
    end = step(v, under + 0.02, under - 0.055)
    ridge = (0.05 + (person.nose_depth - 0.07) * along**1.2) * np.exp(-0.5 * (u / wide) ** 2)
    nose = ridge * end * step(v, top - 0.1, top + 0.12)
    tip = (0.0, base - 0.055)
    nose += 0.36 * person.nose_depth * bump(u, v, tip, 0.045 + 0.2 * wide_at, 0.05) * end
    for side in (-1, 1):
        wing = (side * 0.98 * wide_at, base - 0.035)
        nose += 0.5 * person.nose_depth * bump(u, v, wing, 0.038, 0.042)
    return nose - 0.016 * bump(u, v, (0, base + 0.08), 0.024, 0.05)


def _smile_lines(person: Person, grid: Grid) -> np.ndarray:
    """The folds from the nose wings past the corners of the mouth, 0..1."""
    u, v = grid.u, grid.v
    start, end = nose_base(person) - 0.06, person.mouth_height + 0.12
    along = np.clip((v - start) / (end - start), 0.0, 1.0)
    at = (
        person.nose_width
        + 0.06
        + (person.mouth_width - 0.05 - 0.3 * person.nose_width) * along**0.8
    )
    body = step(v, start - 0.03, start + 0.06) * step(v, end + 0.04, end - 0.1)
    return (np.exp(-0.5 * ((np.abs(u) - at) / 0.022) ** 2) * body).astype(np.float32)


def _wrinkles(person: Person, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    u, v = grid.u, grid.v
    brow_v = person.eye_height - person.brow_height
    wobble = 0.02 * clouds(rng, u.shape, 7)
    waves = np.maximum(0, np.sin((v + wobble + 0.06 * u**2) * 62)) ** 2
    forehead = waves * step(v, brow_v - 0.06, brow_v - 0.16) * step(np.abs(u), 0.5, 0.25)
    bags = np.zeros_like(u)
    for side in (-1, 1):
        ring = np.hypot((u - side * person.eye_spacing) / 0.17, (v - person.eye_height) / 0.125)
        bags += np.exp(-0.5 * ((ring - 1) / 0.13) ** 2) * step(
            v, person.eye_height, person.eye_height + 0.06
        )
    old = max(0.0, person.age - 0.25)
    return 0.010 * old * forehead + (0.004 + 0.018 * old) * bags


def _complexion(
    person: Person, grid: Grid, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Albedo and gloss: blood in cheeks and nose, shade under the eyes, freckles, mottling."""
    u, v = grid.u, grid.v
    base = nose_base(person)
    red = 0.8 * bump(u, v, (0, base - 0.06), 0.1, 0.07) + 0.35 * bump(
        u, v, (0, person.chin - 0.1), 0.14, 0.1
    )
    dark = np.zeros_like(u)
    for side in (-1, 1):
        red += bump(u, v, (side * 0.4, 0.24), 0.17, 0.14)
        red += 1.2 * step(np.abs(u), person.head_width - 0.02, person.head_width + 0.08) * 0.5
        dark += bump(
            u, v, (side * (person.eye_spacing - 0.03), person.eye_height + 0.1), 0.12, 0.05
        )
        dark += 0.8 * bump(
            u, v, (side * (person.eye_spacing - 0.02), person.eye_height - 0.07), 0.14, 0.06
        )
    red += 0.3 * clouds(rng, u.shape, 9)
    tone = 1 + 0.035 * clouds(rng, u.shape, 14) + 0.025 * clouds(rng, u.shape, 45)
    tone -= (0.07 + 0.1 * person.age) * dark
    spots = clouds(rng, u.shape, 60) * step(np.abs(v - 0.15), 0.55, 0.2)
    tone -= 0.22 * min(1.0, person.freckles) * step(spots, 1.1, 1.9)
    for side in (-1, 1):
        tone -= 0.8 * bump(u, v, (side * 0.56 * person.nose_width, base - 0.004), 0.026, 0.013)
    for _ in range(int(rng.integers(0, 4))):
        at = (rng.uniform(-0.5, 0.5), rng.uniform(-0.45, 0.8))
        tone -= 0.45 * bump(u, v, at, 0.016, 0.016)
    blood = 0.14 * person.blush * red
    skin = np.stack(
        [tone * (1 + 0.25 * blood), tone * (1 - 0.75 * blood), tone * (1 - 0.6 * blood)], -1
    )
    gloss = 0.5 + 0.5 * bump(u, v, (0, 0.0), 0.14, 0.4) + 0.3 * bump(u, v, (0, -0.45), 0.35, 0.15)
    gloss += 0.08 * clouds(rng, u.shape, 40)
    skin = skin * np.asarray(person.skin, dtype=np.float32)
    return np.clip(skin, 0.004, 1).astype(np.float32), gloss.astype(np.float32)
