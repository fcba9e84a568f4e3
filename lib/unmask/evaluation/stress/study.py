"""What the notebook needs around the tests: scores as they were stored, and scores elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from ..ledger import note_test_use
from ..members import Result
from ..scores import CLASS_NAMES
from .measure import measure, opposite

Scorer = Callable[[np.ndarray], np.ndarray]
REASON = "stress tests: nothing is chosen from them"
BATCH = 64
# Batches of another size round the last digits of float32 differently; more is another network.
SAME_SCORE = 1e-3


def stored_scores(result: Result, seed: int) -> pd.DataFrame:
    """Returns one training's stored scores of the test and unseen faces, with what is known."""
    rows = pd.concat([result.select(split, reason=REASON) for split in ("test", "unseen")])
    return rows[rows["seed"] == seed].reset_index(drop=True)


def note_uses(
    run_folder: str,
    faces: pd.DataFrame,
    results: Sequence[Result],
    left_out: Mapping[str, pd.DataFrame],
) -> list[str]:
    """Notes in the ledger that these members and trainings met the test faces here.

    A member's scores are those it was evaluated with, so they are no new look.

    Args:
        run_folder: of the run.
        faces: its faces table.
        results: the members under stress.
        left_out: for each generator left out the scores of the training without it.

    Returns:
        Notices for the reader, where the ledger could not be written.
    """
    uses = [
        (result.member["step"], result.name, pd.read_parquet(result.folder / "scores.parquet"))
        for result in results
    ]
    uses += [("stress", f"without {name}", scores) for name, scores in left_out.items()]
    notices = [
        note_test_use(run_folder, faces, name, "stress test", step=step, scores=scores)
        for step, name, scores in uses
    ]
    return list(filter(None, notices))


def score_faces(scorer: Scorer, pixels: np.ndarray, faces: pd.DataFrame) -> pd.DataFrame:
    """Returns `faces` with a column `score`.

    Args:
        scorer: from uint8 `[n, side, side, 3]` to P(fake) `[n]`.
        pixels: uint8 `[N, side, side, 3]`.
        faces: with `row`, the place in `pixels`.
    """
    rows = faces["row"].to_numpy()
    starts = range(0, len(rows), BATCH)
    parts = [scorer(np.asarray(pixels[rows[start : start + BATCH]])) for start in starts]
    return faces.assign(score=np.concatenate(parts) if parts else np.zeros(0))


def missing_class(faces: pd.DataFrame) -> str:
    """Returns why the test faces cannot be changed or attacked: a class is missing; "" if none."""
    missing = [
        name for label, name in enumerate(CLASS_NAMES) if not (faces["label"] == label).any()
    ]
    if not missing:
        return ""
    return (
        f"The test split holds no {' and no '.join(missing)} faces: no curves are drawn and no "
        "attack is tried, as both compare real faces with fakes."
    )


def check_parity(
    scorers: Mapping[str, Scorer],
    pixels: np.ndarray,
    faces: pd.DataFrame,
    stored: Mapping[str, pd.DataFrame],
) -> list[dict[str, str]]:
    """Returns a red alarm for each network that no longer gives the scores in its table.

    Args:
        scorers: every network's; each scores the unchanged `faces` once more.
        pixels, faces: see `score_faces`; the faces with their face_id, at least one.
        stored: for each network its stored scores.
    """
    alarms = []
    for network, scorer in scorers.items():
        ours = score_faces(scorer, pixels, faces).set_index("face_id")["score"]
        theirs = stored[network].set_index("face_id")["score"].loc[ours.index]
        gap = float(np.abs(ours - theirs).max())
        if gap > SAME_SCORE:
            sentence = f"The saved network {network} gives scores up to {gap:.3f} from its table's."
            fix = "run its step again: the network or the faces have changed since"
            name = "other scores than stored"
            alarms.append({"name": name, "light": "red", "sentence": sentence, "fix": fix})
    return alarms


def measure_reals(
    network: str,
    scorer: Scorer,
    threshold: float,
    name: str,
    pixels: np.ndarray,
    faces: pd.DataFrame,
) -> dict[str, object]:
    """Returns how many of a folder's real faces one network calls fake: `n`, `false_alarms`."""
    scored = score_faces(scorer, pixels, faces)
    accepted = measure(scored, threshold, resamples=1)["recall_real"]
    alarms = None if accepted is None else opposite(accepted)
    return {"network": network, "name": name, "n": len(scored), "false_alarms": alarms}
