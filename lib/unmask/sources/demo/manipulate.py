"""The forgers: each turns a shot into a picture of which a part is not what the lens saw.

All of them work on the developed picture with the sensor's noise in it, as a forger who has
someone's photograph does, and return what then goes through the camera's last stage.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from . import camera as cameras
from .hair import hair_of
from .head import clouds, grid_of, half_width, nose_base, step
from .people import Moment, Person
from .render import paint_head, project
from .shots import Shot


def untouched(shot: Shot) -> np.ndarray:
    """Returns the picture as the sensor gives it: float32 [size, size, 3], 0..255."""
    return shot.picture + shot.noise


def face_swap(
    shot: Shot, donor: Person, rng: np.random.Generator, flicker: float = 0.0
) -> np.ndarray:
    """Puts the inner face of another person onto the shot.

    The donor's face is fitted to the target's landmarks, made at a lower resolution, matched in
    colour and blended in under a soft mask. It brings only part of the noise of the sensor with
    it: what gives face swaps away (Li et al. 2020, "Face X-ray", arXiv:1912.13458).

    Args:
        shot: the target.
        donor: whose face is put on.
        rng: draws the forger's settings.
        flicker: a frame's deviation from them in a clip, about -1 to 1.

    Returns:
        float32 [size, size, 3], 0..255.
    """
    size = shot.view.size
    resolution, strength = rng.uniform(0.27, 0.5), rng.uniform(0.7, 0.97)
    kept, blur = rng.uniform(0.1, 0.7), rng.uniform(0.008, 0.026)
    mask = _face_mask(shot, rng, reach=0.92 + 0.025 * flicker, blur=blur)
    bare = replace(donor, hair_style="bald")
    where = _fit(shot.view.head, shot.person, donor, size)
    face = _developed(shot, paint_head(bare, shot.moment, shot.light, size), where)
    face = _coarsen(face, resolution)
    face = _match_colour(face, shot.picture, mask, strength) * (1 + 0.02 * flicker)
    blended = shot.picture + mask * (face - shot.picture)
    return blended + shot.noise * (1 - (1 - kept) * mask)


def self_blend(shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """Blends the picture with a slightly changed copy of itself, under a deformed face mask.

    After Shiohara and Yamasaki 2022, "Detecting Deepfakes with Self-Blended Images"
    (arXiv:2204.08376): a statistical change of the copy (colour, contrast, sharpness or
    resolution), a small shift and scaling of it, an elastic mask and a blending ratio.

    Returns:
        float32 [size, size, 3], 0..255.
    """
    picture = untouched(shot)
    size = shot.view.size
    copy = _change_statistics(picture, rng)
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), 0, rng.uniform(0.96, 1.045))
    matrix[:, 2] += rng.uniform(-0.018, 0.018, 2) * size
    copy = cv2.warpAffine(
        copy, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    mask = _face_mask(shot, rng, reach=rng.uniform(0.85, 1.05), blur=rng.uniform(0.008, 0.026))
    ratio = rng.choice([0.8, 1.0, 1.0, 1.0])
    return picture + ratio * _elastic(mask, rng) * (copy - picture)


def reenactment(
    shot: Shot, acted: Moment, rng: np.random.Generator, flicker: float = 0.0
) -> np.ndarray:
    """Gives the same person another mouth and other eyes, drawn by a decoder of few frequencies.

    The region is rendered anew with the acted expression, keeps only its low-order cosine
    coefficients (as the output of a small neural decoder does), carries the faint grid of its
    upsampling and a noise of the decoder's own, and is blended in around eyes and mouth only.

    Args:
        shot: the target.
        acted: the expression to show; pose and place stay the target's.
        rng: draws the forger's settings.
        flicker: a frame's deviation from them in a clip, about -1 to 1.

    Returns:
        float32 [size, size, 3], 0..255.
    """
    size = shot.view.size
    moment = replace(
        shot.moment,
        smile=acted.smile,
        mouth_open=acted.mouth_open,
        gaze=acted.gaze,
        brows_up=acted.brows_up,
        eyes_open=acted.eyes_open,
    )
    head = paint_head(shot.person, moment, shot.light, size)
    face = _developed(shot, head, shot.view.head)
    face = _low_order(face, rng.uniform(0.42, 0.6))
    grid = np.indices((size, size)).sum(0) % 2 * 2.0 - 1.0
    face = face + (rng.uniform(0.5, 1.5) * grid)[..., None].astype(np.float32)
    level = float(shot.noise.std()) * rng.uniform(0.85, 1.1)
    own = rng.standard_normal((size, size, 1), dtype=np.float32) * level
    mask = _expression_mask(shot, rng) * (1 + 0.05 * flicker)
    mask = np.clip(mask, 0, 1)
    return shot.picture + mask * (face + own - shot.picture) + (1 - mask) * shot.noise


def _developed(shot: Shot, head: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Returns the noise-free picture with `head` (RGBA on the grid) in place of the shot's."""
    seen = project(head, where, shot.view.size)
    scene = shot.scene * (1 - seen[..., 3:]) + seen[..., :3]
    return cameras.develop(scene, shot.camera, shot.gain)


