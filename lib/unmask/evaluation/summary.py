"""What metrics.json says about one model, and the tables over all models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .blocks import Settings, evaluate_block
from .intervals import Interval
from .scores import SPLITS, attach_faces
from .threshold import RULES, choose_threshold

HEADLINE = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auc": "AUC",
    "average_precision": "average precision",
    "eer": "EER",
}
NOT_KNOWN = "–"


def evaluate_member(
    scores: pd.DataFrame,
    faces: pd.DataFrame,
    *,
    rule: str = "balanced_accuracy",
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Returns the content of a member's metrics.json: plain data, None where not defined.

    The threshold is chosen for each seed on its validation scores. Blocks, each made by the same
    code: `splits` (val, test, unseen), `test_generators` (the fakes of one generator in test
    against all real test faces) and `unseen_generators` (its fakes in unseen against the real
    faces of unseen and test). The block `unseen` pools all unseen fakes in the same way. The split
    unseen holds whole groups: fakes in it whose generator also made training fakes count nowhere.

    A block: `metrics` (by name: value, low, high, seed_spread), `calibrated` (log_loss, brier and
    ece of the calibrated scores, where there are any), `ece`, `n`, `n_real`, `n_fake`, `n_groups`,
    `clustered`, `seeds`, `confusion_matrix` ([[real called real, real called fake], [fake called
    real, fake called fake]], summed over seeds) and `notes`.

    Args:
        scores: a scores table with val and test rows (unseen where there are such faces).
        faces: the faces table.
        rule: a key of `threshold.RULES`.
        resamples, seed: of the bootstrap.

    Raises:
        DataError: see `attach_faces`, `choose_threshold`.
    """
    joined = attach_faces(scores, faces)
    by_split = {name: joined[joined["split"] == name] for name in SPLITS}
    by_split["unseen"] = _never_trained_on(by_split["unseen"], faces)
    seeds = sorted(int(number) for number in joined["seed"].unique())
    thresholds = {number: _threshold(by_split["val"], number, rule) for number in seeds}
    settings = Settings(thresholds, resamples, seed)
    splits = {"val": by_split["val"], "test": by_split["test"]}
    unseen_reals = _reals(pd.concat([by_split["unseen"], by_split["test"]]))
    if (by_split["unseen"]["label"] == 1).any():
        splits["unseen"] = pd.concat([_fakes(by_split["unseen"]), unseen_reals])
    result = {
        "level": "face",
        "seeds": seeds,
        "threshold": {
            "rule": rule,
            "meaning": RULES[rule],
            "value": float(np.mean(list(thresholds.values()))),
            "by_seed": {str(number): value for number, value in thresholds.items()},
        },
        "bootstrap": {"resamples": resamples, "seed": seed, "level": 0.95},
        "splits": {name: evaluate_block(part, settings) for name, part in splits.items()},
        "test_generators": _by_generator(by_split["test"], _reals(by_split["test"]), settings),
        "unseen_generators": _by_generator(by_split["unseen"], unseen_reals, settings),
    }
    chosen = "the epoch" if rule == "half" else "the epoch and the threshold"
    result["splits"]["val"]["notes"].append(
        f"Validation chose {chosen}, so these numbers are flattering."
    )
    return result


