"""Mistakes made with the pictures: files that tell the class, and one clip on both sides.

Neither detector here learns anything about forgery: that is the point. What they score is what the
mistake gives away.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ..evaluation.formats import format_interval
from ..evaluation.scores import cluster_ids
from ..runs import report_progress
from .contrast import MEASURES, Contrast, measure

BLOCK = 8  # side of the blocks that JPEG encodes
SMALL = 1.0  # DCT coefficients below it count as zero
THUMBNAIL = 16
FOLDS = 5
FEWEST_CLIPS = 3  # of each class
FEWEST_GROUPS = 4
FEW_GROUPS = 30  # below them an interval says more than its value
GUESSING = 0.5
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class FormatLeak:
    """A detector of file formats, taken for one of forgeries.

    Attributes:
        contrasts: accuracy and AUC: on leaking test files, and on the same saved alike.
        refitted: AUC of the same kind of detector fitted and tested on files saved alike.
        qualities: JPEG quality of the real and of the fake files that leak.
        pair: a real and a fake face as the leaking files hold them, uint8 [side, side, 3] each.
    """

    contrasts: list[Contrast]
    refitted: float
    qualities: tuple[int, int]
    pair: tuple[np.ndarray, np.ndarray]


def format_leak(
    pixels: np.ndarray,
    faces: pd.DataFrame,
    *,
    qualities: tuple[int, int] = (95, 75),
    resamples: int = 2000,
) -> FormatLeak:
    """Saves real and fake faces as JPEG of different quality, and fits a detector to that.

    The detector is a logistic regression on 64 numbers a face: how often each of the 64 waves of
    JPEG's 8x8 blocks is missing. Then the same test faces are saved at one quality, the one of
    the fakes, and the same detector is asked again.

    Args:
        pixels: uint8 `[N, side, side, 3]`.
        faces: the faces table.
        qualities: of the real and of the fake files.
        resamples: of the bootstrap.
    """
    train, test = (faces[faces["split"] == split] for split in ("train", "test"))
    leaking, alike = {}, {}
    for name, part in (("train", train), ("test", test)):
        each = np.where(part["label"] == 1, qualities[1], qualities[0])
        leaking[name] = _missing_waves(pixels, part, each)
        alike[name] = _missing_waves(pixels, part, np.full(len(part), qualities[1]))
        report_progress(0.5 if name == "train" else 0.7, "faces saved as JPEG")
    fitted = _regression().fit(leaking["train"], train["label"])
    names = ("accuracy", "auc")
    false, honest = (
        measure(test.assign(score=_chance(fitted, found["test"])), 0.5, names, resamples=resamples)
        for found in (leaking, alike)
    )
    again = _regression().fit(alike["train"], train["label"])
    refitted = measure(test.assign(score=_chance(again, alike["test"])), resamples=resamples)
    first = [int(test.loc[test["label"] == label, "row"].iloc[0]) for label in (0, 1)]
    return FormatLeak(
        contrasts=[
            Contrast(
                "file formats that tell the class",
                MEASURES[name],
                false[name],
                honest[name],
                len(test),
                len(test),
            )
            for name in names
        ],
        refitted=refitted["auc"].value,
        qualities=qualities,
        pair=tuple(
            save_as_jpeg(pixels[row], quality)
            for row, quality in zip(first, qualities, strict=True)
        ),
    )


def save_as_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """Returns a picture, uint8 [height, width, 3] RGB, as it looks after saving it as JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
    encoded = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), options)[1]
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]


