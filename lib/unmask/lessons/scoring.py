"""Mistakes made with scores alone: which faces, which labels, which threshold, which epoch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import DataError
from ..evaluation.alarms import misaligned_labels
from ..evaluation.formats import format_interval
from ..evaluation.intervals import Interval
from ..evaluation.ledger import note_test_use
from ..evaluation.metrics import compute_metrics
from ..evaluation.scores import attach_faces
from ..evaluation.threshold import choose_threshold
from .contrast import MEASURES, Contrast, measure
from .trained import Trained

SCORE_COLUMNS = ["face_id", "split", "label", "score"]
ROUGH = 200  # resamples where only the alarm is asked
CUT_SHARE = 0.2  # of the faces at hand: Keras' usual validation_split


@dataclass(frozen=True)
class OverlappingCut:
    """A second random cut, and the honest test.

    Attributes:
        contrasts: accuracy and AUC, false and honest.
        cut: the rows of the cut.
        training_share: which part of it was trained on.
        accuracies: of each part, "train", "val", "cut" and "test", at the same threshold.
    """

    contrasts: list[Contrast]
    cut: pd.DataFrame
    training_share: float
    accuracies: dict[str, float]


def overlapping_cut(trained: Trained, *, seed: int, resamples: int) -> OverlappingCut:
    """Draws a "test" cut from the faces that were already split into train and val.

    That is what a second call of Keras' `validation_split` with another seed does: it knows
    nothing of the first. The threshold is chosen on validation, for both numbers.

    Args:
        trained: the scores.
        seed: of the cut.
        resamples: of the bootstrap.
    """
    at_hand = trained.scores[trained.scores["split"].isin(("train", "val"))]
    cut = at_hand.sample(frac=CUT_SHARE, random_state=seed)
    test, val = trained.of("test"), trained.of("val")
    threshold = choose_threshold(val["label"], val["score"])
    names = ("accuracy", "auc")
    false, honest = (measure(part, threshold, names, resamples=resamples) for part in (cut, test))
    parts = {"train": trained.of("train"), "val": val, "cut": cut, "test": test}
    return OverlappingCut(
        contrasts=[
            Contrast(
                "a test cut that overlaps training",
                MEASURES[name],
                false[name],
                honest[name],
                len(cut),
                len(test),
            )
            for name in names
        ],
        cut=cut,
        training_share=float((cut["split"] == "train").mean()),
        accuracies={
            name: compute_metrics(part["label"], part["score"], threshold)["accuracy"]
            for name, part in parts.items()
        },
    )


@dataclass(frozen=True)
class MisalignedLabels:
    """Labels beside the scores of other faces.

    Attributes:
        contrast: AUC, false and honest.
        labels: int64 [n], the labels in the wrong order.
        val_auc: on validation, where nothing is wrong.
        alarm: what `alarms.misaligned_labels` says to such numbers, "" when it stays silent.
        light: of that alarm, "red" or "amber".
        power: share of wrong orders that set the alarm off, red or amber.
        refusal: what joining by face_id says when labels are changed.
    """

    contrast: Contrast
    labels: np.ndarray
    val_auc: float
    alarm: str
    light: str
    power: float
    refusal: str


def misalign(
    trained: Trained, faces: pd.DataFrame, *, seed: int, resamples: int, orders: int = 100
) -> MisalignedLabels:
    """Puts the test labels in another order than the scores, as two data pipelines do.

    Args:
        trained: the scores.
        faces: the faces table, which knows better.
        seed: of the wrong order.
        resamples: of the bootstrap.
        orders: wrong orders on which the alarm is tried.
    """
    test, val = trained.of("test"), trained.of("val")
    generator = np.random.default_rng(seed)
    labels = generator.permutation(test["label"].to_numpy())
    false = measure(test, labels=labels, resamples=resamples)["auc"]
    honest = measure(test, resamples=resamples)["auc"]
    on_val = measure(val, resamples=resamples)["auc"]

    def alarm_on(area: Interval) -> dict[str, str] | None:
        return misaligned_labels("The network", on_val.as_dict(), area.as_dict())

    heard = [
        alarm_on(measure(test, labels=generator.permutation(labels), resamples=ROUGH)["auc"])
        for _ in range(orders)
    ]
    alarm = alarm_on(false) or {"sentence": "", "light": ""}
    title, faces_scored = "labels in another order than the scores", len(test)
    return MisalignedLabels(
        contrast=Contrast(title, MEASURES["auc"], false, honest, faces_scored, faces_scored),
        labels=labels,
        val_auc=on_val.value,
        alarm=alarm["sentence"],
        light=alarm["light"],
        power=float(np.mean([each is not None for each in heard])),
        refusal=_refusal(test.assign(label=labels), trained, faces),
    )


def _refusal(wrong: pd.DataFrame, trained: Trained, faces: pd.DataFrame) -> str:
    known = faces[faces["split"].isin(("val", "test"))]
    table = pd.concat([wrong[SCORE_COLUMNS], trained.of("val")[SCORE_COLUMNS]])
    try:
        attach_faces(table, known)
    except DataError as error:
        return error.what
    return ""


def threshold_on_test(trained: Trained, *, resamples: int) -> tuple[Contrast, dict[str, float]]:
    """Chooses the threshold of the highest balanced accuracy on test, and on validation.

    Returns:
        Balanced accuracy on test at both thresholds; and the thresholds, "test" and "val".
    """
    test = trained.of("test")
    thresholds = {
        split: choose_threshold(trained.of(split)["label"], trained.of(split)["score"])
        for split in ("test", "val")
    }
    name = "balanced_accuracy"
    false, honest = (
        measure(test, thresholds[split], (name,), resamples=resamples)[name]
        for split in ("test", "val")
    )
    contrast = Contrast(
        "a threshold chosen on test", MEASURES[name], false, honest, len(test), len(test)
    )
    return contrast, thresholds


def epoch_on_test(trained: Trained, *, resamples: int) -> tuple[Contrast, int]:
    """Keeps the epoch that is best on test, where validation should choose.

    Returns:
        The test AUC of both epochs; and the epoch that test likes best.
    """
    favourite = int(trained.epochs["epoch"].iloc[int(trained.epochs["test_auc"].argmax())])
    scores = trained.by_epoch[trained.by_epoch["split"] == "test"]
    grouped = trained.of("test").drop(columns=["score", "split", "label"])
    false, honest = (
        measure(scores[scores["epoch"] == epoch].merge(grouped, on="face_id"), resamples=resamples)[
            "auc"
        ]
        for epoch in (favourite, trained.chosen)
    )
    test_faces = len(trained.of("test"))
    contrast = Contrast(
        "the best of many epochs, chosen on test",
        MEASURES["auc"],
        false,
        honest,
        test_faces,
        test_faces,
    )
    return contrast, favourite


def note_looks(trained: Trained, run_folder: str | Path, faces: pd.DataFrame) -> list[str]:
    """Notes in the ledger that test was scored after every epoch, each epoch with its scores.

    Returns:
        A notice when the ledger cannot be written.
    """
    what = ("small network", "mistakes made on purpose")
    notices = [
        note_test_use(run_folder, faces, *what, step="lesson", scores=scores)
        for _, scores in trained.by_epoch.groupby("epoch")
    ]
    return list(dict.fromkeys(filter(None, notices)))


def describe_cut(found: OverlappingCut) -> list[str]:
    """Returns the sentences on the overlapping cut."""
    shares = {name: f"{value:.3f}" for name, value in found.accuracies.items()}
    return [
        f"{found.training_share:.0%} of the {len(found.cut):,} faces in the second cut were "
        "trained on.",
        f"Accuracy at one threshold: {shares['train']} on the training faces, {shares['cut']} on "
        f"the second cut, {shares['val']} on validation, {shares['test']} on the test faces that "
        "nothing touched.",
    ]


def describe_misaligned(found: MisalignedLabels) -> list[str]:
    """Returns the sentences on labels in the wrong order, and on what notices them."""
    heard = "The alarm for labels out of step stays silent at this very number."
    if found.alarm:
        heard = f"The alarm for labels out of step goes off ({found.light}): {found.alarm}"
    return [
        f"On validation the AUC is {found.val_auc:.3f}; on test, with the labels in another "
        f"order, {format_interval(found.contrast.false)}.",
        heard,
        f"Of many such orders, {found.power:.0%} set it off: for labels at chance it looks at "
        "validation too, which must be clearly better.",
        f"Joining scores and faces by face_id cannot miss it: {found.refusal}",
    ]


def describe_thresholds(contrast: Contrast, thresholds: dict[str, float]) -> list[str]:
    """Returns the sentences on the threshold of test and that of validation."""
    return [
        f"Validation chooses {thresholds['val']:.3f}, test would choose {thresholds['test']:.3f}.",
        contrast.sentence(),
    ]


def describe_epochs(trained: Trained, contrast: Contrast, favourite: int) -> list[str]:
    """Returns the sentences on the epoch that test likes and the one that validation chooses."""
    if favourite == trained.chosen:
        chance = "Test and validation happen to choose the same epoch, so nothing is gained here."
        return [f"Of {len(trained.epochs)} epochs both choose number {favourite}.", chance]
    return [
        f"Of {len(trained.epochs)} epochs validation chooses number {trained.chosen}, test would "
        f"choose number {favourite}.",
        contrast.sentence(),
    ]


def describe_training(trained: Trained, resamples: int) -> list[str]:
    """Returns the sentence on the network at the epoch that validation chose."""
    areas = {
        split: format_interval(measure(trained.of(split), resamples=resamples)["auc"])
        for split in ("train", "val", "test")
    }
    return [
        f"Validation chooses epoch {trained.chosen} of {len(trained.epochs)}. AUC there: "
        f"{areas['train']} on the training faces, {areas['val']} on validation, {areas['test']} "
        "on test."
    ]
