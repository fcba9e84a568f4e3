"""The same detector on parts of the test set: by generator, source, light, size, sharpness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import pandas as pd

from ..summary import format_interval
from .measure import MEASURES, measure

# A share of fewer faces has an interval so wide that the number only misleads.
FEWEST = 20
THIRDS = {
    "brightness": ("dark", "middle", "bright"),
    "sharpness": ("blurred", "middle", "sharp"),
    "side": ("small", "middle", "large"),
}
TITLES = {
    "all": "–",
    "generator": "generator of the fakes",
    "dataset": "source",
    "brightness": "brightness",
    "sharpness": "sharpness",
    "side": "size of the original",
}


def face_traits(pixels: np.ndarray, faces: pd.DataFrame, files: pd.DataFrame) -> pd.DataFrame:
    """Returns the faces with what is to be seen on them, a row a face.

    Adds `brightness` (mean luma, 0 to 255), `sharpness` (variance of the Laplacian of luma, as in
    Pech-Pacheco et al. 2000) and `side` (the shorter side of the original file in pixels, NaN
    where unknown).

    Args:
        pixels: uint8 `[N, side, side, 3]`, usually a memory map.
        faces: rows of the faces table.
        files: the files table.
    """
    known = files.drop_duplicates("file_id").set_index("file_id")
    sides = known[["width", "height"]].min(axis=1, skipna=False)
    traits = [_light_and_sharpness(np.asarray(pixels[row])) for row in faces["row"]]
    brightness, sharpness = np.array(traits, dtype=np.float64).reshape(-1, 2).T
    return faces.assign(
        brightness=brightness, sharpness=sharpness, side=faces["file_id"].map(sides).to_numpy()
    )


def measure_slices(
    faces: pd.DataFrame, threshold: float, *, resamples: int, seed: int = 0
) -> list[dict[str, Any]]:
    """Returns one entry a slice: `kind`, `slice`, n_real, n_fake, AUC and recalls, `note`.

    The first holds all faces. A generator's fakes are measured against all real faces; every
    other slice holds the faces of both classes that belong to it. Where all faces are alike
    (one generator, one source, one size) there is no slice. What fewer than `FEWEST` faces of a
    class would decide is None, and `note` says so.

    Args:
        faces: what `face_traits` returned, with a column `score`.
        threshold: faces with a score at or above it are called fake.
        resamples, seed: of the bootstrap.
    """
    entries = []
    for kind, name, part in _parts(faces):
        found = measure(part, threshold, resamples=resamples, seed=seed)
        if kind == "generator":
            found["recall_real"] = None  # the same real faces in every row
        entries.append({"kind": kind, "slice": name, **_without_small(found)})
    return entries


def slices_table(entries: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Returns the slices for a reader, all cells text."""
    return pd.DataFrame(
        [
            {
                "slice": entry["slice"],
                "by": TITLES[entry["kind"]],
                "real faces": f"{entry['n_real']:,}",
                "fake faces": f"{entry['n_fake']:,}",
                "AUC": format_interval(entry["auc"]),
                "fakes found": format_interval(entry["recall_fake"]),
                "reals accepted": format_interval(entry["recall_real"]),
                "note": entry["note"],
            }
            for entry in entries
        ]
    )


def _without_small(found: dict[str, Any]) -> dict[str, Any]:
    needs = {"auc": ("n_real", "n_fake"), "recall_fake": ("n_fake",), "recall_real": ("n_real",)}
    short = [key for key in ("n_real", "n_fake") if found[key] < FEWEST]
    for name in MEASURES:
        if any(key in short for key in needs[name]):
            found[name] = None
    words = " and ".join({"n_real": "real", "n_fake": "fake"}[key] for key in short)
    return found | {"note": f"fewer than {FEWEST} {words} faces" if short else ""}


def _parts(faces: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    yield "all", "all test faces", faces
    reals, fakes = faces[faces["label"] == 0], faces[faces["label"] == 1]
    if fakes["generator"].nunique() > 1:
        for name, part in fakes.groupby("generator"):
            yield "generator", str(name), pd.concat([part, reals])
    if faces["dataset"].nunique() > 1:
        for name, part in faces.groupby("dataset"):
            yield "dataset", str(name) or "not named", part
    for kind, words in THIRDS.items():
        yield from ((kind, name, part) for name, part in _thirds(faces, kind, words))


def _thirds(
    faces: pd.DataFrame, kind: str, words: tuple[str, str, str]
) -> Iterator[tuple[str, pd.DataFrame]]:
    values = faces[kind].to_numpy(dtype=np.float64)
    known = values[~np.isnan(values)]
    if not len(known) or known.min() == known.max():
        return
    low, high = np.quantile(known, [1 / 3, 2 / 3])
    third = np.where(np.isnan(values), -1, (values > low).astype(int) + (values > high))
    limits = (f"up to {low:.0f}", f"up to {high:.0f}", f"above {high:.0f}")
    for number, word in enumerate(words):
        part = faces[third == number]
        if len(part):
            yield f"{word} ({limits[number]})", part


def _light_and_sharpness(face: np.ndarray) -> tuple[float, float]:
    luma = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    return float(luma.mean()), float(cv2.Laplacian(luma, cv2.CV_64F).var())
