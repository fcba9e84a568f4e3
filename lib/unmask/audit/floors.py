"""Floors: what a detector must beat, written beside the members so that every table has them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from .. import runs
from ..evaluation.calibration import add_calibrated
from ..evaluation.members import Result, evaluate_and_write
from ..media import kind_of
from ..media.images import decode_image
from .designs import design_of
from .families import FAMILIES, FILE_FAMILIES, Family
from .file_facts import file_facts_table, read_file_facts
from .linear import LinearModel, fit_linear
from .measured import FeatureStore, Measured
from .picture_features import FAMILY_FUNCTIONS
from .run import draw_sample

STEP = "audit"
STRENGTHS = (0.1, 1.0, 10.0)  # times the family's own; validation chooses
EVALUATED = ("val", "test", "unseen")
FACTS = Family("file_facts", "file", "file facts", "All that is known of the file but its name")
PICTURES_TIMED = 12


@dataclass(frozen=True)
class Floor:
    """A family that is fitted on the training files.

    Attributes:
        name: of the member and of its folder.
        family: what it looks at.
        about: what it is, for the reader.
    """

    name: str
    family: Family
    about: str


FLOORS = (
    Floor("floor_file_facts", FACTS, "size, format, encoding and metadata of the file"),
    Floor("floor_colour", FAMILIES["colour"], "brightness and colour statistics"),
    Floor("floor_thumbnail", FAMILIES["thumbnail"], "a thumbnail of 16 x 16 pixels"),
    Floor("floor_spectrum", FAMILIES["spectrum"], "the azimuthal power spectrum"),
    Floor("floor_residuals", FAMILIES["residuals"], "co-occurrences of residuals"),
)


def fit_floors(
    faces: pd.DataFrame,
    folder: Path,
    *,
    rule: str = "balanced_accuracy",
    resamples: int = 2000,
    most: int = 5000,
    seed: int = 0,
    jobs: int = 2,
) -> list[Result]:
    """Fits every floor on the training files and evaluates it like any member.

    The numbers come from the original files at their native resolution; all faces of a file share
    its score. The strength of the regularisation is chosen on validation.

    Args:
        faces: the faces table.
        folder: of the step; writes `<floor>/{scores.parquet, member.json, metrics.json, model.npz}`
            and keeps what was measured in `features/`.
        rule: of the threshold, a key of `evaluation.threshold.RULES`.
        resamples: of the bootstrap.
        most: training files to fit on, a seeded draw; every other split is scored in full.
        seed: of the draw.
        jobs: files measured at the same time.

    Raises:
        DataError: see `evaluate_and_write`.
    """
    files = files_of_faces(faces)
    trained = files[files["split"] == "train"]
    trained = trained.loc[draw_sample(trained, most, seed)]
    scored = files[files["split"].isin(EVALUATED)].reset_index(drop=True)
    with runs.progress_share(0, 2):
        store = FeatureStore(folder / "features", jobs)
        measured = store.measure(trained)
    models, seconds = _fit_pictures(trained, measured)
    with runs.progress_share(1, 2):
        scores = _score_pictures(models, scored, store)
    models["file_facts"], scores["file_facts"], seconds["file_facts"] = _facts(
        trained, scored, jobs
    )
    notices = []
    if len(trained) < (files["split"] == "train").sum():
        notices.append(f"Floors are fitted on a seeded draw of {len(trained):,} training files.")
    results = []
    for floor in FLOORS:
        key = floor.family.key
        chosen = best_on_validation(scores[key], scored)
        member = _describe(floor, models[key][chosen], seconds[key], scored, notices)
        target = folder / floor.name
        models[key][chosen].save(target / "model.npz")
        member["bytes_on_disk"] = (target / "model.npz").stat().st_size
        table = _scores_of_faces(faces, scored, scores[key][chosen])
        runs.write_table(target / "scores.parquet", add_calibrated(table))
        runs.write_json(target / "member.json", member)
        results.append(evaluate_and_write(target, faces, rule=rule, resamples=resamples))
    return results


def files_of_faces(faces: pd.DataFrame) -> pd.DataFrame:
    """Returns a row a file of the faces table: file_id, path, kind, label, generator, split."""
    files = faces.drop_duplicates("file_id", ignore_index=True)
    names = ["file_id", "path", "label", "generator", "group", "split"]
    kinds = [kind_of(path) or "image" for path in files["path"]]
    return files[names].assign(kind=kinds, official_split="", width=np.nan, height=np.nan)


def best_on_validation(scores: Sequence[np.ndarray], scored: pd.DataFrame) -> int:
    """Returns which of several scores has the highest AUC on validation; of equals, the first."""
    val = (scored["split"] == "val").to_numpy()
    labels = scored.loc[val, "label"]
    areas = [roc_auc_score(labels, each[val]) for each in scores]
    return int(np.argmax(np.round(areas, 6)))


def _fit_pictures(
    trained: pd.DataFrame, measured: Measured
) -> tuple[dict[str, list[LinearModel]], dict[str, float]]:
    labels = trained["label"].to_numpy()[measured.readable]
    models, seconds = {}, {}
    for floor in FLOORS:
        key = floor.family.key
        if key in measured.families:
            features = measured.families[key][measured.readable]
            models[key], seconds[key] = _fit(features, labels, floor.family)
    return models, seconds


def _fit(
    features: np.ndarray, labels: np.ndarray, family: Family
) -> tuple[list[LinearModel], float]:
    started = time.perf_counter()
    models = [
        fit_linear(features, labels, strength=family.strength * times, scaling=family.scaling)
        for times in STRENGTHS
    ]
    return models, time.perf_counter() - started


def _score_pictures(
    models: dict[str, list[LinearModel]], scored: pd.DataFrame, store: FeatureStore
) -> dict[str, list[np.ndarray]]:
    """Scores block by block: the features of a large test set need not fit into memory."""
    parts: dict[str, list[list[np.ndarray]]] = {key: [] for key in models}
    for block in store.blocks(scored):
        for key, each in models.items():
            found = [model.score(block.families[key]) for model in each]
            unread = [np.where(block.readable, scores, 0.5) for scores in found]
            parts[key].append(unread)
    return {
        key: [np.concatenate(pieces) for pieces in zip(*blocks, strict=True)]
        for key, blocks in parts.items()
    }


def _facts(
    trained: pd.DataFrame, scored: pd.DataFrame, jobs: int
) -> tuple[list[LinearModel], list[np.ndarray], float]:
    """Fits and scores the file facts; the training files alone decide what gets a column."""
    facts = file_facts_table(pd.concat([trained, scored], ignore_index=True), jobs)
    columns = facts_design(facts, facts.iloc[: len(trained)])
    models, seconds = _fit(columns[: len(trained)], trained["label"].to_numpy(), FACTS)
    return models, [model.score(columns[len(trained) :]) for model in models], seconds


def facts_design(facts: pd.DataFrame, learned: pd.DataFrame) -> np.ndarray:
    """Returns all that is known of files but their names as numbers, `[files, columns]`.

    Args:
        facts: of `file_facts_table`.
        learned: the rows of the training files, see `design_of`.
    """
    keys = [family.key for family in FILE_FAMILIES if family.key != "names"]
    columns = np.hstack([design_of(key, facts, learned) for key in keys])
    return columns if columns.shape[1] else np.zeros((len(facts), 1))


def _describe(
    floor: Floor, model: LinearModel, seconds: float, scored: pd.DataFrame, notices: list[str]
) -> dict[str, Any]:
    return {
        "name": floor.name,
        "step": STEP,
        "architecture": f"logistic regression on {floor.about}",
        "seeds": [0],
        "parameters": len(model.weights) + 1,
        "training_seconds": seconds,
        "milliseconds_per_image": _milliseconds(floor.family, scored),
        "precision": "float32",
        "device": "CPU",
        "notices": notices,
    }


def _milliseconds(family: Family, files: pd.DataFrame) -> float | None:
    """Returns what measuring one picture costs; from the bytes for file facts."""
    pictures = files[files["kind"] == "image"].head(PICTURES_TIMED)
    if pictures.empty:
        return None
    if family.key in FAMILY_FUNCTIONS:
        work = [decode_image(Path(path).read_bytes()).pixels for path in pictures["path"]]
        function: Any = FAMILY_FUNCTIONS[family.key]
    else:
        work, function = list(pictures["path"]), read_file_facts
    function(work[0])
    started = time.perf_counter()
    for each in work:
        function(each)
    return (time.perf_counter() - started) * 1000 / len(work)


def _scores_of_faces(faces: pd.DataFrame, scored: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """Returns the scores table: every face has the score of its file."""
    rows = faces.loc[faces["split"].isin(EVALUATED), ["face_id", "file_id", "split", "label"]]
    of_file = pd.Series(scores, index=scored["file_id"])
    table = rows[["face_id", "split", "label"]].copy()
    return table.assign(score=of_file[rows["file_id"]].to_numpy(), seed=0).reset_index(drop=True)
