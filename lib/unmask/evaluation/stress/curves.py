"""How a detector does on changed pictures, and whether a change misleads or merely blinds it.

One pass scores every face unchanged and changed. What would happen if only the real pictures had
been changed, or only the fakes, follows from these two columns of scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...runs import report_progress
from ..comparison import LEVEL, holm
from ..summary import format_interval
from .measure import auc_change, common_shift, measure, shift_of_class
from .transforms import TRANSFORMS, Transform, apply

Scorer = Callable[[np.ndarray], np.ndarray]
Progress = Callable[[float, str], None]

BATCH = 64
# Shifts of the mean score below this change few verdicts; they are not called a bias.
SMALLEST_BIAS = 0.05
NOTHING = "nothing shown"  # neither a fall nor a bias; with few faces both may be there
CHANGES = ("auc_change", "shift_real", "shift_fake", "bias")
SCORED = ["network", "transform", "level", "face_id", "label", "clean", "changed"]
SIDES = {"both": (0, 1), "reals": (0,), "fakes": (1,)}


def score_changes(
    scorers: Mapping[str, Scorer],
    pixels: np.ndarray,
    faces: pd.DataFrame,
    transforms: Mapping[str, Transform],
    *,
    seed: int = 0,
    progress: Progress = report_progress,
) -> pd.DataFrame:
    """Scores faces unchanged and under every transform at each of its levels.

    Args:
        scorers: for each network's name, from uint8 `[n, side, side, 3]` to P(fake) `[n]`.
        pixels: uint8 `[N, side, side, 3]`, usually a memory map.
        faces: face_id, label and row (the place in `pixels`), a row a face.
        transforms: what to do to them.
        seed: of what is drawn at random in the transforms.
        progress: told a fraction 0 to 1 and a few words.

    Returns:
        network, transform, level, face_id, label, clean, changed: a row a face and condition,
        float64 scores. No rows without scorers or faces.
    """
    if not scorers or not len(faces):
        return pd.DataFrame(columns=SCORED)
    conditions = [(each, level) for each in transforms.values() for level in each.levels]
    names = faces["face_id"].tolist()
    clean = _score(scorers, lambda part: pixels[faces["row"].to_numpy()[part]], len(faces))
    parts = []
    for number, (transform, level) in enumerate(conditions):
        progress(number / len(conditions), f"{transform.title}, {transform.label(level)}")

        def changed(part: slice, transform=transform, level=level) -> np.ndarray:
            shown = np.asarray(pixels[faces["row"].to_numpy()[part]])
            return apply(transform, level, shown, names[part], seed)

        for network, scores in _score(scorers, changed, len(faces)).items():
            table = faces[["face_id", "label"]].assign(clean=clean[network], changed=scores)
            parts.append(table.assign(network=network, transform=transform.name, level=level))
    return pd.concat(parts, ignore_index=True)[SCORED]


def measure_curves(
    scored: pd.DataFrame,
    faces: pd.DataFrame,
    thresholds: Mapping[str, float],
    transforms: Mapping[str, Transform],
    *,
    resamples: int,
    seed: int = 0,
    progress: Progress = report_progress,
) -> dict[str, dict[str, Any]]:
    """Returns for each network what `score_changes` found, as plain data for stress.json.

    For each network: `clean` (see `measure`) and `conditions`, each with `transform`, `level`,
    `label`; `both` (AUC and recalls of changed faces), `reals` and `fakes` (the AUC when only
    that class was changed); `auc_change` (changed minus clean, paired, with DeLong's `p` and
    Holm's `adjusted` one); `shift_real` and `shift_fake` (of the mean score) and `bias` (the mean
    of the two); and `verdict`.

    Args:
        scored: what `score_changes` returned.
        faces: the same faces with group and file_id, for the intervals.
        thresholds: of each network, chosen on validation.
        transforms: what `scored` holds.
        resamples, seed: of the bootstrap.
        progress: told a fraction 0 to 1 and a few words.

    Raises:
        DataError: the faces are all of one class (see `study.missing_class`).
    """
    extra = [name for name in ("group", "file_id", "cluster") if name in faces]
    joined = scored.merge(faces[["face_id", *extra]], on="face_id", validate="many_to_one")
    total = len(scored[["network", "transform", "level"]].drop_duplicates())
    found: dict[str, dict[str, Any]] = {}
    done = 0
    options = {"resamples": resamples, "seed": seed}
    for network, own in joined.groupby("network", sort=False):
        threshold = thresholds[network]
        conditions = []
        for transform, level, part in _conditions(own, transforms):
            if not conditions:
                clean = measure(part, threshold, column="clean", **options)
            entry = _measure_condition(part, threshold, options)
            entry = {"transform": transform.name, "level": level, **entry}
            conditions.append(entry | {"label": transform.label(level)})
            done += 1
            progress(done / total, f"{network}, {transform.title}")
        _judge(conditions)
        found[network] = {"threshold": threshold, "clean": clean, "conditions": conditions}
    return found


def curves_table(curves: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Returns `measure_curves`' numbers as a flat table, for CSV: a row a condition."""
    rows = []
    for network, found in curves.items():
        for condition in found["conditions"]:
            row = {"network": network, **{key: condition[key] for key in ("transform", "level")}}
            numbers = {side: condition[side]["auc"] for side in SIDES}
            numbers |= {name: condition["both"][name] for name in ("recall_real", "recall_fake")}
            numbers |= {name: condition[name] for name in CHANGES}
            for name, entry in numbers.items():
                entry = entry or dict.fromkeys(("value", "low", "high"))
                title = f"auc_{name}" if name in SIDES else name
                row |= {title: entry["value"], f"{title}_low": entry["low"]}
                row |= {f"{title}_high": entry["high"]}
            rows.append(row | {"verdict": condition["verdict"]})
    return pd.DataFrame(rows)