def majority_reference(
    faces: pd.DataFrame, *, resamples: int = 2000, seed: int = 0
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns member and metrics of "always says the majority class", for the comparison table.

    It gives every face the share of fakes among the training faces as its score.
    """
    share = float((faces.loc[faces["split"] == "train", "label"] == 1).mean())
    scored = faces.loc[faces["split"].isin(SPLITS), ["face_id", "split", "label"]]
    scores = scored.assign(score=share, seed=0)
    member = {
        "name": f"always says {'fake' if share >= 0.5 else 'real'}",
        "step": "reference",
        "notices": ["The larger class of the training faces, whatever the picture."],
    }
    metrics = evaluate_member(scores, faces, rule="half", resamples=resamples, seed=seed)
    return member, metrics


def comparison_table(
    models: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], split: str = "test"
) -> pd.DataFrame:
    """Returns one row a model, all cells text: the main metrics with their intervals.

    Args:
        models: (content of member.json, content of metrics.json) for each model.
        split: the block of `splits` to show; a model without it has dashes.
    """
    rows = []
    for member, metrics in models:
        found = metrics["splits"].get(split, {}).get("metrics", {})
        row = {"model": str(member["name"])}
        row.update({title: format_interval(found.get(name)) for name, title in HEADLINE.items()})
        rows.append(row)
    return pd.DataFrame(rows)


def costs_of(members: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Returns one row a model, all cells text: trainings, parameters, size, times.

    Args:
        members: content of member.json for each model.
    """
    rows = [
        {
            "model": str(member["name"]),
            "trainings": str(member.get("trainings", len(member["seeds"]))),
            "parameters": _number(member.get("parameters"), "{:,.0f}"),
            "size (MB)": _number(member.get("bytes_on_disk"), "{:,.1f}", 1e-6),
            "time of training": format_seconds(member.get("training_seconds")),
            "ms per image": _number(member.get("milliseconds_per_image"), "{:.2f}"),
        }
        for member in members
    ]
    return pd.DataFrame(rows)


def generators_table(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """Returns one row a generator of fakes: seen in training or not, n, AUC, recall, accuracy."""
    rows = []
    for key, seen in (("test_generators", "yes"), ("unseen_generators", "no")):
        for generator, block in metrics[key].items():
            found = block["metrics"]
            rows.append(
                {
                    "generator": generator,
                    "seen in training": seen,
                    "fake faces": f"{block['n_fake']:,}",
                    "real faces": f"{block['n_real']:,}",
                    "AUC": format_interval(found["auc"]),
                    "fakes found": format_interval(found["recall_fake"]),
                    "balanced accuracy": format_interval(found["balanced_accuracy"]),
                }
            )
    return pd.DataFrame(rows)


def format_interval(entry: Interval | Mapping[str, Any] | None, digits: int = 3) -> str:
    """Returns "0.912 [0.880, 0.941]", or a dash for what is not defined."""
    return _with_ends(entry, f"{{:.{digits}f}}")


def format_percent(entry: Interval | Mapping[str, Any] | None) -> str:
    """Returns "8.3% [2.1%, 20.4%]", or a dash for what is not defined."""
    return _with_ends(entry, "{:.1%}")


def format_seconds(seconds: float | None) -> str:
    """Returns "42 s", "3 min 05 s" or "2 h 10 min", or a dash when not known."""
    if seconds is None:
        return NOT_KNOWN
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _with_ends(entry: Interval | Mapping[str, Any] | None, form: str) -> str:
    if entry is None:
        return NOT_KNOWN
    values = entry.as_dict() if isinstance(entry, Interval) else entry
    if values["value"] is None or not math.isfinite(values["value"]):
        return NOT_KNOWN
    text = form.format(values["value"])
    if values.get("low") is None:
        return text
    return f"{text} [{form.format(values['low'])}, {form.format(values['high'])}]"


def _never_trained_on(unseen: pd.DataFrame, faces: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of `unseen` without fakes of a generator that made training fakes."""
    trained = faces.loc[(faces["split"] == "train") & (faces["label"] == 1), "generator"]
    return unseen[(unseen["label"] == 0) | ~unseen["generator"].isin(trained.unique())]


def _threshold(val: pd.DataFrame, seed: int, rule: str) -> float:
    rows = val[val["seed"] == seed]
    return choose_threshold(rows["label"], rows["score"], rule)


def _reals(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["label"] == 0]


def _fakes(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["label"] == 1]


def _by_generator(
    frame: pd.DataFrame, reals: pd.DataFrame, settings: Settings
) -> dict[str, dict[str, Any]]:
    fakes = _fakes(frame)
    return {
        str(name): evaluate_block(pd.concat([part, reals]), settings)
        for name, part in fakes.groupby("generator", sort=True)
    }


def _number(value: float | None, form: str, scale: float = 1.0) -> str:
    return NOT_KNOWN if value is None else form.format(value * scale)
