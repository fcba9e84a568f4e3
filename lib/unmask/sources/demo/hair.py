"""Hair and beards: where they grow, how the strands run and what colour they have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from .head import CROWN, Grid, clouds, grid_of, half_width, step
from .people import Person


@dataclass(frozen=True, eq=False)
class Hair:
    """Hair on a head, float32 on the grid.

    `cover` [N, N] 0..1 coverage; `height` [N, N] head units; `albedo` [N, N, 3] linear;
    `strand` [N, N, 2] direction (u, v) of the strands; `beard` [N, N] 0..1 coverage of the skin;
    `behind` [N, N] coverage of the hair that hangs behind head and neck.
    """

    cover: np.ndarray
    height: np.ndarray
    albedo: np.ndarray
    strand: np.ndarray
    beard: np.ndarray
    behind: np.ndarray


@lru_cache(maxsize=4)
def hair_of(person: Person, size: int) -> Hair:
    """Returns the still hair maps of a person (kept for the last few people)."""
    grid = grid_of(size)
    rng = np.random.default_rng([person.texture_seed, 2])
    fibres, strand, across = _strands(person, grid, rng)
    cover, outline = _growth(person, grid, fibres, rng)
    radial = np.clip(outline, 0, 1)
    height = (0.93 + 0.5 * person.hair_volume) * np.sqrt(1 - radial**2.4) + 0.05
    height = height + 0.035 * fibres * (0.4 + person.curl * (person.hair_style == "curly"))
    streaks = 1 + 0.16 * np.sin(across * 5 + 2 * clouds(rng, cover.shape, 5))
    tone = np.clip(0.85 + 0.33 * fibres, 0.25, 1.7) * streaks
    albedo = np.asarray(person.hair, dtype=np.float32) * tone[..., None] + 0.004
    return Hair(
        cover=cover.astype(np.float32),
        height=height.astype(np.float32),
        albedo=albedo.astype(np.float32),
        strand=strand,
        beard=_beard(person, grid, rng),
        behind=_behind(person, grid, fibres),
    )


def _strands(person: Person, grid: Grid, rng: np.random.Generator):
    """Returns fibre noise (unit variance), strand directions and the coordinate across strands."""
    u, v = grid.u, grid.v
    if person.hair_style == "curly":
        curls = clouds(rng, u.shape, 44) + 0.7 * clouds(rng, u.shape, 80)
        fibres = 0.55 * np.sin(2.2 * curls) + 0.35 * clouds(rng, u.shape, 14)
        strand = np.stack([np.cos(3 * curls), np.sin(3 * curls)], -1).astype(np.float32)
        return fibres.astype(np.float32), strand, u
    root_u, root_v = person.parting * person.head_width, CROWN + 0.28
    along = np.hypot(u - root_u, 0.8 * (v - root_v)) + 1e-3
    wave = 0.05 * person.curl * np.sin(along * (9 + 5 * person.curl) + clouds(rng, u.shape, 4))
    across = np.arctan2(u - root_u, v - root_v + 0.25) + wave
    if person.hair_style == "swept":
        across = across + 0.5 * np.sign(person.parting or 1) * along * (v < 0)
    noise = rng.standard_normal((24, 512)).astype(np.float32)
    rows = (along * 3.0 % 1.0 * 23).astype(np.float32)
    fibres = np.zeros_like(u)
    for frequency, weight in ((26, 0.5), (61, 0.6), (110, 0.45)):
        columns = ((across * frequency) % 511).astype(np.float32)
        fibres += weight * cv2.remap(noise, columns, rows * 0.3, cv2.INTER_LINEAR)
    direction = np.stack([(u - root_u) / along, (v - root_v) / along], -1).astype(np.float32)
    return fibres.astype(np.float32), direction, across


def _growth(person: Person, grid: Grid, fibres: np.ndarray, rng: np.random.Generator):
    """Returns coverage and the hair's own outline coordinate (0 middle, 1 edge)."""
    u, v = grid.u, grid.v
    style = person.hair_style
    ragged = 0.022 * fibres + 0.012 * clouds(rng, u.shape, 24)
    outline = _outline(person, grid)
    if style == "bald":
        return np.zeros_like(u), outline
    face_high = 0.15 - person.hairline
    bare = (np.abs(u) / (0.955 * person.head_width)) ** 2.6
    bare = (bare + (np.abs(v - 0.15) / face_high) ** 2.6) ** (1 / 2.6)
    if style == "swept":
        bare = bare + 0.12 * np.sign(person.parting or 1) * u * (v < -0.3)
    edge = 0.035 if style != "buzz" else 0.05
    grown = step(bare + 1.2 * ragged, 1 - edge, 1 + edge)
    reach = {"buzz": 0.0, "short": 0.06, "swept": 0.1, "curly": 0.75}.get(style)
    if reach is not None:
        grown = grown * step(v + ragged, reach + 0.12, reach - 0.04)
        outside = np.abs(u) > half_width(person, np.minimum(v, 0.0)) + person.hair_volume * 0.5
        grown = np.where(outside & (style != "curly"), grown * step(v, -0.02, -0.16), grown)
    else:
        grown = np.maximum(grown * step(v, 0.1, -0.1), _locks(person, grid, ragged))
    if style == "fringe":
        line = person.eye_height - person.brow_height - 0.03 + 0.05 * np.abs(u)
        grown = np.maximum(grown, step(v + 2.6 * ragged, line + 0.03, line - 0.03) * (outline < 1))
    soft = 2.2 / grid.per_unit + (0.03 if style == "curly" else 0.0)
    cover = grown * step(outline + 0.8 * ragged, 1.0 + soft, 1.0 - 0.4 * soft)
    return cover * (0.72 if style == "buzz" else 1.0), outline


