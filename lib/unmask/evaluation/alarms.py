"""Sanity alarms: patterns in numbers that mean a mistake far more often than a result.

Each check is a small function that returns None or an alarm: plain data with `name`, `light`
("red": do not believe the number; "amber": look first), `sentence` and `fix`. `alarms_of` runs
those that concern one member.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .comparison import Comparison, describe_ends, is_better, is_worse
from .floors import compare_with_floors
from .members import Result, find_floors, read_histories
from .rates import wilson
from .scores import score_matrix
from .summary import format_interval

Alarm = dict[str, str]
Entry = Mapping[str, float | None]

# What is looked for, by the name of the alarm.
CHECKS = {
    "misaligned labels": "AUC near 0.5 on test though it is high on validation",
    "flipped labels": "AUC far below 0.5",
    "stuck at the majority": "validation accuracy equal to the larger class's share for two epochs",
    "one-sided verdicts": "all test faces on one side of the threshold, or nearly equal scores",
    "class totals": "numbers of real and fake faces that differ from the table of faces",
    "overfitting": "training accuracy far above validation accuracy",
    "floor not beaten": "a simple floor that does as well as the detector, or better",
}
CHANCE = 0.5
NEAR_CHANCE = 0.02  # what labels out of step leave on some thousand faces
CLEARLY_LEARNED = 0.7  # on validation; on 100 faces three standard errors above chance
CLEARLY_TURNED = 0.4  # on 400 faces three standard errors below chance
STUCK_EPOCHS = 2
NEARLY_CONSTANT = 1e-3  # range of all scores: a network that does not look at its input
# A network that has learned its faces by heart shows near 1 in training: 0.2 is then as far as
# from 0.95 to 0.75. Dropout and augmentation lower training accuracy, never validation's, so a gap
# of 0.1 is already a sign.
OVERFITTED, OVERFITTING = 0.2, 0.1


def misaligned_labels(name: str, val: Entry | None, test: Entry | None) -> Alarm | None:
    """Alarms when test is at chance though validation is not: labels and scores out of step.

    Red within 0.02 of 0.5, amber when the interval of test holds 0.5.

    Args:
        name: of the member.
        val, test: its AUC with low and high, None where not defined.
    """
    if val is None or test is None or val["value"] <= CLEARLY_LEARNED:
        return None
    near = abs(test["value"] - CHANCE) <= NEAR_CHANCE
    if not near and not _holds_chance(test):
        return None
    return _alarm(
        "misaligned labels",
        "red" if near else "amber",
        f"{name} has an AUC of {format_interval(test)} on test, which is or may be chance, but "
        f"{val['value']:.3f} on validation.",
        "look whether test labels stand beside the scores of other faces; score test again",
    )


def flipped_labels(name: str, split: str, area: Entry | None) -> Alarm | None:
    """Alarms when real faces get higher scores than fakes: labels or outputs are turned around.

    Red, or amber when so few faces are there that the interval holds 0.5.
    """
    if area is None or area["value"] >= CLEARLY_TURNED:
        return None
    unsure = _holds_chance(area)
    claim = (
        "looks turned around, or is chance" if unsure else "tells the classes apart the wrong way"
    )
    return _alarm(
        "flipped labels",
        "amber" if unsure else "red",
        f"{name} has an AUC of {format_interval(area)} on {split}: it {claim}.",
        "check that 1 means fake in labels and in the network's output",
    )


def stuck_at_majority(name: str, history: pd.DataFrame, share: float, faces: int) -> Alarm | None:
    """Alarms when validation accuracy is the larger class's share for two epochs in a row.

    Red when the kept or the last epoch is one of them, amber when the training got away from it.
    Never for a linear head: the rows of its history are penalties that were tried, not epochs.

    Args:
        name: of the training.
        history: a row an epoch, with val_accuracy and val_loss.
        share: of the larger class among the validation faces.
        faces: how many validation faces there are.
    """
    if history.empty or "penalty" in history:
        return None
    stuck = (history["val_accuracy"] - share).abs() < 0.5 / max(faces, 1)
    runs = stuck.groupby((~stuck).cumsum()).transform("sum").where(stuck, 0)
    long = (runs >= STUCK_EPOCHS).to_numpy()
    if not long.any():
        return None
    kept = int(history["val_loss"].to_numpy().argmin())
    still = bool(long[kept] or long[-1])
    end = "" if still else ", and then left it"
    return _alarm(
        "stuck at the majority",
        "red" if still else "amber",
        f"{name} had a validation accuracy of {share:.1%}, the share of the larger class, for "
        f"{int(runs.max())} epochs in a row{end}.",
        "look whether labels fit the network's output; lower the learning rate or train longer",
    )


def one_sided(name: str, scores: pd.DataFrame, thresholds: Mapping[str, float]) -> Alarm | None:
    """Alarms when a seed calls all test faces the same, or gives all nearly the same score.

    Args:
        name: of the member.
        scores: its test rows, with labels of both classes.
        thresholds: by seed, as text.
    """
    if scores["label"].nunique() < 2:
        return None
    seeds = sorted(int(seed) for seed in scores["seed"].unique())
    _, matrix = score_matrix(scores)
    found = []
    for seed, row in zip(seeds, matrix, strict=True):
        called = row >= thresholds[str(seed)]
        if row.max() - row.min() < NEARLY_CONSTANT:
            found.append(f"gives all {len(row):,} test faces nearly the same score")
        elif called.all() or not called.any():
            side = "fake" if called.all() else "real"
            found.append(f"calls all {len(row):,} test faces {side} at its threshold")
    if not found:
        return None
    return _alarm(
        "one-sided verdicts",
        "red",
        f"{name} {' and '.join(dict.fromkeys(found))}.",
        "look at the histogram of scores: the input may be scaled twice, or the training diverged",
    )


def class_totals(name: str, metrics: Mapping[str, Any], faces: pd.DataFrame) -> Alarm | None:
    """Alarms when metrics.json counts other numbers of real and fake faces than `faces` holds."""
    wrong = []
    for split in ("val", "test"):
        labels = faces.loc[faces["split"] == split, "label"]
        have = tuple(int((labels == label).sum()) for label in (0, 1))
        block = metrics["splits"][split]
        counted = (block["n_real"], block["n_fake"])
        judged = tuple(sum(row) for row in block["confusion_matrix"])
        seeds = block["seeds"]
        holds = f"where the table holds {have[0]:,} and {have[1]:,}"
        if counted != have:
            wrong.append(f"{counted[0]:,} real and {counted[1]:,} fake faces of {split}, {holds}")
        elif judged != tuple(number * seeds for number in have):
            wrong.append(
                f"{judged[0]:,} verdicts on real and {judged[1]:,} on fake faces of {split} by "
                f"{seeds} trainings, {holds}"
            )
    if not wrong:
        return None
    return _alarm(
        "class totals",
        "red",
        f"The numbers of {name} are about {'; '.join(wrong)}.",
        "run the step of this detector again: its numbers are of other faces",
    )


def overfitting(name: str, history: pd.DataFrame, faces: int) -> Alarm | None:
    """Alarms when training accuracy lies far above that of validation at the kept epoch.

    Training accuracy must also lie above validation's 95% interval: few faces vary much.

    Args:
        name: of the training.
        history: a row an epoch, with accuracy, val_accuracy and val_loss.
        faces: how many validation faces there are.
    """
    if history.empty or not faces:
        return None
    kept = history.iloc[int(history["val_loss"].to_numpy().argmin())]
    training, validation = float(kept["accuracy"]), float(kept["val_accuracy"])
    gap = training - validation
    if gap < OVERFITTING or training <= (wilson(validation * faces, faces).high or 0.0):
        return None
    return _alarm(
        "overfitting",
        "red" if gap >= OVERFITTED else "amber",
        f"{name} gets {training:.1%} of its training faces right but {validation:.1%} of the "
        "validation faces: it has learned its faces by heart.",
        "train on more people, augment, or take a smaller network; quote validation or test only",
    )


def floor_not_beaten(name: str, against: Mapping[str, Comparison]) -> Alarm | None:
    """Alarms when a floor is better on test (red) or cannot be told apart (amber).

    The sentence names the floor with the highest AUC of these.

    Args:
        name: of the member.
        against: its numbers minus each floor's, by floor, of `floors.compare_with_floors`.
    """
    better = {floor: each.auc for floor, each in against.items() if is_worse(each.auc)}
    equal = {floor: each.auc for floor, each in against.items() if not is_better(each.auc)}
    found = better or equal
    if not found:
        return None
    floor = min(found, key=lambda each: found[each].value)
    difference = found[floor]
    claim = "does worse than" if better else "cannot be told apart from"
    return _alarm(
        "floor not beaten",
        "red" if better else "amber",
        f"{name} {claim} {floor} on {difference.n:,} test faces (difference in AUC "
        f"{difference.value:+.3f}, {describe_ends(difference)}; all floors were tried, the tests "
        "corrected for that).",
        "do not speak of a detector of fakes here: it may use what the floor uses, or less",
    )


def alarms_of(
    result: Result,
    histories: Mapping[str, pd.DataFrame],
    against: Mapping[str, Comparison],
    faces: pd.DataFrame,
) -> list[Alarm]:
    """Returns the alarms that a member raises, in the order of CHECKS.

    Args:
        result: the member.
        histories: a table an epoch for each of its trainings, by name, as `read_histories`
            returns; empty for what is not trained in epochs.
        against: its numbers minus those of each floor, by the floor's name.
        faces: the faces table.
    """
    name = result.name
    areas = {split: result.metrics["splits"][split]["metrics"]["auc"] for split in ("val", "test")}
    labels = faces.loc[faces["split"] == "val", "label"]
    share = float(max(labels.mean(), 1 - labels.mean())) if len(labels) else CHANCE
    test = result.select("test", "sanity alarms")
    trainings = list(histories.items())
    found = [
        misaligned_labels(name, areas["val"], areas["test"]),
        *(flipped_labels(name, split, area) for split, area in areas.items()),
        *(stuck_at_majority(each, history, share, len(labels)) for each, history in trainings),
        one_sided(name, test, result.metrics["threshold"]["by_seed"]) if len(test) else None,
        class_totals(name, result.metrics, faces),
        *(overfitting(each, history, len(labels)) for each, history in trainings),
        floor_not_beaten(name, against),
    ]
    return [alarm for alarm in found if alarm is not None]


def alarms_of_step(
    results: Sequence[Result], run_folder: str | Path, faces: pd.DataFrame, resamples: int
) -> list[Alarm]:
    """Returns the alarms of the members of a step, from their histories and the run's floors.

    Args:
        results: the members, with the folders they lie in.
        run_folder: of the run.
        faces: its faces table.
        resamples: of the bootstrap against the floors, at least 1.
    """
    against = compare_with_floors(results, find_floors(run_folder, faces), resamples)
    found = []
    for result in results:
        histories = read_histories(result.folder.parent, [result.folder.name])
        found += alarms_of(result, histories, against.get(result.name, {}), faces)
    return found


def alarms_of_loaded(
    results: Sequence[Result], faces: pd.DataFrame, raised: Sequence[Mapping[str, str]] = ()
) -> list[Alarm]:
    """Returns what is wrong with numbers read from disk, besides the alarms `raised` already.

    The steps that trained the members checked everything else; the faces may have changed since.
    """
    known = {(alarm["name"], alarm["sentence"]) for alarm in raised}
    found = [class_totals(result.name, result.metrics, faces) for result in results]
    alarms = [alarm for alarm in found if alarm is not None]
    return [alarm for alarm in alarms if (alarm["name"], alarm["sentence"]) not in known]


def _holds_chance(area: Entry) -> bool:
    low, high = area.get("low"), area.get("high")
    return low is not None and high is not None and low <= CHANCE <= high


def _alarm(name: str, light: str, sentence: str, fix: str) -> Alarm:
    return {"name": name, "light": light, "sentence": sentence, "fix": fix}
