"""What happens to pictures on their way: a registry of changes, each at several levels.

Every change takes and gives a face as the network gets it, uint8 `[side, side, 3]`, RGB. What is
drawn at random (noise, places) follows from the seed and the face's name alone, and is the same
at every level: the curves show the level, not the luck. No change knows the label.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from ...errors import UsageError, nearest

Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Transform:
    """A way to change a picture.

    Attributes:
        name: short, as in tables.
        title: for a reader.
        meaning: what is done, a few words that follow the title.
        unit: what a level means; `{}` stands for the level.
        levels: in the order of the axis; the unchanged picture stands before number `clean_at`.
        clean_at: where on the axis the unchanged picture belongs.
        change: from a face, a level and a random generator to the changed face.
    """

    name: str
    title: str
    meaning: str
    unit: str
    levels: tuple[float, ...]
    change: Change
    clean_at: int = 0

    def label(self, level: float) -> str:
        """Returns a level in words, such as "quality 50"."""
        return self.unit.format(f"{level:g}")

    @property
    def axis(self) -> str:
        """The unit alone, for an axis."""
        return self.unit.replace("{}", "").strip()


def apply(
    transform: Transform, level: float, faces: np.ndarray, names: Sequence[str], seed: int = 0
) -> np.ndarray:
    """Returns changed copies of uint8 faces `[n, side, side, 3]`, same shape and type.

    Args:
        transform: a value of `TRANSFORMS`.
        level: one of its levels, or another number of the same meaning.
        faces: the pictures.
        names: `[n]`, their face ids: each draws its own random numbers.
        seed: of the random numbers.
    """
    changed = np.empty_like(faces)
    for place, (face, name) in enumerate(zip(faces, names, strict=True)):
        generator = np.random.default_rng(_entropy(seed, transform.name, name))
        changed[place] = transform.change(np.ascontiguousarray(face), level, generator)
    return changed


def transforms_table(transforms: Mapping[str, Transform]) -> pd.DataFrame:
    """Returns what is done to the pictures, for a reader: a row a change."""
    return pd.DataFrame(
        [
            {
                "change": each.title,
                "what is done": each.meaning,
                "levels": ", ".join(each.label(level) for level in each.levels),
            }
            for each in transforms.values()
        ]
    )


def chosen(names: Sequence[str]) -> dict[str, Transform]:
    """Returns the transforms called `names`, all of them when there is no name.

    Raises:
        UsageError: an unknown name.
    """
    for name in names:
        if name not in TRANSFORMS:
            raise UsageError(
                f"There is no transform {name!r}.{nearest(name, TRANSFORMS)}",
                expected="one of: " + ", ".join(TRANSFORMS),
            )
    return {name: each for name, each in TRANSFORMS.items() if not names or name in names}


def _entropy(seed: int, transform: str, name: str) -> int:
    digest = hashlib.blake2b(f"{seed}/{transform}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _jpeg(face: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    return _encoded(face, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, round(level)])


def _encoded(face: np.ndarray, ending: str, options: list[int]) -> np.ndarray:
    data = cv2.imencode(ending, face[..., ::-1], options)[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


def _resized(face: np.ndarray, height: int, width: int) -> np.ndarray:
    shrinks = height * width < face.shape[0] * face.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(face), (width, height), interpolation=how)


def _scaled(face: np.ndarray, factor: float) -> np.ndarray:
    height, width = (max(2, round(side * factor)) for side in face.shape[:2])
    return _resized(face, height, width)


def _resize(face: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    return _resized(_scaled(face, level), *face.shape[:2])


def _blur(face: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(face, (0, 0), level, borderType=cv2.BORDER_REFLECT_101)


def _noise(face: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    return _rounded(face + level * generator.standard_normal(face.shape, dtype=np.float32))


def _brightness(face: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    return _mapped(face, np.arange(256) + level)


def _contrast(face: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    return _mapped(face, (np.arange(256) - 127.5) * level + 127.5)


def _gamma(face: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    return _mapped(face, 255 * (np.arange(256) / 255) ** level)


def _screenshot(face: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    shown = _encoded(_scaled(face, 0.8), ".webp", [cv2.IMWRITE_WEBP_QUALITY, round(level)])
    return _resized(shown, *face.shape[:2])


def _crop(face: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    height, width = face.shape[:2]
    kept = [max(2, round(side * level)) for side in (height, width)]
    top, left = _place(generator, height - kept[0], width - kept[1])
    return _resized(face[top : top + kept[0], left : left + kept[1]], height, width)


def _occlusion(face: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    height, width = face.shape[:2]
    covered = [max(1, round(side * level)) for side in (height, width)]
    top, left = _place(generator, height - covered[0], width - covered[1])
    changed = face.copy()
    changed[top : top + covered[0], left : left + covered[1]] = 128
    return changed


def _reshare(face: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    small = _scaled(face, level)
    for quality in (75, 60):
        small = _encoded(small, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality])
    return _resized(small, *face.shape[:2])


def _place(generator: np.random.Generator, down: int, right: int) -> tuple[int, int]:
    """Returns a random place; always two draws, so that it moves little with the level."""
    shares = generator.random(2)
    return round(shares[0] * down), round(shares[1] * right)


def _mapped(face: np.ndarray, values: np.ndarray) -> np.ndarray:
    return cv2.LUT(face, _rounded(values))


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


# fmt: off
TRANSFORMS: dict[str, Transform] = {
    each.name: each
    for each in (
        Transform("jpeg", "JPEG", "encoded once", "quality {}", (95, 85, 70, 50, 30), _jpeg),
        Transform("resize", "Resized", "and brought back to the network's side", "{} times",
                  (2, 0.5, 0.25), _resize, 1),
        Transform("reshare", "Shared again", "made smaller, JPEG of quality 75, then 60, as on its "
                  "way through two social networks", "{} times", (0.9, 0.7, 0.5), _reshare),
        Transform("screenshot", "Screenshot", "0.8 times as large, then WebP", "WebP {}",
                  (80, 40), _screenshot),
        Transform("blur", "Gaussian blur", "of a standard deviation in pixels", "{} px",
                  (0.5, 1, 2), _blur),
        Transform("noise", "Noise", "of a standard deviation in grey levels", "{} of 255",
                  (3, 8, 20), _noise),
        Transform("brightness", "Brightness", "so many grey levels more or less", "{} of 255",
                  (-40, 40), _brightness, 1),
        Transform("contrast", "Contrast", "stretched about the middle grey", "{} times",
                  (0.6, 1.6), _contrast, 1),
        Transform("gamma", "Gamma", "below 1 brighter, above 1 darker", "exponent {}",
                  (0.6, 1.6), _gamma, 1),
        Transform("crop", "Cropped", "this share of the side is kept and enlarged", "{} kept",
                  (0.9, 0.75), _crop),
        Transform("occlusion", "Grey square", "of this share of the side, anywhere", "{} of side",
                  (0.2, 0.4), _occlusion),
    )
}
# fmt: on