def verdicts_table(curves: Mapping[str, Any]) -> pd.DataFrame:
    """Returns for a reader, all cells text, each change at the level that moves the AUC most."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for condition in curves["conditions"]:
        groups.setdefault(condition["transform"], []).append(condition)
    worst = [
        min(group, key=lambda condition: condition["auc_change"]["value"])
        for group in groups.values()
    ]
    return pd.DataFrame(
        [
            {
                "change": TRANSFORMS[condition["transform"]].title,
                "worst level": condition["label"],
                "AUC": format_interval(condition["both"]["auc"]),
                "change of AUC": format_signed(condition["auc_change"]),
                "shift of real faces": format_signed(condition["shift_real"]),
                "shift of fake faces": format_signed(condition["shift_fake"]),
                "verdict": condition["verdict"],
            }
            for condition in worst
        ]
    )


def format_signed(entry: Mapping[str, float | None]) -> str:
    """Returns "-0.12 [-0.18, -0.06]"; without brackets where there is no interval."""
    text = f"{entry['value']:+.2f}"
    if entry["low"] is None or entry["high"] is None:
        return text
    return f"{text} [{entry['low']:+.2f}, {entry['high']:+.2f}]"


def verdict_on(condition: Mapping[str, Any]) -> str:
    """Returns "weak", "biased towards fake" (or real), "weak and biased towards ...", or `NOTHING`.

    Weak: the AUC falls, and Holm's correction over all conditions leaves it significant. Biased:
    the scores of both classes move to the same side, each by more than chance and together by at
    least `SMALLEST_BIAS` on average; then real pictures are accused (or fakes trusted) for the
    change alone. Scores that shrink towards a middle move to opposite sides: no bias.
    """
    weak = falls(condition)
    shifts = condition["shift_real"], condition["shift_fake"]
    up = all(shift["low"] is not None and shift["low"] > 0 for shift in shifts)
    down = all(shift["high"] is not None and shift["high"] < 0 for shift in shifts)
    if not (up or down) or abs(condition["bias"]["value"]) < SMALLEST_BIAS:
        return "weak" if weak else NOTHING
    towards = f"biased towards {'fake' if up else 'real'}"
    return f"weak and {towards}" if weak else towards


def falls(condition: Mapping[str, Any]) -> bool:
    """Returns whether the AUC falls by more than chance, all conditions taken together."""
    change = condition["auc_change"]
    return change["value"] < 0 and change["adjusted"] < LEVEL


def _judge(conditions: list[dict[str, Any]]) -> None:
    """Adds Holm's corrected p and the verdict to each condition of one network."""
    p_values = [condition["auc_change"]["p"] for condition in conditions]
    adjusted = holm([1.0 if p is None else p for p in p_values])
    for condition, p in zip(conditions, adjusted, strict=True):
        condition["auc_change"]["adjusted"] = p
        condition["verdict"] = verdict_on(condition)


def _measure_condition(
    part: pd.DataFrame, threshold: float, options: Mapping[str, Any]
) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for side, labels in SIDES.items():
        changed = part["changed"].where(part["label"].isin(labels), part["clean"])
        names = ("auc", "recall_fake", "recall_real") if side == "both" else ("auc",)
        entry[side] = measure(part.assign(score=changed), threshold, names=names, **options)
    entry["auc_change"] = auc_change(part, "clean", "changed", options["resamples"])
    entry["shift_real"] = shift_of_class(part, 0, "clean", "changed")
    entry["shift_fake"] = shift_of_class(part, 1, "clean", "changed")
    return entry | {"bias": common_shift(part, "clean", "changed")}


def _conditions(
    own: pd.DataFrame, transforms: Mapping[str, Transform]
) -> Iterator[tuple[Transform, float, pd.DataFrame]]:
    parts = dict(list(own.groupby(["transform", "level"], sort=False)))
    for transform in transforms.values():
        for level in transform.levels:
            yield transform, level, parts[transform.name, level]


def _score(
    scorers: Mapping[str, Scorer], pictures: Callable[[slice], np.ndarray], count: int
) -> dict[str, np.ndarray]:
    """Returns each network's scores; a batch is made once for all of them."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in scorers}
    for start in range(0, count, BATCH):
        batch = np.asarray(pictures(slice(start, start + BATCH)))
        for name, scorer in scorers.items():
            found[name].append(scorer(batch))
    return {name: np.concatenate(parts) for name, parts in found.items()}
