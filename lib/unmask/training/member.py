"""A member of the report: one network trained with several seeds, and its scores."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from ..errors import UsageError
from ..runs import (
    read_json,
    report_progress,
    sha256_file,
    sha256_of,
    write_json,
    write_table,
)
from .adversarial import accuracies, attacked_scores, check_method, steps_of_the_test
from .checks import check_whole
from .fit import Progress, train
from .predict import compile_scorer, milliseconds_per_image, predict
from .settings import TrainingData, TrainingResult, TrainingSettings
from .snapshots import count_snapshots

SCORED_SPLITS = ("val", "test", "unseen")
ATTACKED_SPLITS = ("val", "test")
SAME_SCORES = (
    "All {count} seeds gave the same scores: nothing in this training is left to chance, so they "
    "say nothing about how far its results spread."
)


@dataclass(frozen=True)
class Member:
    """What is trained.

    Attributes:
        name: of the member, and of its folder.
        step: the step that trains it, such as "baseline_cnn".
        architecture: the detector's name and options, for the reader.
        build: from a seed to a fresh network; the seed is already set in Keras.
        notices: sentences to put in front of a reader, known before training.
    """

    name: str
    step: str
    architecture: str
    build: Callable[[int], keras.Model]
    notices: tuple[str, ...] = ()


def train_member(
    member: Member,
    pixels: np.ndarray,
    faces: pd.DataFrame,
    settings: TrainingSettings,
    folder: str | Path,
    seeds: Sequence[int] = (1,),
    calibrate: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Trains `member` once per seed and scores the faces that training did not learn from.

    Writes `<folder>/seed_<n>/` (see `train`), scores.parquet and member.json; what is finished
    there already is not done again. After adversarial training the faces of val and test are
    scored attacked as well: attacked_scores.parquet holds both scores of each, and member.json
    clean and robust accuracy side by side (see `adversarial.accuracies`). The latter's "fakes"
    says what was learnt from: those "given", or "self_blended" ones in place of them.

    Args:
        member: what to train.
        pixels: uint8 `[N, side, side, 3]`.
        faces: face_id, split, label and row (the place in `pixels`).
        settings: how to train; its seed is replaced by each of `seeds`.
        folder: of this member, <step>/<member>.
        seeds: one training each.
        calibrate: from the table of scores to the same with a column more.

    Returns:
        face_id, split, label, score, seed (and what `calibrate` adds), a row a face and seed, of
        the splits val, test and unseen.

    Raises:
        DataError: a split without both classes, or a loss that is not a number at once.
        UsageError: adversarial training of a linear head, no seed, or one that is named twice.
    """
    check_method(settings)
    _check_seeds(seeds)
    folder = Path(folder)
    data = training_data(pixels, faces, settings.fakes)
    scored = faces[faces["split"].isin(SCORED_SPLITS)]
    tables, attacked, results = [], [], []
    for number, seed in enumerate(seeds):
        keras.backend.clear_session()
        gc.collect()
        keras.utils.set_random_seed(seed)
        seeded = replace(settings, seed=seed)
        progress = _share_of_progress(number, len(seeds), member.name)
        target = folder / f"seed_{seed}"
        results.append(train(member.build(seed), data, seeded, target, progress))
        saved = keras.models.load_model(results[-1].model_path)
        table = scored[["face_id", "split", "label"]].copy()
        score = compile_scorer(saved)
        table["score"] = predict(saved, pixels, scored["row"].to_numpy(), score=score)
        table["seed"] = seed
        tables.append(table)
        if settings.adversarial:
            attacked.append(_attacked(results[-1].model_path, saved, pixels, scored, table, seeded))
    scores = pd.concat(tables, ignore_index=True)
    if calibrate is not None:
        scores = calibrate(scores)
    write_table(folder / "scores.parquet", scores)
    milliseconds = milliseconds_per_image(saved, score=score)
    described = _describe(member, settings, saved, results, seeds, milliseconds)
    if len(seeds) > 1 and _no_chance(scores):
        described["notices"].append(SAME_SCORES.format(count=len(seeds)))
    if attacked:
        under_attack = pd.concat(attacked, ignore_index=True)
        write_table(folder / "attacked_scores.parquet", under_attack)
        described["adversarial"] = accuracies(under_attack, settings)
    write_json(folder / "member.json", described)
    return scores


