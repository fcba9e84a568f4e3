"""Who is rendered and how they stand: every number of a face is drawn here, from a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Colour = tuple[float, float, float]

# The Monk skin tone scale (Ellis Monk, skintone.google), sRGB, light to dark.
SKIN_TONES = (
    (246, 237, 228),
    (243, 231, 219),
    (247, 234, 208),
    (234, 218, 186),
    (215, 189, 150),
    (160, 126, 86),
    (130, 92, 67),
    (96, 65, 52),
    (58, 49, 42),
)
HAIR_COLOURS = {
    "black": (28, 24, 23),
    "dark_brown": (58, 40, 31),
    "brown": (96, 66, 46),
    "chestnut": (122, 72, 45),
    "blond": (196, 160, 104),
    "red": (160, 76, 40),
    "grey": (158, 156, 154),
}
EYE_COLOURS = (
    (74, 48, 32),
    (52, 34, 24),
    (104, 74, 44),
    (92, 104, 66),
    (84, 118, 142),
    (112, 130, 140),
)
HAIR_STYLES = ("bald", "buzz", "short", "swept", "curly", "long", "fringe")
BEARDS = ("none", "stubble", "goatee", "full", "moustache")


@dataclass(frozen=True)
class Person:
    """An identity. Lengths are in head units: half a head's width is about 0.75; v points down."""

    skin: Colour
    lips: Colour
    hair: Colour
    iris: Colour
    texture_seed: int
    hair_style: str
    beard: str
    head_width: float
    chin: float
    jaw: float
    eye_height: float
    eye_spacing: float
    eye_width: float
    eye_opening: float
    eye_tilt: float
    brow_height: float
    brow_weight: float
    brow_arch: float
    nose_width: float
    nose_length: float
    nose_depth: float
    mouth_height: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    cheeks: float
    hairline: float
    hair_volume: float
    parting: float
    curl: float
    freckles: float
    age: float
    blush: float
    clothes: Colour
    collar: str


@dataclass(frozen=True)
class Moment:
    """What changes from one picture of a person to the next. Angles in radians."""

    yaw: float
    pitch: float
    roll: float
    scale: float
    shift: tuple[float, float]
    smile: float
    mouth_open: float
    eyes_open: float
    brows_up: float
    gaze: tuple[float, float]


@dataclass(frozen=True)
class Light:
    """One key light, an opposite fill, a sky and a ground. Colours are linear RGB."""

    direction: Colour
    key: Colour
    fill: Colour
    sky: Colour
    ground: Colour