def _outline(person: Person, grid: Grid) -> np.ndarray:
    u, v = grid.u, grid.v
    style = person.hair_style
    volume = {"bald": 0.0, "buzz": 0.015, "curly": 0.16 + 2.0 * person.hair_volume}.get(
        style, 0.03 + person.hair_volume
    )
    top = CROWN - volume
    wide = person.head_width + (0.8 if style == "curly" else 0.6) * volume
    if style in ("long", "fringe"):
        wide = wide + 0.10 * step(v, -0.4, 0.7)
        length = 1.55 if style == "long" else 0.8
        high = np.where(v < 0, np.abs(v / top) ** 2.4, np.abs(v / length) ** 8)
    else:
        low = 0.3 + 0.8 * volume if style == "curly" else 0.75 + volume
        high = np.where(v < 0, np.abs(v / top) ** 2.4, np.abs(v / low) ** 2.4)
    return ((np.abs(u) / wide) ** 2.4 + high) ** (1 / 2.4)


def _locks(person: Person, grid: Grid, ragged: np.ndarray) -> np.ndarray:
    """The hair that falls in front of the ears on both sides."""
    inner = person.head_width * (0.93 - 0.08 * person.curl) + 0.05 * step(grid.v, 0.3, 1.2)
    return step(np.abs(grid.u) + ragged, inner - 0.03, inner + 0.03) * step(grid.v, -0.55, -0.3)


def _behind(person: Person, grid: Grid, fibres: np.ndarray) -> np.ndarray:
    if person.hair_style not in ("long", "fringe"):
        return np.zeros_like(grid.u)
    wide = person.head_width - 0.1 + (0.15 + person.hair_volume) * step(grid.v, -0.5, 0.3)
    end = 1.5 if person.hair_style == "long" else 0.85
    inside = step(np.abs(grid.u) + 0.02 * fibres, wide + 0.02, wide - 0.03)
    return (inside * step(grid.v + 0.06 * fibres, end + 0.06, end - 0.06) * (grid.v > -0.5)).astype(
        np.float32
    )


def _beard(person: Person, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Coverage 0..1 of the skin by facial hair."""
    u, v = grid.u, grid.v
    if person.beard == "none":
        return np.zeros_like(u)
    mouth_v, wide = person.mouth_height, person.mouth_width
    lips = np.hypot(u / (1.02 * wide), (v - mouth_v - 0.01) / 0.075)
    off_lips = step(lips, 0.95, 1.15)
    jaw = step(
        v - 0.28 * np.clip(np.abs(u) - wide, 0, 1) - 0.3 * step(np.abs(u), 0.62, 0.45), 0.2, 0.34
    )
    jaw = np.maximum(jaw, step(np.abs(u), 0.6, 0.66) * step(v, 0.05, 0.2))
    base = person.eye_height + person.nose_length
    top = base + 0.03 + 0.07 * np.clip(np.abs(u) / wide, 0, 1.3) ** 2
    tache = step(v, top, top + 0.05) * step(v, mouth_v + 0.07, mouth_v)
    tache = tache * step(np.abs(u), wide + 0.05, wide - 0.08)
    chin = np.hypot(u / (0.85 * wide), (v - person.chin + 0.12) / 0.27)
    parts = {
        "stubble": 0.34 * np.maximum(jaw, tache),
        "full": 0.95 * np.maximum(jaw, tache),
        "goatee": 0.88 * np.maximum(step(chin, 1.1, 0.85), tache),
        "moustache": 0.92 * tache,
    }
    grain = cv2.GaussianBlur(rng.standard_normal(u.shape).astype(np.float32), (0, 0), 0.8)
    grain = np.clip(0.97 + 0.4 * grain, 0.7, 1.05)
    return np.clip(parts[person.beard] * off_lips * grain, 0, 0.97).astype(np.float32)
