"""Augmentation on the processor: which changes there are, in which order, from which draws."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from ...errors import UsageError, nearest
from . import changes

Changed = Callable[[np.ndarray, float, np.ndarray], np.ndarray]
BASIC_DRAWS = 7


@dataclass(frozen=True)
class Augmentation:
    """A way to change a training picture.

    Attributes:
        name: as in settings.
        meaning: what is done at full strength, for a reader.
        change: from a picture, a strength and the draws to the changed picture.
        draws: how many numbers it draws for each picture.
        basic: its places among the seven numbers that the first four share; empty for others,
            which draw from a generator of their own.
        always: it meets all pictures; else the first number drawn decides, low ones for it.
    """

    name: str
    meaning: str
    change: Changed
    draws: int = 0
    basic: tuple[int, ...] = ()
    always: bool = False


# In the order in which they happen: geometry, light, optics, sensor, encoders, what covers all.
# fmt: off
_ALL = (
    Augmentation("flip", "half of the pictures mirrored", changes.flip, basic=(0,)),
    Augmentation("shift", "moved by up to an eighth of the side, the border reflected",
                 changes.shift, basic=(3, 4), always=True),
    Augmentation("crop", "a part of at least 70% of the side enlarged, half of the pictures",
                 changes.crop, 6),
    Augmentation("light", "brightness and contrast changed by up to 20%",
                 changes.light, basic=(5, 6), always=True),
    Augmentation("colour", "hue turned by up to 18 degrees, saturation changed by up to 40%, gamma",
                 changes.colour, 3, always=True),
    Augmentation("blur", "blurred by up to 1.5 pixels, half of the pictures", changes.blur, 2),
    Augmentation("resize", "made smaller, down to half, and brought back, half of the pictures",
                 changes.resize, 4),
    Augmentation("noise", "noise of up to 8 of 255 grey levels, half of the pictures",
                 changes.noise, 4),
    Augmentation("jpeg", "saved as JPEG of quality 60 to 95, half of the pictures",
                 changes.jpeg, basic=(1, 2)),
    Augmentation("webp", "saved as WebP of quality 50 to 95, a quarter of the pictures",
                 changes.webp, 2),
    Augmentation("resave", "saved as JPEG of quality 40 to 98 with any chroma subsampling, "
                 "half of the pictures", changes.resave, 3),
    Augmentation("cutout", "a grey square over up to 40% of the side, half of the pictures",
                 changes.cutout, 4),
)
# fmt: on
AUGMENTATIONS = {each.name: each for each in _ALL}
NAMES = tuple(AUGMENTATIONS)
MEANINGS = {each.name: each.meaning for each in _ALL}
DEFAULT = ("flip", "shift", "light", "jpeg")


def augment_batch(
    pictures: np.ndarray,
    strength: float,
    generator: np.random.Generator,
    names: Collection[str] = DEFAULT,
) -> np.ndarray:
    """Returns changed copies of uint8 pictures `[n, height, width, 3]`, same shape and type.

    What one augmentation does to a picture follows from the generator, the picture's place and
    the strength alone, not from which other augmentations are chosen. None knows the label.

    Args:
        pictures: RGB.
        strength: 0 to 1; how far the changes go and how many pictures they meet. At 0 only
            mirroring remains.
        generator: draws everything; used up the same by any pictures of the same number.
        names: of `NAMES`, in any order.

    Raises:
        UsageError: an unknown name.
    """
    drawn = _draws(len(pictures), generator, _chosen(names))
    changed = np.empty_like(pictures)
    for place, picture in enumerate(pictures):
        picture = np.ascontiguousarray(picture)
        for augmentation, draws in drawn:
            picture = augmentation.change(picture, strength, draws[place])
        changed[place] = picture
    return changed


def examples(
    pictures: np.ndarray,
    strength: float,
    generator: np.random.Generator,
    names: Collection[str] = NAMES,
) -> dict[str, np.ndarray]:
    """Returns what each augmentation by itself makes of uint8 pictures `[n, height, width, 3]`.

    Here it meets every picture, also where training would pass over some. Arguments and errors
    are those of `augment_batch`; strength 0 changes hardly anything.
    """
    shown = {}
    for augmentation, draws in _draws(len(pictures), generator, _chosen(names)):
        draws = draws.copy()
        if not augmentation.always:
            draws[:, 0] = 0.0
        rows = zip(pictures, draws, strict=True)
        changed = [
            augmentation.change(np.ascontiguousarray(picture), strength, row)
            for picture, row in rows
        ]
        shown[augmentation.name] = np.stack(changed) if changed else np.array(pictures)
    return shown


def _draws(
    count: int, generator: np.random.Generator, chosen: list[Augmentation]
) -> list[tuple[Augmentation, np.ndarray]]:
    basic = generator.random((count, BASIC_DRAWS))
    # Nothing more is drawn for the first four, so that their batches are those they always were.
    key = int(generator.integers(2**63)) if any(not each.basic for each in chosen) else 0
    drawn = []
    for each in chosen:
        if each.basic:
            drawn.append((each, basic[:, each.basic]))
        else:
            own = np.random.default_rng([key, zlib.crc32(each.name.encode())])
            drawn.append((each, own.random((count, each.draws))))
    return drawn


def _chosen(names: Collection[str]) -> list[Augmentation]:
    for name in names:
        if name not in AUGMENTATIONS:
            raise UsageError(
                f"There is no augmentation {name!r}.{nearest(name, AUGMENTATIONS)}",
                expected="one of: " + ", ".join(AUGMENTATIONS),
            )
    return [each for each in AUGMENTATIONS.values() if each.name in names]
