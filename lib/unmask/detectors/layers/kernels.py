"""The high-pass kernels of steganalysis, by name and as banks for a first convolution."""

from __future__ import annotations

import numpy as np

FIRST = np.array([[-1, 1]])
SECOND = np.array([[1, -2, 1]])
THIRD = np.array([[1, -3, 3, -1]])
SQUARE3 = np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]])
EDGE3 = SQUARE3[:2]
SQUARE5 = np.array(
    [
        [-1, 2, -2, 2, -1],
        [2, -6, 8, -6, 2],
        [-2, 8, -12, 8, -2],
        [2, -6, 8, -6, 2],
        [-1, 2, -2, 2, -1],
    ]
)
EDGE5 = SQUARE5[:3]

# A name's kernel tells each pixel's difference from a forecast by its neighbours (Fridrich and
# Kodovsky, 2012, IEEE TIFS 7:868, table I and figure 1); as it stands it runs across, along a row.
RESIDUALS = {
    "first": FIRST,
    "second": SECOND,
    "third": THIRD,
    "edge3": EDGE3,
    "square3": SQUARE3,
    "edge5": EDGE5,
    "square5": SQUARE5,
}
BANKS = ("srm", "srm30", "differences")
_SIDE = 5


def bank(name: str) -> np.ndarray:
    """Returns a bank of kernels, float32 `[5, 5, kernels]`.

    "srm" is the three that Zhou et al. (2018, arXiv:1805.04953) took of the rich model, "srm30"
    the thirty linear ones in all their directions, each divided by its largest weight;
    "differences" the first and second differences across and down, which stay whole numbers.
    """
    if name == "srm":
        kernels = [(SQUARE3, 4), (SQUARE5, 12), (SECOND, 2)]
    elif name == "srm30":
        kernels = _all_directions()
    else:
        kernels = [(kernel, 1) for kernel in (FIRST, FIRST.T, SECOND, SECOND.T)]
    framed = [kernel if kernel.shape == (5, 5) else _framed(kernel) for kernel, _ in kernels]
    weights = [largest for _, largest in kernels]
    return (np.stack(framed, axis=-1) / np.array(weights)).astype(np.float32)


def _all_directions() -> list[tuple[np.ndarray, int]]:
    found = []
    for line, largest, turns in ((FIRST, 1, 8), (SECOND, 2, 4), (THIRD, 3, 8)):
        found += [(_along(line[0], turn), largest) for turn in range(turns)]
    found.append((SQUARE3, 4))
    found += [(np.rot90(_framed(np.pad(EDGE3, ((0, 1), (0, 0)))), turn), 4) for turn in range(4)]
    found.append((SQUARE5, 12))
    found += [(np.rot90(np.pad(EDGE5, ((0, 2), (0, 0))), turn), 12) for turn in range(4)]
    return found


def _along(line: np.ndarray, turn: int) -> np.ndarray:
    """Returns the line in a 5x5 frame, its largest weight at the centre, turned by 45 degrees."""
    steps = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]
    down, across = steps[turn]
    frame = np.zeros((_SIDE, _SIDE))
    centre = 1 if len(line) > 2 else 0
    for place, weight in enumerate(line):
        frame[2 + down * (place - centre), 2 + across * (place - centre)] = weight
    return frame


def _framed(kernel: np.ndarray) -> np.ndarray:
    frame = np.zeros((_SIDE, _SIDE))
    height, width = kernel.shape
    top, left = 2 - (height - 1) // 2, 2 - (width - 1) // 2
    frame[top : top + height, left : left + width] = kernel
    return frame
