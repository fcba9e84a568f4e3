"""Explains a trained network on its test faces: worst mistakes, some right verdicts, a check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from ...errors import DataError
from .cover import SMALLEST, CoverCheck, cover_check
from .grad_cam import EVIDENCE, grad_cam, what_lacks
from .mistakes import RIGHT, WRONG, Verdicts, judge
from .occlusion import Scorer, occlusion_maps
from .record import COLUMNS, Explanations, write_explanations


@dataclass(frozen=True)
class ExplainSettings:
    """How much to explain.

    Attributes:
        mistakes: worst mistakes of each class.
        right: surest right verdicts of each class.
        covered: faces of each of the four kinds that get an occlusion map too, which costs some
            hundred scores a face.
        checked: faces of each verdict on which the maps are checked.
        weighting: of the heat maps, see `grad_cam`.
        seed: of the faces checked.
    """

    mistakes: int = 8
    right: int = 3
    covered: int = 1
    checked: int = 48
    weighting: str = "place"
    seed: int = 0


def explain_detector(
    model: keras.Model,
    score: Scorer,
    frame: pd.DataFrame,
    pixels: np.ndarray,
    threshold: float,
    folder: Path,
    settings: ExplainSettings | None = None,
    *,
    name: str = "",
    seeds: int = 1,
) -> Explanations:
    """Returns why a network called some test faces real or fake, and writes it into `folder`.

    All is of one training: its scores in `frame` say which faces are explained, and its threshold
    what it called them.

    Args:
        model: the network.
        score: its scores, uint8 `[n, side, side, 3]` to `[n]` (`compile_scorer(model)`).
        frame: test rows of this training's scores after `attach_faces`, with its `seed`.
        pixels: uint8 `[N, side, side, 3]`, indexed by `row`; a memory map will do.
        threshold: of this training; at or above it a face is called fake.
        folder: gets explanations.json and explanations.npz.
        settings: how much to explain.
        name: the detector's, for the reader; the model's own when empty.
        seeds: how many trainings the detector has.

    A detector without maps or without a slope (`what_lacks`) is explained by covering places
    instead, which needs no check.

    Raises:
        DataError: `frame` holds scores of several trainings.
    """
    settings = settings or ExplainSettings()
    seed = _only_seed(frame)
    verdicts = judge(frame, threshold)
    table = _chosen(verdicts, settings)
    pictures = np.asarray(pixels[table["row"].to_numpy()])
    lacking = what_lacks(model, pictures[:4])
    if not lacking:
        maps = grad_cam(model, pictures, weighting=settings.weighting)
    else:
        maps = _maps_by_covering(score, pictures)
    covered_places = np.concatenate(
        [np.flatnonzero(table["kind"] == kind)[: settings.covered] for kind in (*WRONG, *RIGHT)]
    )
    explanations = Explanations(
        detector=name or model.name,
        threshold=float(threshold),
        table=table,
        fake=maps["fake"],
        real=maps["real"],
        covered=occlusion_maps(score, pictures[covered_places]),
        covered_places=covered_places,
        checks=() if lacking else _checks(model, score, verdicts, pixels, settings),
        method="covering" if lacking else "gradient",
        lacking=lacking,
        seed=seed,
        seeds=seeds,
    )
    write_explanations(folder, explanations)
    return explanations


def _maps_by_covering(score: Scorer, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what `grad_cam` does, from how the score moves when places are covered."""
    drops = occlusion_maps(score, pictures)
    maps = {"fake": np.maximum(drops, 0), "real": np.maximum(-drops, 0)}
    tiny = np.finfo(np.float32).tiny
    return {
        kind: heat / np.maximum(heat.max(axis=(1, 2), keepdims=True), tiny)
        for kind, heat in maps.items()
    }


def _only_seed(frame: pd.DataFrame) -> int:
    seeds = frame["seed"].unique()
    if len(seeds) != 1:
        raise DataError(
            f"The scores are of {len(seeds)} trainings, the maps of one.",
            expected="the rows of the one seed whose network is explained",
        )
    return int(seeds[0])


def _chosen(verdicts: Verdicts, settings: ExplainSettings) -> pd.DataFrame:
    counts = dict.fromkeys(WRONG, settings.mistakes) | dict.fromkeys(RIGHT, settings.right)
    parts = [verdicts.by_kind[kind].head(count).assign(kind=kind) for kind, count in counts.items()]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _checks(
    model: keras.Model,
    score: Scorer,
    verdicts: Verdicts,
    pixels: np.ndarray,
    settings: ExplainSettings,
) -> tuple[CoverCheck, ...]:
    """Returns the check of evidence of fake, on faces called fake; and the same for real."""
    found = []
    for evidence in EVIDENCE:
        parts = [
            part for kind, part in verdicts.by_kind.items() if kind.endswith(f"called {evidence}")
        ]
        called = pd.concat(parts)
        count = min(settings.checked, len(called))
        if count < SMALLEST:
            continue
        rows = called.sample(count, random_state=settings.seed)["row"].to_numpy()
        pictures = np.asarray(pixels[rows])
        heat = grad_cam(model, pictures, evidence=(evidence,), weighting=settings.weighting)
        found.append(
            cover_check(score, pictures, heat[evidence], evidence=evidence, seed=settings.seed)
        )
    return tuple(found)