def linear(colour: tuple[int, int, int]) -> np.ndarray:
    """Returns an sRGB colour of 0..255 as linear RGB of 0..1, float32 [3]."""
    value = np.asarray(colour, dtype=np.float32) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def draw_person(seed: int, identity: int) -> Person:
    """Returns the person of that number: the same for the same seed, on any machine."""
    rng = np.random.default_rng([seed, identity, 0])
    # The two of a pair swap faces, and forgers pick look-alikes: their skin is of a kind.
    shared = np.random.default_rng([seed, identity // 2, 0, 2]).uniform(0, len(SKIN_TONES) - 1)
    tone = float(np.clip(shared + rng.normal(0, 0.7), 0, len(SKIN_TONES) - 1.01))
    beardedness = rng.uniform()
    age = float(rng.beta(1.3, 2.2))
    skin = _skin(rng, tone)
    return Person(
        skin=_plain(skin),
        lips=_plain(_lip_colour(rng, skin)),
        hair=_plain(_hair_colour(rng, tone, age)),
        iris=_plain(_iris(rng, tone)),
        texture_seed=int(rng.integers(2**31)),
        hair_style=_hair_style(rng, beardedness),
        beard=_beard(rng, beardedness),
        **_proportions(rng, beardedness),
        hairline=float(rng.normal(-0.62, 0.045)),
        hair_volume=float(rng.uniform(0.05, 0.15)),
        parting=float(rng.uniform(-0.45, 0.45)),
        curl=float(rng.uniform(0.0, 1.0)),
        freckles=float(max(0.0, rng.normal(-0.1, 0.5))),
        age=age,
        blush=float(rng.uniform(0.1, 1.0)),
        clothes=_plain(linear(tuple(rng.uniform(18, 225, 3)))),
        collar=str(rng.choice(["round", "open", "high"])),
    )


def _proportions(rng: np.random.Generator, strength: float) -> dict[str, float]:
    """The shape of skull and features; `strength` (0 soft, 1 strong) correlates them."""
    drawn = {
        "head_width": rng.normal(0.735, 0.03),
        "chin": rng.normal(0.99, 0.04) + 0.03 * strength,
        "jaw": np.clip(rng.normal(0.25 + 0.45 * strength, 0.2), 0.0, 1.0),
        "eye_height": rng.normal(-0.09, 0.02),
        "eye_spacing": rng.normal(0.318, 0.015),
        "eye_width": rng.normal(0.164, 0.011),
        "eye_opening": rng.uniform(0.06, 0.098),
        "eye_tilt": rng.normal(0.05, 0.07),
        "brow_height": rng.normal(0.185, 0.02),
        "brow_weight": rng.uniform(0.55, 1.0) + 0.45 * strength,
        "brow_arch": rng.uniform(0.2, 1.0) * (1.15 - 0.6 * strength),
        "nose_width": rng.normal(0.115, 0.018) + 0.012 * strength,
        "nose_length": rng.normal(0.43, 0.035),
        "nose_depth": rng.normal(0.2, 0.035),
        "mouth_height": rng.normal(0.555, 0.022),
        "mouth_width": rng.normal(0.26, 0.022),
        "upper_lip": rng.uniform(0.045, 0.085) - 0.015 * strength,
        "lower_lip": rng.uniform(0.065, 0.115) - 0.015 * strength,
        "cheeks": rng.uniform(0.3, 1.0),
    }
    return {name: float(value) for name, value in drawn.items()}


def draw_moment(rng: np.random.Generator) -> Moment:
    """Returns a pose and an expression: mostly towards the camera, mostly at ease."""
    return Moment(
        yaw=float(np.clip(rng.normal(0, 0.17), -0.38, 0.38)),
        pitch=float(np.clip(rng.normal(0, 0.08), -0.2, 0.2)),
        roll=float(np.clip(rng.normal(0, 0.07), -0.2, 0.2)),
        scale=float(rng.uniform(0.92, 1.1)),
        shift=(float(rng.normal(0, 0.05)), float(rng.normal(0, 0.04))),
        smile=float(np.clip(rng.normal(0.25, 0.4), -0.4, 1.0)),
        mouth_open=float(max(0.0, rng.normal(-0.2, 0.5))),
        eyes_open=0.04 if rng.uniform() < 0.03 else float(np.clip(rng.normal(1, 0.15), 0.5, 1.3)),
        brows_up=float(rng.normal(0, 0.4)),
        gaze=(float(rng.normal(0, 0.35)), float(rng.normal(0, 0.15))),
    )


def move(moment: Moment, seconds: float, phases: np.ndarray) -> Moment:
    """Returns the moment `seconds` into a clip: sway, a blink and speech.

    Args:
        moment: the pose and expression the clip starts from.
        seconds: time since the start.
        phases: float [6], 0..1, drawn once per clip.
    """
    turn = 2 * np.pi * phases
    blink_at = 0.35 + 1.2 * phases[0]
    closed = np.exp(-(((seconds - blink_at) / 0.09) ** 2))
    syllable = np.sin(2 * np.pi * (2.1 + phases[1]) * seconds + turn[1])
    speech = 0.5 * max(0.0, syllable) * (0.4 + 0.6 * np.sin(3.1 * seconds + turn[2]) ** 2)
    return replace(
        moment,
        yaw=moment.yaw + 0.08 * float(np.sin(1.9 * seconds + turn[3])),
        pitch=moment.pitch + 0.035 * float(np.sin(2.7 * seconds + turn[4])),
        roll=moment.roll + 0.03 * float(np.sin(1.4 * seconds + turn[5])),
        mouth_open=0.3 * moment.mouth_open + float(speech),
        eyes_open=float(max(0.02, moment.eyes_open * (1 - closed))),
    )


def draw_light(rng: np.random.Generator) -> Light:
    """Returns a light: from above and in front, its colour between tungsten and shade."""
    side, above = rng.uniform(-1.0, 1.0), rng.uniform(0.05, 0.85)
    direction = np.array([side, -above, rng.uniform(0.55, 1.1)])
    direction /= np.linalg.norm(direction)
    warmth = np.array([1.0, 0.0, -1.0]) * rng.normal(0.02, 0.07)
    sky_warmth = np.array([1.0, 0.0, -1.0]) * rng.normal(-0.03, 0.06)
    softness = rng.uniform(0.1, 0.65)
    key = (1.0 + warmth) * (1.25 - 0.7 * softness)
    sky = (1.0 + sky_warmth) * (0.12 + 0.5 * softness)
    return Light(
        direction=_plain(direction),
        key=_plain(key),
        fill=_plain(sky * rng.uniform(0.1, 0.5)),
        sky=_plain(sky),
        ground=_plain(sky * rng.uniform(0.35, 0.75) * np.array([1.05, 1.0, 0.92])),
    )


def _skin(rng: np.random.Generator, tone: float) -> np.ndarray:
    low = min(int(tone), len(SKIN_TONES) - 2)
    light, dark = linear(SKIN_TONES[low]), linear(SKIN_TONES[low + 1])
    skin = light + (dark - light) * (tone - low)
    # The scale's light end is a swatch, not a lit face: blood makes skin redder than that.
    fair = np.clip(1.2 - tone / 5, 0, 1)
    green, blue = 0.93 - 0.22 * fair, 0.95 - 0.38 * fair
    undertone = np.array([1.0, green + rng.uniform(-0.03, 0.06), blue + rng.uniform(-0.05, 0.1)])
    return skin * undertone * 0.9


def _lip_colour(rng: np.random.Generator, skin: np.ndarray) -> np.ndarray:
    redness = rng.uniform(0.45, 0.75)
    return skin * np.array([0.92 - 0.15 * redness, 0.75 - 0.45 * redness, 0.8 - 0.42 * redness])


def _hair_colour(rng: np.random.Generator, tone: float, age: float) -> np.ndarray:
    names = list(HAIR_COLOURS)
    fairness = max(0.0, 1.0 - tone / 4.5)
    weights = np.array([1.2, 1.2, *(np.array([1.6, 1.0, 1.4, 0.7]) * fairness), 0.0])
    weights[-1] = 6.0 * max(0.0, age - 0.55)
    colour = linear(HAIR_COLOURS[str(rng.choice(names, p=weights / weights.sum()))])
    return colour * rng.uniform(0.75, 1.25)


def _iris(rng: np.random.Generator, tone: float) -> np.ndarray:
    weights = np.array([1.0, 1.0, 0.6, *([0.8 * max(0.0, 1 - tone / 4)] * 3)])
    return linear(EYE_COLOURS[int(rng.choice(len(EYE_COLOURS), p=weights / weights.sum()))])


def _hair_style(rng: np.random.Generator, strength: float) -> str:
    rough, soft = (
        np.array([0.5, 0.9, 1.6, 1.4, 0.7, 0.25, 0.3]),
        np.array([0, 0.1, 0.5, 1, 1, 2, 1]),
    )
    weights = strength * rough + (1 - strength) * soft
    return str(rng.choice(HAIR_STYLES, p=weights / weights.sum()))


def _beard(rng: np.random.Generator, strength: float) -> str:
    if strength < 0.5:
        return "none"
    return str(rng.choice(BEARDS, p=[0.35, 0.25, 0.13, 0.19, 0.08]))


def _plain(colour: np.ndarray) -> Colour:
    return tuple(float(value) for value in colour)
