"""What training against attacks bought: clean and robust accuracy side by side."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from .formats import format_percent
from .members import Result
from .scores import cluster_ids
from .stress.measure import share_interval

NAME = "attacked_scores.parquet"
REASON = "clean and robust accuracy of an adversarially trained detector"


def attacked_table(result: Result) -> pd.DataFrame:
    """Returns a row a split: accuracy on clean and on attacked faces, with 95% intervals.

    Each training is judged at its own threshold, chosen on clean validation faces. Empty for a
    detector that was not trained against attacks.
    """
    rows = [
        {
            "faces": f"{split}, {faces:,}",
            "right": format_percent(clean),
            "right when attacked": format_percent(robust),
        }
        for split, faces, clean, robust in _measured(result)
    ]
    return pd.DataFrame(rows)


def describe_attacked(result: Result) -> list[str]:
    """Returns the sentences on test faces, in a list that is empty without adversarial training."""
    return [
        f"Trained against changes of {result.member['adversarial']['budget']:g} of 255 grey "
        f"levels, it gets {format_percent(robust)} of {faces:,} attacked {split} faces right, and "
        f"{format_percent(clean)} of the same faces unattacked. {_which_attack(result)}"
        for split, faces, clean, robust in _measured(result)
        if split == "test"
    ]


def _which_attack(result: Result) -> str:
    """Returns how strong the attack of the test was beside that of training."""
    own = result.member["adversarial"]
    trained = own["steps"]
    steps = own.get("steps_of_the_test", trained)
    return (
        f"The attack is of the kind it was trained against (projected gradient descent, {steps} "
        f"steps; {trained} in training): another one may leave less."
    )


def _measured(result: Result) -> Iterator[tuple[str, int, dict, dict]]:
    """Yields split, faces, and the shares right on clean and on attacked faces."""
    if "adversarial" not in result.member:
        return
    attacked = pd.read_parquet(result.folder / NAME)
    cuts = result.metrics["threshold"]["by_seed"]
    for split in ("val", "test"):
        own = result.select(split, REASON)[["face_id", "seed", "label", "group", "file_id"]]
        rows = own.merge(attacked[["face_id", "seed", "score", "attacked_score"]])
        if rows.empty:
            continue
        limits = rows["seed"].map(lambda seed: cuts[str(seed)]).to_numpy()
        truth, clusters = rows["label"].to_numpy() == 1, cluster_ids(rows)
        clean, robust = (
            share_interval(((rows[name] >= limits) == truth).to_numpy(), clusters).as_dict()
            for name in ("score", "attacked_score")
        )
        yield split, int(rows["face_id"].nunique()), clean, robust
