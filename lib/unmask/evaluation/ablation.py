"""What each ingredient of a recipe is worth: the recipe against itself without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from ..errors import DataError, UsageError, nearest
from .calibration import clipped_logit
from .comparison import Difference, compare_auc, holm
from .intervals import bootstrap_metrics
from .rates import Interval
from .scores import attach_faces, cluster_ids, score_matrix, select_scores

LOGIT_EDGE = 1e-6
REASON = "what each ingredient of the recipe is worth"


@dataclass(frozen=True)
class Measured:
    """One variant on one kind of test faces.

    Attributes:
        variant: its title.
        faces: what was done to the faces.
        validation: AUC on validation faces, the mean of the seeds.
        auc: on test faces, the mean of the seeds with its interval and their spread.
        difference: the whole recipe's AUC minus this one's, paired; None for the recipe itself.
        seeds: how many trainings.
        same: whether all of several trainings gave the same scores.
    """

    variant: str
    faces: str
    validation: float
    auc: Interval
    difference: Difference | None
    seeds: int
    same: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Returns the fields as plain data, for JSON."""
        return asdict(self)


def measure_variants(
    scores: Mapping[str, Mapping[str, pd.DataFrame]], faces: pd.DataFrame, resamples: int
) -> list[Measured]:
    """Measures every variant on every kind of test faces, against the first variant.

    Args:
        scores: by variant, the recipe first, and by kind of faces a scores table of val and test.
        faces: the faces table.
        resamples: of the bootstrap.

    Returns:
        Kind by kind, each in the order of the variants; the tests of the differences in AUC are
        corrected over all of them (Holm). Empty where test lacks a class: no AUC is defined then.

    Raises:
        DataError: tables of other faces.
    """
    if faces.loc[faces["split"] == "test", "label"].nunique() < 2:
        return []
    whole, *rest = scores
    compared = _corrected(
        {
            (title, kind): _compare(scores[whole][kind], scores[title][kind], faces, resamples)
            for kind in scores[whole]
            for title in rest
        }
    )
    return [
        _measure(title, kind, scores[title][kind], faces, compared, resamples)
        for kind in scores[whole]
        for title in scores
    ]


def join_variants(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Returns the scores of several variants joined: the mean of their logits.

    Each one's logits are divided by their own spread on validation first, so that the surest
    does not drown the others; nothing else is fitted.

    Args:
        tables: scores tables of the same faces and seeds.

    Returns:
        face_id, split, label, score, seed.

    Raises:
        DataError: tables of other faces or seeds.
    """
    keys = ["face_id", "split", "label", "seed"]
    joined = tables[0][keys]
    total = np.zeros(len(joined))
    for table in tables:
        found = joined.merge(table[[*keys, "score"]], on=keys, how="left")["score"].to_numpy()
        if len(table) != len(joined) or len(found) != len(joined) or np.isnan(found).any():
            raise DataError(
                f"Scores of {len(table)} rows cannot be joined with scores of {len(joined)} rows: "
                "they are not of the same faces and seeds.",
                expected="the same faces, splits, labels and seeds in every table",
            )
        logits = clipped_logit(found, LOGIT_EDGE)
        total += logits / max(float(np.std(logits[(joined["split"] == "val").to_numpy()])), 1e-9)
    return joined.assign(score=expit(total / len(tables)))


def check_joined(joined: Mapping[str, Sequence[str]], titles: Sequence[str]) -> None:
    """Refuses, before anything is trained, what `join_variants` could not join afterwards.

    Args:
        joined: by title, the titles of the variants whose scores are to be joined.
        titles: of all variants.

    Raises:
        UsageError: a title that is a variant's already, or not two or more different variants.
    """
    for title, names in joined.items():
        if title in titles:
            raise UsageError(
                f"The joined scores are called {title!r}, as a variant is.",
                expected="a title of their own",
            )
        if not isinstance(names, list | tuple) or len(names) < 2 or len(set(names)) < len(names):
            raise UsageError(
                f"{title!r} joins {names!r}.", expected="a list of two or more different variants"
            )
        for name in names:
            if name not in titles:
                raise UsageError(
                    f"{title!r} joins {name!r}, which no variant is called.{nearest(name, titles)}",
                    expected="some of: " + ", ".join(titles),
                )


def _corrected(differences: Mapping[tuple[str, str], Difference]) -> dict:
    """Returns the differences with `adjusted`: Holm over all of them, and over nothing else."""
    corrected = holm([each.p for each in differences.values()])
    pairs = zip(differences.items(), corrected, strict=True)
    return {key: replace(each, adjusted=adjusted) for (key, each), adjusted in pairs}


def _measure(title, kind, table, faces, compared, resamples) -> Measured:
    rows, matrix = score_matrix(_rows(table, faces, "test"))
    held, held_scores = score_matrix(_rows(table, faces, "val"))
    given = (rows["label"], matrix, cluster_ids(rows), 0.5)
    found = bootstrap_metrics(*given, resamples=resamples, metrics=("auc",))["auc"]
    validation = bootstrap_metrics(
        held["label"], held_scores, None, 0.5, resamples=2, metrics=("auc",)
    )["auc"]
    same = len(matrix) > 1 and bool((matrix == matrix[0]).all())
    difference = compared.get((title, kind))
    return Measured(title, kind, validation.value, found, difference, len(matrix), same)


def _compare(whole, other, faces, resamples: int) -> Difference:
    rows, ours = score_matrix(_rows(whole, faces, "test"))
    _, theirs = score_matrix(_rows(other, faces, "test"))
    return compare_auc(rows["label"], ours, theirs, cluster_ids(rows), resamples=resamples)


def _rows(table: pd.DataFrame, faces: pd.DataFrame, split: str) -> pd.DataFrame:
    known = table[table["split"].isin(("val", "test"))]
    joined = attach_faces(known, faces[faces["split"].isin(("val", "test"))])
    return select_scores(joined, split, reason=REASON)
