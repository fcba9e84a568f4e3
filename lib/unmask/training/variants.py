"""One recipe and its variants, each with something changed: what an ablation trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from .. import detectors
from ..detectors.start import find_start, method_of
from ..errors import UsageError, nearest
from ..runs import read_json, report_progress, sha256_file, write_json, write_table
from .augmentation.codecs import through_jpeg
from .member import Member
from .predict import compile_scorer
from .settings import TrainingSettings

OWN = ("network", "options", "weights", "method")
SETTINGS = tuple(each.name for each in fields(TrainingSettings))
SCORED = ("val", "test")
AT_ONCE = 32


@dataclass(frozen=True)
class Variant:
    """A detector and how it is trained.

    Attributes:
        member: for `train_member`; its name is that of the variant's folder.
        title: the variant in words, for the reader.
        settings: how it is trained.
    """

    member: Member
    title: str
    settings: TrainingSettings


def make_variants(
    recipe: Mapping[str, Any],
    changes: Mapping[str, Mapping[str, Any]],
    shape: tuple[int, int, int],
    step: str,
) -> list[Variant]:
    """Returns the recipe itself, then one variant for each set of changes.

    Example:
        recipe = {"network": "traces", "method": "auto", "copies": 3, "augment": 1.0}
        make_variants(recipe, {"without re-saved copies": {"copies": 0}}, (256, 256, 3), "ablation")

    Args:
        recipe: network, options, weights, method and fields of `TrainingSettings`.
        changes: by the variant's title, what differs from the recipe.
        shape: height, width, channels of the pictures.
        step: that trains them.

    Raises:
        UsageError: an unknown key, network, option or value.
        DataError: weights that cannot be had.
    """
    everything = {"the whole recipe": {}, **changes}
    return [
        _variant(number, title, {**recipe, **changed}, shape, step)
        for number, (title, changed) in enumerate(everything.items())
    ]


def resaved_scores(
    folder: Path, pixels: np.ndarray, faces: pd.DataFrame, quality: int
) -> pd.DataFrame:
    """Returns a member's scores of the val and test faces after one more save as JPEG.

    They are kept in the member's folder and made again only for another network or quality.

    Args:
        folder: of the member, <step>/<member>, with seed_<n>/model.keras.
        pixels: uint8 `[N, side, side, 3]`.
        faces: face_id, split, label and row.
        quality: of the JPEG, chroma at half resolution.

    Returns:
        face_id, split, label, score, seed.
    """
    paths = sorted(folder.glob("seed_*/model.keras"), key=_seed_of)
    wanted = {"quality": quality, "models": [sha256_file(path) for path in paths]}
    kept, note = folder / "resaved.parquet", folder / "resaved.json"
    if kept.exists() and note.exists() and read_json(note) == wanted:
        return pd.read_parquet(kept)
    scored = faces[faces["split"].isin(SCORED)]
    tables = [
        scored[["face_id", "split", "label"]].assign(
            score=_score_resaved(path, pixels, scored["row"].to_numpy(), quality),
            seed=_seed_of(path),
        )
        for path in paths
    ]
    table = pd.concat(tables, ignore_index=True)
    write_table(kept, table)
    write_json(note, wanted)
    return table


def _variant(number: int, title: str, values: dict, shape: tuple, step: str) -> Variant:
    known = (*OWN, *SETTINGS)
    for key in values:
        if key not in known:
            raise UsageError(
                f"The variant {title!r} changes {key!r}, which nothing is called."
                f"{nearest(key, known)}",
                expected="one of " + ", ".join(known),
            )
    network = values["network"]
    start = find_start(network, values.get("weights", "random"), values.get("options"))
    given = {key: _tuple(value) for key, value in values.items() if key in SETTINGS}
    settings = TrainingSettings(
        **{**given, "method": method_of(network, values.get("method", "auto"))}
    )
    side = settings.crop or shape[0]
    member = Member(
        name=f"variant_{number}",
        step=step,
        architecture=f"{title}: {detectors.describe(network)}",
        build=lambda seed: detectors.build(network, (side, side, shape[2]), **start.options),
        notices=(start.notice,) if start.notice else (),
    )
    return Variant(member, title, settings)


def _score_resaved(path: Path, pixels: np.ndarray, rows: np.ndarray, quality: int) -> np.ndarray:
    score = compile_scorer(keras.models.load_model(path))
    parts = []
    for start in range(0, len(rows), AT_ONCE):
        pictures = [through_jpeg(pixels[row], quality) for row in rows[start : start + AT_ONCE]]
        parts.append(score(np.stack(pictures)))
        report_progress(start / len(rows), f"{path.parent.parent.name}, saved once more")
    return np.concatenate(parts)


def _seed_of(path: Path) -> int:
    return int(path.parent.name.removeprefix("seed_"))


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