def training_data(pixels: np.ndarray, faces: pd.DataFrame, fakes: str = "given") -> TrainingData:
    """Returns what `train` needs of the face table: the splits train and val.

    With self-blended fakes only the real faces of train are learnt from; val stays as it is, and
    fakes are made for it too where it has none.

    Raises:
        DataError: one of the two lacks a class.
    """
    train_part, val_part = faces[faces["split"] == "train"], faces[faces["split"] == "val"]
    if fakes == "self_blended":
        train_part = train_part[train_part["label"] == 0]
    return TrainingData(
        pixels=pixels,
        train_rows=train_part["row"].to_numpy(),
        train_labels=train_part["label"].to_numpy(),
        val_rows=val_part["row"].to_numpy(),
        val_labels=val_part["label"].to_numpy(),
        identity=sha256_of([*train_part["face_id"], *val_part["face_id"]]),
        fakes=fakes,
    )


def _check_seeds(seeds: Sequence[int]) -> None:
    for seed in seeds:
        check_whole("A seed", seed, 0)
    if not len(seeds) or len(set(seeds)) < len(seeds):
        raise UsageError(
            f"A network cannot be trained with the seeds {list(seeds)}.",
            expected="one seed or more, none of them twice",
            fix="for instance seeds: [1, 2, 3]",
        )


def _no_chance(scores: pd.DataFrame) -> bool:
    by_seed = [part["score"].to_numpy() for _, part in scores.groupby("seed")]
    return all(np.array_equal(by_seed[0], other) for other in by_seed[1:])


def _attacked(path: Path, saved, pixels, scored, table, settings) -> pd.DataFrame:
    """Returns clean and attacked scores; the latter are kept beside the model at `path`."""
    chosen = scored["split"].isin(ATTACKED_SPLITS).to_numpy()
    rows, labels = scored["row"].to_numpy()[chosen], scored["label"].to_numpy()[chosen]
    kept, note = path.with_name("attacked.parquet"), path.with_name("attacked.json")
    wanted = {
        "model": sha256_file(path),
        "budget": settings.adversarial,
        "steps": steps_of_the_test(settings),
        "seed": settings.seed,
        "faces": sha256_of([scored["face_id"][chosen].tolist(), labels.tolist()]),
    }
    if not (kept.exists() and note.exists() and read_json(note) == wanted):
        note.unlink(missing_ok=True)
        scores = attacked_scores(saved, pixels, rows, labels, settings)
        write_table(kept, pd.DataFrame({"attacked_score": scores}))
        write_json(note, wanted)
    found = pd.read_parquet(kept)["attacked_score"].to_numpy()
    return table[chosen].assign(attacked_score=found)


def _describe(
    member: Member,
    settings: TrainingSettings,
    saved: keras.Model,
    results: list[TrainingResult],
    seeds: Sequence[int],
    milliseconds: float,
) -> dict:
    notices = [*member.notices, *(notice for result in results for notice in result.notices)]
    return {
        "name": member.name,
        "step": member.step,
        "architecture": _architecture(member, settings, results[0]),
        "fakes": settings.fakes,
        "seeds": list(seeds),
        "parameters": saved.count_params(),
        "bytes_on_disk": results[0].model_path.stat().st_size,
        "training_seconds": sum(result.seconds for result in results),
        "milliseconds_per_image": milliseconds,
        "precision": results[0].precision,
        "device": results[0].device,
        "batch_size": min(result.batch_size for result in results),
        "batch_size_asked": settings.batch_size,
        "devices": max(result.devices for result in results),
        "rate_factor": max(result.rate_factor for result in results),
        "compilation": results[0].compilation,
        "best_epochs": [result.best_epoch for result in results],
        "notices": list(dict.fromkeys(notices)),
    }


def _architecture(member: Member, settings: TrainingSettings, result: TrainingResult) -> str:
    words = [member.architecture]
    if settings.crop:
        words.append(f"the mean over crops of {settings.crop} pixels")
    count = count_snapshots(result.model_path.parent)
    if settings.schedule == "snapshots" and count:
        words.append(f"the mean of {count} snapshots of one training")
    if settings.fakes == "self_blended":
        words.append("trained on real faces and on fakes blended from them")
    return ", ".join(words)


def _share_of_progress(number: int, count: int, name: str) -> Progress:
    def progress(fraction: float, message: str) -> None:
        report_progress((number + fraction) / count, f"{name}, {message}")

    return progress
