"""What each ingredient of a recipe is worth: the recipe against itself without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from ..errors import DataError
from .calibration import clipped_logit
from .comparison import (
    Comparison,
    Difference,
    adjust,
    compare,
    format_difference,
    is_better,
    is_worse,
)
from .formats import format_interval
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
    """

    variant: str
    faces: str
    validation: float
    auc: Interval
    difference: Difference | None
    seeds: int

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
        corrected over all of them (Holm).

    Raises:
        DataError: tables of other faces, or test of one class.
    """
    whole, *rest = scores
    compared = adjust(
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
        if len(table) != len(joined):
            raise DataError(
                f"Scores of {len(table)} rows cannot be joined with scores of {len(joined)}.",
                expected="the same faces and seeds in every table",
            )
        found = joined.merge(table[[*keys, "score"]], on=keys, how="left")["score"].to_numpy()
        logits = clipped_logit(found, LOGIT_EDGE)
        total += logits / max(float(np.std(logits[(joined["split"] == "val").to_numpy()])), 1e-9)
    return joined.assign(score=expit(total / len(tables)))


def ablation_table(measured: Sequence[Measured], faces: str) -> pd.DataFrame:
    """Returns a row a variant on one kind of faces, all cells text."""
    rows = [
        {
            "variant": each.variant,
            "trainings": str(each.seeds),
            "validation AUC": f"{each.validation:.3f}",
            "test AUC": format_interval(each.auc, spread=True),
            "what the change costs": format_difference(each.difference) if each.difference else "",
            "beyond chance": _verdict(each.difference),
        }
        for each in measured
        if each.faces == faces
    ]
    return pd.DataFrame(rows)


def describe_ablation(measured: Sequence[Measured]) -> list[str]:
    """Returns what the recipe gets on each kind of faces, and what each change costs it."""
    told = []
    for kind in dict.fromkeys(each.faces for each in measured):
        own = [each for each in measured if each.faces == kind]
        whole, rest = own[0], own[1:]
        text = f"{whole.variant[0].upper()}{whole.variant[1:]} has AUC "
        text += f"{format_interval(whole.auc)} on test faces {kind}"
        worth = [each for each in rest if each.difference and is_better(each.difference)]
        harm = [each for each in rest if each.difference and is_worse(each.difference)]
        told.append(
            f"{text}; {_costs(worth, 'loses')}{_costs(harm, 'gains', -1)}".rstrip("; ") + "."
        )
    return told


def _costs(variants: Sequence[Measured], verb: str, sign: int = 1) -> str:
    ordered = sorted(variants, key=lambda each: -sign * each.difference.value)
    parts = [f"“{each.variant}” {verb} {sign * each.difference.value:.3f}" for each in ordered]
    return f"{', '.join(parts)}; " if parts else ""


def _verdict(difference: Difference | None) -> str:
    if difference is None:
        return ""
    return "yes" if is_better(difference) or is_worse(difference) else "no"


def _measure(title, kind, table, faces, compared, resamples) -> Measured:
    rows, matrix = score_matrix(_rows(table, faces, "test"))
    held, held_scores = score_matrix(_rows(table, faces, "val"))
    given = (rows["label"], matrix, cluster_ids(rows), 0.5)
    found = bootstrap_metrics(*given, resamples=resamples, metrics=("auc",))["auc"]
    validation = bootstrap_metrics(
        held["label"], held_scores, None, 0.5, resamples=2, metrics=("auc",)
    )["auc"]
    difference: Comparison | None = compared.get((title, kind))
    return Measured(
        title, kind, validation.value, found, difference and difference.auc, len(matrix)
    )


def _compare(whole, other, faces, resamples: int) -> Comparison:
    rows, ours = score_matrix(_rows(whole, faces, "test"))
    _, theirs = score_matrix(_rows(other, faces, "test"))
    return compare(rows["label"], ours, theirs, cluster_ids(rows), resamples=resamples)


def _rows(table: pd.DataFrame, faces: pd.DataFrame, split: str) -> pd.DataFrame:
    known = table[table["split"].isin(("val", "test"))]
    joined = attach_faces(known, faces[faces["split"].isin(("val", "test"))])
    return select_scores(joined, split, reason=REASON)
