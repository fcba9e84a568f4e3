"""How many faces a detector still gets right when somebody attacks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...runs import report_progress
from ..scores import cluster_ids
from .measure import share_interval

Scorer = Callable[[np.ndarray], np.ndarray]
Progress = Callable[[float, str], None]
BUDGETS = (1, 2, 4, 8)


@dataclass(frozen=True)
class AttackMethods:
    """The attacks as functions, so that this room needs no TensorFlow; see `attacks`.

    Attributes:
        attack: (gradient, faces, labels, budgets) to pictures by method and budget.
        control: (faces, budget) to pictures: as much noise, without aim.
    """

    attack: Callable[..., dict[str, dict[int, np.ndarray]]]
    control: Callable[..., np.ndarray]


def measure_attacks(
    scorers: Mapping[str, Scorer],
    gradients: Mapping[str, Callable],
    methods: AttackMethods,
    pictures: np.ndarray,
    faces: pd.DataFrame,
    thresholds: Mapping[str, float],
    *,
    budgets: Sequence[int] = BUDGETS,
    progress: Progress = report_progress,
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Attacks every network and scores the result with all of them.

    Args:
        scorers: each network's scores.
        gradients: each network's `attacks.logit_and_gradient`, under the same names.
        methods: the attacks.
        pictures: uint8 `[n, side, side, 3]`.
        faces: label, face_id and, where known, group and file_id, a row a picture.
        thresholds: of each network.
        budgets: whole grey levels, rising.
        progress: told a fraction 0 to 1 and a few words.

    Returns:
        Entries with `network` (who is asked), `source` (who was attacked; "" for the control),
        `method` ("clean", "noise", "fgsm", "pgd"), `budget`, and with their intervals `accuracy`
        (a face is right when its score is on the right side of the threshold), `recall_real` and
        `recall_fake` (None without faces of the class); and each source's PGD pictures of the
        largest budget. Nothing at all without pictures.
    """
    if not len(pictures):
        return [], {}
    labels = faces["label"].to_numpy()
    entries, worst = [], {}

    def ask(changed: np.ndarray, source: str, method: str, budget: int) -> None:
        for network, scorer in scorers.items():
            found = _accuracies(scorer(changed), faces, thresholds[network])
            about = {"network": network, "source": source, "method": method, "budget": budget}
            entries.append(about | found)

    ask(pictures, "", "clean", 0)
    for budget in budgets:
        ask(methods.control(pictures, budget), "", "noise", budget)
    for number, (source, gradient) in enumerate(gradients.items()):
        progress(number / len(gradients), f"attack on {source}")
        found = methods.attack(gradient, pictures, labels, budgets)
        for method, by_budget in found.items():
            for budget, changed in by_budget.items():
                ask(changed, source, method, budget)
        worst[source] = found["pgd"][budgets[-1]]
    return entries, worst


def examples(
    scorer: Scorer,
    pictures: np.ndarray,
    attacked: np.ndarray,
    labels: np.ndarray,
    threshold: float,
) -> tuple[list[int], list[tuple[float, float]]]:
    """Returns one real and one fake face to show, with their scores before and after the attack.

    The first that the attack turned from right to wrong; of a class where there is none, the first.
    """
    before, after = scorer(pictures), scorer(attacked)
    right, fooled = (before >= threshold) == labels, (after >= threshold) != labels
    places = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        turned = own[right[own] & fooled[own]]
        places.append(int(turned[0] if len(turned) else own[0]))
    return places, [(float(before[place]), float(after[place])) for place in places]


def attack_table(entries: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Returns `measure_attacks`' entries as a flat table, for CSV: a row an entry."""
    rows = []
    for entry in entries:
        row = {key: entry[key] for key in ("network", "source", "method", "budget")}
        for name in ("accuracy", "recall_real", "recall_fake"):
            known = entry[name] or {}
            row |= {f"{name}_{end}": known.get(end) for end in ("value", "low", "high")}
        rows.append(row)
    return pd.DataFrame(rows)


def _accuracies(scores: np.ndarray, faces: pd.DataFrame, threshold: float) -> dict[str, Any]:
    labels, clusters = faces["label"].to_numpy(), cluster_ids(faces)
    right = (scores >= threshold) == (labels == 1)
    parts = {"accuracy": labels >= 0, "recall_real": labels == 0, "recall_fake": labels == 1}
    return {
        name: share_interval(right[part], clusters[part]).as_dict() if part.any() else None
        for name, part in parts.items()
    }
