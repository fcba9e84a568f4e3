"""Two pictures, one over the other: the same picture, the same but for a part, or another one."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .align import align, is_inside, warp_all

NOISE = 4.0  # grey levels that encoding may change in any block
TEXTURED = 6.0  # contrast of a block, in grey levels, that says something about the picture
# Pale pictures are brought to this contrast first, but by no more than this factor.
CONTRAST, MOST_GAIN = 30.0, 1.6
SAME = 0.35  # up to this unexplained share a block shows the same
CLIPPED = (1, 253)  # at and beyond these grey levels detail may have been cut off


@dataclass(frozen=True)
class Limits:
    """What counts as what, for pictures of one size.

    Attributes:
        blocks: a picture is judged in this many rows and columns of blocks.
        steps: of the alignment.
        median, worst: a near copy leaves at most this share of the contrast unexplained in the
            median block and in the worst one.
        fewest: a near copy has at least this share of all blocks textured and the same.
        alike: up to this unexplained share a block of an edited picture is the original's.
        edited: pairs of which an edited picture meets one: at least this share of its textured
            blocks is the original's, and they are at least this share of all blocks.
    """

    blocks: int
    steps: int
    median: float
    worst: float
    fewest: float
    alike: float
    edited: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Likeness:
    """How pairs compare; arrays `[m]`.

    Attributes:
        near: all of one is in the other, but for encoding, brightness and a light crop.
        edited: a large part of one is in the other, and a part is not.
        distance: unexplained share of the contrast in the median block, 0 to 1.
        changed: share of the blocks that do not show the same, 0 to 1.
    """

    near: np.ndarray
    edited: np.ndarray
    distance: np.ndarray
    changed: np.ndarray


def compare(
    first: np.ndarray, second: np.ndarray, warps: np.ndarray, limits: Limits
) -> tuple[Likeness, np.ndarray]:
    """Aligns pairs of pictures and compares them block by block.

    In a block, what a linear change of brightness does not explain counts, relative to the
    block's contrast. Pixels that are nearly black or white do not: detail may be cut off there.

    Args:
        first, second: uint8 `[m, side, side]`, grey, already laid the same way.
        warps: float32 `[m, 2, 3]`, first guesses: from places in `second` to places in `first`.
        limits: what counts as what.

    Returns:
        The verdicts, and the final warps.
    """
    side = first.shape[1]
    blur = max(side / 96, 0.5)
    over, under = _blurred(first, blur), _blurred(second, blur)
    usable = _unclipped(first), _unclipped(second)
    softened = (over, under) if side >= 64 else (_blurred(first, 0.8), _blurred(second, 0.8))
    moved, fits = align(*softened, usable[1], warps, limits.steps)
    # A large change can draw the alignment off; then the first guess is the better one.
    before = _judge(over, under, usable, warps, limits)
    after = _judge(over, under, usable, moved, limits)
    better = fits & (after.distance < before.distance)
    fields = {
        name: np.where(better, getattr(after, name), getattr(before, name))
        for name in ("near", "edited", "distance", "changed")
    }
    return Likeness(**fields), np.where(better[:, None, None], moved, warps)


def _blurred(pictures: np.ndarray, by: float) -> np.ndarray:
    blurred = np.empty(pictures.shape, np.float32)
    for place, picture in enumerate(pictures):
        blurred[place] = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), by)
    return blurred


def _unclipped(pictures: np.ndarray) -> np.ndarray:
    """Says which pixels count: no clipped ones, and none beside these or the edge.

    Blur spreads what was cut off, and at an edge it knows only one side.
    """
    side = pictures.shape[1]
    rim = max(1, side // 40)
    clipped = (pictures <= CLIPPED[0]) | (pictures >= CLIPPED[1])
    clipped = np.pad(clipped[:, rim:-rim, rim:-rim], ((0, 0), (rim, rim), (rim, rim)))
    beside = np.ones((5, 5) if side >= 64 else (3, 3), np.uint8)
    use = np.stack([1 - cv2.dilate(one, beside) for one in clipped.astype(np.uint8)])
    inside = np.zeros(use.shape[1:], np.float32)
    inside[rim:-rim, rim:-rim] = 1
    return use * inside


def _judge(
    over: np.ndarray,
    under: np.ndarray,
    usable: tuple[np.ndarray, np.ndarray],
    warps: np.ndarray,
    limits: Limits,
) -> Likeness:
    use = usable[1] * (warp_all(usable[0], warps) > 0.99) * is_inside(warps, over.shape[1])
    unexplained, contrast, counted = _by_block(warp_all(over, warps), under, use, limits.blocks)
    textured = counted & (contrast >= TEXTURED)
    same = (textured & (unexplained <= SAME)).mean(1)
    alike = (textured & (unexplained <= limits.alike)).mean(1)
    share = alike / np.maximum(textured.mean(1), 1e-9)
    middle = np.nan_to_num(_median(np.where(counted, unexplained, np.nan)), nan=1.0)
    worst = np.where(counted, unexplained, 0).max(1, initial=0)
    near = (middle <= limits.median) & (worst <= limits.worst)
    near &= (same >= limits.fewest) & (counted.mean(1) >= 0.25)
    enough = [(share >= of_textured) & (alike >= of_all) for of_textured, of_all in limits.edited]
    edited = ~near & np.logical_or.reduce(enough)
    changed = (counted & (unexplained > SAME)).sum(1) / np.maximum(counted.sum(1), 1)
    return Likeness(near, edited, middle, changed)


def _by_block(
    over: np.ndarray, under: np.ndarray, use: np.ndarray, blocks: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns for each block what is unexplained, its contrast, and if it counts."""
    weight = _block_means(use, blocks)
    counted = weight > 0.5
    weight = np.maximum(weight, 1e-3)
    mean_over = _block_means(over * use, blocks) / weight
    mean_under = _block_means(under * use, blocks) / weight
    spread_over = _block_means(over**2 * use, blocks) / weight - mean_over**2
    spread_under = _block_means(under**2 * use, blocks) / weight - mean_under**2
    together = _block_means(over * under * use, blocks) / weight - mean_over * mean_under
    spread_over, spread_under = np.maximum(spread_over, 0.01), np.maximum(spread_under, 0.01)
    correlation = np.clip(together / np.sqrt(spread_over * spread_under), 0, 1)
    contrast = np.sqrt(np.maximum(spread_over, spread_under))
    contrast *= np.clip(CONTRAST / np.maximum(_contrast(under, use), 1), 1, MOST_GAIN)[:, None]
    return np.sqrt(1 - correlation**2) * contrast / (contrast + NOISE), contrast, counted


def _contrast(pictures: np.ndarray, use: np.ndarray) -> np.ndarray:
    count = np.maximum(use.sum((1, 2)), 1)
    mean = (pictures * use).sum((1, 2)) / count
    return np.sqrt((((pictures - mean[:, None, None]) * use) ** 2).sum((1, 2)) / count)


def _median(values: np.ndarray) -> np.ndarray:
    """The median of each row without its NaNs; NaN, and no warning, where there is nothing else."""
    ordered = np.sort(values, axis=1)  # NaNs last
    count = (~np.isnan(values)).sum(1)
    rows = np.arange(len(values))
    low = ordered[rows, np.maximum((count - 1) // 2, 0)]
    return (low + ordered[rows, np.minimum(count // 2, values.shape[1] - 1)]) / 2


def _block_means(pictures: np.ndarray, blocks: int) -> np.ndarray:
    count, side = len(pictures), pictures.shape[1] // blocks
    parts = pictures.reshape(count, blocks, side, blocks, side)
    return parts.mean((2, 4)).reshape(count, blocks * blocks)
