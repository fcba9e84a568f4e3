"""One exposure: a person, a moment, a light and a camera, and the picture they make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from . import camera as cameras
from .camera import Camera
from .people import Light, Moment, Person, draw_light, draw_moment, draw_person, move
from .render import View, paint_scene, view_of
from .scene import backdrop

CLIP_SECONDS, CLIP_RATE = 2.0, 13.0
SCENE, SENSOR, FORGER = 0, 1, 2  # random streams of one picture


@dataclass(frozen=True, eq=False)
class Shot:
    """An exposure before the last camera stage.

    `scene` linear RGB and `picture` developed 0..255, both float32 [size, size, 3] and free of
    noise; `noise` the sensor's, to be added to `picture`; `gain` the metered exposure.
    """

    person: Person
    moment: Moment
    light: Light
    camera: Camera
    view: View
    scene: np.ndarray
    picture: np.ndarray
    noise: np.ndarray
    gain: float


def stream(seed: int, identity: int, number: int, kind: int) -> np.random.Generator:
    """Returns the random generator of one picture (or clip) for one purpose."""
    return np.random.default_rng([seed, identity, 1 + number, kind])


def take(seed: int, identity: int, number: int, size: int) -> Shot:
    """Returns picture `number` of a person: another moment, light, place and camera each time."""
    rng = stream(seed, identity, number, SCENE)
    moment, light, camera = draw_moment(rng), draw_light(rng), cameras.draw_camera(rng)
    person, background = draw_person(seed, identity), backdrop(rng, size)
    sensor = stream(seed, identity, number, SENSOR)
    return _expose(person, moment, light, camera, background, sensor)


def film(seed: int, identity: int, number: int, size: int) -> Iterator[Shot]:
    """Yields the frames of a clip: the person moves; light, place and camera stay."""
    rng = stream(seed, identity, number, SCENE)
    start, light, camera = draw_moment(rng), draw_light(rng), cameras.draw_camera(rng)
    person, background = draw_person(seed, identity), backdrop(rng, size)
    phases = rng.uniform(size=6)
    sensor = stream(seed, identity, number, SENSOR)
    for frame in range(round(CLIP_SECONDS * CLIP_RATE)):
        moment = move(start, frame / CLIP_RATE, phases)
        yield _expose(person, moment, light, camera, background, sensor)


def _expose(
    person: Person,
    moment: Moment,
    light: Light,
    camera: Camera,
    background: np.ndarray,
    sensor: np.random.Generator,
) -> Shot:
    view = view_of(person, moment, background.shape[0])
    scene = paint_scene(person, moment, light, background, view)
    gain = cameras.meter(scene)
    picture = cameras.develop(scene, camera, gain)
    noise = cameras.grain(picture, camera, sensor)
    return Shot(person, moment, light, camera, view, scene, picture, noise, gain)
