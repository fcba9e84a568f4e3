"""Tables of scores: joined with the faces they are about, and turned into arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..errors import DataError

CLASS_NAMES = ("real", "fake")  # by label
SPLITS = ("val", "test", "unseen")
ALL_SPLITS = ("train", *SPLITS)
HELD_OUT = ("test", "unseen")  # what chooses anything must not read these
SCORE_COLUMNS = ("face_id", "split", "label", "score")
FACE_COLUMNS = ("face_id", "file_id", "label", "generator", "group", "split")


def attach_faces(scores: pd.DataFrame, faces: pd.DataFrame) -> pd.DataFrame:
    """Returns `scores` with the columns of `faces` (group, generator, file_id, ...) beside it.

    Labels are never trusted twice: each scored face must be in `faces` once, with the same label
    and split, and every face of a scored split must have been scored by every seed.

    Args:
        scores: face_id, split, label, score and, when there are several trainings, seed.
        faces: the faces table, one row a face.

    Returns:
        The rows of `scores` in their order, with `seed` (0 where there was none).

    Raises:
        DataError: a column is missing, a face is unknown, doubled or left out, a label differs.
    """
    require_columns(scores, SCORE_COLUMNS, "The scores table")
    require_columns(faces, FACE_COLUMNS, "The faces table")
    scores = scores.assign(seed=scores.get("seed", 0))
    _check_unique(scores, faces)
    extra = [name for name in faces if name not in scores or name in ("label", "split")]
    joined = scores.merge(
        faces[["face_id", *[name for name in extra if name != "face_id"]]],
        on="face_id",
        how="left",
        suffixes=("", "_of_face"),
        indicator=True,
    )
    _check_agreement(joined)
    _check_totals(scores, faces)
    return joined.drop(columns=["label_of_face", "split_of_face", "_merge"])


def select_scores(frame: pd.DataFrame, split: str, *, reason: str = "") -> pd.DataFrame:
    """Returns the rows of one split of a scores table.

    Args:
        frame: a scores table.
        split: "val", "test" or "unseen".
        reason: why the test or unseen scores are read, in words: whoever chooses a model, a
            threshold, a calibration or weights must not.

    Raises:
        ValueError: an unknown split, or test or unseen scores without a reason.
    """
    if split not in SPLITS:
        raise ValueError(f"no split {split!r} is scored; there are {', '.join(SPLITS)}")
    if split in HELD_OUT and not reason:
        raise ValueError(f"say why: select_scores(frame, {split!r}, reason='final scores')")
    return frame[frame["split"] == split]


def score_matrix(frame: pd.DataFrame, column: str = "score") -> tuple[pd.DataFrame, np.ndarray]:
    """Returns the faces of `frame` (one row a face, in face_id order) and their scores by seed.

    Args:
        frame: a scores table, usually one split of it, with `seed` or for a single training.
        column: `score` or `calibrated`.

    Returns:
        The faces, n rows; and float64 scores `[seeds, n]`, seeds in rising order.

    Raises:
        DataError: the seeds do not score the same faces, or a score is missing.
    """
    if "seed" not in frame:
        frame = frame.assign(seed=0)
    table = frame.pivot(index="seed", columns="face_id", values=column)
    matrix = table.to_numpy(dtype=np.float64)
    if np.isnan(matrix).any():
        raise DataError(
            f"{int(np.isnan(matrix).sum())} scores are missing or not a number.",
            expected=f"one {column} for each face and seed",
            fix="score the split again with every seed",
        )
    faces = frame.drop_duplicates("face_id").set_index("face_id").loc[table.columns].reset_index()
    return faces, matrix


def cluster_ids(frame: pd.DataFrame) -> np.ndarray:
    """Returns what belongs together, a string a row: the same one for all that are linked.

    Two rows are linked by the same group, the same near copies (`cluster`), the same file or the
    same face, and through any chain of these, as the splits keep them together. Frames of one
    clip, copies of one picture, or pictures of one person, are not independent: intervals
    resample these. A unit is named after its group, else near copies, file or face; of several
    such names it takes the first in order.
    """
    names = frame["face_id"].astype(str)
    links = [names]
    for column in ("file_id", "cluster", "group"):
        if column in frame:
            values = frame[column].fillna("").astype(str)
            names = names.where(values == "", column + ":" + values)
            links.append(values)
    units = _connected(links)
    codes, sorted_names = pd.factorize(names.to_numpy(dtype=object), sort=True)
    first = np.full(len(names), len(names))
    np.minimum.at(first, units, codes)
    return np.asarray(sorted_names, dtype=object)[first[units]]


def _connected(links: list[pd.Series]) -> np.ndarray:
    """Returns int [n], the connected component of each row: rows share a value of some column.

    An empty value links nothing. Rows and values are the vertices of one graph.
    """
    count, rows, values = len(links[0]), [], []
    if not count:
        return np.empty(0, dtype=np.int64)
    most = count
    for column in links:
        filled = np.flatnonzero(column.to_numpy() != "")
        codes, known = pd.factorize(column.to_numpy()[filled])
        rows.append(filled)
        values.append(codes + most)
        most += len(known)
    ends = (np.concatenate(rows), np.concatenate(values))
    graph = coo_array((np.ones(len(ends[0])), ends), shape=(most, most))
    return connected_components(graph, directed=False)[1][:count]


def require_columns(frame: pd.DataFrame, columns: tuple[str, ...], what: str) -> None:
    """Raises DataError when `frame` lacks one of `columns`; `what` begins the message."""
    missing = [name for name in columns if name not in frame]
    if missing:
        raise DataError(
            f"{what} has no column {', '.join(missing)}.",
            expected=f"the columns {', '.join(columns)}",
            fix="write the table again with the step that makes it",
        )


def _check_unique(scores: pd.DataFrame, faces: pd.DataFrame) -> None:
    for frame, keys, what in (
        (scores, ["face_id", "seed"], "scores table"),
        (faces, ["face_id"], "faces table"),
    ):
        doubled = frame[frame.duplicated(keys)]
        if len(doubled):
            raise DataError(
                f"The {what} holds {len(doubled)} rows twice, first {doubled.iloc[0]['face_id']}.",
                expected=f"one row for each {' and '.join(keys)}",
                fix="write the table again with the step that makes it",
            )


def _check_agreement(joined: pd.DataFrame) -> None:
    unknown = joined["_merge"] != "both"
    for wrong, what in (
        (unknown, "are not in the faces table"),
        (joined["label"] != joined["label_of_face"], "have another label than in the faces table"),
        (joined["split"] != joined["split_of_face"], "have another split than in the faces table"),
    ):
        if wrong.any():
            first = joined.loc[wrong, "face_id"].iloc[0]
            raise DataError(
                f"{int(wrong.sum())} scored faces {what}, first {first}.",
                expected="scores and faces of the same preprocessing run",
                fix="run the training step again after preprocessing",
            )


def _check_totals(scores: pd.DataFrame, faces: pd.DataFrame) -> None:
    expected = faces.groupby(["split", "label"]).size()
    for (seed, split), part in scores.groupby(["seed", "split"]):
        found = part["label"].value_counts()
        for label in (0, 1):
            want = int(expected.get((split, label), 0))
            have = int(found.get(label, 0))
            if have != want:
                kind = "fake" if label else "real"
                raise DataError(
                    f"Seed {seed} scored {have} of the {want} {kind} faces of the split {split}.",
                    expected="a score for every face, so that no face is left out silently",
                    fix="score the split again",
                )
