"""Choosing an engine for a member of the report."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import DataError
from ..runs import atomic_path, read_json
from .exporting import export
from .report import NAME


def export_member(
    member_folder: str | Path,
    pixels: np.ndarray,
    faces: pd.DataFrame,
    threshold: float,
    *,
    seed: int | None = None,
    most: int = 256,
    target: str | Path | None = None,
) -> dict[str, Any]:
    """Chooses the engine of one training of a member, by its validation faces.

    Writes engine.json and `engine_files/` beside the network, or beside a copy of it in `target`.
    The chosen engine has kept the scores of all validation faces: those in scores.parquet, or
    Keras' here where they lack or differ.

    Args:
        member_folder: <step>/<member>, with seed_<n>/model.keras and scores.parquet.
        pixels: uint8 `[N, side, side, 3]`.
        faces: face_id, split and row (the place in `pixels`).
        threshold: of that training, chosen on validation.
        seed: which training; None for the one of the lowest seed.
        most: faces that every engine scores.
        target: a folder that gets a copy of model.keras; None to stay in the member's.

    Returns:
        What engine.json holds, with `folder` (of engine.json) and `seed`.

    Raises:
        DataError: the member holds no network, as an ensemble does not.
    """
    folder = _training(Path(member_folder), seed)
    number = int(folder.name.removeprefix("seed_"))
    if target is not None:
        with atomic_path(Path(target) / "model.keras") as temporary:
            shutil.copyfile(folder / "model.keras", temporary)
        folder = Path(target)
    val = faces[faces["split"] == "val"]
    rows = val["row"].to_numpy()
    known = _known_scores(Path(member_folder), val, number)
    order = np.argsort(rows, kind="stable")  # a memory map reads best from front to back
    report = export(
        folder / "model.keras",
        folder,
        pixels[rows[order]],
        most,
        threshold=threshold,
        known_scores=None if known is None else known[order],
    )
    return {**asdict(report), **read_json(folder / NAME), "folder": str(folder), "seed": number}


def _training(member_folder: Path, seed: int | None) -> Path:
    found = {
        int(path.parent.name.removeprefix("seed_")): path.parent
        for path in member_folder.glob("seed_*/model.keras")
    }
    if not found or (seed is not None and seed not in found):
        raise DataError(
            f"There is no trained network in {member_folder}"
            f"{'' if seed is None else f' of the seed {seed}'}.",
            expected="seed_<n>/model.keras, as a training leaves it; an ensemble has none",
            fix="export the ensemble's members one by one" if not found else "",
        )
    return found[min(found) if seed is None else seed]


def _known_scores(member_folder: Path, val: pd.DataFrame, seed: int) -> np.ndarray | None:
    """Returns the training's own scores `[n]` of the validation faces, None where they lack."""
    path = member_folder / "scores.parquet"
    if not path.is_file():
        return None
    scores = pd.read_parquet(path, columns=["face_id", "split", "score", "seed"])
    own = scores[(scores["seed"] == seed) & (scores["split"] == "val")]
    found = own.set_index("face_id")["score"].reindex(val["face_id"]).to_numpy()
    return None if np.isnan(found).any() else found
