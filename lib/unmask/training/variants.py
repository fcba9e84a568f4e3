"""One recipe and its variants, each with something changed: what an ablation trains."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ..errors import DataError, UnmaskError, UsageError
from ..runs import read_json, report_progress, sha256_file, write_json, write_table
from .adversarial import check_slopes
from .augmentation.codecs import through_jpeg
from .member import Member
from .memory import with_smaller_batches
from .predict import compile_scorer
from .recipe import Plan, Recipe, plan_training, read_recipe
from .settings import TrainingSettings

WHOLE = "the whole recipe"
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

    Each is read, and its network built once, before any is trained.

    Example:
        recipe = {"network": "traces", "method": "auto", "copies": 3, "augment": 1.0}
        make_variants(recipe, {"without re-saved copies": {"copies": 0}}, (256, 256, 3), "ablation")

    Args:
        recipe: as `recipe.read_recipe` takes it; what it leaves out is as in notebook 07.
        changes: by the variant's title, what differs from the recipe.
        shape: height, width, channels of the pictures.
        step: that trains them.

    Raises:
        UsageError: an unknown key, network, option or value, no network, a network that does not
            fit the pictures, or a title that is the recipe's own.
        DataError: weights that cannot be had.
    """
    plans = _plans(recipe, changes, shape, step)
    built: dict[str, keras.Model] = {}
    variants = []
    for title, (chosen, plan) in plans.items():
        with _named(title):
            network = repr((chosen.network, chosen.options, chosen.weights, chosen.crop))
            if network not in built:
                built[network] = plan.member.build(plan.settings.seed)
            if plan.settings.adversarial:
                check_slopes(built[network], _noise(built[network].input_shape[1:]))
        variants.append(Variant(plan.member, title, plan.settings))
    return variants


def resaved_scores(
    folder: Path, pixels: np.ndarray, faces: pd.DataFrame, quality: int, seeds: Sequence[int]
) -> pd.DataFrame:
    """Returns a member's scores of the val and test faces after one more save as JPEG.

    They are kept in the member's folder and made again only for other networks or another quality.

    Args:
        folder: of the member, <step>/<member>, with seed_<n>/model.keras.
        pixels: uint8 `[N, side, side, 3]`.
        faces: face_id, split, label and row.
        quality: of the JPEG, chroma at half resolution.
        seeds: of the trainings to score; others in the folder are left out.

    Returns:
        face_id, split, label, score, seed.

    Raises:
        DataError: one of `seeds` was not trained, or memory does not suffice for one picture.
    """
    paths = [folder / f"seed_{seed}" / "model.keras" for seed in sorted(seeds)]
    for path in paths:
        if not path.is_file():
            raise DataError(
                f"There is no training at {path}.", fix="train it first, or leave its seed out"
            )
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


def _plans(recipe, changes, shape, step) -> dict[str, tuple[Recipe, Plan]]:
    """Returns by its title what each variant is made from; the recipe itself is the first."""
    if not isinstance(recipe, Mapping):
        raise UsageError(f"{recipe!r} is no recipe.", expected="for instance {network: lenet}")
    if not isinstance(changes, Mapping) or WHOLE in changes:
        raise UsageError(
            f"The changes must be given by titles, of which none is {WHOLE!r}: that is the recipe.",
            expected='for instance {"without augmentation": {"augment": 0}}',
        )
    plans = {}
    for number, (title, changed) in enumerate({WHOLE: {}, **changes}.items()):
        with _named(title):
            if not isinstance(changed, Mapping):
                raise UsageError(
                    f"What changes must be given by its name, not as {changed!r}.",
                    expected='for instance {"augment": 0}',
                )
            chosen = read_recipe({**recipe, **changed})
            plan = plan_training(chosen, shape, f"variant_{number}", step)
        words = f"{title}: {plan.member.architecture}"
        plan = replace(plan, member=replace(plan.member, architecture=words))
        plans[title] = (chosen, plan)
    return plans


@contextlib.contextmanager
def _named(title: str) -> Iterator[None]:
    """Says of which variant an error is."""
    try:
        yield
    except UnmaskError as error:
        raise type(error)(
            f"In the variant {title!r}: {error.what}", expected=error.expected, fix=error.fix
        ) from error


def _noise(shape: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)


def _score_resaved(path: Path, pixels: np.ndarray, rows: np.ndarray, quality: int) -> np.ndarray:
    score = compile_scorer(keras.models.load_model(path))

    def run(at_once: int) -> list[np.ndarray]:
        parts = []
        for start in range(0, len(rows), at_once):
            pictures = [through_jpeg(pixels[row], quality) for row in rows[start : start + at_once]]
            parts.append(score(np.stack(pictures)))
            report_progress(start / len(rows), f"{path.parent.parent.name}, saved once more")
        return parts

    parts, _ = with_smaller_batches(run, AT_ONCE, "scoring")
    return np.concatenate(parts)


def _seed_of(path: Path) -> int:
    return int(path.parent.name.removeprefix("seed_"))