def missing_waves(picture: np.ndarray) -> np.ndarray:
    """Returns for each of the 64 waves of 8x8 blocks how often it is missing, float64 [64].

    The logarithm of the share of blocks in which its DCT coefficient is below 1: JPEG rounds
    away more of them, the lower the quality.
    """
    gray = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY).astype(np.float64) - 128
    high, wide = (side // BLOCK for side in gray.shape)
    blocks = gray[: high * BLOCK, : wide * BLOCK].reshape(high, BLOCK, wide, BLOCK)
    waves = _WAVES @ blocks.transpose(0, 2, 1, 3) @ _WAVES.T
    return np.log((np.abs(waves) < SMALL).mean(axis=(0, 1)).ravel() + 0.01)


@dataclass(frozen=True)
class SharedGroups:
    """Faces of one clip, or of one group, on both sides of a split.

    Attributes:
        contrast: AUC with a split by picture, and by group, of the same faces.
        what: "frames of one clip" or "pictures of one group".
        groups: how many groups there are.
        neighbours: share of faces whose nearest training face is of their own group, in the
            split by picture.
        same_label: of these, the share whose nearest training face also has their label.
    """

    contrast: Contrast
    what: str
    groups: int
    neighbours: float
    same_label: float


def shared_groups(
    pixels: np.ndarray, faces: pd.DataFrame, *, seed: int, resamples: int = 2000
) -> SharedGroups | None:
    """Splits the same faces by picture and by group, and asks the nearest neighbour.

    A face gets the label of the training face whose 16x16 thumbnail is most like its own: a
    detector of likeness that cannot know a forgery. Five folds, so that every face is asked once.
    The faces are the frames of clips where there are at least three clips of each class, else
    all faces of groups that hold more than one.

    Args:
        pixels: uint8 `[N, side, side, 3]`.
        faces: the faces table.
        seed: of the folds.
        resamples: of the bootstrap.

    Returns:
        What came of it; None for data that name too few groups.
    """
    known = faces[faces["split"].isin(SPLITS)]
    what, chosen = _with_company(known)
    units = cluster_ids(chosen).astype(str)
    if len(np.unique(units)) < FEWEST_GROUPS:
        return None
    labels = chosen["label"].to_numpy()
    thumbnails = np.stack([_thumbnail(pixels[row]) for row in chosen["row"]])
    by_picture = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(thumbnails, labels)
    folds = min(FOLDS, len(np.unique(units)))
    by_group = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    nearest = _nearest(thumbnails, by_picture)
    far = _nearest(thumbnails, by_group.split(thumbnails, labels, units))
    false, honest = (
        measure(chosen.assign(score=labels[found].astype(np.float64)), resamples=resamples)["auc"]
        for found in (nearest, far)
    )
    own = units[nearest] == units
    return SharedGroups(
        contrast=Contrast(
            f"{what} on both sides", MEASURES["auc"], false, honest, len(chosen), len(chosen)
        ),
        what=what,
        groups=len(np.unique(units)),
        neighbours=float(own.mean()),
        same_label=float((labels[nearest] == labels)[own].mean()) if own.any() else 0.0,
    )


def describe_format(found: FormatLeak) -> list[str]:
    """Returns the sentences on the format leak."""
    (accuracy, _), (real, fake) = found.contrasts, found.qualities
    return [
        f"Real faces saved as JPEG of quality {real}, fakes of quality {fake}: a logistic "
        f"regression on 64 numbers a face reaches accuracy {accuracy.false.value:.3f}.",
        f"The same test faces, all saved at quality {fake}: accuracy "
        f"{accuracy.honest.value:.3f}, AUC {found.contrasts[1].honest.value:.3f}.",
        f"Fitted again, on faces that were all saved alike, its AUC is {found.refitted:.3f}: so "
        "much these 64 numbers can tell without the leak.",
    ]


def describe_groups(found: SharedGroups | None) -> list[str]:
    """Returns the sentences on groups that lie on both sides, or that there are too few."""
    if found is None:
        return [
            "These faces name too few groups (people, or source videos) with more than one face: "
            "what a split by picture gives away cannot be shown here. That is no sign that "
            "nothing is given away."
        ]
    return [
        f"{found.contrast.false_faces:,} faces in {found.groups:,} groups. Split by picture, the "
        f"most similar training face belongs to the same group for {found.neighbours:.0%} of "
        f"them, and has their label in {found.same_label:.0%} of these cases.",
        found.contrast.sentence(),
        _meaning(found.contrast),
        *_on_few_groups(found),
    ]


def _meaning(contrast: Contrast) -> str:
    low, high = contrast.false.low, contrast.false.high
    if low is None or low > GUESSING:
        return "Nothing was learned about forgery, and yet it scores: likeness alone does it."
    if high < GUESSING:
        return (
            "Below 0.5: the neighbour of a fake is the real picture it was made from. Here the "
            "leak hurts this detector, and one that knew the trick would turn its verdicts around."
        )
    return "Here likeness gives nothing away that this detector could use."


def _on_few_groups(found: SharedGroups) -> list[str]:
    if found.groups >= FEW_GROUPS:
        return []
    return [
        f"With {found.groups} groups the honest number is hardly known: "
        f"{format_interval(found.contrast.honest)} is what its interval leaves open."
    ]


def _with_company(known: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Returns the faces that have others of their clip or group, and what those are called."""
    frames = known[known.groupby("file_id")["face_id"].transform("count") > 1]
    clips = frames.drop_duplicates("file_id")["label"].value_counts()
    if min(clips.get(0, 0), clips.get(1, 0)) >= FEWEST_CLIPS:
        return "frames of one clip", frames
    named = known[known["group"].fillna("") != ""]
    return "pictures of one group", named[named.groupby("group")["face_id"].transform("count") > 1]


def _nearest(thumbnails: np.ndarray, folds) -> np.ndarray:
    """Returns for each face the place of the most similar one among the others' folds, int [n]."""
    found = np.empty(len(thumbnails), dtype=np.int64)
    for train, test in folds:
        neighbours = KNeighborsClassifier(1).fit(thumbnails[train], np.zeros(len(train)))
        found[test] = train[neighbours.kneighbors(thumbnails[test], return_distance=False)[:, 0]]
    return found


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    small = cv2.resize(np.asarray(picture), (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return small.ravel().astype(np.float32) / 255


def _missing_waves(pixels: np.ndarray, part: pd.DataFrame, qualities: np.ndarray) -> np.ndarray:
    pairs = zip(part["row"], qualities, strict=True)
    return np.stack([missing_waves(save_as_jpeg(pixels[row], each)) for row, each in pairs])


def _regression():
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))


def _chance(fitted, features: np.ndarray) -> np.ndarray:
    return fitted.predict_proba(features)[:, 1]


def _wave_table() -> np.ndarray:
    """Returns the DCT of JPEG (ITU-T T.81, A.3.3) as a matrix, float64 [8, 8]."""
    steps = np.arange(BLOCK)
    table = np.cos((2 * steps[None] + 1) * steps[:, None] * np.pi / (2 * BLOCK))
    return table * np.where(steps[:, None] == 0, np.sqrt(1 / BLOCK), np.sqrt(2 / BLOCK))


_WAVES = _wave_table()