def _landmarks(person: Person) -> tuple[np.ndarray, np.ndarray]:
    """Heights of brow, eyes, nose, mouth and chin, and a half width at each, in head units."""
    heights = np.array(
        [
            person.eye_height - person.brow_height,
            person.eye_height,
            nose_base(person),
            person.mouth_height,
            person.chin,
        ]
    )
    eyes = person.eye_spacing
    widths = np.array(
        [eyes, eyes, 2.2 * person.nose_width + 0.06, person.mouth_width + 0.06, 0.3 * eyes + 0.2]
    )
    return heights, widths


def _fit(where: np.ndarray, target: Person, donor: Person, size: int) -> np.ndarray:
    """Returns grid positions on the donor for those on the target, landmark onto landmark."""
    grid = grid_of(size)
    middle = (grid.u.shape[0] - 1) / 2
    u, v = (where[..., 0] - middle) / grid.per_unit, (where[..., 1] - middle) / grid.per_unit
    (heights, widths), (donor_heights, donor_widths) = _landmarks(target), _landmarks(donor)
    moved = v + np.interp(v, heights, donor_heights - heights)
    scaled = u * np.interp(v, heights, donor_widths / widths)
    return (np.stack([scaled, moved], -1) * grid.per_unit + middle).astype(np.float32)


def _face_mask(shot: Shot, rng: np.random.Generator, reach: float, blur: float) -> np.ndarray:
    """Returns the inner face, brows to chin, as a soft mask [size, size, 1]; hair stays outside."""
    person, size = shot.person, shot.view.size
    grid = grid_of(size)
    top = person.eye_height - person.brow_height - rng.uniform(0.06, 0.16)
    bottom = person.chin - rng.uniform(0.03, 0.14)
    middle, tall = (top + bottom) / 2, (bottom - top) / 2
    wide = reach * rng.uniform(0.78, 0.92) * half_width(person, grid.v)
    ring = (np.abs(grid.u) / np.maximum(wide, 1e-3)) ** 3
    ring = (ring + (np.abs(grid.v - middle) / (tall * reach)) ** 3) ** (1 / 3)
    inside = step(ring, 1.04, 0.96) * (1 - hair_of(person, size).cover)
    seen = project(inside.astype(np.float32), shot.view.head, size)
    return cv2.GaussianBlur(seen, (0, 0), blur * size)[..., None]


def _expression_mask(shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """Returns eyes and mouth as a soft mask [size, size, 1]."""
    person, size = shot.person, shot.view.size
    grid = grid_of(size)
    wide = person.mouth_width * rng.uniform(1.3, 1.6)
    mouth = np.hypot(grid.u / wide, (grid.v - person.mouth_height - 0.04) / rng.uniform(0.24, 0.3))
    mask = step(mouth, 1.08, 0.9)
    reach = rng.uniform(1.25, 1.5) * person.eye_width
    for side in (-1, 1):
        eye = np.hypot(grid.u - side * person.eye_spacing, 1.35 * (grid.v - person.eye_height))
        mask = np.maximum(mask, step(eye / reach, 1.08, 0.9))
    mask = mask * (1 - hair_of(person, size).cover)
    seen = project(mask.astype(np.float32), shot.view.head, size)
    return cv2.GaussianBlur(seen, (0, 0), 0.014 * size)[..., None]


def _coarsen(picture: np.ndarray, factor: float) -> np.ndarray:
    size = picture.shape[0]
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)


def _match_colour(
    face: np.ndarray, target: np.ndarray, mask: np.ndarray, strength: float
) -> np.ndarray:
    """Moves mean and spread of `face` under the mask towards those of `target` (Reinhard 2001)."""
    weight = mask / max(1e-6, float(mask.sum()))
    centres = [(picture * weight).sum((0, 1)) for picture in (face, target)]
    spreads = [
        np.sqrt((((picture - centre) ** 2) * weight).sum((0, 1)))
        for picture, centre in zip((face, target), centres, strict=True)
    ]
    ratio = np.clip(spreads[1] / np.maximum(spreads[0], 1.0), 0.6, 1.6)
    matched = (face - centres[0]) * ratio + centres[1]
    return face + strength * (matched - face)


def _change_statistics(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    copy = picture + rng.uniform(-18, 18, 3).astype(np.float32)
    middle = copy.mean((0, 1))
    copy = (copy - middle) * rng.uniform(0.9, 1.12) + middle + rng.uniform(-7, 7)
    if rng.uniform() < 0.3:
        soft = cv2.GaussianBlur(copy, (0, 0), 1.0)
        return copy + rng.uniform(0.8, 1.6) * (copy - soft)
    return _coarsen(copy, rng.uniform(0.28, 0.52))


def _elastic(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size = mask.shape[0]
    axis = np.arange(size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    shift = [clouds(rng, (size, size), 4) * (0.018 * size) for _ in "xy"]
    moved = cv2.remap(mask, x + shift[0], y + shift[1], cv2.INTER_LINEAR)
    return moved[..., None]


def _low_order(picture: np.ndarray, share: float) -> np.ndarray:
    """Returns the picture with only the lowest `share` of its cosine coefficients per axis."""
    size = picture.shape[0] // 2 * 2
    kept = int(share * size)
    result = picture.copy()
    for channel in range(3):
        spectrum = cv2.dct(np.ascontiguousarray(picture[:size, :size, channel]))
        spectrum[kept:] = 0
        spectrum[:, kept:] = 0
        result[:size, :size, channel] = cv2.idct(spectrum)
    return result
