"""What metrics.json says about one model, and the tables over all models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from .blocks import Settings, evaluate_block
from .clips import evaluate_clips
from .formats import NOT_KNOWN, format_interval, format_percent, format_seconds
from .scores import SPLITS, attach_faces, select_scores
from .seed_thresholds import described, thresholds_of

__all__ = [
    "DETAILS",
    "HEADLINE",
    "NOT_KNOWN",
    "comparison_table",
    "costs_of",
    "details_table",
    "evaluate_member",
    "format_interval",
    "format_percent",
    "format_seconds",
    "generators_table",
    "majority_reference",
]

HEADLINE = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auc": "AUC",
    "average_precision": "average precision",
    "eer": "EER",
}
DETAILS = {
    **HEADLINE,
    "partial_auc": "AUC up to 10% false alarms (0.5 is guessing)",
    "tpr_at_fpr_5": "fakes found at 5% false alarms",
    "tpr_at_fpr_1": "fakes found at 1% false alarms",
    "tpr_at_fpr_0_1": "fakes found at 0.1% false alarms",
    "recall_fake": "fakes found at the threshold",
    "recall_real": "reals accepted at the threshold",
    "f1": "F1 of the fakes",
    "mcc": "Matthews correlation (0 is guessing)",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
}
EVALUATION = "evaluation: the numbers of metrics.json"  # why held-out scores are read


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

    A block: `metrics` (by name: value, low, high, seed_spread), `operating_points` (for each rule
    shown, see `operating.operating_point`), `calibrated` (log_loss, brier and ece by method, of
    the columns `calibrated` and `isotonic` where they are), `n`, `n_real`, `n_fake`, `n_groups`,
    `clustered`, `seeds`, `confusion_matrix` ([[real called real, real called fake], [fake called
    real, fake called fake]], summed over seeds), `notes` (what stands on top of the page) and
    `remarks` (on single numbers). Where val and test hold clips of both classes there is `clips`,
    the same per clip; see `clips.evaluate_clips`.

    Args:
        scores: a scores table with val and test rows (unseen where there are such faces).
        faces: the faces table.
        rule: a key of `threshold.RULES`.
        resamples, seed: of the bootstrap.

    Raises:
        DataError: see `attach_faces`, `choose_threshold`.
    """
    joined = attach_faces(scores, faces)
    val, test, unseen = (select_scores(joined, name, reason=EVALUATION) for name in SPLITS)
    unseen = _never_trained_on(unseen, faces)
    seeds = sorted(int(number) for number in joined["seed"].unique())
    points = thresholds_of(joined, rule)
    settings = Settings(points[rule], resamples, seed, points)
    splits = {"val": val, "test": test}
    unseen_reals = _reals(pd.concat([unseen, test]))
    if (unseen["label"] == 1).any():
        splits["unseen"] = pd.concat([_fakes(unseen), unseen_reals])
    result = {
        "level": "face",
        "seeds": seeds,
        "threshold": described(rule, points[rule]),
        "thresholds": {name: described(name, found) for name, found in points.items()},
        "bootstrap": {"resamples": resamples, "seed": seed, "level": 0.95},
        "splits": {name: evaluate_block(part, settings) for name, part in splits.items()},
        "test_generators": _by_generator(test, _reals(test), settings),
        "unseen_generators": _by_generator(unseen, unseen_reals, settings),
    }
    clips = evaluate_clips(joined, faces, rule=rule, resamples=resamples, seed=seed)
    if clips:
        result["clips"] = clips
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
        for name, title in HEADLINE.items():
            row[title] = format_interval(found.get(name), spread=True)
        rows.append(row)
    return pd.DataFrame(rows)


def details_table(
    models: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], split: str = "test"
) -> pd.DataFrame:
    """Returns one row a metric and one column a model: every metric, all cells text.

    Args:
        models: (content of member.json, content of metrics.json) for each model.
        split: the block of `splits` to show; a model without it has dashes.
    """
    table = {"measure": list(DETAILS.values())}
    for member, metrics in models:
        found = metrics["splits"].get(split, {}).get("metrics", {})
        cells = [format_interval(found.get(name), spread=True) for name in DETAILS]
        table[str(member["name"])] = cells
    return pd.DataFrame(table)


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


def generators_table(metrics: Mapping[str, Any], fakes: str = "given") -> pd.DataFrame:
    """Returns one row a generator of fakes: seen in training or not, n, AUC, recall, accuracy.

    Args:
        metrics: content of metrics.json.
        fakes: as member.json has it: "given", "self_blended" for one that saw no generator's
            fakes, "mixed" for an ensemble of both.
    """
    rows = []
    known = {"self_blended": "no", "mixed": "by some members"}.get(fakes, "yes")
    for key, seen in (("test_generators", known), ("unseen_generators", "no")):
        for generator, block in metrics[key].items():
            found = block["metrics"]
            rows.append(
                {
                    "generator": generator,
                    "seen in training": seen,
                    "fake faces": f"{block['n_fake']:,}",
                    "real faces": f"{block['n_real']:,}",
                    "AUC": format_interval(found["auc"], spread=True),
                    "fakes found": format_interval(found["recall_fake"], spread=True),
                    "balanced accuracy": format_interval(found["balanced_accuracy"], spread=True),
                }
            )
    return pd.DataFrame(rows)


def _never_trained_on(unseen: pd.DataFrame, faces: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of `unseen` without fakes of a generator that made training fakes."""
    trained = faces.loc[(faces["split"] == "train") & (faces["label"] == 1), "generator"]
    return unseen[(unseen["label"] == 0) | ~unseen["generator"].isin(trained.unique())]


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
